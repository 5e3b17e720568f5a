"""``package_search``: the part of Solr's language that CKAN's clients use, as conditions of our database.

``fq`` and the fields of ``q``: ``field:value``, ``field:"a phrase"``, ``field:(a OR b)``, ``field:[from TO to]``, joined by
spaces, AND, OR, with NOT, ``-``, ``+`` and brackets. Free words of ``q`` go to the portal's own search.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from gongshu import clock
from gongshu.opening import exports, queries, search, terms
from gongshu.opening.described import describe, in_sight
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation
from gongshu.surfaces.ckan import identity, packages
from gongshu.surfaces.ckan.errors import BadSearch, Invalid

ROWS, MOST_ROWS = 10, 1000
LONGEST, MOST_TOKENS, DEEPEST, MOST_QUERIES = 4000, 400, 10, 20
FACET_LIMIT, FACETS = 50, ("organization", "groups", "tags", "res_format", "license_id")
_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<sign>[+\-!])(?=\S)"
    r"|(?P<field>[A-Za-z_][\w.]*):(?=\S)|(?P<phrase>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<range>[\[{]\s*(?P<low>[^\s\]}]+)\s+TO\s+(?P<high>[^\s\]}]+)\s*[\]}])|(?P<word>[^\s()\"]+))"
)
_DATE = re.compile(r"NOW(?:/DAY)?(?:-(\d{1,6})(DAY|HOUR|MONTH|YEAR)S?)?")
_UNITS = {"HOUR": timedelta(hours=1), "DAY": timedelta(days=1), "MONTH": timedelta(days=30), "YEAR": timedelta(days=365)}  # fmt: skip
SORTS = {
    "id": ["pk"],
    "name": ["name"],
    "title": ["title", "name"],
    "title_string": ["title", "name"],
    "metadata_modified": ["current__published_at", "name"],
    "metadata_created": ["first_at", "name"],
}


def package_search(params: dict[str, Any], site: str) -> dict[str, Any]:
    """The action: ``{count, results, facets, search_facets, sort}``."""
    rows, start = number(params, "rows", ROWS), number(params, "start", 0)
    found = in_sight()
    listed = _texts(params.get("fq_list"))
    if len(listed) > MOST_QUERIES:
        raise Invalid(fq_list=[f"Must be at most {MOST_QUERIES} queries"])
    for text in [str(params.get("fq") or ""), *listed]:
        found = found.filter(_Reader(text).read())
    words, condition = _free_words(str(params.get("q") or ""))
    found = found.filter(condition)
    sort = str(params.get("sort") or "score desc, metadata_modified desc")
    order = _order(sort)
    if words:
        ids = search.find(" ".join(words), found)
        if order is not None:
            ids = list(found.filter(pk__in=ids).order_by(*order).values_list("pk", flat=True))
        count = len(ids)
        by_id = found.in_bulk(ids[start : start + min(rows, MOST_ROWS)])
        shown = [by_id[pk] for pk in ids[start : start + min(rows, MOST_ROWS)] if pk in by_id]
        matched = queries.visible().filter(pk__in=ids)
    else:
        count = found.count()
        found = found.order_by(*(order or ["-current__published_at", "name"]))
        shown = list(found[start : start + min(rows, MOST_ROWS)])
        matched = queries.visible().filter(pk__in=found.values("pk"))
    answer: dict[str, Any] = {
        "count": count,
        "results": packages.packages(shown, describe(shown, site)),
        "sort": sort,
        "facets": {},
        "search_facets": {},
    }
    for field in _facet_fields(params):
        items = _facet(field, matched, number(params, "facet.limit", FACET_LIMIT))
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

    def read(self) -> Q:
        """The condition; BadSearch for what can't be read."""
        found = self._any("", 0)
        if self._place < len(self._tokens):
            raise BadSearch("Search Query is invalid: a bracket too many")
        return found

    def _any(self, field: str, depth: int) -> Q:
        if depth > DEEPEST:
            raise BadSearch("Search Query is nested too deep")
        found = self._all(field, depth)
        while self._word_is("OR", "||"):
            self._place += 1
            found |= self._all(field, depth)
        return found

    def _all(self, field: str, depth: int) -> Q:
        found = Q()
        while self._place < len(self._tokens) and self._kind() != "close" and not self._word_is("OR", "||"):
            if self._word_is("AND", "&&"):
                self._place += 1
                continue
            one = self._one(field, depth)
            # in the brackets of a field words stand beside each other for "any of them", as Solr reads it here
            found = found | one if field and found and not self._before_is("AND", "&&") else found & one
        return found

    def _one(self, field: str, depth: int) -> Q:
        kind, match = self._tokens[self._place]
        self._place += 1
        if kind == "sign" or (kind == "word" and match["word"] == "NOT"):
            if self._place >= len(self._tokens):
                raise BadSearch("Search Query is invalid: nothing after a sign")
            one = self._one(field, depth)
            return one if match["sign"] == "+" else ~one
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
            return Q()
        return _equal(field, text)

    def _kind(self) -> str:
        return self._tokens[self._place][0]

    def _word_is(self, *texts: str) -> bool:
        return self._place < len(self._tokens) and self._tokens[self._place][1]["word"] in texts

    def _before_is(self, *texts: str) -> bool:
        return self._place > 1 and self._tokens[self._place - 2][1]["word"] in texts


def _free_words(text: str) -> tuple[list[str], Q]:
    if text.strip() in ("", "*:*", "*"):
        return [], Q()
    reader = _Reader(text.replace("*:*", " "))
    condition = reader.read()
    return [word for word in reader.words if word != "*"], condition


def _equal(field: str, text: str) -> Q:
    if text == "*":
        return Q()
    made = _FIELDS.get(field)
    if made is None:
        raise BadSearch(f"undefined field {field[:80]}")
    return made(text)


def _between(field: str, low: str, high: str) -> Q:
    column = {"metadata_modified": "current__published_at", "metadata_created": "first_at"}.get(field)
    if column is None:
        raise BadSearch(f"Search Query is invalid: {field[:80] or 'a range'} has no order here")
    found = Q()
    for end, operator in ((low, "gte"), (high, "lte")):
        if end != "*":
            found &= Q(**{f"{column}__{operator}": _moment(end)})
    return found


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


def _known(text: str, kind: int) -> Q | None:
    found = identity.read(text)
    return Q(pk=found[1]) if found and found[0] == kind else None


def _organisation(text: str) -> Q:
    found = identity.read(text)
    return Q(provider=found[1]) if found and found[0] == identity.ORGANISATION else Q(provider__code=text)


def _tagged(text: str) -> Q:
    return Q(pk__in=[pk for pk, words in queries.visible().values_list("pk", "keywords") if text in words])


def _format(text: str) -> Q:
    key = text.lower()
    if key not in exports.FORMATS:
        return Q(pk__in=[])
    return Q(pk__in=queries.has_format(queries.visible(), key).values("pk"))


def _always(*texts: str) -> Callable[[str], Q]:
    return lambda text: Q() if text in texts else Q(pk__in=[])


_FIELDS: dict[str, Callable[[str], Q]] = {
    "id": lambda text: _known(text, identity.PACKAGE) or Q(name=text),
    "name": lambda text: Q(name=text),
    "title": lambda text: Q(title__icontains=text) | Q(title_en__icontains=text),
    "notes": lambda text: Q(summary__icontains=text) | Q(summary_en__icontains=text),
    "author": lambda text: Q(provider__name__icontains=text),
    "organization": _organisation,
    "owner_org": _organisation,
    "groups": lambda text: Q(topic=text),
    "tags": _tagged,
    "res_format": _format,
    "license_id": lambda text: Q(licence=text),
    "state": _always("active"),
    "capacity": _always("public"),
    "private": _always("false", "False"),
    "type": _always("dataset"),
    "dataset_type": _always("dataset"),
    "entity_type": _always("package"),
    "site_id": lambda _text: Q(),
}


def _order(sort: str) -> list[str] | None:
    """Columns of the database; None for the best first."""
    found: list[str] = []
    for part in sort.split(","):
        name, _space, way = part.strip().partition(" ")
        if name in ("score", "relevance", "views_recent"):
            if not found:
                return None
            continue
        if name not in SORTS or way.strip().lower() not in ("", "asc", "desc"):
            raise BadSearch(f"Can't determine a Sort Order (asc or desc) in sort spec {sort[:200]!r}")
        first, *rest = SORTS[name]
        found += [f"-{first}" if way.strip().lower() == "desc" else first, *rest]
    return found or None


def _facet_fields(params: dict[str, Any]) -> list[str]:
    said = params.get("facet.field") or []
    if isinstance(said, str):
        said = [part.strip(" \"'[]") for part in said.split(",")]
    if not isinstance(said, list):
        raise Invalid(**{"facet.field": ["Must be a list of fields"]})
    return [field for field in map(str, said) if field in FACETS]


def _facet(field: str, among: QuerySet[Dataset], most: int) -> list[dict[str, Any]]:
    counts: Counter[str]
    names: dict[str, str] = {}
    if field == "organization":
        counts = Counter(among.order_by().values_list("provider__code", flat=True))
        names = dict(Organisation.objects.filter(code__in=counts).values_list("code", "name"))
    elif field == "groups":
        counts = Counter(among.order_by().values_list("topic", flat=True))
        names = {key: str(terms.topic(key).entry.get("zh", key)) for key in counts}
    elif field == "license_id":
        counts = Counter(among.order_by().values_list("licence", flat=True))
    elif field == "tags":
        counts = Counter(word for words in among.order_by().values_list("keywords", flat=True) for word in words)
    else:
        listed = [one for one in exports.FORMATS.values() if one.listed]
        counts = Counter({one.label: queries.has_format(among, one.key).count() for one in listed})
    chosen = [(name, n) for name, n in counts.most_common() if n][: most or None]
    return [{"name": name, "display_name": names.get(name, name), "count": n} for name, n in chosen]


def _texts(said: Any) -> list[str]:
    return [str(text) for text in said] if isinstance(said, list) else []
