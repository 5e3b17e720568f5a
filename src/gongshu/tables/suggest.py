"""Rules suggested for a table from what its columns hold: each is learned from the whole file, so that what differs stands out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.tables.check_cells import CHECKED_TYPES, TYPE_FORMS
from gongshu.tables.code_lists import DIVISION_NAMES
from gongshu.tables.contract import Rule
from gongshu.tables.known import Known
from gongshu.tables.semantic.divisions import every_name
from gongshu.tables.semantic.types import type_title
from gongshu.tables.storage import placeholder_pattern
from gongshu.tables.suggest_rows import NUMERIC, date_forms, for_dates, for_parts, for_places, outliers

MOSTLY_FILLED = 0.9  # a column that is filled so far is meant to be filled
MOSTLY_KNOWN = 0.9  # a column whose values are so far in a list is meant to hold nothing else
_SURROGATE = re.compile(
    r"^(id|no|row|rid|seq|index|fid|gid|objectid|uuid|guid|xh|序号|行号|主键|编号)$|(^|_)(row|rec|record)_?(id|no|num)$|^_?id$"
)
_PLACEHOLDER = re.compile(placeholder_pattern())
_BOOLEAN_WORDS = frozenset(
    [
        "是",
        "否",
        "有",
        "无",
        "Y",
        "N",
        "YES",
        "NO",
        "TRUE",
        "FALSE",
        "T",
        "F",
        "0",
        "1",
        "启用",
        "停用",
        "正常",
        "异常",
        "男",
        "女",
    ]
)


def suggest_rules(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> list[Rule]:
    """The rules for the staged ``table``; ids are stable for the same columns."""
    if not columns or not columns[0].statistics.rows:
        return []
    rules = [*_for_cells(columns)]
    forms = date_forms(backend, table, columns)
    for column in columns:
        rules += _for_column(column, forms)
    rules += for_places(backend, table, columns)
    rules += for_dates(backend, table, columns)
    rules += for_parts(backend, table, columns)
    rules += outliers(backend, table, columns)
    rules += _for_rows(columns)
    return rules


def _for_cells(columns: list[Known]) -> Iterator[Rule]:
    """What holds for every cell of a kind of column: one rule for many columns."""
    text = tuple(column.name for column in columns if column.storage_type == "string" and column.filled)
    every = tuple(column.name for column in columns if column.filled)
    numbers = tuple(
        column.name for column in columns if column.storage_type not in ("string", "geometry") and column.filled
    )
    filled = tuple(column.name for column in columns if column.filled >= MOSTLY_FILLED * column.statistics.rows)
    # a placeholder that fills half a column is its way of saying no
    usual = tuple(column.name for column in columns if column.filled and not _mostly_placeholder(column))
    least = min((column.filled / column.statistics.rows for column in columns if column.name in filled), default=0)
    for kind, names, dimension, evidence in (
        (
            "not_null",
            filled,
            "020100",
            gettext("{count} 列，每列至少 {share} 的行有值", count=len(filled), share=f"{least:.1%}"),
        ),
        ("placeholder", usual, "020100", gettext("{count} 列，占位的字都不到三成，不是有意写的值", count=len(usual))),
        ("type", numbers, "010101", gettext("{count} 列认出是数、日期或是否", count=len(numbers))),
        ("whitespace", every, "030500", gettext("{count} 列有值", count=len(every))),
        ("full_width", every, "030500", gettext("{count} 列有值", count=len(every))),
        ("mojibake", text, "030500", gettext("{count} 列文字", count=len(text))),
    ):
        if names:
            yield Rule(kind, kind, None, names, {}, dimension, "warning", evidence)


def _mostly_placeholder(column: Known) -> bool:
    count = sum(n for value, n in column.statistics.top if _PLACEHOLDER.search(value.strip()))
    return count > 0.3 * column.filled


def _for_column(column: Known, forms: Mapping[str, tuple[str, float]]) -> Iterator[Rule]:
    number, name, statistics = column.place, column.name, column.statistics
    code, sure = column.code, column.semantic.probability >= 0.93
    meaning = _meaning(column)
    if code in CHECKED_TYPES and sure:
        yield Rule(f"check_digit-{number}", "check_digit", name, (), {"type": code}, "030100", evidence=meaning)
    if code in TYPE_FORMS and sure:
        yield Rule(f"format-{number}", "format", name, (), {"type": code}, "030200", evidence=meaning)
    if name in forms:
        form, share = forms[name]
        evidence = gettext("{share} 的日期这样写", share=f"{min(share, 1):.1%}")
        yield Rule(f"format-{number}", "format", name, (), {"form": form}, "010102", "warning", evidence)
    if column.storage_type in ("date", "timestamp"):
        evidence = gettext(
            "日期列，最早 {first}，最晚 {last}",
            first=f"{statistics.minimum:%Y-%m-%d}",
            last=f"{statistics.maximum:%Y-%m-%d}",
        )
        yield Rule(f"range-{number}", "range", name, (), _date_bounds(column), "030100", "warning", evidence)
    if column.storage_type in NUMERIC and _never_negative(column):
        evidence = gettext("{share} 的数不小于 {low}", share="99%", low=f"{column.usual_low:,.6g}")
        yield Rule(f"range-{number}", "range", name, (), {"min": 0}, "010400", "warning", evidence)
    if code == "sex" and statistics.distinct <= 6:
        values = [value for value, n in statistics.top if n >= 0.05 * column.filled]
        yield Rule(f"in_set-{number}", "in_set", name, (), {"values": values}, "010500", evidence=meaning)
    elif column.storage_type == "string" or code in ("division_code", "ethnicity"):
        yield from _for_codes(column)
    if _is_key(column):
        params = {"type": code} if code in CHECKED_TYPES else {}
        evidence = gettext(
            "{filled} 个值里有 {distinct} 种不同的", filled=f"{column.filled:,}", distinct=f"{statistics.distinct:,}"
        )
        yield Rule(f"unique-{number}", "unique", name, (), params, "030400", evidence=evidence)


def _meaning(column: Known) -> str:
    """That a column was recognised, and how surely."""
    return gettext(
        "认出是{kind}，把握 {share}", kind=type_title(column.code), share=f"{column.semantic.probability:.0%}"
    )


def _never_negative(column: Known) -> bool:
    # a count, an area, a price: below nought only by mistake, when fewer than one in a hundred is
    return column.usual_low is not None and column.usual_low >= 0 and column.code not in ("longitude", "latitude")


def _date_bounds(column: Known) -> dict[str, str]:
    low = "1900-01-01" if column.code == "birth_date" else "1800-01-01"
    late = re.search("截止|到期|有效期|终止|结束|届满|计划|预计|end|expire|due|plan", column.name, re.IGNORECASE)
    today = dt.date.today()
    return {
        "min": low,
        "max": (today.replace(year=today.year + 100, day=1) if late else today + dt.timedelta(days=1)).isoformat(),
    }


def _for_codes(column: Known) -> Iterator[Rule]:
    """A column of one value, or of a few that cover nearly all: what else stands in it is rare and suspect."""
    statistics, filled = column.statistics, column.filled
    usual = [(value.strip(), n) for value, n in statistics.top if not _PLACEHOLDER.search(value.strip())]
    if (
        filled < 100
        or not usual
        or column.code in ("person_name", "organisation_name", "address", "home_address", "amount")
    ):
        return
    value, count = usual[0]
    if count >= 0.98 * filled and statistics.distinct <= 20 and (statistics.distinct > 1 or count == filled):
        if statistics.distinct > 1 and value.upper() not in _BOOLEAN_WORDS and _rare(usual[1:], filled):
            yield Rule(
                f"constant_broken-{column.place}",
                "constant_broken",
                column.name,
                (),
                {"value": value},
                "040100",
                "warning",
                gettext("{share} 的值是同一个", share=f"{count / filled:.2%}"),
            )
        return
    common = _common(usual, filled)
    if common and statistics.distinct <= 3 * len(common) + 20:
        covered = sum(n for _, n in usual[: len(common)]) / filled
        evidence = gettext("{count} 种取值占了 {share}，其余都很少", count=len(common), share=f"{covered:.2%}")
        yield Rule(
            f"in_set-{column.place}", "in_set", column.name, (), {"values": common}, "010500", "warning", evidence
        )
    elif column.code == "division_name":
        known = sum(n for value, n in usual if value in every_name()) / filled
        if known >= MOSTLY_KNOWN:
            params = {"code_list": DIVISION_NAMES}
            evidence = gettext("至少 {share} 的值是省、市、区县的名称", share=f"{known:.1%}")
            yield Rule(f"in_set-{column.place}", "in_set", column.name, (), params, "010500", "warning", evidence)


def _rare(values: list[tuple[str, int]], filled: int) -> bool:
    return all(n <= max(3, 0.01 * filled) for _, n in values)


def _common(usual: list[tuple[str, int]], filled: int) -> list[str]:
    """The values that cover nearly all, when those after them are rare beside them; else nothing."""
    covered = 0
    common: list[str] = []
    for place, (value, n) in enumerate(usual):
        rest = filled - covered
        if place and rest <= 0.03 * filled and n < 0.25 * usual[place - 1][1] and n < 0.01 * filled:
            middle = usual[len(common) // 2][1]
            return common if n <= 0.15 * middle and usual[place - 1][1] >= 20 else []
        covered += n
        common.append(value)
    return common if filled - covered <= 0.001 * filled and usual[-1][1] >= 20 else []


def _is_key(column: Known) -> bool:
    statistics = column.statistics
    if column.filled < 20 or column.storage_type in ("float64", "decimal", "date", "timestamp"):
        return False
    named = bool(
        re.search(r"(^|_)(id|code|no|uscc|key)$|编号|编码|代码|序号|信用代码|证号|号码|主键|唯一", column.name.lower())
    )
    identity = column.code in ("credit_code", "resident_id")
    share = statistics.distinct / max(1, column.filled)
    return (share == 1.0 and (named or identity or column.place == 0)) or (
        share >= 0.98 and named and column.code != "mobile"
    )


def _for_rows(columns: list[Known]) -> Iterator[Rule]:
    ignored = [column.name for column in columns if _is_surrogate(column)]
    if len(columns) - len(ignored) >= 2:
        params = {"ignore": ignored} if ignored else {}
        evidence = gettext("{count} 列一起说明一件事", count=len(columns) - len(ignored))
        yield Rule("row_duplicate", "row_duplicate", None, (), params, "030300", "warning", evidence)
        if any(column.storage_type == "string" and column.name not in ignored for column in columns):
            yield Rule("near_duplicate", "near_duplicate", None, (), params, "030300", "warning", evidence)
    starred = tuple(column.name for column in columns if column.storage_type == "string" and column.filled)
    if starred:
        evidence = gettext("{count} 列文字", count=len(starred))
        yield Rule("masked", "masked", None, starred, {}, "", "info", evidence)


def _is_surrogate(column: Known) -> bool:
    """A running number or code that says nothing of the thing: rows that differ in it alone are the same."""
    if column.code in (
        "credit_code",
        "resident_id",
        "person_name",
        "organisation_name",
        "mobile",
        "longitude",
        "latitude",
    ):
        return False
    unique = column.statistics.distinct >= 0.99 * column.filled and column.filled == column.statistics.rows
    return unique and column.storage_type in ("string", "int64") and bool(_SURROGATE.search(column.name.lower()))
