"""News: the list, a page each, Atom, and the page on which the platform operator writes them."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import clock
from gongshu.feedback import news, queries
from gongshu.feedback.models import News
from gongshu.parties.permissions import check_may, may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs, public
from gongshu.web.feeds import Entry, atom

LISTED, FEED = 20, 30


@require_safe
@public
def news_list(request: HttpRequest) -> HttpResponse:
    """All news, the latest first."""
    page = Paginator(queries.public_news(), LISTED).get_page(request.GET.get("page"))
    context = {"page": page, "may_write": may(request.user, "news.write")}
    return render(request, "feedback/news_list.html", context)


@require_safe
@public
def news_page(request: HttpRequest, number: int) -> HttpResponse:
    """One piece of news."""
    row = get_object_or_404(queries.public_news(), pk=number)
    context = {"row": row, "may_write": may(request.user, "news.write")}
    return render(request, "feedback/news.html", context)


@require_safe
@public
def news_feed(request: HttpRequest) -> HttpResponse:
    """Atom: the news."""
    page = request.build_absolute_uri(reverse("news"))
    found = []
    for row in queries.public_news()[:FEED]:
        address = request.build_absolute_uri(reverse("news_page", args=[row.pk]))
        found.append(Entry(address, words.local(row, "title"), row.published_at, address, words.local(row, "text")))
    city = settings.CITY["en" if words.english() else "zh-hans"]
    empty = [Entry(page, _("还没有动态"), clock.now(), page)]
    return atom(request, page, _("%(city)s公共数据：动态") % {"city": city}, city, found or empty)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("news.write")
def news_new(request: HttpRequest) -> HttpResponse:
    """Write and publish a piece of news."""
    return _write(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("news.write")
def news_edit(request: HttpRequest, number: int) -> HttpResponse:
    """Mend or withdraw a piece of news."""
    check_may(person_of(request), "news.write")
    return _write(request, get_object_or_404(News, pk=number, withdrawn_at=None))


def _write(request: HttpRequest, row: News | None) -> HttpResponse:
    person, error = person_of(request), ""
    check_may(person, "news.write")
    names = ("title", "text", "title_en", "text_en")
    typed = {name: request.POST.get(name, getattr(row, name, "") if row else "") for name in names}
    if request.method == "POST":
        try:
            if row is not None and request.POST.get("act") == "withdraw":
                news.withdraw(person, row)
                messages.success(request, _("已撤下"))
                return redirect("news")
            made = news.publish(person, **typed) if row is None else news.change(person, row, **typed)
            return redirect("news_page", made.pk)
        except TableError as wrong:
            error = words.message_of(wrong)
    context = {"row": row, "typed": typed, "error": error, "text_limit": news.NEWS_LIMIT}
    return render(request, "feedback/news_edit.html", context, status=400 if error else 200)
