"""A draft's columns as its page shows them: what each was taken for, how sure, and the question where a person must say."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from gongshu.governance.inspected import Inspected
from gongshu.governance.models import Draft
from gongshu.rulebooks import rulebook
from gongshu.tables.classify import IMPACT, Grade, Impact, classify, grade_by_impact, grade_table
from gongshu.tables.contract import OPEN_TYPES, Contract, Field
from gongshu.tables.semantic import type_title, type_titles
from gongshu.web.words import STORAGE

SURE = 0.99
FEW = 12  # so many proposals are shown without folding the sure ones away
UNKNOWN = "none"  # how a form says: none of the known types


@dataclass(frozen=True)
class Answer:
    """One button of a question: the type it stands for and what follows from it. ``lowers``: it needs a reason of its own."""

    value: str
    title: str
    grade: Grade
    lowers: bool


@dataclass
class Column:
    """One column. ``number`` is its place in the contract, from 0; ``found`` its entry in the inspect document."""

    number: int
    field: Field
    state: str
    found: dict[str, Any]
    problems: int
    decided: dict[str, Any]
    question: str = ""
    answers: list[Answer] = dataclasses.field(default_factory=list)
    why: str = ""  # of its level, in one sentence; of what a person decided, that person's own reason says it

    @property
    def sure(self) -> bool:
        """Nothing here that a person would stumble over."""
        return (self.field.probability or 0) >= SURE and not self.problems

    @property
    def storage(self) -> str:
        """The name of the storage type."""
        return str(STORAGE.get(self.field.storage_type, self.field.storage_type))

    @property
    def type_title(self) -> str:
        """What it was taken for, with the rival where the machine wavers."""
        title = semantic_title(self.field.semantic_type)
        rival = self.found.get("rival")
        return f"{title} / {semantic_title(rival)}" if rival and self.state == "ask" else title

    @property
    def was_title(self) -> str:
        """What the machine had proposed, for a column that a person decided otherwise."""
        return semantic_title((self.decided.get("was") or {}).get("semantic_type"))

    @property
    def lowered(self) -> bool:
        """A person set it lower or more open than the machine had proposed: only the approver makes that take effect."""
        return is_lowered(self.decided.get("was") or {}, self.field.level, self.field.open_type)


@dataclass
class Columns:
    """All columns, sorted into what needs a person, what needs a click, and what is settled; ``asked``: every open question."""

    ask: list[Column] = dataclasses.field(default_factory=list)
    proposed: list[Column] = dataclasses.field(default_factory=list)
    sure: list[Column] = dataclasses.field(default_factory=list)
    settled: list[Column] = dataclasses.field(default_factory=list)
    asked: list[Column] = dataclasses.field(default_factory=list)
    overridden: int = 0
    whole: Grade | None = None  # of the table

    @property
    def total(self) -> int:
        """All of them."""
        return len(self.ask) + len(self.proposed) + len(self.sure) + len(self.settled)

    @property
    def to_confirm(self) -> int:
        """How many one click settles."""
        return sum(column.state == "proposed" for column in [*self.proposed, *self.sure])


def semantic_title(code: str | None) -> str:
    """The name of a semantic type in the reader's language."""
    return type_title(code) or _("未识别")


def semantic_choices() -> list[tuple[str, str]]:
    """All known types (code, name), and none of them first."""
    return [(UNKNOWN, _("都不是")), *type_titles().items()]


def widest_open_type(level: int) -> str:
    """The widest open type that a level allows (R2.4)."""
    return str(rulebook("semantic-2026/levels")["open_types"][level])


def exceeds(level: int, open_type: str) -> bool:
    """Whether ``open_type`` is wider than the level allows."""
    return OPEN_TYPES.index(open_type) < OPEN_TYPES.index(widest_open_type(level))


def is_lowered(was: dict[str, Any], level: int | None, open_type: str | None) -> bool:
    """Whether a grade protects less than ``was`` ({"level", "open_type"}) did."""
    if not was:
        return False
    less = (level or 0) < (was.get("level") or 0)
    wider = OPEN_TYPES.index(open_type or "none") < OPEN_TYPES.index(was.get("open_type") or "none")
    return less or wider


def grade_as(contract: Contract, name: str, code: str | None) -> Grade:
    """The grade that the rulebook proposes for column ``name`` if it is of type ``code``, in this table."""
    types = {one.name: one.semantic_type for one in contract.fields}
    return classify(types | {name: code})[0][name]


def columns_of(draft: Draft, contract: Contract, found: Inspected | None, in_file_order: bool = False) -> Columns:
    """The columns of a draft in the order in which a person should see them."""
    made = Columns()
    rows = [_column(number, one, draft, found) for number, one in enumerate(contract.fields)]
    _explain(rows, contract, found)
    made.whole = whole_of(contract, found)
    fold = sum(column.state == "proposed" for column in rows) > FEW
    for column in rows:
        made.overridden += column.state == "overridden"
        if column.state == "ask":
            _question(column, contract)
            made.asked.append(column)
            (made.proposed if in_file_order else made.ask).append(column)
        elif (
            in_file_order or column.state == "overridden" or (column.state == "proposed" and not (fold and column.sure))
        ):
            made.proposed.append(column)
        else:
            (made.sure if column.state == "proposed" else made.settled).append(column)
    return made


def whole_of(contract: Contract, found: Inspected | None) -> Grade:
    """The grade of the table as its fields are graded now, with what its size and its types together add."""
    types = {one.name: one.semantic_type for one in contract.fields}
    return grade_table({one.name: _present(one) for one in contract.fields}, types, rows_of(found))


def rows_of(found: Inspected | None) -> int | None:
    """How many rows the inspection found."""
    return int(found.table["rows"]) if found else None


def _explain(rows: list[Column], contract: Contract, found: Inspected | None) -> None:
    grades, _whole = classify({one.name: one.semantic_type for one in contract.fields}, rows_of(found))
    for column in rows:
        one, grade = column.field, grades[column.field.name]
        if (one.level, one.open_type) == (grade.level, grade.open_type):
            column.why = grade.sentence
        elif column.decided.get("impact"):
            column.why = impact_of(column.decided["impact"]).sentence


def impact_of(said: dict[str, str]) -> Impact:
    """What the impact table makes of what a person said; what the rulebook no longer knows is left out."""
    book = rulebook(IMPACT)
    known = {name: degree for name, degree in said.items() if name in book["objects"] and degree in book["degrees"]}
    return grade_by_impact(known)


def _column(number: int, one: Field, draft: Draft, found: Inspected | None) -> Column:
    decided = draft.fields.get(one.name, {})
    return Column(
        number=number,
        field=one,
        state=decided.get("state", "ask"),
        found=found.columns.get(one.name, {}) if found else {},
        problems=found.problems[one.name] if found else 0,
        decided=decided,
    )


def _question(column: Column, contract: Contract) -> None:
    code, rival = column.field.semantic_type, column.found.get("rival")
    title = semantic_title(code)
    if code is None:
        column.question = _("没有认出来：这一列是什么？")
    elif rival:
        column.question = _("这一列是“%(one)s”还是“%(other)s”？") % {"one": title, "other": semantic_title(rival)}
    else:
        column.question = _("这一列是“%(one)s”吗？") % {"one": title}
    options = [code, rival, None] if rival else [code, None]
    for option in dict.fromkeys(options):
        grade = _present(column.field) if option == code else grade_as(contract, column.field.name, option)
        was = {"level": column.field.level, "open_type": column.field.open_type}
        unknown = _("都不是") if code is not None else _("都不是已知类型")
        column.answers.append(
            Answer(
                option or UNKNOWN,
                semantic_title(option) if option else unknown,
                grade,
                # the rival is the machine's own other guess; anything else lower is a person's word, and wants a reason
                option not in (code, rival) and is_lowered(was, grade.level, grade.open_type),
            )
        )


def _present(one: Field) -> Grade:
    return Grade(one.level or 1, one.open_type or "none", one.subject or "object", one.protection)
