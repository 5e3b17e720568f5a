"""The part of a dataset's page that leads on: datasets that can be joined with it, and those like it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from gongshu.opening import cards, joins, search
from gongshu.opening.models import Join, Version
from gongshu.opening.search.similar import similar
from gongshu.web import words

JOINS, SIMILAR = 8, 5


@dataclass(frozen=True)
class Joinable:
    """A dataset with values in common: its columns beside ours. ``share``: how many of our distinct values it has, 0..1, and
    ``margin``, by which that may be wrong (0 when it is exact)."""

    title: str
    url: str
    column: str
    other: str
    share: float
    margin: float


@dataclass(frozen=True)
class Related:
    """What a dataset leads on to."""

    joinable: list[Joinable]
    similar: list[cards.Card]


def joinable(version: Version, most: int = JOINS) -> list[Joinable]:
    """What a version can be joined with, by its best columns: one line a dataset."""
    best: dict[int, Join] = {}
    for one in joins.joinable(version)[: 20 * most]:
        best.setdefault(one.right.version.dataset_id, one)
    return [_told(one) for one in list(best.values())[:most]]


def related(version: Version) -> Related:
    """What the page of a version leads on to; nothing is said to be like it while there is no index."""
    try:
        alike = similar(version.dataset, SIMILAR)
    except search.IndexMissing:
        alike = []
    return Related(joinable(version), cards.cards(alike))


def _told(one: Join) -> Joinable:
    dataset = one.right.version.dataset
    return Joinable(
        words.local(dataset, "title"),
        reverse("dataset", args=[dataset.name]),
        one.left.column,
        one.right.column,
        one.share,
        joins.margin(one.share, one.sample),
    )
