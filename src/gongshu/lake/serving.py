"""Reading serving copies: read-only DuckDB files that answer public requests.

A process keeps a DuckDB instance a file (one thread, a memory limit, no access to anything outside the file), and another of
two threads for heavy queries, at most :data:`OPEN_FILES` of them, and lets :data:`QUERIES` queries run at once. A query that
takes too long is interrupted. A file that was removed or replaced is closed at the next look. Nothing here imports PyIceberg
or Ibis.

Why two instances: threads belong to an instance, and whichever is free takes the next piece of work. The second thread stands
back for everything else on the machine, so a light query whose only piece it took would wait for as long as it does.
"""

from __future__ import annotations

import atexit
import heapq
import os
import sys
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

TABLE = "rows"
OPEN_FILES = 48
QUERIES = 8
STATEMENTS = 2000  # that are kept parsed
WAIT_SECONDS = 3.0
QUERY_SECONDS = 8.0
HEAVY_SECONDS = 20.0  # of a query that stands back: it may have to wait for the processor
MEMORY = "256MB"
LIGHT_MEMORY = (
    "128MB"  # of the instance that answers light queries: a row is a few blocks, and the system keeps the file's
)
BULK_MEMORY = "32MB"  # of a reader of all rows, which keeps nothing
SORT_MEMORY = "64MB"  # of one who wants them in another order
THREADS = 2  # of a heavy query
ROW_GROUP = 122_880  # rows that DuckDB describes together
WORTH_TOUCHING = 8 * 1024 * 1024  # bytes of a file of several row groups
NICE = 15  # of 19: how far what is heavy stands back
# of the engine's optimizers, those of queries within queries and of the order of joins: a light question has none, and each that
# looks at it takes time. What brings joins together with filters stays: a page is cut out of a table by such a join.
NO_HELP = (
    "join_order", "window_self_join", "deliminator", "unnest_rewriter", "common_subplan",
    "materialized_cte", "cte_inlining", "cte_filter_pusher",
)  # fmt: skip
LOCKED = (
    "autoinstall_known_extensions = false",
    "autoload_known_extensions = false",
    "enable_external_access = false",
    "lock_configuration = true",
)


class ServingError(Exception):
    """A serving copy can't answer now."""


class CopyMissing(ServingError):
    """The file is not there: withdrawn, or not rebuilt yet."""


class TooBusy(ServingError):
    """As many queries as allowed are running already; come again in a few seconds."""


class TooSlow(ServingError):
    """The query ran out of its time and was interrupted."""


class TooLarge(ServingError):
    """The query needs more memory than one query may have, or gives more than one answer may hold."""


@dataclass
class _Copy:
    connection: duckdb.DuckDBPyConnection
    stamp: tuple[int, int, int]
    borrowed: int = 0
    stale: bool = False
    touched: bool = False
    idle: list[duckdb.DuckDBPyConnection] = field(default_factory=list)  # cursors that answered and can answer again

    def close(self) -> None:
        """Close the file."""
        for cursor in self.idle:
            cursor.close()
        self.connection.close()


class Alarm:
    """Something to be done later unless it is cancelled."""

    def __init__(self, at: float, ring: Callable[[], None]) -> None:
        self.at, self._lock = at, threading.Lock()
        self._ring: Callable[[], None] | None = ring

    def __lt__(self, other: Alarm) -> bool:
        return self.at < other.at

    def cancel(self) -> None:
        """Not to be done any more; waits for it when it is being done right now."""
        with self._lock:
            self._ring = None

    def ring(self) -> None:
        """Do it, unless it was cancelled."""
        with self._lock:
            if self._ring is not None:
                self._ring()


class Clock:
    """One thread that watches the time of all queries; a thread a query would cost more than the query."""

    def __init__(self) -> None:
        self._alarms: list[Alarm] = []
        self._lock, self._owner = threading.Lock(), 0

    def ring(self, seconds: float, what: Callable[[], None]) -> Alarm:
        """Do ``what`` after ``seconds``, to a tenth of a second."""
        alarm = Alarm(time.monotonic() + seconds, what)
        with self._lock:
            heapq.heappush(self._alarms, alarm)
            if self._owner != os.getpid():
                self._owner = os.getpid()
                threading.Thread(target=self._watch, name="query-clock", daemon=True).start()
        return alarm

    def _watch(self) -> None:
        while True:
            time.sleep(0.1)
            due = []
            with self._lock:
                while self._alarms and self._alarms[0].at <= time.monotonic():
                    due.append(heapq.heappop(self._alarms))
            for alarm in due:
                alarm.ring()


CLOCK = Clock()


class Watch:
    """Lets somebody else end the query of a thread: the client went away. Queries under it may take ``seconds``."""

    def __init__(self, seconds: float = HEAVY_SECONDS) -> None:
        self.seconds = seconds
        self._lock, self._ended = threading.Lock(), False
        self._cursor: duckdb.DuckDBPyConnection | None = None

    def end(self) -> None:
        """Interrupt what runs under this watch, now and later."""
        with self._lock:
            self._ended = True
            if self._cursor is not None:
                self._cursor.interrupt()

    def look_at(self, cursor: duckdb.DuckDBPyConnection | None) -> None:
        """``cursor`` is what runs from now on, or nothing; TooSlow when it was ended already."""
        with self._lock:
            self._cursor = cursor
            if self._ended and cursor is not None:
                raise TooSlow


_watch: ContextVar[Watch | None] = ContextVar("gongshu_watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Queries of this block can be ended by ``watch``."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@dataclass
class Pool:
    """The open serving copies of this process."""

    files: int = OPEN_FILES
    memory: str = MEMORY
    light_memory: str = LIGHT_MEMORY
    _copies: OrderedDict[tuple[Path, bool], _Copy] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(QUERIES))
    _touching: list[threading.Thread] = field(default_factory=list)
    _ending: bool = False

    @contextmanager
    def cursor(
        self, path: Path, *, seconds: float = 0, bulk: str = "", touch: bool = True, few: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on the copy at ``path`` for at most ``seconds`` (else those of its watch, or :data:`QUERY_SECONDS`).

        Raises CopyMissing, TooBusy, TooSlow, TooLarge.

        What runs under a watch is heavy: it has two threads, unless it reads ``few`` rows of those that there are. A reader of all rows is none of the :data:`QUERIES`: it works
        only as fast as its client takes what it reads, and in an instance of its own with so much memory as ``bulk`` says, so
        that the rows that pass by don't fill that of the others. Without ``touch`` a file of many rows is not prepared for questions to come.
        """
        if not (bulk or self._running.acquire(timeout=WAIT_SECONDS)):
            raise TooBusy(path.name)
        try:
            watch, well = _watch.get(), False
            copy = (_alone(path, bulk) if bulk else None) or self._borrow(
                path, heavy=watch is not None and not few, touch=touch
            )
            cursor = self._cursor(copy)
            allowed = seconds or (watch.seconds if watch is not None else QUERY_SECONDS)
            late = CLOCK.ring(allowed, cursor.interrupt)
            try:
                if watch is not None:
                    watch.look_at(cursor)
                yield cursor
                well = True
            except duckdb.InterruptException as error:
                raise TooSlow(path.name) from error
            except duckdb.OutOfMemoryException as error:
                raise TooLarge(path.name) from error
            finally:
                if watch is not None:
                    watch.look_at(None)
                late.cancel()
                self._give_back(copy, cursor, well)
        finally:
            if not bulk:
                self._running.release()

    def close(self) -> None:
        """Close every copy that nobody uses; the others when they come back."""
        with self._lock:
            for place in list(self._copies):
                self._drop(place)

    def end(self) -> None:
        """Prepare no more files; returns when none is being prepared. A thread that is still in the engine when Python ends takes
        the process down with it (SIGABRT)."""
        self._ending = True
        for thread in self._touching:
            thread.join()

    def _borrow(self, path: Path, *, heavy: bool, touch: bool) -> _Copy:
        with self._lock:
            stamp, place = _stamp(path), (path, heavy)
            if stamp is None or ((copy := self._copies.get(place)) is not None and copy.stamp != stamp):
                for other in [other for other in self._copies if other[0] == path]:
                    self._drop(other)
            if stamp is None:
                raise CopyMissing(path.name)
            copy = self._copies.get(place)
            if copy is None and heavy and (connection := _apart(path, self.memory, THREADS)):
                copy = self._copies[place] = _Copy(connection, stamp)
            if copy is None:
                place = (path, False)
                copy = self._copies.get(place)
            if copy is None:
                copy = self._copies[place] = _Copy(_open(path, self.light_memory, threads=1), stamp)
            if touch and not (copy.touched or place[1]) and stamp[2] >= WORTH_TOUCHING:
                copy.touched = True
                copy.borrowed += 1  # until it was touched
                thread = threading.Thread(target=self._touch, args=(copy,), name="serving-touch", daemon=True)
                self._touching = [one for one in self._touching if one.is_alive()] + [thread]
                thread.start()
            self._copies.move_to_end(place)
            copy.borrowed += 1
            while len(self._copies) > self.files:
                self._drop(next(iter(self._copies)))
            return copy

    def _cursor(self, copy: _Copy) -> duckdb.DuckDBPyConnection:
        """One that answered before, if there is: the first query of a cursor takes more than twice the time of its next."""
        with self._lock:
            return copy.idle.pop() if copy.idle else copy.connection.cursor()

    def _touch(self, copy: _Copy) -> None:
        """Read a row of every row group, when nothing else wants the processor: the engine reads what describes a group at its
        first row, and a row by its key takes three times as long until then."""
        stand_back()
        cursor, well = copy.connection.cursor(), False
        try:
            rows = cursor.execute(exp.select("count(*)").from_(TABLE).sql(dialect="duckdb")).fetchall()[0][0]
            first = exp.EQ(this=exp.column("rowid"), expression=exp.Placeholder(this="first"))
            query = exp.select("*").from_(TABLE).where(first).sql(dialect="duckdb")
            for number in range(0, rows, ROW_GROUP):  # one by one: a list of them would scan the table
                execute(cursor, query, {"first": number}).fetchall()
                if copy.stale or self._ending:
                    break
            well = True
        except duckdb.Error:  # it is only slower then
            pass
        finally:
            self._give_back(copy, cursor, well)

    def _give_back(self, copy: _Copy, cursor: duckdb.DuckDBPyConnection, well: bool) -> None:
        with self._lock:
            copy.borrowed -= 1
            if well and not copy.stale:
                copy.idle.append(cursor)  # never more than QUERIES, so many run at once
                return
            cursor.close()
            if copy.stale and not copy.borrowed:
                copy.close()

    def _drop(self, place: tuple[Path, bool]) -> None:
        copy = self._copies.pop(place)
        copy.stale = True
        if not copy.borrowed:
            copy.close()


POOL = Pool()
atexit.register(POOL.end)
_parsed: dict[str, duckdb.Statement] = {}


def execute(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """Run ``sql`` with these values; what differs from an earlier statement in its values only is not parsed again."""
    statement = _parsed.get(sql)
    if statement is None:
        if len(_parsed) >= STATEMENTS:
            _parsed.clear()
        statement = _parsed[sql] = cursor.extract_statements(sql)[0]
    return cursor.execute(statement, values)


def read(
    path: Path, query: exp.Expr, parameters: dict[str, Any] | None = None, *, seconds: float = 0
) -> list[tuple[Any, ...]]:
    """All rows of ``query`` (a SQLGlot expression; values only as ``$named`` parameters) on the copy at ``path``."""
    with POOL.cursor(path, seconds=seconds) as cursor:
        return cursor.execute(query.sql(dialect="duckdb"), parameters or {}).fetchall()


def column_types(path: Path) -> dict[str, str]:
    """DuckDB's types of the columns of the copy at ``path``, in order."""
    return _column_types(path, stamp(path))


def stamp(path: Path) -> tuple[int, int, int]:
    """Tells a file from what stood in its place before; CopyMissing when it is not there."""
    found = _stamp(path)
    if found is None:
        raise CopyMissing(path.name)
    return found


@lru_cache(maxsize=256)
def _column_types(path: Path, stamp: tuple[int, int, int]) -> dict[str, str]:
    described = exp.Describe(this=exp.to_table(TABLE)).sql(dialect="duckdb")
    with POOL.cursor(path, touch=False) as cursor:
        return {name: kind for name, kind, *_rest in cursor.execute(described).fetchall()}


def is_indexed(path: Path) -> bool:
    """Whether the copy at ``path`` has an index on its key."""
    return _is_indexed(path, stamp(path))


@lru_cache(maxsize=256)
def _is_indexed(path: Path, stamp: tuple[int, int, int]) -> bool:
    found = exp.select("count(*)").from_(exp.Anonymous(this="duckdb_indexes")).sql(dialect="duckdb")
    with POOL.cursor(path, touch=False) as cursor:
        return bool(cursor.execute(found).fetchall()[0][0])


def quoted(name: str) -> str:
    """SQL of a name of a column."""
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def warm_up() -> None:
    """Load what the first query would load (DuckDB imports pandas for its first parameter when it is installed)."""
    query = exp.select(exp.cast(exp.Placeholder(this="p"), "INTEGER")).from_(exp.func("range", exp.Literal.number(1)))
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.execute(query.sql(dialect="duckdb"), {"p": 1}).fetchall()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _alone(path: Path, memory: str) -> _Copy | None:
    """The copy for one bulk reader, closed when it is given back; None where files can't have a second name."""
    stamp, connection = _stamp(path), _apart(path, memory, threads=1)
    return None if connection is None else _Copy(connection, stamp or (0, 0, 0), borrowed=1, stale=True)


def _apart(path: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection | None:
    """Another instance of the copy; None where files can't have a second name.

    DuckDB knows instances by the file's path, and holds the file open: its second name is needed for a moment only.
    """
    name = path.with_name(f"{path.stem}-{uuid.uuid4().hex}{path.suffix}")
    try:
        name.hardlink_to(path)
    except FileNotFoundError:
        raise CopyMissing(path.name) from None
    except OSError:
        return None
    try:
        return _open(name, memory, threads)
    finally:
        name.unlink(missing_ok=True)  # a sweep may have been quicker


def _open(path: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    """The copy, opened by a thread of low priority: the engine's own threads take theirs from it, so that only a processor
    that nobody else wants helps a query; its own thread works at that thread's priority."""
    opened: Future[duckdb.DuckDBPyConnection] = Future()

    def work() -> None:
        stand_back()
        try:
            opened.set_result(_connected(path, memory, threads))
        except Exception as error:
            opened.set_exception(error)

    threading.Thread(target=work, name="serving-open").start()
    return opened.result()


def stand_back() -> None:
    """Let the operating system run this thread only when nothing else wants the processor (Linux)."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _connected(path: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    for attempt in range(3):
        try:
            config: dict[str, Any] = {
                "threads": min(threads, os.cpu_count() or 1),
                "memory_limit": memory,
                "temp_directory": "",
            }
            connection = duckdb.connect(str(path), read_only=True, config=config)
            if threads == 1:
                connection.execute(f"SET disabled_optimizers = '{','.join(NO_HELP)}'")
            for setting in LOCKED:
                connection.execute(f"SET {setting}")
            return connection
        except duckdb.ConnectionException:
            # the same file is open in this process with other settings (an export): wait until it is closed
            if attempt == 2:
                raise TooBusy(path.name) from None
            time.sleep(0.2)
        except duckdb.IOException as error:
            raise CopyMissing(path.name) from error
    raise AssertionError("unreachable")
