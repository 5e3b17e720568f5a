"""Delimited text (CSV, TSV and their kin) into a staged table, streaming: memory stays flat whatever the size."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from gongshu.i18n import gettext
from gongshu.tables.errors import TableError
from gongshu.tables.model import Source, TextTable
from gongshu.tables.reading import limits
from gongshu.tables.reading.dialect import STAND_IN, Dialect, sniff_dialect, split
from gongshu.tables.reading.encoding import BAD, TextFile, Utf8Stream, detect_encoding, head_text
from gongshu.tables.reading.layout import Layout, find_layout, is_footnote, is_total
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.reading.staging import Stage, holds

BLOCK = 1 << 22


@dataclass
class _Misfit:
    """A record that could not be split: its number (1-based over all records of the file), text and fields found."""

    number: int
    text: str
    found: int


@dataclass
class _Misfits:
    """What the parser could not split; only so many texts are kept, all numbers until they are used."""

    entries: list[_Misfit] = field(default_factory=list)
    total: int = 0
    pending: list[int] = field(default_factory=list)

    def __call__(self, row: pc.InvalidRow) -> str:
        self.total += 1
        self.pending.append(row.number)
        if len(self.entries) < limits.MAX_KEPT_QUARANTINED:
            # the whole text is looked at once more for an unclosed quote; it is cut when it is reported
            self.entries.append(_Misfit(row.number, row.text[: 1 << 20], row.actual_columns))
        return "skip"


def read_delimited(path: Path, folder: Path, options: ReadingOptions, file: TextFile | None = None) -> Source:
    """Read ``path`` into a staged Parquet file in ``folder``."""
    file = file or detect_encoding(path, options.encoding)
    text = head_text(file)
    if not text.strip(" \t\r\n\u3000,;|\x1a\x00"):
        raise TableError("empty_file", "文件里只有空白，没有表格。请检查导出是否成功。", where={"file": path.name})
    dialects = sniff_dialect(text, options.delimiter, options.quote)
    notes = [note_bad(file)] if file.bad else []
    target = folder / "0.parquet"
    # the reading itself proves the first guess; only when it misfits are the others counted over the whole file
    dialect = dialects[0]
    table: TextTable | None = None
    more: list[str] = []
    with suppress(_UnclosedQuoteError):
        table, more = _read(file, dialect, text, target, options)
    if table is None or table.quarantined_total > 0.01 * (table.rows + table.quarantined_total):
        proved = _proved(file, dialects)
        if table is None or proved != dialect:
            dialect = proved
            try:
                table, more = _read(file, dialect, text, target, options)
            except _UnclosedQuoteError:
                raise TableError(
                    "quotes",
                    "引号不成对，无法拆分记录。请检查引号；如果文件不用引号，请把 quote 选项设为空。",
                    where={"file": path.name},
                ) from None
    form = "tsv" if dialect.delimiter == "\t" else "csv"
    return Source(path, form, file.encoding, [table], notes + more)


class _UnclosedQuoteError(Exception):
    """Quotes swallow records and can't be closed line by line."""


def note_bad(file: TextFile) -> str:
    """What is said of a text with undecodable places."""
    assert file.place is not None
    return gettext(
        "有 {count} 处字节无法按 {encoding} 解码，所在单元格已隔离；第一处在第 {line} 行（第 {offset} 字节，{bytes}）",
        count=file.bad,
        encoding=file.encoding,
        line=file.place.line,
        offset=file.place.offset,
        bytes=file.place.bytes,
    )


def _proved(file: TextFile, dialects: list[Dialect]) -> Dialect:
    """The dialect with the fewest misfits over the whole file; the first one when it has (nearly) none."""
    best: tuple[float, Dialect] | None = None
    for dialect in dialects[:3]:
        without = replace(dialect, quote="")
        for candidate in [dialect, without] if dialect.quote else [dialect]:
            total, bad = _count(file, candidate)
            share = bad / max(total, 1)
            if best is None or share < best[0] - 0.02:
                best = (share, candidate)
            if share <= 0.01:
                break
        if best is not None and best[0] <= 0.02:
            break
        if total < 30:
            break  # a handful of records: titles and notes weigh too much to judge another delimiter by
    if best is None:
        return dialects[0]
    if best[0] > 0.5 and best[1].width > 1:
        total, bad = _count(file, best[1])
        if total > 30:
            raise TableError(
                "not_a_table",
                "内容不能按同一种分隔符拆成表格：{total} 条记录中有 {bad} 条的字段数不一致。请检查文件，或用 delimiter、quote 选项指明。",
                where={"file": file.path.name},
                total=total,
                bad=bad,
            )
    return best[1]


def _count(file: TextFile, dialect: Dialect) -> tuple[int, int]:
    """Records of the whole file and how many of them misfit, without keeping any."""
    misfits = _Misfits()
    rows = 0
    try:
        for batch in _open(file, dialect, [f"f{n}" for n in range(dialect.width)], misfits, only=0):
            rows += batch.num_rows
            misfits.pending.clear()
            misfits.entries.clear()
    except _RecordTooLongError:
        return 1, 1
    return rows + misfits.total, misfits.total


class _RecordTooLongError(Exception):
    """A record longer than the limit: nearly always an unclosed quote."""


def _open(  # type: ignore[no-untyped-def]
    file: TextFile,
    dialect: Dialect,
    names: list[str],
    misfits: _Misfits,
    only: int | None = None,
    patches: dict[bytes, bytes] | None = None,
):
    """Batches of string columns, in order; with ``only`` just that column."""
    rewrite = _rewriter(dialect, patches or {})
    stream = Utf8Stream(file, rewrite)
    block = BLOCK if file.longest_line < BLOCK // 2 else 2 * limits.MAX_RECORD_BYTES
    arrow = pa.PythonFile(stream, mode="r")
    try:
        reader = pc.open_csv(
            arrow,
            read_options=pc.ReadOptions(use_threads=False, block_size=block, column_names=names),
            parse_options=pc.ParseOptions(
                delimiter=dialect.cut,
                quote_char=dialect.quote or False,
                double_quote=bool(dialect.quote) and not dialect.escape,
                escape_char=dialect.escape or False,
                newlines_in_values=bool(dialect.quote),
                invalid_row_handler=misfits,
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
                include_columns=names if only is None else [names[only]],
            ),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        if "straddl" in str(error):
            raise _RecordTooLongError from error
        if "Empty CSV" in str(error) or "no data" in str(error).lower():
            return
        raise
    finally:
        stream.close()


def _rewriter(dialect: Dialect, patches: dict[bytes, bytes]) -> Callable[[bytes], bytes] | None:
    """Changes to whole lines before parsing, or None."""
    steps: list[Callable[[bytes], bytes]] = []
    if dialect.delimiter == " ":
        steps.append(lambda raw: re.sub(rb"(?m)^ +| +(?=\r?$)", b"", re.sub(rb" +", b" ", raw)))
    elif dialect.delimiter and dialect.cut == STAND_IN != dialect.delimiter:
        long = dialect.delimiter.encode()
        steps.append(lambda raw: raw.replace(long, STAND_IN.encode()))
    if patches:
        steps.append(lambda raw: _patched(raw, patches))
    if not steps:
        return None

    def rewrite(raw: bytes) -> bytes:
        for step in steps:
            raw = step(raw)
        return raw

    return rewrite


def _patched(raw: bytes, patches: dict[bytes, bytes]) -> bytes:
    if not any(line in raw for line in patches):
        return raw
    return b"\n".join(patches.get(line, line) for line in raw.split(b"\n"))


def _read(
    file: TextFile, dialect: Dialect, text: str, target: Path, options: ReadingOptions
) -> tuple[TextTable, list[str]]:
    layout, before = _layout(file, dialect, text, options)
    notes: list[str] = []
    patches: dict[bytes, bytes] = {}
    while True:
        stage = Stage(
            target,
            layout,
            source_row=_source_rows(layout),
            damaged=bool(file.bad),
            skip_rows=frozenset(options.skip_rows),
        )
        try:
            misfits, suspicious = _pass(file, dialect, layout, before, stage, patches)
            if not suspicious or patches:
                _judge(misfits, dialect, layout, before, stage, patches)
                table = stage.finish(file.path.stem)
                break
        except _RecordTooLongError:
            if patches:
                stage.abandon()
                raise _UnclosedQuoteError from None
        except BaseException:
            stage.abandon()
            raise
        # quotes that were opened and never closed have swallowed records: close them at the end of their line, read again
        stage.abandon()
        patches = _odd_lines(file, dialect) or {b"\0": b"\0"}
    if b"\0" not in patches and patches:
        notes.append(gettext("有 {count} 行的引号没有成对，已按行断开", count=len(patches)))
    if layout.no_header and not options.no_header:
        notes.append(gettext("第一行看起来是数据而不是表头，列名记为列1、列2……；如有表头，请用 header_rows 选项指明"))
    return table, notes


def _odd_lines(file: TextFile, dialect: Dialect) -> dict[bytes, bytes]:
    """Lines that open a quote and never close it though each is a record's worth of fields, and so is the line after.

    The only loop over lines, taken only when quotes were seen to swallow records.
    """
    quote, cut, width = dialect.quote.encode(), dialect.cut.encode(), dialect.width
    found: dict[bytes, bytes] = {}
    candidate: bytes | None = None
    with io.BufferedReader(Utf8Stream(file, _rewriter(dialect, {}))) as lines:
        for raw in lines:
            line = raw.rstrip(b"\n")
            bare = line.rstrip(b"\r")
            if candidate is not None and _is_record(bare.decode(), dialect):
                found[candidate] = candidate.rstrip(b"\r") + quote
            candidate = line if bare.count(quote) % 2 and bare.count(cut) >= width - 1 else None
            if len(found) >= limits.MAX_KEPT_QUARANTINED:
                break
    if candidate is not None:
        found[candidate] = candidate.rstrip(b"\r") + quote
    return found


def _source_rows(layout: Layout) -> Callable[[int], int]:
    """Source row of a record: counted on from the header (blank lines and line ends inside cells below it aren't counted)."""
    last = max([*layout.header_rows, *(entry.row for entry in layout.skipped)], default=0)
    return lambda number: last + number


def _layout(file: TextFile, dialect: Dialect, text: str, options: ReadingOptions) -> tuple[Layout, int]:
    """Layout of the head, and how many non-blank records come before the first data record."""
    head = split(text, dialect)[: limits.HEAD_ROWS]
    width = dialect.width
    if width > limits.MAX_COLUMNS:
        raise TableError(
            "too_many_columns",
            "有 {count} 列，超过上限 {limit} 列。请把表拆开，或改成长表（一行一个值）。",
            where={"file": file.path.name},
            count=width,
            limit=limits.MAX_COLUMNS,
        )
    layout = find_layout([(line, cells) for line, cells in head], width, options)
    before = sum(1 for _, cells in head[: layout.used] if cells)
    return layout, before


def _pass(
    file: TextFile, dialect: Dialect, layout: Layout, before: int, stage: Stage, patches: dict[bytes, bytes]
) -> tuple[_Misfits, bool]:
    """One run over the file; also whether an unclosed quote seems to have swallowed records."""
    misfits = _Misfits()
    names = [f"f{n}" for n in range(len(layout.names))]
    seen, suspicious = 0, False
    for batch in _open(file, dialect, names, misfits, patches=patches):
        numbers, seen = _numbers(batch.num_rows, seen, misfits.pending)
        suspicious = suspicious or (bool(dialect.quote) and not patches and _swallowed(batch, dialect))
        start = 0
        while start < len(numbers) and numbers[start].as_py() <= before:
            start += 1
        if start < len(numbers):
            kept = numbers.slice(start)
            columns = [_unwrapped(column) for column in batch.slice(start).columns]
            stage.add(pa.compute.subtract(kept, before) if before else kept, columns)
    if dialect.quote and not patches:
        suspicious = suspicious or any(_is_swallowed(entry.text, dialect) for entry in misfits.entries)
    return misfits, suspicious


def _numbers(count: int, seen: int, pending: list[int]) -> tuple[pa.Array, int]:
    """Record numbers of the next ``count`` good records after record ``seen``, leaving out the misfits among them."""
    # the parser may have run ahead: misfits beyond this batch stay pending
    numbers: list[int] | None = None
    if not pending:
        return pa.array(range(seen + 1, seen + count + 1), pa.int64()), seen + count
    misfit = set(pending)
    numbers, number = [], seen
    while len(numbers) < count:
        number += 1
        if number not in misfit:
            numbers.append(number)
    pending[:] = [entry for entry in pending if entry > number]
    return pa.array(numbers, pa.int64()), number


def _unwrapped(column: pa.Array) -> pa.Array:
    """``="007"``, which makes Excel keep the zeros, is 007."""
    if holds(column, '="') and pa.compute.any(pa.compute.starts_with(column, '="')).as_py():
        return pa.compute.replace_substring_regex(column, r'^="([^"]*)"$', r"\1")
    return column


def _swallowed(batch: pa.RecordBatch, dialect: Dialect) -> bool:
    """Does a cell hold line ends and, between them, records' worth of fields?"""
    for place, column in enumerate(batch.columns):
        if not holds(column, "\n"):
            continue
        hits = pa.compute.match_substring(column, "\n")
        for cell in column.filter(hits).slice(0, 1000).to_pylist():
            counts = [line.count(dialect.cut) for line in cell.split("\n")]
            counts[0] += place
            counts[-1] += dialect.width - 1 - place
            if dialect.width > 1 and all(count == dialect.width - 1 for count in counts):
                return True
    return False


def _is_swallowed(text: str, dialect: Dialect) -> bool:
    """Are the later lines of a misfit, each by itself, records of the right width?"""
    lines = text.split("\n")[:200]
    return len(lines) > 1 and sum(_is_record(line, dialect) for line in lines[1:]) >= 0.5 * (len(lines) - 1)


def _is_record(line: str, dialect: Dialect) -> bool:
    if dialect.width < 2 or line.count(dialect.quote) % 2:
        return False
    records = split(line, replace(dialect, delimiter=dialect.cut))
    return len(records) == 1 and len(records[0][1]) == dialect.width


def _judge(
    misfits: _Misfits, dialect: Dialect, layout: Layout, before: int, stage: Stage, patches: dict[bytes, bytes]
) -> None:
    """What could not be split: titles were dealt with, totals and footnotes are no records, the rest is quarantined."""
    added = {patch.decode() for patch in patches.values()}
    body = [entry for entry in misfits.entries if entry.number > before]
    unkept = misfits.total - len(misfits.entries)
    last = stage.last_number + before
    end = {entry.number for entry in body if entry.number > last} if not unkept else set()
    for entry in body:
        rows = split(entry.text, replace(dialect, delimiter=dialect.cut))
        cells: list[str | None] = list(rows[0][1]) if rows else []
        number = entry.number - before
        if not any(cell and cell.strip(" \t\r\n\u3000\x1a") for cell in cells):
            stage.skip(number, "blank")
        elif entry.number in end and is_footnote(cells, layout.width):
            stage.skip(number, "footnote")
        elif is_total(cells, layout) and len(cells) < layout.width:
            stage.skip(number, "subtotal")
        else:
            text = entry.text[: -len(dialect.quote)] if entry.text in added else entry.text
            stage.quarantine(
                number,
                None,
                text.replace(BAD, "\ufffd"),
                gettext("引号没有成对")
                if entry.text in added
                else gettext("应有 {expected} 个字段，实有 {found} 个", expected=layout.width, found=entry.found),
            )
    stage.quarantined_total += unkept
