"""What charts and maps show of a version's rows; kept by file and time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows import answers, statements
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.kept import ANSWERS
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import quoted


@lru_cache(maxsize=512)
def groups(file: str, stamp: int, name: str, measure: str, unit: str, most: int) -> list[tuple[Any, int, float | None]]:
    """Rows of the serving copy ``file`` (made at ``stamp``) by a column: value, number of rows, mean of ``measure``.

    With a ``unit`` (day, month, year) by period and in its order, else the ``most`` most frequent values first.
    """
    column: exp.Expr = quoted(name)
    value: exp.Expr = exp.cast(column, "VARCHAR")
    if unit:
        value = exp.cast(exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(unit), column]), "DATE")
    mean = exp.Avg(this=exp.cast(quoted(measure), "DOUBLE")) if measure else exp.null()
    # by position: a name of ours could be the name of a column
    query = exp.select(value, exp.Count(this=exp.Star()), mean).from_(serving.TABLE).group_by("1").limit(most)
    if unit:
        query = query.where(column.is_(exp.null()).not_()).order_by("1")
    else:
        query = query.order_by("2 DESC", "1 NULLS LAST")
    return [(each, int(n), None if of is None else float(of)) for each, n, of in serving.read(Path(file), query)]


def middle(table: Table, ask: Ask) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the middle 96 % of the points that answer ``ask``: a few wrong coordinates don't make the
    map a speck. None when there are none."""
    x, y = _place(table)
    ends = [
        exp.Anonymous(this="quantile_cont", expressions=[value.copy(), exp.Literal.number(share)])
        for share in ("0.02", "0.98")
        for value in (x, y)
    ]
    found = _kept(table, ask, ("middle",), lambda: exp.select(*ends).from_(serving.TABLE))[0]
    return None if None in found else (found[0], found[1], found[2], found[3])


def point_cells(
    table: Table, ask: Ask, cells: int, box: tuple[float, float, float, float]
) -> list[tuple[float, float, int]]:
    """The points within ``box`` that answer ``ask``, gathered in a grid of ``cells`` columns: mean longitude, mean latitude, number."""
    west, south, east, north = box
    step = max(east - west, 1e-6) / cells
    x, y = _place(table)

    def cell(value: exp.Expr, origin: float) -> exp.Expr:
        far = exp.paren(exp.Sub(this=value.copy(), expression=exp.Literal.number(repr(origin))))
        return exp.Floor(this=exp.Div(this=far, expression=exp.Literal.number(repr(step))))

    def query() -> exp.Select:
        return (
            exp.select(cell(x, west), cell(y, south), exp.Avg(this=x), exp.Avg(this=y), exp.Count(this=exp.Star()))
            .from_(serving.TABLE)
            .where(x.copy().between(west, east), y.copy().between(south, north))
            .group_by("1", "2")
            .limit(6000)
        )

    found = _kept(table, ask, ("cells", cells, box), query)
    return [(lon, lat, n) for _cx, _cy, lon, lat, n in found]


def _place(table: Table) -> tuple[exp.Expr, exp.Expr]:
    return exp.cast(quoted(table.longitude), "DOUBLE"), exp.cast(quoted(table.latitude), "DOUBLE")


def _kept(table: Table, ask: Ask, what: tuple[Any, ...], query: Callable[[], exp.Select]) -> list[list[Any]]:
    """The rows of ``query`` over what answers ``ask``, kept with the other answers."""

    def make() -> bytes:
        return json.dumps(answers.read(table, statements.over(table, ask, query()))).encode()

    found: list[list[Any]] = json.loads(
        ANSWERS.get((str(table.path), serving.stamp(table.path), replace(ask, sort=(), select=()), *what), make)
    )
    return found
