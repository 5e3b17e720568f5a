"""The sample of a preview as two tables side by side: what each cell shows, and how it is marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from gongshu.web import words

AT_ONCE = 7
VEILED_FROM = 4  # levels whose plain text is veiled until somebody asks for it, which is logged
LONGEST = 60


@dataclass(frozen=True)
class Cell:
    """``css``: ``n`` a number, ``chg`` treated, ``gone`` not public, ``bad`` corrected by hand; ``veiled``: not the value."""

    text: str
    css: str = ""
    veiled: bool = False
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A record on both sides; ``whole`` says why the whole record is not public."""

    number: int
    before: list[Cell]
    after: list[Cell]
    whole: str = ""


@dataclass(frozen=True)
class Head:
    """A column: its name, level, and what is done to it in words."""

    name: str
    level: int | None
    numeric: bool
    how: str
    treated: bool
    veiled: bool


@dataclass(frozen=True)
class Sample:
    """One set of rows; ``following`` is the number of the next set, 0 when this is the last."""

    heads: list[Head]
    lines: list[Line]
    following: int
    veiled: bool
    plain: bool

    @property
    def size(self) -> int:
        return len(self.lines)


def sample(document: dict[str, Any], number: int = 0, plain: bool = False) -> Sample:
    """Set ``number`` of the rows of a preview document; ``plain``: without the veil."""
    heads = [_head(column, plain) for column in document["columns"]]
    rows = document["rows"]
    first = number * AT_ONCE if 0 <= number * AT_ONCE < len(rows) else 0
    shown = rows[first : first + AT_ONCE]
    return Sample(
        heads=heads,
        lines=[_line(row, heads) for row in shown],
        following=first // AT_ONCE + 1 if first + AT_ONCE < len(rows) else 0,
        veiled=any(head.veiled for head in heads),
        plain=plain,
    )


def shown(value: Any) -> str:
    """A value of the document as a reader writes it."""
    if value is None:
        return _("空")
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _head(column: dict[str, Any], plain: bool) -> Head:
    method = column["protection"]["method"]
    return Head(
        name=column["name"],
        level=column["level"],
        numeric=column["numeric"],
        how=words.protection(column) or str(words.PROTECTIONS["keep"]),
        treated=method != "keep",
        veiled=(column["level"] or VEILED_FROM) >= VEILED_FROM and not plain,
    )


def _line(row: dict[str, Any], heads: list[Head]) -> Line:
    before = []
    for head in heads:
        by_hand = head.name in row["patched"]
        css = " ".join(part for part in ("n" if head.numeric else "", "bad" if by_hand else "") if part)
        value = row["before"][head.name]
        veiled = head.veiled and value is not None
        note = _("手工改正过") if by_hand else ""
        before.append(Cell("●" * min(6, len(shown(value))) if veiled else shown(value), css, veiled, note))
    if row["after"] is None:
        why = (
            _("整行不公开：与它同类的只有 %(n)s 行") % {"n": row["alike"]}
            if row["alike"]
            else _("整行不公开：同类太少")
        )
        return Line(row["row"], before, [], why)
    after = []
    for head in heads:
        if head.name not in row["after"]:
            after.append(Cell("", "gone"))
            continue
        value = row["after"][head.name]
        treated = head.treated and value != row["before"][head.name]
        after.append(
            Cell(shown(value), " ".join(p for p in ("n" if head.numeric else "", "chg" if treated else "") if p))
        )
    return Line(row["row"], before, after)
