"""JSON, JSON Lines and GeoJSON into staged tables."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from gongshu.i18n import gettext
from gongshu.tables.errors import TableError
from gongshu.tables.model import Quarantined, Source, TextTable
from gongshu.tables.reading import limits
from gongshu.tables.reading.delimited import note_bad
from gongshu.tables.reading.encoding import BAD, TextFile, Utf8Stream, detect_encoding
from gongshu.tables.reading.layout import Layout, find_layout, name_columns
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.reading.staging import Stage

BATCH = 10_000
Rows = Callable[[], Iterable[tuple[int, dict[str, Any]]]]  # (record number, record), anew at each call
_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
}  # fmt: skip


class NotJsonError(Exception):
    """The text begins like JSON and is none (a CSV whose first cell is in brackets, for instance)."""


def read_json(path: Path, folder: Path, options: ReadingOptions) -> Source:
    """Read JSON, JSON Lines or GeoJSON; :class:`NotJsonError` when it is none and isn't called so either."""
    file = detect_encoding(path, options.encoding)
    if _is_lines(file):
        return _read_lines(file, folder)
    size = path.stat().st_size
    if size > limits.MAX_JSON_BYTES:
        raise TableError(
            "json_too_large",
            "JSON 文件有 {size} MB，超过上限 {limit} MB。请改用 JSON Lines（一行一个对象）或 CSV。",
            where={"file": path.name},
            size=size // 1024**2,
            limit=limits.MAX_JSON_BYTES // 1024**2,
        )
    with io.BufferedReader(Utf8Stream(file)) as stream:
        text = stream.read().decode()
    try:
        document = json.loads(text)
    except RecursionError:
        raise _too_deep(path) from None
    except json.JSONDecodeError as error:
        if path.suffix.lower() not in (".json", ".geojson", ".jsonl", ".ndjson", ".jsonld"):
            raise NotJsonError from None
        raise TableError(
            "broken_json",
            "JSON 有语法错误：第 {line} 行第 {column} 个字符处（{reason}）。",
            where={"file": path.name, "row": error.lineno},
            line=error.lineno,
            column=error.colno,
            reason=error.msg,
        ) from None
    del text
    notes = [note_bad(file)] if file.bad else []
    if isinstance(document, dict) and document.get("type") in {"FeatureCollection", "Feature", *_GEOMETRIES}:
        return _geojson(document, file, folder, notes)
    found = find_tables(document, path.stem)
    if not found:
        raise TableError(
            "not_a_table", "JSON 里没有可以成表的内容（对象的列表，或按名称排列的对象）。", where={"file": path.name}
        )
    tables: list[TextTable] = []
    for name, objects in found[: limits.MAX_SHEETS]:
        tables.append(_stage(name, folder / f"{len(tables)}.parquet", partial(enumerate, objects, 1), file))
    if isinstance(document, dict) and (rest := _left_over(document, {name for name, _ in found})):
        notes.append(gettext("表格以外的内容没有读入：{names}", names="、".join(rest[:20])))
    return Source(path, "json", file.encoding, tables, notes)


def _too_deep(path: Path) -> TableError:
    return TableError(
        "json_too_deep", "JSON 嵌套超过 {limit} 层。", where={"file": path.name}, limit=limits.MAX_JSON_DEPTH
    )


# -- JSON Lines


def _is_lines(file: TextFile) -> bool:
    """Is the first line a whole JSON object, with more to come?"""
    with io.BufferedReader(Utf8Stream(file)) as stream:
        first = b""
        for line in stream:
            if not line.strip():
                continue
            if first:
                return line.lstrip()[:1] in (b"{", b"[") or file.path.suffix.lower() in (".jsonl", ".ndjson")
            try:
                if not isinstance(json.loads(line), dict):
                    return False
            except (json.JSONDecodeError, RecursionError):
                return False
            first = line
    return bool(first) and file.path.suffix.lower() in (".jsonl", ".ndjson")


def _read_lines(file: TextFile, folder: Path) -> Source:
    bad: list[Quarantined] = []

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        with io.BufferedReader(Utf8Stream(file)) as stream:
            for line in stream:
                text = line.decode().strip()
                if not text:
                    continue
                number += 1
                try:
                    value = json.loads(text)
                except json.JSONDecodeError as error:
                    bad.append(
                        Quarantined(
                            number,
                            None,
                            text.replace(BAD, "\ufffd"),
                            gettext("这一行不是 JSON：{reason}", reason=error.msg),
                        )
                    )
                    continue
                except RecursionError:
                    raise _too_deep(file.path) from None
                if isinstance(value, dict):
                    yield number, value
                else:
                    bad.append(Quarantined(number, None, text, gettext("这一行不是 JSON 对象")))

    table = _stage(file.path.stem, folder / "0.parquet", rows, file, bad)
    return Source(file.path, "jsonl", file.encoding, [table], [note_bad(file)] if file.bad else [])


# -- GeoJSON


def _geojson(document: dict[str, Any], file: TextFile, folder: Path, notes: list[str]) -> Source:
    kind = document["type"]
    if kind == "FeatureCollection":
        features = document.get("features") or []
    elif kind == "Feature":
        features = [document]
    else:
        features = [{"properties": {}, "geometry": {key: value for key, value in document.items() if key != "crs"}}]
    crs = "OGC:CRS84"
    if isinstance(document.get("crs"), dict):
        crs = str((document["crs"].get("properties") or {}).get("name") or crs)

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, feature in enumerate(features, 1):
            row: dict[str, Any] = dict(feature.get("properties") or {})
            if feature.get("id") is not None and "id" not in row:
                row = {"id": feature["id"], **row}
            # a property of the same name keeps it; the geometry goes under a free one
            place = next(name for name in ("geometry", "geometry_2", "geometry_3") if name not in row)
            row[place] = Geometry(feature["geometry"]) if feature.get("geometry") else None
            yield number, row

    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise TableError("broken_json", "GeoJSON 的 features 不是要素的列表。", where={"file": file.path.name})
    table = _stage(file.path.stem, folder / "0.parquet", rows, file, crs=crs)
    return Source(file.path, "geojson", file.encoding, [table], notes)


# -- where the tables are


def find_tables(document: Any, name: str, depth: int = 0) -> list[tuple[str, list[dict[str, Any]]]]:
    """Tables in a JSON document, with their names: lists of objects first, nearest to the top.

    >>> find_tables({"count": 1, "results": [{"a": 1}]}, "x")
    [('results', [{'a': 1}])]
    """
    if isinstance(document, list):
        rows = _objects(document)
        return [(name, rows)] if rows is not None else []
    if not isinstance(document, dict) or not document:
        return []
    lists = [
        (key, rows)
        for key, value in document.items()
        if isinstance(value, list) and value and isinstance(value[0], dict) and (rows := _objects(value)) is not None
    ]
    if lists and (keyed := _parallel(document)) is None:
        return lists
    if (keyed := _parallel(document)) is not None:
        return [(name, keyed)]
    values = list(document.values())
    if len(values) >= 2 and all(isinstance(value, dict) for value in values):
        shared = set(values[0]).intersection(*values[1:50])
        if shared:
            return [(name, [{"key": key, **value} for key, value in document.items()])]
    if depth < 3:
        inner = [
            table
            for key, value in document.items()
            if isinstance(value, dict)
            for table in find_tables(value, key, depth + 1)
        ]
        inner = [table for table in inner if len(table[1]) > 1]
        if inner:
            return inner
    if depth:
        return []
    scalars = [value for value in values if not isinstance(value, (dict, list))]
    if len(scalars) == len(values) > 10 and len({type(value) for value in values}) == 1:
        return [(name, [{"key": key, "value": value} for key, value in document.items()])]
    return [(name, [document])]


def _objects(values: list[Any]) -> list[dict[str, Any]] | None:
    """A list as rows: of objects, of scalars (one column), or of lists (the first may be the header)."""
    if not values:
        return None
    if all(isinstance(value, dict) for value in values):
        return values
    if all(isinstance(value, list) for value in values):
        width = max(len(value) for value in values)
        head = [
            (n, ["" if cell is None else str(cell) for cell in value])
            for n, value in enumerate(values[: limits.HEAD_ROWS], 1)
        ]
        layout = find_layout(head, width, ReadingOptions())
        return [dict(zip(layout.names, value, strict=False)) for value in values[layout.used :]]
    return [value if isinstance(value, dict) else {"value": value} for value in values]


def _parallel(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Columns as parallel lists (``{"名称": [...], "区": [...]}``) or keyed values (pandas' ``{"名称": {"0": ...}}``)."""
    values = list(document.values())
    if len(values) < 2:
        return None
    if all(isinstance(value, list) and value and not isinstance(value[0], (dict, list)) for value in values):
        if len({len(value) for value in values}) == 1:
            return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
        return None
    if all(isinstance(value, dict) and "0" in value for value in values):
        keys = list(values[0])
        if all(list(value) == keys for value in values):
            return [{name: document[name][key] for name in document} for key in keys]
    return None


def _left_over(document: dict[str, Any], names: set[str]) -> list[str]:
    if not names & set(document):
        return []
    return [key for key in document if key not in names]


# -- rows into a staged table


def _stage(
    name: str, target: Path, rows: Rows, file: TextFile, bad: list[Quarantined] | None = None, crs: str | None = None
) -> TextTable:
    """Two passes over ``rows()``: names and kinds of the columns, then the cells. ``bad`` collects lines that are no objects."""
    kinds: dict[str, set[str]] = {}
    for _, row in rows():
        for key, value in row.items():
            kinds.setdefault(key, set()).add(_kind(value))
        if len(kinds) > limits.MAX_COLUMNS:
            raise TableError(
                "too_many_columns",
                "有 {count} 列，超过上限 {limit} 列。请把表拆开，或改成长表（一行一个值）。",
                where={"file": file.path.name, "sheet": name},
                count=len(kinds),
                limit=limits.MAX_COLUMNS,
            )
    keys = list(kinds)
    names, header_notes = name_columns([key.strip() for key in keys])
    stage = Stage(
        target, Layout(names, [], 0, notes=header_notes), source_row=lambda n: n, damaged=bool(file.bad), plain=True
    )
    if bad is not None:
        bad.clear()
    try:
        numbers: list[int] = []
        columns: list[list[str | None]] = [[] for _ in keys]
        for number, row in rows():
            numbers.append(number)
            for column, key in zip(columns, keys, strict=True):
                column.append(_text(row.get(key), file.path))
            if len(numbers) >= BATCH:
                _flush(stage, numbers, columns)
        _flush(stage, numbers, columns)
        for entry in bad or ():
            stage.quarantine(entry.row, entry.column, entry.value, entry.why)
        table = stage.finish(name)
    except BaseException:
        stage.abandon()
        raise
    for key, column_name in zip(keys, names, strict=True):
        found = kinds[key] - {"null"}
        if len(found) == 1 and found <= {"geometry", "int64", "float64", "boolean"}:
            table.native[column_name] = next(iter(found))
        elif found == {"int64", "float64"}:
            table.native[column_name] = "float64"
    table.crs = crs
    return table


def _flush(stage: Stage, numbers: list[int], columns: list[list[str | None]]) -> None:
    if numbers:
        stage.add(pa.array(numbers, pa.int64()), [pa.array(column, pa.string()) for column in columns])
        numbers.clear()
        for column in columns:
            column.clear()


class Geometry(dict[str, Any]):
    """A GeoJSON geometry among a row's values."""


def _kind(value: Any) -> str:
    if value is None or value == "":
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int64" if abs(value) < 2**63 else "string"
    if isinstance(value, float):
        return "float64"
    return "geometry" if isinstance(value, Geometry) else "string"


def _text(value: Any, path: Path) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        if _depth(value) > limits.MAX_JSON_DEPTH:
            raise _too_deep(path)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return repr(value) if isinstance(value, float) else str(value)


def _depth(value: Any) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, depth = stack.pop()
        deepest = max(deepest, depth)
        if depth > limits.MAX_JSON_DEPTH:
            return depth
        inner = item.values() if isinstance(item, dict) else item
        stack += [(child, depth + 1) for child in inner if isinstance(child, (dict, list))]
    return deepest
