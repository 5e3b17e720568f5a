"""Column statistics (列统计): nulls, exact distinct, range and most frequent values, in few scans and bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis import selectors
from ibis.backends import BaseBackend

from gongshu.tables.cells import as_type
from gongshu.tables.long_form import is_wide, long_parts
from gongshu.tables.nearly_unique import filled, nearly_unique

TOP = 100  # the rules look at more of them than a report shows
CELLS_AT_ONCE = 400_000  # of columns that are counted by value in one pass: small tables of many columns
COLUMNS_AT_ONCE = 150
_RANGED = ("int64", "decimal", "float64", "percent", "date", "excel_date", "timestamp", "time")


Hashes = Callable[[str], npt.NDArray[np.uint64] | None]
_PAIR = dt.Struct({"less": dt.int64, "value": dt.string})


@ibis.udf.agg.builtin(name="min", signature=((_PAIR, dt.int64), dt.Array(_PAIR)))
def _foremost(pair, count):  # type: ignore[no-untyped-def]
    """The ``count`` smallest pairs in order (DuckDB's ``min(value, count)``): of equal counts the smaller values."""


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


def column_statistics(
    backend: BaseBackend, table: ir.Table, types: Mapping[str, str], hashes: Hashes | None = None
) -> dict[str, ColumnStatistics]:
    """The statistics of every column of ``types`` (name -> storage type) of a staged table, or of one with the engine's own types.

    One scan for counts and ranges of many columns, then the values: of many columns in one pass where the rows are few, else a
    pass for each column, which reads nothing but that column. ``distinct`` is exact: values are compared, not their hashes.
    ``hashes``: those of the cells of a column, where another scan has handed them out.
    """
    names = list(types)
    rows = int(backend.to_pyarrow(table.count()).as_py())
    if rows * len(names) > CELLS_AT_ONCE and 2 * rows > CELLS_AT_ONCE:
        return {name: _of_column(backend, table, name, types[name], rows, hashes) for name in names}
    if is_wide(backend, table, names, rows):
        return _of_many(backend, table, types, rows)
    counts = _ranges(backend, table, names, types)
    cells = table.select(**{f"c{n}": filled(table[name]).cast("string") for n, name in enumerate(names)})
    frequent: dict[int, tuple[int, list[tuple[str, int]]]] = {}
    step = max(1, min(COLUMNS_AT_ONCE, CELLS_AT_ONCE // max(1, rows)))
    for start in range(0, len(names), step):
        frequent |= _by_value(backend, cells, list(range(start, min(start + step, len(names)))))
    return {
        name: ColumnStatistics(
            name, rows, rows - counts[n]["filled"], frequent[n][0], counts[n]["low"], counts[n]["high"], frequent[n][1]
        )
        for n, name in enumerate(names)
    }


def _of_many(backend: BaseBackend, table: ir.Table, types: Mapping[str, str], rows: int) -> dict[str, ColumnStatistics]:
    """Of many columns of text: those of a storage type stood on end."""
    found: dict[str, ColumnStatistics] = {}
    for kind in sorted(set(types.values())):
        for part, cells in long_parts(backend, table, [name for name in types if types[name] == kind], rows):
            cells = cells.select("column", value=filled(cells.value))
            cells = cells.filter(cells.value.notnull())
            told = _typed(cells, kind).group_by("column")
            told = told.aggregate(filled=ibis._.count(), low=ibis._.typed.min(), high=ibis._.typed.max())
            counts = {row["column"]: row for row in backend.to_pyarrow(told).to_pylist()}
            frequent = _most_frequent(backend, cells, range(len(part)))
            for n, name in enumerate(part):
                row = counts.get(n, {"filled": 0, "low": None, "high": None})
                distinct, top = frequent[n]
                found[name] = ColumnStatistics(name, rows, rows - row["filled"], distinct, row["low"], row["high"], top)
    return {name: found[name] for name in types}


def _ranges(backend: BaseBackend, table: ir.Table, names: list[str], types: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        part = range(start, min(start + COLUMNS_AT_ONCE, len(names)))
        ranged = [n for n in part if types[names[n]] in _RANGED]
        cells = table.select(
            **{f"c{n}": filled(table[names[n]]) for n in part},
            **{f"v{n}": as_type(table[names[n]], types[names[n]]) for n in ranged},
        )
        counts: dict[str, ir.Scalar] = {f"filled{n}": cells[f"c{n}"].count() for n in part}
        counts |= {f"low{n}": cells[f"v{n}"].min() for n in ranged}
        counts |= {f"high{n}": cells[f"v{n}"].max() for n in ranged}
        answer = backend.to_pyarrow(cells.aggregate(**counts)).to_pylist()[0]
        found += [{key: answer.get(f"{key}{n}") for key in ("filled", "low", "high")} for n in part]
    return found


def _of_column(
    backend: BaseBackend, table: ir.Table, name: str, kind: str, rows: int, hashes: Hashes | None = None
) -> ColumnStatistics:
    """Of one column: everything is told by its different values and how often each stands there."""
    values = table.select(value=filled(table[name]))
    values = values.filter(values.value.notnull())
    if backend.name == "duckdb" and (told := nearly_unique(backend, values, rows, hashes(name) if hashes else None)):
        found = _of_groups(backend, told.repeated) if told.repeated is not None else {"distinct": 0, "top": []}
        distinct = told.once + int(found["distinct"])
        low, high = _ends(backend, values, kind)
        return ColumnStatistics(name, rows, rows - told.filled, distinct, low, high, found["top"])
    found = _of_groups(backend, values, kind)
    nulls = rows - int(found["filled"] or 0)
    return ColumnStatistics(name, rows, nulls, int(found["distinct"]), found["low"], found["high"], found["top"])


def _ends(backend: BaseBackend, values: ir.Table, kind: str) -> tuple[Any, Any]:
    if kind not in _RANGED:
        return None, None
    typed = _typed(values, kind)
    found = backend.to_pyarrow(typed.aggregate(low=typed.typed.min(), high=typed.typed.max())).to_pylist()[0]
    return found["low"], found["high"]


def _typed(values: ir.Table, kind: str) -> ir.Table:
    return values.mutate(typed=as_type(values.value, kind) if kind in _RANGED else ibis.null("int64"))


def _of_groups(backend: BaseBackend, values: ir.Table, kind: str = "string") -> dict[str, Any]:
    """``filled``, ``distinct``, ``low``, ``high`` and ``top`` of the column ``value``, in one grouped pass."""
    groups = _typed(values.group_by("value").aggregate(n=ibis._.count()), kind)
    counts = {
        "filled": groups.n.sum(),
        "distinct": groups.count(),
        "low": groups.typed.min(),
        "high": groups.typed.max(),
    }
    if backend.name == "duckdb":
        pair = ibis.struct({"less": -groups.n, "value": groups.value.cast("string")})
        counts["top"] = _foremost(pair, TOP, where=groups.n > 1)
    found: dict[str, Any] = backend.to_pyarrow(groups.aggregate(**counts)).to_pylist()[0]
    if backend.name == "duckdb":
        found["top"] = [(pair["value"], -int(pair["less"])) for pair in found["top"] or []]
    else:
        most = groups.filter(groups.n > 1).mutate(value=groups.value.cast("string"))
        most = most.order_by([ibis.desc("n"), "value"]).limit(TOP)
        found["top"] = [(each["value"], int(each["n"])) for each in backend.to_pyarrow(most).to_pylist()]
    return found


def _by_value(backend: BaseBackend, cells: ir.Table, part: list[int]) -> dict[int, tuple[int, list[tuple[str, int]]]]:
    names = [f"c{n}" for n in part]
    long = cells.select(*names).pivot_longer(selectors.cols(*names), names_to="column", values_to="value")
    long = long.filter(long.value.notnull()).mutate(column=ibis._.column.substr(1).cast("int64"))
    return _most_frequent(backend, long, part)


def _most_frequent(
    backend: BaseBackend, cells: ir.Table, part: Iterable[int]
) -> dict[int, tuple[int, list[tuple[str, int]]]]:
    """Of ``cells`` (``column``, one of ``part``, and ``value``): how many different values there are, and the most frequent."""
    groups = cells.group_by(["column", "value"]).aggregate(n=ibis._.count())
    by_column = ibis.window(group_by=groups.column)
    ranked = groups.mutate(
        distinct=groups.count().over(by_column),
        place=ibis.row_number().over(ibis.window(group_by=groups.column, order_by=[groups.n.desc(), groups.value])),
    )
    top = ranked.filter(ranked.place < TOP).order_by(["column", "place"]).select("column", "value", "n", "distinct")
    found: dict[int, tuple[int, list[tuple[str, int]]]] = {n: (0, []) for n in part}
    answer = backend.to_pyarrow(top).to_pydict()
    for n, value, count, distinct in zip(*answer.values(), strict=True):
        if not found[n][0]:
            found[n] = (int(distinct), [])
        found[n][1].append((value, int(count)))
    return found
