"""Files of a version in the formats people ask for: made once, from the serving copy, kept as distributions.

A file is written beside and renamed, so it is there whole or not at all; one maker works on a file at a time. Cells of text
that a spreadsheet would take for a formula get an apostrophe in CSV; in XLSX text is never a formula.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy
from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening import queries, sheets, store
from gongshu.opening.models import Distribution, Version
from gongshu.opening.rows import display, formats, tables, values
from gongshu.opening.rows.grammar import Ask

logger = logging.getLogger("gongshu.exports")
SELECTION_ROWS = 100_000
SLOW_CELLS = 400_000  # an XLSX of more cells is made while the reader watches a page (about 130,000 cells a second)
BATCH = 2000
ROW_GROUP = 20_480  # rows; a tenth more bytes than the engine's own, and a reader over ranges fetches a sixth as much
MEMORY = "16MB"  # of the engine that writes a file: rows only pass through it; what needs more gets the settings' limit
Engine = duckdb.DuckDBPyConnection
Note = Callable[[int], None]
_makers = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Format:
    """A format: its content type, and what to say of it."""

    key: str
    label: str
    content_type: str
    note: Any
    listed: bool = True  # among the downloads; the others are there for programs


FORMATS = {
    one.key: one
    for one in (
        Format("csv", "CSV", "text/csv; charset=utf-8", gettext_lazy("UTF-8，表格软件可直接打开")),
        Format(
            "xlsx",
            "XLSX",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            gettext_lazy("含字典页"),
        ),
        Format("json", "JSON", "application/json", gettext_lazy("一行一个对象")),
        Format("geojson", "GeoJSON", "application/geo+json", gettext_lazy("图形与属性")),
        Format("parquet", "Parquet", "application/vnd.apache.parquet", gettext_lazy("分析用")),
        Format("jsonl", "JSON Lines", "application/x-ndjson", gettext_lazy("一行一个对象"), listed=False),
        Format("arrow", "Arrow", "application/vnd.apache.arrow.stream", gettext_lazy("分析用"), listed=False),
    )
}


class NoSuchFormat(Exception):
    """The version can't be had in this format."""


class TooManyRows(Exception):
    """More rows than the format holds."""


class Withdrawn(Exception):
    """The version went while its file was being made."""


def available(version: Version) -> list[Format]:
    """The formats that the version can be had in, of those that are listed."""
    return [one for one in FORMATS.values() if one.listed and _fits(version, one.key) is None]


def check(version: Version, key: str) -> Format:
    """The format ``key`` of this version; NoSuchFormat or TooManyRows when it can't be."""
    if key not in FORMATS:
        raise NoSuchFormat(key)
    refusal = _fits(version, key)
    if refusal is not None:
        raise refusal
    return FORMATS[key]


def ready(version: Version, key: str) -> Distribution | None:
    """The file when it is there already."""
    found = Distribution.objects.filter(version=version, format=key).first()
    return found if found is not None and file_of(found).is_file() else None


def file_of(distribution: Distribution) -> Path:
    """Where the file is."""
    found: Path = settings.DATA / distribution.path
    return found


def is_slow(version: Version, key: str) -> bool:
    """Whether making the file takes longer than a person waits for an answer."""
    return key == "xlsx" and version.rows * len(version.columns) > SLOW_CELLS


def ensure(version: Version, key: str) -> Distribution:
    """The file of ``version`` in format ``key``, made now if need be; raises NoSuchFormat, TooManyRows, Withdrawn."""
    check(version, key)
    if found := ready(version, key):
        return found
    with _makers, _only_maker(version, key) as note:
        if found := ready(version, key):
            return found
        return _make(version, key, note)


def ensure_later(version: Version, key: str) -> int:
    """Begin to make the file in the background unless somebody does; returns how far it is, in percent."""
    progress = _progress_file(version, key)
    if not _being_made(progress):
        threading.Thread(
            target=_make_quietly, args=(version, key), name=f"export-{version.pk}-{key}", daemon=True
        ).start()
    try:
        return int(progress.read_text() or 0)
    except (OSError, ValueError):
        return 0


@contextmanager
def selection(version: Version, ask: Ask) -> Iterator[Path]:
    """A CSV of the rows and columns that a reader chose, for as long as the block lasts; TooManyRows beyond 100,000."""
    if display.count(version, ask) > SELECTION_ROWS:
        raise TooManyRows(SELECTION_ROWS)
    names = [name for name in ask.select if name != values.ROW_ID] or [column["name"] for column in version.columns]
    known = {column["name"]: column for column in version.columns}
    chosen = [known[name] for name in names]
    folder = store.folder("staging") / f"selection-{os.getpid()}-{threading.get_ident()}-{version.pk}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        query, bound = display.selection(version, ask, [_guarded(column) for column in chosen])
        target = folder / "rows.csv"
        with _engine(version, folder, settings.ENGINE_MEMORY) as engine:
            _write_csv(engine, query, bound, [column["name"] for column in chosen], target)
        yield target
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fits(version: Version, key: str) -> Exception | None:
    if key == "xlsx" and version.rows > queries.XLSX_ROWS:
        return TooManyRows(version.rows)
    if key == "geojson" and not (version.longitude and version.latitude) and _geometry(version) is None:
        return NoSuchFormat(key)
    return None


def _geometry(version: Version) -> str | None:
    return next((c["name"] for c in version.columns if c["storage_type"] == "geometry"), None)


def _make(version: Version, key: str, note: Note) -> Distribution:
    relative = f"exports/{version.dataset.name}/v{version.number}-{version.job}.{key}"
    target: Path = settings.DATA / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = store.folder("staging") / f"export-{os.getpid()}-{version.pk}-{key}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        beside = staging / f"file.{key}"
        try:
            _write(version, beside, note, MEMORY)
        except duckdb.OutOfMemoryException:  # very wide rows
            _write(version, beside, note, settings.ENGINE_MEMORY)
        digest, size = _hashed(beside)
        beside.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    with transaction.atomic():
        now = Version.objects.select_for_update().get(pk=version.pk)
        if now.state != Version.State.PUBLISHED:
            target.unlink(missing_ok=True)
            raise Withdrawn(relative)
        row, _made = Distribution.objects.update_or_create(
            version=now, format=key, defaults={"path": relative, "size": size, "sha256": digest}
        )
    return row


def _write(version: Version, target: Path, note: Note, memory: str) -> None:
    with _engine(version, target.parent, memory) as engine:
        _WRITERS[target.suffix[1:]](version, engine, target, note)


def _make_quietly(version: Version, key: str) -> None:
    try:
        ensure(version, key)
    except Withdrawn:
        logger.info("version %s was withdrawn while its %s was made", version.pk, key)
    except Exception:
        logger.exception("making %s of version %s failed", key, version.pk)
    finally:
        connection.close()


def _progress_file(version: Version, key: str) -> Path:
    return store.folder("locks") / f"export-{version.pk}-{key}"


@contextmanager
def _only_maker(version: Version, key: str) -> Iterator[Callable[[int], None]]:
    """Hold the file's lock; yields a function that notes the progress in percent."""
    path = _progress_file(version, key)
    with path.open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)

        def note(percent: int) -> None:
            handle.seek(0)
            handle.truncate()
            handle.write(str(percent))
            handle.flush()

        try:
            yield note
        finally:
            note(0)


def _being_made(path: Path) -> bool:
    try:
        with path.open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@contextmanager
def _engine(version: Version, folder: Path, memory: str) -> Iterator[Engine]:
    """A connection of its own on the serving copy: exports run long and may write files, requests may not."""
    path = tables.path(version)
    if not path.is_file():
        raise serving.CopyMissing(path.name)
    config: dict[str, Any] = {
        "threads": "1",
        "memory_limit": memory,
        "temp_directory": str(folder),
        "autoinstall_known_extensions": "false",
        "preserve_insertion_order": "true",
    }
    with duckdb.connect(config=config) as engine:
        engine.execute(f"ATTACH {exp.Literal.string(str(path)).sql('duckdb')} AS copy (READ_ONLY)")
        engine.execute("USE copy")
        yield engine


def _all(version: Version, chosen: list[exp.Expr]) -> exp.Select:
    return display.selection(version, Ask(), chosen)[0]


def _guarded(column: dict[str, Any]) -> exp.Expr:
    if column["storage_type"] != "string":
        return values.quoted(column["name"])
    return exp.alias_(values.guard(column), column["name"], quoted=True)


def _write_csv(engine: Engine, query: exp.Select, bound: dict[str, Any], names: list[str], target: Path) -> None:
    body = target.with_suffix(".body")
    engine.sql(query.sql("duckdb"), params=bound).write_csv(str(body), header=False)
    with target.open("w", encoding="utf-8-sig", newline="") as head:
        csv.writer(head, lineterminator="\n").writerow(f"'{n}" if n[:1] in "=+-@\t\r\n" else n for n in names)
    with target.open("ab") as whole, body.open("rb") as lines:
        shutil.copyfileobj(lines, whole, 1024 * 1024)
    body.unlink()


def _make_csv(version: Version, engine: Engine, target: Path, note: Note) -> None:
    query = _all(version, [_guarded(column) for column in version.columns])
    _write_csv(engine, query, {}, [column["name"] for column in version.columns], target)


def _make_parquet(version: Version, engine: Engine, target: Path, note: Note) -> None:
    query = _all(version, [values.quoted(column["name"]) for column in version.columns])
    if shape := _geometry(version):
        _write_geoparquet(engine.sql(query.sql("duckdb")), shape, target)
    else:
        engine.sql(query.sql("duckdb")).write_parquet(str(target), compression="zstd", row_group_size=ROW_GROUP)


def _write_geoparquet(found: duckdb.DuckDBPyRelation, shape: str, target: Path) -> None:
    """GeoParquet 1.1: shapes as WKB, longitude before latitude, so that GeoPandas and QGIS know them for shapes."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    reader = found.to_arrow_reader(BATCH * 10)
    place = reader.schema.get_field_index(shape)
    about = {
        "version": "1.1.0",
        "primary_column": shape,
        "columns": {shape: {"encoding": "WKB", "geometry_types": []}},
    }
    schema = reader.schema.set(place, pa.field(shape, pa.binary())).with_metadata({"geo": json.dumps(about)})
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in reader:
            drawn = shapely.from_geojson(batch.column(place).to_pylist(), on_invalid="ignore")
            packed = pa.array(shapely.to_wkb(drawn).tolist(), pa.binary())
            writer.write_batch(pa.record_batch([*batch.columns[:place], packed, *batch.columns[place + 1 :]], schema))


def _make_json(version: Version, engine: Engine, target: Path, note: Note) -> None:
    _write_json(version, engine, values.json_object(version.columns), target, ("[\n", "\n]\n"), note)


def _make_geojson(version: Version, engine: Engine, target: Path, note: Note) -> None:
    shape = _geometry(version) or ""
    feature = values.feature(version.columns, shape, version.longitude, version.latitude)
    title = json.dumps(version.dataset.title, ensure_ascii=False)
    head = f'{{"type": "FeatureCollection", "name": {title}, "features": [\n'
    _write_json(version, engine, feature, target, (head, "\n]}\n"), note)


def _write_json(
    version: Version, engine: Engine, each: exp.Expr, target: Path, frame: tuple[str, str], note: Note
) -> None:
    with target.open("w", encoding="utf-8") as out:
        cursor = engine.execute(_all(version, [each]).sql("duckdb"))
        out.write(frame[0])
        mark, done = "", 0
        while batch := cursor.fetchmany(BATCH):
            out.write(mark + ",\n".join(str(row[0]) for row in batch))
            mark, done = ",\n", done + len(batch)
            note(min(99, done * 100 // max(version.rows, 1)))
        out.write(frame[1])


def _make_stream(version: Version, engine: Engine, target: Path, note: Note) -> None:
    kind, done = target.suffix[1:], 0
    with target.open("wb") as out:
        for piece in formats.pieces(tables.of(version), Ask(), kind, engine):
            out.write(piece)
            done += formats.rows_of_a_piece(kind)
            note(min(99, done * 100 // max(version.rows, 1)))


def _make_xlsx(version: Version, engine: Engine, target: Path, note: Note) -> None:
    cursor = engine.execute(_all(version, [values.quoted(column["name"]) for column in version.columns]).sql("duckdb"))
    sheets.write_workbook(version, cursor, target, note)


_WRITERS = {
    "csv": _make_csv,
    "xlsx": _make_xlsx,
    "json": _make_json,
    "geojson": _make_geojson,
    "parquet": _make_parquet,
    "jsonl": _make_stream,
    "arrow": _make_stream,
}


def _hashed(path: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
        os.fsync(file.fileno())
    return digest.hexdigest(), path.stat().st_size
