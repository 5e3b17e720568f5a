"""Grams: where the characters of long text columns stand, so that a word is found without looking through every row.

A gram is a character with the two that follow it in its cell (nothing, at the cell's end). A serving copy has a table for each
column worth it: ``gram``, the ``row`` (its ordinal) and the ``place`` in the cell of every gram, sorted by gram within runs of
rows, so that the engine packs them into some twelve bits each and finds those of a gram by the bounds that it keeps of every
segment. Rows that hold a word of three characters are then those of one gram; a shorter word is a range of grams; a longer one
a few grams that stand at the right distance. It is an inverted index with positions (Witten, Moffat and Bell, *Managing
Gigabytes*, 1999, chapter 3) over n-grams, as Chinese is written without spaces between words. Case is folded by
``lower``; a word that has letters with case beyond ASCII must be looked for elsewhere (:func:`can_find`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from sqlglot import exp

from gongshu.lake.serving import execute

FEWEST_ROWS = 50_000  # below that many, looking through them takes no longer
MOST_ROWS = 20_000_000
MOST_CHARACTERS = 1_000_000_000  # of a column
LONGEST = 65_535  # characters of a cell
FEWEST_VALUES = 1000  # of a column: fewer are looked through value by value
RUN = 8_000_000  # characters that are sorted together; they take some 350 MB. The longer the runs, the fewer parts a gram is in
LAST = 0x10FFFF  # of all characters
SLICE = 64_000_000  # characters of the rows that are asked about at once: so many grams at most come back

Codes = npt.NDArray[np.uint32]  # of characters
Ordinals = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grams:
    """The grams of one column: the table they are in, and how many characters they were made of."""

    table: str
    characters: int


def write_grams(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Write the grams of the attached copy's text columns that are worth it; where memory is short, of none more.

    Worth it are columns of many different values that are not all plain ASCII: codes are looked for whole.
    """
    if not FEWEST_ROWS < rows <= MOST_ROWS:
        return
    con.execute("CREATE TABLE copy.grams (name VARCHAR, number INTEGER, characters BIGINT)")
    with suppress(duckdb.OutOfMemoryException, MemoryError):  # what has none is looked through
        for number, (name, characters) in enumerate(_worth_it(con)):
            _write(con, name, f"grams_{number}", rows, characters)
            con.execute("INSERT INTO copy.grams VALUES (?, ?, ?)", [name, number, characters])


def _worth_it(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """Names and characters of the columns that get grams."""
    types = con.execute("SELECT column_name, column_type FROM (DESCRIBE copy.rows)").fetchall()
    names = [name for name, kind in types if kind == "VARCHAR"]
    if not names:
        return []
    facts = [
        f"sum(length({name})), max(length({name})), sum(strlen({name})), approx_count_distinct({name})"
        for name in map(_quoted, names)
    ]
    found = con.execute(f"SELECT {', '.join(facts)} FROM copy.rows").fetchall()[0]  # noqa: S608 - quoted identifiers
    worth = []
    for number, name in enumerate(names):
        characters, longest, size, distinct = found[4 * number : 4 * number + 4]
        many = distinct > FEWEST_VALUES and size > characters
        if many and longest <= LONGEST and characters <= MOST_CHARACTERS:
            worth.append((name, int(characters)))
    return worth


def _write(con: duckdb.DuckDBPyConnection, name: str, table: str, rows: int, characters: int) -> None:
    con.execute(f'CREATE TABLE copy."{table}" (gram BIGINT, "row" INTEGER, place USMALLINT)')
    text, step = _quoted(name), max(1, rows * RUN // max(characters, 1))
    for first in range(0, rows, step):
        cells = con.execute(
            f"SELECT CAST(rowid AS INTEGER), CAST(length({text}) AS INTEGER), {text} FROM copy.rows "  # noqa: S608 - quoted identifier
            f"WHERE rowid >= {first} AND rowid < {first + step} AND {text} <> ''"
        ).to_arrow_table()
        if cells.num_rows:
            con.register("incoming_grams", _sorted(cells.combine_chunks()))
            con.execute(f'INSERT INTO copy."{table}" SELECT * FROM incoming_grams')  # noqa: S608 - our own name
            con.unregister("incoming_grams")


def _sorted(cells: Any) -> Any:
    """The grams of cells (an Arrow table of ordinals, lengths, and texts that are not empty) in order, as another."""
    import pyarrow as pa  # the worker has it; those who only read have no need of it

    ordinals, lengths, texts = (column.chunk(0).buffers() for column in cells.columns)
    rows, sizes = (np.frombuffer(column[1], np.int32)[: cells.num_rows] for column in (ordinals, lengths))
    size = np.frombuffer(texts[1], np.int32)[cells.num_rows]
    first = np.array(np.frombuffer(bytes(texts[2][:size]).decode().encode("utf-32-le"), np.uint32))
    first[(first >= ord("A")) & (first <= ord("Z"))] |= ord("a") - ord("A")
    ends = np.cumsum(sizes, dtype=np.int64)
    second, third = np.zeros((2, len(first)), np.uint32)
    second[:-1], third[:-2] = first[1:], first[2:]
    second[ends - 1] = third[ends - 1] = third[ends[sizes > 1] - 2] = 0  # nothing follows the end of a cell
    order = _order(first, second, third)
    places = np.arange(len(order), dtype=np.int32) - np.repeat((ends - sizes).astype(np.int32), sizes)
    return pa.table({
        "gram": _joined(first[order], second[order], third[order], 21),
        "row": np.repeat(rows, sizes)[order],
        "place": places.astype(np.uint16)[order],
    })  # fmt: skip


def _order(first: Codes, second: Codes, third: Codes) -> Places:
    """The places of grams in their order, those of one gram as they stand.

    Where characters are told apart by so few bits that a gram and its place fit a number, numbers are sorted: five times as
    fast as places by what stands there.
    """
    known = np.zeros(LAST + 1, np.uint32)
    known[first] = known[0] = 1
    number = np.cumsum(known, dtype=np.uint32) - 1  # in the order of the characters
    bits, room = int(number[-1]).bit_length(), len(first).bit_length()
    grams = _joined(number[first], number[second], number[third], bits)
    if 3 * bits + room >= 64:
        order: Places = np.argsort(grams, kind="stable")
        return order
    grams <<= room
    grams |= np.arange(len(first))
    grams.sort()
    grams &= (1 << room) - 1
    return grams


def _joined(first: Codes, second: Codes, third: Codes, bits: int) -> Places:
    """Three codes of so many bits in a number each."""
    found: Places = first.astype(np.int64)
    for following in (second, third):
        found <<= bits
        found |= following
    return found


def contents(cursor: duckdb.DuckDBPyConnection) -> dict[str, Grams]:
    """Which columns of an open copy have grams; copies of earlier releases have none."""
    there = cursor.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'grams'")
    if not there.fetchall()[0][0]:
        return {}
    found = cursor.execute("SELECT name, number, characters FROM grams").fetchall()
    return {name: Grams(f"grams_{number}", characters) for name, number, characters in found}


def can_find(word: str) -> bool:
    """Whether grams tell where ``word`` stands: outside of ASCII, upper and lower case are not simply told apart."""
    return bool(word) and all(c.isascii() or c.lower() == c.upper() for c in word)


def mark(cursor: duckdb.DuckDBPyConnection, grams: Grams, word: str, marks: Marks) -> None:
    """Set ``marks`` (one a row of the copy) where the column holds ``word``, upper and lower case alike."""
    codes = [ord(c) for c in word.lower()]
    for rows in _slices(grams, len(marks)):
        if len(codes) <= 3:
            marks[_rows(cursor, grams, codes, rows)] = True
        else:
            marks[_rows_of_long(cursor, grams, codes, rows)] = True


def _slices(grams: Grams, rows: int) -> Iterator[tuple[int, int]]:
    step = max(1, rows * SLICE // max(grams.characters, 1))
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


def _rows(cursor: duckdb.DuckDBPyConnection, grams: Grams, codes: list[int], rows: tuple[int, int]) -> Ordinals:
    """Ordinals of the rows with a gram that begins with ``codes`` (at most three), some of them more than once."""
    found: Ordinals = _ask(cursor, grams, codes, rows, '"row"')["row"]
    return found


def _rows_of_long(cursor: duckdb.DuckDBPyConnection, grams: Grams, codes: list[int], rows: tuple[int, int]) -> Ordinals:
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


def _ask(
    cursor: duckdb.DuckDBPyConnection, grams: Grams, codes: list[int], rows: tuple[int, int], wanted: str
) -> dict[str, Any]:
    """What is ``wanted`` of the grams that begin with ``codes`` and stand in these rows, as an array a column."""
    first = 0
    for code in codes:
        first = first << 21 | code
    missing = 21 * (3 - len(codes))
    query = f'SELECT {wanted} FROM "{grams.table}" WHERE gram >= $first AND gram < $after AND "row" >= $low AND "row" < $high'  # noqa: S608 - our own names
    bounds = {"first": first << missing, "after": first + 1 << missing, "low": rows[0], "high": rows[1]}
    return execute(cursor, query, bounds).fetchnumpy()


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")
