"""The preview table of a version: cells as text, and the distribution of every whole column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from gongshu.opening.models import Version
from gongshu.opening.rows.values import NUMERIC
from gongshu.web import drawing, words

SHOWN = 9  # columns, unless the reader chooses others
LEAST_SHARE = 0.01  # of the most frequent value, below which a bar of shares says nothing
LONG = 24  # characters from which a cell gets a wider column
UNGROUPED = {"longitude", "latitude", "division_code", "postcode", "credit_code", "mobile", "landline", "bank_card"}


@dataclass(frozen=True)
class Head:
    """A column of the preview: its name, how it is sorted, and the picture of its values."""

    name: str
    numeric: bool
    unit: str
    title: str
    sort: str
    sorted: str
    picture: SafeString | str
    lines: tuple[str, ...]
    ends: tuple[str, str] | None
    grouped: bool
    degrees: bool
    kind: str


def heads(version: Version, names: list[str], sort: str, descending: bool) -> list[Head]:
    """The columns ``names`` as shown; ``sort`` is the column that the rows are sorted by."""
    known = {column["name"]: column for column in version.columns}
    return [_head(version, known[name], sort, descending) for name in names]


def cells(row: tuple[Any, ...], columns: list[Head]) -> list[dict[str, Any]]:
    """The cells of a row: ``text``, ``empty``, and the class of the cell."""
    found = []
    for value, column in zip(row, columns, strict=True):
        text = f"{value:.4f}" if column.degrees and isinstance(value, float) else display(value, column.grouped)
        css = "n" if column.numeric else "nw" if column.kind in ("date", "timestamp") else "text"
        found.append(
            {"text": text, "empty": value is None, "css": css + (" long" if len(text) > LONG and css == "text" else "")}
        )
    return found


def display(value: Any, grouped: bool) -> str:
    """A value as a reader writes it; ``grouped`` numbers have thousands separators."""
    if value is None:
        return _("空")
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, int):
        return f"{value:,}" if grouped else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return _("空")
        text = f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)
        return _grouped(text) if grouped else text
    if isinstance(value, Decimal):
        return _grouped(f"{value:f}") if grouped else f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes" if not value.second and not value.microsecond else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return _("二进制，%(n)s 字节") % {"n": len(value)}
    return str(value)


def _grouped(text: str) -> str:
    whole, mark, rest = text.partition(".")
    return f"{int(whole):,}{mark}{rest}" if whole.lstrip("-").isdigit() and whole != "-0" else text


def _head(version: Version, column: dict[str, Any], sort: str, descending: bool) -> Head:
    name, kind = column["name"], column["storage_type"]
    numeric = kind in NUMERIC and not column.get("codes")
    picture, lines, ends = _picture(version, column)
    by_this = sort == name
    return Head(
        name=name,
        numeric=numeric,
        unit=column.get("unit") or "",
        title=(column.get("title_en") or "") if words.english() else "",
        sort=f"-{name}" if by_this and not descending else name,
        sorted=("descending" if descending else "ascending") if by_this else "",
        picture=picture,
        lines=lines,
        ends=ends,
        grouped=_is_grouped(version, column),
        degrees=column.get("semantic_type") in ("longitude", "latitude"),
        kind=kind,
    )


def _is_grouped(version: Version, column: dict[str, Any]) -> bool:
    """Codes, keys, coordinates and years stay without separators."""
    if column["storage_type"] not in NUMERIC or column.get("codes") or column["name"] in version.key:
        return False
    if column.get("semantic_type") in UNGROUPED:
        return False
    low, high = _number(column.get("min")), _number(column.get("max"))
    return not (low is not None and high is not None and low >= 1800 and high <= 2200 and "年" in column["name"])


def _picture(
    version: Version, column: dict[str, Any]
) -> tuple[SafeString | str, tuple[str, ...], tuple[str, str] | None]:
    filled = version.rows - (column.get("nulls") or 0)
    distinct = column.get("distinct") or 0
    if not filled:
        return "", (_("全部为空"),), None
    counts = column.get("histogram") or []
    if len(counts) > 1 and not column.get("codes"):
        return drawing.histogram(counts), (), (_end(column, "min"), _end(column, "max"))
    if distinct == filled and distinct > 1:
        return "", (_("各不相同"), _("%(n)s 个值") % {"n": f"{distinct:,}"}), None
    top = column.get("top") or []
    if top and distinct == 1:
        return "", (_("只有一个值"), str(top[0][0])), None
    if top and top[0][1] >= LEAST_SHARE * filled:
        parts = [number / filled for _value, number in top[:3]]
        rest = max(0.0, 1 - sum(parts))
        first = (column.get("codes") or {}).get(str(top[0][0]), str(top[0][0]))
        if column["storage_type"] == "boolean":
            first = display(first == "true", False)
        share = f"{first} {parts[0] * 100:.0f}%"
        return drawing.shares([*parts, rest] if rest > 0.002 else parts), (share,), None
    return "", (_("%(n)s 种取值") % {"n": f"{distinct:,}"},), None


def _end(column: dict[str, Any], end: str) -> str:
    """The least or greatest value, short enough for the foot of a histogram."""
    text = str(column.get(end) or "")
    if column["storage_type"] in ("date", "timestamp"):
        low, high = str(column.get("min") or "")[:10], str(column.get("max") or "")[:10]
        return text[:4] if low[:4] != high[:4] else text[5:10]
    number = _number(text)
    if number is None:
        return text[:8]
    if column.get("semantic_type") in ("longitude", "latitude"):
        return f"{number:.2f}"
    if abs(number) >= 1e6:
        return _short(number)
    if number == int(number):
        return f"{int(number):,}"
    return f"{number:,.1f}" if abs(number) >= 10 else f"{number:.2f}"


def _short(number: float) -> str:
    """A large number in the reader's units: 万 and 亿, or M and B."""
    steps = ((1e9, "B"), (1e6, "M")) if words.english() else ((1e8, "亿"), (1e4, "万"))
    for step, unit in steps:
        if abs(number) >= step:
            return f"{number / step:,.0f}{unit}" if abs(number) >= 10 * step else f"{number / step:.1f}{unit}"
    return f"{number:,.0f}"


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
