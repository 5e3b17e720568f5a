"""How an answer is wanted: how many rows, from where, in which format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from gongshu.opening.rows.cursors import Cursor, read
from gongshu.opening.rows.grammar import Words, is_yes
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import BadQuestion

LIMIT, MOST_ROWS = 100, 32_000
DEEPEST = 10_000_000
MOST_FACETS, MOST_GROUPERS = 10, 4
CONTENT_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
}
STREAMS = ("csv", "jsonl", "arrow", "parquet", "geojson")
ACCEPTED = {value.partition(";")[0]: key for key, value in CONTENT_TYPES.items()} | {"application/jsonl": "jsonl"}


@dataclass(frozen=True)
class Wanted:
    """``version`` 0 is the current one."""

    limit: int = LIMIT
    offset: int = 0
    cursor: Cursor | None = None
    version: int = 0
    total: bool = True
    format: str = "json"
    shape: str = "objects"
    most: int = 20
    columns: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


def parse(words: Words, accept: str = "") -> Wanted:
    """What ``words`` say of the answer; BadQuestion for numbers that are none or too large, and for unknown formats."""
    said: dict[str, list[str]] = {}
    for name, values in words:
        said.setdefault(name, []).extend(values)
    cursor = read(said["cursor"][-1]) if said.get("cursor", [""])[-1] else None
    version = _number(said, "version", 0, 2**31 - 1)
    if cursor is not None and version not in (0, cursor.version):
        raise BadQuestion(_("cursor 属于第 %(n)s 版，和 version 不一致") % {"n": cursor.version}, parameter="version")
    if cursor is not None and _number(said, "offset", 0, DEEPEST):
        raise BadQuestion(_("有了 cursor 就不能再写 offset"), parameter="offset")
    return Wanted(
        limit=_number(said, "limit", LIMIT, MOST_ROWS),
        offset=_number(said, "offset", 0, DEEPEST),
        cursor=cursor,
        version=cursor.version if cursor is not None else version,
        total=is_yes(said.get("total", ["1"])[-1]),
        format=_one_of(said, "format", CONTENT_TYPES, _accepted(accept)),
        shape=_one_of(said, "shape", ("objects", "arrays"), "objects"),
        most=_number(said, "most", 20, 1000),
        columns=tuple(dict.fromkeys(said.get("column", []))),
        by=tuple(dict.fromkeys(said.get("by", []))),
        measures=tuple(said.get("measure", [])),
    )


def check_format(kind: str, table: Table, wanted: Wanted) -> None:
    """BadQuestion for GeoJSON of rows that have no place, and for a dump in a format that can't be a stream."""
    if wanted.format == "geojson" and not table.spatial:
        raise BadQuestion(_("这个数据集没有图形或坐标，不能给 GeoJSON"), parameter="format")
    if kind == "dump" and wanted.format not in STREAMS:
        raise BadQuestion(_("dump 的 format 只能是%(known)s") % {"known": "、".join(STREAMS)}, parameter="format")


def _number(said: dict[str, list[str]], name: str, default: int, most: int) -> int:
    text = said.get(name, [""])[-1].strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 12 or int(text) > most:
        raise BadQuestion(
            _("%(name)s 要写 0 到 %(most)s 的整数，不能是“%(value)s”")
            % {"name": name, "most": f"{most:,}", "value": text[:40]},
            parameter=name,
        )
    return int(text)


def _one_of(said: dict[str, list[str]], name: str, known: Any, default: str) -> str:
    text = said.get(name, [""])[-1].strip().lower() or default
    if text not in known:
        raise BadQuestion(
            _("%(name)s 只能是%(known)s，不能是“%(value)s”")
            % {"name": name, "known": "、".join(known), "value": text[:40]},
            parameter=name,
        )
    return text


def _accepted(accept: str) -> str:
    """The first format that the client names; JSON when it names none of ours."""
    if accept in ("", "*/*"):
        return "json"
    kinds = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((ACCEPTED[kind] for kind in kinds if kind in ACCEPTED), "json")
