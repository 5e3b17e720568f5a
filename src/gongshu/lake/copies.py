"""Building a serving copy: a read-only DuckDB file with the table ``rows``, sorted by key as published, indexed on it.

The statistics that pages show of each public column are computed here too, once, over the whole table.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import sqlglot.expressions as exp

NUMERIC = {"int64", "decimal", "float64"}
DATED = {"date", "timestamp"}
BINS = 12
TOP = 8
INDEX_LIMIT = (
    5_000_000  # rows; beyond, the sort order's zone maps answer and an index would cost more memory than it saves
)


def _q(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def build_serving_copy(parquet: list[Path], target: Path, key: list[str], memory: str, temp: Path) -> int:
    """Write ``target`` whole or not at all from the version's Parquet files; returns the number of rows."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".building")
    for leftover in (beside, beside.with_suffix(".building.wal")):
        leftover.unlink(missing_ok=True)
    config = {"memory_limit": memory, "temp_directory": str(temp), "autoinstall_known_extensions": "false"}
    with duckdb.connect(str(beside), config=config) as con:
        con.execute("CREATE TABLE rows AS SELECT * FROM read_parquet(?)", [[str(path) for path in parquet]])
        rows = int(con.execute("SELECT count(*) FROM rows").fetchall()[0][0])
        if key and rows <= INDEX_LIMIT:
            con.execute(f"CREATE INDEX rows_key ON rows ({', '.join(_q(name) for name in key)})")
        con.execute("CHECKPOINT")
    _sync(beside)
    beside.rename(target)
    return rows


def column_statistics(serving: Path, columns: dict[str, str], memory: str, temp: Path) -> dict[str, dict[str, Any]]:
    """Of each column (name -> storage type): nulls, distinct, min, max, top values, and a histogram where it is ordered.

    Counts are exact. ``histogram`` holds the numbers of rows in :data:`BINS` equal-width bins from min to max.
    """
    config = {"memory_limit": memory, "temp_directory": str(temp), "autoinstall_known_extensions": "false"}
    with duckdb.connect(str(serving), read_only=True, config=config) as con:
        total = int(con.execute("SELECT count(*) FROM rows").fetchall()[0][0])
        ordered = [name for name, kind in columns.items() if kind in NUMERIC | DATED]
        bounds = _bounds(con, columns)
        result = {}
        for name, kind in columns.items():
            filled, low, high = bounds[name]
            quoted = _q(name)
            distinct = int(con.execute(f"SELECT count(DISTINCT {quoted}) FROM rows").fetchall()[0][0])  # noqa: S608 - quoted identifier
            top = []
            if kind != "geometry" and distinct < max(0.5 * filled, 40):
                top = con.execute(
                    f"SELECT CAST({quoted} AS VARCHAR), count(*) AS n FROM rows WHERE {quoted} IS NOT NULL "  # noqa: S608
                    f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {TOP}"
                ).fetchall()
            result[name] = {
                "nulls": total - filled,
                "distinct": distinct,
                "min": low,
                "max": high,
                "top": [[value, number] for value, number in top],
                "histogram": _histogram(con, name, kind) if name in ordered and distinct > 1 else [],
            }
    return result


def _bounds(con: duckdb.DuckDBPyConnection, columns: dict[str, str]) -> dict[str, tuple[int, Any, Any]]:
    """Filled cells, least and greatest value of every column, in one scan; geometries have no order."""
    parts = []
    for name, kind in columns.items():
        low, high = ("NULL", "NULL") if kind == "geometry" else (f"min({_q(name)})", f"max({_q(name)})")
        parts += [f"count({_q(name)})", f"CAST({low} AS VARCHAR)", f"CAST({high} AS VARCHAR)"]
    row = con.execute(f"SELECT {', '.join(parts)} FROM rows").fetchall()[0]  # noqa: S608 - quoted identifiers
    return {name: (int(row[3 * i]), row[3 * i + 1], row[3 * i + 2]) for i, name in enumerate(columns)}


def _histogram(con: duckdb.DuckDBPyConnection, name: str, kind: str) -> list[int]:
    value = f"CAST(epoch({_q(name)}) AS DOUBLE)" if kind in DATED else f"CAST({_q(name)} AS DOUBLE)"
    found = con.execute(
        f"WITH v AS (SELECT {value} AS x FROM rows), b AS (SELECT min(x) AS lo, max(x) AS hi FROM v WHERE isfinite(x)) "  # noqa: S608
        f"SELECT least(CAST(floor((x - lo) / (hi - lo) * {BINS}) AS INTEGER), {BINS - 1}) AS bin, count(*) "
        "FROM v, b WHERE isfinite(x) AND hi > lo GROUP BY 1"
    ).fetchall()
    counts = dict(found)
    return [int(counts.get(i, 0)) for i in range(BINS)] if counts else []


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
