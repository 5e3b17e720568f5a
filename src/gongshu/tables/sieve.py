"""The first look at many rows (筛): one scan tells which of them need a second, and keeps those in a file.

Nearly all cells are right as they are written, which cheap tests of the raw cells tell. What they leave is a small part of the
table; the many ways to write a number or a date, the placeholders, the mending are for that part alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import and_
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from gongshu.tables.beside import Beside
from gongshu.tables.cells import ODD, Kind, columns_of, numbered, quick_tests, raw_columns, raw_names
from gongshu.tables.contract import Rule
from gongshu.tables.engine import streamed
from gongshu.tables.model import ROW
from gongshu.tables.tally import flags_of

ROWS_AT_ONCE = 16_384


def siftable(table: ir.Table, types: Mapping[str, str], rules: list[Rule], kinds: Mapping[str, Kind]) -> list[bool]:
    """Of each rule whether it can be told at once where a row surely keeps it."""
    quick = quick_tests(raw_columns(numbered(table, types, rules), types, rules, kinds), types, rules, kinds)
    return [n in quick or kinds[rule.kind].outside is not None for n, rule in enumerate(rules)]


def sift(
    backend: Backend,
    table: ir.Table,
    types: Mapping[str, str],
    rules: list[Rule],
    kinds: Mapping[str, Kind],
    path: Path,
    beside: Beside | None = None,
) -> ir.Table:
    """The rows of ``table`` in which some of ``rules`` isn't known at once to be kept, written to ``path``.

    As :func:`.cells.numbered` gives them, with ``_odd`` and, for rules that are told outside the engine, ``right0``... as they
    turned out. Where ``_odd`` is false only these are in doubt, and no other column is filled. All rules are :func:`siftable`.
    ``beside``: what else is taken out of the same scan.
    """
    base = numbered(table, types, rules)
    if beside:
        base = table.select(**{ROW: table[ROW]}, **raw_names(table, types, rules), **beside.columns(table))
    raw = raw_columns(base, types, rules, kinds)
    quick = quick_tests(raw, types, rules, kinds)
    base = raw.base.mutate(**{f"q{n}": test for n, test in quick.items()}) if quick else raw.base
    odd = ~reduce(and_, (base[f"q{n}"] for n in quick)) if quick else ibis.literal(False)
    base = base.mutate(**{ODD: odd})
    tests = {n: test for n, rule in enumerate(rules) if (test := kinds[rule.kind].outside)}
    outside = {n: raw.numbers[columns_of(rules[n])[0]] for n in tests}
    # what is looked at outside is handed out whole, of the rest only what will be kept
    columns = {
        f"r{n}": base[f"r{n}"]
        if n in outside.values()
        else base[ODD].ifelse(base[f"r{n}"], ibis.null(base[f"r{n}"].type()))
        for n in raw.numbers.values()
    }
    columns |= {
        f"s{n}": base[f"r{n}"].cast("string")
        for n in sorted(set(outside.values()))
        if not base[f"r{n}"].type().is_string()
    }
    asked = base.select(base[ROW], base[ODD], **columns)
    schema = asked.schema().to_pyarrow()
    own = schema.names
    if beside:
        asked = base.select(base[ROW], base[ODD], **columns, **beside.asked(base))
        beside.begin()
    for n in outside:
        schema = schema.append(pa.field(f"right{n}", pa.bool_()))
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False, write_statistics=False) as writer:
        for batch in streamed(backend, asked, ROWS_AT_ONCE):
            if beside:
                beside.add(batch)
                batch = batch.select(own)
            right = {}
            for n, column in outside.items():
                texts = batch.column(f"s{column}" if f"s{column}" in columns else f"r{column}")
                right[n] = tests[n](rules[n], texts)
            known = reduce(and_, right.values(), ~flags_of(batch, ODD))
            for n, each in right.items():
                batch = batch.append_column(f"right{n}", pa.array(each))
            writer.write_batch(batch.take(pa.array(np.flatnonzero(~known))))
    if beside:
        beside.done = True
    return backend.read_parquet(path)
