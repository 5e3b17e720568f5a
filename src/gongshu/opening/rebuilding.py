"""Serving copies and their grams are a cache: those that are not there are made, from the lake and from the copies."""

from __future__ import annotations

import fcntl
import logging
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import duckdb
from django.conf import settings
from django.db.models import F

from gongshu.lake import grams
from gongshu.lake.copies import attached, index_rows, place, take_rows
from gongshu.lake.gram_building import build, worth_it
from gongshu.lake.tallies import write_tallies
from gongshu.opening import store
from gongshu.opening.models import Version
from gongshu.tables.engine import open_engine
from gongshu.tables.errors import TableError

logger = logging.getLogger("gongshu.opening")
AGAIN_SECONDS = 3600.0
_later: dict[Path, float] = {}  # copies whose grams could not be made, and until when they wait


def missing_copies() -> list[Version]:
    """The published versions whose serving copy is not there."""
    published = Version.objects.filter(state=Version.State.PUBLISHED)
    missing = [pk for pk, path in published.values_list("pk", "serving") if not (settings.DATA / path).is_file()]
    return list(published.filter(pk__in=missing).select_related("dataset")) if missing else []


def rebuild_copies(watch: Callable[[Version], None] = lambda _: None) -> tuple[int, list[TableError]]:
    """Make every missing serving copy; returns how many, and what the lake lacks for the others."""
    made, gaps = 0, []
    for version in missing_copies():
        watch(version)
        try:
            rebuild_copy(version)
            made += 1
        except TableError as error:
            gaps.append(error)
    return made, gaps


def rebuild_copy(version: Version) -> None:
    """Make the serving copy of a published version from the lake: the same rows in the same order. TableError when the lake
    does not hold them."""
    name = version.dataset.name
    staging = store.folder("staging") / f"rebuild-{uuid.uuid4()}"
    try:
        with store.held(staging), open_engine(staging, memory=settings.ENGINE_MEMORY) as engine:
            built = staging / "rows.duckdb"
            with attached(engine.con, built):
                try:
                    rows = take_rows(engine.con, store.lake().public.read_rows(name, version.snapshot))
                except FileNotFoundError:
                    rows = -1
                if rows != version.rows:
                    raise TableError(
                        "lake_incomplete",
                        "湖里缺数据集「{dataset}」第 {version} 版的文件，服务副本无法重建",
                        dataset=name,
                        version=version.number,
                    )
                index_rows(engine.con, version.key, rows)
                places = (version.longitude, version.latitude)
                write_tallies(engine.con, version.columns, version.key, rows, places)
            target = settings.DATA / version.serving
            grams.path_of(target).unlink(missing_ok=True)  # they tell ordinals of the copy that was lost
            place(built, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def build_grams() -> bool:
    """Make the grams of one published version that should have them and does not; False when there is none.

    One worker at a time does, and only where the disk has room: until then words are looked for in every row. What fails is
    tried again an hour later.
    """
    with (store.folder("staging") / "grams.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        for copy in _without_grams():
            if shutil.disk_usage(copy.parent).free < copy.stat().st_size:
                continue
            try:
                _build_grams(copy)
            except (duckdb.Error, OSError):
                logger.exception("the grams of %s could not be made", copy.name)
                _later[copy] = time.monotonic() + AGAIN_SECONDS
                continue
            return True
    return False


def _without_grams() -> list[Path]:
    """The copies of current versions that should have grams and do not."""
    current = Version.objects.filter(state=Version.State.PUBLISHED, dataset__current=F("pk"))
    found = [settings.DATA / path for path, rows in current.values_list("serving", "rows") if worth_it(rows)]
    return [
        copy
        for copy in found
        if copy.is_file() and not grams.path_of(copy).is_file() and _later.get(copy, 0.0) <= time.monotonic()
    ]


def _build_grams(copy: Path) -> None:
    staging = store.folder("staging") / f"grams-{uuid.uuid4()}"
    try:
        with store.held(staging):
            built = staging / "rows.grams"
            build(copy, built)
            place(built, grams.path_of(copy))
            if not copy.is_file():  # withdrawn meanwhile
                grams.path_of(copy).unlink(missing_ok=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
