"""`gongshu audit verify`: the log proves itself."""

from __future__ import annotations

import typer

from gongshu.cli.environment import start_django
from gongshu.cli.output import console, errors
from gongshu.i18n import gettext

app = typer.Typer(help="审计日志", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """审计日志。"""


@app.command()
def verify() -> None:
    """逐条核对审计日志与签名头；有改动、缺失、调换、截断就指出位置，退出码 1。"""
    start_django()
    from gongshu.oversight import access, heads
    from gongshu.oversight.audit import verify_log

    access.merge()
    verdict = verify_log()
    if verdict.holds:
        heads.sign_head()
        console.print(gettext("日志完好：{events} 条事件，{heads} 个签名头", events=verdict.size, heads=verdict.heads))
        console.print(gettext("树根 {root}", root=verdict.root))
        return
    number = len(verdict.faults) + verdict.more_faults
    errors.print("[bold red]" + gettext("日志有 {number} 处不符", number=number) + "[/]")
    for fault in verdict.faults:
        errors.print(f"  {fault}", soft_wrap=True)
    if verdict.more_faults:
        errors.print("  " + gettext("另有 {number} 处", number=verdict.more_faults))
    raise typer.Exit(1)
