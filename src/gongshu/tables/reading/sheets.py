"""Workbooks (XLSX and legacy XLS): every non-empty sheet a table."""

from __future__ import annotations

import datetime
import mmap
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import python_calamine as calamine

from gongshu.i18n import gettext
from gongshu.tables.errors import TableError
from gongshu.tables.model import Source, TextTable
from gongshu.tables.reading import limits
from gongshu.tables.reading.layout import Layout, Merge, find_layout, is_footnote
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.reading.staging import Stage

BATCH = 20_000
# references of filled cells, whatever the order of attributes; a cell that is only formatted (<c r="XFD1" s="1"/>) doesn't count
_FAR_COLUMN = re.compile(rb"""\sr\s*=\s*["']([A-Z]{2,3})[0-9]+["'](?![^<>]*/>)""")
_ROW = re.compile(rb"""\sr\s*=\s*["'][A-Z]+([0-9]+)["'](?![^<>]*/>)""")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def read_workbook(path: Path, folder: Path, options: ReadingOptions, form: str) -> Source:
    """Read the sheets of ``path`` (``form`` xlsx or xls); archives were checked before."""
    where = {"file": path.name}
    uncached = _check_parts(path) if form == "xlsx" else {}
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError:
        raise _encrypted(path) from None
    except (calamine.CalamineError, calamine.ZipError, calamine.XmlError, OSError) as error:
        raise _broken(path, str(error)) from None
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
    if len(sheets) > limits.MAX_SHEETS:
        raise TableError(
            "too_many_sheets",
            "有 {count} 个工作表，超过上限 {limit} 个。",
            where=where,
            count=len(sheets),
            limit=limits.MAX_SHEETS,
        )
    if options.sheet is not None:
        chosen = [sheet for sheet in sheets if sheet.name == options.sheet]
        if not chosen:
            names = "、".join(sheet.name for sheet in sheets)
            raise TableError(
                "no_sheet", "没有名为“{sheet}”的工作表；有：{names}。", where=where, sheet=options.sheet, names=names
            )
        sheets = chosen
    tables: list[TextTable] = []
    notes: list[str] = []
    for sheet in sheets:
        try:
            area = book.get_sheet_by_name(sheet.name)
        except (calamine.CalamineError, calamine.XmlError, calamine.ZipError) as error:
            raise _broken(path, str(error)) from None
        if area.start is None:
            continue
        table, more = _read_sheet(
            area, sheet.name, path, folder / f"{len(tables)}.parquet", options, uncached.get(sheet.name, {})
        )
        if table is None:
            continue
        tables.append(table)
        notes += more
        if sheet.visible != calamine.SheetVisibleEnum.Visible:
            notes.append(gettext("工作表“{sheet}”是隐藏的，也已读入", sheet=sheet.name))
    if not tables:
        raise TableError("empty_file", "工作簿里没有数据。请检查导出是否成功。", where=where)
    return Source(path, form, None, tables, notes)


def _broken(path: Path, reason: str) -> TableError:
    return TableError(
        "broken_workbook",
        "工作簿损坏，打不开（{reason}）。请用表格软件另存后重试。",
        where={"file": path.name},
        reason=reason,
    )


def _encrypted(path: Path) -> TableError:
    return TableError("encrypted", "工作簿有密码，请去掉密码后再提交。", where={"file": path.name})


def check_ole(path: Path) -> None:
    """Refuse OLE files that are no XLS: encrypted XLSX, Word and others."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        holds = {name for name in ("EncryptedPackage", "Workbook", "Book") if raw.find(name.encode("utf-16-le")) >= 0}
    if "EncryptedPackage" in holds:
        raise _encrypted(path)
    if not holds:
        raise TableError("unsupported", "这是 Office 旧格式文件，但不是 Excel 工作簿。", where={"file": path.name})


# -- parts of an XLSX, before the parser sees them


def _check_parts(path: Path) -> dict[str, dict[tuple[int, int], str]]:
    """Refuse entities and absurdly sparse sheets; find formulas without a cached value: sheet -> (row, column) -> formula."""
    where = {"file": path.name}
    uncached: dict[str, dict[tuple[int, int], str]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith((".xml", ".rels")):
                    with archive.open(member) as part:
                        head = part.read(4096)
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise TableError("xml_entities", "工作簿的 XML 含有实体声明，出于安全不予读取。", where=where)
            for name, part_name in _sheet_parts(archive).items():
                if part_name not in archive.namelist():
                    continue
                has_formula = _check_area(archive, part_name, name, path)
                if has_formula and (found := _uncached(archive, part_name)):
                    uncached[name] = found
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ElementTree.ParseError, KeyError, ValueError) as error:
        raise _broken(path, str(error)) from None
    return uncached


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - entities were refused
    targets = {item.get("Id"): item.get("Target", "") for item in relations}
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
    parts = {}
    for sheet in book.iter(f"{_MAIN}sheet"):
        key = next((value for name, value in sheet.items() if name.endswith("}id")), None)
        target = targets.get(key, "")
        parts[sheet.get("name", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return parts


def _check_area(archive: zipfile.ZipFile, part_name: str, sheet: str, path: Path) -> bool:
    """The parser holds a sheet's whole used area: refuse it when a stray cell makes that area huge. True when formulas occur."""
    letters: set[bytes] = {b"Z"}
    last_row, formulas, carry = 1, False, b""
    with archive.open(part_name) as part:
        while chunk := part.read(1 << 20):
            raw = carry + chunk
            letters.update(_FAR_COLUMN.findall(raw))
            # rows come in order: the last filled cell of each piece tells how far down the sheet reaches
            at = max(raw.rfind(b"v>"), raw.rfind(b"is>"))
            last_row = max([last_row, *map(int, _ROW.findall(raw[max(0, at - 65536) : max(0, at)]))])
            formulas = formulas or b"<f>" in raw or b"<f " in raw
            carry = raw[-200:]
    columns = max(_column_number(letter.decode()) for letter in letters) + 1
    columns = 1 if columns <= 26 else columns
    if columns > limits.MAX_COLUMNS:
        raise _too_wide(path, sheet, columns)
    if columns * last_row > limits.MAX_SHEET_CELLS:
        raise TableError(
            "sheet_too_large",
            "工作表的范围是 {rows} 行 × {columns} 列，超过上限 {limit} 个单元格。请删去远处的零散单元格，或另存为 CSV。",
            where={"file": path.name, "sheet": sheet},
            rows=last_row,
            columns=columns,
            limit=limits.MAX_SHEET_CELLS,
        )
    return formulas


def _too_wide(path: Path, sheet: str, columns: int) -> TableError:
    return TableError(
        "too_many_columns",
        "有 {count} 列，超过上限 {limit} 列。请把表拆开，或改成长表（一行一个值）。",
        where={"file": path.name, "sheet": sheet},
        count=columns,
        limit=limits.MAX_COLUMNS,
    )


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _uncached(archive: zipfile.ZipFile, part_name: str) -> dict[tuple[int, int], str]:
    """Cells with a formula and no stored result (written by programs that don't calculate)."""
    found: dict[tuple[int, int], str] = {}
    with archive.open(part_name) as part:
        for _, element in ElementTree.iterparse(part):  # noqa: S314 - entities were refused
            if element.tag == f"{_MAIN}c":
                formula, value = element.find(f"{_MAIN}f"), element.find(f"{_MAIN}v")
                if formula is not None and (value is None or not value.text) and element.get("t") != "str":
                    match = re.match(r"([A-Z]+)([0-9]+)$", element.get("r", ""))
                    if match:
                        found[int(match[2]) - 1, _column_number(match[1])] = "=" + (formula.text or "")
                element.clear()
            elif element.tag == f"{_MAIN}row":
                element.clear()
            if len(found) >= limits.MAX_KEPT_QUARANTINED:
                break
    return found


# -- one sheet


def _read_sheet(
    area: calamine.CalamineSheet,
    name: str,
    path: Path,
    target: Path,
    options: ReadingOptions,
    uncached: dict[tuple[int, int], str],
) -> tuple[TextTable | None, list[str]]:
    assert area.start is not None and area.end is not None
    left = area.start[1]
    width = area.end[1] - left + 1
    if width > limits.MAX_COLUMNS:
        raise _too_wide(path, name, width)
    merges = tuple(
        (first[0], first[1] - left, last[0], last[1] - left)
        for first, last in area.merged_cell_ranges or ()
        if first[1] >= left
    )
    head: list[tuple[int, list[str]]] = []
    for row, cells in _rows(area, width, path, name):
        head.append((row + 1, [cell or "" for cell in cells]))
        if len(head) >= limits.HEAD_ROWS:
            break
    if not any(any(cells) for _, cells in head):
        return None, []
    layout = find_layout(head, width, options, merges)
    first_data = head[layout.used][0] - 1 if layout.used < len(head) else area.end[0] + 1
    last = first_data  # 1-based row of the source before the first record
    stage = Stage(target, layout, source_row=lambda number: last + number, skip_rows=frozenset(options.skip_rows))
    try:
        _fill(stage, area, left, width, first_data, merges, uncached, layout, path, name)
        table = stage.finish(name)
    except BaseException:
        stage.abandon()
        raise
    notes = []
    if uncached:
        notes.append(
            gettext(
                "工作表“{sheet}”有 {count} 个公式没有存结果，这些单元格已隔离；请用表格软件打开并保存一次",
                sheet=name,
                count=len(uncached),
            )
        )
    if layout.no_header and not options.no_header:
        notes.append(gettext("工作表“{sheet}”的第一行看起来是数据而不是表头，列名记为列1、列2……", sheet=name))
    return table, notes


def _rows(area: calamine.CalamineSheet, width: int, path: Path, name: str) -> Iterator[tuple[int, list[str | None]]]:
    """(0-based row of the sheet, texts of the used columns; the parser leaves out empty columns at the left, not rows at the top)."""
    assert area.start is not None
    for row, values in enumerate(area.iter_rows(), 0):
        cells = [_text(value) for value in values[:width]]
        if len(cells) < width:
            cells += [None] * (width - len(cells))
        for place, cell in enumerate(cells):
            if cell is not None and len(cell) > limits.MAX_CELL_CHARS:
                raise TableError(
                    "cell_too_long",
                    "有单元格超过 {limit} 个字符。",
                    where={"file": path.name, "sheet": name, "row": row + 1, "column": place + 1},
                    limit=limits.MAX_CELL_CHARS,
                )
        yield row, cells


def _text(value: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, dates in ISO form, empty as None."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time():
            return value.date().isoformat()
        return value.isoformat(sep=" ", timespec="seconds" if not value.microsecond else "microseconds")
    if isinstance(value, datetime.timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return None if value is None else str(value)


def _fill(
    stage: Stage,
    area: calamine.CalamineSheet,
    left: int,
    width: int,
    first_data: int,
    merges: tuple[Merge, ...],
    uncached: dict[tuple[int, int], str],
    layout: Layout,
    path: Path,
    name: str,
) -> None:
    """The records of a sheet: vertical merges filled downwards, full-width merges are headings between records."""
    down = {(first, c): (last, right) for first, c, last, right in merges if last > first >= first_data and c == right}
    across = {
        first for first, c, last, right in merges if first == last >= first_data and c == 0 and right >= width - 1 > 0
    }
    filling: dict[int, tuple[int, str | None]] = {}
    numbers: list[int] = []
    columns: list[list[str | None]] = [[] for _ in range(width)]

    def flush() -> None:
        if numbers:
            stage.add(pa.array(numbers, pa.int64()), [pa.array(column, pa.string()) for column in columns])
            numbers.clear()
            for column in columns:
                column.clear()

    for row, cells in _rows(area, width, path, name):
        if row < first_data:
            continue
        number = row - first_data + 1
        if row in across and not is_footnote(list(cells), width):
            stage.skip(number, "section")
            continue
        if down:
            for place in range(width):
                if (row, place) in down:
                    filling[place] = (down[row, place][0], cells[place])
                elif place in filling:
                    until, value = filling[place]
                    if row <= until:
                        cells[place] = cells[place] or value
                    else:
                        del filling[place]
        numbers.append(number)
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
        if len(numbers) >= BATCH:
            flush()
    flush()
    for (at, place), formula in uncached.items():
        if at >= first_data and 0 <= place - left < width:
            stage.quarantine(at - first_data + 1, layout.names[place - left], formula, gettext("公式没有存结果"))
