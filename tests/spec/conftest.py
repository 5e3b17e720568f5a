"""Engines that the specifications run on: DuckDB in process, and Sail, a Spark Connect server that this process starts."""

import os
from collections.abc import Iterator

import pytest
from ibis.backends import BaseBackend

from gongshu.tables import spark
from gongshu.tables.engine import open_engine

ENGINES = ("duckdb", "spark")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a Spark Connect server: a Sail of this process, or what ``GONGSHU_TEST_SPARK`` names (a real Spark 4)."""
    if given := os.environ.get("GONGSHU_TEST_SPARK"):
        yield given
        return
    from pysail.spark import SparkConnectServer

    sail = SparkConnectServer()
    sail.start(background=True)
    assert sail.listening_address is not None
    yield f"sc://127.0.0.1:{sail.listening_address[1]}"
    sail.stop()


@pytest.fixture(scope="session")
def duckdb_engine(tmp_path_factory) -> Iterator[BaseBackend]:
    """DuckDB as an Ibis backend."""
    with open_engine(tmp_path_factory.mktemp("engine")) as backend:
        yield backend


@pytest.fixture(scope="session")
def spark_engine(server) -> Iterator[BaseBackend]:
    """The Spark Connect server as an Ibis backend."""
    backend = spark.connect(server)
    yield backend
    backend.disconnect()


@pytest.fixture(scope="session", params=ENGINES)
def engine(request) -> BaseBackend:
    """Each of them in turn."""
    return request.getfixturevalue(f"{request.param}_engine")
