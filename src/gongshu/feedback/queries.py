"""What pages read of cases, reuses and news, and how the organisations answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import caches
from django.db.models import Case as Choose
from django.db.models import Count, F, IntegerField, Q, QuerySet, Value, When

from gongshu import clock
from gongshu.feedback.models import Case, News, Reuse, Step
from gongshu.feedback.policies import OPEN
from gongshu.opening.models import Dataset, Problem
from gongshu.opening.queries import visible
from gongshu.parties.models import Organisation

KEPT_SECONDS = 30


@dataclass(frozen=True)
class Answering:
    """How one organisation (None: the platform) answers what it is asked, problem reports included.

    ``open`` wait, ``late`` of them past their deadline; ``answered`` were, ``in_time`` of them (0..1, None of none);
    ``satisfied`` of those ``said`` whether they are (0..1).
    """

    organisation: Organisation | None
    open: int
    late: int
    answered: int
    in_time: float | None
    satisfied: float | None
    said: int


@dataclass(frozen=True)
class CityAnswers:
    """How the whole city answers: ``datasets`` about which somebody was answered, cases and reports ``answered`` and ``open``."""

    datasets: int
    answered: int
    open: int


def public_demands() -> QuerySet[Case]:
    """The demands that the public may read."""
    return Case.objects.filter(kind=Case.Kind.DEMAND, shown=True).select_related("organisation", "meets")


def open_first(demands: QuerySet[Case]) -> QuerySet[Case]:
    """The same, what is being answered first, then by support."""
    waits = Choose(When(state__in=OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    return demands.order_by(waits, "-supporters", "-asked_at")


def questions(dataset: Dataset) -> QuerySet[Case]:
    """The questions about a dataset that the public may read, the latest first."""
    return dataset.cases.filter(kind=Case.Kind.QUESTION, shown=True).order_by("-asked_at")


def shown_reuses() -> QuerySet[Reuse]:
    """What was made with the data and looked at, the latest first."""
    return Reuse.objects.filter(state=Reuse.State.SHOWN).order_by("-decided_at").prefetch_related("datasets")


def public_news() -> QuerySet[News]:
    """News that are out, the latest first."""
    return News.objects.filter(withdrawn_at=None, published_at__lte=clock.now())


def answering() -> list[Answering]:
    """How every organisation answers that was ever asked, the platform itself last; complaints are nobody's figures."""
    now = clock.now()
    cases = Case.objects.exclude(kind=Case.Kind.COMPLAINT)
    waits, late = Q(state__in=OPEN), Q(state__in=OPEN, due_at__lte=now)
    said = Q(satisfied__isnull=False)
    numbers: dict[int | None, list[int]] = {}

    def add(key: int | None, *values: int) -> None:
        row = numbers.setdefault(key, [0] * 6)
        for place, value in enumerate(values):
            row[place] += value

    for key, *values in (
        cases.values_list("organisation")
        .annotate(
            a=Count("pk", filter=waits),
            b=Count("pk", filter=late),
            c=Count("pk", filter=said),
            d=Count("pk", filter=Q(satisfied=True)),
        )
        .order_by()
    ):
        add(key, values[0], values[1], 0, 0, values[2], values[3])
    given = Step.objects.filter(act=Step.Act.ANSWERED).exclude(case__kind=Case.Kind.COMPLAINT)
    for key, number, in_time in (
        given.values_list("organisation").annotate(n=Count("pk"), k=Count("pk", filter=Q(late=False))).order_by()
    ):
        add(key, 0, 0, number, in_time)
    reports = Problem.objects.values_list("dataset__provider").annotate(
        a=Count("pk", filter=Q(state=Problem.State.OPEN)),
        b=Count("pk", filter=Q(state=Problem.State.OPEN, due_at__lte=now)),
        c=Count("pk", filter=Q(answered_at__isnull=False)),
        d=Count("pk", filter=Q(answered_at__lt=F("due_at"))),
        e=Count("pk", filter=said),
        f=Count("pk", filter=Q(satisfied=True)),
    )
    for key, *values in reports.order_by():
        add(key, *values)
    places = Organisation.objects.in_bulk([key for key in numbers if key is not None])
    rows = [_row(places.get(key) if key is not None else None, values) for key, values in numbers.items()]
    return sorted(rows, key=lambda one: (one.organisation is None, -one.late, -one.open, str(one.organisation)))


def satisfaction() -> tuple[int, int]:
    """How many askers said that they are satisfied, and how many said anything; problem reports included, complaints not."""
    cases = Case.objects.exclude(kind=Case.Kind.COMPLAINT).filter(satisfied__isnull=False)
    reports = Problem.objects.filter(satisfied__isnull=False)
    happy = cases.filter(satisfied=True).count() + reports.filter(satisfied=True).count()
    return happy, cases.count() + reports.count()


def city_answers() -> CityAnswers:
    """What the public asked of all organisations, and of how many datasets in sight a report or a question was answered;
    half a minute old at most."""
    found: CityAnswers | None = caches["process"].get("city-answers")
    if found is not None:
        return found
    rows = answering()
    told = Q(problems__answered_at__isnull=False)
    told |= Q(cases__kind=Case.Kind.QUESTION, cases__answered_at__isnull=False)
    datasets = visible().filter(told).distinct().count()
    found = CityAnswers(datasets, sum(row.answered for row in rows), sum(row.open for row in rows))
    caches["process"].set("city-answers", found, KEPT_SECONDS)
    return found


def answering_of(organisation: Organisation) -> Answering:
    """How one organisation answers."""
    found = next((one for one in answering() if one.organisation == organisation), None)
    return found or Answering(organisation, 0, 0, 0, None, None, 0)


def _row(organisation: Organisation | None, values: list[int]) -> Answering:
    waiting, late, answered, in_time, said, satisfied = values
    return Answering(
        organisation,
        waiting,
        late,
        answered,
        in_time / answered if answered else None,
        satisfied / said if said else None,
        said,
    )
