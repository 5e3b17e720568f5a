"""What the state of things allows: when a contract may be published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gongshu.governance.models import Draft
from gongshu.opening import terms
from gongshu.parties.models import Organisation
from gongshu.tables.contract import Contract
from gongshu.tables.errors import TableError
from gongshu.tables.identifiers import beyond_limits, limits


def check_risk(risk: dict[str, Any] | None) -> None:
    """Refuse what leaves persons too easily told apart (R2.5): TableError with the numbers and the rule."""
    if risk is None or not beyond_limits(risk):
        return
    if risk["k"] < risk["threshold"]:
        raise TableError(
            "risk_too_high",
            "个人风险超过门限，不能公开：按「{columns}」分组，最小的一组只有 {k} 行（门限 {threshold}），{share} 的行独一无二。请把这些列泛化得更粗，或不公开其中的一些。依据：{source}",
            columns="、".join(risk["quasi_identifiers"]),
            k=risk["k"],
            threshold=risk["threshold"],
            share=f"{risk['unique_share']:.1%}",
            source=risk["threshold_source"],
        )
    first = risk["over"][0]
    if first["column"]:
        raise TableError(
            "groups_too_alike",
            "个人风险超过门限，不能公开：有一组人的「{column}」几乎一样（l={value}，门限 {limit}；t={t}，门限 {most}），知道谁在组里就知道其内容。请把「{columns}」泛化得更粗，或不公开「{column}」。依据：{source}",
            where={"column": first["column"]},
            value=first["value"],
            limit=first["limit"],
            t=risk["t"][first["column"]],
            most=limits(risk["scene"])["t"],
            columns="、".join(risk["quasi_identifiers"]),
            source=risk["threshold_source"],
        )
    raise TableError(
        "groups_too_small",
        "个人风险超过门限，不能公开：按「{columns}」分组，认出一个人的概率最大 {worst}、平均 {mean}（门限 {most_worst}、{most_mean}）。请把这些列泛化得更粗，或不公开其中的一些。依据：{source}",
        columns="、".join(risk["quasi_identifiers"]),
        worst=f"{risk['prosecutor_max']:.1%}",
        mean=f"{risk['prosecutor_mean']:.1%}",
        most_worst=f"{limits(risk['scene'])['prosecutor_max']:.0%}",
        most_mean=f"{limits(risk['scene'])['prosecutor_mean']:.0%}",
        source=risk["threshold_source"],
    )


def check_rows(left: int, before: int) -> None:
    """Refuse a publication of which nothing is left: every row of ``before`` stood in a small group."""
    if before and not left:
        raise TableError(
            "nothing_left",
            "按现在的保护，{rows} 行全都在过小的组里，整行不公开之后一行也不剩。请把列泛化得更粗，或不公开其中的一些",
            rows=before,
        )


@dataclass(frozen=True)
class OpenPoint:
    """What keeps a draft from being submitted, and on which page it is mended: ``resource``, ``draft``, ``protect``, ``describe``."""

    error: TableError
    page: str


def open_points(draft: Draft, contract: Contract) -> Iterator[OpenPoint]:
    """Everything that is still open: every field confirmed or overridden, errors corrected or accepted, the preview of this
    very edition within the risk threshold, and the words that readers need."""
    yield from _unpublishable(contract, [field.name for field in contract.fields])
    for field in contract.fields:
        if draft.fields.get(field.name, {}).get("state") not in ("confirmed", "overridden"):
            error = TableError("field_not_decided", "列「{column}」还没有确认", where={"column": field.name})
            yield OpenPoint(error, "draft")
    if not contract.summary.strip():
        yield OpenPoint(_lacking("description: purpose"), "describe")
    if draft.resource.organisation.kind == Organisation.Kind.SOCIETY:
        yield from _not_givable(contract)
    if draft.checked_edition != draft.edition:
        error = TableError("preview_missing", "保护后的样子还没有算完，请稍等片刻再送审")
        yield OpenPoint(error, "protect")
        return
    for problem in draft.checked.get("errors", []):
        if problem["key"] not in draft.accepted:
            error = TableError(
                "finding_open",
                "还有错误没有处理：{problem}。请改正数据，或说明理由后接受",
                where={"column": problem["column"] or ""},
                problem=problem["message"],
            )
            yield OpenPoint(error, "draft")
    try:
        check_risk((draft.checked.get("risk") or {}).get("after"))
        check_rows(draft.checked.get("rows_after", 1), draft.checked.get("rows_before", 1))
    except TableError as error:
        yield OpenPoint(error, "protect")


def _not_givable(contract: Contract) -> Iterator[OpenPoint]:
    """What keeps data given by society from the public: whatever speaks of a person, a licence that is not open, no origin."""
    for field in contract.fields:
        if field.protection.method != "drop" and (field.subject == "person" or (field.level or 1) > 1):
            error = TableError(
                "given_personal",
                "列「{column}」说的是个人，或定为 {level} 级：社会提供的数据不收个人信息，遮盖过的也不收，请选择不公开这一列",
                where={"column": field.name},
                level=field.level or 1,
            )
            yield OpenPoint(error, "protect")
    if contract.licence not in terms.given_licences():
        known = "、".join(str(term.entry["zh"]) for term in terms.given_licences().values())
        yield OpenPoint(
            TableError("given_licence", "社会提供的数据要用这几种许可之一：{known}", known=known), "describe"
        )
    if not contract.source_note.strip():
        yield OpenPoint(TableError("given_origin", "请在“来源说明”里写明数据是怎样得来的"), "describe")


def check_submittable(draft: Draft, contract: Contract) -> None:
    """Refuse to submit what isn't decided: TableError of the first of the :func:`open_points`."""
    for point in open_points(draft, contract):
        raise point.error


def check_publishable(contract: Contract, columns: list[str]) -> None:
    """Refuse what must not become public: TableError names the column and what to do.

    Every column of the file is named in the contract, every field is graded (R2.3), and what is kept as it is must be
    open to everybody (R2.4).
    """
    for point in _unpublishable(contract, columns):
        raise point.error


def _unpublishable(contract: Contract, columns: list[str]) -> Iterator[OpenPoint]:
    named = [field.name for field in contract.fields]
    for name in columns:
        if name not in named:
            error = TableError(
                "column_not_in_contract",
                "列「{column}」不在数据契约里，不能公开：请在契约中说明它（不公开就写 protection: drop）",
                where={"column": name},
            )
            yield OpenPoint(error, "draft")
    for name in named:
        if name not in columns:
            error = TableError(
                "column_missing", "文件里没有契约要求的列「{column}」：请核对表头，或修改契约", where={"column": name}
            )
            yield OpenPoint(error, "draft")
    for field in contract.fields:
        method = field.protection.method
        if method == "drop":
            continue
        if field.level is None:
            error = TableError(
                "field_not_graded", "列「{column}」没有定级，不能公开：请先定级", where={"column": field.name}
            )
            yield OpenPoint(error, "draft")
        elif method == "keep" and field.open_type != "unconditional":
            error = TableError(
                "field_not_open",
                "列「{column}」为 {level} 级，不是无条件开放，不能原样公开：请选一种保护方式，或由审核人改级",
                where={"column": field.name},
                level=field.level,
            )
            yield OpenPoint(error, "protect")
    if all(field.protection.method == "drop" for field in contract.fields):
        yield OpenPoint(TableError("nothing_public", "所有列都不公开，没有可发布的内容"), "protect")
    if contract.topic and contract.topic not in terms.topics():
        error = TableError(
            "topic_unknown",
            "专题「{topic}」不在规则集里；可用的有：{known}",
            topic=contract.topic,
            known="、".join(terms.topics()),
        )
        yield OpenPoint(error, "describe")
    for what, value in (("customProperties: title", contract.title), ("team: name", contract.provider)):
        if not value:
            yield OpenPoint(_lacking(what), "describe")


def _lacking(what: str) -> TableError:
    return TableError("contract_incomplete", "数据契约缺少「{property}」", where={"property": what})
