"""A version as a workbook: the rows, and a second sheet with the dictionary. Text is written as text, never as a formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import duckdb
import xlsxwriter
from django.utils import translation
from xlsxwriter.worksheet import Worksheet

from gongshu.opening import terms
from gongshu.opening.models import Version
from gongshu.parties.models import Organisation
from gongshu.web import words

CELL_LIMIT = 32_767  # characters of a cell
EXACT_DIGITS = 15  # a cell holds a double: longer numbers are written as text
FIRST_DAY = date(1900, 3, 1)  # before it, the sheet's calendar is wrong (it has a 29 February 1900)
BATCH = 2000
DATA_SHEET, DICTIONARY_SHEET = "数据 Data", "数据字典 Dictionary"
PLAIN = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "default_date_format": "yyyy-mm-dd",
}
HEADINGS = (
    "列 Column",
    "含义 Meaning",
    "类型 Type",
    "单位 Unit",
    "代码表 Codes",
    "空值 Nulls",
    "保护 Protection",
)


def write_workbook(
    version: Version, cursor: duckdb.DuckDBPyConnection, target: Path, note: Callable[[int], None]
) -> None:
    """Write the rows of ``cursor`` and the dictionary to ``target``; ``note`` hears the progress in percent."""
    options = {**PLAIN, "constant_memory": True, "tmpdir": str(target.parent)}
    with xlsxwriter.Workbook(str(target), options) as book:
        formats = _formats(book)
        bold = formats["bold"]
        sheet = book.add_worksheet(DATA_SHEET)
        sheet.freeze_panes(1, 0)
        for x, column in enumerate(version.columns):
            sheet.write_string(0, x, column["name"], bold)
            sheet.set_column(x, x, min(40, max(10, 2 * len(column["name"]))))
        y = 1
        while batch := cursor.fetchmany(BATCH):
            for row in batch:
                for x, value in enumerate(row):
                    if value is not None:
                        _write(sheet, y, x, value, formats)
                y += 1
            note(min(99, y * 100 // max(version.rows, 1)))
        _write_dictionary(version, book.add_worksheet(DICTIONARY_SHEET), bold)


def write_page(names: list[str], rows: Iterable[Iterable[Any]], target: IO[bytes]) -> None:
    """Write some rows, as Python values, under their names."""
    with xlsxwriter.Workbook(target, {**PLAIN, "in_memory": True}) as book:
        formats = _formats(book)
        sheet = book.add_worksheet(DATA_SHEET)
        sheet.freeze_panes(1, 0)
        for x, name in enumerate(names):
            sheet.write_string(0, x, name, formats["bold"])
        for y, row in enumerate(rows, 1):
            for x, value in enumerate(row):
                if value is not None:
                    _write(sheet, y, x, value, formats)


def _formats(book: xlsxwriter.Workbook) -> dict[str, Any]:
    return {
        "bold": book.add_format({"bold": True, "bottom": 1}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "timestamp": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    }


def _write(sheet: Worksheet, y: int, x: int, value: Any, formats: dict[str, Any]) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(y, x, value)
    elif isinstance(value, (int, Decimal)):
        if len(str(value).lstrip("-").replace(".", "")) <= EXACT_DIGITS:
            sheet.write_number(y, x, value)
        else:
            sheet.write_string(y, x, str(value))
    elif isinstance(value, float):
        if math.isfinite(value):
            sheet.write_number(y, x, value)
    elif isinstance(value, datetime):
        if value.date() >= FIRST_DAY and value.tzinfo is None:
            sheet.write_datetime(y, x, value, formats["timestamp"])
        else:
            sheet.write_string(y, x, value.isoformat(" "))
    elif isinstance(value, date):
        if value >= FIRST_DAY:
            sheet.write_datetime(y, x, value, formats["date"])
        else:
            sheet.write_string(y, x, value.isoformat())
    elif isinstance(value, time):
        sheet.write_string(y, x, value.isoformat())
    else:
        sheet.write_string(y, x, str(value)[:CELL_LIMIT])


def _write_dictionary(version: Version, sheet: Worksheet, bold: Any) -> None:
    """The file is one for all readers, so its dictionary says everything in Chinese and in English."""
    dataset, day = version.dataset, f"{version.published_at:%Y-%m-%d}"
    about = [
        ("名称 Title", _joined(dataset.title, dataset.title_en)),
        ("版本 Version", f"第 {version.number} 版，{day} / Version {version.number}, {day}"),
        ("提供方 Provider", _joined(dataset.provider.name, dataset.provider.name_en)),
        *(
            [("社会提供 Given by society", dataset.source_note)]
            if dataset.provider.kind == Organisation.Kind.SOCIETY
            else []
        ),
        ("使用许可 Licence", _both(lambda: terms.licence(dataset.licence).name)),
        ("行数 Rows", f"{version.rows:,}"),
    ]
    for y, (what, said) in enumerate(about):
        sheet.write_string(y, 0, what, bold)
        sheet.write_string(y, 1, said[:CELL_LIMIT])
    first = len(about) + 1
    for x, head in enumerate(HEADINGS):
        sheet.write_string(first, x, head, bold)
    for y, column in enumerate(version.columns, first + 1):
        for x, text in enumerate(_described(column)):
            sheet.write_string(y, x, text[:CELL_LIMIT])
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 48)
    sheet.set_column(2, len(HEADINGS) - 1, 18)


def _described(column: dict[str, Any]) -> tuple[str, ...]:
    """What stands under each of the headings for a column."""
    storage = column["storage_type"]
    return (
        column["name"],
        _joined(
            column.get("description") or column.get("title") or "",
            column.get("description_en") or column.get("title_en") or "",
        ),
        _both(lambda: words.STORAGE.get(storage, storage)),
        column.get("unit") or "",
        "；".join(f"{code} {meaning}" for code, meaning in (column.get("codes") or {}).items()),
        str(column.get("nulls") or 0),
        _both(lambda: words.protection(column)),
    )


def _both(say: Callable[[], object]) -> str:
    """What ``say`` says in either language."""
    with translation.override("zh-hans"):
        chinese = str(say())
    with translation.override("en"):
        return _joined(chinese, str(say()))


def _joined(chinese: str, english: str) -> str:
    return chinese if english in ("", chinese) else f"{chinese} / {english}"
