"""Column statistics (列统计): nulls, exact distinct, range and most frequent values, in few scans and bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import selectors
from ibis.backends import BaseBackend

from gongshu.tables.storage import typed

TOP = 100  # the rules look at more of them than a report shows
FEW = 20_000  # columns with fewer different values are counted by value, several in one pass
CELLS_AT_ONCE = 8_000_000
COLUMNS_AT_ONCE = 150
_RANGED = ("int64", "decimal", "float64", "percent", "date", "excel_date", "timestamp", "time")


@dataclass(frozen=True)
class ColumnStatistics:
    """``nulls``: empty cells; ``distinct``: different values among the filled ones; ``top``: the most frequent, with counts.

    ``minimum`` and ``maximum`` are of the typed values, None for text. ``top`` is empty where every value is different.
    """

    name: str
    rows: int
    nulls: int
    distinct: int
    minimum: Any = None
    maximum: Any = None
    top: list[tuple[str, int]] = field(default_factory=list)


def column_statistics(backend: BaseBackend, table: ir.Table, types: Mapping[str, str]) -> dict[str, ColumnStatistics]:
    """The statistics of every column of ``types`` (name -> storage type) of a staged table.

    One scan for counts and ranges of many columns, one pass for the values of the columns with few of them, and one for each
    column with many. There 64-bit hashes stand for the values: two of ten million differ from the count by chance once in
    100,000 files.
    """
    names = list(types)
    cells = table.select(**{f"c{n}": _filled(table[name]) for n, name in enumerate(names)})
    rows, counts = _ranges(backend, table, cells, names, types)
    few = [n for n in range(len(names)) if counts[n]["about"] <= FEW]
    frequent: dict[int, tuple[int, list[tuple[str, int]]]] = {}
    step = max(1, min(COLUMNS_AT_ONCE, CELLS_AT_ONCE // max(1, rows)))
    for start in range(0, len(few), step):
        frequent |= _by_value(backend, cells, few[start : start + step])
    for n in range(len(names)):
        if n not in frequent:
            frequent[n] = _by_hash(backend, cells, n)
    return {
        name: ColumnStatistics(
            name, rows, rows - counts[n]["filled"], frequent[n][0], counts[n]["low"], counts[n]["high"], frequent[n][1]
        )
        for n, name in enumerate(names)
    }


def _filled(values: ir.StringValue) -> ir.StringValue:
    return values.nullif("")


def _ranges(
    backend: BaseBackend, table: ir.Table, cells: ir.Table, names: list[str], types: Mapping[str, str]
) -> tuple[int, list[dict[str, Any]]]:
    rows = 0
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        part = range(start, min(start + COLUMNS_AT_ONCE, len(names)))
        filled = {f"filled{n}": _filled(table[names[n]]).count() for n in part}
        about = {f"about{n}": _filled(table[names[n]]).approx_nunique() for n in part}
        ranges: dict[str, ir.Scalar] = {}
        for n in part:
            if types[names[n]] in _RANGED:
                values = typed(table[names[n]], types[names[n]])
                ranges |= {f"low{n}": values.min(), f"high{n}": values.max()}
        answer = backend.to_pyarrow(table.aggregate(rows=table.count(), **filled, **about, **ranges)).to_pylist()[0]
        rows = int(answer["rows"])
        found += [{key: answer.get(f"{key}{n}") for key in ("filled", "about", "low", "high")} for n in part]
    return rows, found


def _by_value(backend: BaseBackend, cells: ir.Table, part: list[int]) -> dict[int, tuple[int, list[tuple[str, int]]]]:
    names = [f"c{n}" for n in part]
    long = cells.select(*names).pivot_longer(selectors.cols(*names), names_to="column", values_to="value")
    long = long.filter(long.value.notnull())
    groups = long.group_by(["column", "value"]).aggregate(n=ibis._.count())
    by_column = ibis.window(group_by=groups.column)
    ranked = groups.mutate(
        distinct=groups.count().over(by_column),
        place=ibis.row_number().over(ibis.window(group_by=groups.column, order_by=[groups.n.desc(), groups.value])),
    )
    top = ranked.filter(ranked.place < TOP).order_by(["column", "place"])
    found: dict[int, tuple[int, list[tuple[str, int]]]] = {n: (0, []) for n in part}
    for row in backend.to_pyarrow(top).to_pylist():
        n = int(row["column"][1:])
        found[n] = (int(row["distinct"]), [*found[n][1], (row["value"], int(row["n"]))])
    return found


def _by_hash(backend: BaseBackend, cells: ir.Table, n: int) -> tuple[int, list[tuple[str, int]]]:
    values = cells.select(value=cells[f"c{n}"]).filter(ibis._.value.notnull())
    groups = values.group_by(key=values.value.hash()).aggregate(n=ibis._.count())
    counted = groups.mutate(distinct=groups.count().over(ibis.window()))
    top = backend.to_pyarrow(counted.order_by([ibis.desc("n"), "key"]).limit(TOP)).to_pylist()
    if not top:
        return 0, []
    repeated = {row["key"]: int(row["n"]) for row in top if row["n"] > 1}
    if not repeated:
        return int(top[0]["distinct"]), []
    shown = (
        values.mutate(key=values.value.hash())
        .filter(ibis._.key.isin(list(repeated)))
        .group_by("key")
        .aggregate(value=ibis._.value.min())
    )
    named = {row["key"]: row["value"] for row in backend.to_pyarrow(shown).to_pylist()}
    return int(top[0]["distinct"]), [(named[key], count) for key, count in repeated.items()]
