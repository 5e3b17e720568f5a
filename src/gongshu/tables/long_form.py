"""Wide tables stood on end: the cells of many columns as one column, so that an expression is put together once for all of them.

To compile an expression for each of 5,000 columns takes minutes, to look at their cells takes seconds (DuckDB only).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import sqlglot as sg
from ibis.backends import BaseBackend
from ibis.expr.operations import Node

from gongshu.tables.model import ROW

WIDE = 60  # columns from which on it pays
CELLS_AT_ONCE = 1_000_000
COLUMNS_AT_ONCE = 500  # the engine needs room for each that it reads
MOST_HELD = 8_000_000  # cells that are read once for all questions
MOST_ROWS = 100_000  # a longer table is looked at column by column
_HELD: WeakKeyDictionary[Node, pa.Table] = WeakKeyDictionary()


def is_wide(backend: BaseBackend, table: ir.Table, names: Sequence[str], rows: int) -> bool:
    """Whether the columns ``names`` of ``table`` are to be stood on end: many, short and all of text."""
    schema = table.schema()
    return (
        backend.name == "duckdb"
        and len(names) >= WIDE
        and rows <= MOST_ROWS
        and all(schema[name].is_string() for name in names)
    )


def long_parts(
    backend: BaseBackend, table: ir.Table, names: Sequence[str], rows: int, *, every: int = 1
) -> Iterator[tuple[list[str], ir.Table]]:
    """Some of the columns ``names`` at a time, and their cells: ``_row``, ``column`` (the place in the part) and ``value``.

    ``every``: only of each so-manieth row.
    """
    read = _reader(backend, table, rows)
    step = max(1, min(COLUMNS_AT_ONCE, CELLS_AT_ONCE // max(1, rows // every)))
    for start in range(0, len(names), step):
        part = list(names[start : start + step])
        cells = read([ROW, *part])
        if every > 1:
            cells = cells.filter(pa.array(cells[ROW].to_numpy() % every == 0))
        numbers = cells[ROW].combine_chunks()
        columns = [cells.column(n + 1) for n in range(len(part))]
        long = {
            ROW: pa.chunked_array([numbers] * len(part), numbers.type),
            "column": np.repeat(np.arange(len(part), dtype=np.int32), len(numbers)),
            "value": pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()),
        }
        yield part, ibis.memtable(pa.table(long))


def _reader(backend: BaseBackend, table: ir.Table, rows: int) -> Callable[[list[str]], pa.Table]:
    """What reads some columns of ``table``: from memory, where they are held while ``table`` is in use, if they are not too many."""
    key, engine = table.op(), cast(Any, backend)  # DuckDB's, as is_wide says
    if key not in _HELD:
        backend._run_pre_execute_hooks(table)  # registers a table in memory
        query: Any = sg.parse_one(backend.compile(table), dialect="duckdb")

        def read(names: list[str]) -> pa.Table:
            some = sg.select(*(sg.column(name, quoted=True) for name in names)).from_(query.subquery("t"))
            found: pa.Table = engine.con.sql(some.sql("duckdb")).to_arrow_table()
            return found

        names = table.columns
        if rows * len(names) > MOST_HELD:
            return read
        parts = [read(list(names[n : n + COLUMNS_AT_ONCE])) for n in range(0, len(names), COLUMNS_AT_ONCE)]
        _HELD[key] = pa.table(dict(zip(names, (column for part in parts for column in part.columns), strict=True)))
    held = _HELD[key]
    return lambda names: held.select(names)
