"""Computing the preview of a draft: its table exactly as the public would get it, beside what it was; the risk, the quality,
the loss. For the worker: pages read what :mod:`gongshu.governance.preview` keeps, and never import the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from gongshu import clock
from gongshu.gathering import store
from gongshu.governance import preview, protecting, quality_history
from gongshu.governance.findings import finding_key
from gongshu.governance.models import Draft
from gongshu.governance.surroundings import context_of
from gongshu.tables.anonymise import anonymise
from gongshu.tables.anonymity import anonymity, grouped
from gongshu.tables.checks import run_checks
from gongshu.tables.classify import classify
from gongshu.tables.contract import Contract, load_contract
from gongshu.tables.errors import TableError
from gongshu.tables.identifiers import beyond_limits, limits, remaining_identifiers, sensitive_columns
from gongshu.tables.keyed import Keyring
from gongshu.tables.model import ROW
from gongshu.tables.patches import patched
from gongshu.tables.protect import protect
from gongshu.tables.risk import disclosure_risk, residual_risk
from gongshu.tables.suppress import drawn, typed_rows, with_groups, without_small_groups
from gongshu.tables.utility import NUMBERS, discernibility, information_loss, statistics_kept

SHOWN = 21  # rows of the sample
HARD = 9  # of these from the smallest groups before, half as many from those after
MOST_MEANS = 4
Step = Callable[[str, float], None]


def compute(
    engine: Backend, draft: Draft, key: Keyring, staging: Path, step: Step
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document and the figures of the draft's present edition; ``key``: the secret of what is keyed.

    The same functions as a publication uses, in the same order: correct, type, protect, leave small groups out.
    """
    contract = load_contract(draft.contract)
    patches: list[Any] = list(draft.patches.filter(undone_at=None).values("row", "column", "value"))
    step("read", 0.05)
    text = engine.read_parquet(store.table_of(draft.upload, draft.table))
    if patches:
        engine.to_parquet(patched(text, patches), staging / "text.parquet")
        text = engine.read_parquet(staging / "text.parquet")
    step("check", 0.15)
    quality = run_checks(
        engine,
        text,
        contract.fields,
        contract.rules,
        max_rows=1,
        context=context_of(engine, draft.resource.slug, draft.upload.created_at, contract),
    )
    errors = [
        {"key": finding_key(finding), "column": finding.column, "message": finding.message}
        for finding in quality.findings
        if finding.severity == "error"
    ]
    step("protect", 0.4)
    engine.to_parquet(typed_rows(text, contract), staging / "before.parquet")
    before = engine.read_parquet(staging / "before.parquet")
    rows = drawn(before, contract, key)
    engine.to_parquet(protect(rows, contract.fields, key), staging / "protected.parquet")
    protected = engine.read_parquet(staging / "protected.parquet")
    public = without_small_groups(protected, contract.fields) if contract.suppress_small_groups else protected
    step("risk", 0.6)
    rows_before, rows_after = _count(engine, before), _count(engine, public)
    risk = _risk(engine, before, public, contract)
    distinct = _distinct(engine, before, public, contract)
    step("compare", 0.8)
    document = {
        "edition": draft.edition,
        "at": clock.now().isoformat(),
        "columns": [
            {
                "name": field.name,
                "level": field.level,
                "numeric": field.storage_type in protecting.NUMERIC,
                "protection": {"method": field.protection.method, "params": field.protection.params},
            }
            for field in contract.fields
        ],
        "rows": _sample(engine, before, protected, public, contract, risk, patches),
        "variants": _variants(engine, rows, contract, key, distinct, protecting.ranges(draft)),
        "means": _means(engine, before, public, contract),
    }
    figures = {
        "fingerprint": preview.fingerprint(draft, contract),
        "risk": risk,
        "quality": {"total": quality.scores["total"], "dimensions": quality.scores["dimensions"]},
        "run": quality_history.figures_of(quality.results, quality.scores, rows_before),
        "errors": errors,
        "rows_before": rows_before,
        "rows_after": rows_after,
        "suppressed": rows_before - rows_after,
        "utility": _utility(engine, before, public, contract, risk, rows_before - rows_after),
        "lost": protecting.losses(contract, distinct),
    }
    return document, figures


def _count(engine: Backend, table: ir.Table) -> int:
    return int(engine.to_pyarrow(table.count()).as_py())


def _risk(engine: Backend, before: ir.Table, public: ir.Table, contract: Contract) -> dict[str, Any]:
    """Before: by all columns as they came; after: by those that are public. Each with its histogram, or None."""
    types = {field.name: field.semantic_type for field in contract.fields}
    _grades, whole = classify(types)
    return {
        "before": disclosure_risk(engine, before, types, whole.subject),
        "after": residual_risk(engine, public, contract.fields),
    }


def _distinct(engine: Backend, before: ir.Table, public: ir.Table, contract: Contract) -> list[tuple[str, int, int]]:
    """(column, distinct values before, after) of every column that is public."""
    names = [field.name for field in contract.fields if field.protection.method != "drop"]
    if not names:
        return []
    counts = [
        engine.to_pyarrow(table.aggregate(**{f"n{n}": table[name].nunique() for n, name in enumerate(names)}))
        for table in (before, public)
    ]
    first, last = (each.to_pylist()[0] for each in counts)
    return [(name, int(first[f"n{n}"]), int(last[f"n{n}"])) for n, name in enumerate(names)]


def _means(engine: Backend, before: ir.Table, public: ir.Table, contract: Contract) -> list[dict[str, Any]]:
    """The statistics of the first columns of measured numbers that stay numbers: how far a reader's average is off."""
    measured = [
        field for field in contract.fields if field.semantic_type in (None, "amount", "age") and not field.unique
    ]
    kept = [one for one in measured if one.storage_type in protecting.NUMERIC and one.protection.method in NUMBERS]
    return statistics_kept(engine, before, public, kept[:MOST_MEANS])


def _utility(
    engine: Backend, before: ir.Table, public: ir.Table, contract: Contract, risk: dict[str, Any], hidden: int
) -> dict[str, Any] | None:
    """What the protections cost where persons could be recognised: the loss by column and in the mean, and how far rows can
    still be told apart. None for other tables."""
    if not risk["before"]:
        return None
    quasi = set(risk["before"]["quasi_identifiers"])
    lost = information_loss(engine, before, public, [field for field in contract.fields if field.name in quasi])
    found: dict[str, Any] = {"columns": lost, "loss": round(sum(lost.values()) / len(lost), 6) if lost else None}
    left = remaining_identifiers(contract.fields)
    found["discernibility"] = discernibility(anonymity(engine, public, left), hidden) if left else 1.0
    return found


def _smallest(engine: Backend, table: ir.Table, names: list[str], most: int) -> list[tuple[int, int]]:
    """(row, rows alike) of one row of each of the smallest groups."""
    if not names:
        return []
    groups = table.group_by(**grouped(table, names)).aggregate(n=ibis._.count(), row=table[ROW].min())
    found = engine.to_pyarrow(groups.order_by("n", "row").limit(most).select("row", "n"))
    return [(int(each["row"]), int(each["n"])) for each in found.to_pylist()]


def _sample(
    engine: Backend,
    before: ir.Table,
    protected: ir.Table,
    public: ir.Table,
    contract: Contract,
    risk: dict[str, Any],
    patches: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Some twenty rows, the hardest first: who is most easily recognised, what was corrected by hand, then the first ones."""
    names = risk["before"]["quasi_identifiers"] if risk["before"] else []
    left = remaining_identifiers(contract.fields)
    why = {row: ("small", n) for row, n in _smallest(engine, protected, left, HARD // 2)}
    why |= {row: ("rare", n) for row, n in _smallest(engine, before, names, HARD) if row not in why}
    for patch in patches[:HARD]:
        why.setdefault(int(patch["row"]), ("patched", 0))
    for row in engine.to_pyarrow(before.order_by(ROW).limit(SHOWN).select(ROW))[ROW].to_pylist():
        if len(why) < SHOWN:
            why.setdefault(int(row), ("first", 0))
    numbers = list(why)
    shown = [field.name for field in contract.fields]
    was = _cells(engine, before, numbers, shown)
    open_to_all = [field.name for field in contract.fields if field.protection.method != "drop"]
    becomes = _cells(engine, public, numbers, open_to_all)
    sizes = _sizes(engine, protected, left, numbers)
    by_hand = {(int(patch["row"]), patch["column"]) for patch in patches}
    return [
        {
            "row": number,
            "why": why[number][0],
            "alike": sizes.get(number),
            "patched": [name for name in shown if (number, name) in by_hand],
            "before": was[number],
            "after": becomes.get(number),
        }
        for number in numbers
        if number in was
    ]


def _cells(engine: Backend, table: ir.Table, numbers: list[int], names: list[str]) -> dict[int, dict[str, Any]]:
    found = engine.to_pyarrow(table.filter(table[ROW].isin(numbers)).select(ROW, *names)).to_pylist()
    return {int(row[ROW]): {name: plain(row[name]) for name in names} for row in found}


def _sizes(engine: Backend, protected: ir.Table, names: list[str], numbers: list[int]) -> dict[int, int]:
    """How many rows are like each of ``numbers`` once protected, itself counted."""
    if not names:
        return {}
    marked, wanted = with_groups(protected, names)
    groups = marked.group_by(wanted).aggregate(n=ibis._.count())
    asked = marked.filter(marked[ROW].isin(numbers)).select(ROW, *wanted)
    found = engine.to_pyarrow(asked.inner_join(groups, wanted).select(ROW, "n"))
    return {int(each[ROW]): int(each["n"]) for each in found.to_pylist()}


def plain(value: Any) -> Any:
    """A value as JSON holds it: what JSON has no word for becomes its text."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


def _best(
    engine: Backend, before: ir.Table, contract: Contract, ranges: protecting.Ranges
) -> protecting.Variant | None:
    """The least lossy of all combinations that reach the threshold, for the quasi-identifiers that are public now; None when
    nothing is public, nothing would change, or no combination reaches it."""
    public = set(remaining_identifiers(contract.fields))
    fields = [field for field in contract.fields if field.name in public]
    ladders = {field.name: protecting.ladder(field, ranges.get(field.name)) for field in fields}
    if not ladders:
        return None
    try:
        sensitive = [name for name in sensitive_columns(contract.fields) if name not in public]
        asked = {"sensitive": sensitive[0], "distinct": limits()["l"]} if sensitive else {}
        best = anonymise(engine, before, ladders, limits()["k"], **asked)
    except TableError:
        return None
    chosen = {field.name: protecting.meant(field, best.protections[field.name]) for field in fields}
    changes = {field.name: chosen[field.name] for field in fields if chosen[field.name] != field.protection}
    suppress = best.suppressed > 0
    if not changes and suppress == contract.suppress_small_groups:
        return None
    return protecting.Variant("best", changes, suppress)


def _variants(
    engine: Backend,
    before: ir.Table,
    contract: Contract,
    key: Keyring,
    distinct: list[tuple[str, int, int]],
    ranges: protecting.Ranges,
) -> list[dict[str, Any]]:
    """Other ways with their numbers, the present one first; only the quasi-identifiers are computed anew."""
    others = protecting.variants(contract, {name: after for name, _before, after in distinct}, ranges)
    own = protecting.Variant("own", {}, contract.suppress_small_groups)
    best = _best(engine, before, contract, ranges)
    if best is not None:
        same = (best.changes, best.suppress)
        others = [*(one for one in others if (one.changes, one.suppress) != same), best]
    if together := protecting.together(contract):
        others.append(together)
    found = []
    for variant in [own, *others] if others else []:
        tried = variant.applied(contract)
        names = remaining_identifiers(tried.fields)
        looked_at = {*names, *sensitive_columns(tried.fields)}
        fields = [field for field in tried.fields if field.name in looked_at]
        try:
            public = protect(before, fields, key)
        except TableError:  # it can't reach what it must
            continue
        if variant.suppress:
            public = without_small_groups(public, tried.fields)
        risk = residual_risk(engine, public, tried.fields) if names else None
        rows = _count(engine, public)
        found.append(
            {
                "kind": variant.kind,
                "suppress": variant.suppress,
                "changes": {
                    name: {"method": protection.method, "params": protection.params}
                    for name, protection in variant.changes.items()
                },
                "k": risk["k"] if risk else None,
                "prosecutor_max": risk["prosecutor_max"] if risk else None,
                "rows": rows,
                "hidden": _count(engine, before) - rows,
                "allowed": rows > 0 and (not beyond_limits(risk)),
            }
        )
    return found
