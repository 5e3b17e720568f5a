"""Tables for tests: columns of text staged as the reader would stage them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend


def stage(backend: Backend, folder: Path, columns: Mapping[str, Sequence[str | None]]) -> ir.Table:
    """The columns as a staged table; empty text is null, as in a file."""
    rows = max(map(len, columns.values()))
    data = {"_row": pa.array(range(1, rows + 1), pa.int64())}
    data |= {name: pa.array([value or None for value in values], pa.string()) for name, values in columns.items()}
    path = folder / f"stage-{len(list(folder.glob('stage-*')))}.parquet"
    pq.write_table(pa.table(data), path)
    return backend.read_parquet(path)
