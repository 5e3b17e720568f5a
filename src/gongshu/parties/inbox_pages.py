"""The inbox: what waits for me, until when, and what I was told."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from gongshu import clock
from gongshu.parties.inbox import waiting_for
from gongshu.parties.notices import text_of
from gongshu.parties.permissions import person_of
from gongshu.web.access import SIGNED_IN, needs

LISTED = 50


@require_safe
@needs(SIGNED_IN)
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits, and the notices, the latest first."""
    person = person_of(request)
    page = Paginator(person.notices.all(), LISTED).get_page(request.GET.get("page"))
    context = {
        "waiting": waiting_for(person),
        "page": page,
        "notices": [(notice, text_of(notice)) for notice in page],
        "unread": person.notices.filter(read_at=None).count(),
    }
    return render(request, "parties/inbox.html", context)


@require_POST
@needs(SIGNED_IN)
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark one's own notices as read."""
    person_of(request).notices.filter(read_at=None).update(read_at=clock.now())
    return redirect("inbox")
