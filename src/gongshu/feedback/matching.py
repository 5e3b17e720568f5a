"""A demand beside what there is: datasets that may answer it already, and the organisation that would have the data."""

from __future__ import annotations

from collections import Counter

from gongshu.opening import cards, search
from gongshu.opening.models import Dataset
from gongshu.opening.search.documents import OWN
from gongshu.parties.models import Organisation

SHOWN, JUDGED = 5, 3


def matches(words: str) -> list[cards.Card]:
    """The datasets in sight that answer ``words`` best; none when nothing does."""
    return cards.cards(_best(words, SHOWN))


def proposed(words: str) -> Organisation | None:
    """Who would have the data: an organisation that is named in ``words``, else who provides most of what answers them best."""
    for organisation in answering():
        if organisation.name in words or organisation.name.removeprefix("市") in words:
            return organisation
    counted = Counter(one.provider_id for one in _best(words, JUDGED))  # of equals the first counted, the best
    return Organisation.objects.get(pk=counted.most_common(1)[0][0]) if counted else None


def _best(words: str, number: int) -> list[Dataset]:
    words = words.strip()[:200]
    if not words:
        return []
    try:
        return search.ask(search.Wanted(words, {"source": OWN}, limit=number)).datasets
    except search.IndexMissing:  # a proposal can wait
        return []


def answering() -> list[Organisation]:
    """The organisations that can be asked: all but users of data."""
    return list(Organisation.objects.exclude(kind=Organisation.Kind.USER).order_by("name"))
