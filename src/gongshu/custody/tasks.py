"""The job that computes differentially private figures from the rows as they came, kept in the raw zone of the lake."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu import environments
from gongshu.custody import keys
from gongshu.custody.models import PrivateRelease
from gongshu.jobs.models import Job
from gongshu.jobs.runner import Run, chore, crash_here, job_kind
from gongshu.opening import store
from gongshu.oversight import log
from gongshu.tables.contract import load_contract
from gongshu.tables.engine import open_engine
from gongshu.tables.errors import TableError
from gongshu.tables.private import Figures, private_figures
from gongshu.tables.suppress import typed_rows


@job_kind("figures")
def compute(run: Run) -> dict[str, Any]:
    """Compute the figures of a release and keep them; done twice, the first ones stay."""
    row = PrivateRelease.objects.select_related("version__dataset").get(pk=run.job.params["release"])
    if row.state != PrivateRelease.State.WAITING:
        return {"release": str(row.pk)}
    folder = store.folder("staging") / f"figures-{row.pk}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with store.held(folder):
            result = _figures(run, row, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with transaction.atomic():
        waiting = PrivateRelease.objects.filter(pk=row.pk, state=PrivateRelease.State.WAITING)
        if waiting.update(state=PrivateRelease.State.DONE, result=result):
            name = row.version.dataset.name
            log.append("system", "figures.release", f"dataset:{name}", release=str(row.pk), epsilon=f"{row.epsilon:g}")
            crash_here("figures.keep")
    crash_here("figures.kept")
    return {"release": str(row.pk)}


def _figures(run: Run, row: PrivateRelease, folder: Path) -> dict[str, Any]:
    version = row.version
    run.step("read", 0.1)
    raw = store.lake().raw
    files = raw.data_files(version.dataset.name, version.raw_snapshot)
    if not files:
        raise TableError("raw_gone", "这一版的原始数据已不在湖里，算不了统计")
    paths = [raw.download(path, folder / f"{n}.parquet") for n, path in enumerate(files)]

    def noise(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = environments.ask(settings.DATA / "environments", "dp", {"tables": tables})[
            "tables"
        ]
        return found

    with open_engine(folder / "engine", settings.ENGINE_MEMORY) as engine:
        run.step("count", 0.4)
        rows = typed_rows(engine.read_parquet([str(path) for path in paths]), load_contract(version.contract))
        return private_figures(engine, rows, Figures.of(row.asked), row.epsilon, noise)


@chore
def note_keys() -> None:
    """A key that was made by somebody who was killed then is put on record."""
    keys.note_unlogged()


@chore
def settle_figures() -> None:
    """What can't be computed any more gives its budget back: its job has failed or was cancelled, and nothing was released."""
    for row in (
        PrivateRelease.objects.filter(state=PrivateRelease.State.WAITING).exclude(job=None).select_related("dataset")
    ):
        job = Job.objects.filter(pk=row.job).first() if row.job else None
        if job is not None and job.state in (Job.State.FAILED, Job.State.CANCELLED):
            with transaction.atomic():
                waiting = PrivateRelease.objects.filter(pk=row.pk, state=PrivateRelease.State.WAITING)
                if waiting.update(state=PrivateRelease.State.FAILED, error=job.error):
                    name, code = row.dataset.name, str(job.error.get("code", job.state))
                    epsilon = f"{row.epsilon:g}"
                    log.append(
                        "system", "figures.fail", f"dataset:{name}", release=str(row.pk), epsilon=epsilon, code=code
                    )
