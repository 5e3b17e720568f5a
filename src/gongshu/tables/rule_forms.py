"""Whether a rule is well formed: what each kind needs and what it may say, with what is wrong in words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from gongshu.i18n import gettext
from gongshu.tables.cells import columns_of
from gongshu.tables.check_agreement import PARTS
from gongshu.tables.check_cells import CHECKED_TYPES, DATE_FORMS, OPERATORS, ROW_KINDS, TYPE_FORMS
from gongshu.tables.check_groups import GROUP_KINDS, WHOLE_ROWS
from gongshu.tables.check_tables import STEPS, TABLE_KINDS
from gongshu.tables.contract import FREQUENCIES, Rule
from gongshu.tables.rule_sql import one_condition, one_select
from gongshu.tables.thresholds import problem_of

COUNTS = ("beyond_first", "groups", "all_rows")  # how repeated rows are counted
COLUMNLESS = WHOLE_ROWS | {"row_count", "freshness", "equality", "sql", "condition"}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "pattern": ("pattern",),
    "constant_broken": ("value",),
    "check_digit": ("type",),
    "date_format": ("form",),
    "cross_field": ("operator",),
    "agrees": ("part",),
    "swapped_axes": ("longitude", "latitude"),
    "out_of_bounds": ("longitude", "latitude"),
    "reference": ("table",),
    "equality": ("table",),
    "sql": ("query", "must"),
    "condition": ("condition",),
}


def problem_with(rule: Rule, types: Mapping[str, str]) -> str:
    """Why the rule can't be run on a table of these columns, in words; "" when it can."""
    if rule.kind == "unknown_code_list":
        return str(rule.params["why"])
    if not {rule.kind} & (ROW_KINDS.keys() | GROUP_KINDS.keys() | TABLE_KINDS.keys() | {"reference"}):
        return gettext("没有「{kind}」这种规则的检核办法", kind=rule.kind)
    missing = [name for name in columns_of(rule) if name not in types]
    if missing:
        return gettext("表里没有「{column}」列", column=missing[0])
    if not columns_of(rule) and rule.kind not in COLUMNLESS:
        return gettext("规则没有说明是哪一列")
    lacking = [name for name in NEEDED.get(rule.kind, ()) if name not in rule.params]
    if lacking:
        return gettext("规则缺参数「{name}」", name=lacking[0])
    if "must" in rule.params and (problem := problem_of(rule.params["must"], rule.params.get("unit", "rows"))):
        return problem
    wrong = _WRONG.get(rule.kind)
    return wrong(rule, types) if wrong else ""


def _pattern(rule: Rule, types: Mapping[str, str]) -> str:
    text = rule.params["pattern"]
    if not isinstance(text, str):
        return _should("pattern", gettext("文字"))
    if re.search(r"\(\?[=!<]|\\[1-9]", text):
        return gettext("正则里不能用环视和反向引用：不是每个引擎都有")
    try:
        re.compile(re.sub(r"\\x\{([0-9a-fA-F]+)\}", lambda found: re.escape(chr(int(found.group(1), 16))), text))
    except (re.error, ValueError, OverflowError) as error:
        return gettext("正则写错了：{problem}", problem=str(error))
    return ""


def _values(rule: Rule, types: Mapping[str, str]) -> str:
    if "code_list" in rule.params and "values" not in rule.params:
        return ""
    values = rule.params.get("values")
    if values is None:
        return gettext("规则缺参数「{name}」", name="values")
    plain = isinstance(values, list | tuple) and all(isinstance(value, str | int | float) for value in values)
    return "" if plain and values else _should("values", gettext("取值的列表"))


def _bounds(rule: Rule, types: Mapping[str, str]) -> str:
    low, high = rule.params.get("min"), rule.params.get("max")
    if low is None and high is None:
        return gettext("规则缺参数「{name}」", name="min")
    kind = types[columns_of(rule)[0]]
    for name, value in (("min", low), ("max", high)):
        if value is None:
            continue
        if kind in ("date", "timestamp"):
            if _day(value) is None:
                return _should(name, gettext("日期，如 2019-07-08"))
        elif isinstance(value, str) and kind not in ("time", "decimal"):
            return _should(name, gettext("数"))
    if low is not None and high is not None and str(type(low)) == str(type(high)) and low > high:
        return gettext("min 比 max 大")
    return ""


def _day(value: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _length(rule: Rule, types: Mapping[str, str]) -> str:
    given = [value for name in ("min", "max") if (value := rule.params.get(name)) is not None]
    if not given:
        return gettext("规则缺参数「{name}」", name="min")
    whole = all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in given)
    return "" if whole else _should("min, max", gettext("不小于 0 的整数"))


def _format(rule: Rule, types: Mapping[str, str]) -> str:
    if "form" in rule.params:
        return "" if rule.params["form"] in DATE_FORMS else _should("form", "、".join(DATE_FORMS))
    if "type" not in rule.params:
        return gettext("规则缺参数「{name}」", name="form")
    return "" if rule.params["type"] in TYPE_FORMS else _should("type", "、".join(TYPE_FORMS))


def _check_digit(rule: Rule, types: Mapping[str, str]) -> str:
    return "" if rule.params["type"] in CHECKED_TYPES else _should("type", "、".join(CHECKED_TYPES))


def _cross_field(rule: Rule, types: Mapping[str, str]) -> str:
    if len(columns_of(rule)) != 2:
        return gettext("规则要说明两列")
    return "" if rule.params["operator"] in OPERATORS else _should("operator", "、".join(OPERATORS))


def _agrees(rule: Rule, types: Mapping[str, str]) -> str:
    if len(columns_of(rule)) != 2:
        return gettext("规则要说明两列")
    part = rule.params["part"]
    if part not in PARTS:
        return _should("part", "、".join(PARTS))
    return "" if rule.params.get("type") == PARTS[part] else _should("type", PARTS[part])


def _axes(rule: Rule, types: Mapping[str, str]) -> str:
    if len(rule.columns) < 2:
        return gettext("规则要说明两列")
    for name in ("longitude", "latitude"):
        pair = rule.params.get(name)
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            return _should(name, gettext("两个数"))
    return ""


def _unique(rule: Rule, types: Mapping[str, str]) -> str:
    return "" if rule.params.get("count", COUNTS[0]) in COUNTS else _should("count", "、".join(COUNTS))


def _row_count(rule: Rule, types: Mapping[str, str]) -> str:
    asked = "must" in rule.params or rule.params.get("min") is not None or rule.params.get("max") is not None
    return "" if asked else gettext("规则缺参数「{name}」", name="must")


def _freshness(rule: Rule, types: Mapping[str, str]) -> str:
    said = rule.params.get("frequency", FREQUENCIES[0])
    return "" if said in FREQUENCIES else _should("frequency", "、".join(FREQUENCIES))


def _coverage_time(rule: Rule, types: Mapping[str, str]) -> str:
    if rule.params.get("step", "month") not in STEPS:
        return _should("step", "、".join(STEPS))
    bad = [name for name in ("from", "to") if rule.params.get(name) is not None and _day(rule.params[name]) is None]
    return _should(bad[0], gettext("日期，如 2019-07-08")) if bad else ""


def _coverage_division(rule: Rule, types: Mapping[str, str]) -> str:
    given = "under" in rule.params or "values" in rule.params
    return "" if given else gettext("规则缺参数「{name}」", name="under")


def _sql(rule: Rule, types: Mapping[str, str]) -> str:
    try:
        one_select(str(rule.params["query"]))
    except ValueError as error:
        return str(error)
    return ""


def _condition(rule: Rule, types: Mapping[str, str]) -> str:
    try:
        one_condition(str(rule.params["condition"]))
    except ValueError as error:
        return str(error)
    return ""


def _should(name: str, expected: str) -> str:
    return gettext("参数「{name}」应为：{expected}", name=name, expected=expected)


_WRONG: dict[str, Callable[[Rule, Mapping[str, str]], str]] = {
    "pattern": _pattern,
    "in_set": _values,
    "range": _bounds,
    "outlier": _bounds,
    "length": _length,
    "format": _format,
    "date_format": _format,
    "check_digit": _check_digit,
    "cross_field": _cross_field,
    "agrees": _agrees,
    "swapped_axes": _axes,
    "out_of_bounds": _axes,
    "unique": _unique,
    "row_count": _row_count,
    "freshness": _freshness,
    "coverage_time": _coverage_time,
    "coverage_division": _coverage_division,
    "sql": _sql,
    "condition": _condition,
}
