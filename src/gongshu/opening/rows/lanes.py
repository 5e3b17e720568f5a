"""Lanes of threads: light questions never wait for heavy ones.

Heavy questions (scans of large tables, groups, facets, search, big pages) share a few threads that the operating system runs
only when nothing else wants the processor. A lane that has as much waiting as it may sends further questions away at once.

Of the threads that are free the one that was busy last goes on: its memory is still near the processor. A pool that takes them
in turn needs a tenth more time for a row by its key.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from gongshu.lake.serving import TooBusy, stand_back

Given = ParamSpec("Given")
Result = TypeVar("Result")
Work = Callable[[], Callable[[], object]]  # gives what tells the answer
END_SECONDS = 5.0  # for which the end of the process waits for what is being answered


class Lane:
    """``threads`` at work and at most ``waiting`` questions behind them."""

    def __init__(self, name: str, threads: int, waiting: int, *, heavy: bool = False) -> None:
        self._name, self._threads, self._heavy = name, threads, heavy
        self._room, self._inside, self._lock = threads + waiting, 0, threading.Lock()
        self._free: list[SimpleQueue[Work]] = []  # of each thread that waits for work, the latest last
        self._waiting: deque[Work] = deque()
        self._started = 0
        atexit.register(self._end)

    async def run(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """What ``work`` gives, done by a thread of the lane; TooBusy when there is no room."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()

        def do() -> Callable[[], object]:
            return partial(_post, loop, answer, *_done(work, *given, **named))

        self._begin(do)
        try:
            return await answer
        except asyncio.CancelledError:
            self._forget(do)
            raise

    def wait(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """The same for a thread that waits."""
        answer: Future[Result] = Future()

        def do() -> Callable[[], object]:
            return partial(_tell, answer, *_done(work, *given, **named))

        self._begin(do)
        return answer.result()

    def _begin(self, work: Work) -> None:
        with self._lock:
            if self._inside >= self._room:
                raise TooBusy(str(self._room))
            self._inside += 1
            if self._free:
                self._free.pop().put(work)
            elif self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._work, args=(work,), name=self._name, daemon=True).start()
            else:
                self._waiting.append(work)

    def _work(self, work: Work) -> None:
        """What a thread does: this, then what waits, then what comes."""
        if self._heavy:
            stand_back()
        mine: SimpleQueue[Work] = SimpleQueue()
        while True:
            tell = work()
            with self._lock:  # whoever asks again at once finds room
                self._inside -= 1
                following = self._waiting.popleft() if self._waiting else None
                if following is None:
                    self._free.append(mine)
            tell()
            del work, tell  # what they hold is let go now, not at the next question
            work = mine.get() if following is None else following

    def _forget(self, work: Work) -> None:
        """Nobody wants it any more: what has not begun makes room."""
        with self._lock:
            if work in self._waiting:
                self._waiting.remove(work)
                self._inside -= 1

    def _end(self) -> None:
        limit = time.monotonic() + END_SECONDS
        while self._inside and time.monotonic() < limit:
            time.sleep(0.01)


def _done(work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> tuple[Any, BaseException | None]:
    try:
        return work(*given, **named), None
    except BaseException as error:
        return None, error


def _post(
    loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], result: Any, error: BaseException | None
) -> None:
    with suppress(RuntimeError):  # the server has ended
        loop.call_soon_threadsafe(_tell, answer, result, error)


def _tell(answer: asyncio.Future[Any] | Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.done():  # nobody waits any more
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


LIGHT = Lane("rows-light", 4, 256)
HEAVY = Lane("rows-heavy", 2, 32, heavy=True)
BULK = Lane("rows-bulk", 2, 8, heavy=True)
