"""What a measure must be: the operators of ODCS 3.1 (``mustBe``, ``mustBeLessThan``...), on rows or on a percentage of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gongshu.i18n import gettext

OPERATORS: dict[str, Callable[[float, Any], bool]] = {
    "mustBe": lambda value, bound: value == bound,
    "mustNotBe": lambda value, bound: value != bound,
    "mustBeGreaterThan": lambda value, bound: value > bound,
    "mustBeGreaterOrEqualTo": lambda value, bound: value >= bound,
    "mustBeLessThan": lambda value, bound: value < bound,
    "mustBeLessOrEqualTo": lambda value, bound: value <= bound,
    "mustBeBetween": lambda value, bound: bound[0] <= value <= bound[1],
    "mustNotBeBetween": lambda value, bound: not bound[0] <= value <= bound[1],
}
UNITS = ("rows", "percent")
PAIRS = ("mustBeBetween", "mustNotBeBetween")


def problem_of(must: Any, unit: Any = "rows") -> str:
    """What is wrong with the operators, in words; "" when nothing is."""
    if not isinstance(must, Mapping) or not must:
        return gettext("要写明应当怎样：{known}", known="、".join(OPERATORS))
    if unit not in UNITS:
        return gettext("单位应为 rows 或 percent，不是「{unit}」", unit=str(unit))
    for name, bound in must.items():
        if name not in OPERATORS:
            return gettext("没有「{name}」这种比较，有的是：{known}", name=str(name), known="、".join(OPERATORS))
        if name in PAIRS:
            pair = isinstance(bound, list | tuple) and len(bound) == 2 and all(map(_is_number, bound))
            if not pair or bound[0] > bound[1]:
                return gettext("「{name}」后应是两个数，先小后大", name=name)
        elif not _is_number(bound):
            return gettext("「{name}」后应是一个数", name=name)
    return ""


def holds(must: Mapping[str, Any], value: float) -> bool:
    """Whether ``value`` is as all operators ask."""
    return all(OPERATORS[name](value, bound) for name, bound in must.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
