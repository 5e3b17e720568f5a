"""Asking a version's rows: filters, sort and page from a query string, as SQL built from expressions with bound values.

The same words serve the page and the API: ``列=值`` (equal), ``列__contains=``, ``列__gte=``, ``列__lte=``, ``列__empty=1``,
``sort=列`` or ``sort=-列``. Column names are taken only from the version; values are always bound.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.models import Version

OPERATORS = {
    "eq": gettext_lazy("等于"),
    "contains": gettext_lazy("包含"),
    "gte": gettext_lazy("不小于"),
    "lte": gettext_lazy("不大于"),
    "empty": gettext_lazy("为空"),
}
RESERVED = {"limit", "offset", "sort", "page", "columns", "lang", "chart", "fc", "fo", "fv", "format"}
SAFE_INTEGER = 2**53 - 1
NUMERIC = {"int64", "float64", "decimal"}


class BadQuestion(Exception):
    """The query string asks for something that the version doesn't have; ``where`` names it."""

    def __init__(self, message: str, **where: str) -> None:
        super().__init__(message)
        self.where = where


@dataclass(frozen=True)
class Filter:
    """One condition: ``value`` as the reader wrote it."""

    column: str
    operator: str
    value: str

    @property
    def parameter(self) -> str:
        """Its name in a query string."""
        plain = self.operator == "eq" and self.column not in RESERVED
        return self.column if plain else f"{self.column}__{self.operator}"

    @property
    def said(self) -> str:
        """In words: 所在区 等于 徐汇区."""
        word = str(OPERATORS[self.operator])
        return f"{self.column} {word}" if self.operator == "empty" else f"{self.column} {word} {self.value}"


@dataclass(frozen=True)
class Ask:
    """Which rows, in which order."""

    filters: tuple[Filter, ...] = ()
    sort: str = ""
    descending: bool = False
    columns: tuple[str, ...] = field(default=())


def parse(query: QueryDict, version: Version) -> Ask:
    """The question of a query string; BadQuestion for an unknown column or a value that is not of the column's type."""
    kinds = {column["name"]: column["storage_type"] for column in version.columns}
    filters = []
    for name, values in query.lists():
        column, operator = _column_and_operator(name, kinds)
        if column is None:
            if name in RESERVED:
                continue
            raise BadQuestion(_("没有这一列：%(name)s") % {"name": name}, parameter=name)
        for value in values:
            _typed(value, kinds[column], column, operator)
            filters.append(Filter(column, operator, value))
    sort = query.get("sort", "")
    descending = sort.startswith("-") and sort not in kinds
    sort = sort[1:] if descending else sort
    if sort and sort not in kinds:
        raise BadQuestion(_("没有这一列：%(name)s") % {"name": sort}, parameter="sort")
    chosen = tuple(name for name in kinds if name in set(query.getlist("columns")))
    return Ask(tuple(filters), sort, descending, chosen)


def path(version: Version) -> Path:
    """Where the version's serving copy is."""
    found: Path = settings.DATA / version.serving
    return found


def count(version: Version, ask: Ask) -> int:
    """How many rows answer ``ask``."""
    if not ask.filters:
        return version.rows
    condition, values = _condition(version, ask.filters)
    query = exp.select(exp.Count(this=exp.Star())).from_(serving.TABLE).where(condition)
    return int(serving.read(path(version), query, values)[0][0])


def page(version: Version, ask: Ask, names: Iterable[str], limit: int, offset: int) -> list[tuple[Any, ...]]:
    """Rows as Python values, for display."""
    chosen = [_displayed(column) for column in _described(version, names)]
    query, values = _selected(version, ask, chosen, limit, offset)
    return serving.read(path(version), query, values)


def objects(version: Version, ask: Ask, limit: int, offset: int) -> list[dict[str, Any]]:
    """Rows as JSON objects, in the data types of the interface (see :func:`json_object`)."""
    names = ask.columns or [column["name"] for column in version.columns]
    query, values = _selected(version, ask, [json_object(_described(version, names))], limit, offset)
    return [json.loads(row[0]) for row in serving.read(path(version), query, values)]


def selection(version: Version, ask: Ask, chosen: list[exp.Expr]) -> tuple[exp.Select, dict[str, Any]]:
    """All rows that answer ``ask``, of the expressions ``chosen``; for exports."""
    return _selected(version, ask, chosen, None, 0)


def json_object(columns: list[dict[str, Any]]) -> exp.Expr:
    """A row as JSON text: integers beyond 2^53 and decimals as strings, NaN and infinities as null, dates and times in
    ISO 8601 (times at +08:00), geometry as GeoJSON."""
    parts: list[exp.Expr] = []
    for column in columns:
        parts += [exp.Literal.string(column["name"]), json_value(column)]
    return exp.Anonymous(this="json_object", expressions=parts)


def json_value(column: dict[str, Any]) -> exp.Expr:
    """The value of a column as it stands in a JSON object."""
    name, kind = quoted(column["name"]), column["storage_type"]
    text = exp.cast(name, "VARCHAR")
    if kind == "int64":
        bounds = [str(column.get(end) or "0") for end in ("min", "max")]
        if all(bound.lstrip("-").isdigit() and abs(int(bound)) <= SAFE_INTEGER for bound in bounds):
            return name
        safe = name.copy().between(-SAFE_INTEGER, SAFE_INTEGER)
        number, string = (exp.Anonymous(this="to_json", expressions=[each]) for each in (name.copy(), text))
        return exp.case().when(safe, number).else_(string)
    if kind == "float64":
        return exp.case().when(exp.Anonymous(this="isfinite", expressions=[name.copy()]), name).else_(exp.null())
    if kind == "timestamp":
        iso = exp.Anonymous(this="replace", expressions=[text, exp.Literal.string(" "), exp.Literal.string("T")])
        return exp.DPipe(this=iso, expression=exp.Literal.string("+08:00"), safe=False)
    if kind == "geometry":
        return exp.TryCast(this=name, to=exp.DataType.build("JSON"))
    if kind == "boolean":
        return name
    return text


def quoted(name: str) -> exp.Column:
    """The column ``name``, whatever characters it has."""
    return exp.column(name, quoted=True)


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


def stamp(version: Version) -> tuple[str, int]:
    """File and time of the serving copy: what cached answers are kept by."""
    file = path(version)
    try:
        return str(file), file.stat().st_mtime_ns
    except OSError as error:
        raise serving.CopyMissing(file.name) from error


def _column_and_operator(name: str, kinds: dict[str, str]) -> tuple[str | None, str]:
    if name in kinds and name not in RESERVED:
        return name, "eq"
    column, mark, operator = name.rpartition("__")
    if mark and operator in OPERATORS and column in kinds:
        return column, operator
    return None, ""


def _described(version: Version, names: Iterable[str]) -> list[dict[str, Any]]:
    wanted = list(names)
    known = {column["name"]: column for column in version.columns}
    return [known[name] for name in wanted]


def _selected(
    version: Version, ask: Ask, chosen: list[exp.Expr], limit: int | None, offset: int
) -> tuple[exp.Select, dict[str, Any]]:
    query = exp.select(exp.Star()).from_(serving.TABLE)
    values: dict[str, Any] = {}
    if ask.filters:
        condition, values = _condition(version, ask.filters)
        query = query.where(condition)
    if ask.sort:
        # equal values stay in the published order, so that pages neither repeat nor skip a row
        order = exp.Ordered(this=quoted(ask.sort), desc=ask.descending, nulls_first=False)
        query = query.order_by(order, exp.Ordered(this=exp.column("rowid"), nulls_first=False))
    if limit is not None:
        query = query.limit(limit).offset(offset)
    # what is computed of a row is computed of the chosen rows only: sorting a million rows must not make a million objects
    return exp.select(*chosen).from_(query.subquery("chosen")), values


def _condition(version: Version, filters: tuple[Filter, ...]) -> tuple[exp.Expr, dict[str, Any]]:
    kinds = {column["name"]: column["storage_type"] for column in version.columns}
    parts: list[exp.Expr] = []
    values: dict[str, Any] = {}
    for number, one in enumerate(filters):
        column = quoted(one.column)
        value = _typed(one.value, kinds[one.column], one.column, one.operator)
        if one.operator == "empty":
            empty = column.is_(exp.null())
            parts.append(empty if value else empty.not_())
            continue
        name = f"p{number}"
        values[name] = value
        bound = exp.Placeholder(this=name)
        if one.operator == "contains":
            text = exp.Lower(this=exp.cast(column, "VARCHAR"))
            parts.append(exp.Anonymous(this="contains", expressions=[text, exp.Lower(this=bound)]))
        else:
            kind = {"eq": exp.EQ, "gte": exp.GTE, "lte": exp.LTE}[one.operator]
            parts.append(kind(this=column, expression=bound))
    return exp.and_(*parts), values


def _typed(text: str, kind: str, column: str, operator: str) -> Any:
    """The value of ``text`` for a column of storage type ``kind``; BadQuestion when it is none."""
    if len(text) > 500:
        raise BadQuestion(_("筛选“%(column)s”的值太长") % {"column": column}, parameter=column)
    if operator == "empty":
        return text not in ("0", "false")
    if operator == "contains":
        return text
    try:
        if kind == "int64":
            number = Decimal(text)
            if abs(number) > 2**63 - 1:
                raise ValueError
            return int(number) if number == number.to_integral_value() else float(number)
        if kind in ("float64", "decimal"):
            return float(text) if kind == "float64" else Decimal(text)
        if kind == "boolean":
            return {"true": True, "1": True, "是": True, "false": False, "0": False, "否": False}[text.strip().lower()]
        if kind == "date":
            return date.fromisoformat(text)
        if kind == "timestamp":
            return datetime.fromisoformat(text).replace(tzinfo=None)
    except (ValueError, KeyError, InvalidOperation, OverflowError):
        wanted = {
            "int64": _("数字"),
            "float64": _("数字"),
            "decimal": _("数字"),
            "boolean": _("“是”或“否”"),
            "date": _("日期，如 2026-11-02"),
            "timestamp": _("时间，如 2026-11-02T09:30"),
        }[kind]
        message = _("筛选“%(column)s”要写%(wanted)s，不能是“%(value)s”")
        raise BadQuestion(
            message % {"column": column, "wanted": wanted, "value": text[:40]}, parameter=column
        ) from None
    return text


def _displayed(column: dict[str, Any]) -> exp.Expr:
    # a geometry is shown by its kind; the shape itself is in the downloads and the API
    if column["storage_type"] == "geometry":
        return exp.Anonymous(
            this="json_extract_string", expressions=[quoted(column["name"]), exp.Literal.string("$.type")]
        )
    return quoted(column["name"])
