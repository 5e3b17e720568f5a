"""Grams: where the characters of long text columns stand, so that a word is found without looking through every row.

A gram is a character with the two that follow it in its cell (nothing, at the cell's end). Beside a serving copy a file has a
table for each column worth it: ``gram``, the ``row`` (its ordinal in the copy) and the ``place`` in the cell of every gram,
sorted by gram within runs of rows, so that the engine packs them into some twelve bits each and finds those of a gram by the
bounds that it keeps of every segment. Rows that hold a word of three characters are then those of one gram; a shorter word is
a range of grams; a longer one a few grams that stand at the right distance. It is an inverted index with positions (Witten,
Moffat and Bell, *Managing Gigabytes*, 1999, chapter 3) over n-grams, as Chinese is written without spaces between words.
Upper and lower case of ASCII are one; a word that has other letters with case must be looked for elsewhere (:func:`can_find`).

The file is made after the version can be read: until then, words are looked for in every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from gongshu.lake.serving import execute

MOST = 3_000_000  # grams that are looked at together; they take some 100 MB

Ordinals = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Slice = tuple[int, int]  # rows from an ordinal to before another
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grams:
    """The grams of one column: the table they are in, and of how many rows they are."""

    table: str
    rows: int


class TooMany(Exception):
    """More grams than are looked at together."""


def path_of(copy: Path) -> Path:
    """Where the grams of a serving copy are."""
    return copy.with_suffix(".grams")


def contents(cursor: duckdb.DuckDBPyConnection) -> dict[str, Grams]:
    """Which columns have grams in an open file of them."""
    found = cursor.execute('SELECT name, number, "rows" FROM grams').fetchall()
    return {name: Grams(f"grams_{number}", rows) for name, number, rows in found}


def can_find(word: str) -> bool:
    """Whether grams tell where ``word`` stands: outside of ASCII, upper and lower case are not simply told apart."""
    return bool(word) and all(c.isascii() or c.lower() == c.upper() for c in word)


def mark(cursor: duckdb.DuckDBPyConnection, grams: Grams, word: str, marks: Marks) -> None:
    """Set ``marks`` (one a row of the copy) where the column holds ``word``, upper and lower case alike."""
    codes = [ord(c) for c in word.lower()]
    rows = _rows if len(codes) <= 3 else _rows_of_long
    waiting: list[Slice] = [(0, len(marks))]
    while waiting:
        first, after = waiting.pop()
        try:
            marks[rows(cursor, grams, codes, (first, after))] = True
        except (duckdb.OutOfMemoryException, TooMany):  # what is nearly everywhere: half of the rows at a time
            if after - first < 2:
                raise
            middle = (first + after) // 2
            waiting += [(first, middle), (middle, after)]


def _rows(cursor: duckdb.DuckDBPyConnection, grams: Grams, codes: list[int], rows: Slice) -> Ordinals:
    """Ordinals of the rows with a gram that begins with ``codes`` (at most three), some of them more than once."""
    found: Ordinals = _ask(cursor, grams, codes, rows, '"row"')["row"]
    return found


def _rows_of_long(cursor: duckdb.DuckDBPyConnection, grams: Grams, codes: list[int], rows: Slice) -> Ordinals:
    """The same of more than three: where all its grams stand at their distance from the first."""
    starts: Places | None = None
    for distance in dict.fromkeys([*range(0, len(codes) - 2, 3), len(codes) - 3]):
        found = _ask(cursor, grams, codes[distance : distance + 3], rows, '"row", place')
        # a gram's rows are sorted, and its places within a row: so are these
        these = ((found["row"].astype(np.int64) << 17) | found["place"]) - distance
        starts = these if starts is None else _in_both(starts, these)
        if not len(starts):
            break
    assert starts is not None
    return (starts >> 17).astype(np.int32)


def _in_both(one: Places, other: Places) -> Places:
    """What is in both of two sorted arrays."""
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    if not len(few):
        return few
    at = np.searchsorted(many, few)
    at[at == len(many)] = 0
    both: Places = few[many[at] == few]
    return both


def _ask(cursor: duckdb.DuckDBPyConnection, grams: Grams, codes: list[int], rows: Slice, wanted: str) -> dict[str, Any]:
    """What is ``wanted`` of the grams that begin with ``codes`` and stand in these rows, as an array a column."""
    first = 0
    for code in codes:
        first = first << 21 | code
    missing = 21 * (3 - len(codes))
    query = f'SELECT {wanted} FROM "{grams.table}" WHERE gram >= $first AND gram < $after'  # noqa: S608 - our own names
    bounds = {"first": first << missing, "after": first + 1 << missing}
    if rows != (0, grams.rows):
        query += ' AND "row" >= $low AND "row" < $high'
        bounds |= {"low": rows[0], "high": rows[1]}
    found: dict[str, Any] = execute(cursor, f"{query} LIMIT {MOST + 1}", bounds).fetchnumpy()
    if len(found["row"]) > MOST:
        raise TooMany
    return found
