"""Usage figures of a dataset: how often its page was read, its files taken, its rows asked for. Counts only, of nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.safestring import SafeString

from gongshu import clock
from gongshu.opening import queries
from gongshu.oversight import access
from gongshu.web import drawing

ACTIONS = (queries.VIEW, queries.DOWNLOAD, queries.QUERY)
YEAR = 365


@dataclass(frozen=True)
class Usage:
    """``last``: views, downloads, queries of the last 30 days; ``year`` of the last 365; ``months``: the month (2026-11) with the
    three numbers, the latest first, those with nothing left out. ``picture``: the last 30 days, all three together."""

    last: tuple[int, int, int]
    year: tuple[int, int, int]
    months: list[tuple[str, tuple[int, int, int]]]
    picture: SafeString


def usage(name: str) -> Usage:
    """Of the dataset ``name``, as far as the log was merged (seconds ago)."""
    counted = access.by_day(f"dataset:{name}", YEAR)
    days = [counted.get(action, {}) for action in ACTIONS]
    today = clock.now().date()
    recent = [today - timedelta(days=n) for n in range(queries.USE_DAYS - 1, -1, -1)]
    months: dict[str, list[int]] = {}
    for place, each in enumerate(days):
        for day, number in each.items():
            months.setdefault(day.isoformat()[:7], [0, 0, 0])[place] += number
    return Usage(
        last=_sums(days, set(recent)),
        year=_sums(days, None),
        months=[(month, (n[0], n[1], n[2])) for month, n in sorted(months.items(), reverse=True)],
        picture=drawing.histogram([sum(each.get(day, 0) for each in days) for day in recent]),
    )


def _sums(days: list[dict[date, int]], among: set[date] | None) -> tuple[int, int, int]:
    views, downloads, asked = (sum(n for day, n in each.items() if among is None or day in among) for each in days)
    return views, downloads, asked
