"""The inspecting job: an uploaded file is read, staged and reported on; nothing shows before all of it is in place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings

from gongshu.gathering import actions, receiving, store
from gongshu.gathering.models import Upload
from gongshu.jobs.runner import Run, chore, crash_here, job_kind
from gongshu.tables.contract import dump_contract
from gongshu.tables.engine import open_engine
from gongshu.tables.errors import TableError
from gongshu.tables.inspection import inspect_table
from gongshu.tables.reading import ReadingOptions, read_file
from gongshu.tables.report import FileReport, Report

MAX_ROWS = 1000  # row numbers kept for each finding
STEPS = {"read": 0.05, "type": 0.35, "recognise": 0.5, "count": 0.65, "check": 0.8}


@job_kind("inspect")
def inspect(run: Run) -> dict[str, Any]:
    """Inspect an upload; a file that can't be read is an answer, too, and no failure of the job."""
    upload = Upload.objects.select_related("resource").get(pk=run.job.params["upload"])
    folder = store.folder_of(upload)
    staging = folder / f"inspecting-{run.job.attempts}"
    for old in folder.glob("inspecting-*"):  # what a killed attempt left
        shutil.rmtree(old, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        error = _inspect(run, upload, staging)
        if error is None:
            crash_here("inspected")
            for path in folder.glob("table-*"):
                path.unlink()
            for path in staging.glob("table-*"):
                path.replace(folder / path.name)
            (staging / "report.json").replace(store.report_of(upload))
        actions.inspected(upload, error)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return {"upload": str(upload.id), "resource": upload.resource.slug}


def _inspect(run: Run, upload: Upload, staging: Path) -> dict[str, Any] | None:
    options = ReadingOptions(**upload.reading)
    found = FileReport(upload.filename, bytes=upload.size)
    named = staging / "source" / upload.filename  # the reader goes by the name's ending, too
    named.parent.mkdir()
    named.hardlink_to(store.file_of(upload))
    try:
        run.step("read", STEPS["read"])
        source = read_file(named, staging, options)
        found.format, found.encoding, found.notes = source.format, source.encoding, list(source.notes)
        with open_engine(staging / "engine", settings.ENGINE_MEMORY) as engine:
            for number, table in enumerate(source.tables):
                found.tables.append(
                    inspect_table(
                        engine,
                        table,
                        source,
                        max_rows=MAX_ROWS,
                        options=options,
                        progress=lambda step, _share: run.step(step, STEPS[step]),
                        mask=staging / store.mask_of(upload, number).name,
                    )
                )
                table.path.replace(staging / f"table-{number}.parquet")
    except TableError as error:
        described = error.as_json()
        described["where"] = {name: value for name, value in described["where"].items() if name != "value"}
        return described
    for number, report in enumerate(found.tables):
        (staging / f"table-{number}.odcs.yaml").write_text(dump_contract(report.contract()), encoding="utf-8")
    whole = Report([found], MAX_ROWS)
    document = whole.as_json() | {"english": whole.translations("en")}  # pages are read in both languages
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    (staging / "report.json").write_text(text, encoding="utf-8")
    return None


@chore
def settle_uploads() -> None:
    """An inspection that was cancelled or broke off leaves the file as it was: stored, to be inspected again."""
    actions.settle()


@chore
def sweep_uploads() -> None:
    """Unfinished uploads that nobody goes on with make room again."""
    receiving.sweep()
