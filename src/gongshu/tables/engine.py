"""Engines behind Ibis: DuckDB in process (bounded memory, its own folder for what doesn't fit, nothing loaded from the network),
or a Spark Connect server, on which the same expressions give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.backends.duckdb import Backend
from ibis.common.exceptions import IbisError

_SETTING = Lock()


class EngineError(IbisError):  # type: ignore[misc]
    """A server could not do what it was asked: the query, or what it needs for it, is wrong."""


def connect(temp: Path, memory: str = "350MB", threads: int | None = None) -> Backend:
    """An Ibis DuckDB backend; the caller disconnects it.

    ``temp``: folder for what exceeds ``memory`` (a DuckDB size such as ``350MB``). ``threads``: as many as the machine has
    when None.
    """
    temp.mkdir(parents=True, exist_ok=True)
    settings: dict[str, object] = {
        "memory_limit": memory,
        "temp_directory": str(temp),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    if threads is not None:
        settings["threads"] = threads
    backend: Backend = ibis.duckdb.connect(**settings)
    return backend


def streamed(backend: Backend, table: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
    """The ``table`` (an expression) by DuckDB, ``rows`` rows at a time; until it is read to its end nothing else may be asked.

    For expressions of many projections on each other, which Ibis takes longer to put together than the engine to take in.
    """
    with _SETTING:  # Ibis has the option for all threads: none must find it changed and put it back so
        ibis.options.sql.fuse_selects = False
        try:
            sql = backend.compile(table)
        finally:
            ibis.options.sql.fuse_selects = True
    backend._run_pre_execute_hooks(table)
    yield from backend.raw_sql(sql).to_arrow_reader(rows)


@contextmanager
def open_engine(temp: Path, memory: str = "350MB", threads: int | None = None) -> Iterator[Backend]:
    """:func:`connect` as a context manager: ``with open_engine(folder) as backend: backend.read_parquet(...)``."""
    backend = connect(temp, memory, threads)
    try:
        yield backend
    finally:
        backend.disconnect()


@contextmanager
def open_engine_at(url: str | None, temp: Path, memory: str = "350MB") -> Iterator[BaseBackend]:
    """DuckDB as :func:`open_engine` gives it, or, with a ``url`` such as ``sc://host:15002``, that Spark Connect server.

    Raises ``TableError``: ``engine_missing`` without the extra ``gongshu[spark]``, ``engine_address``, ``engine_away``,
    ``engine_too_old``.
    """
    if url is None or url == "duckdb":
        with open_engine(temp, memory) as backend:
            yield backend
        return
    from gongshu.tables import spark

    server = spark.connect(url)
    try:
        yield server
    finally:
        server.disconnect()
