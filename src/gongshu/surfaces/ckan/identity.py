"""Identifiers that CKAN's clients take for UUIDs, made of our own numbers and read back from them, so that no table is needed.

They are UUIDs of version 8 (RFC 9562, 5.8: free for the maker): what it is, in which format, and the number of the row.
"""

from __future__ import annotations

import re
from uuid import UUID

PACKAGE, ORGANISATION = 0, 0xFFF
FORMATS = ("csv", "xlsx", "json", "geojson", "parquet")  # their places are part of published identifiers: only append
_ID = re.compile(r"676f6e67-7368-8([0-9a-f]{3})-8000-([0-9a-f]{12})")


def package(number: int) -> str:
    """Of a dataset."""
    return _made(PACKAGE, number)


def organisation(number: int) -> str:
    """Of an organisation."""
    return _made(ORGANISATION, number)


def resource(number: int, key: str) -> str:
    """Of a dataset's file in the format ``key``."""
    return _made(FORMATS.index(key) + 1, number)


def read(text: str) -> tuple[int, int] | None:
    """What it is of (:data:`PACKAGE`, :data:`ORGANISATION`, or a format's place from 1) and the number; None for no identifier of ours."""
    match = _ID.fullmatch(text.strip().lower())
    return (int(match[1], 16), int(match[2], 16)) if match else None


def _made(kind: int, number: int) -> str:
    return str(UUID(f"676f6e67-7368-8{kind:03x}-8000-{number:012x}"))
