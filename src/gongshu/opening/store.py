"""Where the opening keeps its files: the lake, serving copies, exports, staging. Paths are below ``settings.DATA``."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:  # PyIceberg stays off the request path: only the worker and the command line call lake()
    from gongshu.lake.zones import Lake


@lru_cache(maxsize=1)
def lake() -> Lake:
    """The installation's lake."""
    from gongshu.lake.zones import Lake, LakeConfig

    return Lake(LakeConfig(settings.LAKE_URL, settings.DATA, settings.LAKE_CATALOG_URL, settings.LAKE_S3))


def folder(name: str) -> Path:
    """``incoming``, ``staging``, ``serving`` or ``exports``; made when it is not there."""
    path: Path = settings.DATA / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def serving_path(dataset: str, number: int, job: str) -> str:
    """The serving copy's path, relative to the data folder."""
    return f"serving/{dataset}/v{number}-{job}.duckdb"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the folder ``path`` (made here) while it is being filled: the sweep leaves it alone until this process ends."""
    path.mkdir(parents=True, exist_ok=True)
    with (path / ".held").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_held(path: Path) -> bool:
    """Whether a living process is filling the folder."""
    try:
        with (path / ".held").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
