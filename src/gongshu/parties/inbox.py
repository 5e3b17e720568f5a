"""What waits for a person, until when: every app names its sources, the inbox puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gongshu import clock
from gongshu.parties.models import Person


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for a person: what, since when, until when, where to go, and the verb of what to do there."""

    title: str
    verb: str
    url: str
    since: datetime
    due: datetime | None = None

    @property
    def late(self) -> bool:
        """The deadline has passed."""
        return self.due is not None and clock.now() >= self.due


Source = Callable[[Person], list[Waiting]]
_sources: list[Source] = []


def waiting_source(source: Source) -> Source:
    """Register a function that says what waits for a person; decorates it in an app's ``inbox`` module."""
    _sources.append(source)
    return source


def waiting_for(person: Person) -> list[Waiting]:
    """Everything that waits for ``person``, the most urgent first, what has no deadline last."""
    found = [one for source in _sources for one in source(person)]
    return sorted(found, key=lambda one: (one.due is None, one.due or one.since, one.since))
