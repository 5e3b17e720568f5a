"""Corrections of single cells, laid over a staged table; the staged table itself stays as it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from gongshu.tables.errors import TableError
from gongshu.tables.model import MOST_PATCHES, ROW, TextTable


def patched(text: ir.Table, patches: Iterable[Mapping[str, Any]]) -> ir.Table:
    """``text`` with the cells of ``patches`` ({"row", "column", "value"}; value None empties) in place of its own.

    TableError for a column that isn't there and for more than :data:`MOST_PATCHES` patches.
    """
    by_column: dict[str, list[tuple[int, str | None]]] = {}
    for patch in patches:
        by_column.setdefault(patch["column"], []).append((int(patch["row"]), patch["value"]))
    if sum(map(len, by_column.values())) > MOST_PATCHES:
        raise TableError(
            "too_many_patches", "手工改正最多 {most} 处：更多的请在源系统里改好，再上传新文件", most=MOST_PATCHES
        )
    for column in by_column:
        if column not in text.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": column})
    values = {
        column: ibis.cases(
            *((text[ROW] == row, ibis.literal(value, type="string")) for row, value in cells), else_=text[column]
        )
        for column, cells in by_column.items()
    }
    return text.mutate(**values) if values else text


def write_patched(engine: Backend, table: TextTable, patches: list[dict[str, Any]], target: Path) -> TextTable:
    """The staged table with ``patches`` laid over it, written to ``target``; the same table when there are none."""
    if not patches:
        return table
    engine.to_parquet(patched(engine.read_parquet(table.path), patches), target)
    return replace(table, path=target)
