"""Signed heads of the log, in the database and in files outside it, so that changes and truncation show.

``<data>/log/heads.jsonl`` holds every signed head, ``<data>/log/leaves.bin`` the 32-byte leaf hashes up to the last one:
with both, :mod:`gongshu.oversight.audit` names the very event that was touched. ``<data>/log/public.key`` holds the public
key of every signer that this installation had, one a line: what an earlier key signed stays provable.
"""

from __future__ import annotations

import json
import os
from datetime import UTC
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from gongshu import clock
from gongshu.oversight.models import Event, Head, LogState
from gongshu.seals.keys import read_or_make_key
from gongshu.seals.merkle import Frontier
from gongshu.seals.signing import Signer, key_id_of


def signer() -> Signer:
    """The installation's log signer; its public key is added to ``<data>/log/public.key`` (hex) when it is not there."""
    made = Signer(read_or_make_key(settings.DATA / "keys", "log"))
    if made.key_id not in public_keys():
        with (folder() / "public.key").open("a", encoding="ascii") as file:
            file.write(made.public.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    return made


def public_keys() -> dict[str, bytes]:
    """Key id -> public key of every signer of this log, the oldest first."""
    path = folder() / "public.key"
    lines = path.read_text(encoding="ascii").split() if path.exists() else []
    return {key_id_of(public): public for public in map(bytes.fromhex, lines)}


def folder() -> Path:
    """Where the heads are kept outside the database."""
    path: Path = settings.DATA / "log"
    path.mkdir(parents=True, exist_ok=True)
    return path


def signed_part(head: Head) -> dict[str, Any]:
    """What the signature of a head covers."""
    return {"size": head.size, "root": head.root, "at": head.at.astimezone(UTC).isoformat(timespec="milliseconds")}


def sign_head() -> Head | None:
    """Sign the log as it stands; None when nothing was added since the last head."""
    key = signer()
    with transaction.atomic():
        state, _ = LogState.objects.select_for_update().get_or_create(pk=1)
        last = Head.objects.last()
        if state.size == 0 or (last and last.size == state.size):
            _write_outside(last)
            return None
        now = clock.now()
        root = Frontier(state.size, [bytes.fromhex(peak) for peak in state.peaks]).root()
        head = Head(size=state.size, root=root.hex(), at=now, key_id=key.key_id, signature="")
        head.signature = key.sign(signed_part(head))
        head.save()
    _write_outside(head)
    return head


def _write_outside(head: Head | None) -> None:
    """Bring the files up to ``head``: whatever a kill left out is written now."""
    if head is None:
        return
    leaves = folder() / "leaves.bin"
    have = leaves.stat().st_size // 32 if leaves.exists() else 0
    if have < head.size:
        missing = Event.objects.filter(index__gte=have, index__lt=head.size).values_list("leaf", flat=True)
        with leaves.open("r+b" if leaves.exists() else "wb") as file:
            file.seek(have * 32)  # a torn last record is overwritten
            for leaf in missing.iterator(chunk_size=5000):
                file.write(bytes.fromhex(leaf))
            file.flush()
            os.fsync(file.fileno())
    lines = folder() / "heads.jsonl"
    known = {entry["size"] for entry in read_heads_outside()}
    missing_heads = [h for h in Head.objects.all() if h.size not in known]
    if missing_heads:
        torn = lines.exists() and not lines.read_bytes().endswith(b"\n")
        with lines.open("a", encoding="utf-8") as file:
            file.write("\n" if torn else "")
            for each in missing_heads:
                record = {**signed_part(each), "key_id": each.key_id, "signature": each.signature}
                file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_heads_outside() -> list[dict[str, Any]]:
    """The heads kept in the file; a torn last line is left out (it is written again with the next head)."""
    path = folder() / "heads.jsonl"
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
