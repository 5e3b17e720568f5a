"""The chart of a version: numbers of rows, or means, by the column that tells most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from gongshu.opening.models import Version
from gongshu.opening.rows import pictures, tables
from gongshu.opening.rows.values import NUMERIC

MOST_BARS = 16


@dataclass(frozen=True)
class Chart:
    """What a column says of the rows: their number by its values or periods, or the mean of ``measure`` where every
    value has as many rows as the next. ``table`` holds what is drawn, ``rest`` the rows that are not."""

    column: str
    kind: str
    measure: str
    unit: str
    table: list[tuple[str, float]]
    choices: list[str]
    rest: int
    period: str = ""  # year, month or day, of a date

    @property
    def title(self) -> str:
        """What is drawn, in words."""
        if self.measure:
            return _("各“%(column)s”的平均“%(measure)s”") % {"column": self.column, "measure": self.measure}
        return _("按“%(column)s”的行数") % {"column": self.column}

    @property
    def data(self) -> dict[str, Any]:
        """What the script draws."""
        return {
            "kind": self.kind,
            "labels": [label for label, _n in self.table],
            "series": [{"name": "", "values": [number for _label, number in self.table]}],
            "description": self.title,
        }


def chart(version: Version, wanted: str = "") -> Chart | None:
    """Rows by ``wanted``, or by the column that tells most; None when no column can be counted by its values."""
    eligible = {c["name"]: c for c in version.columns if _worth(version, c) > 0}
    if not eligible:
        return None
    name = wanted if wanted in eligible else max(eligible, key=lambda each: _worth(version, eligible[each]))
    column = eligible[name]
    dated = column["storage_type"] in ("date", "timestamp")
    unit = _period(column) if dated else ""
    measured = _measure(version)
    measure = measured["name"] if measured else ""
    found = pictures.groups(*tables.stamp(version), name, measure, unit, 1000 if unit else MOST_BARS)
    numbers = [n for _value, n, _mean in found]
    whole = numbers[1:-1] if unit and len(numbers) > 3 else numbers  # the first and the last period may be cut
    even = bool(measure) and min(whole, default=0) * 1.25 >= max(whole, default=0)
    codes = column.get("codes") or {}
    shown = {"day": 10, "month": 7, "year": 4}.get(unit, 200)
    table = [
        (
            _("空") if value is None else codes.get(str(value), str(value)[:shown]),
            round(mean, 2) if even and mean is not None else n,
        )
        for value, n, mean in found
    ]
    if column["storage_type"] == "int64" and not codes:
        table.sort(key=lambda pair: int(pair[0]) if pair[0].lstrip("-").isdigit() else 0)
    rest = 0 if unit else version.rows - sum(numbers)
    return Chart(
        column=name,
        kind="time" if dated or (column["storage_type"] == "int64" and not codes) else "bar",
        measure=measure if even else "",
        unit=str(measured.get("unit") or "") if even and measured else "",
        table=table,
        choices=list(eligible),
        rest=rest,
        period=unit,
    )


def _measure(version: Version) -> dict[str, Any] | None:
    """The first number that measures something: no key, no code, no coordinate."""
    for column in version.columns:
        kind, semantic = column["storage_type"], column.get("semantic_type")
        plain = kind in NUMERIC and not column.get("codes") and column["name"] not in version.key
        if plain and semantic in (None, "", "amount") and (column.get("distinct") or 0) > 5:
            return dict(column)
    return None


def _worth(version: Version, column: dict[str, Any]) -> float:
    """How much a chart by this column would tell; 0 for a column that can't be counted by its values."""
    distinct, filled = column.get("distinct") or 0, version.rows - (column.get("nulls") or 0)
    kind = column["storage_type"]
    if kind == "geometry" or distinct < 2 or filled < 2:
        return 0
    if kind in ("date", "timestamp"):
        return 2 + (1 if distinct > 20 else 0) + (4 if column["name"] in version.key else 0)  # a series is told by time
    if kind in ("float64", "decimal") or distinct > max(40, filled // 4):
        return 0
    if kind == "int64" and not column.get("codes") and distinct > 40:
        return 0
    fits = 1 if 3 <= distinct <= MOST_BARS else 0
    named = {"division_name": 3, "sex": -1, "ethnicity": -1}.get(str(column.get("semantic_type")), 1)
    return max(0.5, 2 + fits * 2 + named + (1 if column.get("codes") else 0) - (1 if kind == "boolean" else 0))


def _period(column: dict[str, Any]) -> str:
    """The unit in which a date or time column makes some tens of bars."""
    try:
        first, last = (date.fromisoformat(str(column[end])[:10]) for end in ("min", "max"))
        span = (last - first).days
    except (KeyError, ValueError):
        return "year"
    return "day" if span <= 92 else "month" if span <= 5 * 366 else "year"
