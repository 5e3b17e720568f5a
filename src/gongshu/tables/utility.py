"""What protection costs (信息损失): how much of the detail of a table is gone once it is public."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.tables.anonymity import Anonymity
from gongshu.tables.contract import Field
from gongshu.tables.microaggregate import finite
from gongshu.tables.model import ROW

NUMBERS = (
    "keep",
    "round",
    "clip",
    "noise",
    "shuffle",
    "microaggregate",
)  # methods after which numbers are still numbers
CHANCE = ("noise", "shuffle", "keyed_hash", "tokenise")  # values are not made wider: which are alike says nothing
NUMERIC = ("int64", "float64", "decimal")


def discernibility(found: Anonymity, hidden: int) -> float:
    """The discernibility metric of Bayardo and Agrawal (2005): each row costs as many as it can't be told from, one that is
    left out all of them; as a share of the most that it can be (one group), 0..1."""
    rows = found.rows + hidden
    cost = sum(size * size * groups for size, groups in found.sizes.items()) + hidden * rows
    return round(cost / (rows * rows), 6) if rows else 0.0


def information_loss(
    backend: BaseBackend, before: ir.Table, public: ir.Table, fields: Sequence[Field]
) -> dict[str, float]:
    """By column the generalised information loss (Iyengar 2002): the mean over the rows of the share of the column's other values
    that a cell can no longer be told from; 1 for a column or a row that isn't public, 0 for one that is as it was. Columns that
    chance or a key made unlike are left out. Both tables have ``_row``."""
    asked = [one for one in fields if one.protection.method not in (*CHANCE, "keep", "drop")]
    rows = int(backend.to_pyarrow(before.count()).as_py())
    left = int(backend.to_pyarrow(public.count()).as_py())
    hidden = (rows - left) / rows if rows else 0.0
    found = {}
    for one in fields:
        if one.protection.method == "drop":
            found[one.name] = 1.0
        elif one.protection.method == "keep":
            found[one.name] = round(hidden, 6)
    for one in asked:
        values = before.select(_gongshu_n=ROW, was=before[one.name].cast("string"))
        joined = values.join(
            public.select(ROW, now=public[one.name].cast("string")), values["_gongshu_n"] == public[ROW]
        )
        pairs = joined.group_by("was", "now").aggregate(n=ibis._.count())
        # of the column's values, how many look the same now: counted over those that are public
        alike = pairs.mutate(alike=ibis._.count().over(group_by="now"))
        told = backend.to_pyarrow(
            alike.aggregate(
                lost=(alike.n * (alike.alike - 1)).sum(),
                rows=alike.n.sum(),
                values=alike.was.nunique() + alike.was.isnull().any().cast("int64"),
            )
        ).to_pylist()[0]
        most = int(told["values"] or 0) - 1
        mean = int(told["lost"] or 0) / (int(told["rows"]) * most) if told["rows"] and most > 0 else 0.0
        found[one.name] = round(mean * (1 - hidden) + hidden, 6)
    return found


def statistics_kept(
    backend: BaseBackend, before: ir.Table, public: ir.Table, fields: Sequence[Field]
) -> list[dict[str, Any]]:
    """``[{"column", "before", "after", "deviation_before", "deviation_after"}]``: mean and standard deviation of the columns of
    numbers that stay numbers."""
    names = [one.name for one in fields if one.storage_type in NUMERIC and one.protection.method in NUMBERS]
    if not names:
        return []
    told = []
    for table in (before, public):
        asked: dict[str, ir.Value] = {}
        for n, name in enumerate(names):
            value = finite(table[name])
            asked |= {f"m{n}": value.mean(), f"d{n}": value.std(how="pop")}
        told.append(backend.to_pyarrow(table.aggregate(**asked)).to_pylist()[0])
    was, now = told
    return [
        {"column": name, "before": was[f"m{n}"], "after": now[f"m{n}"]}
        | {"deviation_before": was[f"d{n}"], "deviation_after": now[f"d{n}"]}
        for n, name in enumerate(names)
        if was[f"m{n}"] is not None and now[f"m{n}"] is not None
    ]
