"""Working days and clocks (时限): limits are data of the rulebook ``deadlines-2026``, never constants in code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from gongshu import clock
from gongshu.rulebooks import rulebook

LIMITS, CALENDAR = "deadlines-2026/limits", "deadlines-2026/calendar"
BEIJING = timezone(timedelta(hours=8))  # the law's days are days of Beijing time, without summer time
SATURDAY = 5


@dataclass(frozen=True)
class Limit:
    """How long a step of a track may take: ``limit`` working days (``wd``) or calendar days (``day``), and by what rule."""

    track: str
    step: str
    limit: int
    unit: str
    zh: str
    en: str
    source: str


@dataclass(frozen=True)
class Clock:
    """Where a step stands between ``since`` and ``due``: ``share`` of the time used (0..1), ``left`` whole working days."""

    since: datetime
    due: datetime
    share: float
    late: bool
    left: int

    @property
    def warn(self) -> bool:
        """One working day or less is left."""
        return not self.late and self.left <= 1


def limit(track: str, step: str) -> Limit:
    """The limit of a step; KeyError when the rulebook has none."""
    for entry in rulebook(LIMITS)["entries"]:
        if (entry["track"], entry["step"]) == (track, step):
            return Limit(**entry)
    raise KeyError(f"{track}/{step}")


def due(track: str, step: str, since: datetime) -> datetime:
    """When a step that began at ``since`` is due: the end (24:00 Beijing) of the last day; the day it began doesn't count."""
    found = limit(track, step)
    day = since.astimezone(BEIJING).date()
    day = add_working_days(day, found.limit) if found.unit == "wd" else day + timedelta(days=found.limit)
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), BEIJING).astimezone(UTC)


def reading(since: datetime, due_at: datetime, now: datetime | None = None) -> Clock:
    """The clock of a step that began at ``since`` and is due at ``due_at``."""
    now = now or clock.now()
    whole = max((due_at - since).total_seconds(), 1.0)
    share = min(max((now - since).total_seconds() / whole, 0.0), 1.0)
    last = (due_at - timedelta(seconds=1)).astimezone(BEIJING).date()
    left = working_days_between(now.astimezone(BEIJING).date(), last)
    return Clock(since, due_at, share, now >= due_at, left)


def is_working_day(day: date) -> bool:
    """Whether offices work on ``day``; beyond the years of the calendar rulebook: Monday to Friday."""
    year: dict[str, Any] = rulebook(CALENDAR)["years"].get(day.year, {})
    if day in year.get("make_up", ()):
        return True
    if any(first <= day <= last for first, last in year.get("holidays", ())):
        return False
    return day.weekday() < SATURDAY


def add_working_days(day: date, number: int) -> date:
    """The working day that comes ``number`` working days after ``day`` (``number`` >= 0)."""
    while number > 0:
        day += timedelta(days=1)
        number -= is_working_day(day)
    return day


def subtract_working_days(day: date, number: int) -> date:
    """The working day that comes ``number`` working days before ``day`` (``number`` >= 0)."""
    while number > 0:
        day -= timedelta(days=1)
        number -= is_working_day(day)
    return day


def working_days_between(first: date, last: date) -> int:
    """The working days after ``first`` up to and with ``last``; 0 when ``last`` is not later."""
    return sum(is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))
