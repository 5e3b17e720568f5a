"""Engines that the specifications run on: DuckDB in process; others join the list when the machine has them."""

from collections.abc import Iterator

import pytest
from ibis.backends import BaseBackend

from gongshu.tables.engine import open_engine


@pytest.fixture(scope="session", params=["duckdb"])
def engine(request, tmp_path_factory) -> Iterator[BaseBackend]:
    """An Ibis backend."""
    with open_engine(tmp_path_factory.mktemp("engine")) as backend:
        yield backend
