"""What lists show of a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from gongshu.opening import exports, queries, terms
from gongshu.opening.models import Dataset, ExternalDataset
from gongshu.parties.models import Organisation
from gongshu.web import words


@dataclass(frozen=True)
class Card:
    """One dataset in a list."""

    name: str
    url: str
    title: str
    summary: str
    provider: str
    topic: str
    formats: list[str]
    open_type: str
    open_word: Any
    rows: int | None
    updated: datetime | None
    late: bool
    uses: int
    synthetic: bool
    origin: str = ""  # the portal that publishes it, when that is another one
    given: bool = False  # by society


def card(dataset: Dataset, used: dict[str, int]) -> Card:
    """The card of a visible dataset; ``used`` are the uses by name."""
    version = dataset.current
    assert version is not None
    return Card(
        name=dataset.name,
        url=reverse("dataset", args=[dataset.name]),
        title=words.local(dataset, "title"),
        summary=words.local(dataset, "summary"),
        provider=words.local(dataset.provider, "name"),
        topic=terms.topic(dataset.topic).name,
        formats=[one.label for one in exports.available(version)],
        open_type=dataset.open_type,
        open_word=words.OPEN_TYPES.get(dataset.open_type, dataset.open_type),
        rows=version.rows,
        updated=version.published_at,
        late=queries.freshness(dataset).late,
        uses=used.get(dataset.name, 0),
        synthetic=dataset.synthetic,
        given=dataset.provider.kind == Organisation.Kind.SOCIETY,
    )


def cards(found: Iterable[Dataset | ExternalDataset]) -> list[Card]:
    """Cards of datasets of the city and of other portals, in their order."""
    listed = list(found)
    used = queries.uses([one.name for one in listed if isinstance(one, Dataset)])
    return [card(one, used) if isinstance(one, Dataset) else external_card(one) for one in listed]


def external_card(row: ExternalDataset) -> Card:
    """The card of a dataset that another portal publishes."""
    return Card(
        name=row.name,
        url=row.get_absolute_url(),
        title=words.local(row, "title"),
        summary=words.local(row, "summary"),
        provider=row.publisher or words.local(row, "portal"),
        topic=terms.topic(row.topic).name if row.topic else "",
        formats=sorted({str(one["format"]) for one in row.distributions if one.get("format")})[:6],
        open_type="",
        open_word="",
        rows=None,
        updated=row.modified or row.issued,
        late=False,
        uses=0,
        synthetic=False,
        origin=words.local(row, "portal"),
    )
