"""What is measured of a group: number of rows, sum, average, least, greatest, percentiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from sqlglot import exp

from gongshu.opening.rows.grammar import column_of
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.tallies import Source
from gongshu.opening.rows.values import NUMERIC, BadQuestion, call, json_value, quoted, safe_integer

MOST = 10
EXACT_ROWS = 100_000  # up to which a percentile is exact; beyond, a t-digest
_PERCENTILE = re.compile(r"p(\d{1,2})")
FUNCTIONS = ("sum", "avg", "min", "max")
ENDS = {"min": exp.Min, "max": exp.Max}


@dataclass(frozen=True)
class Measure:
    """``function`` of a column (of the rows, for ``count``); ``approximate`` percentiles are estimated."""

    name: str
    function: str
    column: dict[str, Any]
    approximate: bool = False

    @property
    def summed(self) -> list[str]:
        """The column whose sum has to be known."""
        return [self.column["name"]] if self.function in ("sum", "avg") else []

    @property
    def looked_at(self) -> list[str]:
        """The column whose very values have to be known."""
        return [self.column["name"]] if self.function in ENDS else []

    @property
    def is_of_each_row(self) -> bool:
        """Whether every row has to be looked at."""
        return _PERCENTILE.fullmatch(self.function) is not None

    def of(self, source: Source) -> exp.Expr:
        """The aggregate. Averages of whole numbers and decimals are their exact sums divided once, whatever is summed."""
        if self.function == "count":
            return source.number
        name = self.column["name"]
        if self.function == "sum":
            return source.sum(name)
        if self.function == "avg":
            whole = exp.cast(source.sum(name), "DOUBLE")
            return exp.Div(this=whole, expression=source.filled(name))
        value = quoted(name)
        if match := _PERCENTILE.fullmatch(self.function):
            share = exp.Literal.number(int(match[1]) / 100)
            return call("approx_quantile" if self.approximate else "quantile_cont", exp.cast(value, "DOUBLE"), share)
        return ENDS[self.function](this=value)

    def json(self, value: exp.Expr) -> exp.Expr:
        """The measure's value as it stands in JSON: by the rules of the rows."""
        if self.function == "count":
            return value
        kind = self.column["storage_type"]
        if self.function in ("min", "max"):
            return json_value(self.column, value)
        if self.function == "sum" and kind == "int64":
            return safe_integer(value)
        return json_value(
            {"name": "", "storage_type": "decimal" if self.function == "sum" and kind == "decimal" else "float64"},
            value,
        )


def parse(texts: list[str], table: Table) -> list[Measure]:
    """The measures asked for (``count`` when none is); BadQuestion for what can't be measured."""
    if len(texts) > MOST:
        raise BadQuestion(_("最多 %(n)s 个度量") % {"n": MOST}, parameter="measure")
    return [_measure(text, table) for text in dict.fromkeys(texts or ["count"])]


def _measure(text: str, table: Table) -> Measure:
    function, mark, name = text.partition(":")
    if text == "count":
        return Measure("count", "count", {})
    percentile = _PERCENTILE.fullmatch(function)
    if not mark or not (function in FUNCTIONS or (percentile and 1 <= int(percentile[1]) <= 99)):
        raise BadQuestion(
            _("没有这个度量：%(name)s；可用 count、sum:列、avg:列、min:列、max:列、p90:列") % {"name": text[:40]},
            parameter="measure",
        )
    column = table.by_name[column_of(table, name, "measure", plain=True)]
    if function not in ("min", "max") and column["storage_type"] not in NUMERIC:
        raise BadQuestion(
            _("“%(name)s”不是数字，不能算 %(function)s") % {"name": name, "function": function},
            parameter="measure",
            column=name,
        )
    return Measure(text, function, column, bool(percentile) and table.rows > EXACT_ROWS)
