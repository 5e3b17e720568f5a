"""The desk: what waits for an answer with its clock, for the organisations and the platform; complaints apart."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case as Choose
from django.db.models import IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.feedback import cases, matching
from gongshu.feedback.models import Case
from gongshu.feedback.permissions import can_answer, check_can_answer, check_can_see, visible_to
from gongshu.feedback.policies import OPEN, PUBLIC_KINDS
from gongshu.parties.models import Organisation
from gongshu.parties.permissions import check_may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs

LISTED = 50
DESK_KINDS = [(value, label) for value, label in Case.Kind.choices if value != Case.Kind.COMPLAINT]


@require_safe
@needs("case.see")
def case_list(request: HttpRequest) -> HttpResponse:
    """Cases that I may see, those that wait for an answer first, by their deadlines."""
    check_may(person_of(request), "case.see")
    return _list(request, complaints=False)


@require_safe
@needs("complaint.handle")
def complaint_list(request: HttpRequest) -> HttpResponse:
    """Complaints that I may handle."""
    check_may(person_of(request), "complaint.handle")
    return _list(request, complaints=True)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("case.see")
def case_page(request: HttpRequest, number: str) -> HttpResponse:
    """One case: what was asked, the clock, and what can be done with it."""
    row = get_object_or_404(_found().exclude(kind=Case.Kind.COMPLAINT), number=number)
    return _page(request, row)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("complaint.handle")
def complaint_page(request: HttpRequest, number: str) -> HttpResponse:
    """One complaint."""
    row = get_object_or_404(_found().filter(kind=Case.Kind.COMPLAINT), number=number)
    return _page(request, row)


def _list(request: HttpRequest, *, complaints: bool) -> HttpResponse:
    seen = visible_to(person_of(request), complaints)
    state, kind, place = (request.GET.get(name, "") for name in ("state", "kind", "place"))
    if state in Case.State.values:
        seen = seen.filter(state=state)
    if kind in Case.Kind.values:
        seen = seen.filter(kind=kind)
    if place == "none":
        seen = seen.filter(organisation=None)
    first = Choose(When(state__in=OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    ordered = seen.order_by(first, "due_at", "-pk")
    page = Paginator(ordered, LISTED).get_page(request.GET.get("page"))
    context = {
        "complaints": complaints,
        "page": page,
        "rows": [{"row": row, "clock": _clock(row)} for row in page],
        "states": Case.State.choices,
        "state": state,
        "kinds": DESK_KINDS,
        "kind": kind,
        "place": place,
    }
    return render(request, "feedback/cases.html", context)


def _page(request: HttpRequest, row: Case) -> HttpResponse:
    person, error = person_of(request), ""
    check_can_see(person, row)
    if request.method == "POST":
        check_can_answer(person, row)
        try:
            said = _act(request, row)
        except TableError as wrong:
            error = words.message_of(wrong)
            row.refresh_from_db()
        else:
            messages.success(request, said)
            back = "complaint" if row.kind == Case.Kind.COMPLAINT else "case"
            row.refresh_from_db()
            return redirect(back, row.number) if _still_sees(request, row) else redirect("cases")
    demand = row.kind == Case.Kind.DEMAND
    matches = matching.matches(row.title) if demand and row.state in OPEN else []
    proposed = matching.proposed(f"{row.title} {row.text}") if demand and row.organisation is None else None
    context: dict[str, Any] = {
        "row": row,
        "steps": row.steps.select_related("organisation", "by"),
        "clock": _clock(row),
        "limit": deadlines.limit(row.kind, "answer"),
        "error": error,
        "typed": request.POST,
        "open": row.state in OPEN,
        "may_answer": can_answer(person, row),
        "may_route": row.state in OPEN and row.kind not in (Case.Kind.COMPLAINT, Case.Kind.QUESTION),
        "public_kind": row.kind in PUBLIC_KINDS,
        "places": [one for one in matching.answering() if one != row.organisation],
        "proposed": proposed,
        "matches": matches,
        "outcomes": [one for one in Case.Outcome.choices if demand or one[0] != Case.Outcome.MET],
    }
    return render(request, "feedback/case.html", context, status=400 if error else 200)


def _act(request: HttpRequest, row: Case) -> str:
    """What the form asks for; returns what to say of it."""
    person, typed, act = person_of(request), request.POST, request.POST.get("act", "")
    if act == "accept":
        cases.accept(person, row)
        return _("已受理")
    if act == "answer":
        cases.answer(
            person,
            row,
            typed.get("answer", ""),
            outcome=typed.get("outcome", "answered"),
            meets=typed.get("meets", ""),
            shown="shown" in typed,
        )
        return _("已答复，提出人会看到")
    if act == "route":
        code = typed.get("place", "")
        place = Organisation.objects.filter(code=code).first()
        if place is None and code != "platform":
            raise TableError("place_wrong", "请选择另一个办理机构")
        cases.route(person, row, place if code != "platform" else None, typed.get("note", ""))
        return _("已转办")
    if act in ("show", "hide"):
        cases.show(person, row, act == "show")
        return _("已向公众公开") if act == "show" else _("不再公开")
    cases.close(person, row)
    return _("已办结")


def _still_sees(request: HttpRequest, row: Case) -> bool:
    """What was passed on to others is no longer mine to read."""
    return visible_to(person_of(request), row.kind == Case.Kind.COMPLAINT).filter(pk=row.pk).exists()


def _found() -> Any:
    return Case.objects.select_related("organisation", "dataset__resource", "meets", "answered_by")


def _clock(row: Case) -> deadlines.Clock | None:
    return deadlines.reading(row.since, row.due_at) if row.state in OPEN else None
