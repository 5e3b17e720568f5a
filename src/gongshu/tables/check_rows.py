"""Which rows are wrong: counted, told by number, written as a mask (掩码), and with some of their values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gongshu.tables import masks
from gongshu.tables.cells import Prepared, Test, columns_of
from gongshu.tables.check_results import Result, Run
from gongshu.tables.check_wide import flags_of_tests
from gongshu.tables.contract import Rule
from gongshu.tables.engine import streamed
from gongshu.tables.model import MASK_BITS, ROW
from gongshu.tables.tally import Tally

ROWS_AT_ONCE = 200_000
EXAMPLES = 3

Unit = tuple[str | None, Rule]
Kept = list[tuple[list[Result], Any]]  # a table of rows and words, or for each result its rows


def counted(run: Run, ready: Prepared, units: list[Unit], rows: int, path: Path) -> tuple[list[Result], ir.Table]:
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
    return results_of(units, counts, numbers, rows), mask


def _rows_at_once(run: Run, base: ir.Table, failing: dict[int, Test]) -> dict[int, list[int]]:
    """The first failing rows of all tests in one query."""
    if not failing:
        return {}
    flags = masks.words([test.broken for test in failing.values()], "f")
    wrong = base.select(row=base[ROW], **flags)
    found = run.backend.to_pyarrow(wrong.filter(ibis.or_(*(wrong[name] != 0 for name in flags))).order_by("row"))
    return {n: masks.picked(found, "f", place)[: run.max_rows] for place, n in enumerate(failing)}


def _rows(run: Run, wrong: ir.Table) -> list[int]:
    """The first failing rows in a query of their own: for engines that can't keep them while they count, and for very many."""
    rows: list[int] = run.backend.to_pyarrow(wrong.select(ROW).order_by(ROW).limit(run.max_rows))[ROW].to_pylist()
    return rows


def told(run: Run, ready: Prepared, units: list[Unit], rows: int, path: Path) -> tuple[list[Result], ir.Table]:
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
    return results_of(units, counts, {n: tally.rows(f"f{n}") for n in range(len(tests))}, rows), mask


def results_of(units: list[Unit], counts: dict[str, int], numbers: dict[int, list[int]], rows: int) -> list[Result]:
    """The results of ``units``: ``counts`` by what was counted and the unit's place, ``numbers`` of its wrong rows."""
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


def write_mask(run: Run, kept: Kept, path: Path) -> None:
    """Write to ``path`` which row breaks which rules: those judged row by row (``kept``), then the others."""
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


def _write_wide_mask(run: Run, kept: Kept, path: Path) -> None:
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


def with_examples(run: Run) -> list[Result]:
    """The results with some of the failing values of each, read in one query."""
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
