"""The rows that failed, kept: a Parquet file with the number of a row and a bit for each rule that it breaks (检核掩码).

Columns: ``row`` (as :data:`gongshu.tables.model.ROW`), ``mask0``, ``mask1``... of 63 bits each, in the order of rows; rows that
break no rule are left out. The file's metadata ``gongshu.bits`` is JSON, for each bit the rule's id and its column or null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add, or_
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from gongshu.tables.model import MASK_BITS as BITS
from gongshu.tables.model import MASK_KEY, ROW
from gongshu.tables.tally import flags_of

Bit = tuple[str, str | None]
ROWS_AT_ONCE = 4096


def words(flags: Sequence[ir.BooleanValue], name: str) -> dict[str, ir.IntegerValue]:
    """The flags of a row as words of 63 bits: ``<name>0``, ``<name>1``..."""
    made = {}
    for word in range(0, max(1, len(flags)), BITS):
        bits = [flag.ifelse(1 << n, 0).cast("int64") for n, flag in enumerate(flags[word : word + BITS])]
        made[f"{name}{word // BITS}"] = reduce(add, bits, ibis.literal(0, "int64"))
    return made


def packed(batch: pa.RecordBatch, count: int, schema: pa.Schema) -> pa.RecordBatch:
    """The rows of ``batch`` that have one of the flags ``f0``, ``f1``... (``count`` of them), these as words, as ``schema`` says."""
    made = [np.zeros(len(batch), np.int64) for _ in range(0, count, BITS)]
    for n in range(count):
        made[n // BITS] |= flags_of(batch, f"f{n}").astype(np.int64) << n % BITS
    some = np.flatnonzero(reduce(or_, made))
    columns = [batch.column(ROW).to_numpy()[some], *(word[some] for word in made)]
    return pa.record_batch([pa.array(column, pa.int64()) for column in columns], schema=schema)


def write_mask(backend: BaseBackend, parts: Sequence[tuple[int, ir.Table]], bits: Sequence[Bit], path: Path) -> None:
    """Write the mask of ``parts``: each a table of ``row`` and words ``f0``... (or ``row`` alone: one bit) whose first bit is the number given.

    ``bits`` says what each bit means. A part begins at a multiple of 63 unless it is one bit.
    """
    count = max(1, -(-len(bits) // BITS))
    sides = []
    for first, part in parts:
        own = [name for name in part.columns if name != "row"]
        filled = {f"mask{first // BITS + n}": part[name] for n, name in enumerate(own)}
        if not own:
            filled = {f"mask{first // BITS}": ibis.literal(1 << first % BITS, "int64")}
        zero = ibis.literal(0, "int64")
        sides.append(
            part.select(row=part.row, **{f"mask{n}": filled.get(f"mask{n}", zero).cast("int64") for n in range(count)})
        )
    names = [f"mask{n}" for n in range(count)]
    if sides:
        table = reduce(lambda a, b: a.union(b), sides)
        if len(sides) > 1:  # each part has bits of its own and a row once: the sum is their union
            table = table.group_by("row").aggregate(**{name: table[name].sum().cast("int64") for name in names})
        table = table.filter(reduce(or_, (table[name] != 0 for name in names))).order_by("row")
        stream = backend.to_pyarrow_batches(table)
    else:
        stream = None
    schema = _schema(bits)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in stream or ():
            writer.write_batch(batch.cast(schema) if batch.schema != schema else batch)


def write_rows(wrong: Sequence[npt.NDArray[np.int64]], bits: Sequence[Bit], path: Path) -> None:
    """Write the mask of which ``wrong`` says for each of very many ``bits`` the rows, in order."""
    schema = _schema(bits)
    rows = np.unique(np.concatenate([*wrong, np.empty(0, np.int64)]))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            words = np.zeros((len(schema) - 1, len(some)), np.int64)
            for bit, each in enumerate(wrong):
                own = each[slice(*np.searchsorted(each, [some[0], some[-1] + 1]))]
                words[bit // BITS, np.searchsorted(some, own)] |= 1 << bit % BITS
            writer.write_batch(pa.record_batch([pa.array(some), *map(pa.array, words)], schema=schema))


def _schema(bits: Sequence[Bit]) -> pa.Schema:
    names = [f"mask{n}" for n in range(max(1, -(-len(bits) // BITS)))]
    schema = pa.schema([("row", pa.int64()), *((name, pa.int64()) for name in names)])
    return schema.with_metadata({MASK_KEY: json.dumps([list(bit) for bit in bits], ensure_ascii=False)})


def bits_of(path: Path) -> list[Bit]:
    """What each bit of a mask means: the rule's id and its column."""
    return [(rule, column) for rule, column in json.loads(pq.read_schema(path).metadata[MASK_KEY.encode()])]


def rows_of(path: Path, rule: str, column: str | None) -> Iterator[list[int]]:
    """The rows that break ``rule`` (on ``column``), in order, some at a time; KeyError for a rule that the mask doesn't hold."""
    bits = bits_of(path)
    if (rule, column) not in bits:
        raise KeyError(rule)
    place = bits.index((rule, column))
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["row", f"mask{place // BITS}"]):
            if found := picked(batch, "mask", place):
                yield found


def picked(rows: pa.Table | pa.RecordBatch, name: str, bit: int) -> list[int]:
    """The numbers (``row``) of the rows that have ``bit`` of the words called ``name``."""
    word = rows.column(f"{name}{bit // BITS}")
    flag = pc.not_equal(pc.bit_wise_and(word, pa.scalar(1 << bit % BITS, pa.int64())), 0)
    found: list[int] = rows.column("row").filter(flag).to_pylist()
    return found
