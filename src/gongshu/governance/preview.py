"""The preview (预览) of a draft: its table exactly as the public would get it, beside what it was; the risk, the quality, the loss.

The computed document holds data values, so that it stays a file beside the upload: ``uploads/<id>/preview-<draft>-<edition>.json``.
The row of the draft gets the figures only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from gongshu.gathering import store
from gongshu.governance.models import Draft
from gongshu.tables.contract import Contract


def path_of(draft: Draft, edition: int) -> Path:
    """Where the preview of an edition is kept."""
    return store.folder_of(draft.upload) / f"preview-{draft.id}-{edition}.json"


def read(draft: Draft) -> dict[str, Any] | None:
    """The preview of the present edition; None while there is none."""
    if draft.checked_edition != draft.edition:
        return None
    try:
        found: dict[str, Any] = json.loads(path_of(draft, draft.edition).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def fingerprint(draft: Draft, contract: Contract) -> str:
    """The same for editions that give the same preview: what it depends on is the table, the corrections, types, grades,
    rules and protections, and not the words."""
    depends = [
        str(draft.upload_id),
        draft.table,
        contract.suppress_small_groups,
        contract.sample_share,
        contract.coordinate_system,
        [
            [f.name, f.storage_type, f.semantic_type, f.level, f.subject, f.unique, vars(f.protection)]
            for f in contract.fields
        ],
        [vars(rule) for rule in contract.rules],
        list(draft.patches.filter(undone_at=None).order_by("pk").values_list("row", "column", "value")),
    ]
    return hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()


def keep(draft: Draft, document: dict[str, Any]) -> None:
    """Write a preview, whole or not at all."""
    target = path_of(draft, document["edition"])
    beside = target.with_suffix(f".{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)


def forget(draft: Draft, but: int | None = None) -> None:
    """Delete the previews of a draft, all but that of the edition ``but``."""
    kept = path_of(draft, but) if but is not None else None
    for path in store.folder_of(draft.upload).glob(f"preview-{draft.id}-*"):
        if path != kept:
            path.unlink(missing_ok=True)
    if but is None:
        for left in store.folder_of(draft.upload).glob(f"previewing-{draft.id}-*"):
            shutil.rmtree(left, ignore_errors=True)
