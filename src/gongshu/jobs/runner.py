"""Carrying out jobs: a registry of kinds, a lease kept by a heartbeat thread, steps that can be cancelled."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection

from gongshu.jobs import actions
from gongshu.jobs.models import Job
from gongshu.tables.errors import TableError, storage_error

logger = logging.getLogger("gongshu.jobs")
Handler = Callable[["Run"], dict[str, Any]]
_handlers: dict[str, Handler] = {}


class Cancelled(Exception):
    """Somebody asked for the job to stop."""


class LeaseLost(Exception):
    """Another worker took the job over: this one stops and touches nothing more."""


def job_kind(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that carries out jobs of ``kind``; every step of it must be idempotent."""

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


Chore = Callable[[], Any]
chores: list[Chore] = []


def chore(work: Chore) -> Chore:
    """Register something that the worker does again and again, e.g. bringing an index up to its outbox."""
    chores.append(work)
    return work


class Run:
    """One attempt at a job, as its handler sees it."""

    def __init__(self, job: Job, owner: str, watch: Callable[[str, float], None] | None = None) -> None:
        self.job, self.owner, self._watch = job, owner, watch
        self._lost = threading.Event()

    def step(self, name: str, progress: float) -> None:
        """Begin the step ``name`` (``progress`` 0..1 of the whole); Cancelled or LeaseLost when it must not begin."""
        crash_here(name)
        mine = Job.objects.filter(pk=self.job.pk, lease_owner=self.owner, state=Job.State.RUNNING)
        if self._lost.is_set() or not mine.update(step=name, progress=progress):
            raise LeaseLost
        if mine.filter(cancel_requested=True).exists():
            raise Cancelled
        if self._watch:
            self._watch(name, progress)

    def mine(self) -> bool:
        """Whether this worker still holds the job: what has passed to another must not be touched, not even to tidy up."""
        return Job.objects.filter(pk=self.job.pk, lease_owner=self.owner, state=Job.State.RUNNING).exists()

    def keep_lease(self, stop: threading.Event) -> None:
        """Renew the lease until ``stop``; runs in a thread with its own connection."""
        while not stop.wait(settings.LEASE_SECONDS / 4):
            try:
                if not actions.beat(self.job, self.owner):
                    self._lost.set()
            except Exception:
                logger.exception("heartbeat of job %s failed", self.job.pk)
        connection.close()


def crash_here(point: str) -> None:
    """Die like a power cut when the test environment names this point (``GONGSHU_CRASH_AT``)."""
    if os.environ.get("GONGSHU_CRASH_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)


def owner_name() -> str:
    """A name for this worker that no other has."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"


def _fail(run: Run, error: dict[str, Any]) -> None:
    if run.mine():
        actions.finish(run.job, Job.State.FAILED, error=error)
    else:
        logger.warning("job %s failed here, but another worker has it now", run.job.pk)


def run_one(owner: str, *, only: Job | None = None, watch: Callable[[str, float], None] | None = None) -> Job | None:
    """Claim a job and carry it out to an end; returns the finished row, or None when there was nothing to do."""
    if not connection.in_atomic_block:  # inside a transaction the connection can't be given up
        close_old_connections()
    job = actions.claim(owner, only=only)
    if job is None:
        return None
    run = Run(job, owner, watch)
    stop = threading.Event()
    beat = threading.Thread(target=run.keep_lease, args=(stop,), name="lease", daemon=True)
    beat.start()
    try:
        result = _handlers[job.kind](run)
        actions.finish(job, Job.State.DONE, result=result)
    except LeaseLost:
        logger.warning("job %s was taken over by another worker", job.pk)
    except Cancelled:
        actions.finish(job, Job.State.CANCELLED)
    except TableError as error:
        # the value itself stays out of the row: it may be a personal datum
        described = error.as_json()
        described["where"] = {name: value for name, value in described["where"].items() if name != "value"}
        _fail(run, described)
    except Exception as error:
        logger.exception("job %s failed", job.pk)
        told = storage_error(error, settings.DATA) or TableError(
            "internal", "内部错误 {kind}；数据未变，详情见工作进程的日志", kind=type(error).__name__
        )
        _fail(run, told.as_json())
    finally:
        stop.set()
        beat.join()
    job.refresh_from_db()
    return job
