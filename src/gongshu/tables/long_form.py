"""Wide tables stood on end: the cells of many columns as one column, so that an expression is put together once for all of them.

To compile an expression for each of 5,000 columns takes minutes, to look at their cells takes seconds (DuckDB only).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis.backends import BaseBackend

from gongshu.tables.model import ROW

WIDE = 60  # columns from which on it pays
CELLS_AT_ONCE = 1_000_000
MOST_ROWS = 100_000  # a longer table is looked at column by column


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
    backend: BaseBackend, table: ir.Table, names: Sequence[str], rows: int
) -> Iterator[tuple[list[str], ir.Table]]:
    """Some of the columns ``names`` at a time, and their cells: ``_row``, ``column`` (the place in the part) and ``value``."""
    step = max(1, CELLS_AT_ONCE // max(1, rows))
    for start in range(0, len(names), step):
        part = list(names[start : start + step])
        cells = backend.to_pyarrow(table.select(table[ROW], **{f"c{n}": table[name] for n, name in enumerate(part)}))
        numbers = cells[ROW].combine_chunks()
        columns = [cells[f"c{n}"] for n in range(len(part))]
        yield (
            part,
            ibis.memtable(
                pa.table(
                    {
                        ROW: pa.chunked_array([numbers] * len(part), numbers.type),
                        "column": np.repeat(np.arange(len(part), dtype=np.int32), len(numbers)),
                        "value": pa.chunked_array(
                            [chunk for column in columns for chunk in column.chunks], pa.string()
                        ),
                    }
                )
            ),
        )
