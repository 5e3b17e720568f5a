"""How Chinese words sound: pinyin without tones, whole and by first letters, so that typing either finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import rjieba

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")


def of(text: str) -> Iterator[str]:
    """What is indexed of a text: every word, and every run of Chinese characters, as they sound and by their first letters."""
    for run in _HAN.findall(text):
        words = [word for word in rjieba.cut(run) if _HAN.fullmatch(word)]
        for part in dict.fromkeys([*words, run]):
            yield spoken(part)
            if len(part) > 1:
                yield "".join(syllable[0] for syllable in _syllables(part))


def spoken(word: str) -> str:
    """The syllables of a word, joined: 医院 -> yiyuan; empty when nothing of it is Chinese."""
    return "".join(_syllables(word))


@lru_cache(maxsize=20_000)
def _syllables(word: str) -> tuple[str, ...]:
    from pypinyin import Style, lazy_pinyin  # its dictionaries take 0.2 s and 20 MB: for those who search and index

    return tuple(filter(None, lazy_pinyin(word, style=Style.NORMAL, errors="ignore", v_to_u=False)))
