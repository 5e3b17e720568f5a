"""The steward's last page: what will be public, what is still open, and the submission."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gongshu.governance import checking
from gongshu.governance.flow import draft_steps
from gongshu.governance.inspected import inspected
from gongshu.governance.models import Draft
from gongshu.opening import policies, submissions, terms
from gongshu.opening.differences import is_public
from gongshu.opening.models import Dataset, Submission
from gongshu.parties.models import Organisation, Person
from gongshu.parties.permissions import check_may, may, people_who_may, person_of
from gongshu.tables.contract import Contract, load_contract
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs


@require_http_methods(["GET", "HEAD", "POST"])
@needs("submission.make")
def submit_page(request: HttpRequest, draft_id: str) -> HttpResponse:
    """What the public gets, every open point with where it is mended, and the button that submits."""
    found = Draft.objects.select_related("resource__organisation", "upload", "edited_by")
    draft = get_object_or_404(found, pk=draft_id)
    person = person_of(request)
    check_may(person, "submission.make", draft.resource.organisation)
    error = ""
    if request.method == "POST":
        edition = request.POST.get("edition", "")
        try:
            number = int(edition) if edition.isascii() and edition.isdigit() and len(edition) < 10 else -1
            made = submissions.submit(person, draft, number, request.POST.get("note", ""))
        except TableError as problem:
            error = words.message_of(problem)
            draft.refresh_from_db()
        else:
            messages.success(request, _("已送审，审核人已收到通知"))
            return redirect("submission", made.id)
    return _page(request, draft, person, error)


def _page(request: HttpRequest, draft: Draft, person: Person, error: str) -> HttpResponse:
    job = checking.ensure(draft)
    running = job is not None and job.state in checking.OPEN
    contract = load_contract(draft.contract)
    contract.provider = draft.resource.organisation.name
    points = [] if draft.state != Draft.State.EDITING else _points(draft, contract)
    given = draft.resource.organisation.kind == Organisation.Kind.SOCIETY
    needed = submissions.NEEDED[Submission.State.PLATFORM if given else Submission.State.DEPARTMENT]
    approvers = [one for one in people_who_may(needed, draft.resource.organisation) if one != person]
    context = {
        "draft": draft,
        "resource": draft.resource,
        "stage": "submit",
        "steps": draft_steps(draft, contract, inspected(draft.upload, draft.table), "release"),
        "error": error,
        "contract": contract,
        "public": [field for field in contract.fields if is_public(field)],
        "hidden": [field for field in contract.fields if not is_public(field)],
        "checked": draft.checked if draft.checked_edition == draft.edition else None,
        "licence": terms.licence(contract.licence or terms.default_licence()),
        "topic": terms.topic(contract.topic or terms.default_topic()),
        "frequency": terms.frequency(draft.resource.update_frequency),
        "number": _number(draft),
        "points": points,
        "running": running,
        "job": job,
        "ready": draft.state == Draft.State.EDITING and not points,
        "submission": Submission.objects.filter(draft=draft).order_by("-submitted_at").first(),
        "approvers": approvers,
        "given": given,
        "may_see": may(person, "upload.see", draft.resource.organisation),
        "note": request.POST.get("note", ""),
    }
    return render(request, "opening/submit.html", context, status=400 if error else 200)


def _points(draft: Draft, contract: Contract) -> list[dict[str, Any]]:
    """The open points in words, each with the page on which it is mended; those of the same kind and page together."""
    found: dict[tuple[str, str], list[TableError]] = {}
    for point in policies.open_points(draft, contract):
        found.setdefault((point.page, point.error.code), []).append(point.error)
    return [
        {
            "message": words.message_of(errors[0])
            if len(errors) == 1
            else _("%(first)s（连同另外 %(n)s 处）") % {"first": words.message_of(errors[0]), "n": len(errors) - 1},
            "url": _url(page, draft),
            "where": {"draft": _("去确认"), "protect": _("去选保护"), "describe": _("去写说明")}[page],
            "waits": code == "preview_missing",
        }
        for (page, code), errors in found.items()
    ]


def _url(page: str, draft: Draft) -> str:
    try:
        return reverse(page, args=[draft.id])
    except NoReverseMatch:
        return reverse("workbench")


def _number(draft: Draft) -> int:
    dataset = Dataset.objects.filter(name=draft.resource.slug).first()
    last = dataset.versions.order_by("-number").first() if dataset else None
    return last.number + 1 if last else 1
