"""Quality runs (检核): a contract's rules against a table, in one scan for all row-local rules and one pass for each key."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.tables.beside import Beside
from gongshu.tables.cells import columns_of, numbered, prepared
from gongshu.tables.check_cells import CHECKED_TYPES, ROW_KINDS, units_of
from gongshu.tables.check_groups import GROUP_KINDS, WHOLE_ROWS, reference
from gongshu.tables.check_results import Finding, QualityRun, Result, Run
from gongshu.tables.check_rows import Kept, Unit, counted, results_of, told, with_examples, write_mask
from gongshu.tables.check_tables import TABLE_KINDS, Context, other_table
from gongshu.tables.check_wide import judge_wide
from gongshu.tables.code_lists import code_list
from gongshu.tables.contract import Field, Rule
from gongshu.tables.long_form import is_wide
from gongshu.tables.model import TextTable
from gongshu.tables.rule_forms import problem_with
from gongshu.tables.scores import score
from gongshu.tables.sieve import sift, siftable
from gongshu.tables.wording import finding_message

UNITS_AT_ONCE = 126  # two words of a mask
MANY_ROWS = 20_000  # from here on quick tests of the raw cells take less than they cost
DICTIONARY = "dictionary"  # the code list of a rule that means the field's own


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
    run = Run(
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
            write_mask(run, kept, mask)
    places = {id(rule): place for place, rule in enumerate(asked)}
    ranks = {(rule.id, rule.kind): place for place, rule in reversed(list(enumerate(asked)))}
    results = sorted(
        with_examples(run), key=lambda one: places.get(id(one.rule), ranks.get((one.rule.id, one.rule.kind), 0))
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


def _run_groups(run: Run, rules: list[Rule]) -> None:
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


def _run_table(run: Run, rule: Rule) -> None:
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


def _run_all_local(run: Run, local: list[Unit], folder: Path) -> Kept:
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


def _run_wide(run: Run, local: list[Unit], rows: int, folder: Path, kept: Kept) -> list[Unit]:
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
    results = results_of(units, counts, numbers, rows)
    run.results += results
    if results:
        kept.append((results, [one.wrong for one in judged.values()]))
    return [unit for n, unit in enumerate(local) if n not in judged]


def _run_local(run: Run, units: list[Unit], rows: int, folder: Path, *, sifted: bool) -> Kept:
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
        count = told if run.backend.name == "duckdb" else counted
        found, mask = count(run, ready, units, rows, path)
    except run.bad as error:
        if len(units) == 1:
            run.add(run.broken(units[0][1], error))
            return []
        # the engine refuses one of them, such as a wrong pattern: each by itself then, so that the others are run
        return [part for unit in units for part in _run_local(run, [unit], rows, folder, sifted=sifted)]
    run.results += found
    return [(found, mask)]


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
