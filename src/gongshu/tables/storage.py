"""Storage types: what a column of text holds, found over the whole column, and the column as that type.

Everything is an Ibis expression without back-references, so that the same definition runs on DuckDB and on Spark Connect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.long_form import is_wide, long_parts
from gongshu.tables.model import ROW, Quarantined

STORAGE_TYPES = (
    "string", "int64", "decimal", "float64", "boolean", "date", "timestamp", "time", "geometry",
    # only when declared, never inferred: 12.5% as 0.125; days since 1899-12-30 as Excel counts them
    "percent", "excel_date",
)  # fmt: skip
BACKEND_TYPES = {
    "int64": "int64",
    "decimal": "decimal(38, 9)",
    "float64": "float64",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "time": "time",
    "percent": "float64",
    "excel_date": "date",
}

_FULL = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000\u00a0\ufeff\u200b"
_HALF = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)) + "  " + "  "

_UNTIDY = "[\uff01-\uff5e\u3000\u00a0\ufeff\u200b]|^[ \\t\\r\\n\\f\\x0b]|[ \\t\\r\\n\\f\\x0b]$"

_INTEGER = r"^[+-]?([0-9]{1,18}|[0-9]{1,3}(,[0-9]{3}){1,5})$"
_FLOAT = r"^[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)?(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?$"
_SEPARATED = r"^([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?"
_COMPACT = r"^((?:1[89]|20|21)[0-9]{2})([0-9]{2})([0-9]{2})"
_DAY_FIRST = r"^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})"
_CLOCK = r"([0-9]{1,2})[:时点]([0-9]{1,2})(?:[:分]?([0-9]{1,2})?(\.[0-9]{1,9})?)秒?分?"
_ZONE = r"\s?(Z|[+-][0-9]{2}:?[0-9]{2})?$"
_CHINESE_DATE = r"^([〇零○ＯO一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十廿]{1,4})日$"
# what the inference counts: shapes only, so that one scan is enough; whether the 31st of June exists is the cast's question
_MONTH, _DAY = "(0?[1-9]|1[0-2])", "(0?[1-9]|[12][0-9]|3[01])"
_DATE_SHAPE = (
    rf"([0-9]{{4}}\s*[-/.年]\s*{_MONTH}\s*[-/.月]\s*{_DAY}\s*日?"
    r"|(1[89]|20|21)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
    rf"|{_DAY}\.{_MONTH}\.[0-9]{{4}}"
)
# what needs neither mending nor a look at the placeholders (none of these is one)
_PLAIN = {
    "int64": r"^(0|-?[1-9][0-9]{0,17})$",
    "float64": r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$",
    "decimal": r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$",
    "date": r"^(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]$",
    "timestamp": r"^(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$",
}
_SHAPES = {
    "int64": _INTEGER,
    "float64": r"^[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+|[0-9]*\.[0-9]+|[0-9]+\.|[0-9]{1,3}(,[0-9]{3})+\.[0-9]*)([eE][+-]?[0-9]{1,3})?$",
    "date": rf"^{_DATE_SHAPE}|[〇零○ＯO一二三四五六七八九]{{4}}年[一二三四五六七八九十]{{1,3}}月[一二三四五六七八九十廿]{{1,4}}日)$",
    "timestamp": rf"^{_DATE_SHAPE})([T\s]*{_CLOCK}{_ZONE.removesuffix('$')}|[0-9]{{6}})?$",
    "time": r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$",
    "boolean": "^(?i:true|false)$",
}


@dataclass(frozen=True)
class ColumnType:
    """What is known of a column's storage: ``filled`` cells (no placeholders), ``why`` in words when it needs some.

    ``counts`` holds how many cells have the shape of each candidate that was counted.
    """

    name: str
    storage_type: str
    filled: int = 0
    why: str = ""
    counts: dict[str, int] = field(default_factory=dict)


@lru_cache(maxsize=4)
def placeholder_pattern(name: str = "default-2026") -> str:
    """One pattern (RE2, Java and Python alike) for the rulebook's placeholders and the empty text, on normalised cells."""
    book = rulebook(f"{name}/placeholders")
    special = re.compile(r"([\\.^$*+?{}\[\]|()])")
    values = [special.sub(r"\\\1", str(value)) for value in book["values"]]
    return "^(?i:|" + "|".join(values + book["patterns"]) + ")$"


def normalise(values: ir.StringValue) -> ir.StringValue:
    """Trim (full-width and other spaces too) and turn full-width ASCII into half-width."""
    # one quick search for all cells, the slow translation only for the few that need it
    return values.re_search(_UNTIDY).ifelse(values.translate(_FULL, _HALF).strip(), values)


def is_placeholder(values: ir.StringValue) -> ir.BooleanValue:
    """True where a cell holds a placeholder of the rulebook (``values`` as they are, not yet normalised), else false."""
    clean = normalise(values)
    return (clean.re_search(placeholder_pattern()) & (clean != "")).fill_null(False)


def is_filled(clean: ir.StringValue) -> ir.BooleanValue:
    """True where a normalised cell is neither empty nor a placeholder."""
    return clean.notnull() & ~clean.re_search(placeholder_pattern())


def typed(values: ir.StringValue, storage_type: str) -> ir.Value:
    """``values`` as ``storage_type``; null where they are empty, a placeholder, or don't fit. Strings stay as they are.

    Dates: 2019-07-08, 2019/7/8, 2019.7.8, 20190708, 2019年7月8日, 二〇一九年七月八日, 18.07.2022. Timestamps: these and a time;
    with an offset they become Beijing time (UTC+8), without one they are taken as that.
    """
    if storage_type in ("string", "geometry"):
        return values
    slow = typed_clean(normalise(values), storage_type)
    # most cells are written plainly: one search and a cast for these, the many forms only for what is left
    return typed_plain(values, storage_type).fill_null(slow) if storage_type in _PLAIN else slow


def typed_plain(values: ir.StringValue, storage_type: str) -> ir.Value:
    """``values`` as ``storage_type`` where they are written in its commonest way, else null."""
    return is_plain(values, storage_type).ifelse(values, ibis.null("string")).try_cast(BACKEND_TYPES[storage_type])


def typed_clean(clean: ir.StringValue, storage_type: str) -> ir.Value:
    """Cells that are normalised already as ``storage_type``, in all ways of writing it; null where they don't fit."""
    return is_filled(clean).ifelse(_CASTS[storage_type](clean), ibis.null(BACKEND_TYPES[storage_type]))


def is_plain(values: ir.StringValue, storage_type: str) -> ir.BooleanValue:
    """True where a cell is written in the commonest way of ``storage_type``: it needs no mending and is no placeholder."""
    plain = _PLAIN.get(storage_type)
    return ibis.literal(False) if plain is None else values.re_search(plain)


def misfit(values: ir.StringValue, storage_type: str) -> ir.BooleanValue:
    """True where a filled cell does not fit ``storage_type``; placeholders and empty cells are no misfits."""
    if storage_type in ("string", "geometry"):
        return ibis.literal(False)
    return typed(values, storage_type).isnull().ifelse(is_filled(normalise(values)), False).fill_null(False)


def fits(clean: ir.StringValue, storage_type: str) -> ir.BooleanValue:
    """True where a normalised cell has the shape of ``storage_type``."""
    return clean.re_search(_SHAPES[storage_type]) if storage_type in _SHAPES else _CASTS[storage_type](clean).notnull()


def typed_table(table: ir.Table, types: Mapping[str, ColumnType | str]) -> ir.Table:
    """The staged table with each column as its storage type; ``_row`` stays."""
    return table.mutate(
        **{name: typed(table[name], kind) for name, kind in _kinds(types).items() if kind not in ("string", "geometry")}
    )


def misfits(
    backend: BaseBackend, table: ir.Table, types: Mapping[str, ColumnType | str], cap: int = 10_000
) -> tuple[list[Quarantined], dict[str, int]]:
    """The cells that don't fit their column's type: up to ``cap`` of them in row order, and the total of each column."""
    kinds = {name: kind for name, kind in _kinds(types).items() if kind not in ("string", "geometry")}
    if not kinds:
        return [], {}
    rows = int(backend.to_pyarrow(table.count()).as_py())
    if is_wide(backend, table, list(kinds), rows):
        found, totals = _long_misfits(backend, table, kinds, rows, cap)
    else:
        found, totals = _misfits(backend, table, kinds, cap)
    found.sort(key=lambda entry: entry.row)
    return found[:cap], totals


def _misfits(
    backend: BaseBackend, table: ir.Table, kinds: dict[str, str], cap: int
) -> tuple[list[Quarantined], dict[str, int]]:
    flags = {name: misfit(table[name], kind) for name, kind in kinds.items()}
    names = list(kinds)
    sums = _first(backend, table.aggregate(**{f"m{n}": flags[name].sum() for n, name in enumerate(names)}))
    totals = {name: int(sums[f"m{n}"] or 0) for n, name in enumerate(names) if sums[f"m{n}"]}
    found: list[Quarantined] = []
    for name in totals:
        cells = table.filter(flags[name]).select(row=table[ROW], value=table[name]).order_by("row").limit(cap)
        why = _why(kinds[name])
        found += [Quarantined(cell["row"], name, cell["value"], why) for cell in backend.to_pyarrow(cells).to_pylist()]
    return found, totals


def _long_misfits(
    backend: BaseBackend, table: ir.Table, kinds: dict[str, str], rows: int, cap: int
) -> tuple[list[Quarantined], dict[str, int]]:
    totals: dict[str, int] = {}
    found: list[Quarantined] = []
    for kind in sorted(set(kinds.values())):
        for part, cells in long_parts(backend, table, [name for name in kinds if kinds[name] == kind], rows):
            wrong = cells.filter(misfit(cells.value, kind)).order_by([ROW, "column"])
            answer = backend.to_pyarrow(wrong)
            for n, count in enumerate(np.bincount(answer["column"].to_numpy(), minlength=len(part)).tolist()):
                if count:
                    totals[part[n]] = count
            why = _why(kind)
            found += [
                Quarantined(cell[ROW], part[cell["column"]], cell["value"], why)
                for cell in answer.slice(0, cap).to_pylist()
            ]
    places = {name: n for n, name in enumerate(kinds)}
    found.sort(key=lambda entry: places[entry.column or ""])
    return found, {name: totals[name] for name in kinds if name in totals}


# -- casts: a normalised cell as a type, null where it doesn't fit


def _number(clean: ir.StringValue, pattern: str, kind: str) -> ir.Value:
    digits = clean.replace(",", "").replace("+", "")
    return (clean.re_search(pattern) & clean.re_search("[0-9]")).ifelse(digits, ibis.null("string")).try_cast(kind)


def _date(clean: ir.StringValue) -> ir.Value:
    plain = ibis.cases(
        (clean.re_search(_SEPARATED + "$"), _ymd(clean, _SEPARATED, 1, 2, 3)),
        (clean.re_search(_COMPACT + "$"), _ymd(clean, _COMPACT, 1, 2, 3)),
        (clean.re_search(_DAY_FIRST + "$"), _ymd(clean, _DAY_FIRST, 3, 2, 1)),
        (clean.re_search(_CHINESE_DATE), _chinese_ymd(clean)),
        else_=ibis.null("string"),
    )
    return plain.try_cast("date")


def _ymd(clean: ir.StringValue, pattern: str, year: int, month: int, day: int) -> ir.StringValue:
    return (
        # there is no year 0, though engines count one
        clean.re_extract(pattern, year).nullif("0000")
        + "-"
        + clean.re_extract(pattern, month).lpad(2, "0")
        + "-"
        + clean.re_extract(pattern, day).lpad(2, "0")
    )


def _chinese_ymd(clean: ir.StringValue) -> ir.StringValue:
    def two_digits(text: ir.StringValue) -> ir.StringValue:
        # 十 -> 10, 十五 -> 15, 二十 -> 20, 二十五 -> 25, 廿五 -> 25, 五 -> 05
        text = text.replace("廿", "二十").translate("一二三四五六七八九", "123456789")
        return ibis.cases(
            (text == "十", "10"),
            (text.startswith("十"), text.replace("十", "1")),
            (text.endswith("十"), text.replace("十", "0")),
            else_=text.replace("十", ""),
        ).lpad(2, "0")

    year = clean.re_extract(_CHINESE_DATE, 1).translate("〇零○ＯO一二三四五六七八九", "00000123456789")
    return (
        year.nullif("0000")
        + "-"
        + two_digits(clean.re_extract(_CHINESE_DATE, 2))
        + "-"
        + two_digits(clean.re_extract(_CHINESE_DATE, 3))
    )


def _timestamp(clean: ir.StringValue) -> ir.Value:
    # the end of a day, which not all engines read
    late = clean.re_search(r"[T日\s]24:00(:00(\.0+)?)?$")
    clean = late.ifelse(clean.replace("24:00", "00:00"), clean)

    def with_clock(day: str, year: int, month: int, date: int) -> tuple[ir.BooleanValue, ir.StringValue]:
        pattern = day + r"[T\s]*" + _CLOCK + _ZONE
        groups = 3
        clock = (
            clean.re_extract(pattern, groups + 1).lpad(2, "0")
            + ":"
            + clean.re_extract(pattern, groups + 2).lpad(2, "0")
            + ":"
            + clean.re_extract(pattern, groups + 3).lpad(2, "0")
            + clean.re_extract(pattern, groups + 4)
        )
        return clean.re_search(pattern), _ymd(clean, pattern, year, month, date) + " " + clock

    packed = _COMPACT + r"([0-9]{2})([0-9]{2})([0-9]{2})$"
    text = ibis.cases(
        with_clock(_SEPARATED, 1, 2, 3),
        with_clock(_DAY_FIRST, 3, 2, 1),
        (
            clean.re_search(packed),
            _ymd(clean, packed, 1, 2, 3)
            + " "
            + clean.re_extract(packed, 4)
            + ":"
            + clean.re_extract(packed, 5)
            + ":"
            + clean.re_extract(packed, 6),
        ),
        with_clock(_COMPACT, 1, 2, 3),
        else_=ibis.null("string"),
    )
    local = text.try_cast("timestamp") + late.ifelse(1, 0).as_interval("D")
    zone = clean.re_extract(r"(?:[0-9.])(Z|[+-][0-9]{2}:?[0-9]{2})$", 1)
    offset = (
        zone.substr(1, 2).try_cast("int64").fill_null(0) * 60 + zone.right(2).try_cast("int64").fill_null(0)
    ) * zone.startswith("-").ifelse(-1, 1)
    # by which the first and the last year would be left: no engine's calendar is the same there
    ends = clean.left(4).isin(["0001", "9999"])
    to_beijing = ends.ifelse(ibis.null("int64"), 480 - (zone == "Z").ifelse(0, offset))
    moved = local + to_beijing.as_interval("m")
    return (clean.contains(":") & (zone != "")).ifelse(moved, local).fill_null(_date(clean).cast("timestamp"))


def _time(clean: ir.StringValue) -> ir.Value:
    return clean.re_search(_SHAPES["time"]).ifelse(clean, ibis.null("string")).try_cast("time")


def _boolean(clean: ir.StringValue) -> ir.Value:
    return ibis.cases((clean.upper() == "TRUE", True), (clean.upper() == "FALSE", False), else_=ibis.null("boolean"))


def _percent(clean: ir.StringValue) -> ir.Value:
    number = _number(clean.replace("%", "").strip(), _FLOAT, "float64")
    return clean.endswith("%").ifelse(number / 100, number)


def _excel_date(clean: ir.StringValue) -> ir.Value:
    days = _number(clean, r"^[0-9]{1,6}(\.[0-9]*)?$", "float64").floor().cast("int64")
    return _date(clean).fill_null(ibis.literal("1899-12-30").cast("date") + days.as_interval("D"))


_CASTS: dict[str, Any] = {
    "int64": lambda clean: _number(clean, _INTEGER, "int64"),
    "decimal": lambda clean: _number(clean, _FLOAT, "decimal(38, 9)"),
    "float64": lambda clean: _number(clean, _FLOAT, "float64"),
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "time": _time,
    "percent": _percent,
    "excel_date": _excel_date,
}


def _why(kind: str) -> str:
    names = {
        "int64": gettext("不是整数"),
        "decimal": gettext("不是数字"),
        "float64": gettext("不是数字"),
        "percent": gettext("不是百分数"),
        "boolean": gettext("不是 true/false"),
        "date": gettext("不是存在的日期"),
        "excel_date": gettext("不是日期或 Excel 日期序号"),
        "timestamp": gettext("不是存在的日期时间"),
        "time": gettext("不是时间"),
    }
    return names[kind]


def _kinds(types: Mapping[str, ColumnType | str]) -> dict[str, str]:
    return {name: kind.storage_type if isinstance(kind, ColumnType) else kind for name, kind in types.items()}


def _first(backend: BaseBackend, table: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = backend.to_pyarrow(table).to_pylist()[0]
    return row
