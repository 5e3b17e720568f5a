"""Signing in: by username or e-mail; demo accounts work in demo mode and from this machine only."""

from __future__ import annotations

import ipaddress
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest


def from_loopback(request: HttpRequest | None) -> bool:
    """Whether the request comes from this machine, not forwarded by a proxy for somebody else."""
    if request is None or request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("HTTP_FORWARDED"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def may_come_in(person: Any, request: HttpRequest | None) -> bool:
    """Whether ``person`` may sign in by this request at all, whatever they show: a demo account only in demo mode, from here."""
    return not person.is_demo or (settings.DEMO and from_loopback(request))


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's own, less the demo accounts where they have no business."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        """The person, or None; a demo account is None unless in demo mode and from loopback."""
        person = super().authenticate(request, **credentials)
        return person if person is not None and may_come_in(person, request) else None

    def get_user(self, user_id: Any) -> Any:
        """A session of a demo account ends with demo mode."""
        person = super().get_user(user_id)
        return None if person is not None and person.is_demo and not settings.DEMO else person
