"""The lake: a raw and a public zone, each an Iceberg catalog and a prefix of its own.

A commit replaces a table's content and tags it in one Iceberg commit. Data files lie under ``<zone>/<table>/<job>/``, so that
whatever a killed job left can be told from what a snapshot refers to. The zones never share a file or a prefix: a public
process needs no right to read the raw one.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from pyarrow import fs
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import _pyarrow_to_schema_without_ids
from pyiceberg.table import Table
from pyiceberg.table.update.snapshot import ManageSnapshots

logging.getLogger("pyiceberg").setLevel(logging.ERROR)
NAMESPACE = "gongshu"
JOB = "gongshu.job"


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
            if snapshot.summary and snapshot.summary.additional_properties.get(JOB) == job:
                return str(snapshot.snapshot_id)
        return None

    def commit(self, name: str, parquet: Path, *, job: str, tag: str) -> str:
        """Make the Parquet file the whole content of table ``name`` and tag it ``tag``, in one Iceberg commit.

        Done twice for the same ``job`` it answers the first snapshot. Returns the snapshot's id.
        """
        if done := self.snapshot_of(name, job):
            return done
        target = f"{self._path(name)}/{job}/part-0.parquet"
        self._upload(parquet, target)
        schema = pq.read_schema(parquet)
        table = self.table(name)
        if table is None:
            table = self.catalog.create_table_if_not_exists(
                (NAMESPACE, name), schema=schema, location=self._uri(self._path(name)), properties={"format-version": "2"}
            )
        uri = self._uri(target)
        with table.transaction() as transaction:
            _evolve(transaction, schema)
            if table.current_snapshot() is not None:
                transaction.delete(AlwaysTrue(), snapshot_properties={JOB: "replace"})
            transaction.add_files([uri], snapshot_properties={JOB: job}, check_duplicate_files=False)
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

    def forget(self, name: str, job: str, tag: str) -> None:
        """Remove the version that ``job`` committed: its tag, its snapshot, its files. Done twice it does nothing."""
        table = self.table(name)
        if table is not None:
            if tag in table.metadata.refs:
                table.manage_snapshots().remove_tag(tag).commit()
                table = table.refresh()
            doomed = self.snapshot_of(name, job)
            if doomed is not None:
                current = table.current_snapshot()
                if current is not None and str(current.snapshot_id) == doomed:
                    # the head of the branch can't expire: an empty snapshot takes its place
                    table.delete(AlwaysTrue(), snapshot_properties={JOB: "withdraw"})
                    table = table.refresh()
                self._expire(table, {int(doomed)})
        self._delete_folder(f"{self._path(name)}/{job}")

    def sweep(self, keep: dict[str, set[str]]) -> list[str]:
        """Remove what no version stands for: ``keep`` is table -> jobs whose commits or files must stay.

        Returns what was removed, as ``table/job``. Run it when no other job is at work on these tables.
        """
        removed = []
        for _, name in self.catalog.list_tables(NAMESPACE):
            table = self.table(name)
            wanted = keep.get(name, set())
            for snapshot in table.snapshots() if table else []:
                job = snapshot.summary.additional_properties.get(JOB, "") if snapshot.summary else ""
                if job and job not in wanted and job not in ("replace", "withdraw"):
                    tags = [ref for ref, value in table.metadata.refs.items() if value.snapshot_id == snapshot.snapshot_id]
                    for tag in [ref for ref in tags if ref != "main"] or [""]:
                        self.forget(name, job, tag)
                    removed.append(f"{name}/{job}")
        for name in self._folders(self.root):
            for job in self._folders(f"{self.root}/{name}"):
                if job not in ("data", "metadata") and job not in keep.get(name, set()):
                    self._delete_folder(f"{self._plain(self.root)}/{name}/{job}")
                    removed.append(f"{name}/{job}")
        return sorted(set(removed))

    def download(self, path: str, target: Path) -> Path:
        """Copy a file of the zone to this machine."""
        fs.copy_files(path, str(target), source_filesystem=self.files, destination_filesystem=fs.LocalFileSystem())
        return target

    # paths: `root` may be s3://bucket/prefix; pyarrow wants bucket/prefix, Iceberg the full URI

    def _plain(self, path: str) -> str:
        parts = urlsplit(path)
        return f"{parts.netloc}{parts.path}" if parts.scheme else path

    def _uri(self, plain: str) -> str:
        return f"s3://{plain}" if self._remote else f"file://{plain}"

    def _path(self, name: str) -> str:
        return f"{self._plain(self.root)}/{name}"

    def _folders(self, path: str) -> list[str]:
        selector = fs.FileSelector(self._plain(path), recursive=False, allow_not_found=True)
        return [info.base_name for info in self.files.get_file_info(selector) if info.type == fs.FileType.Directory]

    def _upload(self, parquet: Path, target: str) -> None:
        self.files.create_dir(target.rsplit("/", 1)[0], recursive=True)
        fs.copy_files(str(parquet), target, source_filesystem=fs.LocalFileSystem(), destination_filesystem=self.files)

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
