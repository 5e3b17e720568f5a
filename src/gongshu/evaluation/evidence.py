"""What a score is counted from: the things behind A and B of each item of the self-assessment, one by one.

The sums of the lines of an item are its A and its B, so that anyone can count again; the B of ``results`` is not counted but set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.catalogue.models import Resource
from gongshu.evaluation import self_assessment, statistics
from gongshu.feedback import queries as feedback
from gongshu.feedback.models import Reuse
from gongshu.feedback.policies import OPEN
from gongshu.opening import queries, terms
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation
from gongshu.rulebooks import every_rulebook
from gongshu.web import words

PAGE = 50


@dataclass(frozen=True)
class Line:
    """One thing: what it adds to A and to B, and the page that shows it; empty where it has none of its own."""

    name: str
    url: str
    a: float
    b: float


def page(key: str, number: int) -> tuple[list[Line], Page[Any]]:
    """The lines of a page of the item ``key`` (of the rulebook), and the page; the last one when there are not so many."""
    if key in _OF_DATASETS:
        counted = _OF_DATASETS[key]
        datasets = queries.visible().select_related("resource").order_by("name")
        some: Page[Any] = Paginator(datasets, PAGE).get_page(number)
        return [_of_dataset(one, *counted(one)) for one in some], some
    some = Paginator(_LISTED[key](), PAGE).get_page(number)
    return list(some), some


def lines(key: str) -> list[Line]:
    """All lines of an item."""
    first, found = page(key, 1)
    return first + [line for number in range(2, found.paginator.num_pages + 1) for line in page(key, number)[0]]


def _of_dataset(dataset: Dataset, a: float, b: float) -> Line:
    return Line(words.local(dataset, "title"), dataset.get_absolute_url(), a, b)


def _columns(dataset: Dataset) -> list[dict[str, Any]]:
    assert dataset.current is not None  # of those in sight
    columns: list[dict[str, Any]] = dataset.current.columns
    return columns


def _typed(dataset: Dataset) -> tuple[float, float]:
    return sum(map(statistics.is_typed, _columns(dataset))), len(_columns(dataset))


def _described(dataset: Dataset) -> tuple[float, float]:
    return sum(map(statistics.is_described, _columns(dataset))), len(_columns(dataset))


def _responsible(dataset: Dataset) -> tuple[float, float]:
    return float(dataset.resource is not None and dataset.resource.maintainer_id is not None), 1


def _free(dataset: Dataset) -> tuple[float, float]:
    return float(dataset.open_type == "unconditional"), 1


def _with_results(dataset: Dataset) -> tuple[float, float]:
    return float(feedback.shown_reuses().filter(datasets=dataset).exists()), 1


def _score(dataset: Dataset) -> tuple[float, float]:
    assert dataset.current is not None
    total = terms.quality_total(dataset.current.quality)
    return (0.0, 0.0) if total is None else (total, 100.0)


def _complete(dataset: Dataset) -> tuple[float, float]:
    return float(statistics.is_complete(dataset.licence, dataset.update_frequency, _columns(dataset))), 1


def _rules() -> list[Line]:
    return [
        Line(name, reverse("rules"), float(self_assessment.rests_on_law(book)), 1)
        for name, book in every_rulebook().items()
    ]


def _districts() -> list[Line]:
    open_ones = statistics.open_districts()
    return [
        Line(words.local(one, "name"), reverse("district", args=[one.code]), float(one.code in open_ones), 1)
        for one in queries.districts().order_by("code")
    ]


def _answering() -> list[Line]:
    return [
        Line(*_of_body(one.organisation), round(one.answered * (one.in_time or 0)), one.answered + one.late)
        for one in feedback.answering()
    ]


def _satisfied() -> list[Line]:
    return [
        Line(*_of_body(one.organisation), round(one.said * (one.satisfied or 0)), one.said)
        for one in feedback.answering()
    ]


def _of_body(body: Organisation | None) -> tuple[str, str]:
    if body is None:
        return _("等平台转办"), ""
    return words.local(body, "name"), reverse("organisation", args=[body.code])


def _opened() -> list[Line]:
    """Of a body, not of a resource: the names of what is not open are not public."""
    opened = Count("pk", filter=Q(dataset__in=queries.visible()))
    found = (
        Resource.objects.exclude(open_type=Resource.OpenType.NONE).values_list("organisation").order_by("organisation")
    )
    bodies = Organisation.objects.in_bulk()
    return [Line(*_of_body(bodies[key]), a, b) for key, a, b in found.annotate(a=opened, b=Count("pk"))]


def _topics() -> list[Line]:
    counts = statistics.facts().by_topic
    return [
        Line(terms.topic(key).name, reverse("topic", args=[key]), float(bool(counts.get(key))), 1)
        for key in terms.topics()
    ]


def _demands() -> list[Line]:
    return [
        Line(one.title, reverse("demand", args=[one.number]), float(one.state not in OPEN), 1)
        for one in feedback.public_demands().order_by("number")
    ]


def _kinds() -> list[Line]:
    shown = set(feedback.shown_reuses().order_by().values_list("kind", flat=True))
    return [
        Line(_(str(label)), f"{reverse('reuses')}?kind={kind}", float(kind in shown), 1)
        for kind, label in Reuse.Kind.choices
    ]


def _results() -> list[Line]:
    return [Line(one.title, reverse("reuses"), 1, 0) for one in feedback.shown_reuses()]


def _joining() -> list[Line]:
    return [
        Line(one.title, reverse("reuses"), float(len(one.datasets.all()) >= 2), 1) for one in feedback.shown_reuses()
    ]


_OF_DATASETS: dict[str, Callable[[Dataset], tuple[float, float]]] = {
    "standards": _typed,
    "leadership": _responsible,
    "discovery": _described,
    "access": _free,
    "results_shown": _with_results,
    "quality": _score,
    "norms": _complete,
}
_LISTED: dict[str, Callable[[], Sequence[Line]]] = {
    "regulation": _rules,
    "relations": _districts,
    "interaction": _answering,
    "experience": _satisfied,
    "quantity": _opened,
    "scope": _topics,
    "promotion": _demands,
    "diversity": _kinds,
    "results": _results,
    "results_quality": _joining,
}
