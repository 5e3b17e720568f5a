"""Level (级别), open type (开放属性) and subject (主体) of each field and of the table, proposed by a rulebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gongshu.rulebooks import rulebook
from gongshu.tables.contract import OPEN_TYPES, Protection

RULEBOOK = "semantic-2026/levels"


@dataclass(frozen=True)
class Grade:
    """A proposed ``level`` (1..6), ``open_type``, ``subject``, and the protection under which the field could be opened."""

    level: int
    open_type: str
    subject: str
    protection: Protection = field(default_factory=Protection)


def classify(types: Mapping[str, str | None]) -> tuple[dict[str, Grade], Grade]:
    """The grades of the columns (name -> semantic type) and of the table.

    A table is about persons when a column identifies or describes one; unknown columns of such a table describe that person.
    With columns about bodies too it is mixed: there only the persons' own columns are raised. The table takes the highest
    level and the strictest open type of its fields (就高从严).
    """
    book = rulebook(RULEBOOK)
    found = {code for code in types.values() if code}
    persons, bodies = bool(found & set(book["person_signs"])), bool(found & set(book["body_signs"]))
    subject = "mixed" if persons and bodies else "person" if persons else "organisation" if bodies else "object"
    grades = {name: _grade(book, code, persons, bodies, subject) for name, code in types.items()}
    level = max((grade.level for grade in grades.values()), default=1)
    open_type = max((grade.open_type for grade in grades.values()), key=OPEN_TYPES.index, default="unconditional")
    return grades, Grade(level, open_type, subject)


def _grade(book: dict, code: str | None, persons: bool, bodies: bool, subject: str) -> Grade:  # type: ignore[type-arg]
    entry = book["types"].get(code)
    if persons and not bodies:
        entry = book["in_person_tables"].get(code, entry)
        entry = entry or book["in_person_tables"]["other"]
    elif not persons:
        entry = book["without_persons"].get(code, entry)
    entry = entry or book["other"]
    about = "organisation" if subject == "mixed" else subject
    protection = entry.get("protection", {})
    widest = book["open_types"][entry["level"]]
    return Grade(
        level=entry["level"],
        # the table of levels caps what the type says
        open_type=max(entry["open_type"], widest, key=OPEN_TYPES.index),
        subject=entry.get("subject", about),
        protection=Protection(protection.get("method", "keep"), dict(protection.get("params", {}))),
    )
