"""Answers kept in memory, at most so many bytes of them: the least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Page = tuple[bytes, str | None, int | None]  # body, cursor of the next page, total
Answer = TypeVar("Answer", bytes, int, Page)
BYTES = 16 * 1024 * 1024
LARGEST = 128 * 1024  # bytes of an answer that is kept
OVERHEAD = 400  # of an entry, about


class Kept:
    """Answers by their question; the question must name the file and its time, so that it is never answered from another."""

    def __init__(self, most: int = BYTES, largest: int = LARGEST) -> None:
        self._most, self._largest, self._size = most, largest, 0
        self._found: OrderedDict[Hashable, Any] = OrderedDict()  # an Answer each, of the kind that its question has
        self._lock = threading.Lock()

    def get(self, question: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer kept for ``question``, made when there is none."""
        with self._lock:
            if (found := self._found.get(question)) is not None:
                self._found.move_to_end(question)
                kept: Answer = found
                return kept
        made = make()
        with self._lock:
            if question not in self._found and _size(made) <= self._largest:
                self._found[question] = made
                self._size += _size(made)
            while self._size > self._most:
                _gone, answer = self._found.popitem(last=False)
                self._size -= _size(answer)
        return made


def _size(answer: bytes | int | Page) -> int:
    body = answer[0] if isinstance(answer, tuple) else answer
    return OVERHEAD + (len(body) if isinstance(body, bytes) else 0)


ANSWERS = Kept()
