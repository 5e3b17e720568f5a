"""What is taken of a record of another portal: texts without markup and within bounds, dates, addresses, and what was left out.

A reader hands over what it found as a dict of uncertain values (:data:`NAMES`); :func:`clean` makes a :class:`Record` of it,
or says what makes it unusable.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from gongshu import clock, outgoing
from gongshu.federation import vocabulary
from gongshu.tables.errors import TableError

NAMES = "remote_id title title_en summary summary_en publisher keywords topics licence frequency language spatial issued modified landing_page distributions columns identifiers slug refused".split()  # fmt: skip
LONGEST = {
    "remote_id": 500,
    "title": 300,
    "title_en": 300,
    "summary": 10_000,
    "summary_en": 10_000,
    "publisher": 200,
    "licence": 500,
    "language": 20,
    "spatial": 300,
    "keyword": 60,
    "column": 200,
}
MOST_KEYWORDS, MOST_DISTRIBUTIONS, MOST_COLUMNS, MOST_IDENTIFIERS = 50, 50, 500, 10
MOST_BYTES = 64 * 1024  # of a record; what comes after is distributions, so these are cut
_TAG = re.compile(
    r"<(/?)(!|[a-zA-Z]++)[^<>]*+>"
)  # stops at the next "<" and never goes back: time grows with the text only
_BLOCKS = frozenset("p br div li ul ol tr h1 h2 h3 h4 h5 h6 table section".split())
MOST_TEXTS = 1_000  # of a list
LOOKED_AT = 200_000  # characters of a text
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n{3,}")
_DAY = re.compile(r"^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$")


@dataclass(frozen=True)
class Note:
    """One thing about a record that is kept for the report: a code, the field, and what stood there, cut short."""

    code: str
    field: str = ""
    value: str = ""


class Defect(Exception):
    """The record can't be listed."""

    def __init__(self, note: Note, remote_id: str = "", title: str = "") -> None:
        super().__init__(note.code)
        self.note, self.remote_id, self.title = note, remote_id, title


class NotOpen(Defect):
    """The record is whole, but not one for the public: a draft, a private one, one that is declared not public."""


@dataclass
class Record:
    """A record as it can be listed; ``topic``, ``frequency`` and ``licence`` are keys of ours or ""."""

    remote_id: str
    title: str
    title_en: str = ""
    summary: str = ""
    summary_en: str = ""
    publisher: str = ""
    keywords: list[str] = field(default_factory=list)
    topic: str = ""
    licence: str = ""
    licence_said: str = ""
    frequency: str = ""
    language: str = ""
    spatial: str = ""
    issued: str = ""  # ISO 8601 with offset
    modified: str = ""
    landing_page: str = ""
    distributions: list[dict[str, Any]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    slug: str = ""
    notes: list[Note] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the staged catalogue."""
        return asdict(self)

    @classmethod
    def of(cls, found: dict[str, Any]) -> Record:
        """Back from :meth:`as_json`."""
        return cls(**{**found, "notes": [Note(**each) for each in found["notes"]]})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is shown of the record: another one when something changed."""
        shown = {
            key: value for key, value in asdict(self).items() if key not in ("notes", "columns", "identifiers", "slug")
        }
        return sha256(json.dumps(shown, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def clean(found: dict[str, Any]) -> Record:
    """The record of what a reader found. Defect when it has no identifier or no title; NotOpen when it isn't for the public."""
    notes: list[Note] = []

    def words(name: str) -> str:
        return _bounded(found.get(name), name, notes)

    remote_id, title, title_en = words("remote_id").replace("\n", " "), words("title"), words("title_en")
    title, title_en = " ".join(title.split()), " ".join(title_en.split())
    if not remote_id:
        raise Defect(Note("no_identifier"), "", title or title_en)
    if not (title or title_en):
        raise Defect(Note("no_title"), remote_id)
    if found.get("refused"):
        raise NotOpen(Note("not_open", "", str(found["refused"])[:100]), remote_id, title or title_en)
    licences = [each.replace("\n", " ")[: LONGEST["licence"]] for each in texts(found.get("licence"))]
    record = Record(
        remote_id=remote_id,
        title=title or title_en,
        title_en=title_en if title and title_en != title else "",
        summary=words("summary"),
        summary_en=words("summary_en"),
        publisher=" ".join(words("publisher").split()),
        keywords=_list(found.get("keywords"), "keyword", MOST_KEYWORDS, notes),
        topic=vocabulary.topic([*texts(found.get("topics")), *texts(found.get("keywords"))]),
        licence=next(filter(None, map(vocabulary.licence, licences)), ""),
        licence_said=next(iter(licences), ""),
        frequency=vocabulary.frequency(plain(found.get("frequency"))),
        language=words("language"),
        spatial=" ".join(words("spatial").split()) if _is_place(plain(found.get("spatial"))[:400]) else "",
        issued=_moment(found.get("issued"), "issued", notes),
        modified=_moment(found.get("modified"), "modified", notes),
        landing_page=_address(found.get("landing_page"), "landing_page", notes, 1000),
        columns=_list(found.get("columns"), "column", MOST_COLUMNS, notes),
        identifiers=[each[:2000] for each in texts(found.get("identifiers"))[:MOST_IDENTIFIERS]],
        slug=re.sub(r"[^a-z0-9]+", "-", plain(found.get("slug")).lower()).strip("-")[:50],
        notes=notes,
    )
    if record.summary_en == record.summary:
        record.summary_en = ""
    record.distributions = _distributions(found.get("distributions"), notes)
    _fit(record)
    return record


def _is_place(text: str) -> bool:
    """Whether it names a place: coordinates and shapes don't."""
    return bool(re.search(r"[^\W\d_]{2,}", text)) and not re.match(
        r"[{<]|(MULTI)?(POLYGON|POINT|LINESTRING)|https?:", text
    )


def texts(value: Any) -> list[str]:
    """The texts in a value that should be a list of them, but may be one text, numbers, nothing or anything else."""
    if isinstance(value, str):
        return [plain(value)] if plain(value) else []
    if isinstance(value, Iterable) and not isinstance(value, dict):
        plain_ones = (each for each in islice(value, MOST_TEXTS) if not isinstance(each, dict | list))
        return [text for each in plain_ones if (text := plain(each))]
    return []


def plain(value: Any) -> str:
    """A text without markup and control characters, lines kept; "" for what is none. A dict of languages gives its Chinese or English."""
    if isinstance(value, dict):
        value = next(
            (value[key] for key in (*(k for k in value if str(k).startswith("zh")), "en", *value) if value.get(key)), ""
        )
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)[:LOOKED_AT]
    if _TAG.search(text):
        text = _stripped(text)
    text = html.unescape(text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c == "\n" or not unicodedata.category(c).startswith("C") or c in "\u200c\u200d\t")
    return _LINES.sub("\n\n", "\n".join(_SPACE.sub(" ", line).strip() for line in text.split("\n"))).strip()


def _stripped(text: str) -> str:
    """The text of HTML, a line for each block, without scripts and styles. Not html.parser: tags that are never closed cost it
    the square of their number."""
    found: list[str] = []
    at = silent = 0
    for tag in _TAG.finditer(text):
        if not silent:
            found.append(text[at : tag.start()])
        at, closes, name = tag.end(), bool(tag[1]), tag[2].lower()
        if name in ("script", "style"):
            silent = max(0, silent + (-1 if closes else 1))
        elif name in _BLOCKS and (name == "p" or not closes):
            found.append("\n")
    if not silent:
        found.append(text[at:])
    return "".join(found)


def _bounded(value: Any, name: str, notes: list[Note]) -> str:
    if value is not None and not isinstance(value, str | dict) and plain(value):
        notes.append(Note("not_text", name, plain(value)[:300]))
    text, most = plain(value), LONGEST[name]
    if len(text) > most:
        notes.append(Note("too_long", name, f"{len(text)}"))
        text = f"{text[: most - 1]}…"
    return text


def _list(value: Any, name: str, most: int, notes: list[Note]) -> list[str]:
    found = list(dict.fromkeys(" ".join(text.split())[: LONGEST[name]] for text in texts(value)))
    if len(found) > most:
        notes.append(Note("too_many", name, f"{len(found)}"))
    return found[:most]


def moment_of(value: Any) -> datetime | None:
    """A date or a time of day as portals write it (ISO 8601, a year, a month); None for what is none. Without offset: UTC."""
    text = plain(value)
    try:
        if found := _DAY.match(text):
            year, month, day = (int(part or 1) for part in found.groups())
            return datetime(year, month, day, tzinfo=UTC)
        moment = datetime.fromisoformat(text.replace(" UTC", "Z"))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(value: Any, name: str, notes: list[Note]) -> str:
    text = plain(value)
    if not text:
        return ""
    try:
        moment = moment_of(text)
        if moment is None or moment.year < 1900 or moment > clock.now() + timedelta(days=1):
            raise ValueError
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        notes.append(Note("bad_date", name, text[:100]))
        return ""


def _address(value: Any, name: str, notes: list[Note], most: int) -> str:
    text = plain(value).replace("\n", "").replace(" ", "%20")
    if not text:
        return ""
    try:
        outgoing.split(text)
    except TableError:
        notes.append(Note("bad_address", name, text[:300]))
        return ""
    if len(text) > most:
        notes.append(Note("too_long", name, f"{len(text)}"))
        return ""
    return text


def _distributions(value: Any, notes: list[Note]) -> list[dict[str, Any]]:
    listed = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    found = []
    if len(listed) > MOST_DISTRIBUTIONS:
        notes.append(Note("too_many", "distributions", f"{len(listed)}"))
    for one in listed[:MOST_DISTRIBUTIONS]:
        url = _address(one.get("url"), "distribution", notes, 2000)
        if not url:
            continue
        media_type = plain(one.get("media_type"))[:100]
        try:
            size = int(float(plain(one.get("size")) or 0))
        except (ValueError, OverflowError):
            size = 0
        found.append(
            {
                "title": " ".join(plain(one.get("title")).split())[:200],
                "format": vocabulary.format_name(plain(one.get("format")), media_type, url),
                "media_type": media_type,
                "url": url,
                "size": size if 0 < size < 2**53 else None,
            }
        )
    return found


def _fit(record: Record) -> None:
    while record.distributions and len(json.dumps(record.distributions)) > MOST_BYTES:
        record.distributions = record.distributions[: len(record.distributions) // 2]
        record.notes.append(Note("too_many", "distributions"))
    del record.notes[20:]
