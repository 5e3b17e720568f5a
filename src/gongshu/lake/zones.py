"""The lake: a raw and a public zone, each an Iceberg catalog and a prefix of its own.

A commit replaces a table's content and tags it in one Iceberg commit. Data files lie under ``<zone>/<table>/<job>/``, so that
whatever a killed job left can be told from what a snapshot refers to. The zones never share a file or a prefix: a public
process needs no right to read the raw one.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import _dataframe_to_data_files, _pyarrow_to_schema_without_ids
from pyiceberg.table import StaticTable, Table, TableProperties, Transaction
from pyiceberg.table.update.snapshot import ManageSnapshots
from sqlalchemy import select
from sqlalchemy.orm import Session

logging.getLogger("pyiceberg").setLevel(logging.ERROR)
NAMESPACE = "gongshu"
ROW_GROUP = 20_480  # rows: small groups answer "the first page" and key look-ups fast
DICTIONARY_BYTES = (
    16 * 1024
)  # of a column in a row group; one with more different values is smaller, and sooner written, plain
FILE_BYTES = 32 * 1024**2  # of a data file's rows in memory, before they are encoded
JOB = "gongshu.job"
REPLACED = "replaced"  # marks the snapshot that only clears a table before the next content


@dataclass(frozen=True)
class LakeConfig:
    """Where the lake is: ``url`` a local folder or ``s3://bucket/prefix``; ``catalog_url`` empty (SQLite beside the
    lake, in ``catalog_folder``) or a SQLAlchemy PostgreSQL URL; ``s3`` endpoint, region, key, secret."""

    url: str
    catalog_folder: Path
    catalog_url: str = ""
    s3: dict[str, str] = field(default_factory=dict)


class Zone:
    """One of the two halves of the lake: ``raw`` or ``public``."""

    def __init__(self, config: LakeConfig, name: str) -> None:
        self.name = name
        self._remote = config.url.startswith("s3://")
        self.root = f"{config.url.rstrip('/')}/{name}" if self._remote else str(Path(config.url).resolve() / name)
        self.files = _filesystem(config)
        properties: dict[str, str] = {"warehouse": self.root if self._remote else f"file://{self.root}"}
        if self._remote:
            names = {"endpoint": "s3.endpoint", "region": "s3.region", "key": "s3.access-key-id"}
            properties |= {names[key]: value for key, value in config.s3.items() if value and key in names}
            properties |= {"s3.secret-access-key": config.s3.get("secret", "")}
        if config.catalog_url:
            uri = config.catalog_url.replace("postgresql://", "postgresql+psycopg://", 1)
        else:
            config.catalog_folder.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{config.catalog_folder / (name + '.catalog.sqlite3')}?timeout=30"
        # one SQL catalog database may serve both zones: the catalog's name keeps their tables apart
        self.catalog = SqlCatalog(name, uri=uri, **properties)
        self.catalog.create_namespace_if_not_exists(NAMESPACE, {"location": properties["warehouse"]})

    def table(self, name: str) -> Table | None:
        """The Iceberg table of a dataset, or None before its first commit."""
        try:
            return self.catalog.load_table((NAMESPACE, name))
        except NoSuchTableError:
            return None

    def snapshot_of(self, name: str, job: str) -> str | None:
        """The snapshot that ``job`` committed, or None."""
        table = self.table(name)
        for snapshot in reversed(table.snapshots() if table else []):
            if _job_of(snapshot) == job:
                return str(snapshot.snapshot_id)
        return None

    def commit_file(self, name: str, parquet: Path, *, job: str, tag: str) -> str:
        """Make a Parquet file of text the whole content of table ``name`` and tag it ``tag``, in one Iceberg commit.

        The file is taken in as it is: in text no column ever changes its type. Done twice for the same ``job`` it answers
        the first snapshot. Returns the snapshot's id.
        """

        def fill(transaction: Transaction, folder: str) -> None:
            target = f"{folder}/part-0.parquet"
            self.files.create_dir(folder, recursive=True)
            fs.copy_files(
                str(parquet), target, source_filesystem=fs.LocalFileSystem(), destination_filesystem=self.files
            )
            transaction.add_files([self._uri(target)], snapshot_properties={JOB: job}, check_duplicate_files=False)

        return self._commit(name, pq.read_schema(parquet), job, tag, fill)

    def commit_rows(self, name: str, rows: pa.RecordBatchReader, *, job: str, tag: str) -> str:
        """The same with typed rows: PyIceberg writes them, so that its files carry field ids and an older version stays
        readable after a column of the same name got another type."""

        def fill(transaction: Transaction, folder: str) -> None:
            transaction.set_properties(
                {
                    TableProperties.WRITE_DATA_PATH: self._uri(folder),
                    TableProperties.PARQUET_ROW_GROUP_LIMIT: str(ROW_GROUP),
                    TableProperties.PARQUET_DICT_SIZE_BYTES: str(DICTIONARY_BYTES),
                }
            )
            with transaction.update_snapshot(snapshot_properties={JOB: job}).fast_append() as snapshot:
                files = count()
                for chunk in _chunks(rows):
                    # one file at a time: Transaction.append hands the whole stream to its writers' queue at once
                    made = _dataframe_to_data_files(
                        transaction.table_metadata, chunk, transaction._table.io, snapshot.commit_uuid, files
                    )
                    for data_file in made:
                        snapshot.append_data_file(data_file)

        return self._commit(name, rows.schema, job, tag, fill)

    def _commit(
        self, name: str, schema: pa.Schema, job: str, tag: str, fill: Callable[[Transaction, str], None]
    ) -> str:
        if done := self.snapshot_of(name, job):
            return done
        self._delete_folder(f"{self._path(name)}/{job}")  # what an attempt that was killed wrote and never committed
        table = self.table(name)
        if table is None:
            location = self._uri(self._path(name))
            table = self.catalog.create_table_if_not_exists((NAMESPACE, name), schema=schema, location=location)
        with table.transaction() as transaction:
            _evolve(transaction, schema)
            if table.current_snapshot() is not None:
                transaction.delete(AlwaysTrue(), snapshot_properties={JOB: REPLACED})
            fill(transaction, f"{self._path(name)}/{job}")
            snapshot = transaction.table_metadata.current_snapshot_id
            if snapshot is None:
                raise RuntimeError("the commit made no snapshot")
            ManageSnapshots(transaction).create_tag(snapshot, tag).commit()
        return str(snapshot)

    def data_files(self, name: str, snapshot: str) -> list[str]:
        """Paths (within :attr:`files`) of the Parquet files of a snapshot."""
        table = self.table(name)
        if table is None:
            return []
        tasks = table.scan(snapshot_id=int(snapshot)).plan_files()
        return [self._plain(task.file.file_path) for task in tasks]

    def read_rows(self, name: str, snapshot: str) -> pa.RecordBatchReader:
        """The rows of a snapshot that :meth:`commit_rows` made, in their order, as a stream; FileNotFoundError."""
        paths = sorted(self.data_files(name, snapshot), key=lambda path: int(path.rpartition("/")[2].split("-")[1]))
        files = [pq.ParquetFile(path, filesystem=self.files) for path in paths]
        if not files:
            raise FileNotFoundError(f"{self._path(name)} {snapshot}")
        # Iceberg spells some column names otherwise in its files: the field's id tells the name
        table = self.table(name)
        names = (
            {item.field_id: item.name for item in table.scan(snapshot_id=int(snapshot)).projection().fields}
            if table
            else {}
        )
        stored = files[0].schema_arrow
        schema = pa.schema([item.with_name(names[int(item.metadata[b"PARQUET:field_id"])]) for item in stored])
        batches = (
            pa.RecordBatch.from_arrays(batch.columns, schema=schema)
            for file in files
            for batch in file.iter_batches(ROW_GROUP)
        )
        return pa.RecordBatchReader.from_batches(schema, batches)

    def forget(self, name: str, job: str) -> None:
        """Remove what ``job`` committed: its tags, its snapshot, its files. Done twice it does nothing."""
        table = self.table(name)
        doomed = self.snapshot_of(name, job)
        if table is not None and doomed is not None:
            left = [_job_of(each) for each in table.snapshots() if _job_of(each) not in ("", REPLACED, job)]
            if not left:
                self.catalog.drop_table((NAMESPACE, name))
                self._delete_folder(self._path(name))
                return
            for tag, ref in list(table.metadata.refs.items()):
                if tag != "main" and str(ref.snapshot_id) == doomed:
                    table.manage_snapshots().remove_tag(tag).commit()
                    table = table.refresh()
            current = table.current_snapshot()
            if current is not None and str(current.snapshot_id) == doomed:
                newest = max(
                    (each for each in table.snapshots() if _job_of(each) == left[-1]), key=lambda s: s.timestamp_ms
                )
                table.manage_snapshots().set_current_snapshot(snapshot_id=newest.snapshot_id).commit()
                table = table.refresh()
            clearing = {each.snapshot_id for each in table.snapshots() if _job_of(each) == REPLACED}
            self._expire(table, {int(doomed)} | clearing)
        self._delete_folder(f"{self._path(name)}/{job}")

    def metadata_files(self, name: str) -> set[str]:
        """Paths of the files in which the table ``name`` describes itself, and of those that a broken commit left there."""
        selector = fs.FileSelector(f"{self._path(name)}/metadata", allow_not_found=True)
        return {info.path for info in self.files.get_file_info(selector)}

    def forget_metadata(self, name: str, files: set[str]) -> None:
        """Delete those of ``files`` that the table ``name`` doesn't name, and the table when it never held anything.

        ``files``: :meth:`metadata_files`, asked *before* it was made sure that nobody is writing to the table.
        """
        table = self.table(name)
        if table is None:
            return
        if not table.snapshots():
            self.catalog.drop_table((NAMESPACE, name))
            self._delete_folder(self._path(name))
            return
        named = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
        named |= {path for snapshot in table.snapshots() for path in _metadata_files(table, snapshot)}
        for path in files - {self._plain(each) for each in named}:
            with contextlib.suppress(FileNotFoundError):
                self.files.delete_file(path)

    def contents(self) -> set[tuple[str, str]]:
        """Every (table, job) that left a snapshot or a folder of files here."""
        found = set()
        for _, name in self.catalog.list_tables(NAMESPACE):
            table = self.table(name)
            for snapshot in table.snapshots() if table else []:
                if (job := _job_of(snapshot)) not in ("", REPLACED):
                    found.add((name, job))
        for name in self._folders(self.root):
            found |= {(name, job) for job in self._folders(f"{self.root}/{name}") if job not in ("data", "metadata")}
        return found

    def download(self, path: str, target: Path) -> Path:
        """Copy a file of the zone to this machine."""
        fs.copy_files(path, str(target), source_filesystem=self.files, destination_filesystem=fs.LocalFileSystem())
        return target

    @property
    def root_uri(self) -> str:
        """Where the zone is, as Iceberg writes it into its metadata."""
        return self._uri(self._plain(self.root))

    def pointers(self) -> dict[str, str]:
        """Table name -> its current metadata file, relative to the root."""
        mine = (IcebergTables.catalog_name == self.name, IcebergTables.table_namespace == NAMESPACE)
        with Session(self.catalog.engine) as session:  # one reading of all, and no table need be loadable
            rows = session.execute(select(IcebergTables.table_name, IcebergTables.metadata_location).where(*mine)).all()
        return {name: self._relative(location) for name, location in rows if location}

    def used_by(self, pointer: str) -> tuple[set[str], set[str]]:
        """Of the table as the metadata file ``pointer`` has it: the ids of its snapshots, and every file that they need
        (paths relative to the root). FileNotFoundError when one of the metadata files is not there."""
        table = StaticTable.from_metadata(f"{self.root_uri}/{pointer}", self.catalog.properties)
        snapshots, files, seen = set(), {pointer}, set()
        for snapshot in table.snapshots():
            snapshots.add(str(snapshot.snapshot_id))
            files.add(self._relative(snapshot.manifest_list))
            for manifest in snapshot.manifests(table.io):
                if manifest.manifest_path not in seen:
                    seen.add(manifest.manifest_path)
                    files.add(self._relative(manifest.manifest_path))
                    entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
                    files |= {self._relative(entry.data_file.file_path) for entry in entries}
        return snapshots, files

    def open_file(self, path: str) -> tuple[int, pa.NativeFile]:
        """Size in bytes and content of a file of the zone (``path`` relative to the root); FileNotFoundError."""
        full = f"{self._plain(self.root)}/{path}"
        info = self.files.get_file_info(full)
        if not info.is_file:
            raise FileNotFoundError(full)
        return info.size, self.files.open_input_stream(full)

    def is_empty(self) -> bool:
        """Whether no table and no file is here."""
        return not self.pointers() and not self._listed(self.root)

    def clear(self) -> None:
        """Remove every table and every file."""
        for name in self.pointers():
            self.catalog.drop_table((NAMESPACE, name))
        self._delete_folder(self._plain(self.root))

    def take_in(self, folder: Path, pointers: dict[str, str]) -> None:
        """Fill the empty zone with the files below ``folder``, whose metadata speaks of this root, and register the tables."""
        target = self._plain(self.root)
        if folder.is_dir() and self._remote:
            fs.copy_files(
                str(folder), target, source_filesystem=fs.LocalFileSystem(), destination_filesystem=self.files
            )
        elif folder.is_dir():
            self._delete_folder(target)  # it is empty: what is moved takes its place
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder, target)
        for name, pointer in pointers.items():
            self.catalog.register_table((NAMESPACE, name), f"{self.root_uri}/{pointer}")

    # paths: `root` may be s3://bucket/prefix; pyarrow wants bucket/prefix, Iceberg the full URI

    def _plain(self, path: str) -> str:
        parts = urlsplit(path)
        return f"{parts.netloc}{parts.path}" if parts.scheme else path

    def _uri(self, plain: str) -> str:
        return f"s3://{plain}" if self._remote else f"file://{plain}"

    def _relative(self, path: str) -> str:
        return self._plain(path).removeprefix(self._plain(self.root) + "/")

    def _path(self, name: str) -> str:
        return f"{self._plain(self.root)}/{name}"

    def _folders(self, path: str) -> list[str]:
        return [info.base_name for info in self._listed(path) if info.type == fs.FileType.Directory]

    def _listed(self, path: str) -> list[fs.FileInfo]:
        found: list[fs.FileInfo] = self.files.get_file_info(
            fs.FileSelector(self._plain(path), recursive=False, allow_not_found=True)
        )
        return found

    def _delete_folder(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.files.delete_dir(path)

    def _expire(self, table: Table, snapshots: Iterable[int]) -> None:
        """Expire snapshots and delete the metadata files that only they used (Iceberg leaves them on disk)."""
        before = {manifest for snapshot in table.snapshots() for manifest in _metadata_files(table, snapshot)}
        table.maintenance.expire_snapshots().by_ids(list(snapshots)).commit()
        table = table.refresh()
        after = {manifest for snapshot in table.snapshots() for manifest in _metadata_files(table, snapshot)}
        for path in before - after:
            with contextlib.suppress(FileNotFoundError):
                self.files.delete_file(self._plain(path))
        for entry in table.metadata.metadata_log:  # older metadata files name the expired snapshot's files
            with contextlib.suppress(FileNotFoundError):
                self.files.delete_file(self._plain(entry.metadata_file))


class Lake:
    """Both zones."""

    def __init__(self, config: LakeConfig) -> None:
        self.raw = Zone(config, "raw")
        self.public = Zone(config, "public")

    def close(self) -> None:
        """Give back the catalogs' connections."""
        for zone in (self.raw, self.public):
            zone.catalog.close()


def _chunks(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The stream cut into tables of about :data:`FILE_BYTES`, each the content of a data file."""
    held: list[pa.RecordBatch] = []
    for batch in rows:
        held.append(batch)
        if sum(each.nbytes for each in held) >= FILE_BYTES:
            yield pa.Table.from_batches(held, rows.schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, rows.schema)


def _job_of(snapshot: Any) -> str:
    return snapshot.summary.additional_properties.get(JOB, "") if snapshot.summary else ""


def _metadata_files(table: Table, snapshot: Any) -> list[str]:
    return [snapshot.manifest_list, *(manifest.manifest_path for manifest in snapshot.manifests(table.io))]


def _evolve(transaction: Any, schema: Any) -> None:
    """Make the table's columns those of ``schema``; a column whose type changed becomes a new column of that name."""
    wanted = {item.name: item.field_type for item in _pyarrow_to_schema_without_ids(schema).fields}
    have = {item.name: item.field_type for item in transaction.table_metadata.schema().fields}
    gone = [name for name, kind in have.items() if name not in wanted or wanted[name] != kind]
    if gone:
        with transaction.update_schema(allow_incompatible_changes=True) as update:
            for name in gone:
                update.delete_column((name,))
    new = [name for name in wanted if name not in have or name in gone]
    if new:
        with transaction.update_schema() as update:
            for name in new:
                update.add_column((name,), wanted[name])


def _filesystem(config: LakeConfig) -> fs.FileSystem:
    if not config.url.startswith("s3://"):
        return fs.LocalFileSystem()
    return fs.S3FileSystem(
        access_key=config.s3.get("key") or None,
        secret_key=config.s3.get("secret") or None,
        region=config.s3.get("region") or None,
        endpoint_override=config.s3.get("endpoint") or None,
        allow_bucket_creation=False,
    )
