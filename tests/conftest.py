"""Every test run has a data folder of its own, set before Django reads its settings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["GONGSHU_DATA"] = tempfile.mkdtemp(prefix="gongshu-test-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.site.settings")
os.environ.pop("GONGSHU_DEBUG", None)


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A data folder for one test; the lake and the keys are there."""
    from gongshu.opening import store

    settings.DATA = tmp_path
    settings.LAKE_URL = str(tmp_path / "lake")
    store.lake.cache_clear()
    yield tmp_path
    store.lake.cache_clear()
