"""Exact counts of the different values of a column in which few repeat: names, codes, addresses (DuckDB only).

To group a million values that are nearly all different costs more than to read them. Their hashes are sorted instead, eight bytes
a row: a hash that is there once is a value that is there once. Only the rows whose hashes repeat are then grouped, by the values
themselves, for engines' hashes are alike more often than by chance for texts that differ little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis.backends.duckdb import Backend

from gongshu.tables.engine import streamed

MOST_ROWS = 20_000_000  # whose hashes are held in memory
ROWS_AT_ONCE = 65_536
MOST_REPEATED = 0.2  # of the rows; a column with more is sooner grouped


@dataclass(frozen=True)
class Told:
    """``filled`` cells of which ``once`` hold a value that no other has; ``repeated``: the others, as column ``value``."""

    filled: int
    once: int
    repeated: ir.Table | None


def nearly_unique(
    backend: Backend, values: ir.Table, rows: int, hashes: npt.NDArray[np.uint64] | None = None
) -> Told | None:
    """What the hashes of the column ``value`` (no nulls, at most ``rows``) tell; None when many repeat, or there are too many.

    ``hashes``: those of all its cells, where they are known.
    """
    if rows > MOST_ROWS:
        return None
    hashed = values.mutate(hash=engine_hash(values.value))
    found = _hashes(backend, hashed, rows) if hashes is None else hashes
    if found is None:
        return None
    found.sort()
    repeated = _repeated(found)
    if _many(repeated, len(found)):
        return None
    again = ibis.memtable(pa.table({"hash": pa.array(np.unique(repeated))}))
    some = hashed.semi_join(again, "hash").select("value") if len(repeated) else None
    return Told(len(found), len(found) - len(repeated), some)


def _hashes(backend: Backend, hashed: ir.Table, rows: int) -> npt.NDArray[np.uint64] | None:
    """All of them, or None when many of the first repeat."""
    hashes: npt.NDArray[np.uint64] = np.empty(rows, np.uint64)
    count = 0
    for batch in streamed(backend, hashed.select("hash"), ROWS_AT_ONCE):
        hashes[count : count + len(batch)] = batch.column("hash").to_numpy()
        if not count and _many(_repeated(np.sort(hashes[: len(batch)])), len(batch)):
            return None
        count += len(batch)
    return hashes[:count]


def filled(values: ir.Value) -> ir.Value:
    """Null where a cell is empty."""
    return values.nullif("") if values.type().is_string() else values


def _many(repeated: npt.NDArray[np.uint64], of: int) -> bool:
    return len(repeated) > MOST_REPEATED * of


def _repeated(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Those of them that are there more than once, as often as they are."""
    same = ordered[1:] == ordered[:-1]
    return ordered[np.append(same, False) | np.append(False, same)] if len(ordered) else ordered


def engine_hash(values: ir.Value) -> ir.IntegerValue:
    """DuckDB's hash of 64 bits; Ibis casts that by way of its bits, which takes longer than all else."""
    found: ir.IntegerValue = _hash_of(values.type())(values)
    return found


@cache
def _hash_of(kind: dt.DataType) -> Callable[[ir.Value], ir.IntegerValue]:
    def hashed(value):  # type: ignore[no-untyped-def]
        """The engine's."""

    made: Callable[[ir.Value], ir.IntegerValue] = ibis.udf.scalar.builtin(name="hash", signature=((kind,), "uint64"))(
        hashed
    )
    return made
