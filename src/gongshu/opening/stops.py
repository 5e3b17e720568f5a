"""The emergency stop (紧急停止): one action takes a dataset out of everybody's reach, a second person brings it back."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse

from gongshu import clock
from gongshu.opening.models import Dataset, IndexTask, Stop
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import Actor, check_may, people_who_may
from gongshu.tables.errors import TableError


def stop(actor: Actor, name: str, reason: str) -> Stop:
    """Stop the dataset ``name``: pages, files, interface and search answer 503 from the next request on, downloads break off.

    TableError without a reason, for an unknown dataset or one that is stopped already.
    """
    with transaction.atomic():
        dataset = _found(name)
        check_may(actor, "dataset.stop", dataset.provider)
        if not reason.strip():
            raise TableError("reason_required", "紧急停止要写明理由")
        if dataset.stopped_at is not None:
            raise TableError("stopped_already", "《{title}》已经停止", title=dataset.title)
        made = Stop.objects.create(dataset=dataset, reason=reason.strip(), by=actor.actor_id)
        dataset.stopped_at = made.at
        dataset.save(update_fields=["stopped_at"])
        IndexTask.objects.create(dataset=dataset)
        log.append(actor.actor_id, "dataset.stop", f"dataset:{name}", stop=made.pk)
        _tell("dataset.stopped", made, reason=made.reason)
    return made


def restore(actor: Actor, name: str, reason: str) -> Stop:
    """Lift the stop of the dataset ``name``; PermissionDenied for the very person who stopped it."""
    with transaction.atomic():
        dataset = _found(name)
        check_may(actor, "dataset.restore", dataset.provider)
        if not reason.strip():
            raise TableError("reason_required", "恢复要写明理由")
        found = Stop.objects.select_for_update().filter(dataset=dataset, lifted_at=None).first()
        if found is None:
            raise TableError("not_stopped", "《{title}》没有被停止", title=dataset.title)
        if isinstance(actor, Person) and found.by == actor.actor_id:
            raise PermissionDenied
        found.lifted_by, found.lifted_reason, found.lifted_at = actor.actor_id, reason.strip(), clock.now()
        found.save()
        dataset.stopped_at = None
        dataset.save(update_fields=["stopped_at"])
        IndexTask.objects.create(dataset=dataset)
        log.append(actor.actor_id, "dataset.restore", f"dataset:{name}", stop=found.pk)
        _tell("dataset.restored", found)
    return found


def is_stopped(name: str) -> bool:
    """Whether nothing of the dataset may be served now; asked again while a download runs."""
    return Dataset.objects.filter(name=name, stopped_at__isnull=False).exists()


def _found(name: str) -> Dataset:
    dataset = Dataset.objects.select_for_update().filter(name=name).first()
    if dataset is None:
        raise TableError("dataset_unknown", "没有数据集「{dataset}」", where={"dataset": name})
    return dataset


def _tell(template: str, found: Stop, **facts: Any) -> None:
    dataset = found.dataset
    subscribers = Person.objects.filter(subscriptions__dataset=dataset, subscriptions__confirmed_at__isnull=False)
    people = [
        *people_who_may("dataset.restore", dataset.provider),
        *people_who_may("submission.decide", dataset.provider),
    ]
    if dataset.resource:
        people.append(dataset.resource.maintainer)
    key = f"{template}:{found.pk}"
    notify(
        [*people, *subscribers], template, reverse("dataset", args=[dataset.name]), key, title=dataset.title, **facts
    )
