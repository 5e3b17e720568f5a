"""A word as a query of the index, and the filters that stand beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import rjieba
import tantivy
from tantivy import Occur, Query

from gongshu import clock
from gongshu.opening import queries
from gongshu.opening.search.documents import BOOSTS, FACETS, SOUNDS, schema, term
from gongshu.opening.search.words import CJK, pieces, synonyms

SIGN, SIGNS = 4, 40  # letters by which words are taken for near; signs of a question that are looked for
BEGUN = ("title", "keywords")  # in which a word of letters may be only begun
FRESHNESS = ("on_time", "late", "none")
FIRST, NEVER = 1, 2**62  # bounds of times in whole seconds


def with_all(words: Iterable[str]) -> Query:
    """What has every one of the words."""
    return _joined(Occur.Must, words)


def with_any(words: Iterable[str]) -> Query:
    """What has one of them at least."""
    return _joined(Occur.Should, words)


def with_any_sign(text: str) -> Query:
    """What shares signs with a plain ``text``: Chinese characters, and beginnings of words of letters; the more and the rarer, the
    better."""
    ways = []
    for sign in list(dict.fromkeys(pieces(text)))[:SIGNS]:
        for field, boost in BOOSTS.items():
            ways.append(Query.boost_query(Query.term_query(schema(), f"{field}_pieces", sign), boost))
            if field in BEGUN and len(sign) >= SIGN:
                start = Query.regex_query(schema(), f"{field}_pieces", f"{sign[:SIGN]}.*")
                ways.append(Query.boost_query(start, boost / 4))
    return _either(ways) if ways else Query.empty_query()


def phrase(field: str, text: str) -> Query:
    """What has the characters of a plain ``text`` side by side in ``field``."""
    signs = pieces(text)
    if not signs:
        return Query.empty_query()
    if len(signs) == 1:
        return Query.term_query(schema(), f"{field}_pieces", signs[0])
    return Query.phrase_query(schema(), f"{field}_pieces", signs)


def between(field: str, low: int, high: int) -> Query:
    """What has a number of ``field`` within the bounds, both counted."""
    return Query.range_query(schema(), field, tantivy.FieldType.Unsigned, low, high)


def filtered(query: Query, chosen: Mapping[str, str], without: str = "") -> Query:
    """``query`` narrowed by filters (facet to value; freshness: one of :data:`FRESHNESS`), one of them left out."""
    conditions = [_condition(key, value) for key, value in chosen.items() if value and key != without]
    if not conditions:
        return query
    return Query.boolean_query(
        [(Occur.Must, query), *((Occur.Must, Query.const_score_query(one, 0.0)) for one in conditions)]
    )


def _condition(key: str, value: str) -> Query:
    if key == "freshness":
        now = int(clock.now().timestamp())
        spans = {"on_time": (now + 1, NEVER), "late": (FIRST, now), "none": (0, 0)}
        return between("due", *spans[value]) if value in spans else Query.empty_query()
    if key == "district":
        bodies = [code for code, district in queries.districts_of_bodies().items() if district == value]
        return Query.term_set_query(schema(), "provider", bodies) if bodies else Query.empty_query()
    if key not in FACETS:
        raise KeyError(key)
    return term(key, value)


def _joined(occur: Occur, words: Iterable[str]) -> Query:
    same = synonyms()
    return Query.boolean_query([(occur, _word(word, same)) for word in words])


def _either(ways: list[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, way) for way in ways])


def _word(word: str, same: Mapping[str, tuple[str, ...]]) -> Query:
    """``word``, or lower what means the same, or lower still what sounds so."""
    ways = [_said(word)]
    ways += [Query.boost_query(_said(other), 0.4) for other in same.get(word, ())]
    if len(word) > 1 and word.isascii() and word.isalpha():
        ways.append(Query.boost_query(Query.term_query(schema(), SOUNDS, word), 3.0))
        if len(word) > 3:
            ways.append(Query.boost_query(Query.regex_query(schema(), SOUNDS, f"{word}.*"), 1.5))
    return _either(ways)


def _said(word: str) -> Query:
    """``word`` as a whole in any field, or its characters side by side, or all the words that a compound is made of."""
    parts = [part for part in rjieba.cut_for_search(word) if len(part) == 2 < len(word)] if CJK.search(word) else []
    if len(parts) < 2:
        return _one(word)
    all_parts = Query.boolean_query([(Occur.Must, _one(part)) for part in parts])
    return _either([_one(word), Query.boost_query(all_parts, 0.5)])


def _one(word: str) -> Query:
    ways = []
    signs = pieces(word)
    latin = len(signs) == 1 and not CJK.search(word)
    for field, boost in BOOSTS.items():
        if latin:  # its piece is the word: asked once, not twice
            ways.append(Query.boost_query(phrase(field, word), 1.5 * boost))
        else:
            ways.append(Query.boost_query(Query.term_query(schema(), field, word), boost))
            ways.append(Query.boost_query(phrase(field, word), boost / 2))
        if latin and len(word) > 2 and field in BEGUN:
            start = Query.regex_query(schema(), f"{field}_pieces", f"{signs[0]}.*")
            ways.append(Query.boost_query(start, boost / 4))
    return _either(ways)
