"""The page of one's own account, and what allauth's views lack here: one transaction with their audit event."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gongshu import clock
from gongshu.parties import account_events
from gongshu.parties.permissions import person_of
from gongshu.web.access import SIGNED_IN, needs

View = Callable[..., Any]


def together(view: View) -> View:
    """A view whose change and audit event are one transaction; looking takes no lock."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            return view(request, *args, **kwargs)

    return wrapped


@needs(SIGNED_IN)
@require_safe
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Name, roles, password, second factors, passkeys, recovery codes and sessions, each with its page."""
    person = person_of(request)
    found = list(Authenticator.objects.filter(user=person))
    by_type = {one.type: one for one in found}
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "person": person,
        "roles": person.memberships.filter(ended=None).select_related("organisation"),
        "totp": by_type.get(Authenticator.Type.TOTP),
        "passkeys": sum(1 for one in found if one.type == Authenticator.Type.WEBAUTHN),
        "codes": codes,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "sessions": len(UserSession.objects.purge_and_list(person)),
        "tokens": person.tokens.filter(revoked_at=None, expires_at__gt=clock.now()).count(),
    }
    return render(request, "account/account.html", context)


class Sessions(ListUserSessionsView):  # type: ignore[misc]
    """Where one is signed in; signing out the others is an event."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign out every session but this one."""
        before = UserSession.objects.filter(user=self.request.user).count()
        response: HttpResponse = super().form_valid(form)
        account_events.sessions_ended(
            self.request.user, before - UserSession.objects.filter(user=self.request.user).count()
        )
        return response
