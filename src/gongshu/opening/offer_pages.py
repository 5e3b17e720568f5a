"""Giving data: the form for firms and persons, where they follow it, and the operator's queue with its decisions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.opening import guards, offers, queries, terms
from gongshu.opening.models import Offer
from gongshu.parties.permissions import check_may, may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs, public

LISTED = 50


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def give(request: HttpRequest) -> HttpResponse:
    """Offer data; what is typed stays on the page when something is wrong with it."""
    error, status, typed = "", 200, request.POST
    if request.method == "POST":
        if guards.is_program(request):
            return redirect("give")
        try:
            guards.check_human_pace(request)
            guards.check_rate(request, "offer", typed.get("email", ""))
            language = get_language() or settings.LANGUAGE_CODE
            _made, secret = offers.offer(typed.dict(), set(typed.getlist("declared")), language)
            return redirect(f"{reverse('given_offer', args=[secret])}?new=1")
        except guards.TooOften as wrong:
            error, status = str(wrong), 429
        except TableError as wrong:
            error, status = words.message_of(wrong), 400
    context = {
        "stamp": guards.stamp(),
        "error": error,
        "typed": typed,
        "declared": typed.getlist("declared"),
        "licences": terms.given_licences().values(),
        "givers": queries.givers(),
        "limit": deadlines.limit("offer", "decide"),
        "short": offers.SHORT,
        "long": offers.LONG,
    }
    return render(request, "opening/give.html", context, status=status)


@require_safe
@never_cache
@public
def given_offer(request: HttpRequest, secret: str) -> HttpResponse:
    """An offer as its giver sees it."""
    row = offers.of_secret(secret)
    if row is None:
        raise Http404
    context = {
        **_about(row),
        "new": "new" in request.GET,
        "address": request.build_absolute_uri(request.path),
    }
    return render(request, "opening/given_offer.html", context)


@require_safe
@needs("offer.see")
def offer_list(request: HttpRequest) -> HttpResponse:
    """The offers: those that wait first, by their deadlines."""
    person = person_of(request)
    check_may(person, "offer.see", 0)
    waiting = Offer.objects.filter(state=Offer.State.OPEN).order_by("due_at")
    page = Paginator(Offer.objects.exclude(state=Offer.State.OPEN), LISTED).get_page(request.GET.get("page"))
    context = {"waiting": [_about(row) for row in waiting[:LISTED]], "page": page}
    return render(request, "opening/offers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("offer.see")
def offer_page(request: HttpRequest, number: str) -> HttpResponse:
    """One offer with its decision."""
    person, error = person_of(request), ""
    check_may(person, "offer.see", 0)
    row = get_object_or_404(Offer.objects.select_related("decided_by", "organisation"), number=number)
    if request.method == "POST":
        check_may(person, "offer.decide", 0)
        choice = request.POST.get("choice", "")
        try:
            if choice not in (Offer.State.ACCEPTED, Offer.State.REFUSED):
                raise TableError("choice_required", "请选择接受或不接受")
            offers.decide(person, row, choice == Offer.State.ACCEPTED, request.POST.get("reason", ""))
        except TableError as wrong:
            error = words.message_of(wrong)
            row.refresh_from_db()
        else:
            messages.success(request, _("已决定，提供者会收到邮件"))
            return redirect("offer", number)
    context = {
        **_about(row),
        "error": error,
        "typed": request.POST,
        "may_decide": may(person, "offer.decide", 0) and row.state == Offer.State.OPEN,
    }
    return render(request, "opening/offer.html", context, status=400 if error else 200)


def _about(row: Offer) -> dict[str, Any]:
    return {
        "row": row,
        "licence": terms.licence(row.licence),
        "clock": deadlines.reading(row.made_at, row.due_at) if row.state == Offer.State.OPEN else None,
    }
