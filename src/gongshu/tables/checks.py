"""Quality runs (检核): a contract's rules against a table, in one scan for all row-local rules and one pass for each key."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend
from ibis.common.exceptions import IbisError

from gongshu.i18n import gettext
from gongshu.tables import masks
from gongshu.tables.beside import Beside
from gongshu.tables.cells import Prepared, Test, columns_of, numbered, prepared
from gongshu.tables.check_cells import CHECKED_TYPES, ROW_KINDS, units_of
from gongshu.tables.check_groups import GROUP_KINDS, WHOLE_ROWS, reference
from gongshu.tables.check_tables import TABLE_KINDS, Context, other_table
from gongshu.tables.check_wide import flags_of_tests, judge_wide
from gongshu.tables.code_lists import code_list
from gongshu.tables.contract import Field, Rule
from gongshu.tables.engine import streamed
from gongshu.tables.long_form import is_wide
from gongshu.tables.model import MASK_BITS, ROW, TextTable
from gongshu.tables.rule_forms import problem_with
from gongshu.tables.scores import score
from gongshu.tables.sieve import sift, siftable
from gongshu.tables.tally import Tally
from gongshu.tables.thresholds import holds
from gongshu.tables.wording import finding_message

UNITS_AT_ONCE = 126  # two words of a mask
ROWS_AT_ONCE = 200_000
MANY_ROWS = 20_000  # from here on quick tests of the raw cells take less than they cost
EXAMPLES = 3
DICTIONARY = "dictionary"  # the code list of a rule that means the field's own
# what a rule with wrong parameters comes to, in Python or in the engine
_BAD_RULE = (KeyError, ValueError, TypeError, LookupError, ArithmeticError, TimeoutError, IbisError, duckdb.Error)


@dataclass(frozen=True)
class Result:
    """What became of a rule (of one of its columns): ``checked`` is the standard's B, ``checked - failed`` its A.

    ``unknown``: filled cells that the rule can't judge (they don't fit the type). ``why``: it was not run at all, and why.
    ``rows``: the rows to look at, in order, as many as were asked for; ``rows_total``: all of them. ``examples``: some of the
    values. ``groups``: for keys and duplicates how many values repeat; ``rows_total`` are then all rows of these groups and
    ``failed`` counts as the rule's ``count`` says: ``beyond_first`` (rows but the first of each group, the default), ``groups``
    or ``all_rows``. ``measured``: the number that a rule of the whole table measured.
    """

    rule: Rule
    column: str | None
    checked: int = 0
    failed: int = 0
    unknown: int = 0
    rows_total: int = 0
    rows: list[int] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    why: str = ""
    groups: int | None = None
    measured: float | None = None

    @property
    def state(self) -> str:
        """``pass``, ``fail`` or ``not_evaluable`` (it was not run, or there was nothing that it could judge)."""
        if self.why or not self.checked:
            return "not_evaluable"
        must = self.rule.params.get("must")
        if must and self.rule.kind not in TABLE_KINDS:
            percent = self.rule.params.get("unit") == "percent"
            return "pass" if holds(must, 100 * self.failed / self.checked if percent else self.failed) else "fail"
        return "fail" if self.failed else "pass"

    @property
    def counting(self) -> str | None:
        """How repeated rows were counted; None where none are."""
        return str(self.rule.params.get("count", "beyond_first")) if self.groups is not None else None


@dataclass(frozen=True)
class Finding:
    """A broken rule in words: ``message`` holds counts and names, never a value; ``examples`` holds values."""

    rule: str
    column: str | None
    kind: str
    severity: str
    message: str
    rows_total: int
    rows: list[int]
    examples: list[str]


@dataclass(frozen=True)
class QualityRun:
    """``scores``: ``{"profile", "total", "dimensions"}`` as in the inspect document. ``mask``: the file of failing rows, if asked for."""

    results: list[Result]
    findings: list[Finding]
    scores: dict[str, Any]
    mask: Path | None = None


@dataclass
class _Run:
    """What one run works with. ``every``: for the mask, the wrong rows of what isn't row-local."""

    backend: BaseBackend
    table: ir.Table
    types: dict[str, str]
    max_rows: int
    context: Context
    beside: Beside | None = None
    results: list[Result] = field(default_factory=list)
    every: list[tuple[Result, ir.Table]] = field(default_factory=list)

    @property
    def bad(self) -> tuple[type[Exception], ...]:
        """What a rule that can't be run comes to, on this engine."""
        if self.backend.name != "pyspark":
            return _BAD_RULE
        from pyspark.errors import PySparkException

        return (*_BAD_RULE, PySparkException)

    def add(self, result: Result, every: ir.Table | None = None) -> None:
        self.results.append(result)
        if every is not None:
            self.every.append((result, every))

    def broken(self, rule: Rule, error: Exception) -> Result:
        problem = str(error.args[0] if isinstance(error, LookupError) and error.args else error).split("\n")[0][:200]
        return Result(rule, rule.column, why=gettext("规则跑不起来：{problem}", problem=problem))


def run_checks(
    backend: BaseBackend,
    table: TextTable | ir.Table | Path,
    fields: Iterable[Field],
    rules: Iterable[Rule],
    *,
    max_rows: int = 1000,
    profile: str = "db31-t-1523-2024",
    context: Context | None = None,
    mask: Path | None = None,
    beside: Beside | None = None,
) -> QualityRun:
    """Check a ``table`` with ``_row`` and columns of text (as staged) or of the engine's own types: ``fields`` name its columns
    and storage types.

    Up to ``max_rows`` row numbers a rule are kept, the count is always complete. A rule of an unknown kind, or of a column that
    is not there, is reported as not run, never as passed. ``context``: what rules of the whole table need beside it. ``mask``:
    where to write which row breaks which rules (:mod:`gongshu.tables.masks`). ``beside``: what statistics and recognition take
    out of the same scan, where there is one of all rows.
    """
    staged = _staged(backend, table)
    fields = list(fields)
    run = _Run(
        backend,
        staged,
        {found.name: found.storage_type for found in fields if found.name in staged.columns},
        max_rows,
        context or Context(),
        beside,
    )
    asked = [each for rule in rules for each in _expanded(rule, fields)]
    runnable = []
    for rule in asked:
        why = problem_with(rule, run.types)
        if why:
            run.add(Result(rule, rule.column, why=why))
        else:
            runnable.append(rule)
    _run_groups(run, [rule for rule in runnable if rule.kind in GROUP_KINDS or rule.kind == "reference"])
    for rule in runnable:
        if rule.kind in TABLE_KINDS:
            _run_table(run, rule)
    local = [unit for rule in runnable if rule.kind in ROW_KINDS for unit in units_of(rule)]
    # units of the same columns in the same query, so that each column is prepared once
    order = {name: place for place, name in enumerate(run.types)}
    local.sort(key=lambda unit: order[columns_of(unit[1])[0]])
    with tempfile.TemporaryDirectory(prefix="gongshu-mask-") as folder:
        kept = _run_all_local(run, local, Path(folder))
        if mask:
            _write_mask(run, kept, mask)
    places = {id(rule): place for place, rule in enumerate(asked)}
    ranks = {(rule.id, rule.kind): place for place, rule in reversed(list(enumerate(asked)))}
    results = sorted(
        _with_examples(run), key=lambda one: places.get(id(one.rule), ranks.get((one.rule.id, one.rule.kind), 0))
    )
    findings = [_finding(result) for result in results if result.state == "fail"]
    return QualityRun(results, findings, score(results, profile), mask)


def _expanded(rule: Rule, fields: list[Field]) -> list[Rule]:
    """A rule that names a code list: its values, and a rule of its own for the retired ones."""
    name = rule.params.get("code_list")
    if rule.kind != "in_set" or name is None or "values" in rule.params:
        return [rule]
    if name == DICTIONARY:
        codes = next((found.codes for found in fields if found.name == rule.column), {})
        return [replace(rule, params={**rule.params, "values": list(codes)})]
    try:
        found = code_list(str(name), None if rule.params.get("version") is None else str(rule.params["version"]))
    except ValueError as error:
        return [replace(rule, kind="unknown_code_list", params={**rule.params, "why": str(error)})]
    if not found.retired:
        return [replace(rule, params={**rule.params, "values": list(found.codes)})]
    params = {**rule.params, "values": [*found.codes, *found.retired]}
    gone = {**rule.params, "values": list(found.retired), "current": list(found.codes)}
    return [replace(rule, params=params), replace(rule, id=f"{rule.id}-retired", kind="retired", params=gone)]


def _run_groups(run: _Run, rules: list[Rule]) -> None:
    """Keys first: where a number or a checked code is in every row and never twice, no two rows are the same or nearly so."""
    checked = {rule.column for rule in rules if rule.kind == "unique" and rule.params.get("type") in CHECKED_TYPES}
    keys: dict[str, int] = {}
    for rule in sorted(rules, key=lambda rule: rule.kind != "unique"):
        compared = [
            name
            for name in run.types
            if (name in rule.columns if rule.columns else name not in rule.params.get("ignore", []))
        ]
        key = next((name for name in compared if name in keys), None) if rule.kind in WHOLE_ROWS else None
        if key:
            run.add(Result(rule, rule.column, keys[key], groups=0))
            continue
        try:
            if rule.kind == "reference":
                other = other_table(rule, run.context)
                group = reference(run.backend, run.table, rule, run.types, run.max_rows, other)
            else:
                group = GROUP_KINDS[rule.kind](run.backend, run.table, rule, run.types, run.max_rows)
        except run.bad as error:
            run.add(run.broken(rule, error))
            continue
        way = rule.params.get("count")
        failed = group.failed if way not in ("groups", "all_rows") or group.groups is None else group.total
        failed = group.groups if way == "groups" and group.groups is not None else failed
        run.add(
            Result(rule, rule.column, group.asked, failed, 0, group.total, group.rows, groups=group.groups),
            group.every,
        )
        if (
            rule.kind == "unique"
            and rule.column
            and not group.failed
            and (run.types[rule.column] == "int64" or rule.column in checked)
        ):
            rows = int(run.backend.to_pyarrow(run.table.count()).as_py())
            if group.asked == rows:
                keys[rule.column] = rows


def _run_table(run: _Run, rule: Rule) -> None:
    try:
        found = TABLE_KINDS[rule.kind](run.backend, run.table, rule, run.types, run.context, run.max_rows)
    except run.bad as error:
        run.add(run.broken(rule, error))
        return
    run.add(
        Result(
            rule,
            rule.column,
            found.asked,
            found.failed,
            found.unknown,
            found.failed if found.every is not None else 0,
            found.rows,
            list(found.missing),
            found.why,
            measured=found.value,
        ),
        found.every,
    )


def _staged(backend: BaseBackend, table: TextTable | ir.Table | Path) -> ir.Table:
    if isinstance(table, ir.Table):
        return table
    return backend.read_parquet(table if isinstance(table, Path) else table.path)  # type: ignore[attr-defined]


Unit = tuple[str | None, Rule]
Kept = list[tuple[list[Result], Any]]  # a table of rows and words, or for each result its rows


def _run_all_local(run: _Run, local: list[Unit], folder: Path) -> Kept:
    """All row-local units, so many at a time; their masks (before they are put together) are left in ``folder``."""
    kept: Kept = []
    rows = int(run.backend.to_pyarrow(run.table.count()).as_py()) if local else 0
    many = run.backend.name == "duckdb" and rows >= MANY_ROWS
    results = len(run.results)
    if is_wide(run.backend, run.table, list({name for _, rule in local for name in columns_of(rule)}), rows):
        local = _run_wide(run, local, rows, folder, kept)
    for start in range(0, len(local), UNITS_AT_ONCE):
        kept += _run_local(run, local[start : start + UNITS_AT_ONCE], rows, folder, sifted=many)
    order = {name: place for place, name in enumerate(run.types)}
    run.results[results:] = sorted(run.results[results:], key=lambda one: order[columns_of(one.rule)[0]])
    return kept


def _run_wide(run: _Run, local: list[Unit], rows: int, folder: Path, kept: Kept) -> list[Unit]:
    """What can be judged of many columns at once; the units that are left."""
    try:
        judged = judge_wide(run.backend, run.table, run.types, [rule for _, rule in local], rows, folder)
    except run.bad:  # one of them is wrong: which, is found out in small parts
        return local
    units = [local[n] for n in judged]
    counts = {
        f"{what}{n}": getattr(one, name)
        for n, one in enumerate(judged.values())
        for what, name in (("failed", "failed"), ("not", "not_asked"), ("unknown", "unknown"))
    }
    numbers = {n: one.wrong[: run.max_rows].tolist() for n, one in enumerate(judged.values())}
    results = _results(units, counts, numbers, rows)
    run.results += results
    if results:
        kept.append((results, [one.wrong for one in judged.values()]))
    return [unit for n, unit in enumerate(local) if n not in judged]


def _run_local(run: _Run, units: list[Unit], rows: int, folder: Path, *, sifted: bool) -> Kept:
    rules = [rule for _, rule in units]
    used = {name: run.types[name] for name in run.types if any(name in columns_of(rule) for rule in rules)}
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    try:
        if sifted:
            can = siftable(run.table, used, rules, ROW_KINDS)
            if not all(can):
                parts = ([unit for unit, one in zip(units, can, strict=True) if one is way] for way in (True, False))
                ways = zip((True, False), parts, strict=True)
                return [each for way, part in ways if part for each in _run_local(run, part, rows, folder, sifted=way)]
            beside = run.beside if run.beside and not run.beside.done else None
            base = sift(run.backend, run.table, used, rules, ROW_KINDS, path.with_suffix(".sifted"), beside)
        else:
            base = numbered(run.table, used, rules)
        ready = prepared(base, used, rules, ROW_KINDS, sifted=sifted)
        told = _told if run.backend.name == "duckdb" else _counted
        found, mask = told(run, ready, units, rows, path)
    except run.bad as error:
        if len(units) == 1:
            run.add(run.broken(units[0][1], error))
            return []
        # the engine refuses one of them, such as a wrong pattern: each by itself then, so that the others are run
        return [part for unit in units for part in _run_local(run, [unit], rows, folder, sifted=sifted)]
    run.results += found
    return [(found, mask)]


def _counted(run: _Run, ready: Prepared, units: list[Unit], rows: int, path: Path) -> tuple[list[Result], ir.Table]:
    """For a server: one aggregate counts everything, and the rows are asked for of the tests that fail."""
    base, tests = ready.base, ready.tests
    metrics: dict[str, ir.Scalar] = {}
    for n, test in enumerate(tests):
        metrics[f"failed{n}"] = test.broken.sum()
        if test.asked is not None:
            metrics[f"not{n}"] = (~test.asked).sum()
        if test.unknown is not None:
            metrics[f"unknown{n}"] = test.unknown.sum()
    answer = run.backend.to_pyarrow(base.aggregate(**metrics)).to_pylist()[0]
    counts = {key: int(value or 0) for key, value in answer.items()}
    numbers: dict[int, list[int]] = {}
    if run.max_rows > 0:
        failing = {n: test for n, test in enumerate(tests) if counts[f"failed{n}"]}
        if sum(counts[f"failed{n}"] for n in failing) <= ROWS_AT_ONCE:
            numbers = _rows_at_once(run, base, failing)
        else:
            numbers = {n: _rows(run, base.filter(test.broken)) for n, test in failing.items()}
    mask = base.select(row=base[ROW], **masks.words([test.broken for test in tests], "f"))
    return _results(units, counts, numbers, rows), mask


def _rows_at_once(run: _Run, base: ir.Table, failing: dict[int, Test]) -> dict[int, list[int]]:
    """The first failing rows of all tests in one query."""
    if not failing:
        return {}
    flags = masks.words([test.broken for test in failing.values()], "f")
    wrong = base.select(row=base[ROW], **flags)
    found = run.backend.to_pyarrow(wrong.filter(ibis.or_(*(wrong[name] != 0 for name in flags))).order_by("row"))
    return {n: masks.picked(found, "f", place)[: run.max_rows] for place, n in enumerate(failing)}


def _rows(run: _Run, wrong: ir.Table) -> list[int]:
    """The first failing rows in a query of their own: for engines that can't keep them while they count, and for very many."""
    rows: list[int] = run.backend.to_pyarrow(wrong.select(ROW).order_by(ROW).limit(run.max_rows))[ROW].to_pylist()
    return rows


def _told(run: _Run, ready: Prepared, units: list[Unit], rows: int, path: Path) -> tuple[list[Result], ir.Table]:
    """In process: of each row that isn't asked and right everywhere which tests it fails, which can't be told, which don't ask it.

    Counted as they come, the failing ones written to ``path``.
    """
    base, tests = ready.base, ready.tests
    flags = flags_of_tests(tests)
    judged = base.select(_row=base[ROW], **flags)
    judged = judged.filter(ibis.or_(*(judged[name] for name in flags)))
    words = -(-len(tests) // MASK_BITS)
    schema = pa.schema([("row", pa.int64()), *((f"f{n}", pa.int64()) for n in range(words))])
    tally = Tally(run.max_rows)
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False) as writer:
        for batch in streamed(run.backend, judged, ROWS_AT_ONCE):
            tally.add(batch)
            writer.write_batch(masks.packed(batch, len(tests), schema))
    counts = {
        f"{side}{n}": tally.counts.get(f"{short}{n}", 0)
        for side, short in (("failed", "f"), ("not", "n"), ("unknown", "u"))
        for n in range(len(tests))
    }
    mask = run.backend.read_parquet(path)  # type: ignore[attr-defined]
    return _results(units, counts, {n: tally.rows(f"f{n}") for n in range(len(tests))}, rows), mask


def _results(units: list[Unit], counts: dict[str, int], numbers: dict[int, list[int]], rows: int) -> list[Result]:
    return [
        Result(
            rule,
            column,
            rows - counts.get(f"not{n}", 0),
            counts[f"failed{n}"],
            counts.get(f"unknown{n}", 0),
            counts[f"failed{n}"],
            numbers.get(n, []),
        )
        for n, (column, rule) in enumerate(units)
    ]


def _write_mask(run: _Run, kept: Kept, path: Path) -> None:
    if any(isinstance(part, list) for _, part in kept):
        _write_wide_mask(run, kept, path)
        return
    bits: list[masks.Bit] = []
    parts: list[tuple[int, ir.Table]] = []
    for results, table in kept:
        bits += [("", None)] * (-len(bits) % MASK_BITS)
        parts.append((len(bits), table))
        bits += [(result.rule.id, result.column) for result in results]
    for result, table in run.every:
        parts.append((len(bits), table.select("row")))
        bits.append((result.rule.id, result.column))
    masks.write_mask(run.backend, parts, bits, path)


def _write_wide_mask(run: _Run, kept: Kept, path: Path) -> None:
    bits: list[masks.Bit] = []
    wrong: list[Any] = []
    for results, part in kept:
        bits += [(result.rule.id, result.column) for result in results]
        if isinstance(part, list):
            wrong += part
        else:
            rows = run.backend.to_pyarrow(part.order_by("row"))
            wrong += [np.array(masks.picked(rows, "f", n), np.int64) for n in range(len(results))]
    for result, table in run.every:
        bits.append((result.rule.id, result.column))
        wrong.append(np.sort(run.backend.to_pyarrow(table.select("row"))["row"].to_numpy().astype(np.int64)))
    masks.write_rows(wrong, bits, path)


def _with_examples(run: _Run) -> list[Result]:
    """Some of the failing values of each result, read in one query."""
    results = run.results
    wanted = {row for result in results if result.failed for row in result.rows[:EXAMPLES]}
    names = sorted(
        {name for result in results if result.failed for name in columns_of(result.rule)} & set(run.table.columns)
    )
    if not wanted or not names:
        return results
    # numbered, for a column may have any name
    cells = run.table.filter(run.table[ROW].isin(sorted(wanted))).select(
        _row=run.table[ROW], **{f"c{n}": run.table[name].cast("string").left(80) for n, name in enumerate(names)}
    )
    values = {row[ROW]: row for row in run.backend.to_pyarrow(cells).to_pylist()}

    def shown(result: Result) -> list[str]:
        columns = [result.column] if result.column else list(columns_of(result.rule))[:3]
        if not columns:
            return []
        texts = [
            ", ".join(str(values[row].get(f"c{names.index(name)}") or "") for name in columns)
            for row in result.rows[:EXAMPLES]
            if row in values
        ]
        return list(dict.fromkeys(text[:80] for text in texts))

    return [replace(result, examples=shown(result)) if result.failed and result.rows else result for result in results]


def _finding(result: Result) -> Finding:
    rule = result.rule
    message = finding_message(
        rule.kind,
        result.column,
        columns_of(rule),
        result.rows_total or result.failed,
        result.failed,
        groups=result.groups,
        measured=result.measured,
        missing=result.examples if not result.rows else (),
    )
    return Finding(
        rule.id, result.column, rule.kind, rule.severity, message, result.rows_total, result.rows, result.examples
    )
