"""Writing the log: events join the Merkle tree in the transaction of the change that they record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from gongshu import clock
from gongshu.oversight.models import Event, LogState
from gongshu.seals.merkle import Frontier, leaf_hash
from gongshu.seals.signing import canonical

TEXT_LIMIT = 200  # identifiers and hashes fit; data values have no business here


@dataclass(frozen=True)
class Entry:
    """One thing that happened: who, what, to which subject, and facts that are identifiers, numbers or hashes."""

    actor: str
    action: str
    subject: str
    details: dict[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=clock.now)


def append(actor: str, action: str, subject: str, **details: Any) -> Event:
    """Write one event in the current transaction; RuntimeError outside of one, ValueError for a fact that is no fact."""
    return append_many([Entry(actor, action, subject, details)])[0]


def append_many(entries: Iterable[Entry]) -> list[Event]:
    """Write ``entries`` in order in the current transaction."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an audit event belongs into the transaction of its change")
    state, _ = LogState.objects.select_for_update().get_or_create(pk=1)
    frontier = Frontier(state.size, [bytes.fromhex(peak) for peak in state.peaks])
    events = []
    for entry in entries:
        _check_details(entry.details)
        body = canonical(
            {
                "index": frontier.size,
                "at": entry.at.astimezone(UTC).isoformat(timespec="milliseconds"),
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "details": entry.details,
            }
        )
        leaf = leaf_hash(body)
        events.append(
            Event(
                index=frontier.size,
                at=entry.at,
                actor=entry.actor[:80],
                action=entry.action,
                subject=entry.subject[:200],
                body=body.decode(),
                leaf=leaf.hex(),
            )
        )
        frontier.append(leaf)
    Event.objects.bulk_create(events, batch_size=500)
    state.size, state.peaks = frontier.size, [peak.hex() for peak in frontier.peaks]
    state.save()
    return events


def details_of(event: Event) -> dict[str, Any]:
    """The facts of an event."""
    found: dict[str, Any] = json.loads(event.body)["details"]
    return found


def _check_details(details: dict[str, Any]) -> None:
    for name, value in details.items():
        if isinstance(value, float) or not isinstance(value, (str, int, bool, type(None))):
            raise ValueError(f"{name}: an event holds text, whole numbers and truth values, not {type(value).__name__}")
        if isinstance(value, str) and len(value) > TEXT_LIMIT:
            raise ValueError(f"{name}: longer than {TEXT_LIMIT} characters: an event holds identifiers and hashes")
