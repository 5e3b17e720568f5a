"""Rows in the formats of the interface: a page of them as one body, all of them as pieces that follow each other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

import duckdb

from gongshu.lake import serving
from gongshu.opening import sheets
from gongshu.opening.rows import answers, statements
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import ROW_ID, csv_line, feature, quoted, row_id
from gongshu.opening.rows.wanted import Wanted

BATCHES = {"arrow": 4000, "parquet": 20_000}  # rows of a piece of Arrow, and of a row group of Parquet
LINES = 2000  # rows of a piece of text: each is a Python object for a moment
TEXTS = ("jsonl", "csv", "geojson")


def rows(table: Table, ask: Ask, wanted: Wanted) -> tuple[bytes, str | None, int | None]:
    """A page in the format wanted: its body, the cursor of the next one and the total."""
    if wanted.format == "json":
        return answers.rows_json(table, ask, wanted)
    if wanted.format in TEXTS:
        found = answers.page(table, ask, wanted, text_of(table, ask.select, wanted.format))
        pieces = _framed(table, ask.select, wanted.format, iter([found.texts]))
        return b"".join(pieces), found.next, found.total
    return _tabular(table, ask, wanted)


def pieces(table: Table, ask: Ask, kind: str, cursor: duckdb.DuckDBPyConnection) -> Iterator[bytes]:
    """All rows that answer ``ask`` in the format ``kind``; a piece is made when it is asked for."""
    if kind in TEXTS:
        statement = statements.page(table, ask, text_of(table, ask.select, kind), None)
        found = cursor.execute(statement.sql, statement.values)
        batches = iter(lambda: [row[0] for row in found.fetchmany(LINES)], [])
        yield from _framed(table, ask.select, kind, batches)
        return
    statement = statements.page(table, ask, _columns(table, ask.select), None)
    reader = cursor.execute(statement.sql, statement.values).to_arrow_reader(BATCHES[kind])
    last = len(reader.schema) - 1
    sink = Sink()
    with _writer(kind, reader.schema.remove(last), sink) as writer:
        yield sink.take()
        for batch in reader:
            writer.write_batch(batch.remove_column(last))
            yield sink.take()
    yield sink.take()


def rows_of_a_piece(kind: str) -> int:
    """How many rows a piece of :func:`pieces` holds at most."""
    return BATCHES.get(kind, LINES)


@lru_cache(maxsize=512)
def text_of(table: Table, select: tuple[str, ...], kind: str) -> str:
    """SQL of a row as a line of JSON Lines or CSV, or as a GeoJSON feature."""
    names = _names(table, select)
    columns = [table.by_name[name] for name in names if name in table.by_name]
    if kind == "csv":
        line = csv_line(columns)
        if len(columns) < len(names):  # the identity of a row comes last
            line = csv_line([*columns, {"name": ROW_ID, "storage_type": "int64"}])
            identity = row_id(table.key, statements.free_name(table))
            line.args["expressions"][-1].replace(identity)
        return statements.text([line])
    if kind == "geojson":
        return statements.text([feature(columns, table.geometry, table.longitude, table.latitude)])
    return answers.chosen(table, select)


def _names(table: Table, select: tuple[str, ...]) -> list[str]:
    """The columns of the answer, the identity of a row last."""
    names = list(select) or table.names
    return [n for n in names if n in table.by_name] + [n for n in names if n not in table.by_name]


@lru_cache(maxsize=512)
def _columns(table: Table, select: tuple[str, ...]) -> str:
    """SQL of the columns of the answer as they are stored."""
    names = _names(table, select)
    found = [quoted(name) for name in names if name in table.by_name]
    if len(found) < len(names):
        identity = row_id(table.key, statements.free_name(table))
        return f"{statements.text(found)}{', ' if found else ''}{statements.text([identity])} AS {quoted(ROW_ID).sql('duckdb')}"
    return statements.text(found)


def _framed(table: Table, select: tuple[str, ...], kind: str, batches: Iterator[list[str]]) -> Iterator[bytes]:
    """Lines with what stands before, between and after them."""
    if kind == "csv":
        head = io.StringIO()
        names = (f"'{n}" if n[:1] in "=+-@\t\r\n" else n for n in _names(table, select))
        csv.writer(head, lineterminator="\n").writerow(names)
        yield head.getvalue().encode("utf-8-sig")
    if kind == "geojson":
        title = json.dumps(table.title, ensure_ascii=False)
        yield f'{{"type":"FeatureCollection","name":{title},"features":[\n'.encode()
    between = ""
    for texts in batches:
        if kind == "geojson":
            yield (between + ",\n".join(texts)).encode()
            between = ",\n" if texts else between
        elif texts:
            yield ("\n".join(texts) + "\n").encode()
    if kind == "geojson":
        yield b"\n]}\n"


def _tabular(table: Table, ask: Ask, wanted: Wanted) -> tuple[bytes, str | None, int | None]:
    statement = statements.page(table, ask, _columns(table, ask.select), wanted.limit + 1, wanted.offset, wanted.cursor)
    with serving.POOL.cursor(table.path) as cursor:
        found = cursor.execute(statement.sql, statement.values).to_arrow_table()
    last = found.num_columns - 1
    more = found.num_rows > wanted.limit
    ordinal = found.column(last)[wanted.limit - 1].as_py() if more and wanted.limit else -1
    following, total = answers.closing(table, ask, wanted, found.num_rows, ordinal)
    page = found.remove_column(last).slice(0, wanted.limit)
    if page.nbytes > answers.ANSWER_BYTES:
        raise serving.TooLarge(table.path.name)
    if wanted.format == "xlsx":
        book = io.BytesIO()
        sheets.write_page(page.column_names, zip(*(c.to_pylist() for c in page.columns), strict=True), book)
        return book.getvalue(), following, total
    sink = Sink()
    with _writer(wanted.format, page.schema, sink) as writer:
        writer.write_table(page)
    return sink.take(), following, total


class Sink(io.RawIOBase):
    """A file that is written to on one side and taken from on the other."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Keep a copy of ``data`` until it is taken."""
        self._held.append(bytes(data))
        return len(self._held[-1])

    def take(self) -> bytes:
        """What was written since it was taken last."""
        taken, self._held = b"".join(self._held), []
        return taken

    def close(self) -> None:
        """Nothing to let go of: what was written can still be taken."""


def _writer(kind: str, schema: Any, sink: IO[bytes] | Sink) -> Any:
    import pyarrow as pa  # only for those who ask for it: it takes 30 MB

    if kind == "arrow":
        return pa.ipc.new_stream(sink, schema)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(sink, schema, compression="zstd")
