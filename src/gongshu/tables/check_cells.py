"""Rules that look at one row: each becomes three expressions (asked, failed, not evaluable), all counted in one scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Any

import ibis
import ibis.expr.types as ir

from gongshu.tables.contract import Rule
from gongshu.tables.model import ROW
from gongshu.tables.semantic import patterns
from gongshu.tables.semantic.patterns import regex
from gongshu.tables.storage import is_plain, normalise, placeholder_pattern, typed

SPACES = "\\x{0009}-\\x{000d} \\x{00a0}\\x{200b}\\x{3000}\\x{feff}"
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


@dataclass(frozen=True)
class Cell:
    """A column of the table as the rules see it: as it was, normalised, typed; ``filled``: neither empty nor a placeholder."""

    raw: ir.StringValue
    odd: ir.BooleanValue  # holds a character that few cells hold: only then need it be searched further
    clean: ir.StringValue
    packed: ir.StringValue  # in upper case, for columns with check digits or forms also without spaces and hyphens
    typed: ir.Value
    filled: ir.BooleanValue
    present: ir.BooleanValue
    placeholder: ir.BooleanValue
    storage_type: str


@dataclass(frozen=True)
class Test:
    """``asked``: the rule speaks of this row (None: of every row); ``failed``: and it is broken; ``unknown``: it can't be told."""

    asked: ir.BooleanValue | None
    failed: ir.BooleanValue
    unknown: ir.BooleanValue | None = None

    @property
    def broken(self) -> ir.BooleanValue:
        """Asked and failed."""
        return self.failed if self.asked is None else self.asked & self.failed


def cells_of(
    table: ir.Table, types: dict[str, str], packed: set[str]
) -> tuple[ir.Table, Callable[[ir.Table], dict[str, Cell]]]:
    """The table with what the rules need of each column of ``types`` computed once, and how to get at it.

    ``packed``: the columns whose ``packed`` is needed.
    """
    names = list(types)
    raws = {f"r{n}": table[name] for n, name in enumerate(names)}
    base = table.select(
        _row=table[ROW],
        **raws,
        **{f"o{n}": _is_odd(table[name], types[name]) for n, name in enumerate(names)},
    )
    # one search for all cells, then the slow ways for the few that need them
    cleans = {f"c{n}": base[f"o{n}"].ifelse(normalise(base[f"r{n}"]), base[f"r{n}"]) for n in range(len(names))}
    base = base.mutate(**cleans)
    base = base.mutate(
        **{
            f"t{n}": typed(base[f"c{n}"], types[name])
            for n, name in enumerate(names)
            if types[name] not in ("string", "geometry")
        }
    )
    more: dict[str, ir.Value] = {}
    for n, name in enumerate(names):
        placeholder = _is_placeholder(base[f"c{n}"])
        # what fits its type is no placeholder: only the rest is searched for one
        more[f"p{n}"] = base[f"t{n}"].isnull().ifelse(placeholder, False) if f"t{n}" in base.columns else placeholder
        if name in packed:
            more[f"k{n}"] = _packed(base[f"c{n}"])
    base = base.mutate(**more)

    def view(of: ir.Table) -> dict[str, Cell]:
        seen = {}
        for n, name in enumerate(names):
            raw, odd, clean, placeholder = of[f"r{n}"], of[f"o{n}"], of[f"c{n}"], of[f"p{n}"]
            present = raw.notnull() & (clean != "")
            value = of[f"t{n}"] if f"t{n}" in of.columns else clean
            short = of[f"k{n}"] if f"k{n}" in of.columns else clean.upper()
            seen[name] = Cell(raw, odd, clean, short, value, present & ~placeholder, present, placeholder, types[name])
        return seen

    return base, view


def _is_odd(raw: ir.StringValue, storage_type: str) -> ir.BooleanValue:
    odd = raw.re_search(_odd()).fill_null(False)
    # a number or a date in its commonest form holds nothing odd, and that is quicker seen
    return odd if storage_type in ("string", "geometry") else is_plain(raw, storage_type).ifelse(False, odd)


def _is_placeholder(clean: ir.StringValue) -> ir.BooleanValue:
    return (clean.re_search(placeholder_pattern()) & (clean != "")).fill_null(False)


def _packed(clean: ir.StringValue) -> ir.StringValue:
    return clean.contains(" ").ifelse(clean.replace(" ", ""), clean).replace("-", "").upper()


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns that the rule needs."""
    return tuple(dict.fromkeys([*([rule.column] if rule.column else []), *rule.columns]))


def units_of(rule: Rule) -> list[tuple[str | None, Rule]]:
    """The rule column by column where it says the same of each of ``columns``; else the rule itself."""
    if rule.kind in PER_COLUMN and not rule.column:
        return [
            (name, Rule(rule.id, rule.kind, name, (), rule.params, rule.dimension, rule.severity))
            for name in rule.columns
        ]
    return [(rule.column, rule)]


def test_of(rule: Rule, cells: dict[str, Cell]) -> Test:
    """The expressions of a row-local rule; ``rule.kind`` is one of ``ROW_KINDS`` and its columns are in ``cells``."""
    return ROW_KINDS[rule.kind](rule, cells)


def _not_null(rule: Rule, cells: dict[str, Cell]) -> Test:
    present = _one(rule, cells).present
    return Test(None, ~present)


def _placeholder(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    return Test(cell.present, cell.placeholder)


def _whitespace(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    return Test(cell.present, cell.odd.ifelse(cell.raw.re_search(f"^[{SPACES}]|[{SPACES}]$"), False))


def _full_width(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    return Test(cell.present, cell.odd.ifelse(cell.raw.re_search(_FULL_WIDTH), False))


def _mojibake(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    first, second = _mojibake_classes()
    odd = cell.raw.re_replace(f"[{first}{second}]", "")
    # two characters of UTF-8 read as GBK are three characters, two of them of these classes
    gbk = cell.raw.re_search(f"[{first}]") & ((cell.raw.length() - odd.length()) >= 0.3 * cell.raw.length())
    suspect = cell.raw.re_search(f"[{second}]").ifelse(gbk, False)
    return Test(cell.present, cell.odd.ifelse(suspect | cell.raw.re_search(_SURELY_MOJIBAKE), False))


@cache
def _odd() -> str:
    """What whitespace, full width, mojibake and masking have in common: a character that most cells have not."""
    _, second = _mojibake_classes()
    spaces = f"^[{SPACES}]|[{SPACES}]$"
    return f"[\\x{{ff01}}-\\x{{ff5e}}\\x{{00a0}}\\x{{200b}}\\x{{3000}}\\x{{feff}}*某○×xXä-é{second}]|锟斤|烫烫烫|屯屯屯|{spaces}"


@cache
def _mojibake_classes() -> tuple[str, str]:
    """Characters that UTF-8 of Chinese gives when it is read as GBK: of a first byte pair (E4-E9, 80-BF), of a second one."""

    def read(leads: range, trails: range) -> str:
        found = [bytes([lead, trail]).decode("gbk", "ignore") for lead in leads for trail in trails if trail != 0x7F]
        return "".join(sorted({char for char in found if char.strip() and char not in "[]^-\\"}))

    first = read(range(0xE4, 0xEA), range(0x80, 0xC0))
    # of the second pairs only those of GBK/3, which simplified text has not; private use: pairs that GBK leaves open
    second = read(range(0x81, 0xA1), range(0xE4, 0xEA)) + "\\x{e000}-\\x{f8ff}\\x{fffd}"
    return first, second


def _masked(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    masked = cell.clean.re_search(regex("starred")) | cell.clean.re_search(regex("person_masked"))
    return Test(cell.filled, cell.odd.ifelse(masked, False))


def _pattern(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    return Test(cell.filled, ~cell.clean.re_search(str(rule.params["pattern"])))


def _length(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    size = cell.clean.length()
    return Test(cell.filled, _outside(size, rule.params.get("min"), rule.params.get("max")))


def _type(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    return Test(cell.filled, cell.typed.isnull())


def _in_set(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    values = sorted({str(value) for value in rule.params["values"]})
    return Test(cell.filled, ~cell.clean.isin(values))


def _constant(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    return Test(cell.filled, cell.clean != str(rule.params["value"]))


def _range(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    value = cell.typed if cell.storage_type not in ("string", "geometry") else typed(cell.raw, "float64")
    low, high = (_bound(rule.params.get(end), value) for end in ("min", "max"))
    return Test(value.notnull(), _outside(value, low, high), cell.filled & value.isnull())


def _bound(value: Any, like: ir.Value) -> Any:
    return ibis.literal(str(value)).cast(like.type()) if isinstance(value, str) else value


def _outside(value: ir.Value, low: Any, high: Any) -> ir.BooleanValue:
    parts = [value < low] if low is not None else []
    parts += [value > high] if high is not None else []
    return reduce(or_, parts, ibis.literal(False)).fill_null(False)


def _format(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    if "form" in rule.params:
        good = cell.clean.re_search(DATE_FORMS[rule.params["form"]])
        asked = typed(cell.raw, "date").notnull()
        return Test(asked, asked & ~good, cell.filled & ~asked)
    kind = str(rule.params["type"])
    text = cell.packed if kind in CHECKED_TYPES else cell.clean.upper()
    return Test(cell.filled, ~reduce(or_, (text.re_search(regex(name)) for name in TYPE_FORMS[kind])))


def _check_digit(rule: Rule, cells: dict[str, Cell]) -> Test:
    cell = _one(rule, cells)
    valid, form = {
        "resident_id": (patterns.resident_18_valid, "^[0-9]{17}[0-9X]$"),
        "credit_code": (patterns.uscc_valid, "^[0-9A-Z]{18}$"),
        "bank_card": (patterns.luhn_valid, "^[0-9]{15,19}$"),
    }[str(rule.params["type"])]
    asked = cell.filled & cell.packed.re_search(form)
    return Test(asked, asked & ~valid(cell.packed), cell.filled & ~asked)


def _cross_field(rule: Rule, cells: dict[str, Cell]) -> Test:
    first, second = (cells[name] for name in columns_of(rule)[:2])
    left, right = _comparable(first, second)
    both = left.notnull() & right.notnull()
    unknown = first.filled & second.filled & ~both
    return Test(both, both & ~OPERATORS[str(rule.params["operator"])](left, right), unknown)


def _comparable(first: Cell, second: Cell) -> tuple[ir.Value, ir.Value]:
    if first.storage_type != second.storage_type and {first.storage_type, second.storage_type} <= {"date", "timestamp"}:
        return first.typed.cast("date"), second.typed.cast("date")
    return first.typed, second.typed


def _number(cell: Cell) -> ir.FloatingValue:
    value: ir.FloatingValue = typed(cell.raw, "float64")
    return value


def _swapped_axes(rule: Rule, cells: dict[str, Cell]) -> Test:
    longitude, latitude = (_number(cells[name]) for name in rule.columns)
    both = longitude.notnull() & latitude.notnull()
    return Test(both, both & _swapped(longitude, latitude, rule.params))


def _swapped(longitude: ir.FloatingValue, latitude: ir.FloatingValue, params: dict[str, Any]) -> ir.BooleanValue:
    return longitude.between(*params["latitude"]) & latitude.between(*params["longitude"])


def _out_of_bounds(rule: Rule, cells: dict[str, Cell]) -> Test:
    longitude, latitude = (_number(cells[name]) for name in rule.columns)
    value = longitude if rule.column == rule.columns[0] else latitude
    low, high = rule.params["longitude" if rule.column == rule.columns[0] else "latitude"]
    swapped = _swapped(longitude, latitude, rule.params).fill_null(False)
    return Test(
        value.notnull(),
        value.notnull() & ~value.between(low, high) & ~swapped,
        _one(rule, cells).filled & value.isnull(),
    )


def _outlier(rule: Rule, cells: dict[str, Cell]) -> Test:
    test = _range(rule, cells)
    return Test(test.asked, test.failed)


def _one(rule: Rule, cells: dict[str, Cell]) -> Cell:
    return cells[columns_of(rule)[0]]


ROW_KINDS: dict[str, Callable[[Rule, dict[str, Cell]], Test]] = {
    "not_null": _not_null,
    "placeholder": _placeholder,
    "whitespace": _whitespace,
    "full_width": _full_width,
    "mojibake": _mojibake,
    "masked": _masked,
    "pattern": _pattern,
    "length": _length,
    "type": _type,
    "in_set": _in_set,
    "constant_broken": _constant,
    "range": _range,
    "format": _format,
    "check_digit": _check_digit,
    "cross_field": _cross_field,
    "swapped_axes": _swapped_axes,
    "out_of_bounds": _out_of_bounds,
    "outlier": _outlier,
}
PER_COLUMN = frozenset({"not_null", "placeholder", "whitespace", "full_width", "mojibake", "masked", "type"})
NEEDED_PARAMS = {
    "pattern": ("pattern",),
    "in_set": ("values",),
    "constant_broken": ("value",),
    "check_digit": ("type",),
    "cross_field": ("operator",),
    "swapped_axes": ("longitude", "latitude"),
    "out_of_bounds": ("longitude", "latitude"),
}
