"""Errors as CKAN's clients tell them apart: by ``__type`` (ckanapi) and by status."""

from __future__ import annotations

from typing import Any


class CkanError(Exception):
    """Not answered; ``body`` is the ``error`` of the envelope."""

    status = 500
    kind = "Internal Server Error"

    def __init__(self, message: str = "", /, **fields: list[str]) -> None:
        super().__init__(message or str(fields))
        self.body: dict[str, Any] = {"__type": self.kind, **fields}
        if message:
            self.body["message"] = message


class NotFound(CkanError):
    """There is no such thing."""

    status, kind = 404, "Not Found Error"

    def __init__(self, message: str = "Not found") -> None:
        super().__init__(message)


class NotAuthorized(CkanError):
    """Nobody may do this by this interface."""

    status, kind = 403, "Authorization Error"


class Invalid(CkanError):
    """A parameter is wrong: every one with its messages."""

    status, kind = 409, "Validation Error"


class BadSearch(CkanError):
    """The search can't be read."""

    status, kind = 409, "Search Error"


class Unavailable(CkanError):
    """Not now: too many questions, an emergency stop, a copy that is being made."""

    def __init__(self, status: int, message: str, retry_after: int | None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after
