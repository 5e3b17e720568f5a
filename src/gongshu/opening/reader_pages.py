"""What readers can do with a dataset: subscribe, rate, report a problem and follow it. Nothing here needs an account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.opening import guards, problems, readers
from gongshu.opening.models import Dataset, Problem, Rating
from gongshu.opening.pages import found_version
from gongshu.opening.visitors import POT, browser_of, new_browser, person_or_none, remember, too_often, within
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import public

LISTED = 20
LIMITS = {
    "subscribe": "10/h/ip,3/h/key",
    "rate": "30/h/ip",
}  # how often one address on the net, and one e-mail address, may ask


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def subscribe(request: HttpRequest, name: str) -> HttpResponseBase:
    """Subscribe or leave with one click when signed in; by e-mail with a link to confirm for everybody."""
    dataset = _open(request, name)
    if isinstance(dataset, HttpResponse):
        return dataset
    person, error, status = person_or_none(request), "", 200
    if request.method == "POST":
        if person is not None:
            act = readers.unsubscribe if request.POST.get("act") == "leave" else readers.subscribe
            act(person, dataset)
            return redirect(f"{reverse('dataset', args=[name])}#follow")
        email = request.POST.get("email", "").strip()
        if request.POST.get(POT):
            return redirect(f"{request.path}?sent=1")
        if not within(request, LIMITS, "subscribe", email.lower()):
            error, status = too_often(), 429
        else:
            try:
                readers.ask_address(dataset, email, get_language() or settings.LANGUAGE_CODE)
                return redirect(f"{request.path}?sent=1")
            except TableError as wrong:
                error, status = words.message_of(wrong), 400
    context = {
        **_about(dataset),
        "error": error,
        "sent": "sent" in request.GET,
        "typed": request.POST.get("email", ""),
        "subscribed": person is not None and dataset.subscriptions.filter(person=person).exists(),
    }
    return render(request, "opening/subscribe.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def subscription(request: HttpRequest, secret: str) -> HttpResponse:
    """Where the link of a mail leads: looking changes nothing, since programs that check mails open links too."""
    row = readers.of_secret(secret)
    if request.method == "POST":
        if row is not None and request.POST.get("act") == "confirm":
            readers.confirm(row)
        elif row is not None:
            readers.leave(row)
        return redirect("subscription", secret)
    if row is None:
        return render(request, "opening/subscription.html", {"row": None})
    return render(request, "opening/subscription.html", {"row": row, **_about(row.dataset)})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def rate(request: HttpRequest, name: str) -> HttpResponseBase:
    """One to five stars; the same person or browser can change them."""
    dataset = _open(request, name)
    if isinstance(dataset, HttpResponse):
        return dataset
    person = person_or_none(request)
    browser = browser_of(request)
    error, status = "", 200
    if request.method == "POST":
        stars = request.POST.get("stars", "")
        if not within(request, LIMITS, "rate"):
            error, status = too_often(), 429
        else:
            new = browser or new_browser()
            try:
                readers.rate(
                    dataset, readers.visitor_of(person, new), int(stars) if stars in {"1", "2", "3", "4", "5"} else 0
                )
            except TableError as wrong:
                error, status = words.message_of(wrong), 400
            else:
                done = redirect(f"{reverse('dataset', args=[name])}#rating")
                if person is None and not browser:
                    remember(done, new)
                return done
    mine = None
    if person or browser:
        mine = Rating.objects.filter(dataset=dataset, visitor_sha256=readers.visitor_of(person, browser)).first()
    context = {**_about(dataset), "error": error, "mine": mine.stars if mine else 0, "stars": _stars()}
    return render(request, "opening/rate.html", context, status=status)


@require_safe
@public
def problem_reports(request: HttpRequest, name: str) -> HttpResponseBase:
    """The reports on a dataset: number, kind, state, days and the answer; never the words of a reporter unless released."""
    dataset = _open(request, name)
    if isinstance(dataset, HttpResponse):
        return dataset
    found = dataset.problems.exclude(kind=Problem.Kind.PRIVACY).order_by("-reported_at", "-pk")
    page = Paginator(found, LISTED).get_page(request.GET.get("page"))
    return render(request, "opening/problem_reports.html", {**_about(dataset), "page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def report_new(request: HttpRequest, name: str) -> HttpResponseBase:
    """Report a problem: what is typed stays on the page when something is wrong with it."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    dataset, error, status = version.dataset, "", 200
    typed = request.POST if request.method == "POST" else request.GET  # a link beside a row or a column says where
    if request.method == "POST":
        if guards.is_program(request):
            return redirect("problem_reports", name)
        email = typed.get("email", "").strip()
        try:
            guards.check_human_pace(request)
            guards.check_rate(request, "report", email)
            _made, secret = problems.report(
                dataset,
                typed.get("kind", ""),
                typed.get("text", ""),
                column=typed.get("column", ""),
                row=typed.get("row", ""),
                email=email,
                person=person_or_none(request),
                language=get_language() or settings.LANGUAGE_CODE,
            )
            return redirect(f"{reverse('report', args=[secret])}?new=1")
        except guards.TooOften as wrong:
            error, status = str(wrong), 429
        except TableError as wrong:
            error, status = words.message_of(wrong), 400
    context = {
        "stamp": guards.stamp(),
        **_about(dataset),
        "error": error,
        "kinds": Problem.Kind.choices,
        "columns": [one["name"] for one in version.columns],
        "rows": version.rows,
        "typed": typed,
        "limit": deadlines.limit("problem", "answer"),
        "text_limit": problems.TEXT_LIMIT,
    }
    return render(request, "opening/report_new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def report(request: HttpRequest, key: str) -> HttpResponse:
    """A report as its reporter sees it, by the secret of the link, or by its number for who made it signed in."""
    row, error = problems.of_reporter(key, person_or_none(request)), ""
    if row is None:
        raise Http404
    if request.method == "POST":
        try:
            problems.judge(row, request.POST.get("satisfied") == "yes")
            return redirect("report", key)
        except TableError as wrong:
            error = words.message_of(wrong)
            row.refresh_from_db()
    context = {
        **_about(row.dataset),
        "row": row,
        "error": error,
        "new": "new" in request.GET,
        "address": request.build_absolute_uri(request.path),
        "clock": deadlines.reading(row.reported_at, row.due_at) if row.state == Problem.State.OPEN else None,
    }
    return render(request, "opening/report.html", context, status=400 if error else 200)


def _open(request: HttpRequest, name: str) -> Dataset | HttpResponse:
    version = found_version(request, name, None)
    return version if isinstance(version, HttpResponse) else version.dataset


def _about(dataset: Dataset) -> dict[str, Any]:
    return {"dataset": dataset, "title": words.local(dataset, "title")}


def _stars() -> list[tuple[int, str]]:
    return [(5, _("很有用")), (4, _("有用")), (3, _("一般")), (2, _("不太好用")), (1, _("没法用"))]
