"""Serving copies are a cache: those that are not there are made again from the lake."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable

from django.conf import settings

from gongshu.lake.copies import attached, index_rows, place, take_rows
from gongshu.lake.grams import write_grams
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
                write_grams(engine.con, rows)
            place(built, settings.DATA / version.serving)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
