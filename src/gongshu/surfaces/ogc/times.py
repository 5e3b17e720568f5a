"""When a feature is: the first column of dates or times of its collection; ``datetime`` asks by it (OGC 17-069r4, 7.15.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from django.utils.translation import gettext as _

from gongshu.opening.rows.grammar import Ask, Filter
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import HERE, BadQuestion

GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
KINDS = ("date", "timestamp")
OPEN = ("", "..")


def column(columns: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The column that says when a feature is; None where there is none."""
    return next((one for one in columns if one["storage_type"] in KINDS), None)


def interval(columns: Iterable[dict[str, Any]]) -> list[str] | None:
    """The first and the last moment of a collection (RFC 3339); None where nothing says when."""
    found = column(columns)
    ends = [found.get(end) for end in ("min", "max")] if found else []
    try:
        moments = [datetime.fromisoformat(str(end)) for end in ends]
    except ValueError:  # infinite, or a year that no calendar of ours has
        return None
    return [(one if one.tzinfo else one.replace(tzinfo=HERE)).isoformat() for one in moments] or None


def during(ask: Ask, table: Table, said: str) -> Ask:
    """``ask``, of features within ``said``: a moment, or two with ``/`` between, either of them open (``..``). A date is the
    whole day. Features of a collection that says no time match always; BadQuestion for what is no time."""
    if not said:
        return ask
    ends = said.split("/")
    first, last = (_ends(ends[0])[0], _ends(ends[-1])[1]) if len(ends) < 3 else (None, None)
    if (first is None and last is None) or (len(ends) == 1 and ends[0] in OPEN):
        raise BadQuestion(_("datetime 要写一个时间，或用 / 隔开的两个，如 2026-01-01/.."), parameter="datetime")
    if first and last and first > last:
        raise BadQuestion(_("datetime 的开始晚于结束"), parameter="datetime")
    known = column(table.columns)
    if known is None:
        return ask
    made = [
        Filter(known["name"], operator, (_text(end, known["storage_type"]),))
        for operator, end in (("gte", first), ("lte", last))
        if end is not None
    ]
    return replace(ask, filters=(*ask.filters, *made))


def _ends(text: str) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment of a date or a time, at the city's clock."""
    if text in OPEN:
        return None, None
    try:
        if len(text) <= 10:
            day = date.fromisoformat(text)
            return datetime.combine(day, time.min), datetime.combine(day, time.max)
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        moment = moment if moment.tzinfo is None else moment.astimezone(HERE).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise BadQuestion(
            _("datetime 要写一个时间，或用 / 隔开的两个，如 2026-01-01/.."), parameter="datetime"
        ) from None
    return moment, moment


def _text(moment: datetime, kind: str) -> str:
    return moment.date().isoformat() if kind == "date" else moment.isoformat()
