"""A demand beside what there is: datasets that may answer it already, and the organisation that would have the data."""

from __future__ import annotations

import re
from collections import Counter

from gongshu.opening import cards, search
from gongshu.opening.models import Dataset
from gongshu.opening.search.documents import OWN
from gongshu.parties.models import Organisation

SHOWN, LOOKED_AT, JUDGED = 4, 12, 3
_CHINESE, _WORD = re.compile(r"[\u3400-\u9fff]{2}"), re.compile(r"[a-z0-9]{3,}")


def matches(words: str) -> list[cards.Card]:
    """The datasets in sight that answer ``words`` best; none when nothing does."""
    return cards.cards([one for one in _best(words, LOOKED_AT) if _close(words, one)][:SHOWN])


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
    best = _best(words, LOOKED_AT)
    if close := next((one for one in best if _close(words, one)), None):
        return close.provider
    counted = Counter(one.provider_id for one in best[:JUDGED])  # of equals the first counted, the best
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
