"""The preview job: what the public would get of a draft's present edition."""

from __future__ import annotations

import shutil
from typing import Any

from django.conf import settings

from gongshu.gathering import store
from gongshu.governance import checking, computing
from gongshu.governance.models import Draft
from gongshu.jobs.runner import Run, chore, crash_here, job_kind
from gongshu.seals.keys import read_or_make_keys
from gongshu.tables.engine import open_engine
from gongshu.tables.keyed import Keyring


class _Superseded(Exception):
    """Somebody changed the draft meanwhile: what is being computed is of no more use."""


@job_kind("preview")
def compute(run: Run) -> dict[str, Any]:
    """Compute the preview of the edition that was asked for; one that was superseded ends without an answer."""
    asked = {"pk": run.job.params["draft"], "edition": run.job.params["edition"], "state": Draft.State.EDITING}
    done = {"draft": run.job.params["draft"], "edition": run.job.params["edition"]}
    draft = Draft.objects.select_related("upload", "resource").filter(**asked).first()
    if draft is None:
        return {**done, "superseded": True}

    def step(name: str, progress: float) -> None:
        run.step(name, progress)
        if not Draft.objects.filter(**asked).exists():
            raise _Superseded

    folder = store.folder_of(draft.upload)
    for old in folder.glob(f"previewing-{draft.id}-*"):  # what a killed attempt left
        shutil.rmtree(old, ignore_errors=True)
    staging = folder / f"previewing-{draft.id}-{run.job.attempts}"
    staging.mkdir(parents=True)
    try:
        with open_engine(staging / "engine", settings.ENGINE_MEMORY) as engine:
            key = Keyring(read_or_make_keys(settings.DATA / "keys", "protect"))
            document, figures = computing.compute(engine, draft, key, staging, step)
        step("keep", 0.95)
        crash_here("preview.kept")
        held = checking.checked(draft, draft.edition, document, figures)
    except _Superseded:
        held = False
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return done if held else {**done, "superseded": True}


@chore
def settle_previews() -> None:
    """What is decided gets its preview; files that hold data values go when their draft is over."""
    checking.settle()
