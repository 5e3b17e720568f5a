"""`gongshu publish` and `gongshu withdraw`: a trusted operator's way, on the machine itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gongshu.cli.environment import operator, start_django
from gongshu.cli.output import console, errors, fail, fail_with
from gongshu.i18n import gettext
from gongshu.tables.errors import TableError

STEP_NAMES = {
    "read": "读取",
    "raw": "入原始区",
    "check": "检核",
    "protect": "保护",
    "commit": "入公开区",
    "serve": "建服务副本",
    "release": "发布",
}


def publish(
    file: Annotated[Path, typer.Argument(help="要发布的文件", show_default=False)],
    contract: Annotated[Path, typer.Option(help="数据契约（ODCS YAML），可由 gongshu inspect --contract 生成")],
    dataset: Annotated[str, typer.Option(help="数据集标识：小写字母、数字、连字符", metavar="NAME")],
    queue: Annotated[bool, typer.Option("--queue", help="只排队，由工作进程来做")] = False,
) -> None:
    """把一个文件发布为数据集的新版本。"""
    start_django()
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_slug

    from gongshu.jobs.actions import JobConflict
    from gongshu.jobs.runner import owner_name, run_one
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.actions import request_publish
    from gongshu.opening.sweep import sweep

    try:
        validate_slug(dataset)
    except ValidationError:
        fail(
            f"标识「{dataset}」只能用字母、数字、连字符和下划线",
            f"the name {dataset!r} may hold letters, digits, hyphens and underscores only",
            2,
        )
    if not contract.is_file():
        fail(f"没有这个数据契约：{contract}", f"no such contract: {contract}", 2)
    load_kinds()
    sweep()
    try:
        job = request_publish(operator(), file, contract.read_text(encoding="utf-8"), dataset)
    except TableError as error:
        fail_with(error)
    except JobConflict:
        fail(f"数据集「{dataset}」正在发布，请等它结束", f"dataset {dataset!r} is being published: wait for it to end")
    except UnicodeDecodeError:
        fail(f"数据契约不是 UTF-8 文本：{contract}", f"the contract is not UTF-8 text: {contract}")
    if queue:
        console.print(gettext("已排队：作业 {job}", job=job.pk))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        bar = progress.add_task(gettext("排队"), total=1.0)
        done = run_one(
            owner_name(),
            only=job,
            watch=lambda step, part: progress.update(
                bar, description=gettext(STEP_NAMES.get(step, step)), completed=part
            ),
        )
    if done is None:
        fail("作业已被别的工作进程接手", "another worker has taken the job")
    if done.state != "done":
        reason = done.error or {"message": "作业已取消", "message_en": "the job was cancelled"}
        fail(reason["message"], reason.get("message_en", reason["message"]))
    console.print(
        gettext(
            "已发布「{dataset}」第 {version} 版，{rows} 行",
            dataset=dataset,
            version=done.result["version"],
            rows=f"{done.result['rows']:,}",
        )
    )


def withdraw(
    dataset: Annotated[str, typer.Argument(help="数据集标识")],
    reason: Annotated[str, typer.Option(help="理由，公众会看到")],
    version: Annotated[int | None, typer.Option(help="只撤回这一版；不写则全部撤回")] = None,
) -> None:
    """撤回数据集：公众得到 410 与理由，公开的文件全部删除。"""
    start_django()
    from gongshu.opening.actions import withdraw as act
    from gongshu.opening.search import index_pending

    try:
        versions = act(operator(), dataset, reason, version)
    except TableError as error:
        fail_with(error)
    index_pending()
    console.print(gettext("已撤回「{dataset}」{number} 个版本", dataset=dataset, number=len(versions)))
