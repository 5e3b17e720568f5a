"""A demand beside what there is: datasets that may answer it already, and the organisation that would have the data."""

from __future__ import annotations

import re

from gongshu.feedback.policies import ASKED
from gongshu.opening import cards, search
from gongshu.opening.models import Dataset
from gongshu.opening.search.documents import OWN
from gongshu.parties.models import Organisation

SHOWN, LOOKED_AT, LONGEST = 4, 12, 200
_PAIR, _WORD = re.compile(r"[\u3400-\u9fff]{2}"), re.compile(r"[a-z0-9]{3,}")


def matches(words: str) -> list[cards.Card]:
    """The datasets in sight that answer ``words`` well enough to be shown unasked, best first; none when nothing does."""
    return cards.cards(_best(words)[:SHOWN])


def proposed(words: str) -> Organisation | None:
    """Who would have the data: an organisation that is named in ``words``, else who provides what answers them best."""
    for organisation in answering():
        if organisation.name in words or organisation.name.removeprefix("市") in words:
            return organisation
    return next((one.provider for one in _best(words) if one.provider.kind in ASKED), None)


def answering() -> list[Organisation]:
    """The organisations that can be asked: public bodies."""
    return list(Organisation.objects.filter(kind__in=ASKED).order_by("name"))


def _best(words: str) -> list[Dataset]:
    words = words.strip()[:LONGEST]
    if not words:
        return []
    try:
        found = search.ask(search.Wanted(words, {"source": OWN}, limit=LOOKED_AT))
    except search.IndexMissing:  # a proposal can wait
        return []
    return [one for one in found.datasets if _close(words, one)] if found.loose or found.meant else found.datasets


def _close(words: str, dataset: Dataset) -> bool:
    """Whether a dataset that has only some of ``words`` has one of them, or two characters side by side, in its names."""
    named, said = search.plain(" ".join([dataset.title, dataset.title_en, *dataset.keywords])), search.plain(words)
    pairs = {said[n : n + 2] for n in range(len(said) - 1) if _PAIR.fullmatch(said[n : n + 2])}
    return any(part in named for part in (*pairs, *_WORD.findall(said)))
