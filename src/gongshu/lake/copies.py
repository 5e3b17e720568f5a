"""Building a serving copy: a read-only DuckDB file with the table ``rows``, sorted by key as published, indexed on it.

The statistics that pages show of each public column are computed here too, once, over the whole table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot.expressions as exp
from ibis.backends.duckdb import Backend

from gongshu.lake.serving import quoted

NUMERIC = {"int64", "decimal", "float64"}
DATED = {"date", "timestamp"}
BINS = 12
TOP = 8
TIGHT = "fsst,dict_fsst,alp,alprd,chimp,patas,zstd,roaring"
BLOCK = 32_768  # bytes; a row is read with a block of each column: an eighth of the engine's own size, and scans hardly slower
READ_MEMORY = "128MB"  # of the engine once the rows are written
INDEX_LIMIT = (
    20_000_000  # rows; ten million numbers take 2.5 CPU seconds, 90 MB of disk and no more than the engine's memory
)


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """Attach ``file`` as the database ``copy`` of this connection, so that one engine's memory limit holds for all."""
    con.execute("SET preserve_insertion_order = true")  # rows stand in the order in which they were sorted
    # dictionaries make counting and filtering by a few values six times as fast; what packs tighter than that costs more
    # time at every scan than the disk that it saves
    con.execute(f"SET disabled_compression_methods = '{TIGHT}'")
    con.execute(f"ATTACH {exp.Literal.string(str(file)).sql('duckdb')} AS copy (BLOCK_SIZE {BLOCK})")
    try:
        yield
    finally:
        con.execute("DETACH copy")


def in_order(engine: Backend, keys: ir.Table) -> bool:
    """Whether no row's key is less than the one before it, in the order in which the table stands."""
    names = [quoted(name) for name in keys.columns]
    before = [f"before{n}" for n in range(len(names))]
    lags = ", ".join(f"lag({name}) OVER () AS {old}" for name, old in zip(names, before, strict=True))
    row, last = f"({', '.join(names)})", f"({', '.join(before)})"
    found = engine.con.execute(
        f"SELECT bool_and(coalesce({row} >= {last}, before0 IS NULL)) FROM (SELECT *, {lags} FROM ({engine.compile(keys)}))"  # noqa: S608 - compiled here
    ).fetchall()
    return found[0][0] is not False


def write_rows(engine: Backend, rows: ir.Table) -> int:
    """Make the table ``rows`` of the attached copy from an expression, in its order; returns the number of rows."""
    engine.create_table("rows", rows, database=("copy", "main"))
    # what follows only reads: the blocks kept in memory are given back to those who encode the lake's files
    engine.con.execute(f"SET memory_limit = '{READ_MEMORY}'")
    return int(engine.con.execute("SELECT count(*) FROM copy.rows").fetchall()[0][0])


def read_rows(con: duckdb.DuckDBPyConnection, batch: int = 20_480) -> pa.RecordBatchReader:
    """The rows of the attached copy, in order, as a stream."""
    return con.execute("SELECT * FROM copy.rows").to_arrow_reader(batch)


def take_rows(con: duckdb.DuckDBPyConnection, rows: pa.RecordBatchReader) -> int:
    """Make the table ``rows`` of the attached copy from a stream, in its order; returns the number of rows."""
    con.register("incoming_rows", rows)
    con.execute("CREATE TABLE copy.rows AS SELECT * FROM incoming_rows")
    con.unregister("incoming_rows")
    return int(con.execute("SELECT count(*) FROM copy.rows").fetchall()[0][0])


def index_rows(con: duckdb.DuckDBPyConnection, key: list[str], rows: int) -> None:
    """Index the attached copy's rows on their key."""
    if key and rows <= INDEX_LIMIT:
        with suppress(duckdb.OutOfMemoryException):  # long keys: the sort order alone has to do
            con.execute(f"CREATE INDEX rows_key ON copy.rows ({', '.join(quoted(name) for name in key)})")


def place(built: Path, target: Path) -> None:
    """Move the finished copy to where it is served from, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(built, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    built.rename(target)


def column_statistics(con: duckdb.DuckDBPyConnection, columns: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Of each column (name -> storage type) of the attached copy: nulls, distinct, min, max, top values, and a histogram
    where it is ordered.

    Counts are exact. ``histogram`` holds the numbers of rows in :data:`BINS` equal-width bins from min to max.
    """
    total = int(con.execute("SELECT count(*) FROM copy.rows").fetchall()[0][0])
    bounds = _bounds(con, columns)
    result = {}
    for name, kind in columns.items():
        filled, low, high = bounds[name]
        column = quoted(name)
        distinct = int(con.execute(f"SELECT count(DISTINCT {column}) FROM copy.rows").fetchall()[0][0])  # noqa: S608 - quoted identifier
        top = []
        if kind != "geometry" and distinct < max(0.5 * filled, 40):
            top = con.execute(
                f"SELECT CAST({column} AS VARCHAR), count(*) AS n FROM copy.rows WHERE {column} IS NOT NULL "  # noqa: S608
                f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {TOP}"
            ).fetchall()
        result[name] = {
            "nulls": total - filled,
            "distinct": distinct,
            "min": low,
            "max": high,
            "top": [[value, number] for value, number in top],
            "histogram": _histogram(con, name, kind) if kind in NUMERIC | DATED and distinct > 1 else [],
        }
    return result


def _bounds(con: duckdb.DuckDBPyConnection, columns: dict[str, str]) -> dict[str, tuple[int, Any, Any]]:
    """Filled cells, least and greatest value of every column, in one scan; geometries have no order."""
    parts = []
    for name, kind in columns.items():
        low, high = ("NULL", "NULL") if kind == "geometry" else (f"min({quoted(name)})", f"max({quoted(name)})")
        parts += [f"count({quoted(name)})", f"CAST({low} AS VARCHAR)", f"CAST({high} AS VARCHAR)"]
    row = con.execute(f"SELECT {', '.join(parts)} FROM copy.rows").fetchall()[0]  # noqa: S608 - quoted identifiers
    return {name: (int(row[3 * i]), row[3 * i + 1], row[3 * i + 2]) for i, name in enumerate(columns)}


def _histogram(con: duckdb.DuckDBPyConnection, name: str, kind: str) -> list[int]:
    value = f"CAST(epoch({quoted(name)}) AS DOUBLE)" if kind in DATED else f"CAST({quoted(name)} AS DOUBLE)"
    found = con.execute(
        f"WITH v AS (SELECT {value} AS x FROM copy.rows), b AS (SELECT min(x) AS lo, max(x) AS hi FROM v WHERE isfinite(x)) "  # noqa: S608
        f"SELECT least(CAST(floor((x - lo) / (hi - lo) * {BINS}) AS INTEGER), {BINS - 1}) AS bin, count(*) "
        "FROM v, b WHERE isfinite(x) AND hi > lo GROUP BY 1"
    ).fetchall()
    counts = dict(found)
    return [int(counts.get(i, 0)) for i in range(BINS)] if counts else []
