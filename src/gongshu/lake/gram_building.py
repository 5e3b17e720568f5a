"""Building the file of grams of a serving copy (see :mod:`gongshu.lake.grams`)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from gongshu.lake.copies import BLOCK, READ_MEMORY, TIGHT
from gongshu.lake.grams import Places
from gongshu.lake.serving import quoted

FEWEST_ROWS = 50_000  # below that many, looking through them takes no longer
MOST_ROWS = 20_000_000
MOST_CHARACTERS = 1_000_000_000  # of a column
LONGEST = 65_535  # characters of a cell
FEWEST_VALUES = 1000  # of a column: fewer are looked through value by value
RUN = 4_000_000  # characters that are sorted together; they take some 180 MB. The longer the runs, the fewer parts a gram is in
LAST = 0x10FFFF  # of all characters

Codes = npt.NDArray[np.uint32]  # of characters


def worth_it(rows: int) -> bool:
    """Whether a table of so many rows gets a file of grams."""
    return FEWEST_ROWS < rows <= MOST_ROWS


def build(copy: Path, target: Path) -> None:
    """Write the grams of the text columns of ``copy`` that are worth it to the file ``target``; where memory is short, of none
    more: what has none is looked through.

    Worth it are columns of many different values that are not all plain ASCII: codes are looked for whole.
    """
    with duckdb.connect(config={"threads": 1, "memory_limit": READ_MEMORY, "temp_directory": ""}) as con:
        con.execute(f"SET disabled_compression_methods = '{TIGHT}'")
        con.execute(f"ATTACH {_text(copy)} AS copy (READ_ONLY)")
        con.execute(f"ATTACH {_text(target)} AS made (BLOCK_SIZE {BLOCK})")
        con.execute('CREATE TABLE made.grams (name VARCHAR, number INTEGER, "rows" BIGINT)')
        rows = int(con.execute("SELECT count(*) FROM copy.rows").fetchall()[0][0])
        with suppress(duckdb.OutOfMemoryException, MemoryError):
            for number, (name, characters) in enumerate(_columns_worth_it(con)):
                _write(con, name, f"grams_{number}", rows, characters)
                con.execute("INSERT INTO made.grams VALUES (?, ?, ?)", [name, number, rows])
        con.execute("DETACH made")


def _columns_worth_it(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """Names and characters of the columns that get grams."""
    types = con.execute("SELECT column_name, column_type FROM (DESCRIBE copy.rows)").fetchall()
    names = [name for name, kind in types if kind == "VARCHAR"]
    if not names:
        return []
    facts = [
        f"sum(length({name})), max(length({name})), sum(strlen({name})), approx_count_distinct({name})"
        for name in map(quoted, names)
    ]
    found = con.execute(f"SELECT {', '.join(facts)} FROM copy.rows").fetchall()[0]  # noqa: S608 - quoted identifiers
    worth = []
    for number, name in enumerate(names):
        characters, longest, size, distinct = found[4 * number : 4 * number + 4]
        if distinct > FEWEST_VALUES and size > characters and longest <= LONGEST and characters <= MOST_CHARACTERS:
            worth.append((name, int(characters)))
    return worth


def _write(con: duckdb.DuckDBPyConnection, name: str, table: str, rows: int, characters: int) -> None:
    con.execute(f'CREATE TABLE made."{table}" (gram BIGINT, "row" INTEGER, place USMALLINT)')
    text, step = quoted(name), max(1, rows * RUN // max(characters, 1))
    for first in range(0, rows, step):
        cells = con.execute(
            f"SELECT CAST(rowid AS INTEGER), CAST(length({text}) AS INTEGER), {text} FROM copy.rows "  # noqa: S608 - quoted identifier
            f"WHERE rowid >= $first AND rowid < $after AND {text} <> ''",
            {"first": first, "after": first + step},
        ).to_arrow_table()
        if cells.num_rows:
            con.register("incoming_grams", _sorted(cells.combine_chunks()))
            con.execute(f'INSERT INTO made."{table}" SELECT * FROM incoming_grams')  # noqa: S608 - our own name
            con.unregister("incoming_grams")


def _sorted(cells: Any) -> Any:
    """The grams of cells (an Arrow table of ordinals, lengths, and texts that are not empty) in order, as another."""
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


def _text(path: Path) -> str:
    return exp.Literal.string(str(path)).sql("duckdb")
