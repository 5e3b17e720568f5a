"""What rows are grouped by: the values of a column, or the years, quarters, months or days of a date or a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from sqlglot import exp

from gongshu.opening.rows.grammar import column_of
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import BadQuestion, call, is_bounded, json_value, quoted

PERIODS = {"year": "%Y", "quarter": "%Y-Q", "month": "%Y-%m", "day": "%Y-%m-%d"}  # as strftime has them
SAID = {
    "year": gettext_lazy("按年"),
    "quarter": gettext_lazy("按季"),
    "month": gettext_lazy("按月"),
    "day": gettext_lazy("按日"),
}
DATED = ("date", "timestamp")


@dataclass(frozen=True)
class Grouper:
    """A column, or with a ``period`` that of its dates: ``name`` is what the question calls it, ``month:登记日期``."""

    name: str
    column: dict[str, Any]
    period: str = ""

    @property
    def label(self) -> str:
        """What the grouping is called: 登记日期 按月."""
        return f"{self.column['name']} {SAID[self.period]}" if self.period else str(self.column["name"])

    @property
    def expression(self) -> exp.Expr:
        """What is grouped by: the value (what is no finite number with those that have none, as both are null in an answer), or
        the period as text (2026, 2026-Q1, 2026-03, 2026-03-08)."""
        value = quoted(self.column["name"])
        if not self.period:
            if self.column["storage_type"] == "float64" and not is_bounded(self.column):
                return exp.case().when(call("isfinite", value.copy()), value).else_(exp.null())
            return value
        text = call("strftime", value, exp.Literal.string(PERIODS[self.period]))
        if self.period != "quarter":
            return text
        return exp.DPipe(this=text, expression=exp.cast(call("quarter", value.copy()), "VARCHAR"), safe=False)

    def json(self, value: exp.Expr) -> exp.Expr:
        """The group's value as it stands in JSON."""
        return value if self.period else json_value(self.column, value)


def parse(texts: tuple[str, ...], table: Table) -> list[Grouper]:
    """The groupers asked for; BadQuestion for what rows can't be grouped by."""
    return [_grouper(text, table) for text in texts]


def choices(table: Table) -> list[tuple[str, str]]:
    """What rows can be grouped by, for a list of choices: the word of the row API, and what it is called."""
    found = []
    for column in table.columns:
        if column["storage_type"] in DATED:
            found += [Grouper(f"{period}:{column['name']}", column, period) for period in PERIODS]
        if column["storage_type"] != "geometry":
            found.append(Grouper(column["name"], column))
    return [(one.name, one.label) for one in found]


def _grouper(text: str, table: Table) -> Grouper:
    period, mark, name = text.partition(":")
    if text in table.by_name or not mark or period not in PERIODS:
        return Grouper(text, table.by_name[column_of(table, text, "by", plain=True)])
    column = table.by_name[column_of(table, name, "by", plain=True)]
    if column["storage_type"] not in DATED:
        raise BadQuestion(
            _("“%(name)s”不是日期，不能按 %(period)s 分组") % {"name": name, "period": period},
            parameter="by",
            column=name,
        )
    return Grouper(text, column, period)
