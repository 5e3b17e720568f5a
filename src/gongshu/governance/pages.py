"""The inspection page of a draft: what a file holds, what a person must say of it, what is wrong with it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gongshu.gathering.models import Upload
from gongshu.governance import cells, decisions, patching
from gongshu.governance.actions import begin
from gongshu.governance.columns import columns_of, impact_of, semantic_choices, widest_open_type
from gongshu.governance.decisions import Judgement
from gongshu.governance.facts import facts_of, finding_list, odd_rules
from gongshu.governance.flow import draft_steps, undecided
from gongshu.governance.inspected import Inspected, inspected
from gongshu.governance.models import Draft
from gongshu.governance.queries import contract_before, contract_of
from gongshu.governance.rows_view import cell_now, finding_rows
from gongshu.oversight import access
from gongshu.parties.permissions import check_may, may, person_of
from gongshu.rulebooks import rulebook
from gongshu.tables.classify import IMPACT
from gongshu.tables.contract import OPEN_TYPES, SUBJECTS
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs

LISTED = 20


@require_POST
@needs("draft.edit")
def begin_draft(request: HttpRequest, upload_id: str) -> HttpResponse:
    """A draft of one table of an inspected upload, then its page."""
    upload = get_object_or_404(Upload.objects.select_related("resource__organisation"), pk=upload_id)
    check_may(person_of(request), "draft.edit", upload.resource.organisation)
    table = _number(request.POST.get("table", "0"))
    try:
        if inspected(upload, table) is None:
            raise TableError("upload_not_ready", "文件还没有检视完")
        draft = begin(person_of(request), upload, table, contract_before(upload.resource))
    except TableError as error:
        messages.error(request, words.message_of(error))
        return redirect("upload", upload.pk)
    return redirect("draft", draft.pk)


@require_safe
@needs("resource.see")
def draft_page(request: HttpRequest, draft_id: str) -> HttpResponse:
    """The page: columns, findings, the rows of the chosen finding."""
    return _page(request, found_draft(request, draft_id))


@require_POST
@needs("draft.edit")
def confirm_fields(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Confirm every proposal."""
    draft = editable_draft(request, draft_id)
    try:
        row = decisions.confirm_fields(person_of(request), draft, edition_of(request))
    except TableError as error:
        return _page(request, _again(draft), error=words.message_of(error))
    left = len(undecided(row, contract_of(row)))
    said = _("提议已确认，还有 %(n)s 列要你判断") % {"n": left} if left else _("每一列都有了判断，可以选择保护方式")
    messages.success(request, said)
    return redirect("draft", draft.pk)


@require_POST
@needs("draft.edit")
def answer_field(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Answer the question of one column; ``answer`` is ``<number>:<type>``."""
    draft = editable_draft(request, draft_id)
    number, _colon, value = request.POST.get("answer", "").partition(":")
    try:
        decisions.answer(person_of(request), draft, edition_of(request), _number(number), value)
    except TableError as error:
        return _page(request, _again(draft), error=words.message_of(error))
    return redirect(f"{reverse('draft', args=[draft.pk])}#columns")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("draft.edit")
def override_field(request: HttpRequest, draft_id: str, number: int) -> HttpResponse:
    """One column: what it was taken for, and the form that judges it otherwise."""
    draft, error = found_draft(request, draft_id), ""
    check_may(person_of(request), "draft.edit", draft.resource.organisation)
    said = request.POST or request.GET  # an answer that needs a reason comes with its type
    book = rulebook(IMPACT)
    given = {name: said.get(f"impact-{name}", "") for name in book["objects"]}
    impact = {name: degree for name, degree in given.items() if degree in book["degrees"]}
    if request.method == "POST" and said.get("act") != "grade":
        judgement = Judgement(
            semantic_type=said.get("semantic_type", ""),
            level=_number(said.get("level", "")),
            open_type=said.get("open_type", ""),
            subject=said.get("subject", ""),
            reason=said.get("reason", ""),
            beyond="beyond" in said,
            impact=impact,
        )
        try:
            decisions.override_field(person_of(request), draft, edition_of(request), number, judgement)
        except TableError as problem:
            error, draft = words.message_of(problem), _again(draft)
        else:
            messages.success(request, _("已改判，理由会给审核人看"))
            return redirect(f"{reverse('draft', args=[draft.pk])}#columns")
    contract = contract_of(draft)
    try:
        one = decisions.field_at(contract, number)
    except TableError:
        return redirect("draft", draft.pk)
    document = inspected(draft.upload, draft.table)
    column = next(each for each in columns_of(draft, contract, document, True).proposed if each.number == number)
    graded = impact_of(impact) if impact else None
    level, open_type = said.get("level", str(one.level or "")), said.get("open_type", one.open_type or "")
    if graded and said.get("act") == "grade":
        level = str(graded.level)
        open_type = max(open_type or "unconditional", widest_open_type(graded.level), key=OPEN_TYPES.index)
    context = {
        "draft": draft,
        "column": column,
        "error": error,
        "types": semantic_choices(),
        "levels": [(level, words.OPEN_TYPES[widest_open_type(level)]) for level in range(1, 7)],
        "open_types": words.OPEN_TYPES,
        "subjects": [(key, words.SUBJECTS[key]) for key in SUBJECTS],
        "degrees": [(key, words.local(entry, "title")) for key, entry in book["degrees"].items()],
        "objects": [
            (key, words.local(entry, "title"), impact.get(key, ""), entry["levels"])
            for key, entry in book["objects"].items()
        ],
        "graded": graded,
        "said": {
            "semantic_type": said.get("semantic_type", one.semantic_type or "none"),
            "level": level,
            "open_type": open_type,
            "subject": said.get("subject", one.subject or ""),
            "reason": said.get("reason", ""),
            "beyond": "beyond" in said,
        },
    }
    return render(request, "governance/field.html", context, status=400 if error else 200)


@require_POST
@needs("draft.edit")
def patch_cell(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Correct one cell."""
    draft, said = editable_draft(request, draft_id), request.POST
    row = _number(said.get("row", ""))
    correction = patching.Correction(row, said.get("column", ""), said.get("seen", ""), said.get("value", ""))
    try:
        patching.patch_cells(person_of(request), draft, edition_of(request), [correction], said.get("reason", ""))
    except TableError as error:
        return _page(request, _again(draft), error=words.message_of(error))
    messages.success(request, _("已改正第 %(row)s 行，原值留着，随时可撤销") % {"row": row})
    return redirect(_at_finding(draft, said.get("finding", ""), said.get("page", "")))


@require_POST
@needs("draft.edit")
def apply_repairs(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Correct every cell of a finding whose check digit says what was meant."""
    draft, key = editable_draft(request, draft_id), request.POST.get("finding", "")
    document = inspected(draft.upload, draft.table)
    try:
        if document is None or key not in document.findings:
            raise TableError("finding_unknown", "这份工作稿没有这个问题，它可能已经随新文件消失")
        found = patching.repairs(draft, document, document.findings[key])
        if not found:
            raise TableError("nothing_to_repair", "没有能按校验位推回的值")
        reason = _("按校验位推回：形近的字母与数字混用")
        patching.patch_cells(person_of(request), draft, edition_of(request), found, reason)
    except TableError as error:
        return _page(request, _again(draft), error=words.message_of(error))
    messages.success(request, _("已按校验位改正 %(n)s 处，原值留着，随时可撤销") % {"n": len(found)})
    return redirect(_at_finding(draft, key))


@require_POST
@needs("draft.edit")
def undo_patch(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Take one correction back, or all of them (``patch`` is its number, or ``all``)."""
    draft, wanted = editable_draft(request, draft_id), request.POST.get("patch", "")
    everything = draft.patches.filter(undone_at=None).values_list("pk", flat=True)
    try:
        chosen = list(everything) if wanted == "all" else [_number(wanted)]
        patching.undo_patches(person_of(request), draft, edition_of(request), chosen)
    except TableError as error:
        return _page(request, _again(draft), error=words.message_of(error))
    messages.success(request, _("已撤销 %(n)s 处改正") % {"n": len(chosen)})
    return redirect(_at_finding(draft, request.POST.get("finding", "")))


@require_POST
@needs("draft.edit")
def accept_finding(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Accept a finding with a reason, or take that back (``reopen``)."""
    draft, said = editable_draft(request, draft_id), request.POST
    key = said.get("finding", "")
    try:
        if "reopen" in said:
            decisions.reopen_finding(person_of(request), draft, edition_of(request), key)
        else:
            decisions.accept_finding(person_of(request), draft, edition_of(request), key, said.get("reason", ""))
    except TableError as error:
        return _page(request, _again(draft), error=words.message_of(error))
    messages.success(request, _("已收回接受") if "reopen" in said else _("已接受，理由会给审核人看"))
    return redirect(_at_finding(draft, key))


def found_draft(request: HttpRequest, draft_id: str) -> Draft:
    """The draft, for somebody who may see its resource."""
    draft = get_object_or_404(
        Draft.objects.select_related("resource__organisation", "resource__system", "upload__resource", "edited_by"),
        pk=draft_id,
    )
    check_may(person_of(request), "resource.see", draft.resource.organisation)
    return draft


def editable_draft(request: HttpRequest, draft_id: str) -> Draft:
    """The draft, for somebody who may change it: the right is asked for before what was typed is looked at."""
    draft = found_draft(request, draft_id)
    check_may(person_of(request), "draft.edit", draft.resource.organisation)
    return draft


def edition_of(request: HttpRequest) -> int:
    """The edition that the author of a form saw."""
    return _number(request.POST.get("edition", ""))


def _number(text: str) -> int:
    """A number of a form; -1, which nothing has, for anything else."""
    return int(text) if text.isdecimal() and len(text) < 16 else -1


def _again(draft: Draft) -> Draft:
    """The draft as it is now, for the page that says why nothing was saved."""
    draft.refresh_from_db()
    return draft


def _at_finding(draft: Draft, key: str, page: str = "") -> str:
    query = {name: value for name, value in (("finding", key), ("page", page)) if value}
    place = f"?{urlencode(query)}#rows" if key else "#patches"
    return reverse("draft", args=[draft.pk]) + place


def _page(request: HttpRequest, draft: Draft, error: str = "") -> HttpResponse:
    person, contract = person_of(request), contract_of(draft)
    organisation = draft.resource.organisation
    document = inspected(draft.upload, draft.table)
    said = request.POST if request.method == "POST" else request.GET
    key, values = said.get("finding", ""), may(person, "upload.see", organisation)
    editing = draft.state == Draft.State.EDITING
    may_edit = editing and may(person, "draft.edit", organisation)
    context: dict[str, Any] = {
        "draft": draft,
        "contract": contract,
        "error": error,
        "said": said,
        "may_edit": may_edit,
        "may_see": values,
        "document": document,
        "steps": draft_steps(draft, contract, document, "classify"),
        "columns": columns_of(draft, contract, document, said.get("order") == "file"),
        "in_file_order": said.get("order") == "file",
        "patches": Paginator(
            draft.patches.filter(undone_at=None).select_related("by") if values else draft.patches.none(), LISTED
        ).get_page(said.get("patches")),
        "undecided": undecided(draft, contract),
    }
    if document is not None:
        findings = finding_list(draft, document)
        key = key or next((one.key for one in findings if one.rows_total and not one.accepted), "")
        context |= {
            "facts": facts_of(draft, document),
            "findings": Paginator(findings, LISTED).get_page(said.get("findings")),
            "places": sum(one.rows_total for one in findings),
            "quarantined": Paginator(document.table["quarantined"], 8).get_page(said.get("quarantine")),
            "risk": document.table["risk"],
            "odd_rules": odd_rules(draft),
        }
        context |= _rows(request, draft, document, key, values)
    return render(request, "governance/draft.html", context, status=400 if error else 200)


def _rows(request: HttpRequest, draft: Draft, document: Inspected, key: str, values: bool) -> dict[str, Any]:
    """The rows of the chosen finding, and the cell that is being corrected; each reading of values is an event."""
    said = request.POST if request.method == "POST" else request.GET
    try:
        found = finding_rows(draft, document, key, said.get("page"), values)
        row, column = _number(said.get("row", "")), said.get("column", "")
        cell: dict[str, Any] | None = None
        if values and row > 0 and column:
            there, now = cell_now(draft, document, row, column)
            if there:
                cell = {"row": row, "column": column, "value": now, "seen": cells.fingerprint(now)}
    except TableError as error:
        return {"error": words.message_of(error)}
    if values and (found or cell):
        by = person_of(request).actor_id
        access.record("upload.see", f"upload:{draft.upload_id}", by=by, rule=key.partition("|")[0])
    return {"rows": found, "cell": cell, "accepted": draft.accepted.get(key)}
