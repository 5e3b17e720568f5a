"""`gongshu backup`, `gongshu restore` and `gongshu upgrade`: nothing lost, and every step said."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gongshu.cli.environment import data_folder, hold, operator, start_django
from gongshu.cli.output import console, errors, fail, fail_with
from gongshu.i18n import gettext
from gongshu.tables.errors import TableError

if TYPE_CHECKING:
    from gongshu.safekeeping.backup import Made
    from gongshu.safekeeping.restore import Keys, Restored

STAGES = {
    "lake": "湖",
    "rows": "数据库",
    "finish": "收尾",
    "unpack": "解开并核对",
    "copies": "重建服务副本",
}
LOST = {
    "django": "登录会话与未用的链接作废，大家要重新登录",
    "log": "今后的日志头用新密钥签；旧的日志头仍按随备份保存的公钥验签",
    "factors": "验证器与恢复码不能再用，要为当事人移除后重新绑定；通行密钥不受影响",
    "protect": "今后发布的键控哈希列与代号跟旧版本对不上，旧代号不能再还原",
}


def backup(
    target: Annotated[Path, typer.Argument(help="备份文件，例如 /backup/2026-11-22.tar.zst；不能已存在")],
) -> None:
    """备份数据库、湖、日志与设置到一个文件，不停机；密钥不在其中，请另外保管。"""
    start_django()
    from gongshu.oversight import heads

    heads.sign_head()
    began = time.monotonic()
    made = _made(target.resolve())
    _note(made)
    console.print(
        gettext(
            "已备份到 {path}：{size} MB，{seconds} 秒",
            path=made.path,
            size=f"{made.size / 1e6:.1f}",
            seconds=f"{time.monotonic() - began:.1f}",
        ),
        soft_wrap=True,
    )
    console.print(gettext("SHA-256 {digest}", digest=made.sha256), soft_wrap=True)
    console.print(gettext("日志 {size} 条，树根 {root}", **_log_of(made)), soft_wrap=True)
    _tell_left_out(made)
    if made.missing:
        _fail_missing(made)


def restore(
    source: Annotated[Path, typer.Argument(help="备份文件", show_default=False)],
    data: Annotated[Path | None, typer.Option(help="数据文件夹，要是空的；可先放回 keys 与 settings.env")] = None,
) -> None:
    """从备份恢复到空的数据文件夹：先核对每个成员，再放好，重建缓存，核对日志。"""
    folder = data.resolve() if data else data_folder()
    made_here = not folder.exists()
    hold(folder, alone=True)
    from gongshu.safekeeping.restore import open_backup, put_in_place

    began = time.monotonic()
    try:
        with _progress() as step:
            manifest, keys = open_backup(source, folder, step)
            start_django(folder, alone=True)
            restored = put_in_place(folder, manifest, operator().actor_id, step)
    except TableError as error:
        if made_here and sorted(path.name for path in folder.iterdir()) == ["running.lock"]:
            shutil.rmtree(folder)
        fail_with(error)
    except OSError as error:
        fail(
            f"没有恢复：{error.strerror}（{error.filename or folder}）；解决后重新运行即可",
            f"not restored: {error.strerror} ({error.filename or folder}); mend it and run the command again",
        )
    _tell_restored(restored, manifest, keys, time.monotonic() - began)
    if restored.gaps:
        gaps = ", ".join(restored.gaps[:5])
        fail(
            f"备份时湖里已缺 {len(restored.gaps)} 处，其余都已恢复：{gaps}",
            f"{len(restored.gaps)} things were missing from the lake already, the rest is restored: {gaps}",
        )
    if restored.faults:
        fail(
            f"日志有不符：{restored.faults[0]}；请运行 gongshu audit verify 看全部",
            "the log does not prove itself: run gongshu audit verify",
        )


def upgrade(
    no_backup: Annotated[bool, typer.Option("--no-backup", help="不先备份")] = False,
    data: Annotated[Path | None, typer.Option(help="数据文件夹")] = None,
) -> None:
    """装好新版本后运行：检查，备份，迁移数据库，更新静态文件与缓存，再检查。"""
    start_django(data, alone=True)
    from django.conf import settings
    from django.db import connection, transaction
    from django.db.migrations.executor import MigrationExecutor

    from gongshu import __version__
    from gongshu.cli import doctor
    from gongshu.cli.serve import prepare
    from gongshu.opening import search
    from gongshu.opening.rebuilding import rebuild_copies
    from gongshu.oversight import heads, log
    from gongshu.oversight.audit import verify_log
    from gongshu.safekeeping import rows

    for check in doctor.checks_before_upgrade():
        if check.state == "bad":
            fail(
                f"{check.what}：{check.found}。{check.mend}；没有升级",
                f"{check.what}: {check.found}. {check.mend}; not upgraded",
            )
    try:
        nodes, _ = rows.recorded_apps()
    except TableError as error:
        fail_with(error)
    executor = MigrationExecutor(connection)
    plan = [f"{step.app_label}.{step.name}" for step, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    made = None
    if nodes and not no_backup:
        folder = settings.DATA / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        made = _made(folder / f"before-{__version__}-{datetime.now():%Y%m%dT%H%M%S}.tar.zst")
        console.print(
            gettext("已备份到 {path}：{size} MB", path=made.path, size=f"{made.size / 1e6:.1f}"), soft_wrap=True
        )
        if made.missing:
            _fail_missing(made)
    prepare()
    for name in plan:
        console.print(gettext("已迁移 {name}", name=name))
    copies, gaps = rebuild_copies()
    search.rebuild()
    if made:
        _note(made)
    with transaction.atomic():
        log.append(
            operator().actor_id, "installation.upgrade", "installation", version=__version__, migrations=len(plan)
        )
    heads.sign_head()
    verdict = verify_log()
    if not verdict.holds:
        fail(f"升级后日志有不符：{verdict.faults[0]}", "the log does not prove itself after the upgrade")
    console.print(
        gettext(
            "公数 {version}：{migrations} 个迁移，重建 {copies} 份服务副本，日志 {events} 条完好。现在可以启动",
            version=__version__,
            migrations=len(plan),
            copies=copies,
            events=verdict.size,
        )
    )
    if gaps:
        fail_with(gaps[0])


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        tasks: dict[str, Any] = {}

        def step(name: str, number: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(gettext(STAGES[name]), total=None)
            progress.advance(tasks[name], number)

        yield step


def _made(target: Path) -> Made:
    from gongshu.safekeeping.backup import make_backup

    try:
        with _progress() as step:
            return make_backup(target, step)
    except TableError as error:
        fail_with(error)
    except OSError as error:
        fail(
            f"没有备份：{error.strerror}（{error.filename or target}）；写了一半的已删除",
            f"no backup: {error.strerror} ({error.filename or target}); the partial file is removed",
        )


def _note(made: Made) -> None:
    from django.db import transaction

    from gongshu.oversight import log

    with transaction.atomic():
        log.append(
            operator().actor_id,
            "installation.backup",
            "installation",
            sha256=made.sha256,
            bytes=made.size,
            size=made.manifest["log"]["size"],
            root=made.manifest["log"]["root"],
        )


def _log_of(made: Made) -> dict[str, Any]:
    return {"size": made.manifest["log"]["size"], "root": made.manifest["log"]["root"]}


def _tell_left_out(made: Made) -> None:
    console.print(gettext("不含密钥：请把 keys 文件夹另外复制到安全的地方（与备份分开），恢复前放回"))
    if names := made.manifest["settings_left_out"]:
        console.print(gettext("不含这些设置的值：{names}", names=", ".join(names)), soft_wrap=True)


def _fail_missing(made: Made) -> None:
    missing = ", ".join(made.missing[:5])
    fail(
        f"湖里缺 {len(made.missing)} 处，备份里也没有：{missing}；其余已备份在 {made.path}",
        f"{len(made.missing)} things are missing from the lake and so from the backup: {missing}; the rest is in {made.path}",
    )


def _tell_restored(restored: Restored, manifest: dict[str, Any], keys: Keys, seconds: float) -> None:
    console.print(
        gettext(
            "已恢复 {datasets} 个数据集、{versions} 个版本、{rows} 行，重建 {copies} 份服务副本，{seconds} 秒",
            datasets=restored.datasets,
            versions=restored.versions,
            rows=f"{restored.rows:,}",
            copies=restored.copies,
            seconds=f"{seconds:.1f}",
        )
    )
    console.print(
        gettext(
            "数据库 {old} → {new}，湖在 {lake}", old=manifest["database"], new=restored.database, lake=restored.lake
        ),
        soft_wrap=True,
    )
    if not restored.faults:
        console.print(
            gettext(
                "日志完好：{events} 条事件，{heads} 个签名头，树根与备份所记相同",
                events=restored.events,
                heads=restored.heads,
            )
        )
    for name in keys.missing:
        lost = gettext(LOST.get(name, "用它加密或签名的旧内容不能再用"))
        console.print(
            gettext("[yellow]疑[/]  缺密钥 {name}.key，已用新的：{lost}", name=name, lost=lost), soft_wrap=True
        )
    for name in keys.other:
        lost = gettext(LOST.get(name, "用它加密或签名的旧内容不能再用"))
        said = gettext("[yellow]疑[/]  密钥 {name}.key 与备份时的不同：{lost}", name=name, lost=lost)
        console.print(said, soft_wrap=True)
    if names := manifest["settings_left_out"]:
        console.print(gettext("备份时另有这些设置，请核对：{names}", names=", ".join(names)), soft_wrap=True)
