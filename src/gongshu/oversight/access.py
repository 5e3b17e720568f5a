"""Reads of open data: recorded without a database write in the request, merged into the log by the worker.

Each process keeps a buffer that a thread writes to ``<data>/spool`` at most every second, as one file that is fsynced
and then renamed into view. A power cut can lose the accesses of the last second; nothing else. What can't be written, such as on
a full disk, is kept in memory and tried again with the next second's.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import os
import secrets
import threading
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import TruncMonth

from gongshu import clock
from gongshu.oversight.log import Entry, append_many
from gongshu.oversight.models import AccessCount, MergedBatch

logger = logging.getLogger("gongshu.oversight")
FLUSH_SECONDS = 1.0
MOST_KEPT = 100_000  # accesses that wait for room on the disk, some 300 bytes each
_lock = threading.Lock()
_writing = threading.Lock()
_buffer: list[dict[str, Any]] = []
_thread: threading.Thread | None = None
_owner = 0


def record(action: str, subject: str, **details: Any) -> None:
    """Note that somebody read ``subject`` (``dataset:<name>``); ``details`` are identifiers, numbers or hashes."""
    global _thread, _owner
    line = {"at": clock.now().isoformat(), "action": action, "subject": subject, "details": details}
    with _lock:
        _buffer.append(line)
        if _thread is None or _owner != os.getpid():
            _owner = os.getpid()
            _thread = threading.Thread(target=_flush_forever, name="access-spool", daemon=True)
            _thread.start()
            atexit.register(flush)


def flush() -> None:
    """Write what is buffered as one spool file, now; what another thread is writing is in view too when this returns. OSError
    when it can't be written: it stays in the buffer, the newest ``MOST_KEPT`` of it."""
    with _writing:
        with _lock:
            lines, _buffer[:] = list(_buffer), []
        if not lines:
            return
        try:
            _write(lines)
        except OSError:
            with _lock:
                _buffer[:] = [*lines, *_buffer]
                lost = max(0, len(_buffer) - MOST_KEPT)
                del _buffer[:lost]
            if lost:
                logger.error("%d accesses are lost: the spool could not be written for too long", lost)
            raise


def _write(lines: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(line, ensure_ascii=False, sort_keys=True) for line in lines)
    name = f"{clock.now():%Y%m%dT%H%M%S%f}-{os.getpid()}-{secrets.token_hex(4)}"
    beside = _spool() / f".{name}"
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(hashlib.sha256(text.encode()).hexdigest() + "\n" + text + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.rename(_spool() / f"{name}.jsonl")
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def merge() -> int:
    """Bring every finished spool file into the log, each once; returns how many accesses were added."""
    added = 0
    for path in sorted(_spool().glob("*.jsonl")):
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        if hashlib.sha256(text.rstrip("\n").encode()).hexdigest() != digest:
            logger.error("spool file %s does not match its hash; it is kept beside", path.name)
            path.rename(path.with_suffix(".bad"))
            continue
        lines = [json.loads(line) for line in text.splitlines()]
        with transaction.atomic():
            _, fresh = MergedBatch.objects.get_or_create(name=path.name)
            if fresh:
                append_many(
                    Entry(
                        "public", line["action"], line["subject"], line["details"], datetime.fromisoformat(line["at"])
                    )
                    for line in lines
                )
                _count(lines)
                added += len(lines)
        path.unlink()
    return added


def counts(action_prefix: str = "", days: int = 30) -> dict[str, int]:
    """Accesses by subject over the last ``days`` days, of actions that begin with ``action_prefix``."""
    since = clock.now().date() - timedelta(days=days)
    rows = (
        AccessCount.objects.filter(day__gte=since, action__startswith=action_prefix)
        .values_list("subject")
        .annotate(total=Sum("number"))
    )
    return dict(rows)


def counts_of(subjects: list[str], actions: list[str], days: int = 30) -> dict[str, int]:
    """The same of a few ``subjects``, of exactly these actions together."""
    since = clock.now().date() - timedelta(days=days)
    rows = (
        AccessCount.objects.filter(subject__in=subjects, action__in=actions, day__gte=since)
        .values_list("subject")
        .annotate(total=Sum("number"))
    )
    return dict(rows)


def by_day(subject: str, days: int) -> dict[str, dict[date, int]]:
    """Accesses of ``subject`` by action and day over the last ``days`` days, today among them."""
    since = clock.now().date() - timedelta(days=days - 1)
    found: dict[str, dict[date, int]] = {}
    rows = AccessCount.objects.filter(subject=subject, day__gte=since).values_list("action", "day", "number")
    for action, day, number in rows:
        found.setdefault(action, {})[day] = number
    return found


def by_month(action_prefix: str, days: int) -> dict[tuple[str, str], int]:
    """Accesses of everything over the last ``days`` days by action and month (2026-11), of actions that begin so."""
    since = clock.now().date() - timedelta(days=days)
    rows = (
        AccessCount.objects.filter(action__startswith=action_prefix, day__gte=since)
        .annotate(month=TruncMonth("day"))
        .values_list("action", "month")
        .annotate(total=Sum("number"))
        .order_by()
    )
    return {(action, month.strftime("%Y-%m")): total for action, month, total in rows}


def _count(lines: list[dict[str, Any]]) -> None:
    tally = Counter((line["subject"], line["action"], date.fromisoformat(line["at"][:10])) for line in lines)
    for (subject, action, day), number in tally.items():
        row, made = AccessCount.objects.get_or_create(
            subject=subject, action=action, day=day, defaults={"number": number}
        )
        if not made:
            AccessCount.objects.filter(pk=row.pk).update(number=F("number") + number)


def _flush_forever() -> None:
    wait = threading.Event()
    while not wait.wait(FLUSH_SECONDS):
        try:
            flush()
        except OSError:
            logger.exception("the access spool cannot be written")


def _spool() -> Path:
    path: Path = settings.DATA / "spool"
    path.mkdir(parents=True, exist_ok=True)
    return path
