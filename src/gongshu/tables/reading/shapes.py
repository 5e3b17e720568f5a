"""Shapefiles, plain or zipped, with attribute tables in GBK or UTF-8."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyogrio
import shapely

from gongshu.i18n import gettext
from gongshu.tables.errors import TableError
from gongshu.tables.model import Source, TextTable
from gongshu.tables.reading import limits
from gongshu.tables.reading.archives import checked_members, member_name, unpack
from gongshu.tables.reading.columnar import as_text, native_type
from gongshu.tables.reading.layout import Layout, name_columns
from gongshu.tables.reading.staging import Stage

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def read_shapefile(path: Path, folder: Path) -> Source:
    """Read one .shp with the files beside it."""
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    try:
        # GDAL goes by the extension and writes a missing .shx beside the file: give it copies
        shape = unpacked / "0.shp"
        shutil.copyfile(path, shape)
        for part in _beside(path):
            shutil.copyfile(part, shape.with_suffix(part.suffix.lower()))
        table, encoding, notes = _read(shape, path.stem, path, folder / "0.parquet")
        return Source(path, "shapefile", encoding, [table], notes)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def read_zipped(path: Path, folder: Path) -> Source:
    """Read every Shapefile of a zip (checked before)."""
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    try:
        layers: dict[str, int] = {}
        for member in checked_members(path):
            name = PurePosixPath(member_name(member).replace("\\", "/"))
            if name.suffix.lower() in _PARTS and not name.name.startswith("."):
                # numbered names of our own: nothing of the archive decides where a file goes
                number = layers.setdefault(str(name.with_suffix("")), len(layers))
                unpack(path, member, unpacked / f"{number}{name.suffix.lower()}")
        tables: list[TextTable] = []
        notes: list[str] = []
        encoding = None
        for layer, number in layers.items():
            shape = unpacked / f"{number}.shp"
            if shape.exists():
                table, encoding, more = _read(shape, PurePosixPath(layer).name, path, folder / f"{len(tables)}.parquet")
                tables.append(table)
                notes += more
        if not tables:
            raise TableError(
                "unsupported", "压缩包里没有 Shapefile（.shp）。其他格式请解压后逐个读取。", where={"file": path.name}
            )
        return Source(path, "shapefile", encoding, tables, notes)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _beside(path: Path) -> list[Path]:
    return [
        other
        for other in path.parent.iterdir()
        if other.stem == path.stem
        and other.suffix.lower() in _PARTS
        and other.suffix.lower() != ".shp"
        and other.is_file()
    ]


def _encoding(shape: Path) -> str:
    """Encoding of the attribute table: what .cpg says when it is true, else UTF-8 or GB18030 by the bytes."""
    table = shape.with_suffix(".dbf")
    if not table.exists():
        return "utf-8"
    raw = table.read_bytes()
    start = int.from_bytes(raw[8:10], "little")
    # field names stand in the header's 32-byte descriptors, in the same encoding as the values
    names = [raw[at : at + 11].split(b"\0")[0] for at in range(32, start - 1, 32)]
    raw = b" ".join(names) + b" " + raw[start:]
    declared = shape.with_suffix(".cpg")
    says = declared.read_text("ascii", "ignore").strip().lower() if declared.exists() else ""
    says = {"936": "gb18030", "cp936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "65001": "utf-8"}.get(
        says, says
    )
    for encoding in [says, "utf-8", "gb18030"]:
        try:
            if encoding:
                raw.decode(encoding)
                return encoding
        except (UnicodeDecodeError, LookupError):
            continue
    return "utf-8"


def _read(shape: Path, name: str, path: Path, target: Path) -> tuple[TextTable, str, list[str]]:
    encoding = _encoding(shape)
    notes = []
    if not shape.with_suffix(".dbf").exists():
        notes.append(gettext("“{name}”缺少 .dbf，只有几何没有属性", name=name))
    if not shape.with_suffix(".prj").exists():
        notes.append(gettext("“{name}”缺少 .prj，坐标系不明", name=name))
    pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": "YES"})
    try:
        with pyogrio.open_arrow(shape, encoding=encoding, batch_size=10_000, use_pyarrow=True) as (meta, reader):
            return _staged(meta, reader, name, path, target), encoding, notes
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FieldError,
        pa.ArrowException,
    ) as error:
        raise TableError(
            "broken_shapefile",
            "Shapefile 损坏，读不了（{reason}）。",
            where={"file": path.name},
            reason=str(error)[:200],
        ) from None


def _staged(meta: dict, reader: pa.RecordBatchReader, name: str, path: Path, target: Path) -> TextTable:  # type: ignore[type-arg]
    shape_column = next(
        (
            f.name
            for f in reader.schema
            if (f.metadata or {}).get(b"ARROW:extension:name") in (b"geoarrow.wkb", b"ogc.wkb")
        ),
        None,
    )
    fields = [field for field in reader.schema if field.name != shape_column]
    has_geometry = shape_column is not None
    if len(fields) > limits.MAX_COLUMNS:
        raise TableError(
            "too_many_columns",
            "有 {count} 列，超过上限 {limit} 列。请把表拆开，或改成长表（一行一个值）。",
            where={"file": path.name},
            count=len(fields),
            limit=limits.MAX_COLUMNS,
        )
    names, header_notes = name_columns([field.name for field in fields] + ["geometry"] * has_geometry)
    stage = Stage(target, Layout(names, [], 0, notes=header_notes), source_row=lambda n: n, plain=True)
    seen = 0
    try:
        for batch in reader:
            columns = [as_text(batch.column(field.name), False) for field in fields]
            if has_geometry:
                shapes = shapely.from_wkb(batch.column(shape_column).to_numpy(zero_copy_only=False))
                columns.append(pa.array(shapely.to_geojson(shapes), pa.string()))
            stage.add(pa.array(range(seen + 1, seen + batch.num_rows + 1), pa.int64()), columns)
            seen += batch.num_rows
        table = stage.finish(name)
    except BaseException:
        stage.abandon()
        raise
    for field, column in zip(fields, names, strict=False):
        kind = native_type(field.type)
        if kind:
            table.native[column] = kind
    if has_geometry:
        table.native[names[-1]] = "geometry"
    table.crs = meta.get("crs")
    return table
