"""Pages without a static manifest, and nothing remembered from the test before."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.cache import caches


@pytest.fixture(scope="session", autouse=True)
def static_folder():
    """Looked for by the middleware when a server starts, be it for the first test."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """The manifest is made when an installation is set up; tests do without."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(autouse=True)
def nothing_remembered():
    from gongshu.opening import maps

    caches["process"].clear()
    maps._divisions.cache_clear()
    maps._rows_by_division.cache_clear()


@pytest.fixture(autouse=True)
def patient_leases(settings):
    """A heartbeat has a connection of its own and doesn't see a job of the test's transaction: no job of a test is that slow."""
    settings.LEASE_SECONDS = 600
