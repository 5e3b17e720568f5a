"""What was made with the data: the public list, the form to offer something, and the desk of who looks at it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.feedback import queries, reuses
from gongshu.feedback.models import Reuse
from gongshu.feedback.policies import TEXT_LIMIT, TITLE_LIMIT
from gongshu.opening import guards
from gongshu.opening.models import Dataset
from gongshu.opening.visitors import browser_of, new_browser, person_or_none, remember
from gongshu.parties.permissions import check_may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs, public

LISTED = 20


@require_safe
@public
def reuse_list(request: HttpRequest) -> HttpResponse:
    """What was made with the data, by kind and dataset."""
    found, kind, name = queries.shown_reuses(), request.GET.get("kind", ""), request.GET.get("dataset", "")
    if kind in Reuse.Kind.values:
        found = found.filter(kind=kind)
    if name:
        found = found.filter(datasets__name=name)
    context = {
        "page": Paginator(found, LISTED).get_page(request.GET.get("page")),
        "kinds": Reuse.Kind.choices,
        "kind": kind,
        "dataset": Dataset.objects.filter(name=name).first() if name else None,
        "sent": "sent" in request.GET,
    }
    return render(request, "feedback/reuses.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def reuse_new(request: HttpRequest) -> HttpResponse:
    """Offer something that was made with the data."""
    error, status = "", 200
    typed: dict[str, Any] = (
        request.POST.dict() if request.method == "POST" else {"datasets": request.GET.get("dataset", "")}
    )
    if request.method == "POST":
        if guards.is_program(request):
            return redirect("reuses")
        try:
            guards.check_human_pace(request)
            guards.check_rate(request, "reuse", typed.get("email", ""))
            names = typed.get("datasets", "").replace("，", ",").replace("\n", ",").replace(" ", ",")
            fields = {name: typed.get(name, "") for name in ("kind", "title", "address", "maker", "text", "email")}
            offered = reuses.Offered(datasets=tuple(names.split(",")), **fields)
            reuses.offer(offered, person=person_or_none(request), language=get_language() or settings.LANGUAGE_CODE)
            return redirect(f"{reverse('reuses')}?sent=1")
        except guards.TooOften as wrong:
            error, status = str(wrong), 429
        except TableError as wrong:
            error, status = words.message_of(wrong), 400
    context = {
        "error": error,
        "typed": typed,
        "kinds": Reuse.Kind.choices,
        "stamp": guards.stamp(),
        "limit": deadlines.limit("reuse", "check"),
        "title_limit": TITLE_LIMIT,
        "text_limit": TEXT_LIMIT,
    }
    response = render(request, "feedback/reuse_new.html", context, status=status)
    if not browser_of(request):
        remember(response, new_browser())
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("reuse.check")
def reuse_checks(request: HttpRequest) -> HttpResponse:
    """What was offered and waits to be looked at, and what was decided last."""
    person, error = person_of(request), ""
    check_may(person, "reuse.check")
    if request.method == "POST":
        chosen = request.POST.get("reuse", "")
        row = get_object_or_404(
            Reuse, pk=int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 12 else 0
        )
        try:
            reuses.decide(person, row, shown=request.POST.get("act") == "show", reason=request.POST.get("reason", ""))
        except TableError as wrong:
            error = words.message_of(wrong)
        else:
            messages.success(request, _("已记下"))
            return redirect("reuse_checks")
    found = Reuse.objects.prefetch_related("datasets").select_related("decided_by")
    context = {
        "error": error,
        "waiting": found.filter(state=Reuse.State.WAITING).order_by("due_at"),
        "page": Paginator(found.exclude(state=Reuse.State.WAITING), LISTED).get_page(request.GET.get("page")),
    }
    return render(request, "feedback/reuse_checks.html", context, status=400 if error else 200)
