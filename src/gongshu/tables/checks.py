"""Quality runs (检核): a contract's rules against a table, in one scan for all row-local rules and one pass for each key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend
from ibis.common.exceptions import IbisError

from gongshu.i18n import gettext
from gongshu.tables.check_cells import (
    CHECKED_TYPES,
    NEEDED_PARAMS,
    ROW_KINDS,
    Test,
    cells_of,
    columns_of,
    test_of,
    units_of,
)
from gongshu.tables.check_groups import GROUP_KINDS, WHOLE_ROWS
from gongshu.tables.contract import Field, Rule
from gongshu.tables.model import ROW, TextTable
from gongshu.tables.scores import score
from gongshu.tables.wording import finding_message

UNITS_AT_ONCE = 120
ROWS_KEPT_WHILE_COUNTING = 10_000  # DuckDB keeps fewer than a million for each rule, in memory
EXAMPLES = 3
# what a rule with wrong parameters comes to, in Python or in the engine
_BAD_RULE = (KeyError, ValueError, TypeError, IbisError, duckdb.Error)


@ibis.udf.agg.builtin(name="min")
def _first_rows(row: int, n: int) -> list[int]:  # type: ignore[empty-body]
    """The ``n`` smallest row numbers in order (DuckDB's ``min(value, n)``): kept in the same scan that counts."""


@dataclass(frozen=True)
class Result:
    """What became of a rule (of one of its columns): ``checked`` is the standard's B, ``checked - failed`` its A.

    ``unknown``: filled cells that the rule can't judge (they don't fit the type). ``why``: it was not run at all, and why.
    ``rows``: the rows to look at, in order, as many as were asked for; ``rows_total``: all of them (for keys and duplicates
    these are all rows of a group, and ``failed`` those beyond the first). ``examples``: some of the values.
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
    """``scores``: ``{"profile", "total", "dimensions"}`` as in the inspect document."""

    results: list[Result]
    findings: list[Finding]
    scores: dict[str, Any]


def run_checks(
    backend: BaseBackend,
    table: TextTable | ir.Table | Path,
    fields: Iterable[Field],
    rules: Iterable[Rule],
    *,
    max_rows: int = 1000,
    profile: str = "db31-t-1523-2024",
) -> QualityRun:
    """Check a staged ``table`` (text and ``_row``): ``fields`` name its columns and storage types.

    Up to ``max_rows`` row numbers a rule are kept, the count is always complete. A rule of an unknown kind, or of a column that
    is not there, is reported as not run, never as passed.
    """
    staged = _staged(backend, table)
    types = {found.name: found.storage_type for found in fields if found.name in staged.columns}
    rules = list(rules)
    rows = int(backend.to_pyarrow(staged.count()).as_py())
    results = [Result(rule, rule.column, why=why) for rule in rules if (why := _not_runnable(rule, types))]
    runnable = [rule for rule in rules if not _not_runnable(rule, types)]
    results += _run_groups(backend, staged, types, [rule for rule in runnable if rule.kind in GROUP_KINDS], max_rows)
    local = [unit for rule in runnable if rule.kind in ROW_KINDS for unit in units_of(rule)]
    # units of the same columns in the same query, so that each column is prepared once
    order = {name: place for place, name in enumerate(types)}
    local.sort(key=lambda unit: order[columns_of(unit[1])[0]])
    for start in range(0, len(local), UNITS_AT_ONCE):
        results += _run_local(backend, staged, types, local[start : start + UNITS_AT_ONCE], rows, max_rows)
    results = _with_examples(backend, staged, results)
    findings = [_finding(result) for result in results if result.failed]
    return QualityRun(results, findings, score(results, profile))


def _run_groups(
    backend: BaseBackend, staged: ir.Table, types: dict[str, str], rules: list[Rule], max_rows: int
) -> list[Result]:
    """Keys first: where a number or a checked code is in every row and never twice, no two rows are the same or nearly so."""
    results: list[Result] = []
    checked = {rule.column for rule in rules if rule.kind == "unique" and rule.params.get("type") in CHECKED_TYPES}
    keys: dict[str, int] = {}
    for rule in sorted(rules, key=lambda rule: rule.kind != "unique"):
        compared = [
            name
            for name in types
            if (name in rule.columns if rule.columns else name not in rule.params.get("ignore", []))
        ]
        key = next((name for name in compared if name in keys), None) if rule.kind in WHOLE_ROWS else None
        if key:
            results.append(Result(rule, rule.column, keys[key]))
            continue
        try:
            group = GROUP_KINDS[rule.kind](backend, staged, rule, types, max_rows)
        except _BAD_RULE as error:
            results.append(_broken_rule(rule, error))
            continue
        results.append(Result(rule, rule.column, group.asked, group.failed, 0, group.total, group.rows))
        if (
            rule.kind == "unique"
            and rule.column
            and not group.failed
            and (types[rule.column] == "int64" or rule.column in checked)
        ):
            rows = int(backend.to_pyarrow(staged.count()).as_py())
            if group.asked == rows:
                keys[rule.column] = rows
    return results


def _broken_rule(rule: Rule, error: Exception) -> Result:
    problem = str(error).split("\n")[0][:200]
    return Result(rule, rule.column, why=gettext("规则跑不起来：{problem}", problem=problem))


def _staged(backend: BaseBackend, table: TextTable | ir.Table | Path) -> ir.Table:
    if isinstance(table, ir.Table):
        return table
    return backend.read_parquet(table if isinstance(table, Path) else table.path)  # type: ignore[attr-defined]


def _not_runnable(rule: Rule, types: dict[str, str]) -> str:
    if rule.kind not in ROW_KINDS and rule.kind not in GROUP_KINDS:
        return gettext("没有「{kind}」这种规则的检核办法", kind=rule.kind)
    missing = [name for name in columns_of(rule) if name not in types]
    if missing:
        return gettext("表里没有「{column}」列", column=missing[0])
    if not columns_of(rule) and rule.kind not in WHOLE_ROWS:
        return gettext("规则没有说明是哪一列")
    lacking = [name for name in NEEDED_PARAMS.get(rule.kind, ()) if name not in rule.params]
    return gettext("规则缺参数「{name}」", name=lacking[0]) if lacking else ""


def _run_local(
    backend: BaseBackend,
    staged: ir.Table,
    types: dict[str, str],
    units: list[tuple[str | None, Rule]],
    rows: int,
    max_rows: int,
) -> list[Result]:
    used = {name for _, rule in units for name in columns_of(rule)}
    packed = {name for _, rule in units if rule.params.get("type") in CHECKED_TYPES for name in columns_of(rule)}
    base, view = cells_of(staged, {name: types[name] for name in types if name in used}, packed)
    cells = view(base)
    tests: list[Test] = []
    broken: list[Result] = []
    good: list[tuple[str | None, Rule]] = []
    for unit in units:
        try:
            tests.append(test_of(unit[1], cells))
            good.append(unit)
        except _BAD_RULE as error:
            broken.append(_broken_rule(unit[1], error))
    try:
        return broken + _count_local(backend, base, good, tests, rows, max_rows)
    except _BAD_RULE as error:
        if len(good) == 1:
            return [*broken, _broken_rule(good[0][1], error)]
    # the engine refuses one of them, such as a wrong pattern: each by itself then, so that the others are run
    return broken + [result for unit in good for result in _run_local(backend, staged, types, [unit], rows, max_rows)]


def _count_local(
    backend: BaseBackend,
    base: ir.Table,
    units: list[tuple[str | None, Rule]],
    tests: list[Test],
    rows: int,
    max_rows: int,
) -> list[Result]:
    if not units:
        return []
    metrics: dict[str, ir.Scalar] = {}
    for n, test in enumerate(tests):
        metrics[f"failed{n}"] = test.broken.sum()
        if test.asked is not None:
            metrics[f"asked{n}"] = test.asked.sum()
        if test.unknown is not None:
            metrics[f"unknown{n}"] = test.unknown.sum()
    keeps_rows = backend.name == "duckdb" and 0 < max_rows <= ROWS_KEPT_WHILE_COUNTING
    if keeps_rows:
        metrics |= {f"rows{n}": _first_rows(base[ROW], max_rows, where=test.broken) for n, test in enumerate(tests)}
    answer = backend.to_pyarrow(base.aggregate(**metrics)).to_pylist()[0]
    numbers = {n: answer.pop(f"rows{n}") or [] for n in range(len(units))} if keeps_rows else {}
    counts = {key: int(value or 0) for key, value in answer.items()}
    if not keeps_rows and max_rows > 0:
        numbers = _rows(backend, base, tests, [n for n in range(len(units)) if counts[f"failed{n}"]], max_rows)
    return [
        Result(
            rule,
            column,
            counts.get(f"asked{n}", rows),
            counts[f"failed{n}"],
            counts.get(f"unknown{n}", 0),
            counts[f"failed{n}"],
            numbers.get(n, []),
        )
        for n, (column, rule) in enumerate(units)
    ]


def _rows(
    backend: BaseBackend, base: ir.Table, tests: list[Test], failing: list[int], max_rows: int
) -> dict[int, list[int]]:
    """The first ``max_rows`` failing rows of each test, in a query each: for engines that can't keep them while they count, and for very many."""
    return {
        n: backend.to_pyarrow(base.filter(tests[n].broken).select(ROW).order_by(ROW).limit(max_rows))[ROW].to_pylist()
        for n in failing
    }


def _with_examples(backend: BaseBackend, staged: ir.Table, results: list[Result]) -> list[Result]:
    """Some of the failing values of each result, read in one query."""
    wanted = {row for result in results if result.failed for row in result.rows[:EXAMPLES]}
    names = sorted(
        {name for result in results if result.failed for name in columns_of(result.rule)} & set(staged.columns)
    )
    if not wanted or not names:
        return results
    # numbered, for a column may have any name
    cells = staged.filter(staged[ROW].isin(sorted(wanted))).select(
        _row=staged[ROW], **{f"c{n}": staged[name] for n, name in enumerate(names)}
    )
    values = {row[ROW]: row for row in backend.to_pyarrow(cells).to_pylist()}

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

    return [
        Result(**{**vars(result), "examples": shown(result)}) if result.failed and result.rows else result
        for result in results
    ]


def _finding(result: Result) -> Finding:
    rule = result.rule
    message = finding_message(rule.kind, result.column, columns_of(rule), result.rows_total, result.failed)
    return Finding(
        rule.id, result.column, rule.kind, rule.severity, message, result.rows_total, result.rows, result.examples
    )
