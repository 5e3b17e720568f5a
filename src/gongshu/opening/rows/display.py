"""Rows as Python values, for the page of a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from gongshu.opening.models import Version
from gongshu.opening.rows import answers, statements, tables
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.values import call, quoted


def count(version: Version, ask: Ask) -> int:
    """How many rows answer ``ask``."""
    return answers.total(tables.of(version), ask)


def page(
    version: Version, ask: Ask, names: Iterable[str], limit: int, offset: int
) -> list[tuple[int, tuple[Any, ...]]]:
    """Rows as Python values, for display, each with its number in the version, from 1."""
    table = tables.of(version)
    chosen = [_displayed(table.by_name[name]) for name in names]
    statement = statements.page(table, ask, statements.text(chosen), limit, offset)
    return [(row[-1] + 1, row[:-1]) for row in answers.read(table, statement)]


def selection(version: Version, ask: Ask, chosen: list[exp.Expr]) -> tuple[exp.Select, dict[str, Any]]:
    """All rows that answer ``ask``, of the expressions ``chosen``; for exports."""
    return statements.selection(tables.of(version), ask, chosen)


def _displayed(column: dict[str, Any]) -> exp.Expr:
    # a geometry is shown by its kind; the shape itself is in the downloads and the interface
    if column["storage_type"] == "geometry":
        return call("json_extract_string", quoted(column["name"]), exp.Literal.string("$.type"))
    return quoted(column["name"])
