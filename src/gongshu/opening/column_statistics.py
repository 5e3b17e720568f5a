"""Column statistics (列统计) of a version as its readers see them: how full, how many values, between what, how spread, which most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from gongshu.opening import preview
from gongshu.opening.models import Version
from gongshu.web import words

MOST_VALUES = 5
LONGEST = 60  # characters of a value


@dataclass(frozen=True)
class ColumnStatistics:
    """``filled`` is a share (0..1) of the rows, ``top`` the most frequent values with their number and share of the filled cells;
    empty where no value stands out. Everything was counted when the version was published, over all of its rows."""

    name: str
    kind: str
    numeric: bool
    filled: float
    distinct: int
    least: str
    greatest: str
    picture: SafeString | str
    top: list[tuple[str, int, float]]
    others: int


def of(version: Version, columns: list[dict[str, Any]]) -> list[ColumnStatistics]:
    """Of these ``columns`` of the version."""
    return [_column(version, column) for column in columns]


def _column(version: Version, column: dict[str, Any]) -> ColumnStatistics:
    head = preview.heads(version, [column["name"]], "", False)[0]
    nulls, distinct = column.get("nulls") or 0, column.get("distinct") or 0
    filled = version.rows - nulls
    codes = column.get("codes") or {}
    top = []
    if distinct < filled and (column.get("top") or [("", 0)])[0][1] >= preview.LEAST_SHARE * filled:
        for value, number in (column.get("top") or [])[:MOST_VALUES]:
            said = preview.display(value == "true", False) if column["storage_type"] == "boolean" else str(value)
            meaning = codes.get(str(value), "")
            top.append((f"{said} {meaning}".strip()[:LONGEST], int(number), number / filled if filled else 0.0))
    ordered = column["storage_type"] not in ("geometry", "boolean", "string")
    return ColumnStatistics(
        name=column["name"],
        kind=str(words.STORAGE.get(column["storage_type"], column["storage_type"])),
        numeric=head.numeric,
        filled=filled / version.rows if version.rows else 0.0,
        distinct=distinct,
        least=str(column.get("min") or "")[:LONGEST] if ordered else "",
        greatest=str(column.get("max") or "")[:LONGEST] if ordered else "",
        picture=head.picture,
        top=top,
        others=max(0, distinct - len(top)),
    )
