"""Disclosure risk (个人风险): how far the rows of persons can be told apart by what others know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.rulebooks import rulebook
from gongshu.tables.classify import classify
from gongshu.tables.contract import Field
from gongshu.tables.storage import normalise

RULEBOOK = "semantic-2026/risk"


def quasi_identifiers(types: Mapping[str, str | None], subject: str) -> list[str]:
    """The columns (name -> semantic type) by which a person of the table may be recognised; none in tables of things or bodies."""
    if subject not in ("person", "mixed"):
        return []
    book = rulebook(RULEBOOK)
    kinds = set(book["types"]) | (set(book["mixed_types"]) if subject == "mixed" else set())
    return [name for name, code in types.items() if code in kinds or (code is None and _named(name, book))]


def _named(name: str, book: Mapping[str, Any]) -> bool:
    lowered = name.lower()
    words = set(lowered.replace("-", "_").replace(" ", "_").split("_")) | {lowered}
    chinese = [word for word in book["names"] if not word.isascii()]
    return any(word in name for word in chinese) or bool(words & (set(book["names"]) | set(book["pinyin"])))


def residual_risk(backend: BaseBackend, protected: ir.Table, fields: list[Field]) -> dict[str, Any] | None:
    """The :func:`disclosure_risk` that is left in ``protected`` (the public columns of ``fields`` as they would be published).

    A table of persons stays one when their names are gone: its rows still speak of somebody. A mixed table has no such risk
    once none of the columns about persons is public.
    """
    types = {field.name: field.semantic_type for field in fields}
    grades, whole = classify(types)
    public = [field for field in fields if field.protection.method != "drop"]
    persons = [field for field in public if (field.subject or grades[field.name].subject) == "person"]
    if whole.subject == "mixed" and not persons:
        return None
    text = protected.mutate(**{field.name: protected[field.name].cast("string") for field in public})
    return disclosure_risk(backend, text, {field.name: field.semantic_type for field in public}, whole.subject)


def disclosure_risk(
    backend: BaseBackend, table: ir.Table, types: Mapping[str, str | None], subject: str
) -> dict[str, Any] | None:
    """``{"quasi_identifiers", "k", "unique_share", ...}`` of a staged table, or None where no person can be recognised by them.

    ``k``: rows of the smallest group that is alike in all quasi-identifiers. ``unique_share``: share of rows that are alone in
    theirs. ``prosecutor_max`` is 1 / k, ``prosecutor_mean`` groups / rows: the chance of picking the right row for somebody who
    is known to be in the table. ``direct_identifiers`` name a person without any group.
    """
    names = quasi_identifiers(types, subject)
    if not names:
        return None
    book = rulebook(RULEBOOK)
    groups = table.group_by(**{f"c{n}": normalise(table[name]) for n, name in enumerate(names)}).aggregate(
        n=ibis._.count()
    )
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
