"""The rows of one finding: the bad cells, what stands beside them, what they were corrected to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Page, Paginator

from gongshu.governance import cells
from gongshu.governance.findings import finding_key, message_in_words
from gongshu.governance.inspected import Inspected
from gongshu.governance.masked import FindingRowNumbers
from gongshu.governance.models import Draft, Patch
from gongshu.governance.patching import repairs
from gongshu.governance.repairs import repaired

ROWS_A_PAGE = 12
SHORT = 22  # characters
BESIDE = 4  # columns shown beside the bad ones


@dataclass(frozen=True)
class Cell:
    """One cell as it is now: ``bad`` when the finding speaks of it, ``patch`` when it was corrected."""

    column: str
    value: str | None
    bad: bool
    number: bool
    patch: Patch | None = None

    @property
    def short(self) -> bool:
        """It stands on one line."""
        return len(self.value or "") <= SHORT


@dataclass
class FindingRows:
    """A finding with the rows of one page. ``hidden``: rows beyond those whose numbers are known."""

    key: str
    finding: dict[str, Any]
    message: str
    columns: list[tuple[str, bool]]
    page: Page[int]
    rows: list[tuple[int, list[Cell], str | None]] = field(default_factory=list)
    hidden: int = 0
    repairable: int = 0
    has_repairs: bool = False


def finding_rows(draft: Draft, found: Inspected, key: str, number: str | None, values: bool) -> FindingRows | None:
    """The finding ``key`` with page ``number`` of its rows; without ``values`` only that it is there. None for an unknown key."""
    finding = found.findings.get(key)
    if finding is None:
        return None
    bad = found.columns_of(finding)
    numbers_of = FindingRowNumbers(draft, finding)
    page = Paginator(numbers_of, ROWS_A_PAGE).get_page(number)
    shown = [*bad[:6], *_beside(found, bad)]
    kinds = {name: found.columns[name]["storage_type"] in ("int64", "float64", "decimal") for name in shown}
    made = FindingRows(
        key=finding_key(finding),
        finding=finding,
        message=message_in_words(finding, bad),
        columns=[(name, kinds[name]) for name in shown],
        page=page,
        hidden=finding["rows_total"] - len(numbers_of),
    )
    if not values or not finding["rows"]:
        return made
    numbers = list(page.object_list)
    patched = {(one.row, one.column): one for one in draft.patches.filter(undone_at=None, row__in=numbers)}
    kind = _checked_kind(found, finding)
    made.has_repairs = bool(kind)
    made.repairable = len(repairs(draft, found, finding)) if kind else 0
    for row, raw in cells.read_rows(draft, numbers, shown).items():
        line = []
        for name, value in zip(shown, raw, strict=True):
            patch = patched.get((row, name))
            line.append(Cell(name, patch.value if patch else value, name in bad, kinds[name], patch))
        made.rows.append((row, line, repaired(kind, line[0].value) if kind and line[0].patch is None else None))
    return made


def cell_now(draft: Draft, found: Inspected, row: int, column: str) -> tuple[bool, str | None]:
    """Whether the cell is there, and its value as it is now, corrections included."""
    if column not in found.columns:
        return False, None
    patch = draft.patches.filter(undone_at=None, row=row, column=column).first()
    raw = cells.read_rows(draft, [row], [column], None)
    if row not in raw:
        return False, None
    return True, patch.value if patch else raw[row][0]


def _checked_kind(found: Inspected, finding: dict[str, Any]) -> str:
    kind = (found.rules.get(finding["rule"], {}).get("params") or {}).get("type", "")
    return kind if finding["kind"] == "check_digit" and kind in ("resident_id", "credit_code") else ""


def _beside(found: Inspected, bad: list[str]) -> list[str]:
    """The first column of the table and the neighbours of the bad ones, in the order of the file."""
    names = list(found.columns)
    first = names.index(bad[0]) if bad else 0
    near = sorted(range(len(names)), key=lambda place: (abs(place - first), place))
    wanted = [0, *near] if bad else list(range(len(names)))
    picked = [place for place in dict.fromkeys(wanted) if names[place] not in bad][: BESIDE if bad else BESIDE + 2]
    return [names[place] for place in sorted(picked)]
