"""What time it is: one clock for every record, so that a history can be driven through the product's own actions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_shift = timedelta(0)


def now() -> datetime:
    """The present moment in UTC (aware), moved while a demonstration or a test tells of other days."""
    return datetime.fromtimestamp(time.time(), UTC) + _shift


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let the clock of this process start at ``moment`` (aware) and go on from there until the block ends."""
    global _shift
    before, _shift = _shift, moment - datetime.fromtimestamp(time.time(), UTC)
    try:
        yield
    finally:
        _shift = before
