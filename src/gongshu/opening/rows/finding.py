"""Which version a question is about, and whether it may be read now: asked of the database at every request."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from gongshu.opening.models import Dataset, Version
from gongshu.opening.rows import tables
from gongshu.opening.rows.tables import Table


class NoDataset(Exception):
    """There is no such dataset, or no such version of it."""


class WithdrawnError(Exception):
    """The dataset or the version was withdrawn; carries the reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


class StoppedError(Exception):
    """An emergency stop holds for the dataset; carries its name."""


def current(name: str) -> tuple[int, Table]:
    """Number of the current version of the dataset ``name``, and its table.

    NoDataset, StoppedError, WithdrawnError when there is nothing to read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_standing(connection.vendor), [name])
        found = cursor.fetchone()
    if found is None:
        raise NoDataset(name)
    dataset, stopped, version, job, number = found
    if stopped is not None:
        raise StoppedError(name)
    if version is None:
        last = Version.objects.filter(dataset=dataset, state=Version.State.WITHDRAWN).first()
        if last is None:
            raise NoDataset(name)
        raise WithdrawnError(name, last.withdrawn_reason)
    return number, tables.by_identity(version, str(job), settings.DATA)


@lru_cache(maxsize=2)
def _standing(vendor: str) -> str:
    """The SQL of what has to be known of a dataset by its name: made once, it is asked at every request."""
    facts = ("pk", "stopped_at", "current", "current__job", "current__number")
    sql, _values = Dataset.objects.filter(name="").order_by().values_list(*facts).query.sql_with_params()
    return str(sql)


def numbered(name: str, number: int) -> Table:
    """The table of the version ``number`` of a dataset that can be read; NoDataset, WithdrawnError."""
    facts: Any = ("pk", "job", "state", "withdrawn_reason", "dataset__current__number")
    found = Version.objects.filter(dataset__name=name, number=number).values_list(*facts).first()
    if found is None or (found[2] != Version.State.WITHDRAWN and number > (found[4] or 0)):
        raise NoDataset(name)
    version, job, state, reason, _current = found
    if state == Version.State.WITHDRAWN:
        raise WithdrawnError(name, reason)
    return tables.by_identity(version, str(job), settings.DATA)
