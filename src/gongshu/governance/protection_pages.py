"""The steward's pages after the inspection: choose protections and see what the public gets; write what readers need."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from gongshu.governance import checking, describing, figures, preview, protecting
from gongshu.governance.actions import change
from gongshu.governance.columns import semantic_title
from gongshu.governance.flow import draft_steps
from gongshu.governance.inspected import inspected
from gongshu.governance.models import Draft
from gongshu.governance.sample import sample
from gongshu.jobs.models import Job
from gongshu.oversight import access
from gongshu.parties.permissions import check_may, may, person_of
from gongshu.tables.contract import Contract, Protection, load_contract
from gongshu.tables.errors import TableError
from gongshu.tables.identifiers import beyond_limits
from gongshu.web import words
from gongshu.web.access import needs


@require_http_methods(["GET", "HEAD", "POST"])
@needs("upload.see")
def protect_page(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Every column's protection, the table before and after side by side, the risk, the loss, and other ways."""
    draft, error = _found(request, draft_id), ""
    if request.method == "POST":
        try:
            _save(request, draft)
        except TableError as problem:
            error = words.message_of(problem)
            draft.refresh_from_db()
        else:
            return redirect("protect", draft.id)
    return _page(request, draft, error)


@require_POST
@needs("draft.edit")
def preview_again(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Compute once more what was cancelled or failed."""
    draft = _found(request, draft_id)
    checking.again(person_of(request), draft)
    return redirect("protect", draft.id)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("upload.see")
def describe_page(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Title, summary, topic, licence and the dictionary, each proposed with its source."""
    draft, error = _found(request, draft_id), ""
    contract = load_contract(draft.contract)
    form = describing.proposed(draft, contract)
    if request.method == "POST":
        form = describing.typed(request.POST, contract, form)
        try:
            describing.check(form)
            saved = change(
                person_of(request), draft, _edition(request), "describe", lambda row, made: describing.write(form, made)
            )
            checking.ensure(saved)
        except TableError as problem:
            error = words.message_of(problem)
        else:
            messages.success(request, _("说明已保存"))
            return redirect("submit" if request.POST.get("then") == "submit" else "describe", draft.id)
    context = {
        **_shared(request, draft, "describe"),
        "error": error,
        "form": form,
        "contract": contract,
        "topics": describing.terms("topics"),
        "licences": describing.terms("licences"),
        "systems": describing.SYSTEMS.items() if describing.has_places(contract) else (),
        "frequency": describing.frequency(draft.resource.update_frequency),
    }
    return render(request, "governance/describe.html", context, status=400 if error else 200)


def _found(request: HttpRequest, draft_id: str) -> Draft:
    found = Draft.objects.select_related("resource__organisation", "upload", "edited_by")
    draft = get_object_or_404(found, pk=draft_id)
    check_may(person_of(request), "upload.see", draft.resource.organisation)
    return draft


def _edition(request: HttpRequest) -> int:
    given = request.POST.get("edition", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else -1


def _save(request: HttpRequest, draft: Draft) -> None:
    ranges, act = protecting.ranges(draft), request.POST.get("act", "choose")
    document = preview.read(draft) if act.startswith("way-") else None

    def make(row: Draft, contract: Contract) -> None:
        if act == "adopt":
            protecting.adopt(contract, *protecting.proposals(contract, ranges))
        elif document is not None:
            protecting.adopt(contract, *_way(document, act.removeprefix("way-")))
        else:
            chosen = {field.name: request.POST.get(f"way-{n}", "") for n, field in enumerate(contract.fields)}
            share = request.POST.get("share", "")
            drawn = next((one for one in protecting.SHARES if str(one) == share), None)
            if share == str(contract.sample_share):  # one that was written into the contract by hand stays
                drawn = contract.sample_share
            protecting.choose(contract, chosen, ranges, "suppress" in request.POST, drawn)

    check_may(person_of(request), "draft.edit", draft.resource.organisation)
    saved = change(person_of(request), draft, _edition(request), "protect", make)
    checking.ensure(saved)
    messages.success(request, _("保护的选择已保存"))


def _way(document: dict[str, Any], number: str) -> tuple[dict[str, Protection], bool]:
    ways = document["variants"]
    chosen = ways[int(number)] if number.isascii() and number.isdigit() and int(number) < len(ways) else ways[0]
    changes = {name: Protection(each["method"], each["params"]) for name, each in chosen["changes"].items()}
    return changes, bool(chosen["suppress"])


def _page(request: HttpRequest, draft: Draft, error: str) -> HttpResponse:
    contract, person = load_contract(draft.contract), person_of(request)
    job = checking.ensure(draft)
    document = preview.read(draft)
    plain = "plain" in request.GET
    if plain and document:
        access.record("upload.see", f"draft:{draft.id}", person=person.actor_id, edition=draft.edition)
    number = request.GET.get("set", "0")
    ranges = protecting.ranges(draft)
    proposed, suppress = protecting.proposals(contract, ranges)
    context = {
        **_shared(request, draft, "protect"),
        "error": error,
        "contract": contract,
        "columns": [
            {
                "field": field,
                "number": n,
                "type": semantic_title(field.semantic_type)
                if field.semantic_type
                else words.STORAGE.get(field.storage_type),
                "choices": [
                    {
                        "code": protecting.code(each),
                        "name": words.protection({"protection": vars(each)}) or words.PROTECTIONS["keep"],
                        "chosen": each == field.protection,
                        "proposed": each == proposed[field.name],
                    }
                    for each in _with_own(protecting.choices(field, ranges.get(field.name)), field.protection)
                ],
                "refused": field.protection.method == "keep" and field.open_type != "unconditional",
            }
            for n, field in enumerate(contract.fields)
        ],
        "as_proposed": suppress == contract.suppress_small_groups
        and all(field.protection == proposed[field.name] for field in contract.fields),
        "blocked": sum(f.protection.method == "keep" and f.open_type != "unconditional" for f in contract.fields),
        "shares": sorted({*protecting.SHARES, contract.sample_share or 0.5}, reverse=True),
        "threshold": figures.threshold(),
        "running": job is not None and job.state in checking.OPEN,
        "job": job,
        "step": figures.STEPS.get(job.step, "") if job else "",
        "job_error": job and (job.error.get("message_en" if words.english() else "message") or ""),
        "cancelled": job is not None and job.state == Job.State.CANCELLED,
    }
    if document:
        checked = draft.checked
        context |= {
            "checked": checked,
            "sample": sample(
                document, int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0, plain
            ),
            "groups": figures.groups(checked["risk"]),
            "lost": figures.losses(checked, document["means"]),
            "cost": figures.cost(checked),
            "ways": figures.ways(document["variants"], contract),
            "risk": checked["risk"],
            "refused": beyond_limits(checked["risk"]["after"]),
            "limits": figures.limits_in_words(checked["risk"]["after"]),
        }
    response = render(request, "governance/protect.html", context, status=400 if error else 200)
    response["Cache-Control"] = "no-store"  # data values
    return response


def _with_own(options: list[Protection], own: Protection) -> list[Protection]:
    """The present protection first when it is none of those that may be chosen."""
    return options if own in options else [own, *options]


def _shared(request: HttpRequest, draft: Draft, stage: str) -> dict[str, Any]:
    person = person_of(request)
    editable = draft.state == Draft.State.EDITING and may(person, "draft.edit", draft.resource.organisation)
    contract, found = load_contract(draft.contract), inspected(draft.upload, draft.table)
    steps = draft_steps(draft, contract, found, {"protect": "protect", "describe": "release"}[stage])
    return {"draft": draft, "resource": draft.resource, "stage": stage, "editable": editable, "steps": steps}
