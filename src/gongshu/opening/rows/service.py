"""A question over HTTP, whatever carries it: from its words and headers to the answer's bytes and headers.

:func:`prepare` says what is wrong with a question, or whether the client has the answer already; :func:`answer` runs it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from gongshu import __version__
from gongshu.i18n import use_language
from gongshu.opening import exports, queries
from gongshu.opening.rows import answers, dumps, finding, formats, grammar, statements, wanted
from gongshu.opening.rows.cursors import check
from gongshu.opening.rows.failures import KNOWN, BodyTooLarge, NotAllowed, failure
from gongshu.opening.rows.grammar import Ask, Words
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import BadQuestion
from gongshu.opening.rows.wanted import Wanted
from gongshu.opening.rows.words import of_kind
from gongshu.oversight import access
from gongshu.web.errors import envelope
from gongshu.web.middleware import language_of
from gongshu.web.streaming import WORTH_PACKING, accepts

KINDS = ("rows", "distinct", "facets", "groups", "dump")
MOST_BYTES = 1024 * 1024  # of a question
PACKABLE = ("json", "jsonl", "csv", "geojson")
METHODS = "GET, HEAD, POST, OPTIONS"
REVALIDATE = "public, no-cache"  # a withdrawal must be seen at the next request: caches ask each time, answered by ETag
FOREVER = "public, max-age=31536000, immutable"  # a version never changes


@dataclass(frozen=True)
class Asked:
    """What a client sent: ``kind`` is one of :data:`KINDS`, header names are lower case."""

    kind: str
    name: str
    method: str = "GET"
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What to answer."""

    status: int
    headers: dict[str, str]
    body: bytes | Iterator[bytes] = b""  # a dump comes in pieces, made as they are taken

    @property
    def content(self) -> bytes:
        """The whole body."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


@dataclass(frozen=True)
class Question:
    """A question that can be answered; ``heavy`` ones look at so many cells that light ones must not wait for them."""

    asked: Asked
    table: Table
    ask: Ask
    wanted: Wanted
    words: Words
    headers: dict[str, str]
    heavy: bool


def prepare(asked: Asked) -> Question | Reply:
    """The question, or the answer when none has to be run: an error, 304 (not modified), the options of an address."""
    with _language(asked):
        try:
            return _prepare(asked)
        except KNOWN as error:
            return _refusal(error)


def answer(question: Question) -> Reply:
    """The answer to the question."""
    with _language(question.asked):
        try:
            return _answer(question)
        except KNOWN as error:
            return _refusal(error)


def respond(asked: Asked) -> Reply:
    """Both of it, at once."""
    found = prepare(asked)
    return found if isinstance(found, Reply) else answer(found)


def refused(asked: Asked, error: Exception) -> Reply:
    """The answer that says ``error``, one of :data:`KNOWN`, in the client's language."""
    with _language(asked):
        return _refusal(error)


def failed(asked: Asked) -> Reply:
    """The answer when we ourselves failed; the reason is in the log of the process."""
    with _language(asked):
        body = envelope(500, _("平台出了差错"))
        return Reply(500, _open() | {"Content-Type": "application/json", "Cache-Control": "no-store"}, _json(body))


def _prepare(asked: Asked) -> Question | Reply:
    if asked.method == "OPTIONS":
        return Reply(204, _open() | {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": "Content-Type, If-None-Match, Authorization",
            "Access-Control-Max-Age": "86400",
        })  # fmt: skip
    if asked.method not in ("GET", "HEAD", "POST"):
        raise NotAllowed
    number, table = finding.current(asked.name)
    words = _words(asked)
    how = wanted.parse(words, asked.headers.get("accept", ""))
    if how.version and how.version != number:
        table = finding.numbered(asked.name, how.version)
    _check_words(asked.kind, words, table)
    ask = grammar.parse([w for w in words if asked.kind != "groups" or w[0] != "sort"], table)
    wanted.check_format(asked.kind, table, how)
    if how.cursor is not None:
        check(how.cursor, ask)
    if asked.kind == "dump" and ask.everything and not ask.select and how.format in exports.FORMATS:
        place = reverse("download_version", args=[table.dataset, table.number, table.dataset, how.format])
        return Reply(303 if asked.method == "POST" else 302, _open() | {"Location": place, "Cache-Control": "no-cache"})
    tag = _tag(asked.kind, table, ask, how, words)
    headers = _open() | {
        "ETag": f'W/"{tag}"' if asked.kind == "dump" else f'"{tag}"',
        "Cache-Control": FOREVER if how.version else REVALIDATE,
        "Vary": "Accept, Accept-Encoding",
    }
    known = asked.headers.get("if-none-match", "")
    if tag in known:
        return Reply(304, _as_packed(headers) if f"{tag}-gzip" in known else headers)
    return Question(asked, table, ask, how, words, headers, is_heavy(asked.kind, table, ask, how))


def is_heavy(kind: str, table: Table, ask: Ask, how: Wanted) -> bool:
    """Whether answering means to look at many rows, or to send many."""
    if kind == "dump" or how.format != "json" or (how.limit > 1000 and table.rows > 1000):
        return True
    if table.rows <= answers.LARGE:
        return False
    if kind != "rows":
        return answers.looked_at(kind, table, ask, how) > answers.LARGE
    return not (ask.everything and not ask.sort) and not statements.by_key(table, ask)


def _answer(question: Question) -> Reply:
    asked, table, ask, how = question.asked, question.table, question.ask, question.wanted
    headers = dict(question.headers)
    if asked.kind == "dump":
        return _dump(question, headers)
    access.record(
        queries.QUERY, f"dataset:{table.dataset}", version=table.number, filters=len(ask.filters), limit=how.limit
    )
    if asked.kind == "rows":
        body, following, total = formats.rows(table, ask, how)
        headers["Content-Type"] = wanted.CONTENT_TYPES[how.format]
        if total is not None:
            headers["X-Total-Count"] = str(total)
        if following is not None:
            headers["Link"] = f'<{_next(question, following)}>; rel="next"'
        if how.format not in ("json", "geojson"):
            name = f"{table.dataset}-v{table.number}.{how.format}"
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
    else:
        headers["Content-Type"] = wanted.CONTENT_TYPES["json"]
        if asked.kind == "groups":
            body = answers.groups(table, ask, how, _all(question.words, "sort"))
        else:
            body = {"distinct": answers.distinct, "facets": answers.facets}[asked.kind](table, ask, how)
    accepted = asked.headers.get("accept-encoding", "")
    if len(body) >= WORTH_PACKING and how.format in PACKABLE and accepts("gzip", accepted):
        body = gzip.compress(body, 1, mtime=0)
        headers = _as_packed(headers) | {"Content-Encoding": "gzip"}
    return Reply(200, headers, body)


def _as_packed(headers: dict[str, str]) -> dict[str, str]:
    """The same answer, packed, is another representation: it has an ETag of its own (RFC 9110, 8.8.3)."""
    return headers | {"ETag": f'{headers["ETag"][:-1]}-gzip"'}


def _dump(question: Question, headers: dict[str, str]) -> Reply:
    table, ask, kind = question.table, question.ask, question.wanted.format
    access.record(
        queries.DOWNLOAD, f"dataset:{table.dataset}", version=table.number, format=kind, filters=len(ask.filters)
    )
    headers["Content-Type"] = wanted.CONTENT_TYPES[kind]
    headers["Content-Disposition"] = f'attachment; filename="{table.dataset}-v{table.number}-selection.{kind}"'
    packed = dumps.encoding(kind, question.asked.headers.get("accept-encoding", ""))
    if packed:
        headers["Content-Encoding"] = packed
    if question.asked.method == "HEAD":
        return Reply(200, headers)
    pieces = dumps.stream(table, ask, kind, packed)
    return Reply(200, headers, chain([next(pieces, b"")], pieces))  # what fails at once is still told by a status


def _words(asked: Asked) -> Words:
    if len(asked.query) > MOST_BYTES or len(asked.body) > MOST_BYTES:
        raise BodyTooLarge
    try:
        found = parse_qs(asked.query, keep_blank_values=True, errors="strict", max_num_fields=2000)
    except ValueError as error:
        raise BadQuestion(_("地址里的参数看不懂"), parameter="query") from error
    words = list(found.items())
    return words + grammar.read_body(asked.body) if asked.method == "POST" else words


def _check_words(kind: str, words: Words, table: Table) -> None:
    """BadQuestion for words that mean nothing to this kind of question: what isn't heeded must not look as if it were."""
    for name, _values in words:
        if name in grammar.RESERVED and name not in (*of_kind(kind), "lang"):
            raise BadQuestion(_("这里不用参数“%(name)s”") % {"name": name}, parameter=name)


def _tag(kind: str, table: Table, ask: Ask, how: Wanted, words: Words) -> str:
    question = (__version__, kind, table.identity, ask, how, _all(words, "sort"))
    return hashlib.sha256(repr(question).encode()).hexdigest()[:32]


def _next(question: Question, cursor: str) -> str:
    kept = [(name, value) for name, values in question.words for value in values if name not in ("cursor", "offset")]
    address = quote(f"/api/v1/datasets/{question.table.dataset}/rows")
    return f"{address}?{urlencode([*kept, ('cursor', cursor)])}"


def _refusal(error: Exception) -> Reply:
    found = failure(error)
    headers = _open() | {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if found.retry_after is not None:
        headers["Retry-After"] = str(found.retry_after)
    if found.status == 405:
        headers["Allow"] = METHODS
    return Reply(found.status, headers, _json(found.body))


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _open() -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag, Link, X-Total-Count, Retry-After, Content-Disposition",
    }


def _all(words: Words, wanted_name: str) -> list[str]:
    return [value for name, values in words if name == wanted_name for value in values]


@contextmanager
def _language(asked: Asked) -> Iterator[None]:
    """The client's language, for the messages of errors."""
    said = parse_qs(asked.query).get("lang", [""])[-1] if "lang=" in asked.query else None
    cookie = asked.headers.get("cookie", "")
    kept = SimpleCookie(cookie).get(settings.LANGUAGE_COOKIE_NAME) if cookie else None
    language = language_of((said, kept.value if kept else None), asked.headers.get("accept-language", ""))
    with translation.override(language), use_language(language):
        yield
