"""Disclosure risk (个人风险): how far the rows of persons can be told apart by what others know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.rulebooks import rulebook
from gongshu.tables.contract import Field
from gongshu.tables.identifiers import RULEBOOK, quasi_identifiers, still_public
from gongshu.tables.storage import normalise

BINS = (1, 2, 5, 20, 50, 100)  # lower ends of the sizes of groups that are told


def residual_risk(backend: BaseBackend, protected: ir.Table, fields: list[Field]) -> dict[str, Any] | None:
    """The :func:`disclosure_risk` that is left in ``protected`` (the public columns of ``fields`` as they would be published)."""
    public, subject = still_public(fields)
    return disclosure_risk(backend, protected, {field.name: field.semantic_type for field in public}, subject)


def grouped(table: ir.Table, names: list[str]) -> dict[str, ir.StringValue]:
    """The columns ``names`` as what rows are grouped by: as text, normalised."""
    return {f"c{n}": normalise(table[name].cast("string")) for n, name in enumerate(names)}


def group_histogram(backend: BaseBackend, table: ir.Table, names: list[str]) -> list[dict[str, int | None]]:
    """``[{"from", "to", "rows"}]``: how many rows have how many alike in ``names``, by the bins 1, 2-4 ... 100 and more."""
    groups = table.group_by(**grouped(table, names)).aggregate(n=ibis._.count())
    ends = [*BINS[1:], None]
    sums = {
        f"b{low}": ((groups.n >= low) & (groups.n < high) if high else groups.n >= low).ifelse(groups.n, 0).sum()
        for low, high in zip(BINS, ends, strict=True)
    }
    found = backend.to_pyarrow(groups.aggregate(**sums)).to_pylist()[0]
    return [
        {"from": low, "to": high - 1 if high else None, "rows": int(found[f"b{low}"] or 0)}
        for low, high in zip(BINS, ends, strict=True)
    ]


def disclosure_risk(
    backend: BaseBackend, table: ir.Table, types: Mapping[str, str | None], subject: str
) -> dict[str, Any] | None:
    """``{"quasi_identifiers", "k", "unique_share", ...}`` of a table, or None where no person can be recognised by them.

    ``k``: rows of the smallest group that is alike in all quasi-identifiers. ``unique_share``: share of rows that are alone in
    theirs. ``prosecutor_max`` is 1 / k, ``prosecutor_mean`` groups / rows: the chance of picking the right row for somebody who
    is known to be in the table. ``direct_identifiers`` name a person without any group.
    """
    names = quasi_identifiers(types, subject)
    if not names:
        return None
    book = rulebook(RULEBOOK)
    groups = table.group_by(**grouped(table, names)).aggregate(n=ibis._.count())
    found = backend.to_pyarrow(
        groups.aggregate(
            k=groups.n.min(),
            groups=groups.count(),
            rows=groups.n.sum(),
            alone=(groups.n == 1).sum(),
            below=(groups.n < int(book["threshold"])).ifelse(groups.n, 0).sum(),
        )
    ).to_pylist()[0]
    rows = int(found["rows"] or 0)
    if not rows:
        return None
    return {
        "quasi_identifiers": names,
        "direct_identifiers": [name for name, code in types.items() if code in book["direct"]],
        "k": int(found["k"]),
        "groups": int(found["groups"]),
        "unique_share": round(int(found["alone"]) / rows, 6),
        "below_threshold_share": round(int(found["below"]) / rows, 6),
        "prosecutor_max": round(1 / int(found["k"]), 6),
        "prosecutor_mean": round(int(found["groups"]) / rows, 6),
        "threshold": int(book["threshold"]),
        "threshold_source": str(book["source"]),
    }
