"""Text search in the columns of a version: which of them can hold a word at all, and how it is looked for there.

A word with Chinese characters can't stand in a column of codes, and a column of few values is looked through value by value:
what is left to scan are the columns of names, addresses and remarks.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import call, quoted

FEW = 500  # values of a column that are looked through one by one


def hits(table: Table, column: str, word: str) -> list[str] | None:
    """The values of ``column`` that hold ``word``, when that is quicker told from them; None: scan the column."""
    described = table.by_name[column]
    few = (described.get("distinct") or 0) <= FEW
    if not few and not all(str(described.get(end) or "").isascii() for end in ("min", "max")):
        return None
    known = _values(table.path, serving.stamp(table.path), column, few)
    if known is None:
        return None
    if isinstance(known, bool):
        return [] if known and not word.isascii() else None
    wanted = word.lower()
    return [value for value in known if wanted in value.lower()]


@lru_cache(maxsize=2048)
def _values(path: Path, stamp: tuple[int, int, int], column: str, few: bool) -> tuple[str, ...] | bool | None:
    """The values of a column of few, True for one of plain ASCII, None for any other; looked at once for a file."""
    name = quoted(column)
    if few:
        query = exp.select(name).distinct().from_(serving.TABLE).where(name.copy().is_(exp.null()).not_())
        found = serving.read(path, query.limit(FEW + 1))
        return tuple(row[0] for row in found) if len(found) <= FEW else None
    as_long = exp.EQ(this=call("strlen", name), expression=exp.Length(this=name.copy()))
    plain = serving.read(path, exp.select(call("bool_and", as_long)).from_(serving.TABLE))[0][0]
    return True if plain else None
