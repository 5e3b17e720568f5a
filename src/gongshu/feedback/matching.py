"""A demand beside what there is: datasets that may answer it already, and the organisation that would have the data."""

from __future__ import annotations

import re
from collections import Counter

from gongshu.opening import cards, queries, search
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation

SHOWN, LOOKED_AT, JUDGED = 4, 12, 3
_CHINESE, _WORD = re.compile(r"[\u3400-\u9fff]{2}"), re.compile(r"[a-z0-9]{3,}")


def matches(words: str) -> list[cards.Card]:
    """The datasets in sight that answer ``words`` best; none when nothing does."""
    words = words.strip()[:200]
    if not words:
        return []
    ids = search.answer(words, queries.visible()).ids[:LOOKED_AT]
    found = queries.visible().in_bulk(ids)
    used, close = queries.uses(), [found[pk] for pk in ids if pk in found and _close(words, found[pk])]
    return [cards.card(dataset, used) for dataset in close[:SHOWN]]


def _close(words: str, dataset: Dataset) -> bool:
    """Whether a dataset that the search proposes is worth showing unasked: two characters side by side of ``words`` stand in its
    name or keywords, or every word somewhere in what it says of itself."""
    named = search.plain(" ".join([dataset.title, dataset.title_en, *dataset.keywords]))
    plain = search.plain(words)
    pairs = {plain[n : n + 2] for n in range(len(plain) - 1) if _CHINESE.fullmatch(plain[n : n + 2])}
    if any(pair in named for pair in pairs) or any(word in named for word in _WORD.findall(plain)):
        return True
    columns = dataset.current.columns if dataset.current else []
    told = f"{named} {search.plain(dataset.summary + dataset.summary_en)} " + " ".join(
        f"{c['name']} {c.get('description') or ''}" for c in columns
    )
    return all(word in told for word in search.words_of(words))


def proposed(words: str) -> Organisation | None:
    """Who would have the data: an organisation that is named in ``words``, else who provides most of what answers them best."""
    for organisation in answering():
        if organisation.name in words or organisation.name.removeprefix("市") in words:
            return organisation
    if close := matches(words):
        return Dataset.objects.select_related("provider").get(name=close[0].name).provider
    ids = search.answer(words.strip()[:200], queries.visible()).ids[:JUDGED] if words.strip() else []
    found = queries.visible().in_bulk(ids)
    counted = Counter(found[pk].provider_id for pk in ids if pk in found)  # of equals the first counted, the best
    return Organisation.objects.get(pk=counted.most_common(1)[0][0]) if counted else None


def answering() -> list[Organisation]:
    """The organisations that can be asked: all but users of data."""
    return list(Organisation.objects.exclude(kind=Organisation.Kind.USER).order_by("name"))
