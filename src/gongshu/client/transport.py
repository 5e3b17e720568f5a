"""HTTP with a portal: one kept connection pool, retries that honour Retry-After, errors as :class:`PortalError`."""

from __future__ import annotations

import random
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import sleep
from typing import Any

import httpx

from gongshu.client.errors import PortalError
from gongshu.i18n import gettext, use_language

RETRIED = {429, 502, 503, 504}
FINAL = {"stopped", "too_slow"}  # a 503 that another try doesn't mend
LONGEST_WAIT = 60.0
FIRST_WAIT = 0.5


class Transport:
    """Requests to one portal; ``retries`` further tries after a broken connection or 429, 502, 503, 504."""

    def __init__(self, url: str, token: str | None, timeout: float, retries: int, language: str) -> None:
        headers = {"Accept-Language": language, "User-Agent": "gongshu-client"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.language, self.retries = language, retries
        self.http = httpx.Client(base_url=url, headers=headers, timeout=timeout, follow_redirects=True)
        weakref.finalize(self, self.http.close)  # who doesn't close a portal leaves no open sockets either

    def json(self, path: str, pairs: list[tuple[str, str]], body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object at ``path``; POST with ``body``, else GET with the query ``pairs``."""
        with self.open(path, pairs, body=body) as response:
            response.read()
            try:
                found = response.json()
            except ValueError:
                found = None
            if not isinstance(found, dict):
                raise self.error("bad_answer", "{url} 的回答不是 JSON 对象", url=str(response.url))
            return found

    @contextmanager
    def open(
        self,
        path: str,
        pairs: list[tuple[str, str]] | None = None,
        *,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer whose body is still to be read; PortalError for every status of 400 and more."""
        response = self._send(path, pairs or [], body, headers or {})
        try:
            yield response
        except httpx.TransportError as error:
            raise self.error("incomplete", "{url} 的回答中途断了：{why}", url=str(response.url), why=error) from error
        finally:
            response.close()

    def error(self, code: str, message: str, **values: object) -> PortalError:
        """An error of the client's own, in the portal's language."""
        with use_language(self.language):
            return PortalError(code, gettext(message, **values))

    def pause(self, attempt: int, response: httpx.Response | None = None) -> None:
        """Wait before try ``attempt`` + 1: as long as the portal says, else twice as long each time, a little at random."""
        asked = _retry_after(response)
        wait = FIRST_WAIT * 2**attempt * (0.75 + random.random() / 2) if asked is None else asked  # noqa: S311 - no secret
        sleep(min(wait, LONGEST_WAIT))

    def _send(
        self, path: str, pairs: list[tuple[str, str]], body: dict[str, Any] | None, headers: dict[str, str]
    ) -> httpx.Response:
        query: Any = pairs or None  # httpx's type of pairs is invariant
        for attempt in range(self.retries + 1):
            last = attempt == self.retries
            request = self.http.build_request(
                "GET" if body is None else "POST",
                path,
                params=query,
                json=body,
                headers=headers,
            )
            try:
                response = self.http.send(request, stream=True)
            except (httpx.TransportError, httpx.TooManyRedirects) as error:
                if last or isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects):
                    message = "连不上 {url}：{why}"
                    raise self.error("unreachable", message, url=str(request.url), why=str(error)) from error
                self.pause(attempt)
                continue
            if response.status_code < 400:
                return response
            refusal = self._refusal(response)
            if response.status_code not in RETRIED or refusal.code in FINAL or last:
                raise refusal
            self.pause(attempt, response)
        raise AssertionError("unreachable")

    def _refusal(self, response: httpx.Response) -> PortalError:
        try:
            response.read()
            said = response.json()["error"]
            return PortalError(said["code"], said["message"], said.get("where"), response.status_code)
        except (ValueError, KeyError, TypeError, httpx.TransportError):
            found = self.error("bad_answer", "{url} 回答 {status}", url=str(response.url), status=response.status_code)
            found.status = response.status_code
            return found
        finally:
            response.close()


def _retry_after(response: httpx.Response | None) -> float | None:
    text = response.headers.get("Retry-After", "") if response is not None else ""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
