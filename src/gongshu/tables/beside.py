"""What column statistics and recognition take out of the scan in which the rules are first looked at (DuckDB only)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gongshu.tables.model import ROW
from gongshu.tables.nearly_unique import MOST_ROWS, engine_hash, filled
from gongshu.tables.semantic.evidence import sampled

_FLAG = "_some"


class Beside:
    """Of the columns ``names`` of a table of ``rows`` rows: the hashes of their filled cells, and the sample of the recogniser.

    The hashes lie in ``folder``, eight bytes a cell; ``done`` when a scan has gone through.
    """

    def __init__(self, folder: Path, names: Sequence[str], rows: int) -> None:
        self.done = False
        self._folder, self._names, self._rows = folder, list(names), rows
        self._sample: list[pa.RecordBatch] = []

    def columns(self, table: ir.Table) -> dict[str, ir.Value]:
        """The columns of ``table`` under names that collide with no others."""
        return {f"b{n}": table[name] for n, name in enumerate(self._names)}

    def asked(self, base: ir.Table) -> dict[str, ir.Value]:
        """What the scan of ``base`` (with these) has to hand out beside its own."""
        some = sampled(base[ROW], self._rows, len(self._names))
        found: dict[str, ir.Value] = {_FLAG: some}
        for n in range(len(self._names)):
            values = filled(base[f"b{n}"])
            found[f"h{n}"] = values.notnull().ifelse(engine_hash(values), ibis.null("uint64"))
            found[f"s{n}_"] = some.ifelse(base[f"b{n}"].cast("string"), ibis.null("string"))
        return found

    def begin(self) -> None:
        """A scan begins; what one before it left that did not go through is forgotten."""
        self._sample = []
        for n in range(len(self._names)):
            self._file(n).write_bytes(b"")

    def add(self, batch: pa.RecordBatch) -> None:
        """Some rows of the scan."""
        for n in range(len(self._names)):
            with self._file(n).open("ab") as file:
                file.write(batch.column(f"h{n}").drop_null().to_numpy().tobytes())
        own = batch.select([ROW, *(f"s{n}_" for n in range(len(self._names)))])
        self._sample.append(own.filter(batch.column(_FLAG)).rename_columns([ROW, *self._names]))

    def sample(self) -> ir.Table:
        """The sample as :func:`.evidence.drawn` gives it."""
        return ibis.memtable(pa.Table.from_batches(self._sample))

    def hashes(self, name: str) -> npt.NDArray[np.uint64] | None:
        """The hashes of the filled cells of a column, in no order; None when the column is none of these."""
        return np.fromfile(self._file(self._names.index(name)), np.uint64) if name in self._names else None

    def _file(self, n: int) -> Path:
        return self._folder / f"{n}.hashes"


def can_ride(engine: str, columns: int, rows: int) -> bool:
    """Whether so many columns and rows are looked at beside the rules."""
    return engine == "duckdb" and columns <= 60 and rows <= MOST_ROWS
