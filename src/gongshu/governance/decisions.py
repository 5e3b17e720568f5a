"""A steward's decisions on a draft: proposals confirmed, questions answered, grades overridden, findings accepted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gongshu import clock
from gongshu.governance.actions import change
from gongshu.governance.columns import UNKNOWN, exceeds, grade_as, impact_of, is_lowered, whole_of, widest_open_type
from gongshu.governance.findings import finding_key
from gongshu.governance.inspected import inspected
from gongshu.governance.models import Draft
from gongshu.i18n import gettext
from gongshu.parties.models import Person
from gongshu.tables.classify import Grade
from gongshu.tables.contract import OPEN_TYPES, SUBJECTS, Contract, Field, Protection
from gongshu.tables.errors import TableError
from gongshu.tables.semantic import type_titles
from gongshu.web import words

REASON_LONGEST = 500


@dataclass(frozen=True)
class Judgement:
    """What a person says of a column. ``semantic_type`` :data:`UNKNOWN` is none of the known types; ``beyond``: the open type
    may be wider than the level allows (R2.4), and the reason says why. A filled-in ``impact`` table decides the level (R2.1)."""

    semantic_type: str
    level: int
    open_type: str
    subject: str
    reason: str
    beyond: bool = False
    impact: dict[str, str] = field(default_factory=dict)  # object -> degree, where the impact table was filled in


def confirm_fields(actor: Person, draft: Draft, edition: int) -> Draft:
    """Confirm every proposal; what a person must decide stays open."""

    def make(row: Draft, contract: Contract) -> None:
        found = [one.name for one in contract.fields if row.fields.get(one.name, {}).get("state") == "proposed"]
        if not found:
            raise TableError("nothing_to_confirm", "没有等着确认的提议")
        row.fields = row.fields | {name: _signed(actor, "confirmed") for name in found}

    return change(actor, draft, edition, "confirm", make)


def answer(actor: Person, draft: Draft, edition: int, number: int, value: str) -> Draft:
    """Answer the question of column ``number`` with one of its types, or none of them.

    TableError when that lowers the grade for something that the machine had not thought of itself: that needs a reason.
    """

    def make(row: Draft, contract: Contract) -> None:
        one = field_at(contract, number)
        if row.fields.get(one.name, {}).get("state") != "ask":
            raise TableError("already_answered", "列「{column}」已经有了判断", where={"column": one.name})
        code = _code(value)
        if code == one.semantic_type:
            row.fields = row.fields | {one.name: _signed(actor, "confirmed")}
            return
        document = inspected(row.upload, row.table)
        rival = (document.columns.get(one.name, {}) if document else {}).get("rival")
        grade, was = grade_as(contract, one.name, code), _was(one)
        if is_lowered(was, grade.level, grade.open_type) and code != rival:
            raise _reason_missing(one)
        reason = gettext("机器拿不准，由责任人判断")
        _settle(row, contract, one, _signed(actor, "overridden") | {"reason": reason, "was": was}, code, grade)

    return change(actor, draft, edition, "answer", make, column=number)


def override_field(actor: Person, draft: Draft, edition: int, number: int, said: Judgement) -> Draft:
    """Set type, grade and subject of column ``number`` as a person judges them, with the reason.

    TableError without a reason, for words that aren't known, and for an open type wider than the level allows unless
    ``said.beyond``. The protection is proposed anew for what the column is now.
    """
    code = _code(said.semantic_type)
    reason = said.reason.strip()[:REASON_LONGEST]
    if said.impact:
        level = impact_of(said.impact).level
        open_type = said.open_type
        if open_type in OPEN_TYPES and exceeds(level, open_type) and not said.beyond:
            open_type = widest_open_type(level)
        said = replace(said, level=level, open_type=open_type)
    if said.level not in range(1, 7) or said.open_type not in OPEN_TYPES or said.subject not in SUBJECTS:
        raise TableError("grade_unknown", "请选择级别、开放属性与主体")

    def make(row: Draft, contract: Contract) -> None:
        one = field_at(contract, number)
        if not reason:
            raise _reason_missing(one)
        if exceeds(said.level, said.open_type) and not said.beyond:
            raise TableError(
                "open_type_too_wide",
                "{level} 级的列不能是“{open_type}”：请提高开放属性的限制，或勾选“仍要这样”并在理由里写明依据",
                where={"column": one.name},
                level=said.level,
                open_type=str(words.OPEN_TYPES[said.open_type]),
            )
        was = row.fields.get(one.name, {}).get("was") or _was(one)
        proposal = grade_as(contract, one.name, code)
        protection = proposal.protection
        if said.open_type == "none" and protection.method == "keep":
            protection = Protection("drop")
        grade = Grade(said.level, said.open_type, said.subject, protection)
        decided = _signed(actor, "overridden") | {"reason": reason, "was": was}
        if said.impact:
            decided["impact"] = said.impact
        if exceeds(said.level, said.open_type):
            decided["beyond"] = True
        _settle(row, contract, one, decided, code, grade)

    return change(actor, draft, edition, "override", make, column=number, level=said.level, open_type=said.open_type)


def accept_finding(actor: Person, draft: Draft, edition: int, key: str, reason: str) -> Draft:
    """Leave a finding as it is, and say why; the approver reads it. TableError without a reason or for an unknown finding."""
    said = reason.strip()[:REASON_LONGEST]

    def make(row: Draft, contract: Contract) -> None:
        message = message_of_finding(row, key)
        if message is None:
            raise TableError("finding_unknown", "这份工作稿没有这个问题，它可能已经随新文件消失")
        if not said:
            raise TableError("reason_required", "请写明理由：{what}", what=message)
        signed = {"reason": said, "by": str(actor), "at": clock.now().isoformat(), "message": message}
        row.accepted = row.accepted | {key: signed}

    return change(actor, draft, edition, "accept_finding", make, rule=key.partition("|")[0])


def reopen_finding(actor: Person, draft: Draft, edition: int, key: str) -> Draft:
    """Take the acceptance of a finding back."""

    def make(row: Draft, contract: Contract) -> None:
        row.accepted = {name: said for name, said in row.accepted.items() if name != key}

    return change(actor, draft, edition, "reopen_finding", make, rule=key.partition("|")[0])


def message_of_finding(draft: Draft, key: str) -> str | None:
    """The sentence of a finding of the inspection or of the last check; None when there is none of this key."""
    for error in draft.checked.get("errors", []):
        if error["key"] == key:
            return str(error["message"])
    document = inspected(draft.upload, draft.table)
    for finding in document.table["findings"] if document else []:
        if finding_key(finding) == key:
            return str(finding["message"])
    return None


def field_at(contract: Contract, number: int) -> Field:
    """The column ``number`` (from 0) of a contract; TableError when there is none."""
    if not 0 <= number < len(contract.fields):
        raise TableError("column_unknown", "没有这一列")
    return contract.fields[number]


def _settle(
    row: Draft, contract: Contract, one: Field, decided: dict[str, Any], code: str | None, grade: Grade
) -> None:
    """Write a judgement, and what follows for the columns beside it and for the table."""
    if code != one.semantic_type:
        one.probability = None
    one.semantic_type = code
    one.level, one.open_type, one.subject, one.protection = (
        grade.level,
        grade.open_type,
        grade.subject,
        grade.protection,
    )
    same = decided["was"] == _was(one)
    row.fields = row.fields | {one.name: {**decided, "state": "confirmed"} if same else decided}
    _raise_others(row, contract, one)
    whole = whole_of(contract, inspected(row.upload, row.table))
    contract.level, contract.open_type = whole.level, whole.open_type


def _raise_others(row: Draft, contract: Contract, one: Field) -> None:
    """A table that turns out to be about persons raises the proposals for its other columns; nothing is lowered by itself."""
    for other in contract.fields:
        if other is one or row.fields.get(other.name, {}).get("state") not in ("proposed", "ask"):
            continue
        grade = grade_as(contract, other.name, other.semantic_type)
        if is_lowered({"level": grade.level, "open_type": grade.open_type}, other.level, other.open_type):
            other.level = max(other.level or 1, grade.level)
            other.open_type = max(other.open_type or "none", grade.open_type, key=OPEN_TYPES.index)
            other.subject, other.protection = grade.subject, grade.protection


def _was(one: Field) -> dict[str, Any]:
    return {"level": one.level, "open_type": one.open_type, "semantic_type": one.semantic_type}


def _signed(actor: Person, state: str) -> dict[str, Any]:
    return {"state": state, "by": str(actor), "at": clock.now().isoformat()}


def _code(value: str) -> str | None:
    if value == UNKNOWN:
        return None
    if value not in type_titles():
        raise TableError("type_unknown", "没有这个语义类型")
    return value


def _reason_missing(one: Field) -> TableError:
    return TableError("reason_missing", "改「{column}」要写理由：审核人会先看它", where={"column": one.name})
