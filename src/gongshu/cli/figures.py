"""`gongshu figures DATASET`: differentially private figures from the shell, paid for from the same budget as the steward's."""

from __future__ import annotations

import csv
import sys
from typing import Annotated

import typer

from gongshu.cli.environment import operator, start_django
from gongshu.cli.output import errors, fail, fail_with
from gongshu.i18n import gettext
from gongshu.tables.errors import TableError


def figures(
    dataset: Annotated[str, typer.Argument(help="数据集标识", show_default=False)],
    epsilon: Annotated[float, typer.Option(help="用多少隐私预算")],
    purpose: Annotated[str, typer.Option(help="用途，记入审计日志", show_default=False)],
    kind: Annotated[str, typer.Option(help="count、sum、mean 或 histogram")] = "count",
    column: Annotated[str | None, typer.Option(help="算哪一列", show_default=False)] = None,
    by: Annotated[str | None, typer.Option(help="按哪一列分组", show_default=False)] = None,
    groups: Annotated[str | None, typer.Option(help="有哪些组，逗号分开", show_default=False)] = None,
    lowest: Annotated[float | None, typer.Option(help="下限", show_default=False)] = None,
    highest: Annotated[float | None, typer.Option(help="上限", show_default=False)] = None,
    edges: Annotated[str | None, typer.Option(help="分布的界限，逗号分开", show_default=False)] = None,
    person: Annotated[str | None, typer.Option(help="按哪一列认人；不写就是每行一个人", show_default=False)] = None,
    most: Annotated[int, typer.Option(help="每人至多计几行", min=1)] = 1,
) -> None:
    """算一个数据集的差分隐私统计，花它的隐私预算；结果是 CSV，写到标准输出。"""
    start_django()
    from gongshu.custody import figures as custody
    from gongshu.custody.models import PrivateRelease
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.models import Dataset

    found = Dataset.objects.filter(name=dataset).first()
    if found is None:
        fail(f"没有数据集「{dataset}」", f"no dataset {dataset!r}")
    texts: dict[str, object] = {
        "kind": kind,
        "column": column,
        "by": by,
        "lowest": lowest,
        "highest": highest,
        "person": person,
    }
    asked = {name: value for name, value in texts.items() if value is not None} | {"most": most}
    asked |= {"groups": _listed(groups)} if groups else {}
    load_kinds()
    try:
        asked |= {"edges": [float(one) for one in _listed(edges)]} if edges else {}
        row = custody.ask_figures(operator(), found, asked, epsilon, purpose)
    except ValueError:
        fail(f"界限不是数：{edges}", f"the edges are no numbers: {edges}", 2)
    except TableError as error:
        fail_with(error)
    job = run_one(owner_name(), only=Job.objects.get(pk=str(row.job)))
    row.refresh_from_db()
    if row.state != PrivateRelease.State.DONE:
        said = job.error if job else {}
        fail(said.get("message", "没有算成"), said.get("message_en", "it failed"))
    out = csv.writer(sys.stdout)
    out.writerow(["group", "bin", "value"])
    out.writerows([one["group"] or "", one["bin"] or "", one["value"]] for one in row.result["rows"])
    whole, spent = custody.budget_of(found)
    errors.print(gettext("隐私预算还剩 {left}，一共 {whole}", left=f"{whole - spent:g}", whole=f"{whole:g}"))


def _listed(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").replace("，", ",").split(",") if one.strip()]
