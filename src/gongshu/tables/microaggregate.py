"""Microaggregation (微聚集): numbers become the mean of some that are near, so that none is told alone."""

from __future__ import annotations

import sys

import ibis
import ibis.expr.types as ir

from gongshu.tables.contract import Field, Protection
from gongshu.tables.model import ROW
from gongshu.tables.storage import typed

_LARGEST = sys.float_info.max
_MADE, _PLACE, _GROUP = "_gongshu_mean_", "_gongshu_place", "_gongshu_group"


def microaggregated(table: ir.Table, one: Field) -> tuple[ir.Table, str]:
    """``table`` with a column of means beside the numbers of ``one``, and its name.

    Of fixed size, one column at a time: in the order of the values, each ``least`` of them become their mean, the last group
    up to twice as many less one (Domingo-Ferrer and Mateo-Sanz 2002). Null stays null; all are null where there are fewer than
    ``least``. Rounded to ``digits``. ValueError for ``least`` below 2.
    """
    least, params, name = least_of(one.protection), one.protection.params, _MADE + one.name
    values = table[one.name]
    whole = values.type().is_integer()
    numbers = finite(typed(values, "float64") if values.type().is_string() else values)
    made = table.mutate(**{name: numbers})
    order = [made[name], made[ROW]] if ROW in table.columns else [made[name]]
    filled = made[name].notnull()
    made = made.mutate(
        **{
            _PLACE: ibis.row_number().over(group_by=filled, order_by=order),
            _GROUP: ibis.ifelse(filled, 1, 0).sum().over(group_by=filled),
        }
    )
    last = (made[_GROUP] / least).floor() - 1  # -1 where there are too few
    group = ibis.least((made[_PLACE] / least).floor(), last)
    known = made[name].notnull() & (last >= 0)
    made = made.mutate(**{_GROUP: known.ifelse(group, ibis.null("float64"))})
    mean = made[name].mean().over(group_by=_GROUP).round(int(params.get("digits", 0 if whole else 6)))
    mean = made[_GROUP].notnull().ifelse(mean, ibis.null("float64"))
    return made.mutate(**{name: mean.cast("int64") if whole else mean}).drop(_PLACE, _GROUP), name


def least_of(protection: Protection) -> int:
    """The parameter ``least``; ValueError below 2."""
    least = int(protection.params["least"])
    if least < 2:
        raise ValueError("least >= 2")
    return least


def finite(values: ir.NumericValue) -> ir.FloatingValue:
    """Numbers as float64, null for what is none and for the infinite."""
    numbers = values.cast("float64")
    # by its size: not every engine tells the infinite
    return (numbers.isnan() | (numbers.abs() > _LARGEST)).ifelse(ibis.null("float64"), numbers)
