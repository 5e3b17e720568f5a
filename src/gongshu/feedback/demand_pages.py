"""What the public reads: demands and their support, questions about a dataset, how the organisations answer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from gongshu import clock, deadlines
from gongshu.feedback import cases, matching, queries
from gongshu.feedback.models import Case, Support
from gongshu.feedback.policies import OPEN
from gongshu.opening import guards
from gongshu.opening.pages import found_version
from gongshu.opening.readers import visitor_of
from gongshu.opening.visitors import browser_of, new_browser, person_or_none, remember, too_often, within
from gongshu.parties.models import Organisation
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.feeds import Entry, atom

LISTED, FEED = 20, 50


@require_safe
@public
def demand_list(request: HttpRequest) -> HttpResponse:
    """The public demands, those that are being answered first."""
    demands = queries.public_demands()
    states = [("open", _("正在办")), *Case.Outcome.choices]
    state, code = request.GET.get("state", ""), request.GET.get("organisation", "")
    if state == "open":
        demands = demands.filter(state__in=OPEN)
    elif state in Case.Outcome.values:
        demands = demands.exclude(state__in=OPEN).filter(outcome=state)
    if code:
        demands = demands.filter(organisation__code=code)
    page = Paginator(queries.open_first(demands), LISTED).get_page(request.GET.get("page"))
    places = Organisation.objects.filter(cases__kind=Case.Kind.DEMAND, cases__shown=True).distinct().order_by("name")
    context = {
        "page": page,
        "demands": page.object_list,
        "states": states,
        "state": state,
        "organisations": places,
        "code": code,
        "hidden": Case.objects.filter(kind=Case.Kind.DEMAND, shown=False, state__in=OPEN).count(),
    }
    return render(request, "feedback/demands.html", context)


@require_safe
@public
def demand_feed(request: HttpRequest) -> HttpResponse:
    """Atom: demands as they are let to the public and answered."""
    page = request.build_absolute_uri(reverse("demands"))
    found = []
    for row in queries.public_demands().order_by("-asked_at")[:FEED]:
        address = request.build_absolute_uri(reverse("demand", args=[row.number]))
        key = f"{address}#{row.state}"
        state = _(row.get_outcome_display()) if row.outcome and row.state not in OPEN else _(row.get_state_display())
        title = _("%(title)s（%(state)s）") % {"title": row.title, "state": state}
        found.append(Entry(key, title, row.answered_at or row.asked_at, address, row.answer or row.text))
    city = settings.CITY["en" if words.english() else "zh-hans"]
    found.sort(key=lambda one: one.at, reverse=True)
    empty = [Entry(page, _("还没有公开的数据需求"), clock.now(), page)]
    return atom(request, page, _("%(city)s公共数据：数据需求") % {"city": city}, city, found or empty)


@require_safe
@never_cache
@public
def demand_page(request: HttpRequest, number: str) -> HttpResponse:
    """One public demand: what, what for, who answers until when, the answer, who else needs it."""
    return _demand(request, _public(number))


@require_POST
@never_cache
@public
def demand_support(request: HttpRequest, number: str) -> HttpResponse:
    """Say that one needs it too: once a person or browser."""
    row, person = _public(number), person_or_none(request)
    if not within(request, guards.LIMITS, "support"):
        return _demand(request, row, too_often(), 429)
    browser = browser_of(request)
    new = browser or new_browser()
    try:
        cases.support(row, visitor_of(person, new))
    except TableError as wrong:
        return _demand(request, row, words.message_of(wrong), 400)
    done = redirect(f"{reverse('demand', args=[number])}#support")
    if person is None and not browser:
        remember(done, new)
    return done


@require_safe
@public
def questions(request: HttpRequest, name: str) -> HttpResponseBase:
    """The public questions about a dataset."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    page = Paginator(queries.questions(version.dataset), LISTED).get_page(request.GET.get("page"))
    context = {"dataset": version.dataset, "title": words.local(version.dataset, "title"), "page": page}
    return render(request, "feedback/questions.html", context)


@require_safe
@public
def answering(request: HttpRequest) -> HttpResponse:
    """How every organisation answers: what waits, what is late, what was answered in time, who was satisfied."""
    limits = [
        deadlines.limit(kind, "answer") for kind in ("demand", "consultation", "suggestion", "question", "problem")
    ]
    context = {"rows": queries.answering(), "limits": limits, "now": clock.now()}
    return render(request, "feedback/answering.html", context)


def _public(number: str) -> Case:
    return get_object_or_404(queries.public_demands(), number=number)


def _demand(request: HttpRequest, row: Any, error: str = "", status: int = 200) -> HttpResponse:
    person, browser = person_or_none(request), browser_of(request)
    mine = (person or browser) and Support.objects.filter(case=row, visitor_sha256=visitor_of(person, browser)).exists()
    context = {
        "row": row,
        "steps": row.steps.select_related("organisation"),
        "clock": deadlines.reading(row.since, row.due_at) if row.state in OPEN else None,
        "matches": matching.matches(row.title) if row.state in OPEN else [],
        "supported": mine,
        "error": error,
    }
    return render(request, "feedback/demand.html", context, status=status)
