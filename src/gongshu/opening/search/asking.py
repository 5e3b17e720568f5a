"""One question to the catalogue: what answers it, in which order, and how many there are by facet.

The index proposes the datasets of a page; which of them may be seen is decided by the database, by their ids alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import tantivy
from tantivy import Order, Query

from gongshu import clock
from gongshu.opening import queries
from gongshu.opening.models import Dataset, ExternalDataset
from gongshu.opening.search import slips
from gongshu.opening.search.documents import SOUNDS, schema
from gongshu.opening.search.index import in_sight, searcher
from gongshu.opening.search.matching import FIRST, filtered, phrase, with_all, with_any, with_any_sign
from gongshu.opening.search.words import CJK, pieces, plain, words_of

ORDERS = {"updated": ("updated", Order.Desc), "rows": ("rows", Order.Desc), "title": ("title_order", Order.Asc), "name": ("name", Order.Asc), "issued": ("issued", Order.Desc)}  # fmt: skip
BUCKETS = 2000  # values of a facet that are counted
USED = 500  # datasets that are ordered by use; the others follow by date
SUGGESTED, TRIED = 8, 60
Counts = dict[str, dict[str, int]]
Item = Dataset | ExternalDataset
Entry = tuple[bool, int]  # whether it is of another portal, and its id


@dataclass(frozen=True)
class Wanted:
    """A question: words, filters (facet to value), order (empty: the best first, without words the latest), the part of the
    answers, and the facets to count."""

    question: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    order: str = ""
    offset: int = 0
    limit: int = 20
    facets: tuple[str, ...] = ()
    condition: Query | None = None  # beside the filters


@dataclass(frozen=True)
class Found:
    """The visible datasets of the part that was asked for, how many there are in all, and counts by facet (each with the
    other filters only). ``meant``: what was answered instead, when nothing answers what was asked; ``loose``: not all of the
    words are in what was found."""

    items: list[Item]
    count: int
    facets: Counts
    meant: str = ""
    loose: bool = False

    @property
    def datasets(self) -> list[Dataset]:
        """Those of the city."""
        return [one for one in self.items if isinstance(one, Dataset)]


def ask(wanted: Wanted) -> Found:
    """Answer; IndexMissing while the index is being made."""
    index = searcher()
    wanted = _in_sight(wanted)
    words = words_of(wanted.question) if wanted.question.strip() else []
    query = with_all(words) if words else Query.empty_query() if wanted.question.strip() else Query.all_query()
    entries, count = _page(index, _narrowed(query, wanted), wanted)
    meant, loose = "", False
    if not count and words and not _answers(index, query, wanted):  # else it is the filters that leave nothing
        query, meant, loose = _meant(index, words, wanted)
        entries, count = _page(index, _narrowed(query, wanted), wanted)
    items = resolved(entries)
    count -= len(entries) - len(items)  # gone since the index was written
    return Found(items, count, _facets(index, query, wanted), meant, loose)


def nearest(question: str, most: int) -> list[Item]:
    """What is nearest to a question that nothing answers as it was asked: what answers it without its filters, else what shares
    signs with it, else what is used most."""
    if not question.strip():
        return []
    if found := ask(Wanted(question, limit=most)).items:
        return found
    alike = Wanted(order="best", limit=most, condition=with_any_sign(plain(question)))
    return ask(alike).items or ask(Wanted(order="used", limit=most)).items


def resolved(entries: list[Entry]) -> list[Item]:
    """The visible ones of these datasets, in this order; the city's own with provider and current version."""
    own = queries.visible().defer("current__contract").in_bulk([pk for external, pk in entries if not external])
    listed = [pk for external, pk in entries if external]
    others = queries.visible_external().in_bulk(listed) if listed else {}
    found = (others.get(pk) if external else own.get(pk) for external, pk in entries)
    return [one for one in found if one is not None]


def suggestions(question: str) -> list[tuple[str, str]]:
    """Titles that what was typed so far may become, with the addresses of their datasets: they hold it, or sound like it."""
    typed = plain(question).strip()
    signs = pieces(typed)
    if not signs:
        return []
    index = searcher()
    ways = [phrase("title", typed)]
    if not CJK.search(signs[-1]) and len(signs[-1]) > 1:  # a word that is being typed
        ways = [Query.phrase_prefix_query(schema(), "title_pieces", signs) if len(signs) > 1 else Query.regex_query(schema(), "title_pieces", f"{signs[0]}.*")]  # fmt: skip
        if (sound := "".join(signs)).isascii() and sound.isalpha():
            ways.append(Query.regex_query(schema(), SOUNDS, f"{sound}.*"))
    hits = index.search(Query.boolean_query([(tantivy.Occur.Should, way) for way in ways]), TRIED, count=False).hits
    ranked = []
    for one in resolved(_entries(index, [address for _score, address in hits])):
        places = [plain(title).find(typed) for title in (one.title, one.title_en)]
        place = min((place for place in places if place >= 0), default=100)
        ranked.append((place, len(one.title), one.title, one.get_absolute_url()))
    return [(title, url) for _place, _length, title, url in sorted(ranked)[:SUGGESTED]]


def _in_sight(wanted: Wanted) -> Wanted:
    before = wanted.condition if wanted.condition is not None else Query.all_query()
    after = in_sight(before)
    return wanted if after is before else replace(wanted, condition=after)


def _answers(index: tantivy.Searcher, query: Query, wanted: Wanted) -> bool:
    """Whether anything answers, whatever the filters but that of the source."""
    only = replace(wanted, filters={"source": wanted.filters.get("source", "")})
    return bool(index.search(_narrowed(query, only), 1, count=False).hits)


def _meant(index: tantivy.Searcher, words: list[str], wanted: Wanted) -> tuple[Query, str, bool]:
    """What is asked instead of words that nothing has: the query, what it means, and whether some words may be missing."""
    if (better := slips.meant(index, words)) != words:
        meant = "".join(better) if CJK.search(better[0]) else " ".join(better)
        for query, loose in ((with_all(better), False), (with_any(better), True)):
            if _answers(index, query, wanted):
                return query, meant, loose
    return with_any(words), "", len(words) > 1


def _page(index: tantivy.Searcher, among: Query, wanted: Wanted) -> tuple[list[Entry], int]:
    if wanted.limit <= 0 or wanted.offset >= index.num_docs:
        return [], int(index.search(among, 1).count)
    order = wanted.order or ("" if wanted.question.strip() else "updated")
    if order == "used":
        return _by_use(index, among, wanted)
    if order in ("", "best"):
        result = index.search(among, wanted.limit, offset=wanted.offset)
    else:
        column, way = ORDERS[order.removeprefix("-")]
        if order.startswith("-"):
            way = Order.Asc if way == Order.Desc else Order.Desc
        result = index.search(among, wanted.limit, offset=wanted.offset, order_by_field=column, order=way)
    return _entries(index, [address for _key, address in result.hits]), int(result.count)


def _by_use(index: tantivy.Searcher, among: Query, wanted: Wanted) -> tuple[list[Entry], int]:
    """The most used first, of which there are few; then the others, the latest first."""
    used = queries.most_used(USED)
    if not used:
        return _page(index, among, Wanted(order="updated", offset=wanted.offset, limit=wanted.limit))
    names = Query.term_set_query(schema(), "name", list(used))
    first = index.search(among.and_must_match(names), USED)
    addresses = [address for _score, address in first.hits]
    known = dict(Dataset.objects.filter(name__in=used).values_list("pk", "name"))
    ranked = sorted(_entries(index, addresses), key=lambda entry: -used.get(known.get(entry[1], ""), 0))
    chosen = ranked[wanted.offset : wanted.offset + wanted.limit]
    rest = Wanted(order="updated", offset=max(0, wanted.offset - len(ranked)), limit=wanted.limit - len(chosen))
    others, count = _page(index, among.and_must_not_match(names), rest)
    return chosen + others, count + len(ranked)


def _entries(index: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[Entry]:
    external, ids = (index.fast_field_values(column, addresses) for column in ("external", "id"))
    return [(bool(other), int(pk or 0)) for other, pk in zip(external, ids, strict=True)]


def _facets(index: tantivy.Searcher, query: Query, wanted: Wanted) -> Counts:
    """Counts by facet; those that aren't chosen are counted in one pass, each that is in another."""
    chosen = {key for key, value in wanted.filters.items() if value}
    together = [key for key in wanted.facets if key not in chosen]
    found = counts(index, _narrowed(query, wanted), together) if together else {}
    for key in wanted.facets:
        if key in chosen:
            found |= counts(index, _narrowed(query, wanted, without=key), [key])
    return {key: found[key] for key in wanted.facets}


def _narrowed(query: Query, wanted: Wanted, without: str = "") -> Query:
    among = filtered(query, wanted.filters, without)
    return among if wanted.condition is None else among.and_must_match(wanted.condition)


def counts(index: tantivy.Searcher, among: Query, facets: list[str]) -> Counts:
    """How many of ``among`` have each value of the facets, the most frequent first."""
    now = int(clock.now().timestamp())
    spans = {"late": {"from": FIRST, "to": now + 1}, "on_time": {"from": now + 1}, "none": {"to": FIRST}}
    asked: dict[str, Any] = {}
    for key in facets:
        if key == "freshness":
            ranges = [{"key": name, **span} for name, span in spans.items()]
            asked[key] = {"range": {"field": "due", "ranges": ranges}}
        else:
            field = "provider" if key == "district" else key
            asked[key] = {"terms": {"field": field, "size": BUCKETS, "segment_size": BUCKETS}}
    answer = index.aggregate(among, asked)
    found = {
        key: {str(one["key"]): int(one["doc_count"]) for one in answer[key]["buckets"] if one["doc_count"]}
        for key in facets
    }
    if "district" in found:
        found["district"] = _by_district(found["district"])
    return found


def _by_district(by_provider: dict[str, int]) -> dict[str, int]:
    of = queries.districts_of_bodies()
    counted: Counter[str] = Counter()
    for code, number in by_provider.items():
        if code in of:
            counted[of[code]] += number
    return dict(counted.most_common())
