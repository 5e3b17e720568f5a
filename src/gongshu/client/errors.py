"""What can go wrong between a client and a portal."""

from __future__ import annotations

from typing import Any


class PortalError(Exception):
    """The portal refused, or couldn't be reached.

    ``code`` is the portal's (``bad_parameter``, ``not_found``, ``withdrawn``, ``too_many_requests``...) or the client's own
    (``unreachable``, ``bad_answer``, ``checksum``, ``incomplete``); ``message`` says it in the portal's language setting; ``where`` names the
    parameter or column; ``status`` is the HTTP status, None when there was no answer.
    """

    def __init__(self, code: str, message: str, where: dict[str, Any] | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.where, self.status = code, message, where or {}, status

    def __str__(self) -> str:
        place = ", ".join(f"{name}={value}" for name, value in self.where.items())
        return f"{self.message} [{self.code}{f'; {place}' if place else ''}]"
