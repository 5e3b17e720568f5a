"""What asking needs to know of a version: its columns, its key, where its serving copy is. It never changes, so it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from gongshu.lake import serving
from gongshu.opening.models import Version

TEXTUAL = {"string"}


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a version, as they can be asked."""

    dataset: str
    title: str
    number: int
    identity: str  # of the publication: what cached answers are kept by
    rows: int
    columns: list[dict[str, Any]]
    key: list[str]
    path: Path
    longitude: str = ""
    latitude: str = ""
    by_name: dict[str, dict[str, Any]] = field(default_factory=dict)

    def kind(self, name: str) -> str:
        """Storage type of a column."""
        return str(self.by_name[name]["storage_type"])

    @property
    def names(self) -> list[str]:
        """Names of the public columns, in order."""
        return [column["name"] for column in self.columns]

    @property
    def textual(self) -> list[str]:
        """The columns that a text search looks in."""
        return [column["name"] for column in self.columns if column["storage_type"] in TEXTUAL]

    @property
    def geometry(self) -> str:
        """The column that holds shapes; empty when there is none."""
        return next((c["name"] for c in self.columns if c["storage_type"] == "geometry"), "")

    @property
    def spatial(self) -> bool:
        """Whether the rows have a place."""
        return bool(self.geometry or (self.longitude and self.latitude))


def of(version: Version) -> Table:
    """The table of a version whose dataset was read with it."""
    return Table(
        dataset=version.dataset.name,
        title=version.dataset.title,
        number=version.number,
        identity=str(version.job),
        rows=version.rows,
        columns=version.columns,
        key=version.key,
        path=path(version),
        longitude=version.longitude,
        latitude=version.latitude,
        by_name={column["name"]: column for column in version.columns},
    )


@lru_cache(maxsize=256)
def by_identity(pk: int, job: str, data: Path) -> Table:
    """The table of the version ``pk`` made by the publication ``job``, in the data folder ``data``; read once."""
    return of(Version.objects.select_related("dataset").defer("contract", "quality").get(pk=pk, job=job))


def path(version: Version) -> Path:
    """Where the version's serving copy is."""
    found: Path = settings.DATA / version.serving
    return found


def stamp(version: Version) -> tuple[str, int]:
    """File and time of the serving copy: what cached answers are kept by."""
    file = path(version)
    try:
        return str(file), file.stat().st_mtime_ns
    except OSError as error:
        raise serving.CopyMissing(file.name) from error
