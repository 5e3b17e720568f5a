"""What was meant by a word that no dataset knows: one that sounds alike, or differs by a letter or two.

The words of titles and keywords stand in the index as terms of their own; a Levenshtein automaton walks through them, so
that the time hardly grows with their number. (Schulz, Mihov 2002: Fast string correction with Levenshtein automata.)
"""

from __future__ import annotations

import difflib
from collections import Counter

import tantivy
from tantivy import Query

from gongshu.opening import sounds
from gongshu.opening.search.documents import SPOKEN, VOCABULARY, schema, term
from gongshu.opening.search.matching import with_all
from gongshu.opening.search.words import CJK, synonyms

READ = 30  # datasets that have a near word, of which the words are looked at
TRIED = 5  # near words that only mean the same as others


def meant(searcher: tantivy.Searcher, words: list[str]) -> list[str]:
    """The words, each that no dataset knows replaced by the known one that is nearest."""
    return [word if _known(searcher, word) else _nearest(searcher, word) or word for word in words]


def _known(searcher: tantivy.Searcher, word: str) -> bool:
    return bool(searcher.search(with_all([word]), 1, count=False).hits)


def _nearest(searcher: tantivy.Searcher, word: str) -> str:
    if sound := sounds.spoken(word):
        alike = Counter(
            known for known in _words(searcher, term(SPOKEN, sound)) if CJK.search(known) and sounds.spoken(known) == sound
        )  # fmt: skip
        if alike:
            return alike.most_common(1)[0][0]
    for distance in range(1, _most(word) + 1):
        query = Query.fuzzy_term_query(schema(), VOCABULARY, word, distance=distance)
        near = Counter(known for known in _words(searcher, query) if _likeness(word, known) >= _least(word))
        if near:
            return max(near, key=lambda known: (_likeness(word, known), near[known]))
    return _of_synonyms(searcher, word)


def _of_synonyms(searcher: tantivy.Searcher, word: str) -> str:
    """The nearest of the words that are only known to mean the same as others, when something answers it."""
    near = [
        known
        for known in synonyms()
        if abs(len(known) - len(word)) <= _most(word)
        and (known[0] == word[0] or known[-1] == word[-1])
        and _likeness(word, known) >= _least(word)
    ]
    near.sort(key=lambda known: -_likeness(word, known))
    return next((known for known in near[:TRIED] if _known(searcher, known)), "")


def _words(searcher: tantivy.Searcher, query: Query) -> list[str]:
    return [
        str(word)
        for _score, address in searcher.search(query, READ, count=False).hits
        for word in searcher.doc(address)[VOCABULARY]
    ]


def _most(word: str) -> int:
    """How many letters may be wrong."""
    return 1 if len(word) < 5 else 2


def _least(word: str) -> float:
    return 0.6 if CJK.search(word) else 0.75


def _likeness(word: str, known: str) -> float:
    return difflib.SequenceMatcher(None, word, known).ratio()
