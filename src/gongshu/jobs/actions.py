"""What changes a job's state, each with its audit event."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from gongshu import clock
from gongshu.i18n import gettext
from gongshu.jobs.models import Job
from gongshu.oversight import log
from gongshu.tables.errors import TableError

MAX_ATTEMPTS = 5


class JobConflict(Exception):
    """Another job holds the same thing."""


def enqueue(
    actor: str,
    kind: str,
    title: str,
    params: dict[str, Any],
    *,
    lock: str | None = None,
    job_id: uuid.UUID | None = None,
    organisation: int | None = None,
) -> Job:
    """Ask for work of ``organisation`` (its id). JobConflict when ``lock`` is held by an unfinished job."""
    try:
        with transaction.atomic():
            job = Job.objects.create(
                id=job_id or uuid.uuid4(),
                kind=kind,
                title=title,
                params=params,
                lock=lock,
                actor=actor,
                organisation=organisation,
            )
            log.append(actor, "job.enqueue", f"job:{job.id}", kind=kind)
    except IntegrityError as error:
        raise JobConflict(gettext("同一对象上已有未完成的作业：{lock}", lock=lock)) from error
    return job


def request_cancel(actor: str, job: Job) -> None:
    """Ask the worker to stop; a job that nobody has begun ends at once."""
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        if row.state == Job.State.QUEUED:
            _end(row, Job.State.CANCELLED)
        row.cancel_requested = True
        row.save()
        log.append(actor, "job.cancel", f"job:{row.id}")


def claim(owner: str, *, only: Job | None = None) -> Job | None:
    """Take the lease of the oldest job that nobody works on (queued, or its lease ran out); None when there is none."""
    now = clock.now()
    open_jobs = Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, lease_until__lt=now)
    with transaction.atomic():
        found = Job.objects.select_for_update(skip_locked=_skips_locked()).filter(open_jobs).order_by("created_at")
        job = (found.filter(pk=only.pk) if only else found).first()
        if job is None:
            return None
        job.attempts += 1
        if job.attempts > MAX_ATTEMPTS:
            job.error = TableError(
                "too_many_attempts", "作业五次中断，不再自动接手；请查看工作进程的日志后重新发起"
            ).as_json()
            _end(job, Job.State.FAILED)
            job.save()
            log.append("system", "job.fail", f"job:{job.id}", code="too_many_attempts")
            return None
        resumed = job.state == Job.State.RUNNING
        job.state, job.lease_owner = Job.State.RUNNING, owner
        job.heartbeat_at, job.lease_until = now, now + timedelta(seconds=settings.LEASE_SECONDS)
        job.save()
        log.append("system", "job.resume" if resumed else "job.begin", f"job:{job.id}", attempt=job.attempts)
    return job


def beat(job: Job, owner: str) -> bool:
    """Renew the lease; False when another worker holds it now."""
    now = clock.now()
    changed = Job.objects.filter(pk=job.pk, lease_owner=owner, state=Job.State.RUNNING).update(
        heartbeat_at=now, lease_until=now + timedelta(seconds=settings.LEASE_SECONDS)
    )
    return bool(changed)


def finish(
    job: Job, state: Job.State, *, result: dict[str, Any] | None = None, error: dict[str, Any] | None = None
) -> None:
    """End the job in the current transaction or one of its own."""
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        row.result, row.error = result or {}, error or {}
        if state == Job.State.DONE:
            row.progress = 1.0
        _end(row, state)
        row.save()
        log.append("system", f"job.{state.value}", f"job:{row.id}", code=(error or {}).get("code"))


def _end(row: Job, state: Job.State) -> None:
    row.state, row.lock, row.lease_until, row.lease_owner = state, None, None, ""
    row.finished_at = clock.now()


def _skips_locked() -> bool:
    return bool(transaction.get_connection().features.has_select_for_update_skip_locked)
