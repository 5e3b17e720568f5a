"""After a kill: remove what no row points to. Safe while others work: whatever an unfinished job made is left alone."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from gongshu.jobs.models import Job
from gongshu.opening import store
from gongshu.opening.actions import delete_public
from gongshu.opening.models import Distribution, Version

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


def sweep() -> list[str]:
    """Remove leftovers; returns what was removed. Each candidate is listed first and looked up afterwards, so that a job
    that begins meanwhile is known by then."""
    removed = []
    for kind in ("incoming", "staging"):
        for path in _finished_folders(kind):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(f"{kind}/{path.name}")
    for zone in (store.lake().raw, store.lake().public):
        for table, job in zone.contents():
            if not _wanted(job, raw=zone.name == "raw") and not _busy(table):
                zone.forget(table, job)
                files = zone.metadata_files(table)
                if not _busy(table):
                    zone.forget_metadata(table, files)
                removed.append(f"{zone.name}/{table}/{job}")
    removed += _unreferenced_files()
    return removed


def _finished_folders(kind: str) -> list[Path]:
    folders = [path for path in store.folder(kind).iterdir() if path.is_dir()]
    # first whether it is held, then whether there is a job: a publication that is asked for meanwhile is seen by one
    return [path for path in folders if not store.is_held(path) and not _unfinished(path.name)]


def _unfinished(job: str) -> bool:
    try:
        return Job.objects.filter(pk=uuid.UUID(job), state__in=UNFINISHED).exists()
    except ValueError:
        return False


def _busy(table: str) -> bool:
    return Job.objects.filter(lock=f"dataset:{table}").exists()


def _wanted(job: str, *, raw: bool) -> bool:
    """A raw load stays with its version's row for ever, a public one while the version is published."""
    if _unfinished(job):
        return True
    versions = Version.objects.filter(job=job)
    return (versions if raw else versions.filter(state=Version.State.PUBLISHED)).exists()


def _unreferenced_files() -> list[str]:
    data = store.folder("serving").parent
    found = []
    for version in Version.objects.filter(state=Version.State.WITHDRAWN):
        if (data / version.serving).exists() or version.distributions.exists():
            delete_public(version)
            found.append(version.serving)
    for path in [*store.folder("serving").rglob("*"), *store.folder("exports").rglob("*")]:
        if not path.is_file():
            continue
        relative = path.relative_to(data).as_posix()
        if relative.startswith("serving/"):
            job = path.name.partition("-")[2].split(".")[0]
            copy = str(Path(relative).with_suffix(".duckdb"))  # also of its grams
            keep = Version.objects.filter(serving=copy, state=Version.State.PUBLISHED).exists() or _unfinished(job)
        else:
            keep = Distribution.objects.filter(path=relative).exists()
        if not keep:
            path.unlink(missing_ok=True)
            found.append(relative)
    return found
