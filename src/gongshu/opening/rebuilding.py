"""Serving copies and their grams are a cache: those that are not there are made, from the lake and from the copies."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db.models import F

from gongshu.lake import gram_building, grams
from gongshu.lake.copies import attached, index_rows, place, take_rows
from gongshu.lake.tallies import write_tallies
from gongshu.opening import store
from gongshu.opening.models import Version
from gongshu.tables.engine import open_engine
from gongshu.tables.errors import TableError


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
            place(built, settings.DATA / version.serving)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def build_grams() -> bool:
    """Make the grams of one published version that should have them and does not; False when there is none."""
    published = Version.objects.filter(state=Version.State.PUBLISHED, dataset__current=F("pk"))
    for serving, rows in published.values_list("serving", "rows"):
        copy = settings.DATA / serving
        staging = store.folder("staging") / f"grams-{copy.stem}"
        missing = copy.is_file() and not grams.path_of(copy).is_file()
        if gram_building.worth_it(rows) and missing and not store.is_held(staging):  # another worker makes them
            _build_grams(copy, staging)
            return True
    return False


def _build_grams(copy: Path, staging: Path) -> None:
    try:
        with store.held(staging):
            built = staging / "rows.grams"
            built.unlink(missing_ok=True)
            gram_building.build(copy, built)
            place(built, grams.path_of(copy))
            if not copy.is_file():  # withdrawn meanwhile
                grams.path_of(copy).unlink(missing_ok=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
