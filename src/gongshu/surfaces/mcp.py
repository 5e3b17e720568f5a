"""Model Context Protocol: AI assistants find datasets, read what their columns mean, and ask for rows and counts, at ``/mcp``.

The protocol (modelcontextprotocol.io, streamable HTTP, without sessions) is the SDK's; it is loaded at the first question, and
its loop of work runs in a task of the process, since the server in front has no lifespan of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db import close_old_connections

from gongshu import __version__
from gongshu.opening import search
from gongshu.opening.described import Described, described
from gongshu.opening.rows import admission, limits
from gongshu.opening.rows.lanes import LIGHT
from gongshu.opening.rows.service import Asked
from gongshu.opening.rows.web import is_ours
from gongshu.opening.search.documents import OWN
from gongshu.web.middleware import plain_headers

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Scope = MutableMapping[str, Any]
Result = TypeVar("Result")
Application = Callable[[Any, Any, Any], Awaitable[None]]
PATH = "/mcp"
MOST_FOUND, MOST_ROWS = 50, 200
MOST_BYTES = 256 * 1024  # of a question
INSTRUCTIONS = (
    "公共数据开放平台：先用 search_datasets 找数据集，再用 describe_dataset 看列的意思，然后用 query_rows 取行、用 count_rows 计数。"
    "回答时注明数据集名称、提供方与版本。 Open data of a city: search, describe, then query; name the dataset, its provider "
    "and its version in what you answer."
)
Who = tuple[str, str, str]  # address, Authorization, and the portal as it was reached
_client: ContextVar[Who] = ContextVar("gongshu_mcp_client", default=("", "", ""))


class Mcp:
    """The application in front of ``others``."""

    def __init__(self, others: Application) -> None:
        self._others = others
        self._always = [(name.lower().encode(), value.encode()) for name, value in plain_headers().items()]
        self._app: Application | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._starting: asyncio.Lock | None = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer what is ours."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._others(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        site = headers.get("host", "")
        if not is_ours(site):
            await _plain(send, 400, "Bad Request")
            return
        peer = str((scope.get("client") or ("", 0))[0])
        address = limits.address_of(peer, headers.get("x-forwarded-for", ""))
        token = headers.get("authorization", "")
        seconds = await LIGHT.run(limits.gate().take, address, token)
        if seconds:
            await _plain(send, 429, "Too Many Requests", (b"retry-after", str(seconds).encode()))
            return
        _client.set((address, token, f"{_scheme(scope, headers)}://{site}"))
        app = await self._started()

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self._always]}
            await send(message)

        await app(scope, receive, with_headers)

    async def _started(self) -> Application:
        """The SDK's application, its loop running."""
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self._app is None:
                from mcp.server.transport_security import TransportSecuritySettings

                host = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # the host was looked at above
                app = _server().streamable_http_app(
                    stateless_http=True, json_response=True, max_request_body_size=MOST_BYTES, transport_security=host
                )
                running = asyncio.Event()

                async def keep() -> None:
                    async with app.router.lifespan_context(app):
                        running.set()
                        await asyncio.Event().wait()

                self._keeper = asyncio.create_task(keep())
                begun = asyncio.ensure_future(running.wait())
                await asyncio.wait((begun, self._keeper), return_when=asyncio.FIRST_COMPLETED)
                if (
                    not running.is_set()
                ):  # it could not begin: the request fails with the reason, the next one tries again
                    begun.cancel()
                    self._keeper.result()
                self._app = app
        return self._app


def _server() -> MCPServer:
    from mcp.server.mcpserver import MCPServer
    from mcp.types import ToolAnnotations

    server = MCPServer(
        "gongshu", title=settings.CITY["zh-hans"], version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @server.tool(annotations=reading)
    async def search_datasets(question: str, topic: str = "", limit: int = 10) -> list[dict[str, Any]]:
        """Find open datasets by words or a plain question (Chinese or English); best first. ``topic``: key of a topic."""
        return await _in_lane(_search, question[:200], topic, max(1, min(limit, MOST_FOUND)))

    @server.tool(annotations=reading)
    async def describe_dataset(name: str) -> dict[str, Any]:
        """What a dataset is: provider, licence, update promise, quality, and every column with type, meaning, unit, range
        and codes."""
        return await _in_lane(_describe, name)

    @server.tool(annotations=reading)
    async def query_rows(
        name: str,
        filter: dict[str, Any] | None = None,
        words: str = "",
        select: list[str] | None = None,
        sort: list[str] | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> dict[str, Any]:
        """Rows of a dataset. ``filter``: {"column", "op", "value"} with op eq, ne, in, lt, lte, gt, gte, between,
        contains, starts_with or is_null, or {"and"|"or": [...]} or {"not": ...}. ``words``: text search in all columns.
        ``sort``: columns, "-column" from the largest. At most 200 rows; ``total`` counts all that match."""
        said: list[tuple[str, Any]] = [("limit", max(0, min(limit, MOST_ROWS))), ("offset", max(0, offset))]
        said += [("select", column) for column in select or []] + [("sort", column) for column in sort or []]
        return await _in_lane(_ask, "rows", name, [*said, *_conditions(filter, words)])

    @server.tool(annotations=reading)
    async def count_rows(
        name: str,
        by: list[str] | None = None,
        measures: list[str] | None = None,
        filter: dict[str, Any] | None = None,
        words: str = "",
        limit: int = 50,
    ) -> dict[str, Any]:
        """Counts and figures of the rows that match, in groups of the columns ``by``. ``measures``: "count", "sum:column",
        "avg:column", "min:column", "max:column", "p50:column" (approximate). The largest groups come first."""
        chosen = measures or ["count"]
        said: list[tuple[str, Any]] = [("by", column) for column in by or []] + [("measure", one) for one in chosen]
        said += [("limit", max(1, min(limit, MOST_ROWS))), ("sort", f"-{chosen[0]}")]
        return await _in_lane(_ask, "groups", name, [*said, *_conditions(filter, words)])

    return server


async def _in_lane(work: Callable[..., Result], *given: Any) -> Result:
    """In a thread of the light lane; heavy questions go on to the heavy one from there."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        return await LIGHT.run(_tidy, work, _client.get(), *given)
    except ValueError as error:  # what the assistant is told, so that it asks better
        raise ToolError(str(error)) from error


def _tidy(work: Callable[..., Result], client: Who, *given: Any) -> Result:
    close_old_connections()
    try:
        return work(client, *given)
    finally:
        close_old_connections()


def _search(_who: Who, question: str, topic: str, limit: int) -> list[dict[str, Any]]:
    filters = {"source": OWN} | ({"topic": topic} if topic else {})
    try:
        found = search.ask(search.Wanted(question, filters, limit=limit)).datasets
    except search.IndexMissing as error:
        raise ValueError("the search index is being made anew: ask again in a minute") from error
    return [
        {
            "name": one.name,
            "title": one.title,
            "title_en": one.title_en,
            "summary": one.summary,
            "provider": one.provider.name,
            "topic": one.topic,
            "rows": one.current.rows if one.current else 0,
            "updated": one.current.published_at.date().isoformat() if one.current else "",
        }
        for one in found
    ]


def _describe(who: Who, name: str) -> dict[str, Any]:
    found = described(name, who[2])
    if not found:
        raise ValueError(f"no dataset {name[:80]!r}: search_datasets finds names")
    return _told(found[0])


def _told(one: Described) -> dict[str, Any]:
    columns = []
    for column in one.columns:
        told = {key: column.get(key) for key in ("name", "storage_type", "title", "description", "unit", "codes", "min", "max", "distinct", "nulls")}  # fmt: skip
        told["examples"] = [value for value, _n in (column.get("top") or [])[:5]]
        columns.append({key: value for key, value in told.items() if value not in (None, "", {}, [])})
    return {
        "name": one.name,
        "title": one.title,
        "summary": one.summary,
        "provider": one.publisher.name,
        "licence": str(one.licence.entry.get("zh", one.licence.key)),
        "update_frequency": one.frequency.key,
        "updated": one.modified.isoformat(),
        "version": one.version,
        "rows": one.rows,
        "key": one.key,
        "quality": one.quality,
        "page": one.url,
        "download": {file.key: file.url for file in one.files},
        "columns": columns,
    }


def _ask(client: Who, kind: str, name: str, said: list[tuple[str, Any]]) -> dict[str, Any]:
    address, token, _site = client
    reply = admission.ask(Asked(kind, name, "GET", urlencode(said), b"", {"authorization": token}), address)
    found: dict[str, Any] = json.loads(reply.content)
    if reply.status != 200:
        raise ValueError(json.dumps(found["error"], ensure_ascii=False))
    return found


def _conditions(filter: dict[str, Any] | None, words: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [("filter", json.dumps(filter, ensure_ascii=False))] if filter else []
    return found + ([("q", words)] if words.strip() else [])


def _scheme(scope: Scope, headers: dict[str, str]) -> str:
    """https where the proxy that we trust says so, as Django judges it."""
    trusted = settings.SECURE_PROXY_SSL_HEADER
    if trusted and headers.get(trusted[0].removeprefix("HTTP_").replace("_", "-").lower()) == trusted[1]:
        return "https"
    return str(scope.get("scheme", "http"))


async def _plain(send: Any, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    kind = (b"content-type", b"text/plain")
    await send({"type": "http.response.start", "status": status, "headers": [kind, *headers]})
    await send({"type": "http.response.body", "body": text.encode()})
