"""What the name of a column says of what it holds: Chinese words, pinyin initials (SFZH), English words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gongshu.rulebooks import rulebook
from gongshu.tables.semantic.types import TYPES, SemanticType, derived, semantic_types

# types whose words are so common that 编号 beside them is still a running number
_WEAK = frozenset({"date", "datetime", "time_of_day", "year", "address", "division_name", "amount", "document_number"})


@dataclass(frozen=True)
class Hints:
    """``types``: codes that the name speaks for; ``against``: codes it speaks against; ``numbering``: it names a running number."""

    types: frozenset[str]
    against: frozenset[str]
    numbering: bool


@derived
def hints_of(name: str) -> Hints:
    """The hints of a column's name.

    >>> sorted(hints_of("sfzh").types), sorted(hints_of("客户身份证号").types)
    (['resident_id'], ['resident_id'])
    >>> hints_of("设备序列号").numbering
    True
    """
    declared, words = semantic_types().values(), _words(name)
    bare = re.sub(r"[（(\[【][^（()）\]】]*[）)\]】]|[0-9_]+$", "", name).strip().lower()
    lowered = name.lower()
    types = {kind.code for kind in declared if _said(lowered, bare, words, kind)}
    against = {kind.code for kind in declared if any(word.lower() in lowered for word in kind.against)}
    numbering = any(word in name or word in words for word in rulebook(TYPES)["numbering"])
    numbering = numbering or ("编号" in name and not types - _WEAK)
    # 合同金额, 订单日期: what is counted about it, not its number
    numbering = numbering and not any(bare.endswith(word) for kind in declared for word in kind.ends)
    return Hints(frozenset(types - against), frozenset(against), numbering)


def _words(name: str) -> set[str]:
    """Lower-case words of the name: parts between signs and digits, camelCase parts, neighbours joined."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    parts = [part.lower() for part in re.split(r"[^0-9A-Za-z]+", split) if part]
    bare = [part.rstrip("0123456789") for part in parts]
    whole = re.sub(r"[^0-9a-z]+", "", name.lower())
    pairs = {f"{left}_{right}" for left, right in itertools.pairwise(bare)}
    return {word for word in (*parts, *bare, *pairs, whole, whole.rstrip("0123456789"), "_".join(parts)) if word}


def _said(name: str, bare: str, words: set[str], kind: SemanticType) -> bool:
    if _any_in(kind.zh, name) or any(bare.endswith(word) for word in kind.ends):
        return True
    if words & set(kind.en) or words & set(kind.pinyin):
        return True
    # hz_sfzh is found above; yhsfzh ends in four letters that are no chance
    return any(len(initials) >= 4 and word.endswith(initials) for initials in kind.pinyin for word in words)


def _any_in(words: Iterable[str], name: str) -> bool:
    return any(word.lower() in name for word in words)
