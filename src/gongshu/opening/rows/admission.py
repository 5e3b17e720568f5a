"""How a question comes to its answer: past the rate limits, then in the lane of the light ones or of the heavy ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from gongshu.lake import serving
from gongshu.opening.rows import limits, service
from gongshu.opening.rows.failures import TooOften
from gongshu.opening.rows.lanes import HEAVY
from gongshu.opening.rows.service import Asked, Question, Reply

Answer = TypeVar("Answer")


def admitted(asked: Asked, address: str) -> Reply | Question:
    """What is wrong, or the answer to a light question, or the heavy question, for which more was taken from the bucket."""
    gate, token = limits.gate(), asked.headers.get("authorization", "")
    if seconds := gate.take(address, token):
        return service.refused(asked, TooOften(seconds))
    found = _prepared(asked)
    if isinstance(found, Reply):
        return found
    if found.heavy:
        gate.take(address, token, limits.HEAVY - 1)
        return found
    return service.answer(found)


def answered(question: Question, watch: serving.Watch) -> Reply:
    """The answer to a heavy question, which ``watch`` can end."""
    with serving.watched(watch):
        return service.answer(question)


def ask(asked: Asked, address: str) -> Reply:
    """The answer, waited for: for pages, whose thread has nothing else to do."""
    found = admitted(asked, address)
    if isinstance(found, Reply):
        return found
    try:
        return HEAVY.wait(answered, found, serving.Watch())
    except serving.TooBusy as error:
        return service.refused(asked, error)


def run(work: Callable[[], Answer], address: str, authorization: str, *, heavy: bool) -> Answer:
    """``work`` past the same limits and in the same lane, for interfaces that answer in other shapes.

    Raises TooOften, TooBusy, and what ``work`` raises.
    """
    gate = limits.gate()
    if seconds := gate.take(address, authorization):
        raise TooOften(seconds)
    if not heavy:
        return work()
    gate.take(address, authorization, limits.HEAVY - 1)
    return HEAVY.wait(_watched, work)


def again(work: Callable[[], Answer]) -> Answer:
    """The next part of a heavy answer whose question was let in; raises TooBusy, and what ``work`` raises."""
    return HEAVY.wait(_watched, work)


def _watched(work: Callable[[], Answer]) -> Answer:
    with serving.watched(serving.Watch()):
        return work()


def _prepared(asked: Asked) -> Reply | Question:
    """Once more on a new connection when the database closed the one that this thread kept."""
    try:
        return service.prepare(asked)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return service.prepare(asked)
