"""Two lanes of threads: light questions never wait for heavy ones.

Heavy questions (scans of large tables, groups, facets, search, big pages) share a few threads that the operating system runs
only when nothing else wants the processor. A lane that has as much waiting as it may sends further questions away at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from gongshu.lake.serving import TooBusy, stand_back

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Lane:
    """``threads`` at work and at most ``waiting`` questions behind them."""

    def __init__(self, name: str, threads: int, waiting: int, *, heavy: bool = False) -> None:
        self._room, self._inside, self._lock = threads + waiting, 0, threading.Lock()
        self._pool = ThreadPoolExecutor(threads, name, initializer=stand_back if heavy else None)

    async def run(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """What ``work`` gives, done by a thread of the lane; TooBusy when there is no room."""
        return await asyncio.wrap_future(self._begin(work, *given, **named))

    def wait(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """The same for a thread that waits."""
        return self._begin(work, *given, **named).result()

    def _begin(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Future[Result]:
        with self._lock:
            if self._inside >= self._room:
                raise TooBusy(str(self._room))
            self._inside += 1
        future = self._pool.submit(work, *given, **named)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _future: Future[Result]) -> None:
        with self._lock:
            self._inside -= 1


LIGHT = Lane("rows-light", 4, 256)
HEAVY = Lane("rows-heavy", 2, 32, heavy=True)
BULK = Lane("rows-bulk", 2, 8, heavy=True)
