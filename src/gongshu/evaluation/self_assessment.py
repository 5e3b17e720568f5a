"""The portal's score of itself (门户自评) by the 17 first-level items of the national index; rulebook ``portal-index-2021``.

Each item is A ÷ B of something that the portal counts, in hundredths; one with nothing to count has no score, and the others
bear its weight. The way of counting and the weights are our default: the index publishes neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from gongshu.catalogue.models import Resource
from gongshu.evaluation import statistics
from gongshu.evaluation.statistics import Facts
from gongshu.feedback import queries as feedback
from gongshu.feedback.models import Case, Reuse
from gongshu.feedback.policies import OPEN
from gongshu.opening import queries, terms
from gongshu.rulebooks import every_rulebook, rulebook

RULEBOOK = "portal-index-2021/items"
DEFAULT = "默认"  # in the source of a rulebook that rests on no law or standard alone


@dataclass(frozen=True)
class Item:
    """One item: ``a`` ÷ ``b``; ``score`` (0..100) is None where ``b`` is 0."""

    entry: dict[str, Any]
    a: float
    b: float
    weight: float

    @property
    def score(self) -> float | None:
        """100 A ÷ B, at most 100."""
        return min(100.0, 100 * self.a / self.b) if self.b else None


@dataclass(frozen=True)
class Dimension:
    """Some items, with their weighted mean."""

    entry: dict[str, Any]
    items: list[Item]
    score: float | None


def assessment() -> tuple[float | None, list[Dimension]]:
    """The score of the portal and of its dimensions, with their items."""
    book = rulebook(RULEBOOK)
    measured = _measures(book)
    found = []
    for entry in book["dimensions"]:
        items = [
            Item(one, *measured[one["key"]], float(one["weight"]))
            for one in book["entries"]
            if one["dimension"] == entry["key"]
        ]
        found.append(Dimension(entry, items, mean([(item.score, item.weight) for item in items])))
    return mean([(one.score, float(one.entry["weight"])) for one in found]), found


def mean(parts: list[tuple[float | None, float]]) -> float | None:
    """The weighted mean of the scores that there are; None without any."""
    told = [(score, weight) for score, weight in parts if score is not None]
    weights = sum(weight for _score, weight in told)
    return sum(score * weight for score, weight in told) / weights if weights else None


def rests_on_law(book: dict[str, Any]) -> bool:
    """Whether a rulebook rests on a law or a standard alone, by its source."""
    return DEFAULT not in str(book["source"])


def _measures(book: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """A and B of every item."""
    facts = statistics.facts()
    rules = every_rulebook()
    reuses = feedback.shown_reuses()
    number = reuses.count()
    demands = Case.objects.filter(kind=Case.Kind.DEMAND, shown=True)
    answering = feedback.answering()
    answered = sum(one.answered for one in answering)
    in_time = sum(one.answered * (one.in_time or 0) for one in answering)
    kinds = set(reuses.values_list("kind", flat=True).order_by())
    per_dataset = next(float(one["per_dataset"]) for one in book["entries"] if one["key"] == "results")
    may_open = Resource.objects.exclude(open_type=Resource.OpenType.NONE)
    satisfied, said = feedback.satisfaction()
    return {
        "regulation": (sum(map(rests_on_law, rules.values())), len(rules)),
        "standards": (facts.typed, facts.columns),
        "leadership": (facts.responsible, facts.datasets),
        "relations": statistics.districts(),
        "discovery": (facts.described, facts.columns),
        "access": (facts.by_open_type.get("unconditional", 0), facts.datasets),
        "results_shown": (queries.visible().filter(reuses__in=reuses).distinct().count(), facts.datasets),
        "interaction": (round(in_time), answered + sum(one.late for one in answering)),
        "experience": (satisfied, said),
        "quantity": (may_open.filter(dataset__in=queries.visible()).count(), may_open.count()),
        "quality": (facts.scores[0], 100.0 * facts.scores[1]),
        "norms": (facts.complete, facts.datasets),
        "scope": _topics(facts),
        "promotion": (demands.exclude(state__in=OPEN).count(), demands.count()),
        "diversity": (len(kinds), len(Reuse.Kind.choices)),
        "results": (number, per_dataset * facts.datasets),
        "results_quality": (reuses.annotate(n=Count("datasets")).filter(n__gte=2).count(), number),
    }


def _topics(facts: Facts) -> tuple[int, int]:
    known = terms.topics()
    return sum(1 for key in known if facts.by_topic.get(key)), len(known)
