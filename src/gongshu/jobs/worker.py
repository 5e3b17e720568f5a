"""The worker: sweeps leftovers, carries out jobs, merges accesses into the log, signs its head."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError
from django.utils.module_loading import autodiscover_modules

from gongshu.jobs.runner import chores, owner_name, run_one
from gongshu.oversight import access, heads

logger = logging.getLogger("gongshu.jobs")
POLL_SECONDS = 0.5
CHORE_SECONDS = 5.0
HEAD_SECONDS = 60.0


def load_kinds() -> None:
    """Import every app's ``tasks`` so that its job kinds are registered."""
    autodiscover_modules("tasks")


def work(stop: threading.Event, *, until_idle: bool = False) -> None:
    """Work until ``stop``; with ``until_idle`` return when nothing waits."""
    load_kinds()
    owner, next_chores, next_head = owner_name(), 0.0, 0.0
    while not stop.is_set():
        try:
            done = run_one(owner)
        except DatabaseError:  # such as a full disk: the job's lease runs out, then it is taken up again
            if until_idle:
                raise
            logger.exception("a job's state could not be kept")
            stop.wait(CHORE_SECONDS)
            continue
        if done is not None:
            logger.info("job %s %s %s", done.kind, done.pk, done.state)
        if time.monotonic() >= next_chores or (until_idle and done is None):
            _do_chores()
            next_chores = time.monotonic() + CHORE_SECONDS
        if time.monotonic() >= next_head or (until_idle and done is None):
            _try(heads.sign_head)
            next_head = time.monotonic() + HEAD_SECONDS
        if done is None:
            if until_idle:
                return
            stop.wait(POLL_SECONDS)


def _do_chores() -> None:
    for work in (access.merge, *chores):
        _try(work)


def _try(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # one chore's trouble must not stop the jobs; it is tried again with the next round
        logger.exception("chore %s failed", getattr(work, "__name__", work))
