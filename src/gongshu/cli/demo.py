"""`gongshu demo`: the demo city, loaded by the very same publish, and served on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gongshu.cli.environment import start_django
from gongshu.cli.output import console, errors, fail
from gongshu.cli.serve import prepare, serve
from gongshu.i18n import gettext

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "gongshu-demo-2026"  # noqa: S105 - demo accounts work from loopback only, in demo mode only
SIGN_IN = 6  # of the demo's people, the first are named when it starts


def demo(
    port: Annotated[int | None, typer.Option(help="端口")] = None,
    data: Annotated[Path | None, typer.Option(help="数据文件夹")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="先删除数据文件夹，重新来过")] = False,
    load_only: Annotated[bool, typer.Option("--load-only", help="只装载，不启动网站")] = False,
) -> None:
    """装载演示城市「公输市」并启动：所有数据均为合成，另有说明的除外。"""
    from gongshu.site.options import option

    folder = (data or option("GONGSHU_DATA")).resolve()
    if port is not None:  # links in letters lead back here
        os.environ.setdefault("GONGSHU_URL", f"http://localhost:{port}")
    if reset:
        _remove(folder)
    start_django(folder, demo=True)
    prepare()
    _accounts()
    _load()
    if not load_only:
        serve(port, _announce)


def _remove(folder: Path) -> None:
    """Delete a data folder, and nothing that doesn't look like one."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / "keys").is_dir():
        fail(
            f"{folder} 不像公数的数据文件夹，没有删除",
            f"{folder} does not look like a Gongshu data folder: not deleted",
        )
    shutil.rmtree(folder)


def _accounts() -> None:
    """The people of the demo city; made once."""
    sys.path.insert(0, str(ROOT))
    from demo.build import DEPARTMENTS
    from demo.history import people

    people(PASSWORD, DEPARTMENTS)


def _load() -> None:
    """Let the city's history happen, as far as it hasn't; a load that was killed goes on where it stopped."""
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.queries import visible
    from gongshu.opening.sweep import sweep

    sys.path.insert(0, str(ROOT))
    from demo.build import recipes
    from demo.history import finished, play, steps

    load_kinds()
    sweep()
    made = recipes()
    if finished(list(made)):
        return
    folder = ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors) as progress:
        found = list(steps(list(made), lambda name: made[name](folder)))
        bar = progress.add_task(gettext("装载演示城市"), total=len(found))
        for step in found:
            progress.update(bar, description=f"{gettext('装载演示城市')} {step.at:%m-%d} {step.name}")
            play(step)
            progress.advance(bar)
    shutil.rmtree(folder, ignore_errors=True)
    console.print(gettext("演示城市有 {number} 个数据集", number=visible().count()))


def _announce(address: str) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    from demo.history import PEOPLE

    for account, name, role, where in PEOPLE[:SIGN_IN]:
        table.add_row(account, PASSWORD, gettext(str(role.label)), f"{name} {where}")
    console.print("\n" + gettext("公输市已就绪：{address}", address=f"[bold]{address}[/]"))
    console.print("\n" + gettext("演示账号（仅限本机）"))
    console.print(table)
    console.print("\n" + gettext("Ctrl-C 停止；再次启动不会丢失数据。"))
