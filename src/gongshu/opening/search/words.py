"""Words of questions and of datasets: how they are compared, cut, and what means the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import opencc
import rjieba
from django.core.cache import caches

from gongshu.opening import terms
from gongshu.opening.models import SynonymGroup
from gongshu.rulebooks import rulebook

CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
PIECE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_]+", re.UNICODE)
LONGEST = 200  # characters of a question that are read


@lru_cache(maxsize=1)
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def plain(text: str) -> str:
    """``text`` as it is compared: compatibility forms unified, lower case, simplified characters."""
    return str(_simplifier().convert(unicodedata.normalize("NFKC", text).lower()))


def pieces(text: str) -> list[str]:
    """Single Chinese characters and whole words of other scripts, in their order; ``text`` is :func:`plain`."""
    return PIECE.findall(text)


def segmented(text: str) -> Iterable[str]:
    """The words of a plain text, long ones also in their parts."""
    return (word for word in rjieba.cut_for_search(text) if PIECE.search(word))


@lru_cache(maxsize=1)
def _small() -> frozenset[str]:
    return frozenset(rulebook(f"{terms.RULEBOOK}/search")["small_words"])


def words_of(question: str) -> list[str]:
    """The words that matter of a question; the little ones (the rulebook's list) are left out unless nothing else is said."""
    words = [word.strip() for word in rjieba.cut(plain(question)[:LONGEST]) if PIECE.search(word)]
    return [word for word in words if word not in _small()] or words


def groups() -> list[tuple[str, list[str], SynonymGroup | None]]:
    """Every group of words that mean the same, as (key in the rulebook, words, row): those of the rulebook, each as its row
    says when there is one (no words: switched off), then the platform's own, whose key is empty."""
    rows = list(SynonymGroup.objects.all())
    changed = {row.rulebook_key: row for row in rows if row.rulebook_key}
    found: list[tuple[str, list[str], SynonymGroup | None]] = []
    for group in rulebook(f"{terms.RULEBOOK}/synonyms")["entries"]:
        listed = [str(word) for word in group]
        row = changed.get(listed[0])
        found.append((listed[0], list(row.words) if row else listed, row))
    return found + [("", list(row.words), row) for row in rows if not row.rulebook_key]


def synonyms() -> dict[str, tuple[str, ...]]:
    """What means the same as a word; read anew as soon as a group was changed, in every process."""
    last = SynonymGroup.objects.order_by("-changed_at").values_list("pk", "changed_at").first()
    key = (last, SynonymGroup.objects.count())
    kept: tuple[object, dict[str, tuple[str, ...]]] | None = caches["process"].get("synonyms")
    if kept is not None and kept[0] == key:
        return kept[1]
    found: dict[str, list[str]] = {}
    for _key, listed, _row in groups():
        same = [plain(word) for word in listed]
        for word in same:
            found.setdefault(word, []).extend(other for other in same if other != word)
    made = {word: tuple(dict.fromkeys(others)) for word, others in found.items()}
    caches["process"].set("synonyms", (key, made), None)
    return made
