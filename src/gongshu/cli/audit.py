"""`gongshu audit verify`: the log proves itself."""

from __future__ import annotations

import typer

from gongshu.cli.environment import start_django
from gongshu.cli.output import console, errors

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
        console.print(f"日志完好：{verdict.size:,} 条事件，{verdict.heads:,} 个签名头")
        console.print(f"树根 {verdict.root}")
        return
    errors.print(f"[bold red]日志有 {len(verdict.faults) + verdict.more_faults} 处不符[/]")
    for fault in verdict.faults:
        errors.print(f"  {fault}", soft_wrap=True)
    if verdict.more_faults:
        errors.print(f"  另有 {verdict.more_faults} 处")
    raise typer.Exit(1)
