"""Who asks without an account: how often they may, by what they are known again, and what only a program fills in."""

from __future__ import annotations

import secrets

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from gongshu.parties.models import Person

BROWSER, BROWSER_SECONDS = "reader", 366 * 24 * 3600  # the cookie by which a browser is known again
POT = "website"  # a field that no human sees: who fills it is a program


def person_or_none(request: HttpRequest) -> Person | None:
    """Who is signed in, if anybody."""
    return request.user if isinstance(request.user, Person) else None


def browser_of(request: HttpRequest) -> str:
    """The random key of this browser, or nothing when it has none."""
    return request.get_signed_cookie(BROWSER, "", salt=BROWSER) or ""


def new_browser() -> str:
    """A key for a browser that has none."""
    return secrets.token_urlsafe(24)


def remember(answer: HttpResponse, browser: str) -> None:
    """Let the browser keep its key: a random number, signed, that scripts can't read."""
    answer.set_signed_cookie(
        BROWSER,
        browser,
        salt=BROWSER,
        max_age=BROWSER_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def within(request: HttpRequest, limits: dict[str, str], action: str, key: str | None = None) -> bool:
    """Whether the asker may do ``action`` once more by ``limits`` (action -> allauth's rates); it is counted."""
    return ratelimit.consume(request, app="gongshu.opening", action=action, config=limits, key=key) is not None


def too_often() -> str:
    """What those are told who ask too often."""
    return _("请求太频繁了，请过一会儿再试。")
