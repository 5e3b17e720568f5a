"""What the state of things allows: when a contract may be published."""

from __future__ import annotations

from gongshu.opening import terms
from gongshu.tables.contract import Contract
from gongshu.tables.errors import TableError


def check_publishable(contract: Contract, columns: list[str]) -> None:
    """Refuse what must not become public: TableError names the column and what to do.

    Every column of the file is named in the contract, every field is graded (R2.3), and what is kept as it is must be
    open to everybody (R2.4).
    """
    named = [field.name for field in contract.fields]
    unknown = [name for name in columns if name not in named]
    if unknown:
        raise TableError(
            "column_not_in_contract",
            "列「{column}」不在数据契约里，不能公开：请在契约中说明它（不公开就写 protection: drop）",
            where={"column": unknown[0]},
        )
    missing = [name for name in named if name not in columns]
    if missing:
        raise TableError(
            "column_missing",
            "文件里没有契约要求的列「{column}」：请核对表头，或修改契约",
            where={"column": missing[0]},
        )
    for field in contract.fields:
        method = field.protection.method
        if method == "drop":
            continue
        if field.level is None:
            raise TableError(
                "field_not_graded", "列「{column}」没有定级，不能公开：请先定级", where={"column": field.name}
            )
        if method == "keep" and field.open_type != "unconditional":
            raise TableError(
                "field_not_open",
                "列「{column}」为 {level} 级，不是无条件开放，不能原样公开：请选一种保护方式，或由审核人改级",
                where={"column": field.name},
                level=field.level,
            )
    if all(field.protection.method == "drop" for field in contract.fields):
        raise TableError("nothing_public", "所有列都不公开，没有可发布的内容")
    if contract.topic and contract.topic not in terms.topics():
        raise TableError(
            "topic_unknown",
            "专题「{topic}」不在规则集里；可用的有：{known}",
            topic=contract.topic,
            known="、".join(terms.topics()),
        )
    for what, value in (("customProperties: title", contract.title), ("team: name", contract.provider)):
        if not value:
            raise TableError("contract_incomplete", "数据契约缺少「{property}」", where={"property": what})
