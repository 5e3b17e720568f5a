"""What every page says of itself: who may open it. A page without this mark fails the test that walks them all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]
Marked = TypeVar("Marked", bound=View)
PUBLIC, SIGNED_IN = "public", "signed-in"


def public(view: Marked) -> Marked:
    """Anybody may open this page."""
    view.needs = PUBLIC  # type: ignore[attr-defined]
    return view


def needs(permission: str) -> Callable[[View], View]:
    """Only who is signed in may open this page, and it asks for ``permission`` (a code of the permission table) on its object.

    The page itself calls ``check_may`` with the object's organisation; ``SIGNED_IN`` is for what belongs to everybody's own
    account.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            return view(request, *args, **kwargs)

        inner.needs = permission  # type: ignore[attr-defined]
        return inner

    return mark
