"""What a file is, by its content first and its name second."""

from __future__ import annotations

import re
from pathlib import Path

from gongshu.i18n import gettext
from gongshu.tables.errors import TableError

SUPPORTED = "CSV, TSV, XLSX, XLS, JSON, JSON Lines, GeoJSON, Parquet, Shapefile (.shp, .zip)"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"\x00\x00\x27\x0a", "shapefile"),
    # known and not supported: told by name
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"\x1f\x8b", "gzip"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x7fELF", "ELF"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1", "Arrow"),
    (b"{\\rtf", "RTF"),
    (b"@prefix", "RDF"),
    (b"@base", "RDF"),
)
_READ = {"parquet", "zip", "ole", "shapefile"}
_EXTENSIONS = {
    "csv": (".csv", ".txt", ".dat", ".tsv", ".tab", ".del", ".psv"),
    "json": (".json", ".geojson", ".jsonl", ".ndjson", ".txt", ".jsonld"),
    "jsonl": (".jsonl", ".ndjson", ".json", ".txt"),
    "geojson": (".geojson", ".json"),
    "parquet": (".parquet", ".pq"),
    "shapefile": (".shp", ".zip"),
    "xlsx": (".xlsx", ".xlsm", ".et"),
    "xls": (".xls", ".et"),
}
_PARTS = (".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qpj")


def sniff(path: Path) -> str:
    """``parquet``, ``zip``, ``ole``, ``shapefile``, ``json`` (text that begins as JSON) or ``text``.

    Raises ``TableError``: ``missing``, ``folder``, ``no_permission``, ``empty_file``, ``unsupported``.
    """
    where = {"file": path.name}
    try:
        if not path.exists():
            raise TableError("missing", "文件不存在。请检查路径。", where=where)
        if path.is_dir():
            raise TableError("folder", "这是文件夹，不是文件。请给出其中的文件。", where=where)
        if not path.is_file():
            raise TableError("unsupported", "这不是普通文件，不能读取。", where=where)
        with path.open("rb") as f:
            head = f.read(4096)
    except PermissionError:
        raise TableError("no_permission", "没有读取权限。请检查文件的权限。", where=where) from None
    except OSError as error:
        raise TableError("unreadable", "读不了文件：{reason}", where=where, reason=str(error.strerror)) from None
    if not head:
        raise TableError("empty_file", "文件是空的（0 字节）。请检查导出是否成功。", where=where)
    if path.suffix.lower() in _PARTS:
        raise TableError(
            "unsupported",
            "{ending} 是 Shapefile 的一部分，请读取同名的 .shp 文件（或把全部文件打包为 zip）。",
            where=where,
            ending=path.suffix,
        )
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            if kind in _READ:
                return kind
            raise _unsupported(path, kind)
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
    if re.match(rb"<(\?xml|!doctype|html|[a-z:]+[\s>])", text.replace(b"\0", b""), re.I):
        if re.search(rb"<(html|table)", head, re.I):
            raise TableError(
                "unsupported", "这是网页（HTML）里的表格。请用表格软件打开后另存为 XLSX 再读取。", where=where
            )
        raise _unsupported(path, "XML")
    if text[:1] in (b"{", b"["):
        return "json"
    return "text"


def _unsupported(path: Path, kind: str) -> TableError:
    return TableError(
        "unsupported",
        "这是 {kind} 文件，不支持。支持的格式：{formats}。",
        where={"file": path.name},
        kind=kind,
        formats=SUPPORTED,
    )


def extension_note(path: Path, form: str) -> str | None:
    """A note when the name says something else than the content."""
    if path.suffix.lower() in _EXTENSIONS.get(form, (path.suffix.lower(),)) or not path.suffix:
        return None
    return gettext("扩展名是 {ending}，内容是 {form}，已按内容读取", ending=path.suffix, form=form.upper())
