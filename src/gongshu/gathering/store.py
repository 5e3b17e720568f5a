"""Where uploads are kept: ``uploads/<id>`` below ``settings.DATA``, outside everything that is served to the public."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from gongshu.gathering.models import Upload


def folder_of(upload: Upload) -> Path:
    """The folder of an upload; not made here."""
    found: Path = settings.DATA / "uploads" / str(upload.id)
    return found


def file_of(upload: Upload) -> Path:
    """The uploaded file, as it came; its own name stays in the database."""
    return folder_of(upload) / "file"


def part_of(upload: Upload) -> Path:
    """What has come of a file that is still being received."""
    return folder_of(upload) / "part"


def report_of(upload: Upload) -> Path:
    """The inspect document (JSON) of an upload that was inspected."""
    return folder_of(upload) / "report.json"


def contract_of(upload: Upload, number: int) -> Path:
    """The data contract (ODCS YAML) that the inspection proposes for table ``number``."""
    return folder_of(upload) / f"table-{number}.odcs.yaml"


def table_of(upload: Upload, number: int) -> Path:
    """The staged text table ``number`` of an upload that was inspected: Parquet, ``_row`` first."""
    return folder_of(upload) / f"table-{number}.parquet"


def mask_of(upload: Upload, number: int) -> Path:
    """Which row of table ``number`` breaks which rule of its inspection: Parquet (``gongshu.tables.masks``)."""
    return folder_of(upload) / f"table-{number}.mask.parquet"


def arriving() -> Path:
    """Where the files of plain forms are spooled while they come: on the disk that will keep them."""
    found: Path = settings.DATA / "arriving"
    return found
