"""`gongshu demo`: the demo city, loaded by the very same publish, and served on this machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from gongshu.cli.datasets import STEP_NAMES
from gongshu.cli.environment import start_django
from gongshu.cli.output import console, errors, fail
from gongshu.cli.serve import prepare, serve
from gongshu.i18n import gettext

if TYPE_CHECKING:
    from gongshu.tables.contract import Contract

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "gongshu-demo-2026"  # noqa: S105 - demo accounts work from loopback only, in demo mode only
ACTOR = "demo"
ACCOUNTS = (
    ("operator", "平台运营 林可", "operator"),
    ("steward", "数据责任人 陈一诺", "steward"),
    ("auditor", "审计员 周正", "auditor"),
)


def demo(
    port: Annotated[int | None, typer.Option(help="端口")] = None,
    data: Annotated[Path | None, typer.Option(help="数据文件夹")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="先删除数据文件夹，重新来过")] = False,
    load_only: Annotated[bool, typer.Option("--load-only", help="只装载，不启动网站")] = False,
) -> None:
    """装载演示城市「公输市」并启动：所有数据均为合成，另有说明的除外。"""
    from gongshu.site.options import option

    folder = (data or option("GONGSHU_DATA")).resolve()
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
    from django.db import transaction

    from gongshu.parties.actions import give_role, register_person
    from gongshu.parties.models import Organisation, Person, Role
    from gongshu.parties.permissions import Shell

    if Person.objects.filter(is_demo=True).exists():
        return
    with transaction.atomic():
        centre = Organisation.objects.create(
            code="data-centre", name="市大数据中心", name_en="City Big Data Centre", kind=Organisation.Kind.PLATFORM
        )
        for username, name, role in ACCOUNTS:
            person = register_person(Shell(ACTOR), username, name, password=PASSWORD, is_demo=True)
            give_role(Shell(ACTOR), person, centre, Role(role))


def _load() -> None:
    """Publish what isn't there yet; a load that was killed goes on where it stopped."""
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.models import Dataset, Version
    from gongshu.opening.sweep import sweep
    from gongshu.parties.actions import ensure_organisation

    sys.path.insert(0, str(ROOT))
    from demo.build import DEPARTMENTS, recipes

    load_kinds()
    sweep()
    versions: dict[str, int] = {}
    for name in Version.objects.values_list("dataset__name", flat=True):
        versions[name] = versions.get(name, 0) + 1
    missing = {
        name: make for name, make in recipes().items() if versions.get(name, 0) < (2 if name == "car-parks" else 1)
    }
    if not missing:
        return
    for name, english in DEPARTMENTS.items():
        ensure_organisation(ACTOR, name, name_en=english)
    folder = ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors) as progress:
        total = progress.add_task(gettext("装载演示城市"), total=len(missing))
        for name, make in missing.items():
            step = progress.add_task(name, total=len(STEP_NAMES))
            watch = partial(_show_step, progress, step, name)
            dataset = make(folder)
            for number, file in enumerate(dataset.files, 1):
                if number > versions.get(name, 0):
                    _publish(dataset.contract, file, watch)
            progress.remove_task(step)
            progress.advance(total)
    shutil.rmtree(folder, ignore_errors=True)
    number = Dataset.objects.filter(current__isnull=False).count()
    console.print(gettext("演示城市有 {number} 个数据集", number=number))


def _show_step(progress: Progress, task: TaskID, name: str, step: str, _part: float) -> None:
    progress.update(
        task, description=f"{name} {gettext(STEP_NAMES.get(step, step))}", completed=list(STEP_NAMES).index(step)
    )


def _publish(contract: Contract, file: Path, watch: Callable[[str, float], None]) -> None:
    from gongshu.jobs.runner import owner_name, run_one
    from gongshu.opening.actions import request_publish
    from gongshu.parties.permissions import Shell
    from gongshu.tables.contract import dump_contract

    job = request_publish(Shell(ACTOR), file, dump_contract(contract), contract.name)
    done = run_one(owner_name(), only=job, watch=watch)
    if done is None or done.state != "done":
        found = done.error if done else {}
        fail(f"演示数据集 {contract.name} 没有发布：{found}", f"the demo dataset {contract.name} was not published")


def _announce(address: str) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for username, name, _ in ACCOUNTS:
        table.add_row(username, PASSWORD, name)
    console.print("\n" + gettext("公输市已就绪：{address}", address=f"[bold]{address}[/]"))
    console.print("\n" + gettext("演示账号（仅限本机）"))
    console.print(table)
    console.print("\n" + gettext("Ctrl-C 停止；再次启动不会丢失数据。"))
