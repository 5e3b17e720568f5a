"""`gongshu risk FILE`: how far persons can be told apart in a file, before and after protection, and against a second file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gongshu.cli.output import console, fail_with
from gongshu.i18n import gettext, use_language
from gongshu.tables.errors import TableError


def risk(
    file: Annotated[Path, typer.Argument(help="要量的文件", show_default=False)],
    contract: Annotated[
        Path | None, typer.Option(help="数据契约：保护前、保护后各量一次", metavar="FILE", show_default=False)
    ] = None,
    by: Annotated[str | None, typer.Option(help="准标识列，逗号分开；不写就自动识别", show_default=False)] = None,
    sensitive: Annotated[str | None, typer.Option(help="敏感列，逗号分开：另量 l 与 t", show_default=False)] = None,
    against: Annotated[
        Path | None, typer.Option(help="攻击者可能有的名册：连上之后能认出谁", metavar="FILE", show_default=False)
    ] = None,
    scene: Annotated[
        str | None, typer.Option(help="门限用哪个场景，见规则集 semantic-2026/risk", show_default=False)
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="只读这个工作表", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="在标准输出打印一个 JSON 文档，别无其他")] = False,
) -> None:
    """量一个文件的个人风险：k、l、t、独一无二的行、三种攻击者；超过门限时退出码 1。"""
    from gongshu.rulebooks import rulebook
    from gongshu.tables.assessment import assess_risk
    from gongshu.tables.contract import load_contract
    from gongshu.tables.identifiers import RULEBOOK
    from gongshu.tables.reading.options import ReadingOptions

    with use_language(os.environ.get("GONGSHU_LANG") or "zh-hans"):
        try:
            if scene is not None and scene not in rulebook(RULEBOOK)["scenes"]:
                known = "、".join(rulebook(RULEBOOK)["scenes"])
                raise TableError("scene_unknown", "没有场景“{scene}”，有：{known}。", scene=scene, known=known)
            found = assess_risk(
                file,
                contract=load_contract(contract) if contract else None,
                by=_names(by),
                sensitive=_names(sensitive),
                against=against,
                scene=scene,
                options=ReadingOptions(sheet=sheet),
            )
        except TableError as error:
            fail_with(error)
        if as_json:
            sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False, indent=2).encode() + b"\n")
        else:
            _show(file, found)
    if found["over"]:
        raise typer.Exit(1)


def _names(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").replace("，", ",").split(",") if one.strip()]


def _show(file: Path, found: dict[str, Any]) -> None:
    from rich.table import Table

    after = found.get("after")
    table = Table(title=gettext("{name}：{rows} 行", name=file.name, rows=f"{found['rows']:,}"), title_justify="left")
    table.add_column(gettext("度量"))
    table.add_column(gettext("保护前") if "after" in found else gettext("现在"), justify="right")
    if "after" in found:
        table.add_column(gettext("保护后"), justify="right")
    table.add_column(gettext("门限"), justify="right")
    for name, what, limit in _measures(found):
        values = [_said(found["before"], what), *([_said(after, what)] if "after" in found else [])]
        table.add_row(name, *values, limit)
    console.print(
        gettext("准标识列：{columns}", columns=gettext("、").join(found["quasi_identifiers"])), soft_wrap=True
    )
    if after is None and "after" in found:
        console.print(gettext("保护后公开的列里没有能认出人的组合"))
    console.print(table)
    if link := found.get("linkage"):
        console.print(
            gettext(
                "用第二张表按{columns}相连：{linked} 行连得上，其中 {unique} 行两边都独一无二，认得准；认出一个人的概率最大 {worst}、平均 {mean}",
                columns=gettext("、").join(link["columns"]),
                linked=f"{link['linked']:,}",
                unique=f"{link['unique']:,}",
                worst=f"{link['journalist_max']:.1%}",
                mean=f"{link['journalist_mean']:.2%}",
            ),
            soft_wrap=True,
        )
    if found["over"]:
        console.print(gettext("超过门限，不能公开"), style="bold red")
    else:
        console.print(gettext("没有超过门限"), style="green")


def _measures(found: dict[str, Any]) -> list[tuple[str, tuple[str, str | None], str]]:
    most, said = found["scene"], gettext
    rows: list[tuple[str, tuple[str, str | None], str]] = [
        (said("最小同类行数 k"), ("k", None), f"≥ {most['k']}"),
        (said("独一无二的行"), ("unique_share", None), ""),
        (said("检察官风险，最大"), ("prosecutor_max", None), f"≤ {most['prosecutor_max']:.0%}"),
        (said("检察官风险，平均（营销者）"), ("prosecutor_mean", None), f"≤ {most['prosecutor_mean']:.0%}"),
    ]
    for column in found["before"]["l"]:
        rows.append((said("「{column}」的 l", column=column), ("l", column), f"≥ {most['l']}"))
        rows.append((said("「{column}」的 t", column=column), ("t", column), f"≤ {most['t']}"))
    return rows


def _said(measured: dict[str, Any] | None, what: tuple[str, str | None]) -> str:
    if measured is None:
        return "—"
    name, column = what
    value = measured[name] if column is None else measured[name].get(column)
    if value is None:
        return "—"
    if name in ("unique_share", "prosecutor_max", "prosecutor_mean"):
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
