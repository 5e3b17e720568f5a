"""`gongshu check FILE CONTRACT`: whether a file keeps its contract, rule by rule, with what its columns hold, in one scan."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gongshu.cli.output import console, fail_with
from gongshu.i18n import gettext, use_language
from gongshu.tables.errors import TableError

if TYPE_CHECKING:
    from gongshu.tables.check_results import Result
    from gongshu.tables.contract import Contract
    from gongshu.tables.survey import Survey

STATES = {"pass": "合格", "fail": "不合格", "not_evaluable": "判不了"}


def check(
    file: Annotated[Path, typer.Argument(help="要检核的文件", show_default=False)],
    contract: Annotated[Path, typer.Argument(help="数据契约（ODCS YAML）", show_default=False)],
    mask: Annotated[
        Path | None, typer.Option(help="另存哪一行违反哪条规则（Parquet）", metavar="FILE", show_default=False)
    ] = None,
    rows: Annotated[int, typer.Option(help="每条规则列出几个行号", min=0)] = 3,
    sheet: Annotated[str | None, typer.Option(help="只读这个工作表", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="在标准输出打印一个 JSON 文档，别无其他")] = False,
) -> None:
    """按数据契约检核一个文件：每条规则合格、不合格或判不了，各列的统计与含义；有错误级的规则不合格时退出码 1。"""
    from gongshu.tables.contract import load_contract
    from gongshu.tables.survey import survey_file

    with use_language(os.environ.get("GONGSHU_LANG") or "zh-hans"):
        try:
            promised = load_contract(contract)
            found = survey_file(file, promised, max_rows=max(rows, 1), mask=mask, sheet=sheet)
        except TableError as error:
            fail_with(error)
        if as_json:
            said = json.dumps(_document(promised, found), ensure_ascii=False, indent=2)
            sys.stdout.buffer.write(said.encode() + b"\n")
        else:
            _show(promised, found, rows)
    missing = [field.name for field in promised.fields if field.name not in found.statistics]
    if missing or any(one.state == "fail" and one.rule.severity == "error" for one in found.quality.results):
        raise typer.Exit(1)


def _document(contract: Contract, found: Survey) -> dict[str, Any]:
    from gongshu.tables.report import json_value, rule_json

    return {
        "contract": contract.name,
        "rules": [
            {
                **rule_json(one.rule),
                "column": one.column,
                "state": one.state,
                "checked": one.checked,
                "failed": one.failed,
            }
            | {"unknown": one.unknown, "why": one.why, "rows": one.rows}
            for one in found.quality.results
        ],
        "scores": found.quality.scores,
        "columns": [
            {
                "name": field.name,
                "present": True,
                "nulls": one.nulls,
                "distinct": one.distinct,
                "min": json_value(one.minimum),
                "max": json_value(one.maximum),
                "semantic_type": found.semantic[field.name].code,
                "promised_type": field.semantic_type,
            }
            if (one := found.statistics.get(field.name))
            else {"name": field.name, "present": False}
            for field in contract.fields
        ],
    }


def _show(contract: Contract, found: Survey, rows: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from gongshu.tables.wording import rule_title

    table = Table(title=contract.title or contract.name, title_justify="left")
    for head in ("规则", "列", "结果"):
        table.add_column(gettext(head))
    for head in ("问到", "不合"):
        table.add_column(gettext(head), justify="right")
    table.add_column(gettext("行"))
    results = found.quality.results
    for one in (one for one in results if one.state != "pass"):
        place = one.column or gettext("、").join(one.rule.columns) or gettext("整表")
        state = gettext(STATES[one.state])
        style = {"pass": "green", "fail": "bold red" if one.rule.severity == "error" else "yellow"}.get(
            one.state, "dim"
        )
        cells = (rule_title(one.rule.kind), place, state, f"{one.checked:,}", f"{one.failed:,}", _rows(one, rows))
        table.add_row(
            *(Text(cell, style=style if cell is state else "") for cell in cells)
        )  # nothing of a file is markup
    if table.rows:
        console.print(table)
    passed = sum(one.state == "pass" for one in results)
    console.print(gettext("{count} 条规则里 {passed} 条合格", count=len(results), passed=passed))
    for field in contract.fields:
        told = found.semantic.get(field.name)
        if told is None:
            console.print(gettext("表里没有「{column}」列", column=field.name), style="bold red", markup=False)
        elif field.semantic_type and told.code and told.code != field.semantic_type:
            from gongshu.tables.semantic.types import type_title

            promised, seen = type_title(field.semantic_type), type_title(told.code)
            said = gettext(
                "「{column}」契约说是{promised}，看上去是{seen}", column=field.name, promised=promised, seen=seen
            )
            console.print(said, style="yellow", markup=False)
    total = found.quality.scores["total"]
    if total is not None:
        console.print(gettext("质量 {score}（{profile}）", score=f"{total:.1f}", profile="DB31/T 1523-2024"))


def _rows(one: Result, most: int) -> str:
    if one.why:
        return one.why
    some = ", ".join(f"{n:,}" for n in one.rows[:most])
    return some + (gettext(" 等") if some and one.rows_total > most else "")
