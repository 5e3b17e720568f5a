"""What charts and maps show of a version's rows; kept by file and time."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
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


@lru_cache(maxsize=128)
def middle(file: str, stamp: int, longitude: str, latitude: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the middle 96 % of the points: a few wrong coordinates don't make the map a speck."""
    x, y = (exp.cast(quoted(name), "DOUBLE") for name in (longitude, latitude))
    ends = [
        exp.Anonymous(this="quantile_cont", expressions=[value.copy(), exp.Literal.number(share)])
        for share in ("0.02", "0.98")
        for value in (x, y)
    ]
    found = serving.read(Path(file), exp.select(*ends).from_(serving.TABLE))[0]
    return None if None in found else (float(found[0]), float(found[1]), float(found[2]), float(found[3]))


@lru_cache(maxsize=128)
def point_cells(
    file: str, stamp: int, longitude: str, latitude: str, cells: int, box: tuple[float, float, float, float]
) -> list[tuple[float, float, int]]:
    """Points within ``box`` gathered in a grid of ``cells`` columns: mean longitude, mean latitude, number."""
    west, south, east, north = box
    x, y = exp.cast(quoted(longitude), "DOUBLE"), exp.cast(quoted(latitude), "DOUBLE")
    step = exp.Placeholder(this="step")

    def cell(value: exp.Expr, origin: str) -> exp.Expr:
        return exp.Floor(
            this=exp.Div(this=exp.paren(exp.Sub(this=value, expression=exp.Placeholder(this=origin))), expression=step)
        )

    query = (
        exp.select(
            cell(x, "west"),
            cell(y, "south"),
            exp.Avg(this=x),
            exp.Avg(this=y),
            exp.Count(this=exp.Star()),
        )
        .from_(serving.TABLE)
        .where(
            x.copy().between(exp.Placeholder(this="west"), exp.Placeholder(this="east")),
            y.copy().between(exp.Placeholder(this="south"), exp.Placeholder(this="north")),
        )
        .group_by("1", "2")
        .limit(6000)
    )
    values = {"west": west, "south": south, "east": east, "north": north, "step": max(east - west, 1e-6) / cells}
    found = serving.read(Path(file), query, values)
    return [(float(lon), float(lat), int(n)) for _cx, _cy, lon, lat, n in found]
