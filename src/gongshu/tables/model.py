"""The shapes that pass between reading, knowing and treating a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ROW = "_row"  # name of the record-number column of a staged table
MASK_BITS = 63  # of a word of a mask (tables.masks)
MASK_KEY = "gongshu.bits"  # where a mask's file says what its bits mean
MOST_PATCHES = 500  # corrections by hand; more belong into the source system and a new file


@dataclass(frozen=True)
class Skipped:
    """A row of the source that is no record: ``row`` is 1-based in the source, ``why`` is title, blank, subtotal, footnote..."""

    row: int
    why: str


@dataclass(frozen=True)
class Quarantined:
    """A value (or, with ``column`` None, a whole record) that did not fit; ``row`` is the 1-based data row."""

    row: int
    column: str | None
    value: str
    why: str


@dataclass(frozen=True)
class HeaderNote:
    """A header that had to be mended: ``kind`` is ``empty`` or ``repeated``; ``name`` is the name given."""

    kind: str
    column: int
    original: str
    name: str


@dataclass
class TextTable:
    """One table of a file, read as text first.

    ``path`` is a staged Parquet file: an int64 column ``_row`` (the record's number after the header, skipped and
    quarantined records counted) and one string column for each name of ``columns``, in order; an empty cell is null.
    ``native`` names the storage types that the source itself declares (Parquet, XLSX dates, JSON numbers).
    """

    name: str
    path: Path
    columns: list[str]
    rows: int
    header_rows: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    quarantined_total: int = 0
    header_notes: list[HeaderNote] = field(default_factory=list)
    native: dict[str, str] = field(default_factory=dict)
    crs: str | None = None


@dataclass
class Source:
    """A file as it was read: ``format`` and ``encoding`` as in the inspect document, and its tables."""

    path: Path
    format: str
    encoding: str | None
    tables: list[TextTable]
    notes: list[str] = field(default_factory=list)
