"""Promised updates (更新承诺): who is reminded before one is due, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import caches
from django.db import transaction
from django.urls import reverse

from gongshu import clock, deadlines
from gongshu.opening import queries
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation, Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import people_who_may

LOOK_MINUTES = 10
AT_ONCE = 100


@dataclass(frozen=True)
class Promise:
    """A dataset whose next version was promised for the day that ends at ``due``; ``late`` after a day of grace."""

    dataset: Dataset
    due: datetime
    near: bool
    late: bool
    number: int

    @property
    def days_late(self) -> int:
        """Whole days since it was due."""
        return max(0, (clock.now() - self.due).days)


def promises(datasets: list[Dataset]) -> list[Promise]:
    """The promises of visible datasets, the most urgent first; those without a promise are left out."""
    found = []
    for dataset in datasets:
        fresh = queries.freshness(dataset)
        if fresh.due is None or dataset.current is None:
            continue
        remind = _remind_from(fresh.due)
        # a promise shorter than the reminder's lead is never announced: that would be the very day of the publication
        near = not fresh.late and fresh.last < remind <= clock.now()
        found.append(Promise(dataset, fresh.due, near, fresh.late, dataset.current.number))
    return sorted(found, key=lambda one: (one.due, one.dataset.name))


def pending(where: list[int] | None = None) -> list[Promise]:
    """Those near or late, of all bodies or of the organisations ``where`` (ids)."""
    return [one for one in promises(_visible(where)) if one.near or one.late]


def of_bodies() -> list[Promise]:
    """Those near or late of the public bodies: what society gives is no duty of a department."""
    return [one for one in pending() if one.dataset.provider.kind != Organisation.Kind.SOCIETY]


def of_maintainer(person: Person) -> list[Promise]:
    """Those near or late whose maintainer is ``person``."""
    mine = queries.visible().filter(resource__maintainer=person).select_related("resource")
    return [one for one in promises(list(mine.defer(*_HEAVY))) if one.near or one.late]


def since(promise: Promise) -> datetime:
    """From when a promise waits for its steward."""
    return _remind_from(promise.due)


def remind() -> None:
    """Tell the maintainers once that an update is near, and once that it is late; looked at every ten minutes."""
    now = clock.now()
    if not caches["process"].add(f"promises:{int(now.timestamp()) // (LOOK_MINUTES * 60)}", 1, LOOK_MINUTES * 60):
        return
    found = pending()
    for start in range(0, len(found), AT_ONCE):
        with transaction.atomic():
            for one in found[start : start + AT_ONCE]:
                template = "update.late" if one.late else "update.near"
                notify(
                    people_to_remind(one.dataset),
                    template,
                    _where_to_update(one.dataset),
                    f"{template}:{one.dataset.name}:v{one.number}",
                    due_at=one.due,
                    title=one.dataset.title,
                    day=f"{one.due.astimezone(deadlines.BEIJING):%Y-%m-%d}",
                )


def _where_to_update(dataset: Dataset) -> str:
    if dataset.resource_id:
        return reverse("upload_new", args=[dataset.resource_id])
    return reverse("dataset", args=[dataset.name])


def people_to_remind(dataset: Dataset) -> list[Person]:
    """The maintainer; the stewards of the provider while there is none."""
    if dataset.resource and dataset.resource.maintainer.is_active:
        return [dataset.resource.maintainer]
    return people_who_may("upload.make", dataset.provider)


_HEAVY = ("current__columns", "current__contract", "current__quality", "current__reading", "summary", "summary_en")


def _visible(where: list[int] | None) -> list[Dataset]:
    found = queries.visible().select_related("provider", "current", "resource__maintainer").defer(*_HEAVY)
    return list(found if where is None else found.filter(provider__in=where))


def _remind_from(due: datetime) -> datetime:
    """The start of the day on which the reminder is sent."""
    day = deadlines.subtract_working_days(
        due.astimezone(deadlines.BEIJING).date(), deadlines.limit("update", "remind").limit
    )
    return datetime.combine(day, datetime.min.time(), deadlines.BEIJING)
