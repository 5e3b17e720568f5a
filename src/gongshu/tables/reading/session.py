"""``gongshu.read``: a file as a typed Ibis table, in one call."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from gongshu.tables.engine import connect
from gongshu.tables.errors import TableError
from gongshu.tables.inference import infer_storage_types
from gongshu.tables.model import ROW, Source, TextTable
from gongshu.tables.reading import read_file
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.storage import typed_table


@lru_cache(maxsize=1)
def _workroom() -> Path:
    """Folder of this process for staged tables; gone at exit."""
    folder = Path(tempfile.mkdtemp(prefix="gongshu-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def read(path: str | Path, **options: Any) -> ir.Table:
    """Read a table of any supported format into a typed Ibis table on a DuckDB of its own.

    ``options`` are those of :class:`~gongshu.tables.reading.options.ReadingOptions`; of several tables (sheets, lists)
    ``sheet`` names the one to take. Cells that don't fit their column's type are null; ``gongshu.inspect`` lists them.
    The staged data live until the process ends. Raises ``TableError``.
    """
    choice = ReadingOptions(**options)
    source = read_file(path, _workroom(), choice)
    table = the_table(source, choice.sheet)
    backend = connect(_workroom() / "engine")
    staged = backend.read_parquet(table.path)
    types = infer_storage_types(backend, staged, table.native, choice.types)
    return typed_table(staged, types).order_by(ROW).drop(ROW)


def the_table(source: Source, sheet: str | None) -> TextTable:
    """The only table of ``source``, or the one that ``sheet`` names; TableError ``which_table`` when that isn't one."""
    chosen = [table for table in source.tables if sheet is None or table.name == sheet]
    if len(chosen) == 1:
        return chosen[0]
    names = "、".join(table.name for table in source.tables)
    raise TableError(
        "which_table",
        "文件里有 {count} 个表：{names}。请用 sheet 选项指明要哪一个。",
        where={"file": source.path.name},
        count=len(source.tables),
        names=names,
    )
