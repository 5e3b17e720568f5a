"""What lists show of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from gongshu.opening import exports, queries, terms
from gongshu.opening.models import Dataset
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
    rows: int
    updated: datetime
    late: bool
    uses: int
    synthetic: bool
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
