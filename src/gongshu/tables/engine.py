"""DuckDB in process, behind Ibis: bounded memory, its own folder for what doesn't fit, nothing loaded from the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis
from ibis.backends.duckdb import Backend


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


@contextmanager
def open_engine(temp: Path, memory: str = "350MB", threads: int | None = None) -> Iterator[Backend]:
    """:func:`connect` as a context manager: ``with open_engine(folder) as backend: backend.read_parquet(...)``."""
    backend = connect(temp, memory, threads)
    try:
        yield backend
    finally:
        backend.disconnect()
