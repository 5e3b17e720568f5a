"""Records on their way into a staged Parquet file: numbered, with totals, footnotes, blank rows and damaged cells set aside."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gongshu.i18n import gettext
from gongshu.tables.model import ROW, Quarantined, Skipped, TextTable
from gongshu.tables.reading import limits
from gongshu.tables.reading.encoding import BAD
from gongshu.tables.reading.layout import TOTAL_ROW, Layout, is_footnote, is_header_again, is_section, is_total


def holds(column: pa.Array, what: str) -> bool:
    """Whether ``what`` occurs in the bytes of all cells together: ten times quicker than cell by cell, and nearly always a no."""
    data = column.buffers()[2]
    if data is None:
        return False
    whole = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(struct.pack("=ii", 0, data.size)), data])
    return bool(pc.match_substring_regex(whole, re.escape(what))[0].as_py())


class Stage:
    """Writes one table. ``add`` batches of string columns in order, then ``finish``.

    ``source_row`` gives the source's row of a record number. ``damaged`` says that cells may hold undecodable places;
    ``kept`` numbers are never set aside (a person said so by ``skip_rows`` elsewhere, or the source has no such rows).
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        *,
        source_row: Callable[[int], int],
        damaged: bool = False,
        skip_rows: frozenset[int] = frozenset(),
        plain: bool = False,
    ) -> None:
        self.path = path
        self.layout = layout
        self.names = layout.names
        self.skipped: list[Skipped] = []
        self.quarantined: list[Quarantined] = []
        self.quarantined_total = 0
        self.rows = 0
        self.last_number = 0  # of the last record that could be split
        self.source_row = source_row
        self._damaged = damaged
        self._skip_rows = skip_rows
        self._plain = plain
        self._schema = pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in self.names)])
        self._writer: pq.ParquetWriter | None = None
        self._pool = ThreadPoolExecutor(1, "staging")
        self._writing: Future[None] | None = None
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0
        self._held_bytes = 0

    def quarantine(self, row: int, column: str | None, value: str, why: str) -> None:
        """Keep aside a value or a whole record, with its reason."""
        self.quarantined_total += 1
        if len(self.quarantined) < limits.MAX_KEPT_QUARANTINED:
            self.quarantined.append(Quarantined(row, column, value[: limits.QUARANTINED_TEXT_CHARS], why))

    def skip(self, row: int, why: str) -> None:
        """List a record as no record, by its record number."""
        if len(self.skipped) < limits.MAX_KEPT_SKIPPED:
            self.skipped.append(Skipped(self.source_row(row), why))

    def add(self, numbers: pa.Array, columns: list[pa.Array]) -> None:
        """Take a batch: record numbers (int64) and one string array a column, empty cells null."""
        if self._damaged:
            columns = [self._undamaged(name, numbers, column) for name, column in zip(self.names, columns, strict=True)]
        batch = pa.record_batch([numbers, *columns], schema=self._schema)
        if len(numbers):
            self.last_number = numbers[-1].as_py()
        if not self._plain:
            batch = self._without_totals(batch)
        if self._skip_rows:
            batch = self._without_named(batch)
        self._held.append(batch)
        self._held_rows += batch.num_rows
        self._held_bytes += batch.nbytes
        ready = self._held_rows - limits.TAIL_ROWS
        if ready >= limits.ROW_GROUP_ROWS:
            self._flush(ready // limits.ROW_GROUP_ROWS * limits.ROW_GROUP_ROWS)
        elif self._held_bytes > 64 * 1024**2 and ready > 0:
            self._flush(ready)

    def finish(self, name: str) -> TextTable:
        """Judge the last records, write what is left, and describe the table."""
        tail = pa.Table.from_batches(self._held, self._schema)
        if not self._plain:
            tail = self._without_footnotes(tail)
        self._write(tail)
        self._written()
        self._pool.shutdown()
        if self._writer is not None:
            self._writer.close()
        self.skipped.sort(key=lambda entry: entry.row)
        self.quarantined.sort(key=lambda entry: entry.row)
        return TextTable(
            name=name,
            path=self.path,
            columns=list(self.names),
            rows=self.rows,
            header_rows=self.layout.header_rows,
            skipped=[*self.layout.skipped, *self.skipped],
            quarantined=self.quarantined,
            quarantined_total=self.quarantined_total,
            header_notes=self.layout.notes,
        )

    def abandon(self) -> None:
        """Close and delete what was written."""
        self._pool.shutdown()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self.path.unlink(missing_ok=True)

    # -- writing

    def _flush(self, cut: int) -> None:
        table = pa.Table.from_batches(self._held, self._schema)
        self._write(table.slice(0, cut))
        # a copy, so that the slice doesn't hold the whole batch in memory
        rest = table.slice(cut)
        rest = rest.take(pa.array(range(rest.num_rows), pa.int64())).combine_chunks()
        self._held = rest.to_batches()
        self._held_rows = rest.num_rows
        self._held_bytes = rest.nbytes

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, self._schema, compression="zstd", compression_level=1)
        self._written()
        if table.num_rows:
            # compressing one row group goes on while the next is parsed; one at a time, so memory stays flat
            self._writing = self._pool.submit(self._writer.write_table, table, row_group_size=limits.ROW_GROUP_ROWS)
            self.rows += table.num_rows

    def _written(self) -> None:
        """Wait for the row group in the making; its error is raised here."""
        if self._writing is not None:
            waiting, self._writing = self._writing, None
            waiting.result()

    # -- what is no record

    def _without_totals(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        suspects = self._suspects(batch)
        if not suspects:
            return batch
        drop: list[tuple[int, str]] = []
        maybe: list[int] = []
        for place in suspects:
            cells = [batch.column(c)[place].as_py() for c in range(1, batch.num_columns)]
            kind = is_total(cells, self.layout)
            if not any(cell and cell.strip() for cell in cells):
                drop.append((place, "blank"))
            elif kind == "sure":
                drop.append((place, "subtotal"))
            elif kind == "maybe":
                maybe.append(place)
            elif is_header_again(cells, self.layout):
                drop.append((place, "header"))
            elif is_section(cells, self.layout):
                drop.append((place, "section"))
        if len(maybe) == 1 and batch.column(0)[maybe[0]].as_py() == 1:
            drop.append((maybe[0], "subtotal"))  # a lone total over the records (yearbooks put it first)
        if batch.num_rows >= 10 and sum(1 for _, why in drop if why == "subtotal") * 2 > batch.num_rows:
            # half of the records "totals": 合计 is a category of this table, the records are data
            drop = [(place, why) for place, why in drop if why != "subtotal"]
        return self._dropped(batch, drop)

    def _suspects(self, batch: pa.RecordBatch) -> list[int]:
        """Places worth a look by Python: a label of a total in the first three columns, or nothing after the first column."""
        mask = pc.is_null(batch.column(0))
        for column in batch.columns[1:4]:
            if not any(holds(column, letter) for letter in ("计", "o", "O")):  # of 合计 and the like, and of total
                continue
            mask = pc.or_(mask, pc.fill_null(pc.match_substring_regex(column, TOTAL_ROW), False))
        head = self.layout.originals[:2]
        if len(head) > 1 and all(head) and all(map(holds, batch.columns[1:3], head)):
            again = pc.and_(
                pc.starts_with(batch.column(1), head[0]),
                pc.starts_with(batch.column(2), head[1]),
            )
            mask = pc.or_(mask, pc.fill_null(again, False))
        empty = None
        for column in batch.columns[2:] or batch.columns[1:]:
            if column.null_count == 0 and not self._has_blank(column):
                empty = None
                break
            bare = pc.or_kleene(pc.is_null(column), pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True))
            empty = bare if empty is None else pc.and_(empty, bare)
            if not pc.any(empty).as_py():
                empty = None
                break
        if empty is not None:
            mask = pc.or_(mask, empty)
        places: list[int] = pc.indices_nonzero(mask).to_pylist()
        return places

    @staticmethod
    def _has_blank(column: pa.Array) -> bool:
        return bool(pc.any(pc.starts_with(column, " ")).as_py() or pc.any(pc.starts_with(column, "\u3000")).as_py())

    def _dropped(self, batch: pa.RecordBatch, drop: list[tuple[int, str]]) -> pa.RecordBatch:
        if not drop:
            return batch
        keep = [True] * batch.num_rows
        for place, why in drop:
            keep[place] = False
            self.skip(batch.column(0)[place].as_py(), why)
        return batch.filter(pa.array(keep))

    def _without_named(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        drop = [
            (place, "option")
            for place, number in enumerate(batch.column(0).to_pylist())
            if self.source_row(number) in self._skip_rows
        ]
        return self._dropped(batch, drop)

    def _without_footnotes(self, table: pa.Table) -> pa.Table:
        """From the last record upwards: notes, signatures and a final total are no records."""
        start = max(0, table.num_rows - limits.TAIL_ROWS)
        tail = table.slice(start).to_pylist()
        width = len(self.names)
        drop: dict[int, str] = {}
        block: list[int] = []  # lone texts below a note: its second and third point
        for place in range(len(tail) - 1, -1, -1):
            cells = [tail[place][name] for name in self.names]
            filled = [cell for cell in cells if cell and cell.strip()]
            if is_footnote(cells, width):
                drop |= dict.fromkeys([place, *block], "footnote")
                block = []
            elif is_total(cells, self.layout):
                drop[place] = "subtotal"
                block = []
            elif width >= 2 and len(filled) == 1 and cells[0] and len(block) < 20:
                block.append(place)
            else:
                break
        if not drop:
            return table
        for place, why in drop.items():
            self.skip(tail[place][ROW], why)
        keep = [True] * start + [place not in drop for place in range(len(tail))]
        return table.filter(pa.array(keep))

    def _undamaged(self, name: str, numbers: pa.Array, column: pa.Array) -> pa.Array:
        """Cells with undecodable bytes become null and are quarantined; the row stays."""
        hit = pc.fill_null(pc.match_substring(column, BAD), False)
        places = pc.indices_nonzero(hit).to_pylist()
        for place in places:
            self.quarantine(
                numbers[place].as_py(),
                name,
                column[place].as_py().replace(BAD, "\ufffd"),
                gettext("单元格含无法解码的字节"),
            )
        return pc.if_else(hit, pa.scalar(None, pa.string()), column) if places else column
