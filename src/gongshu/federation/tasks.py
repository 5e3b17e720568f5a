"""The job that harvests a source, and what begins one when it is due."""

from __future__ import annotations

import logging
from typing import Any

from gongshu import clock
from gongshu.federation import actions, harvesting
from gongshu.federation.models import Run, Source
from gongshu.jobs.models import Job
from gongshu.jobs.runner import Run as Work
from gongshu.jobs.runner import chore, job_kind
from gongshu.parties.permissions import Shell

logger = logging.getLogger("gongshu.federation")


@job_kind("harvest")
def harvest(work: Work) -> dict[str, Any]:
    """Carry out a run from where it is."""
    run = Run.objects.select_related("source").get(pk=work.job.params["run"])
    if run.state in (Run.State.DONE, Run.State.FAILED):
        return {"run": str(run.pk)}
    source = run.source
    work.step("fetch", 0.02)
    total = harvesting.stage(run, source, lambda pages: work.step("fetch", min(0.5, 0.02 + 0.02 * pages)))
    run.refresh_from_db()
    harvesting.apply(run, source, lambda done: work.step("match", 0.5 + 0.45 * done / max(total, 1)))
    work.step("missing", 0.97)
    harvesting.settle(run, source)
    return {"run": str(run.pk)}


@chore
def begin_due() -> None:
    """Begin the runs that are due, one a source."""
    due = Source.objects.filter(paused=False, removed_at=None, next_run_at__lte=clock.now())
    for source in due:
        actions.begin_run(Shell("schedule"), source)


@chore
def end_failed() -> None:
    """A run whose job failed or was cancelled has ended too; what it had applied stays."""
    for run in Run.objects.filter(state__in=(Run.State.WAITING, Run.State.RUNNING)):
        job = Job.objects.filter(pk=run.job).first() if run.job else None
        if job is None or job.state in (Job.State.FAILED, Job.State.CANCELLED):
            error = job.error if job else {}
            waiting = Run.objects.filter(pk=run.pk, state__in=(Run.State.WAITING, Run.State.RUNNING))
            waiting.update(state=Run.State.FAILED, error=error or {"code": "cancelled"}, finished_at=clock.now())
            harvesting.tidy(run)
