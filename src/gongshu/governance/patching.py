"""Corrections of single cells of a draft: recorded, reversible, few; the raw file stays as it came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gongshu import clock
from gongshu.governance import cells
from gongshu.governance.actions import change
from gongshu.governance.inspected import Inspected, inspected
from gongshu.governance.models import Draft, Patch
from gongshu.governance.repairs import repaired
from gongshu.i18n import gettext
from gongshu.parties.models import Person
from gongshu.tables.contract import Contract
from gongshu.tables.errors import TableError
from gongshu.tables.model import MOST_PATCHES

LONGEST = 10_000  # characters of a value given by hand
REASON_LONGEST = 300


@dataclass(frozen=True)
class Correction:
    """A cell, the fingerprint of the value that its author saw there, and the value to be; an empty one empties the cell."""

    row: int
    column: str
    seen: str
    value: str


def patch_cells(actor: Person, draft: Draft, edition: int, corrections: Sequence[Correction], reason: str) -> Draft:
    """Correct cells, all or none of them, with one reason.

    TableError without a reason, when a cell isn't there or no longer holds what was seen, when nothing would change, and for
    more than :data:`MOST_PATCHES` corrections of a draft.
    """
    why = reason.strip()[:REASON_LONGEST]
    if not why:
        raise TableError("reason_required", "请写明理由：{what}", what=gettext("改正 {n} 处", n=len(corrections)))
    raw = _raw(draft, corrections)

    def make(row: Draft, contract: Contract) -> None:
        active = {(one.row, one.column): one for one in row.patches.filter(undone_at=None)}
        made = []
        for one in corrections:
            place = (one.row, one.column)
            now = active[place].value if place in active else raw[place]
            value = one.value[:LONGEST] or None
            if cells.fingerprint(now) != one.seen:
                raise TableError(
                    "cell_changed",
                    "第 {row} 行的「{column}」已不是您看到的值，没有改：请看过现在的值再改",
                    where={"row": one.row, "column": one.column},
                )
            if value == now:
                raise TableError(
                    "cell_same", "第 {row} 行的「{column}」没有变化", where={"row": one.row, "column": one.column}
                )
            made.append(
                Patch(draft=row, row=one.row, column=one.column, was=raw[place], value=value, reason=why, by=actor)
            )
        replaced = [active[one.row, one.column].pk for one in corrections if (one.row, one.column) in active]
        if len(active) - len(replaced) + len(made) > MOST_PATCHES:
            raise TableError(
                "too_many_patches", "手工改正最多 {most} 处：更多的请在源系统里改好，再上传新文件", most=MOST_PATCHES
            )
        row.patches.filter(pk__in=replaced).update(undone_by=actor, undone_at=clock.now())
        Patch.objects.bulk_create(made)

    places = [[one.row, one.column, one.seen, cells.fingerprint(one.value or None)] for one in corrections]
    digest = hashlib.sha256(json.dumps(places, ensure_ascii=False).encode()).hexdigest()
    return change(actor, draft, edition, "patch", make, cells=len(corrections), places_sha256=digest)


def undo_patches(actor: Person, draft: Draft, edition: int, patches: Iterable[int]) -> Draft:
    """Take corrections back: the cells hold again what the file says. They stay on record."""
    wanted = list(patches)

    def make(row: Draft, contract: Contract) -> None:
        if not row.patches.filter(pk__in=wanted, undone_at=None).update(undone_by=actor, undone_at=clock.now()):
            raise TableError("patch_unknown", "这处改正已经撤销")

    return change(actor, draft, edition, "undo_patch", make, patches=len(wanted))


def repairs(draft: Draft, found: Inspected, finding: dict[str, object]) -> list[Correction]:
    """The corrections that follow from the check digits of a finding; those already corrected are left out."""
    rule = found.rules.get(str(finding["rule"]), {})
    kind, column = (rule.get("params") or {}).get("type"), finding["column"]
    if finding["kind"] != "check_digit" or kind not in ("resident_id", "credit_code") or not isinstance(column, str):
        return []
    done = set(draft.patches.filter(undone_at=None, column=column).values_list("row", flat=True))
    rows = finding["rows"] if isinstance(finding["rows"], list) else []
    values = cells.read_rows(draft, [row for row in rows if row not in done], [column], None)
    return [
        Correction(row, column, cells.fingerprint(value), meant)
        for row, (value,) in values.items()
        if (meant := repaired(kind, value))
    ]


def _raw(draft: Draft, corrections: Sequence[Correction]) -> dict[tuple[int, str], str | None]:
    """The values of the cells as they were read."""
    document = inspected(draft.upload, draft.table)
    by_column: dict[str, list[int]] = {}
    for one in corrections:
        by_column.setdefault(one.column, []).append(one.row)
    found: dict[tuple[int, str], str | None] = {}
    for column, rows in by_column.items():
        if document is None or column not in document.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": column})
        for row, (value,) in cells.read_rows(draft, rows, [column], None).items():
            found[row, column] = value
    for one in corrections:
        if (one.row, one.column) not in found:
            raise TableError("row_unknown", "表里没有第 {row} 行", where={"row": one.row})
    return found
