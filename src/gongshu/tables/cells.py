"""The cells of a table as rules see them: each column is prepared once, and only the cells that need it are mended first.

Most cells are right as they are written. Every rule says so by a quick test of the raw cell where it can; only what fails it
is normalised, looked up among the placeholders and judged by the rule itself. The answers are those of the slow way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import and_

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gongshu.tables.contract import Rule
from gongshu.tables.digits import EXPRESSIONS
from gongshu.tables.model import ROW
from gongshu.tables.storage import (
    BACKEND_TYPES,
    is_plain,
    normalise,
    placeholder_pattern,
    typed,
    typed_clean,
    typed_plain,
)

SPACES = "\\x{0009}-\\x{000d} \\x{00a0}\\x{200b}\\x{3000}\\x{feff}"
TEXT = ("string", "geometry")
ODD = "_odd"  # of a sifted table: some rule could not tell at once that the row is right


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


@dataclass(frozen=True)
class Early:
    """A column before anything is mended. ``text``: it holds text, else values of the engine's own type."""

    raw: ir.Value
    text: bool
    storage_type: str
    odd: ir.BooleanValue | None  # holds a character that few cells hold: only then need it be searched further
    types: Mapping[str, ir.Value]

    @property
    def written(self) -> ir.StringValue:
        """What stands in the cells, as text."""
        return self.raw if self.text else self.raw.cast("string")

    def like(self, storage_type: str) -> ir.Value:
        """The column as ``storage_type``; null where it doesn't fit."""
        return self.raw if storage_type in TEXT else self.types[storage_type]


@dataclass(frozen=True)
class Cell:
    """A column as it was, normalised, typed; ``filled``: neither empty nor a placeholder."""

    raw: ir.Value
    odd: ir.BooleanValue
    clean: ir.StringValue
    packed: ir.StringValue  # in upper case, for columns with check digits or forms also without spaces and hyphens
    present: ir.BooleanValue
    placeholder: ir.BooleanValue
    storage_type: str
    types: Mapping[str, ir.Value]

    @property
    def filled(self) -> ir.BooleanValue:
        """Neither empty nor a placeholder."""
        return self.present & ~self.placeholder

    @property
    def typed(self) -> ir.Value:
        """The column as its own storage type."""
        return self.like(self.storage_type)

    def like(self, storage_type: str) -> ir.Value:
        """The column as ``storage_type``; null where it doesn't fit."""
        return self.clean if storage_type in TEXT else self.types[storage_type]


@dataclass(frozen=True)
class Kind:
    """How a kind of rule is judged: ``test`` of prepared cells, and what it needs of them.

    ``quick`` is true where a row is asked and surely right, told from the raw cells; None: every cell is prepared.
    ``outside``: the same of a rule's column, told outside the engine from the texts themselves.
    ``wants``: the storage types as which it reads its columns. ``odd``: it looks for odd characters.
    """

    test: Callable[[Rule, Mapping[str, Cell]], Test]
    quick: Callable[[Rule, Mapping[str, Early]], ir.BooleanValue | None] | None = None
    wants: Callable[[Rule, Mapping[str, str]], Iterable[tuple[str, str]]] = lambda rule, types: ()
    odd: bool = False
    outside: Callable[[Rule, pa.Array], npt.NDArray[np.bool_]] | None = None


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns that the rule needs."""
    return tuple(dict.fromkeys([*([rule.column] if rule.column else []), *rule.columns]))


@dataclass(frozen=True)
class Prepared:
    """``base``: the rows, with the ``tests`` of the rules as columns of it. The tests are null for no row."""

    base: ir.Table
    tests: list[Test]


@dataclass(frozen=True)
class Raw:
    """The columns that some rules need before anything is mended: ``r0``, ``r1``... in the order of ``numbers``.

    ``base`` also holds whether they are odd (``o0``...) and what can at once be read as a type (``e0_date``...), where asked for.
    """

    base: ir.Table
    numbers: Mapping[str, int]
    text: Mapping[str, bool]
    wants: frozenset[tuple[str, str]]
    odd: frozenset[str]

    def early(self, name: str, types: Mapping[str, str]) -> Early:
        """The column for the quick tests."""
        n = self.numbers[name]
        odd = self.base[f"o{n}"] if name in self.odd else None
        return Early(self.base[f"r{n}"], self.text[name], types[name], odd, self.seen(self.base, name, "e"))

    def seen(self, of: ir.Table, name: str, how: str) -> dict[str, ir.Value]:
        """The column as each storage type that is asked for: read ``how`` (e: at once, t: in all ways of writing)."""
        return {kind: of[f"{how}{self.numbers[name]}_{kind}"] for column, kind in self.wants if column == name}


def numbers_of(types: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, int]:
    """The columns that ``rules`` need, numbered: a column may have any name."""
    needed = {name for rule in rules for name in columns_of(rule)}
    return {name: n for n, name in enumerate(name for name in types if name in needed)}


def numbered(table: ir.Table, types: Mapping[str, str], rules: Iterable[Rule]) -> ir.Table:
    """The columns of ``table`` that ``rules`` need as ``r0``, ``r1``... beside ``_row``."""
    return table.select(_row=table[ROW], **raw_names(table, types, rules))


def raw_names(table: ir.Table, types: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, ir.Value]:
    """``r0``, ``r1``... and the columns of ``table`` that they are."""
    return {f"r{n}": table[name] for name, n in numbers_of(types, rules).items()}


def raw_columns(base: ir.Table, types: Mapping[str, str], rules: list[Rule], kinds: Mapping[str, Kind]) -> Raw:
    """What ``rules`` need of the :func:`numbered` table ``base`` before anything is mended."""
    numbers = numbers_of(types, rules)
    text = {name: base[f"r{n}"].type().is_string() for name, n in numbers.items()}
    wants = {pair for rule in rules for pair in kinds[rule.kind].wants(rule, types) if pair[1] not in TEXT}
    odd = {name for rule in rules if kinds[rule.kind].odd for name in columns_of(rule) if text[name]}
    first = {f"o{numbers[name]}": _is_odd(base[f"r{numbers[name]}"], types[name]) for name in sorted(odd)}
    first |= {f"e{numbers[name]}_{kind}": _plain_type(base[f"r{numbers[name]}"], kind) for name, kind in sorted(wants)}
    return Raw(base.mutate(**first) if first else base, numbers, text, frozenset(wants), frozenset(odd))


def quick_tests(
    raw: Raw, types: Mapping[str, str], rules: list[Rule], kinds: Mapping[str, Kind]
) -> dict[int, ir.BooleanValue]:
    """For each rule that can tell from the raw cells which rows are asked and surely right: the test, null for no row."""
    early = {name: raw.early(name, types) for name in raw.numbers}
    said = {n: how(rule, early) for n, rule in enumerate(rules) if (how := kinds[rule.kind].quick)}
    return {n: each.fill_null(False) for n, each in said.items() if each is not None}


def prepared(
    base: ir.Table, types: Mapping[str, str], rules: list[Rule], kinds: Mapping[str, Kind], *, sifted: bool = False
) -> Prepared:
    """What ``rules`` need of the :func:`numbered` table, computed once for each column, and the test of each rule on it.

    ``types``: the storage types of the columns that the rules need. ``sifted``: ``base`` is what :func:`.sieve.sift` left; then
    nothing is looked at again for a rule that is known to be kept.
    """
    raw = raw_columns(base, types, rules, kinds)
    base, numbers, text, names = raw.base, raw.numbers, raw.text, list(raw.numbers)
    packed = {name for rule in rules if rule.params.get("type") in EXPRESSIONS for name in columns_of(rule)}
    quick = {}
    if sifted:
        quick = {f"q{n}": test | ~base[ODD] for n, test in quick_tests(raw, types, rules, kinds).items()}
        quick |= {f"q{n}": base[f"right{n}"] for n, rule in enumerate(rules) if kinds[rule.kind].outside}
    base = base.mutate(**quick) if quick else base

    # a column is mended where some rule of it can't tell at once
    plain = {}
    for name in names:
        asked = [n for n, rule in enumerate(rules) if name in columns_of(rule)]
        if all(f"q{n}" in quick for n in asked):
            plain[f"g{numbers[name]}"] = reduce(and_, (base[f"q{n}"] for n in asked))
    base = base.mutate(**plain) if plain else base
    base = base.mutate(**{f"c{n}": _clean(base, n, text[name]) for name, n in numbers.items()})
    # all ways to write a number or a date, for what isn't written plainly
    slow = {
        f"t{numbers[name]}_{kind}": base[f"e{numbers[name]}_{kind}"].fill_null(
            typed_clean(base[f"c{numbers[name]}"], kind)
        )
        if text[name]
        else base[f"e{numbers[name]}_{kind}"]
        for name, kind in sorted(raw.wants)
    }
    base = base.mutate(**slow) if slow else base
    later = {f"p{n}": _placeholder(base, n, text[name], types[name]) for name, n in numbers.items()}
    later |= {f"k{numbers[name]}": _packed(base, numbers[name]) for name in names if name in packed}
    base = base.mutate(**later)

    cells = {}
    for name, n in numbers.items():
        written, clean = base[f"r{n}"], base[f"c{n}"]
        cells[name] = Cell(
            written,
            base[f"o{n}"] if name in raw.odd else ibis.literal(False),
            clean,
            base[f"k{n}"] if name in packed else clean.upper(),
            written.notnull() & (clean != "") if text[name] else written.notnull(),
            base[f"p{n}"],
            types[name],
            raw.seen(base, name, "t"),
        )
    return _flagged(base, [kinds[rule.kind].test(rule, cells) for rule in rules])


def _flagged(base: ir.Table, tests: list[Test]) -> Prepared:
    """The tests as columns of their own, each computed once, and only where the quick test could not tell."""

    def slow(n: int, value: ir.BooleanValue, at_once: bool) -> ir.BooleanValue:
        value = value.fill_null(False)
        return base[f"q{n}"].ifelse(at_once, value) if f"q{n}" in base.columns else value

    asked = {f"a{n}": slow(n, test.asked, True) for n, test in enumerate(tests) if test.asked is not None}
    asked |= {f"u{n}": slow(n, test.unknown, False) for n, test in enumerate(tests) if test.unknown is not None}
    asked |= {f"b{n}": slow(n, test.failed, False) for n, test in enumerate(tests)}
    flags = base.select(_row=base[ROW], **asked)
    return Prepared(
        flags,
        [
            Test(
                None if test.asked is None else flags[f"a{n}"],
                flags[f"b{n}"],
                None if test.unknown is None else flags[f"u{n}"],
            )
            for n, test in enumerate(tests)
        ],
    )


def as_type(values: ir.Value, storage_type: str) -> ir.Value:
    """A column of text, or of the engine's own type, as ``storage_type``; null where it doesn't fit, and for NaN."""
    if values.type().is_string():
        return typed(values, storage_type)
    target = dt.dtype(BACKEND_TYPES[storage_type])
    if values.type().is_floating():
        values = values.isnan().ifelse(ibis.null(values.type()), values)
    same = (values.type().is_numeric() and target.is_numeric()) or values.type() == target
    return values if same else values.try_cast(target)


def _plain_type(values: ir.Value, storage_type: str) -> ir.Value:
    return typed_plain(values, storage_type) if values.type().is_string() else as_type(values, storage_type)


def nonblank(values: ir.StringValue) -> ir.BooleanValue:
    """True where a text begins with a character of ASCII that is no space, or with a Chinese one: then it isn't empty.

    By comparison, which needs no search; the few that begin otherwise are found out later.
    """
    found: ir.BooleanValue = (values >= "\u3001").ifelse(values < "\ufeff", (values >= "!") & (values < "\x7f"))
    return found


def _clean(base: ir.Table, n: int, text: bool) -> ir.StringValue:
    raw = base[f"r{n}"]
    if not text:
        raw = raw.cast("string")
        return base[f"g{n}"].ifelse("", raw) if f"g{n}" in base.columns else raw
    mended = base[f"o{n}"].ifelse(normalise(raw), raw) if f"o{n}" in base.columns else normalise(raw)
    return base[f"g{n}"].ifelse(raw, mended) if f"g{n}" in base.columns else mended


def _placeholder(base: ir.Table, n: int, text: bool, storage_type: str) -> ir.BooleanValue:
    if not text:
        return ibis.literal(False)
    clean = base[f"c{n}"]
    found = (clean.re_search(placeholder_pattern()) & (clean != "")).fill_null(False)
    if f"t{n}_{storage_type}" in base.columns:
        # what fits its type is no placeholder: only the rest is searched for one
        found = base[f"t{n}_{storage_type}"].isnull().ifelse(found, False)
    return base[f"g{n}"].ifelse(False, found) if f"g{n}" in base.columns else found


def _packed(base: ir.Table, n: int) -> ir.StringValue:
    clean = base[f"c{n}"]
    packed = clean.contains(" ").ifelse(clean.replace(" ", ""), clean).replace("-", "").upper()
    return base[f"g{n}"].ifelse(clean, packed) if f"g{n}" in base.columns else packed


def _is_odd(raw: ir.StringValue, storage_type: str) -> ir.BooleanValue:
    odd = raw.re_search(_odd()).fill_null(False)
    # a number or a date in its commonest form holds nothing odd, and that is quicker seen
    return odd if storage_type in TEXT else is_plain(raw, storage_type).ifelse(False, odd)


@cache
def _odd() -> str:
    """What whitespace, full width, mojibake and masking have in common: a character that most cells have not."""
    _, second = mojibake_classes()
    spaces = f"^[{SPACES}]|[{SPACES}]$"
    return f"[\\x{{ff01}}-\\x{{ff5e}}\\x{{00a0}}\\x{{200b}}\\x{{3000}}\\x{{feff}}*某○×xXä-é{second}]|锟斤|烫烫烫|屯屯屯|{spaces}"


@cache
def mojibake_classes() -> tuple[str, str]:
    """Characters that UTF-8 of Chinese gives when it is read as GBK: of a first byte pair (E4-E9, 80-BF), of a second one."""

    def read(leads: range, trails: range) -> str:
        found = [bytes([lead, trail]).decode("gbk", "ignore") for lead in leads for trail in trails if trail != 0x7F]
        return "".join(sorted({char for char in found if char.strip() and char not in "[]^-\\"}))

    first = read(range(0xE4, 0xEA), range(0x80, 0xC0))
    # of the second pairs only those of GBK/3, which simplified text has not; private use: pairs that GBK leaves open
    second = read(range(0x81, 0xA1), range(0xE4, 0xEA)) + "\\x{e000}-\\x{f8ff}\\x{fffd}"
    return first, second
