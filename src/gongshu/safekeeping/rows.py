"""The control plane's rows as JSON lines, in one consistent state, and back again into any database that Django speaks.

What is read is what the database says that it is: the models of the migrations that it records, not those of this code. So a
backup can be made before an upgrade, and one of an older Gongshu is loaded as it was and migrated afterwards.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps.registry import Apps
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models.expressions import Value
from django.db.models.sql import InsertQuery
from django.utils.duration import duration_iso_string

from gongshu.tables.errors import TableError

PART_BYTES = 4 * 1024 * 1024  # of a member; what is in memory at a time
BATCH = 500  # rows of an INSERT
SESSIONS = {"sessions.session", "usersessions.usersession"}  # whoever has one is signed in: they end with a restore
Node = tuple[str, str]


@contextmanager
def one_state() -> Iterator[None]:
    """Everything read inside is of one moment; writers are not held up."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("BEGIN DEFERRED")  # in WAL mode a reader's transaction is a snapshot
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
            return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def recorded_apps() -> tuple[list[Node], Apps]:
    """The migrations that the database records, and the models that they make; TableError when this code lacks one."""
    executor = MigrationExecutor(connection)
    nodes = sorted(executor.loader.applied_migrations)
    return nodes, models_of(executor, nodes)


def models_of(executor: MigrationExecutor, nodes: list[Node]) -> Apps:
    """The models as the migrations ``nodes`` leave them."""
    unknown = [node for node in nodes if node not in executor.loader.graph.nodes]
    if unknown:
        raise TableError(
            "newer_database",
            "数据库结构来自更新的公数（迁移 {migration}）：请装那个版本",
            migration=".".join(unknown[0]),
        )
    state = executor.loader.project_state(leaves(executor, nodes))
    apps: Apps = state.apps
    return apps


def leaves(executor: MigrationExecutor, nodes: list[Node]) -> list[Node]:
    """Those of ``nodes`` that no other of the same app follows."""
    have = set(nodes)
    followers = {node: executor.loader.graph.node_map[node].children for node in nodes}
    return [n for n in nodes if not any(child.key in have and child.key[0] == n[0] for child in followers[n])]


def dump(apps: Apps, write: Callable[[str, bytes], None]) -> dict[str, int]:
    """Hand out every row but sessions as parts ``<app>.<model>/<nnnnnn>.jsonl``; rows by model. To be called in
    :func:`one_state`. The first line of a part names the fields, the others are rows."""
    counts = {}
    for model in _kept_models(apps):
        label, names = model._meta.label_lower, [field.attname for field in model._meta.concrete_fields]
        head = json.dumps(names) + "\n"
        lines, size, part, count = [head], 0, 0, 0
        rows = model._base_manager.order_by("pk").values_list(*names)
        for row in rows.iterator(chunk_size=2000):
            lines.append(json.dumps(row, default=_plain, ensure_ascii=False) + "\n")
            size, count = size + len(lines[-1]), count + 1
            if size > PART_BYTES:
                write(f"{label}/{part:06}.jsonl", "".join(lines).encode())
                lines, size, part = [head], 0, part + 1
        write(f"{label}/{part:06}.jsonl", "".join(lines).encode())
        counts[label] = count
    return counts


def load(folder: Path, nodes: list[Node], watch: Callable[[int], None] = lambda _: None) -> None:
    """Make the tables of the migrations ``nodes`` in the empty database and fill them from the parts in ``folder``."""
    executor = MigrationExecutor(connection)
    apps = models_of(executor, nodes)
    executor.migrate(leaves(executor, nodes))
    kept = list(_kept_models(apps))
    with transaction.atomic():
        with connection.cursor() as cursor:
            for model in kept:  # rows that migrations made are in the backup too
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608 - quoted
        for model in kept:
            for part in sorted((folder / model._meta.label_lower).glob("*.jsonl")):
                _load_part(model, part)
                watch(part.stat().st_size)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), kept):
                cursor.execute(statement)
        connection.check_constraints()


def tables() -> list[str]:
    """Every table of the database but those of Iceberg's catalog, which may live in the same one."""
    return [name for name in connection.introspection.table_names() if not name.startswith("iceberg_")]


def drop_tables() -> None:
    """Empty the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        for name in tables():
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)} CASCADE")


def _kept_models(apps: Apps) -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy and model._meta.label_lower not in SESSIONS:
            yield model


def _load_part(model: type[models.Model], part: Path) -> None:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    with part.open(encoding="utf-8") as lines:
        names = json.loads(next(lines))
        wanted = [fields[name] for name in names]
        batch: list[models.Model] = []
        for line in lines:
            values = zip(wanted, json.loads(line), strict=True)
            batch.append(model(**{field.attname: _value(field, value) for field, value in values}))
            if len(batch) == BATCH:
                _insert(model, wanted, batch)
                batch = []
    _insert(model, wanted, batch)


def _insert(model: type[models.Model], fields: list[Any], rows: list[models.Model]) -> None:
    """As they are: no field of a raw insert sets itself, such as the time of creation."""
    size = max(1, min(BATCH, connection.ops.bulk_batch_size(fields, rows)))  # type: ignore[arg-type]
    for start in range(0, len(rows), size):
        query = InsertQuery(model)
        query.insert_values(fields, rows[start : start + size], raw=True)
        query.get_compiler(using=connection.alias).execute_sql()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} has no form in a backup")


def _value(field: Any, value: Any) -> Any:
    if isinstance(field, models.JSONField):
        return Value(None, field) if value is None and not field.null else value
    return field.to_python(value)
