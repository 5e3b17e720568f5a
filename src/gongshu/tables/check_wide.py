"""The row-local rules of a wide table: those that say the same of many columns are judged of all their cells at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis.backends.duckdb import Backend

from gongshu.tables.cells import Cell, Early, Kind, Test, columns_of, numbered, prepared
from gongshu.tables.check_cells import ROW_KINDS, judged_between, surely_between
from gongshu.tables.contract import Rule
from gongshu.tables.engine import streamed
from gongshu.tables.long_form import long_parts
from gongshu.tables.model import ROW
from gongshu.tables.sieve import sift, siftable
from gongshu.tables.tally import flags_of

FEWEST = 8  # columns of which a rule must say the same
ROWS_AT_ONCE = 200_000
BOUNDED = ("range", "outlier")  # kinds that say the same but for their bounds
VALUE, LOW, HIGH = "value", "low", "high"
_EXACT = 2**53  # up to here a whole number is one of 64 bits, too
_COLUMN = 1 << 32  # a cell's number: of its column times this, and of its row
Numbers = npt.NDArray[np.int64]


@dataclass
class Judged:
    """What a rule said of one column. ``wrong``: the rows that fail it, in order."""

    failed: int = 0
    not_asked: int = 0
    unknown: int = 0
    wrong: Numbers = field(default_factory=lambda: np.empty(0, np.int64))


def judge_wide(
    backend: Backend, table: ir.Table, types: Mapping[str, str], rules: list[Rule], rows: int, folder: Path
) -> dict[int, Judged]:
    """Of those of ``rules`` that can be judged so, by their place in the list, what they say; nothing of the others."""
    groups: dict[str, dict[str, list[int]]] = {}
    for n, rule in enumerate(rules):
        if len(columns_of(rule)) == 1:
            kind = types[columns_of(rule)[0]]
            groups.setdefault(kind, {}).setdefault(_template(rule), []).append(n)
    found: dict[int, Judged] = {}
    for kind, by_template in groups.items():
        templates = [places for places in by_template.values() if len(places) >= FEWEST]
        if templates:
            found |= _of_kind(backend, table, kind, rules, templates, rows, folder)
    return found


def _template(rule: Rule) -> str:
    """The same for rules that differ in their column, and in their bounds."""
    params = {name: value for name, value in rule.params.items() if name not in ("must", "unit")}
    ends = [value for end in ("min", "max") if (value := params.get(end)) is not None]
    if rule.kind in BOUNDED and all(isinstance(value, int | float) and abs(value) <= _EXACT for value in ends):
        params = {name: value for name, value in params.items() if name not in ("min", "max")} | {"bounds": True}
    return json.dumps([rule.kind, params], sort_keys=True, default=str, ensure_ascii=False)


def _of_kind(
    backend: Backend,
    table: ir.Table,
    kind: str,
    rules: list[Rule],
    templates: list[list[int]],
    rows: int,
    folder: Path,
) -> dict[int, Judged]:
    """The rules of columns of one storage type: one of each template on a table of a single column of cells."""
    types, stand_ins = {VALUE: kind}, []
    for n, places in enumerate(templates):
        first = rules[places[0]]
        if "bounds" in json.loads(_template(first))[1]:
            types |= {f"{LOW}{n}": "float64", f"{HIGH}{n}": "float64"}
            stand_ins.append(Rule(first.id, f"{first.kind}_of", VALUE, (f"{LOW}{n}", f"{HIGH}{n}"), {}))
        else:
            stand_ins.append(Rule(first.id, first.kind, VALUE, (), first.params))
    of_column = [{columns_of(rules[place])[0]: place for place in places} for places in templates]
    used = {name for each in of_column for name in each}
    found = {place: Judged() for places in templates for place in places}
    for part, cells in long_parts(backend, table, [name for name in table.columns if name in used], rows):
        bounds: dict[str, npt.NDArray[np.float64]] = {}
        for n, rule in enumerate(stand_ins):
            if rule.columns:
                bounds |= _bounds(
                    n, [rules[at] if (at := of_column[n].get(name)) is not None else None for name in part]
                )
        base = cells.select(VALUE, "column", **{ROW: cells[ROW] + cells.column.cast("int64") * _COLUMN})
        if bounds:
            known = ibis.memtable(pa.table({"column": np.arange(len(part), dtype=np.int32), **bounds}))
            base = base.inner_join(known, "column")
        for flag, numbers in _flagged(backend, base, types, stand_ins, folder):
            columns, own = numbers // _COLUMN, of_column[int(flag[1:])]
            order = np.argsort(numbers)
            starts = np.searchsorted(columns[order], np.arange(len(part) + 1))
            for n, name in enumerate(part):
                if name in own and starts[n] < starts[n + 1]:
                    _add(found[own[name]], flag[0], numbers[order[starts[n] : starts[n + 1]]] % _COLUMN)
    return found


def _add(judged: Judged, side: str, rows: Numbers) -> None:
    if side == "f":
        judged.failed += len(rows)
        judged.wrong = rows
    elif side == "n":
        judged.not_asked += len(rows)
    else:
        judged.unknown += len(rows)


def _bounds(n: int, rules: list[Rule | None]) -> dict[str, npt.NDArray[np.float64]]:
    found = {}
    for name, end, none in ((LOW, "min", -np.inf), (HIGH, "max", np.inf)):
        values = [rule.params.get(end) if rule else None for rule in rules]
        found[f"{name}{n}"] = np.array([none if value is None else value for value in values], np.float64)
    return found


def _flagged(
    backend: Backend, base: ir.Table, types: Mapping[str, str], rules: list[Rule], folder: Path
) -> Iterator[tuple[str, Numbers]]:
    """The numbers of the cells that have each flag: f0 (fails the first rule), n0 (isn't asked), u0 (can't be told)..."""
    if all(siftable(base, types, rules, KINDS)):
        looked, sifted = (
            sift(backend, base, types, rules, KINDS, folder / f"{len(list(folder.iterdir()))}.sifted"),
            True,
        )
    else:
        looked, sifted = numbered(base, types, rules), False
    ready = prepared(looked, types, rules, KINDS, sifted=sifted)
    flags = flags_of_tests(ready.tests)
    judged = ready.base.select(ready.base[ROW], **flags)
    judged = judged.filter(ibis.or_(*(judged[name] for name in flags)))
    found: dict[str, list[Numbers]] = {name: [] for name in flags}
    for batch in streamed(backend, judged, ROWS_AT_ONCE):
        numbers = batch.column(ROW).to_numpy()
        for name, each in found.items():
            each.append(numbers[flags_of(batch, name)])
    for name, parts in found.items():
        yield name, np.concatenate(parts) if parts else np.empty(0, np.int64)


def flags_of_tests(tests: list[Test]) -> dict[str, ir.BooleanValue]:
    """What is told of each row: f0 (it fails the first test), n0 (that doesn't ask it), u0 (it can't be told)..."""
    flags = {f"f{n}": test.broken for n, test in enumerate(tests)}
    flags |= {f"n{n}": ~test.asked for n, test in enumerate(tests) if test.asked is not None}
    flags |= {f"u{n}": test.unknown for n, test in enumerate(tests) if test.unknown is not None}
    return flags


def _range_of(rule: Rule, cells: Mapping[str, Cell]) -> Test:
    return judged_between(cells[VALUE], *(cells[name].raw for name in rule.columns))


def _outlier_of(rule: Rule, cells: Mapping[str, Cell]) -> Test:
    test = _range_of(rule, cells)
    return Test(test.asked, test.failed)


def _within(rule: Rule, early: Mapping[str, Early]) -> Any:
    return surely_between(early[VALUE], *(early[name].raw for name in rule.columns))


def _number(rule: Rule, types: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(ROW_KINDS["range"].wants(Rule("", "range", VALUE), types))


KINDS: Mapping[str, Kind] = {
    **ROW_KINDS,
    "range_of": Kind(_range_of, _within, _number),
    "outlier_of": Kind(_outlier_of, _within, _number),
}
