"""Single cells and rows of a staged table, read by DuckDB: only the rows asked for, never the whole file."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import duckdb
from django.utils.crypto import salted_hmac
from sqlglot import exp

from gongshu.gathering import store
from gongshu.governance.models import Draft
from gongshu.tables.errors import TableError
from gongshu.tables.model import ROW

SHOWN = 300  # characters of a value that a page shows
FORMULA = re.compile(
    r"^[=+\-@\t\r\n＝＋－＠]"
)  # how a cell begins that a spreadsheet would compute (OWASP CSV injection)
MEMORY = "256MB"
_opening = threading.Lock()


def read_rows(
    draft: Draft, rows: Iterable[int], columns: Sequence[str], characters: int | None = SHOWN
) -> dict[int, list[str | None]]:
    """Row number -> the values of ``columns`` as they were read, cut to ``characters``; rows that aren't there are left out.

    ``columns`` must be names of the table. TableError when the staged table is gone.
    """
    path = store.table_of(draft.upload, draft.table)
    wanted = sorted({int(row) for row in rows})
    if not path.exists():
        raise TableError("table_missing", "这个文件读出来的表不在了，请重新检视或重新上传")
    if not wanted:
        return {}
    values = [_value(name, characters) for name in columns]
    # a path and numbers of our own, as literals: the first bound value of a process makes DuckDB import pandas (2.4 s)
    query = (
        exp.select(exp.column(ROW, quoted=True), *values)
        .from_(exp.func("read_parquet", exp.Literal.string(str(path))))
        .where(exp.column(ROW, quoted=True).isin(*wanted))
    )
    return {row: list(rest) for row, *rest in sorted(fetched(query))}


def fetched(query: exp.Select) -> list[tuple[Any, ...]]:
    """The rows of a query of our own over files of an upload."""
    cursor = _engine().cursor()
    try:
        return cursor.execute(query.sql(dialect="duckdb")).fetchall()
    finally:
        cursor.close()


def fingerprint(value: str | None) -> str:
    """What stands for a value in events and forms: keyed, so that nobody finds the value by trying."""
    text = "empty" if value is None else f"value:{value}"
    return salted_hmac("gongshu.governance.cell", text, algorithm="sha256").hexdigest()[:32]


def guarded(value: str | None) -> str:
    """A cell for a CSV file that a spreadsheet does not compute."""
    text = value or ""
    return f"'{text}" if FORMULA.match(text) else text


def _value(name: str, characters: int | None) -> exp.Column | exp.Func:
    column = exp.column(name, quoted=True)
    return column if characters is None else exp.func("left", column, exp.Literal.number(characters))


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": MEMORY,
        "autoinstall_known_extensions": "false",
    }
    return duckdb.connect(config=settings)


def _engine() -> duckdb.DuckDBPyConnection:
    with _opening:
        return _connection()
