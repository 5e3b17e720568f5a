"""Disclosure risk (个人风险): how far persons can be told apart in a table, held against the limits of its release (R2.5).

:mod:`gongshu.tables.anonymity` counts; here the rulebook says what to count and what is too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.rulebooks import rulebook
from gongshu.tables.anonymity import Anonymity, anonymity
from gongshu.tables.contract import Field
from gongshu.tables.identifiers import (
    RULEBOOK,
    limits,
    public_types,
    quasi_identifiers,
    sensitive_columns,
    still_public,
)


def residual_risk(backend: BaseBackend, protected: ir.Table, fields: list[Field]) -> dict[str, Any] | None:
    """The :func:`disclosure_risk` that is left in ``protected`` (the public columns of ``fields`` as they would be published),
    with l and t of what is sensitive."""
    public, subject = still_public(fields)
    return disclosure_risk(backend, protected, public_types(public), subject, sensitive_columns(public))


def disclosure_risk(
    backend: BaseBackend,
    table: ir.Table,
    types: Mapping[str, str | None],
    subject: str,
    sensitive: Sequence[str] = (),
) -> dict[str, Any] | None:
    """``{"quasi_identifiers", "k", "unique_share", ...}`` of a table, or None where no person can be recognised by them.

    The measures of :class:`gongshu.tables.anonymity.Anonymity`, ``below_threshold_share`` of the rows, ``direct_identifiers``
    (columns that name a person without any group), ``scene`` and ``over``: see :func:`exceeded`.
    """
    names = quasi_identifiers(types, subject)
    if not names:
        return None
    found = anonymity(backend, table, names, [name for name in sensitive if name not in names])
    if not found.rows:
        return None
    book, most = rulebook(RULEBOOK), limits()
    return {
        "quasi_identifiers": names,
        "direct_identifiers": [name for name, code in types.items() if code in book["direct"]],
        **found.as_json(),
        "below_threshold_share": round(found.below(most["k"]) / found.rows, 6),
        "histogram": found.histogram(),
        "scene": book["release"],
        "threshold": most["k"],
        "threshold_source": str(book["source"]),
        "over": exceeded(found),
    }


def exceeded(found: Anonymity, scene: str | None = None) -> list[dict[str, Any]]:
    """What is beyond the limits of a ``scene`` (by default the rulebook's for a release): ``[{"measure", "value", "limit",
    "column"}]``, empty where all is well. A sensitive column is well with enough l or with little t."""
    most = limits(scene)
    over: list[dict[str, Any]] = []
    if found.k < most["k"]:
        over.append({"measure": "k", "value": found.k, "limit": most["k"], "column": None})
    for name in ("prosecutor_max", "prosecutor_mean"):
        value = getattr(found, name)
        if value > most[name]:
            over.append({"measure": name, "value": round(value, 6), "limit": most[name], "column": None})
    for column, value in found.l.items():
        if value < most["l"] and found.t[column] > most["t"]:
            over.append({"measure": "l", "value": value, "limit": most["l"], "column": column})
            over.append({"measure": "t", "value": found.t[column], "limit": most["t"], "column": column})
    return over
