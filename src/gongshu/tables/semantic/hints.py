"""What the name of a column says of what it holds: Chinese words, pinyin initials (SFZH), English words."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache

from gongshu.rulebooks import rulebook


@dataclass(frozen=True)
class Hints:
    """``types``: codes that the name speaks for; ``against``: codes it speaks against; ``numbering``: it names a running number."""

    types: frozenset[str]
    against: frozenset[str]
    numbering: bool


@cache
def hints_of(name: str) -> Hints:
    """The hints of a column's name.

    >>> sorted(hints_of("sfzh").types), sorted(hints_of("客户身份证号").types)
    (['resident_id'], ['resident_id'])
    >>> hints_of("设备序列号").numbering
    True
    """
    book = rulebook("semantic-2026/types")
    words = _words(name)
    types, against = set(), set()
    for code, entry in book["types"].items():
        if _said(name, words, entry):
            types.add(code)
        if any(word.lower() in name.lower() for word in entry.get("not", [])):
            against.add(code)
    numbering = any(word in name or word in words for word in book["numbering"])
    if not types - {"date", "datetime", "address", "division_name", "amount"} and any(
        "编号" in word for word in (name,)
    ):
        numbering = True
    return Hints(frozenset(types - against), frozenset(against), numbering)


def _words(name: str) -> set[str]:
    """Lower-case words of the name: parts between signs and digits, camelCase parts, neighbours joined."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    parts = [part.lower() for part in re.split(r"[^0-9A-Za-z]+", split) if part]
    bare = [part.rstrip("0123456789") for part in parts]
    whole = re.sub(r"[^0-9a-z]+", "", name.lower())
    pairs = {f"{left}_{right}" for left, right in itertools.pairwise(bare)}
    return {word for word in (*parts, *bare, *pairs, whole, whole.rstrip("0123456789"), "_".join(parts)) if word}


def _said(name: str, words: set[str], entry: dict[str, list[str]]) -> bool:
    if any(word.lower() in name.lower() for word in entry["zh"]):
        return True
    if words & set(entry["en"]) or words & set(entry["pinyin"]):
        return True
    # hz_sfzh is found above; yhsfzh ends in four letters that are no chance
    return any(len(initials) >= 4 and word.endswith(initials) for initials in entry["pinyin"] for word in words)
