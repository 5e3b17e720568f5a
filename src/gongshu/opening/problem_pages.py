"""The maintainer's pages: reports of readers with their clocks, the answer, and handing them to a colleague."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.opening import problems
from gongshu.opening.models import Problem
from gongshu.parties.permissions import check_may, may, organisations_where, people_who_may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs

LISTED = 50


@require_safe
@needs("problem.see")
def problem_list(request: HttpRequest) -> HttpResponse:
    """Reports that I may see, those that wait for an answer first, by their deadlines."""
    person = person_of(request)
    check_may(person, "problem.see")
    seen = Problem.objects.select_related("dataset__provider", "assignee")
    where = organisations_where(person, "problem.see")
    if where is not None:
        seen = seen.filter(dataset__provider__in=where)
    state = request.GET.get("state", "")
    if state in Problem.State.values:
        seen = seen.filter(state=state)
    first = Case(When(state=Problem.State.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    page = Paginator(seen.order_by(first, "due_at", "-pk"), LISTED).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [{"row": row, "clock": _clock(row)} for row in page],
        "states": Problem.State.choices,
        "state": state,
    }
    return render(request, "opening/problems.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("problem.see")
def problem_page(request: HttpRequest, number: str) -> HttpResponse:
    """One report: what the reader wrote, the clock, and the answer."""
    person = person_of(request)
    found = Problem.objects.select_related("dataset__provider", "version", "assignee", "answered_by")
    row = get_object_or_404(found, number=number)
    check_may(person, "problem.see", row.dataset.provider)
    error, typed = "", request.POST
    if request.method == "POST":
        try:
            said = _act(request, row)
        except TableError as wrong:
            error = words.message_of(wrong)
            row.refresh_from_db()
        else:
            messages.success(request, said)
            return redirect("problem", number)
    allowed = may(person, "problem.answer", row.dataset.provider)
    colleagues = people_who_may("problem.answer", row.dataset.provider) if allowed else []
    context: dict[str, Any] = {
        "row": row,
        "clock": _clock(row),
        "error": error,
        "typed": typed,
        "may_answer": allowed,
        "may_stop": may(person, "dataset.stop", row.dataset.provider),
        "colleagues": [one for one in colleagues if one.pk != row.assignee_id],
        "limit": deadlines.limit("problem", "answer"),
    }
    return render(request, "opening/problem.html", context, status=400 if error else 200)


def _act(request: HttpRequest, row: Problem) -> str:
    """What the form asks for; returns what to say of it."""
    person, act = person_of(request), request.POST.get("act", "")
    check_may(person, "problem.answer", row.dataset.provider)
    if act == "answer":
        problems.answer(person, row, request.POST.get("answer", ""), shown="shown" in request.POST)
        return _("已答复，报告人会看到")
    if act == "close":
        problems.close(person, row)
        return _("已办结")
    allowed = {one.username: one for one in people_who_may("problem.answer", row.dataset.provider)}
    colleague = allowed.get(request.POST.get("colleague", ""))
    if colleague is None:
        raise TableError("colleague_wrong", "只能交给本机构有答复权限的人")
    problems.hand_to(person, row, colleague)
    return _("已交给%(name)s") % {"name": str(colleague)}


def _clock(row: Problem) -> deadlines.Clock | None:
    return deadlines.reading(row.reported_at, row.due_at) if row.state == Problem.State.OPEN else None
