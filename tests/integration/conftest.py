"""Pages without a static manifest, and nothing remembered from the test before."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import caches

from gongshu import environments
from gongshu.tables.errors import TableError


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """The manifest is made when an installation is set up; tests do without."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


SEED = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests import seeding
from gongshu.opening import search
seeding.hospitals(900)
seeding.divisions()
seeding.air(60)
seeding.odd_names()
search.rebuild()
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[str]:
    """The address of an installation of its own as it is served to the world: granian, ASGI; four datasets."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "GONGSHU_DATA": str(folder),
        "GONGSHU_DEBUG": "1",  # without a manifest of the assets
        "GONGSHU_API_RATE": "10000",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    environment.pop("GONGSHU_DATABASE_URL", None)
    subprocess.run([sys.executable, "-W", "ignore", "-c", SEED], env=environment, check=True)
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--port", str(port), "gongshu.site.server:application"]  # fmt: skip
    with (folder / "web.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(400):
            assert server.poll() is None, (folder / "web.log").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(autouse=True)
def nothing_remembered(settings):
    from gongshu.opening import maps

    shutil.rmtree(settings.DATA / "index", ignore_errors=True)
    caches["process"].clear()
    maps._divisions.cache_clear()
    maps._rows_by_division.cache_clear()


@pytest.fixture(autouse=True)
def patient_leases(settings):
    """A heartbeat has a connection of its own and doesn't see a job of the test's transaction: no job of a test is that slow."""
    settings.LEASE_SECONDS = 600


@pytest.fixture
def opendp(data: Path) -> None:
    """OpenDP's environment where the installation looks for it; made once and kept in the temp folder."""
    shared = Path(tempfile.gettempdir()) / "gongshu-test-environments"
    try:
        home = environments.make(shared, "dp")
    except TableError as error:
        pytest.skip(f"OpenDP can't be installed here: {error}")
    (settings.DATA / "environments").mkdir(parents=True, exist_ok=True)
    (settings.DATA / "environments" / home.name).symlink_to(home)
