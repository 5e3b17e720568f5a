"""Rules that look at one row: each becomes three expressions (asked, failed, not evaluable), all counted in one scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any

import ibis
import ibis.expr.types as ir

from gongshu.tables.cells import SPACES, TEXT, Cell, Early, Kind, Test, columns_of, mojibake_classes, nonblank
from gongshu.tables.check_agreement import AGREES
from gongshu.tables.contract import Rule
from gongshu.tables.digits import EXPRESSIONS, right_digits
from gongshu.tables.regexes import portable
from gongshu.tables.semantic.patterns import regex
from gongshu.tables.storage import placeholder_pattern

Cells = Mapping[str, Cell]
Earlies = Mapping[str, Early]
Types = Mapping[str, str]
OPERATORS: dict[str, Callable[[ir.Value, ir.Value], ir.BooleanValue]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
# how a date may be written; a column keeps to one
DATE_FORMS = {
    "2019-07-08": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "2019-7-8": r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$",
    "2019/07/08": r"^[0-9]{4}/[0-9]{2}/[0-9]{2}$",
    "2019/7/8": r"^[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}$",
    "20190708": r"^[0-9]{8}$",
    "2019.07.08": r"^[0-9]{4}[.][0-9]{2}[.][0-9]{2}$",
    "2019.7.8": r"^[0-9]{4}[.][0-9]{1,2}[.][0-9]{1,2}$",
    "2019年7月8日": r"^[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日$",
}
# what a value of a semantic type looks like: patterns of the recognisers, any of them
TYPE_FORMS = {
    "resident_id": ("resident_18", "resident_15"),
    "credit_code": ("uscc",),
    "mobile": ("mobile",),
    "landline": ("landline_full", "landline_local", "hotline", "mobile"),
    "bank_card": ("card",),
    "plate": ("plate",),
    "email": ("email",),
    "ip": ("ip",),
    "mac": ("mac",),
    "passport": ("passport",),
    "hk_macau_permit": ("hk_macau_permit",),
    "postcode": ("postcode",),
}
_FULL_WIDTH = "[０-９Ａ-Ｚａ-ｚ]"
_SURELY_MOJIBAKE = (
    "\\x{fffd}|锟斤|烫烫烫|屯屯屯|[ä-é][\\x{0080}-\\x{00bf}\\x{0152}-\\x{0178}\\x{2010}-\\x{203a}\\x{20ac}]{2}"
)
CHECKED_TYPES = ("resident_id", "credit_code", "bank_card")
_CHECKED_FORMS = {
    "resident_id": "^[0-9]{17}[0-9X]$",
    "credit_code": "^[0-9A-Z]{18}$",
    "bank_card": "^[0-9]{15,19}$",
}


def units_of(rule: Rule) -> list[tuple[str | None, Rule]]:
    """The rule column by column where it says the same of each of ``columns``; else the rule itself."""
    if rule.kind in PER_COLUMN and not rule.column:
        return [
            (name, Rule(rule.id, rule.kind, name, (), rule.params, rule.dimension, rule.severity))
            for name in rule.columns
        ]
    return [(rule.column, rule)]


def _one(rule: Rule, cells: Mapping[str, Any]) -> Any:
    return cells[columns_of(rule)[0]]


def _written(test: Callable[[Rule, ir.StringValue], ir.BooleanValue]) -> Any:
    """The quick test of a rule about how a cell is written: a raw text that passes it is right."""
    return lambda rule, early: test(rule, _one(rule, early).written)


def _not_null(rule: Rule, cells: Cells) -> Test:
    """``params["missing"]``: what else stands for nothing in this column."""
    cell, also = _one(rule, cells), rule.params.get("missing")
    return Test(None, ~cell.present | cell.clean.isin(list(map(str, also))) if also else ~cell.present)


def _surely_there(rule: Rule, early: Earlies) -> ir.BooleanValue | None:
    one = _one(rule, early)
    there: ir.BooleanValue = nonblank(one.raw) if one.text else one.raw.notnull()
    return None if rule.params.get("missing") else there


def _placeholder(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return Test(cell.present, cell.placeholder)


def _no_placeholder(rule: Rule, early: Earlies) -> ir.BooleanValue:
    one = _one(rule, early)
    if not one.text:
        return one.raw.notnull()
    plain = ~one.odd & nonblank(one.raw)
    written = plain.ifelse(~one.raw.re_search(placeholder_pattern()), False)
    # what fits its type is no placeholder
    return written if one.storage_type in TEXT else one.like(one.storage_type).notnull().ifelse(True, written)


def _nothing_odd(rule: Rule, early: Earlies) -> ir.BooleanValue:
    one = _one(rule, early)
    return ~one.odd & (one.raw != "") if one.text else one.raw.notnull()


def _whitespace(rule: Rule, cells: Cells) -> Test:
    return _odd_one(rule, cells, lambda raw: raw.re_search(f"^[{SPACES}]|[{SPACES}]$"))


def _full_width(rule: Rule, cells: Cells) -> Test:
    return _odd_one(rule, cells, lambda raw: raw.re_search(_FULL_WIDTH))


def _mojibake(rule: Rule, cells: Cells) -> Test:
    first, second = mojibake_classes()

    def test(raw: ir.StringValue) -> ir.BooleanValue:
        odd = raw.re_replace(f"[{first}{second}]", "")
        # two characters of UTF-8 read as GBK are three characters, two of them of these classes
        gbk = raw.re_search(f"[{first}]") & ((raw.length() - odd.length()) >= 0.3 * raw.length())
        return raw.re_search(f"[{second}]").ifelse(gbk, False) | raw.re_search(_SURELY_MOJIBAKE)

    return _odd_one(rule, cells, test)


def _odd_one(rule: Rule, cells: Cells, test: Callable[[ir.StringValue], ir.BooleanValue]) -> Test:
    cell = _one(rule, cells)
    if not cell.raw.type().is_string():
        return Test(cell.present, ibis.literal(False))
    return Test(cell.present, cell.odd.ifelse(test(cell.raw), False))


def _masked(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    masked = cell.clean.re_search(regex("starred")) | cell.clean.re_search(regex("person_masked"))
    return Test(cell.filled, cell.odd.ifelse(masked, False))


def _judged(cell: Cell, good: ir.BooleanValue) -> Test:
    """Filled cells are asked, and what reads like a placeholder where it is as the rule wants it."""
    return Test(cell.filled | (cell.present & good), ~good)


def _pattern(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return _judged(cell, cell.clean.re_search(_pattern_of(rule)))


def _pattern_of(rule: Rule) -> str:
    pattern = str(rule.params["pattern"])
    portable(pattern)  # refused here, and not by some engines only
    return pattern


def _length(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return _judged(cell, ~_outside(cell.clean.length(), rule.params.get("min"), rule.params.get("max")))


def _type(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return Test(cell.filled, cell.typed.isnull())


def _of_its_type(rule: Rule, early: Earlies) -> ir.BooleanValue:
    one = _one(rule, early)
    fits: ir.BooleanValue = one.like(one.storage_type).notnull()
    return fits


def _own_type(rule: Rule, types: Types) -> Iterable[tuple[str, str]]:
    return [(name, types[name]) for name in columns_of(rule)[:2]]


def _values(rule: Rule) -> list[str]:
    return sorted({str(value) for value in rule.params["values"]})


def _in_set(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return _judged(cell, cell.clean.isin(_values(rule)))


def _retired(rule: Rule, cells: Cells) -> Test:
    """Values that the code list has no more (停用的代码): ``params["values"]`` are those."""
    cell = _one(rule, cells)
    return Test(cell.filled, cell.clean.isin(_values(rule)))


def _constant(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return _judged(cell, cell.clean == str(rule.params["value"]))


def _number_type(rule: Rule, types: Types) -> Iterable[tuple[str, str]]:
    name = columns_of(rule)[0]
    return [(name, "float64" if types[name] in TEXT else types[name])]


def _range(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    return judged_between(cell, *(_bound(rule.params.get(end), _measured(cell)) for end in ("min", "max")))


def judged_between(cell: Cell, low: Any, high: Any) -> Test:
    """Whether a cell lies between ``low`` and ``high``, values or columns, None for no bound."""
    value = _measured(cell)
    return Test(value.notnull(), _outside(value, low, high), value.isnull().ifelse(cell.filled, False))


def _within(rule: Rule, early: Earlies) -> ir.BooleanValue:
    one = _one(rule, early)
    return surely_between(one, *(_bound(rule.params.get(end), _measured(one)) for end in ("min", "max")))


def surely_between(one: Early, low: Any, high: Any) -> ir.BooleanValue:
    """The quick test of :func:`judged_between`."""
    value = _measured(one)
    found: ir.BooleanValue = value.notnull() & ~_outside(value, low, high)
    return found


def _measured(one: Cell | Early) -> ir.Value:
    return one.like("float64" if one.storage_type in TEXT else one.storage_type)


def _bound(value: Any, like: ir.Value) -> Any:
    return ibis.literal(str(value)).cast(like.type()) if isinstance(value, str) else value


def _outside(value: ir.Value, low: Any, high: Any) -> ir.BooleanValue:
    parts = [value < low] if low is not None else []
    parts += [value > high] if high is not None else []
    return reduce(or_, parts, ibis.literal(False)).fill_null(False)


def _format(rule: Rule, cells: Cells) -> Test:
    cell = _one(rule, cells)
    if "form" in rule.params:
        asked = cell.like("date").notnull()
        good = _in_form(rule, cell)
        return Test(asked, asked & ~good, asked.ifelse(False, cell.filled))
    kind = str(rule.params["type"])
    text = cell.packed if kind in CHECKED_TYPES else cell.clean.upper()
    return _judged(cell, _any_form(kind, text))


def _any_form(kind: str, text: ir.StringValue) -> ir.BooleanValue:
    return reduce(or_, (text.re_search(regex(name)) for name in TYPE_FORMS[kind]))


def _written_so(rule: Rule, early: Earlies) -> ir.BooleanValue:
    one = _one(rule, early)
    if "form" not in rule.params:
        return _any_form(str(rule.params["type"]), one.written)
    a_day: ir.BooleanValue = one.like("date").notnull()
    # the engine's own dates are written in no way
    return one.raw.re_search(DATE_FORMS[rule.params["form"]]) & a_day if one.text else a_day


def _form_types(rule: Rule, types: Types) -> Iterable[tuple[str, str]]:
    return [(columns_of(rule)[0], "date")] if "form" in rule.params else []


def _date_format(rule: Rule, cells: Cells) -> Test:
    """Written as ``params["form"]`` and a day that exists; what is no date at all is wrong, not unknown."""
    cell = _one(rule, cells)
    return _judged(cell, _in_form(rule, cell) & cell.like("date").notnull())


def _in_form(rule: Rule, cell: Cell) -> ir.BooleanValue:
    # the engine's own dates are written in no way
    written = DATE_FORMS[rule.params["form"]]
    return cell.clean.re_search(written) if cell.raw.type().is_string() else cell.raw.notnull()


def _check_digit(rule: Rule, cells: Cells) -> Test:
    cell, kind = _one(rule, cells), str(rule.params["type"])
    asked = cell.filled & cell.packed.re_search(_CHECKED_FORMS[kind])
    return Test(asked, asked.ifelse(~EXPRESSIONS[kind](cell.packed), False), asked.ifelse(False, cell.filled))


def _cross_field(rule: Rule, cells: Cells) -> Test:
    first, second = (cells[name] for name in columns_of(rule)[:2])
    left, right = _comparable(first, second)
    both = left.notnull() & right.notnull()
    unknown = both.ifelse(False, first.filled & second.filled)
    return Test(both, both & ~OPERATORS[str(rule.params["operator"])](left, right), unknown)


def _in_order(rule: Rule, early: Earlies) -> ir.BooleanValue | None:
    first, second = (early[name] for name in columns_of(rule)[:2])
    if first.storage_type in TEXT or second.storage_type in TEXT:
        return None
    left, right = _comparable(first, second)
    return OPERATORS[str(rule.params["operator"])](left, right)


def _comparable(first: Cell | Early, second: Cell | Early) -> tuple[ir.Value, ir.Value]:
    left, right = first.like(first.storage_type), second.like(second.storage_type)
    if first.storage_type != second.storage_type and {first.storage_type, second.storage_type} <= {"date", "timestamp"}:
        return left.cast("date"), right.cast("date")
    return left, right


def _as_numbers(rule: Rule, types: Types) -> Iterable[tuple[str, str]]:
    return [(name, "float64") for name in rule.columns[:2]]


def _swapped_axes(rule: Rule, cells: Cells) -> Test:
    longitude, latitude = (cells[name].like("float64") for name in rule.columns)
    both = longitude.notnull() & latitude.notnull()
    return Test(both, both & _swapped(longitude, latitude, rule.params))


def _not_swapped(rule: Rule, early: Earlies) -> ir.BooleanValue:
    longitude, latitude = (early[name].like("float64") for name in rule.columns)
    return ~_swapped(longitude, latitude, rule.params)


def _swapped(longitude: ir.FloatingValue, latitude: ir.FloatingValue, params: dict[str, Any]) -> ir.BooleanValue:
    return longitude.between(*params["latitude"]) & latitude.between(*params["longitude"])


def _out_of_bounds(rule: Rule, cells: Cells) -> Test:
    longitude, latitude = (cells[name].like("float64") for name in rule.columns)
    value = longitude if rule.column == rule.columns[0] else latitude
    swapped = _swapped(longitude, latitude, rule.params).fill_null(False)
    wrong = value.notnull() & ~value.between(*_bounds(rule)) & ~swapped
    return Test(value.notnull(), wrong, value.isnull().ifelse(_one(rule, cells).filled, False))


def _in_bounds(rule: Rule, early: Earlies) -> ir.BooleanValue:
    within: ir.BooleanValue = _one(rule, early).like("float64").between(*_bounds(rule))
    return within


def _bounds(rule: Rule) -> Any:
    return rule.params["longitude" if rule.column == rule.columns[0] else "latitude"]


def _outlier(rule: Rule, cells: Cells) -> Test:
    test = _range(rule, cells)
    return Test(test.asked, test.failed)


def _right_length(rule: Rule, early: Earlies) -> ir.BooleanValue:
    one = _one(rule, early)
    right = ~_outside(one.written.length(), rule.params.get("min"), rule.params.get("max"))
    # no space at either end, so that mending would not shorten it
    return nonblank(one.raw) & nonblank(one.raw.right(1)) & right if one.text else one.raw.notnull() & right


ROW_KINDS: dict[str, Kind] = {
    "not_null": Kind(_not_null, _surely_there),
    "placeholder": Kind(_placeholder, _no_placeholder, _own_type, odd=True),
    "whitespace": Kind(_whitespace, _nothing_odd, odd=True),
    "full_width": Kind(_full_width, _nothing_odd, odd=True),
    "mojibake": Kind(_mojibake, _nothing_odd, odd=True),
    "masked": Kind(_masked, _nothing_odd, odd=True),
    "pattern": Kind(_pattern, _written(lambda rule, raw: raw.re_search(_pattern_of(rule)))),
    "length": Kind(_length, _right_length),
    "type": Kind(_type, _of_its_type, _own_type),
    "in_set": Kind(_in_set, _written(lambda rule, raw: raw.isin(_values(rule)))),
    "retired": Kind(_retired, _written(lambda rule, raw: raw.isin([str(value) for value in rule.params["current"]]))),
    "constant_broken": Kind(_constant, _written(lambda rule, raw: raw == str(rule.params["value"]))),
    "range": Kind(_range, _within, _number_type),
    "format": Kind(_format, _written_so, _form_types),
    "date_format": Kind(_date_format, _written_so, _form_types),
    "check_digit": Kind(_check_digit, outside=lambda rule, texts: right_digits(texts, str(rule.params["type"]))),
    "cross_field": Kind(_cross_field, _in_order, _own_type),
    "agrees": AGREES,
    "swapped_axes": Kind(_swapped_axes, _not_swapped, _as_numbers),
    "out_of_bounds": Kind(_out_of_bounds, _in_bounds, _as_numbers),
    "outlier": Kind(_outlier, _within, _number_type),
}
PER_COLUMN = frozenset({"not_null", "placeholder", "whitespace", "full_width", "mojibake", "masked", "type"})
