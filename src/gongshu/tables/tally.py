"""How many rows have each of some flags, and which are the first of them: counted while the rows go by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gongshu.tables.model import ROW


class Tally:
    """``counts``: how many rows have each flag that some have. Of each, the ``most`` smallest row numbers are kept."""

    def __init__(self, most: int) -> None:
        self.counts: dict[str, int] = {}
        self._most = most
        self._first: dict[str, npt.NDArray[np.int64]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Some more rows: ``_row`` and flags of any names, null for no row."""
        numbers = batch.column(ROW).to_numpy()
        for name in batch.schema.names:
            if name == ROW:
                continue
            rows = numbers[flags_of(batch, name)]
            if not len(rows):
                continue
            self.counts[name] = self.counts.get(name, 0) + len(rows)
            first = self._first.get(name, rows[:0])
            if self._most and (len(first) < self._most or rows.min() < first[-1]):
                self._first[name] = np.sort(np.concatenate([first, rows]))[: self._most]

    def rows(self, name: str) -> list[int]:
        """The first rows with the flag ``name``, in order."""
        found: list[int] = self._first[name].tolist() if name in self._first else []
        return found


def flags_of(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.bool_]:
    """A column of flags."""
    found: npt.NDArray[np.bool_] = batch.column(name).to_numpy(zero_copy_only=False)
    return found
