"""Signing in: demo accounts work in demo mode and from this machine only."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest


def from_loopback(request: HttpRequest | None) -> bool:
    """Whether the request comes from this machine, not forwarded by a proxy for somebody else."""
    if request is None or request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("HTTP_FORWARDED"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class Backend(ModelBackend):
    """Django's own, less the demo accounts where they have no business."""

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, **credentials: Any
    ) -> Any:
        """The person, or None; a demo account is None unless in demo mode and from loopback."""
        person = super().authenticate(request, **credentials)
        if person is not None and person.is_demo and not (settings.DEMO and from_loopback(request)):
            return None
        return person

    def get_user(self, user_id: Any) -> Any:
        """A session of a demo account ends with demo mode."""
        person = super().get_user(user_id)
        return None if person is not None and person.is_demo and not settings.DEMO else person
