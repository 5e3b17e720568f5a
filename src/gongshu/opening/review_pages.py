"""The approver's pages: the queue with its clocks, a submission with its decision, and the emergency stop."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gongshu import deadlines
from gongshu.opening import queries, stops, submissions, terms
from gongshu.opening.differences import difference, is_public
from gongshu.opening.models import Decision, Stop, Submission
from gongshu.parties.models import Person
from gongshu.parties.permissions import check_may, may, organisations_where, person_of
from gongshu.tables.contract import load_contract
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs

LISTED = 50
State = Submission.State


@require_safe
@needs("submission.see")
def submission_list(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, the most urgent first; what was decided, the latest first."""
    person = person_of(request)
    check_may(person, "submission.see")
    seen = Submission.objects.select_related("organisation", "submitted_by", "version")
    where = organisations_where(person, "submission.see")
    if where is not None:
        seen = seen.filter(organisation__in=where)
    waiting = seen.filter(state__in=[*submissions.OPEN, State.PUBLISHING]).order_by("due_at")
    decided = seen.exclude(state__in=[*submissions.OPEN, State.PUBLISHING]).order_by("-submitted_at")
    page = Paginator(decided, LISTED).get_page(request.GET.get("page"))
    context = {
        "waiting": [_row(each, person) for each in waiting[:LISTED]],
        "page": page,
        "decided": [_row(each, person) for each in page],
    }
    return render(request, "opening/submissions.html", context)


@require_safe
@needs("submission.see")
def submission_page(request: HttpRequest, submission_id: str) -> HttpResponse:
    """One submission: what changes for the public, how safe it is, and the decision."""
    return _page(request, _found(request, submission_id))


@require_POST
@needs("submission.decide")
def decide(request: HttpRequest, submission_id: str) -> HttpResponse:
    """Approve or return, with the reason; a decision that is refused says why on the page, with what was written kept."""
    row, person = _found(request, submission_id), person_of(request)
    check_may(person, submissions.NEEDED.get(State(row.state), "submission.decide"), row.organisation)
    choice = request.POST.get("choice", "")
    if choice not in Decision.Choice.values:
        return _page(request, row, error=_("请选择同意或退回"))
    try:
        done = submissions.decide(person, row, Decision.Choice(choice), request.POST.get("reason", ""))
    except TableError as error:
        row.refresh_from_db()
        return _page(request, row, error=words.message_of(error))
    messages.success(request, _decided(done))
    after = next((each for each in _mine(person) if each.pk != row.pk), None)
    return redirect("submission", after.pk) if after else redirect("submissions")


@require_POST
@needs("submission.make")
def take_back(request: HttpRequest, submission_id: str) -> HttpResponse:
    """The steward takes it back before it is decided."""
    row = _found(request, submission_id)
    try:
        submissions.take_back(person_of(request), row)
    except TableError as error:
        return _page(request, row, error=words.message_of(error))
    messages.success(request, _("已撤回送审，工作稿可以继续改"))
    return redirect("submission", row.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("dataset.stop")
def stop_page(request: HttpRequest) -> HttpResponse:
    """Stop a dataset in one action; what is stopped, and its return by a second person."""
    person = person_of(request)
    check_may(person, "dataset.stop")
    name, error = request.POST.get("dataset", request.GET.get("dataset", "")).strip(), ""
    if request.method == "POST":
        act = stops.restore if request.POST.get("act") == "restore" else stops.stop
        try:
            act(person, name, request.POST.get("reason", ""))
        except TableError as problem:
            error = words.message_of(problem)
        except PermissionDenied:
            if not may(person, "dataset.restore"):
                raise
            error = _("停止它的人不能自己恢复：请由另一位平台运营或安全员来恢复")
        else:
            messages.success(
                request, _("已恢复提供") if act is stops.restore else _("已停止：页面、文件与接口都不再给出它的内容")
            )
            return redirect("stops")
    context = {
        "error": error,
        "name": name,
        "reason": request.POST.get("reason", ""),
        "datasets": queries.visible().order_by("name").values_list("name", "title"),
        "stopped": Stop.objects.filter(lifted_at=None).select_related("dataset"),
        "past": Stop.objects.exclude(lifted_at=None).select_related("dataset")[:LISTED],
        "me": person.actor_id,
    }
    return render(request, "opening/stops.html", context, status=400 if error else 200)


def _found(request: HttpRequest, submission_id: str) -> Submission:
    row = get_object_or_404(
        Submission.objects.select_related(
            "organisation", "draft__upload", "resource", "submitted_by", "base", "version"
        ),
        pk=submission_id,
    )
    check_may(person_of(request), "submission.see", row.organisation)
    return row


def _page(request: HttpRequest, row: Submission, error: str = "") -> HttpResponse:
    person, contract = person_of(request), load_contract(row.contract)
    before = load_contract(row.base.contract) if row.base else None
    mine = _mine(person)
    place = next((n for n, each in enumerate(mine, 1) if each.pk == row.pk), 0)
    limit = deadlines.limit("opening", row.state) if row.state in submissions.OPEN else None
    context = {
        **_row(row, person),
        "error": error,
        "contract": contract,
        "difference": difference(before, contract, row.draft.fields),
        "open_types": words.OPEN_TYPES,
        "public": [field for field in contract.fields if is_public(field)],
        "hidden": [field for field in contract.fields if not is_public(field)],
        "accepted": row.draft.accepted.values(),
        "decisions": row.decisions.select_related("by"),
        "may_decide": _may_decide(person, row),
        "own": person.pk in submissions.own_workers(row),
        "may_take_back": row.state in submissions.OPEN and may(person, "submission.make", row.organisation),
        "place": place,
        "of": len(mine),
        "limit": limit and (limit.en if words.english() else limit.zh),
        "limit_source": limit and limit.source,
        "reason": request.POST.get("reason", ""),
        "choice": request.POST.get("choice", Decision.Choice.APPROVE),
        "next_step": _("同意，送平台复核") if row.first and row.state == State.DEPARTMENT else _("同意，发布"),
        "frequency": terms.frequency(contract.update_frequency),
    }
    return render(request, "opening/submission.html", context, status=400 if error else 200)


def _row(row: Submission, person: Person) -> dict[str, Any]:
    contract = load_contract(row.contract)
    number = row.version.number if row.version else (row.base.number + 1 if row.base else 1)
    return {
        "row": row,
        "title": contract.title,
        "number": number,
        "clock": deadlines.reading(row.step_since, row.due_at) if row.state in submissions.OPEN else None,
        "mine": _may_decide(person, row),
    }


def _may_decide(person: Person, row: Submission) -> bool:
    """Whether this person may decide the present step: the right, and no part in the work."""
    needed = submissions.NEEDED.get(State(row.state))
    return bool(needed and may(person, needed, row.organisation) and person.pk not in submissions.own_workers(row))


def _mine(person: Person) -> list[Submission]:
    """What waits for this person's decision, the most urgent first."""
    found = Submission.objects.filter(state__in=submissions.OPEN).select_related("organisation", "draft__upload")
    return [each for each in found.order_by("due_at") if _may_decide(person, each)]


def _decided(row: Submission) -> str:
    if row.state == State.PLATFORM:
        return _("已同意，送平台复核")
    return _("已同意，正在发布") if row.state == State.PUBLISHING else _("已退回，责任人会看到理由")
