"""Parquet into a staged table: values as text, the declared types remembered."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gongshu.tables.errors import TableError
from gongshu.tables.model import Source
from gongshu.tables.reading import limits
from gongshu.tables.reading.layout import Layout, name_columns
from gongshu.tables.reading.staging import Stage

BATCH = 50_000


def read_parquet(path: Path, folder: Path) -> Source:
    """Read a Parquet file; nested values become JSON text, GeoParquet's geometry GeoJSON text, bytes base64."""
    try:
        with pq.ParquetFile(path) as file:
            return _read(file, path, folder)
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            "broken_parquet",
            "Parquet 文件损坏，读不了（{reason}）。",
            where={"file": path.name},
            reason=str(error).splitlines()[0][:200],
        ) from None


def _read(file: pq.ParquetFile, path: Path, folder: Path) -> Source:
    schema = file.schema_arrow
    if len(schema) > limits.MAX_COLUMNS:
        raise TableError(
            "too_many_columns",
            "有 {count} 列，超过上限 {limit} 列。请把表拆开，或改成长表（一行一个值）。",
            where={"file": path.name},
            count=len(schema),
            limit=limits.MAX_COLUMNS,
        )
    geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    geometries = set(geo.get("columns", {}))
    names, notes = name_columns(schema.names)
    stage = Stage(folder / "0.parquet", Layout(names, [], 0, notes=notes), source_row=lambda n: n, plain=True)
    seen = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH):
            numbers = pa.array(range(seen + 1, seen + batch.num_rows + 1), pa.int64())
            seen += batch.num_rows
            stage.add(
                numbers,
                [
                    as_text(column, field.name in geometries)
                    for column, field in zip(batch.columns, schema, strict=True)
                ],
            )
        table = stage.finish(path.stem)
    except BaseException:
        stage.abandon()
        raise
    for name, field in zip(names, schema, strict=True):
        kind = "geometry" if field.name in geometries else native_type(field.type)
        if kind:
            table.native[name] = kind
    if geometries:
        crs = geo["columns"].get(geo.get("primary_column"), {}).get("crs")
        identifier = (crs or {}).get("id") or {}
        table.crs = f"{identifier['authority']}:{identifier['code']}" if identifier else "OGC:CRS84"
    return Source(path, "parquet", None, [table])


def native_type(kind: pa.DataType) -> str | None:
    types = pa.types
    if types.is_dictionary(kind):
        return native_type(kind.value_type)
    if types.is_uint64(kind):
        return "decimal"
    for test, name in (
        (types.is_integer, "int64"),
        (types.is_floating, "float64"),
        (types.is_decimal, "decimal"),
        (types.is_boolean, "boolean"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
        (types.is_time, "time"),
    ):
        if test(kind):
            return name
    return None


def as_text(column: pa.Array, geometry: bool) -> pa.Array:
    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if geometry and types.is_binary(kind):
        import shapely

        return pa.array(shapely.to_geojson(shapely.from_wkb(column.to_numpy(zero_copy_only=False))), pa.string())
    if types.is_nested(kind) or types.is_null(kind):
        return pa.array([None if value is None else _json(value) for value in column.to_pylist()], pa.string())
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return pa.array(
            [None if value is None else base64.b64encode(value).decode() for value in column.to_pylist()], pa.string()
        )
    if types.is_timestamp(kind):
        # to microseconds at most, without a zone: instants become Beijing time, as everywhere
        if kind.tz:
            column = pc.local_timestamp(column.cast(pa.timestamp("us", "Asia/Shanghai"), safe=False))
        column = column.cast(pa.timestamp("us"), safe=False)
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), None, text) if types.is_string(kind) or types.is_large_string(kind) else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
