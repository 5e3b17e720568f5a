"""A demand beside what there is: datasets that may answer it already, and the organisation that would have the data."""

from __future__ import annotations

from collections import Counter

from gongshu.opening import cards, queries, search
from gongshu.parties.models import Organisation

SHOWN, JUDGED = 5, 3


def matches(words: str) -> list[cards.Card]:
    """The datasets in sight that answer ``words`` best; none when nothing does."""
    words = words.strip()[:200]
    if not words:
        return []
    ids = search.answer(words, queries.visible()).ids[:SHOWN]
    found = queries.visible().in_bulk(ids)
    used = queries.uses()
    return [cards.card(found[pk], used) for pk in ids if pk in found]


def proposed(words: str) -> Organisation | None:
    """Who would have the data: an organisation that is named in ``words``, else who provides most of what answers them best."""
    for organisation in answering():
        if organisation.name in words or organisation.name.removeprefix("市") in words:
            return organisation
    ids = search.answer(words.strip()[:200], queries.visible()).ids[:JUDGED] if words.strip() else []
    found = queries.visible().in_bulk(ids)
    counted = Counter(found[pk].provider_id for pk in ids if pk in found)  # of equals the first counted, the best
    return Organisation.objects.get(pk=counted.most_common(1)[0][0]) if counted else None


def answering() -> list[Organisation]:
    """The organisations that can be asked: all but users of data."""
    return list(Organisation.objects.exclude(kind=Organisation.Kind.USER).order_by("name"))
