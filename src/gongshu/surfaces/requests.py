"""What every interface for other software asks of a request, and sets on its answer."""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from gongshu.opening.rows import limits

Response = TypeVar("Response", bound=HttpResponseBase)


def site_of(request: HttpRequest) -> str:
    """The address of the portal as the client reached it, without a slash at its end."""
    return request.build_absolute_uri("/").rstrip("/")


def client_of(request: HttpRequest, token: str = "") -> tuple[str, str]:
    """The address and the Authorization of who asks, for the rate limits."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = limits.address_of(request.META.get("REMOTE_ADDR", ""), forwarded)
    return address, token or request.headers.get("Authorization", "")


def open_to_all(response: Response) -> Response:
    """Pages of other sites may read the answer; caches ask each time, since a withdrawal must be seen at once."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-CKAN-API-Key"
    response["Access-Control-Expose-Headers"] = "Content-Crs, Link, Retry-After"
    response["Cache-Control"] = "no-cache"
    return response
