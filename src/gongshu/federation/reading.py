"""Reading the catalogue of another portal: guarded requests, bounded answers, and which reader understands what came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.conf import settings

from gongshu import clock
from gongshu.federation.models import Source
from gongshu.federation.records import moment_of
from gongshu.outgoing import Answer, Guard, Limits, fetch
from gongshu.tables.errors import TableError

MOST_RECORDS, MOST_PAGES, MOST_SECONDS = 100_000, 2_000, 3_600
MOST_BYTES = 64 * 1024**2  # of one answer
AGAIN = frozenset({429, 500, 502, 503, 504})
WHOLE_DAYS = 7  # at the latest after so many days everything is read again, whatever the portal says of changes
DEEPEST = 100


@dataclass
class Reading:
    """One reading of a source.

    After its records were read: ``unchanged`` (nothing changed since the last whole run), ``rest_same`` (what was not among
    the records is as it was), ``whole`` (read to the end), ``remember`` for the next run.
    """

    kind: str
    address: str
    remembered: dict[str, Any] = field(default_factory=dict)
    unchanged: bool = False
    rest_same: bool = False
    whole: bool = True
    remember: dict[str, Any] = field(default_factory=dict)
    pages: int = 0
    pause: float = 1.0  # seconds before an answer of AGAIN is asked for once more
    began: float = field(default_factory=time.monotonic)
    step: Callable[[int], None] = lambda pages: None

    @property
    def since(self) -> dict[str, Any]:
        """What the last whole run left, as long as it isn't too old to be trusted with changes only."""
        at = moment_of(self.remembered.get("full_at", ""))
        return self.remembered if at is not None and (clock.now() - at).days < WHOLE_DAYS else {}

    def ask(self, url: str, *, accept: str = "application/json", conditional: bool = False) -> Answer:
        """GET a page of the catalogue; 200 or, when asked ``conditional``, 304. TableError for everything else."""
        self.pages += 1
        left = MOST_SECONDS - (time.monotonic() - self.began)
        if self.pages > MOST_PAGES or left <= 0:
            raise TableError("catalogue_endless", "目录读了 {pages} 页还没有完，停下不读", pages=self.pages - 1)
        self.step(self.pages)
        headers = {"Accept": f"{accept}, */*;q=0.1", "User-Agent": f"Gongshu-Harvester (+{settings.SITE_URL})"}
        if conditional and (etag := str(self.since.get("etag") or "")):
            headers["If-None-Match"] = etag
        if conditional and (modified := str(self.since.get("last_modified") or "")):
            headers["If-Modified-Since"] = modified
        limits = Limits(bytes=MOST_BYTES, seconds=min(left, 120.0))
        answer = _patiently(lambda: fetch(url, guard(), limits, headers), self.pause)
        if answer.status == 200 or (conditional and answer.status == 304):
            return answer
        raise TableError("bad_status", "{url} 答复 {status}", url=url[:200], status=answer.status)

    def document(self, accept: str) -> Answer | None:
        """The whole catalogue at the address, when it is one file; None (and ``unchanged``) when it is the same as last time."""
        answer = self.ask(self.address, accept=accept, conditional=True)
        digest = sha256(answer.body).hexdigest()
        if answer.status == 304 or digest == self.since.get("sha256"):
            self.unchanged, self.remember = True, dict(self.remembered)
            return None
        self.remember = {
            "etag": answer.headers.get("etag", "")[:200],
            "last_modified": answer.headers.get("last-modified", "")[:100],
            "sha256": digest,
            "full_at": clock.now().isoformat(),
        }
        return answer


def guard() -> Guard:
    """What may be asked, by the settings of the installation."""
    return Guard.of(settings.OUTGOING_ALLOWED)


def records(reading: Reading) -> Iterator[dict[str, Any]]:
    """What the source lists, record by record, as its reader found it; ``{"unreadable": ...}`` for one that is no record at all."""
    from gongshu.federation import ckan, data_json, dcat  # rdflib is loaded by whoever harvests only

    readers = {Source.Kind.CKAN: ckan.read, Source.Kind.DATA_JSON: data_json.read, Source.Kind.DCAT: dcat.read}
    if reading.kind == Source.Kind.GONGSHU:
        reading.address = f"{reading.address.rstrip('/')}/catalog.ttl"
    read = readers.get(Source.Kind(reading.kind), dcat.read)
    for number, record in enumerate(read(reading)):
        if number >= MOST_RECORDS:
            reading.whole = False
            return
        yield record


def load_json(body: bytes) -> Any:
    """The JSON of an answer; TableError ``catalogue_unreadable`` when it is none, or nested deeper than any catalogue."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TableError("catalogue_unreadable", "应答不是 JSON：{why}", why=str(error)[:100]) from error
    level, depth = [found] if isinstance(found, dict | list) else [], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise TableError("catalogue_unreadable", "应答的 JSON 套了太多层")
        inner = (each for one in level for each in (one.values() if isinstance(one, dict) else one))
        level = [each for each in inner if isinstance(each, dict | list)]
    return found


def _patiently(ask: Callable[[], Answer], pause: float) -> Answer:
    try:
        answer = ask()
        if answer.status not in AGAIN:
            return answer
    except TableError as error:
        if error.code != "unreachable":
            raise
    time.sleep(pause)
    return ask()
