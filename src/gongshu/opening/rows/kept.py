"""Answers kept in memory, at most so many bytes of them: the least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

Answer = TypeVar("Answer", bytes, int)
BYTES = 16 * 1024 * 1024
OVERHEAD = 400  # of an entry, about


class Kept:
    """Answers by their question; the question must name the file and its time, so that it is never answered from another."""

    def __init__(self, most: int = BYTES) -> None:
        self._most, self._size = most, 0
        self._found: OrderedDict[Hashable, bytes | int] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer kept for ``question``, made when there is none."""
        with self._lock:
            if (found := self._found.get(question)) is not None:
                self._found.move_to_end(question)
                return found  # type: ignore[return-value]
        made = make()
        with self._lock:
            if question not in self._found and _size(made) < self._most // 8:
                self._found[question] = made
                self._size += _size(made)
            while self._size > self._most:
                _gone, answer = self._found.popitem(last=False)
                self._size -= _size(answer)
        return made


def _size(answer: bytes | int) -> int:
    return OVERHEAD + (len(answer) if isinstance(answer, bytes) else 0)


ANSWERS = Kept()
