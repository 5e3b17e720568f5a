"""The addresses of rows without the middleware of pages: they know no session, no form and no template.

An ASGI application that answers ``/api/v1/datasets/{name}/rows`` and its kin and hands everything else on. It sets the same
security headers, asks the database at each request whether the dataset may be read, keeps the rate limits and writes the
access log, like every other address.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from gongshu.lake import serving
from gongshu.opening.rows import limits, service
from gongshu.opening.rows.admission import admitted, answered
from gongshu.opening.rows.failures import BodyTooLarge
from gongshu.opening.rows.lanes import BULK, HEAVY, LIGHT
from gongshu.opening.rows.service import MOST_BYTES, Asked, Question, Reply
from gongshu.web.middleware import plain_headers

logger = logging.getLogger("gongshu.rows")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
PATH = re.compile(rf"/api/v1/datasets/([-a-zA-Z0-9_]+)/({'|'.join(service.KINDS)})")


class Gone(Exception):
    """The client went away."""


class Rows:
    """The application in front of ``others``."""

    def __init__(self, others: Application) -> None:
        self._others = others
        self._always = [(k.lower().encode(), v.encode()) for k, v in plain_headers().items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is ours."""
        match = PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if match is None:
            await self._others(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        asked = Asked(match[2], match[1], scope["method"], query, b"", headers)
        try:
            reply = await self._reply(asked, scope, receive)
        except Gone:
            return
        except Exception:
            logger.exception("answering %s failed", scope["path"])
            reply = service.failed(asked)
        await self._send(reply, asked, receive, send)

    async def _reply(self, asked: Asked, scope: Scope, receive: Receive) -> Reply:
        if not is_ours(asked.headers.get("host", "")):
            return Reply(400, {"Content-Type": "text/plain"}, b"Bad Request")
        if asked.method == "POST":
            body = await _body(receive)
            if body is None:
                return service.refused(asked, BodyTooLarge())
            asked = Asked(asked.kind, asked.name, asked.method, asked.query, body, asked.headers)
        try:
            found = await LIGHT.run(admitted, asked, _address(scope, asked.headers))
            return found if isinstance(found, Reply) else await _heavy(found, receive)
        except serving.TooBusy as error:
            return service.refused(asked, error)

    async def _send(self, reply: Reply, asked: Asked, receive: Receive, send: Send) -> None:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        whole = reply.body if isinstance(reply.body, bytes) else None
        if whole is not None and reply.status not in (204, 304):
            headers.append((b"content-length", str(len(whole)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": [*headers, *self._always]})
        if whole is not None:
            await send({"type": "http.response.body", "body": b"" if asked.method == "HEAD" else whole})
            return
        assert not isinstance(reply.body, bytes)
        await _stream(reply.body, receive, send)


async def _stream(pieces: Iterator[bytes], receive: Receive, send: Send) -> None:
    """Send the pieces, each made when the one before was taken; the rest isn't made for a client that went away."""
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        while not gone.done() and (piece := await BULK.run(next, pieces, b"")):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _heavy(question: Question, receive: Receive) -> Reply:
    """The answer of the heavy lane, for as long as the client waits for it."""
    watch = serving.Watch()
    work = asyncio.ensure_future(HEAVY.run(answered, question, watch))
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Gone
        return work.result()
    finally:  # also when the server lets go of a request whose client went away
        if not work.done():
            watch.end()
            work.cancel()
        gone.cancel()


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is longer than a question may be."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def is_ours(host: str) -> bool:
    """Whether the request was meant for this site: as Django judges it."""
    domain, _port = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS or [".localhost", "127.0.0.1", "[::1]"]
    return bool(domain) and validate_host(domain, allowed)


def _address(scope: Scope, headers: Mapping[str, str]) -> str:
    return limits.address_of(str((scope.get("client") or ("", 0))[0]), headers.get("x-forwarded-for", ""))
