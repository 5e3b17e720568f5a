"""What a person answers for: every app names it and how it passes to a successor, so that nothing is orphaned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gongshu.parties.models import Organisation, Person


@dataclass(frozen=True)
class Holding:
    """Things of one kind that a person answers for in an organisation, and the permission that a successor needs."""

    what: str
    titles: list[str]
    permission: str
    pass_on: Callable[[Person], None]


Source = Callable[[Person, Organisation], list[Holding]]
_sources: list[Source] = []


def holding_source(source: Source) -> Source:
    """Register a function that says what a person holds in an organisation; decorates it in an app's ``handover`` module."""
    _sources.append(source)
    return source


def holdings_of(person: Person, organisation: Organisation) -> list[Holding]:
    """Everything that ``person`` answers for in ``organisation``; empty kinds are left out."""
    return [one for source in _sources for one in source(person, organisation) if one.titles]
