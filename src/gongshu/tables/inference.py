"""Storage types found: what a column of text holds, decided from the shapes of all its cells in one scan."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.tables.long_form import is_wide, long_parts
from gongshu.tables.model import ROW
from gongshu.tables.storage import BACKEND_TYPES, ColumnType, fits, is_filled, normalise

THRESHOLD = 0.95  # share of filled cells that must fit before a column is typed
SAMPLE_ROWS = 20_000  # a candidate that fits fewer than half of a spread sample isn't counted over the whole
LONG_SAMPLE = 200  # the same for each column of a wide table

_LEADING_ZERO = r"^[+-]?0[0-9]"
_CODE_NAME = re.compile(
    r"代码|编码|编号|证号|证件号|号码|识别码|标识码|电话|手机|传真|邮编|邮政编码|行号|账号|卡号|区划"
    r"|uscc|zip|post_?code|phone|mobile|\bfax\b|(^|_)tel(_|$)|_no$|(^|[_\s])code$|[a-z]Code$",
    re.I,
)
_ALL = ("int64", "float64", "date", "timestamp", "time", "boolean")


def infer_storage_types(
    backend: BaseBackend,
    table: ir.Table,
    native: Mapping[str, str] | None = None,
    declared: Mapping[str, str] | None = None,
) -> dict[str, ColumnType]:
    """The storage type of every column but ``_row``, from all cells in one scan.

    A column is typed when at least 95 % of its filled cells fit. It stays a string when it holds codes: more than 1 % with a
    leading zero, mobile numbers, equal lengths from 11 digits on, or equal lengths under a name such as 代码 or 编号.
    ``native``: what the source declares. ``declared``: what a person declares, taken as it is.
    """
    declared = declared or {}
    native = native or {}
    names = [name for name in table.columns if name != ROW]
    asked = {name: _candidates(name, declared.get(name) or native.get(name)) for name in names}
    table = _dealt(table)
    rows = int(backend.to_pyarrow(table.count()).as_py())
    wide = is_wide(backend, table, names, rows)
    some = LONG_SAMPLE if wide else SAMPLE_ROWS
    if rows > 2 * some:
        every = rows // some
        if wide:
            counts = _long_counted(backend, table, asked, rows, every)
        else:
            counts = _counted(backend, table.filter(table[ROW] % every == 0), asked)
        asked = {name: _left(asked[name], counts[name]) for name in names}
    counts = _long_counted(backend, table, asked, rows) if wide else _counted(backend, table, asked)
    return {name: _decide(name, counts[name], declared.get(name), native.get(name)) for name in names}


def _dealt(table: ir.Table) -> ir.Table:
    return table if ROW in table.columns else table.mutate(**{ROW: ibis.row_number()})


def _candidates(name: str, known: str | None) -> tuple[str, ...]:
    if known in ("string", "geometry"):
        return ()
    return (known,) if known in BACKEND_TYPES else _ALL


def _left(candidates: tuple[str, ...], counts: dict[str, int]) -> tuple[str, ...]:
    if not counts["filled"]:
        return candidates
    return tuple(kind for kind in candidates if counts.get(kind, 0) >= 0.5 * counts["filled"])


def _counted(backend: BaseBackend, table: ir.Table, asked: dict[str, tuple[str, ...]]) -> dict[str, dict[str, int]]:
    """All counts of all columns in one aggregation."""
    names = list(asked)
    clean_table = _clean_cells(table.select(**{f"c{n}": table[name] for n, name in enumerate(names)}))
    metrics = {
        f"{n}|{key}": metric
        for n, name in enumerate(names)
        for key, metric in _metrics(clean_table[f"c{n}"], asked[name]).items()
    }
    row = backend.to_pyarrow(clean_table.aggregate(**metrics)).to_pylist()[0]
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for key, value in row.items():
        number, metric = key.split("|")
        counts[names[int(number)]][metric] = int(value or 0)
    return counts


def _long_counted(
    backend: BaseBackend, table: ir.Table, asked: dict[str, tuple[str, ...]], rows: int, every: int = 1
) -> dict[str, dict[str, int]]:
    """The same of many columns: those with the same candidates stood on end. ``every``: of each so-manieth row."""
    counts: dict[str, dict[str, int]] = {}
    for kinds in sorted(set(asked.values())):
        for part, cells in long_parts(
            backend, table, [name for name in asked if asked[name] == kinds], rows, every=every
        ):
            clean = _clean_cells(cells.select("column", "value"), ["column"])
            sums = clean.group_by("column").aggregate(**_metrics(clean.value, kinds))
            for row in backend.to_pyarrow(sums).to_pylist():
                counts[part[row.pop("column")]] = {key: int(value or 0) for key, value in row.items()}
    return counts


def _clean_cells(cells: ir.Table, kept: Sequence[str] = ()) -> ir.Table:
    names = [name for name in cells.columns if name not in kept]
    clean = cells.select(*kept, **{name: normalise(cells[name]) for name in names})
    # null unless filled, once for all counts: within an "and" the engine would look for placeholders again and again
    return clean.select(
        *kept, **{name: is_filled(clean[name]).ifelse(clean[name], ibis.null("string")) for name in names}
    )


def _metrics(clean: ir.StringValue, kinds: tuple[str, ...]) -> dict[str, ir.Scalar]:
    metrics: dict[str, ir.Scalar] = {"filled": clean.count()}
    for kind in kinds:
        metrics[kind] = fits(clean, kind).sum()
    if "int64" in kinds:
        length = clean.re_search(r"^[0-9]+$").ifelse(clean.length(), ibis.null("int64"))
        metrics["zero"] = clean.re_search(_LEADING_ZERO).sum()
        metrics["mobile"] = clean.re_search(r"^1[3-9][0-9]{9}$").sum()
        metrics["shortest"] = length.min()
        metrics["longest"] = length.max()
        metrics["long"] = (length >= 15).sum()
    if "float64" in kinds:
        metrics["wide"] = clean.re_search(r"^[+-]?[0-9]{16,}\.[0-9]").sum()
    return metrics


def _decide(name: str, counts: dict[str, int], declared: str | None, native: str | None) -> ColumnType:
    filled = counts["filled"]
    shapes = {kind: counts[kind] for kind in BACKEND_TYPES if kind in counts}

    def result(kind: str, why: str = "") -> ColumnType:
        return ColumnType(name, kind, filled, why, shapes)

    if declared:
        return result(declared, gettext("指定"))
    if native in ("string", "geometry"):
        return result(native, gettext("来源声明"))
    if not filled:
        return result(native or "string", gettext("整列为空"))
    need = filled - (max(1, filled * (1 - THRESHOLD)) if filled >= 8 else 0)
    if native in BACKEND_TYPES and counts.get(native, 0) >= need:
        return result(native, gettext("来源声明"))
    # the narrowest type first; 8-digit dates before integers, dates before timestamps
    timed = counts.get("timestamp", 0) - counts.get("date", 0) > (1 - THRESHOLD) / 5 * filled
    for kind in ("timestamp" if timed else "date", "timestamp", "time", "boolean"):
        if counts.get(kind, 0) >= need:
            return result(kind)
    if why := _code(name, counts, filled):
        return result("string", why)
    if counts.get("int64", 0) >= need and counts["int64"] >= counts.get("float64", 0):
        return result("int64")
    if counts.get("float64", 0) >= need:
        return result("decimal" if counts.get("wide") else "float64")
    return result("string")


def _code(name: str, counts: dict[str, int], filled: int) -> str:
    """Why a column of digits is a code and no number, or ""."""
    if counts.get("int64", 0) < 0.5 * filled and not counts.get("long"):
        return ""
    if counts.get("zero", 0) > 0.01 * filled:
        return gettext("有前导零的编码")
    if counts.get("long", 0) > 0.5 * filled:
        return gettext("15 位及以上的编码")
    if counts.get("mobile", 0) > 0.8 * filled:
        return gettext("手机号码")
    equal = counts.get("shortest") == counts.get("longest")
    if equal and counts.get("longest", 0) >= 11:
        return gettext("等长的长编码")
    if _CODE_NAME.search(name) and (equal or counts.get("longest", 0) >= 6) and counts.get("longest", 0) >= 2:
        return gettext("列名说明是编码")
    return ""
