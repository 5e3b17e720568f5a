"""``package_search``: the part of Solr's language that CKAN's clients use, as queries of our index.

``fq`` and the fields of ``q``: ``field:value``, ``field:"a phrase"``, ``field:(a OR b)``, ``field:[from TO to]``, joined by
spaces, AND, OR, with NOT, ``-``, ``+`` and brackets. Free words of ``q`` go to the portal's own search.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from tantivy import Occur, Query

from gongshu import clock
from gongshu.opening import exports, search, terms
from gongshu.opening.described import describe, with_first
from gongshu.opening.search.documents import OWN, key_of, term
from gongshu.opening.search.matching import NEVER, between, phrase
from gongshu.parties.models import Organisation
from gongshu.surfaces.ckan import identity, packages
from gongshu.surfaces.ckan.errors import BadSearch, Invalid

ROWS, MOST_ROWS = 10, 1000
LONGEST, MOST_TOKENS, DEEPEST, MOST_QUERIES = 4000, 400, 10, 20
FACET_LIMIT = 50
FACETS = {"organization": "provider", "groups": "topic", "tags": "tag", "res_format": "format", "license_id": "licence"}
_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<sign>[+\-!])(?=\S)"
    r"|(?P<field>[A-Za-z_][\w.]*):(?=\S)|(?P<phrase>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<range>[\[{]\s*(?P<low>[^\s\]}]+)\s+TO\s+(?P<high>[^\s\]}]+)\s*[\]}])|(?P<word>[^\s()\"]+))"
)
_DATE = re.compile(r"NOW(?:/DAY)?(?:-(\d{1,6})(DAY|HOUR|MONTH|YEAR)S?)?")
_UNITS = {"HOUR": timedelta(hours=1), "DAY": timedelta(days=1), "MONTH": timedelta(days=30), "YEAR": timedelta(days=365)}  # fmt: skip
SORTS = {
    "id": "name",
    "name": "name",
    "title": "title",
    "title_string": "title",
    "metadata_modified": "updated",
    "metadata_created": "issued",
}
DOWNWARDS = ("updated", "issued")  # orders of the index that begin with the largest


def package_search(params: dict[str, Any], site: str) -> dict[str, Any]:
    """The action: ``{count, results, facets, search_facets, sort}``."""
    rows, start = number(params, "rows", ROWS), number(params, "start", 0)
    listed = _texts(params.get("fq_list"))
    if len(listed) > MOST_QUERIES:
        raise Invalid(fq_list=[f"Must be at most {MOST_QUERIES} queries"])
    conditions = [_Reader(text).read() for text in (str(params.get("fq") or ""), *listed) if text.strip()]
    words, condition = _free_words(str(params.get("q") or ""))
    sort = str(params.get("sort") or "score desc, metadata_modified desc")
    facets = _facet_fields(params)
    wanted = search.Wanted(
        " ".join(words),
        {"source": OWN},
        _order(sort) or "",
        start,
        min(rows, MOST_ROWS),
        tuple(FACETS[field] for field in facets),
        _every([*conditions, condition]),
    )
    found = search.ask(wanted)
    answer: dict[str, Any] = {
        "count": found.count,
        "results": packages.packages(found.datasets, describe(with_first(found.datasets), site)),
        "sort": sort,
        "facets": {},
        "search_facets": {},
    }
    for field in facets:
        items = _facet(field, found.facets[FACETS[field]], number(params, "facet.limit", FACET_LIMIT))
        answer["facets"][field] = {item["name"]: item["count"] for item in items}
        answer["search_facets"][field] = {"title": field, "items": items}
    return answer


def number(params: dict[str, Any], name: str, default: int) -> int:
    """A whole number from 0; Invalid for anything else."""
    said = params.get(name)
    if said in (None, ""):
        return default
    text = str(said).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(**{name: ["Must be a natural number"]})
    return int(text)


class _Reader:
    """Reads one query by recursive descent."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise BadSearch("Search Query is too long")
        self._tokens: list[tuple[str, re.Match[str]]] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None or len(self._tokens) >= MOST_TOKENS:
                raise BadSearch(f"Search Query is invalid: {text[:200]!r}")
            kind = next(kind for kind in ("open", "close", "sign", "field", "phrase", "range", "word") if match[kind])
            self._tokens.append((kind, match))
            place = match.end()
        self._place = 0
        self.words: list[str] = []  # free ones, which no field stands before

    def read(self) -> Query:
        """The condition; BadSearch for what can't be read."""
        found = self._any("", 0)
        if self._place < len(self._tokens):
            raise BadSearch("Search Query is invalid: a bracket too many")
        return found

    def _any(self, field: str, depth: int) -> Query:
        if depth > DEEPEST:
            raise BadSearch("Search Query is nested too deep")
        found = [self._all(field, depth)]
        while self._word_is("OR", "||"):
            self._place += 1
            found.append(self._all(field, depth))
        return _some(found)

    def _all(self, field: str, depth: int) -> Query:
        found: list[Query] = []
        while self._place < len(self._tokens) and self._kind() != "close" and not self._word_is("OR", "||"):
            if self._word_is("AND", "&&"):
                self._place += 1
                continue
            joined = self._before_is("AND", "&&")
            one = self._one(field, depth)
            # in the brackets of a field words stand beside each other for "any of them", as Solr reads it here
            found = [_some([*found, one])] if field and found and not joined else [*found, one]
        return _every(found)

    def _one(self, field: str, depth: int) -> Query:
        kind, match = self._tokens[self._place]
        self._place += 1
        if kind == "sign" or (kind == "word" and match["word"] == "NOT"):
            if self._place >= len(self._tokens):
                raise BadSearch("Search Query is invalid: nothing after a sign")
            one = self._one(field, depth)
            return one if match["sign"] == "+" else Query.all_query().and_must_not_match(one)
        if kind == "open":
            found = self._any(field, depth + 1)
            if self._place >= len(self._tokens):
                raise BadSearch("Search Query is invalid: a bracket is not closed")
            self._place += 1
            return found
        if kind == "field":
            if self._place >= len(self._tokens):
                raise BadSearch("Search Query is invalid: a field without a value")
            return self._one(match["field"], depth)
        if kind == "range":
            return _between(field, match["low"], match["high"])
        text = re.sub(r"\\(.)", r"\1", match["phrase"][1:-1]) if kind == "phrase" else match["word"].replace("\\", "")
        if kind == "word" and text.endswith(":"):
            raise BadSearch("Search Query is invalid: a field without a value")
        if not field:
            self.words.append(text)
            return Query.all_query()
        return _equal(field, text)

    def _kind(self) -> str:
        return self._tokens[self._place][0]

    def _word_is(self, *texts: str) -> bool:
        return self._place < len(self._tokens) and self._tokens[self._place][1]["word"] in texts

    def _before_is(self, *texts: str) -> bool:
        return self._place > 0 and self._tokens[self._place - 1][1]["word"] in texts


def _some(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, one) for one in queries])


def _every(queries: list[Query]) -> Query:
    if not queries:
        return Query.all_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, one) for one in queries])


def _free_words(text: str) -> tuple[list[str], Query]:
    if text.strip() in ("", "*:*", "*"):
        return [], Query.all_query()
    reader = _Reader(text.replace("*:*", " "))
    condition = reader.read()
    return [word for word in reader.words if word != "*"], condition


def _equal(field: str, text: str) -> Query:
    if text == "*":
        return Query.all_query()
    made = _FIELDS.get(field)
    if made is None:
        raise BadSearch(f"undefined field {field[:80]}")
    return made(text)


def _between(field: str, low: str, high: str) -> Query:
    column = {"metadata_modified": "updated", "metadata_created": "issued"}.get(field)
    if column is None:
        raise BadSearch(f"Search Query is invalid: {field[:80] or 'a range'} has no order here")
    first = 0 if low == "*" else max(0, math.ceil(_moment(low).timestamp()))
    last = NEVER if high == "*" else int(_moment(high).timestamp())
    return between(column, first, last) if first <= last else Query.empty_query()


def _moment(text: str) -> datetime:
    if match := _DATE.fullmatch(text):
        return clock.now() - (int(match[1]) * _UNITS[match[2]] if match[1] else timedelta(0))
    try:
        found = parse_datetime(text.strip('"')) or parse_datetime(f"{text}T00:00:00")
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise BadSearch(f"Invalid Date String: {text[:60]!r}")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _package(text: str) -> Query:
    found = identity.read(text)
    if found and found[0] == identity.PACKAGE:
        return term("key", key_of(OWN, found[1]))
    return term("name", text)


def _organisation(text: str) -> Query:
    found = identity.read(text)
    if found and found[0] == identity.ORGANISATION:
        text = Organisation.objects.filter(pk=found[1]).values_list("code", flat=True).first() or ""
    return term("provider", text)


def _always(*texts: str) -> Callable[[str], Query]:
    return lambda text: Query.all_query() if text in texts else Query.empty_query()


def _in(field: str) -> Callable[[str], Query]:
    return lambda text: phrase(field, search.plain(text))


def _is(field: str) -> Callable[[str], Query]:
    return lambda text: term(field, text)


_FIELDS: dict[str, Callable[[str], Query]] = {
    "id": _package,
    "name": _is("name"),
    "title": _in("title"),
    "notes": _in("summary"),
    "author": _in("author"),
    "organization": _organisation,
    "owner_org": _organisation,
    "groups": _is("topic"),
    "tags": _is("tag"),
    "res_format": lambda text: term("format", text.lower()),
    "license_id": _is("licence"),
    "state": _always("active"),
    "capacity": _always("public"),
    "private": _always("false", "False"),
    "type": _always("dataset"),
    "dataset_type": _always("dataset"),
    "entity_type": _always("package"),
    "site_id": lambda _text: Query.all_query(),
}


def _order(sort: str) -> str | None:
    """The order of the index by the first field that is named; None for the best first."""
    found: list[str] = []
    for part in sort.split(","):
        name, _space, way = part.strip().partition(" ")
        if name in ("score", "relevance", "views_recent"):
            if not found:
                return None
            continue
        if name not in SORTS or way.strip().lower() not in ("", "asc", "desc"):
            raise BadSearch(f"Can't determine a Sort Order (asc or desc) in sort spec {sort[:200]!r}")
        order = SORTS[name]
        downwards = way.strip().lower() == "desc"
        found.append(order if downwards == (order in DOWNWARDS) else f"-{order}")
    return found[0] if found else None


def _facet_fields(params: dict[str, Any]) -> list[str]:
    said = params.get("facet.field") or []
    if isinstance(said, str):
        said = [part.strip(" \"'[]") for part in said.split(",")]
    if not isinstance(said, list):
        raise Invalid(**{"facet.field": ["Must be a list of fields"]})
    return [field for field in map(str, said) if field in FACETS]


def _facet(field: str, counted: dict[str, int], most: int) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    if field == "organization":
        names = dict(Organisation.objects.filter(code__in=counted).values_list("code", "name"))
    elif field == "groups":
        names = {key: str(terms.topic(key).entry.get("zh", key)) for key in counted}
    elif field == "res_format":
        counted = {exports.FORMATS[key].label: n for key, n in counted.items() if key in exports.FORMATS}
    chosen = list(counted.items())[: most or None]
    return [{"name": name, "display_name": names.get(name, name), "count": n} for name, n in chosen]


def _texts(said: Any) -> list[str]:
    return [str(text) for text in said] if isinstance(said, list) else []
