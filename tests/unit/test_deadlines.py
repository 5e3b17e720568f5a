"""Working days and clocks by the calendar of the rulebook."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from gongshu import deadlines
from gongshu.deadlines import BEIJING


@pytest.mark.parametrize(
    ("day", "number", "expected"),
    [
        (date(2026, 11, 23), 5, date(2026, 11, 30)),  # Monday and five working days: the next Monday
        (date(2026, 9, 30), 2, date(2026, 10, 9)),  # over the National Day holidays
        (date(2026, 9, 30), 3, date(2026, 10, 10)),  # a make-up Saturday counts
        (date(2026, 2, 13), 1, date(2026, 2, 14)),  # Saturday worked before the Spring Festival
        (date(2026, 11, 21), 0, date(2026, 11, 21)),
    ],
)
def test_working_days_are_added_by_the_calendar(day, number, expected):
    assert deadlines.add_working_days(day, number) == expected
    assert deadlines.working_days_between(day, expected) == number


def test_working_days_are_taken_away_by_the_calendar():
    assert deadlines.subtract_working_days(date(2026, 10, 9), 2) == date(2026, 9, 30)


def test_a_step_is_due_at_the_end_of_its_last_day():
    since = datetime(2026, 11, 23, 9, 0, tzinfo=BEIJING)
    assert deadlines.due("opening", "department", since) == datetime(2026, 11, 26, tzinfo=BEIJING)
    late_in_the_evening = datetime(2026, 11, 23, 23, 59, tzinfo=BEIJING)
    assert deadlines.due("opening", "department", late_in_the_evening) == datetime(2026, 11, 26, tzinfo=BEIJING)


def test_a_clock_warns_a_working_day_before_it_is_late():
    since = datetime(2026, 11, 23, 9, 0, tzinfo=BEIJING)
    due = deadlines.due("opening", "department", since)
    begun = deadlines.reading(since, due, since)
    assert (begun.share, begun.late, begun.warn) == (0.0, False, False)
    near = deadlines.reading(since, due, datetime(2026, 11, 25, 10, 0, tzinfo=BEIJING))
    assert near.warn and not near.late and 0.5 < near.share < 1
    past = deadlines.reading(since, due, due + timedelta(seconds=1))
    assert past.late and past.share == 1.0


def test_a_clock_that_was_set_back_shows_no_negative_share():
    since = datetime(2026, 11, 23, 9, 0, tzinfo=BEIJING)
    due = deadlines.due("opening", "department", since)
    assert deadlines.reading(since, due, since - timedelta(days=1)).share == 0.0


def test_an_unknown_step_has_no_limit():
    with pytest.raises(KeyError):
        deadlines.limit("opening", "nobody")
