"""`gongshu doctor`: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from gongshu.cli.environment import start_django
from gongshu.cli.output import console
from gongshu.i18n import gettext

FREE_BYTES = 2 * 1024**3  # less than this and a large publication will not fit


@dataclass(frozen=True)
class Check:
    """One answer: ``state`` is good, warn or bad; ``mend`` says what to do about it."""

    state: str
    what: str
    found: str
    mend: str = ""


def doctor() -> None:
    """检查安装：哪里不对，怎么修；有错误时退出码 1。"""
    try:
        start_django()
    except typer.Exit:
        raise  # it has been said
    except Exception as error:
        console.print(gettext("[bold red]错[/]  设置  {error}", error=error), soft_wrap=True)
        console.print("    " + gettext("请检查环境变量 GONGSHU_… 与数据文件夹内的 settings.env"))
        raise typer.Exit(1) from error
    worst = 0
    for check in _all_checks():
        mark = {"good": gettext("[green]好[/]"), "warn": gettext("[yellow]疑[/]"), "bad": gettext("[bold red]错[/]")}[
            check.state
        ]
        console.print(f"{mark}  {check.what}  {check.found}", soft_wrap=True)
        if check.mend:
            console.print(f"    {check.mend}", soft_wrap=True)
        worst = max(worst, {"good": 0, "warn": 0, "bad": 1}[check.state])
    raise typer.Exit(worst)


def _all_checks() -> Iterator[Check]:
    for question in (_python, _folder, _space, _keys, _settings, _database, _lake, _assets, _catalogue, _work, _log):
        yield from _answers(question)


def checks_before_upgrade() -> Iterator[Check]:
    """What must be good before the database is migrated: nothing here asks it for rows."""
    for question in (_python, _folder, _space, _keys, _settings, _lake, _assets):
        yield from _answers(question)


def _answers(question: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from question()
    except Exception as error:  # a doctor must get to the end, whatever it meets
        yield Check(
            "bad",
            question.__name__.strip("_"),
            gettext("检查没有做成：{kind}: {error}", kind=type(error).__name__, error=error),
        )


def _python() -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Check("good" if fits else "bad", "Python", version, "" if fits else gettext("请用 Python 3.11、3.12 或 3.13"))


def _folder() -> Iterator[Check]:
    from django.conf import settings

    try:
        settings.DATA.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=settings.DATA):
            yield Check("good", gettext("数据文件夹"), str(settings.DATA))
    except OSError as error:
        yield Check(
            "bad",
            gettext("数据文件夹"),
            gettext("{folder} 不可写：{reason}", folder=settings.DATA, reason=error.strerror),
            gettext("请改权限，或用 GONGSHU_DATA 换一个"),
        )


def _space() -> Iterator[Check]:
    from django.conf import settings

    free = shutil.disk_usage(settings.DATA).free
    enough = free > FREE_BYTES
    yield Check(
        "good" if enough else "warn",
        gettext("磁盘空余"),
        f"{free / 1024**3:.1f} GB",
        "" if enough else gettext("请清理或换盘：发布需要约三倍于文件的空间"),
    )


def _keys() -> Iterator[Check]:
    from django.conf import settings

    open_keys = [path for path in (settings.DATA / "keys").glob("*.key") if path.stat().st_mode & 0o077]
    if open_keys:
        yield Check(
            "bad",
            gettext("密钥"),
            gettext("{file} 可被他人读取", file=open_keys[0].name),
            gettext("请运行：chmod 600 {folder}/keys/*.key", folder=settings.DATA),
        )
    else:
        yield Check("good", gettext("密钥"), gettext("只有本账号可读"))


def _settings() -> Iterator[Check]:
    from django.conf import settings

    from gongshu.site.options import OPTIONS

    unknown = sorted(name for name in os.environ if name.startswith("GONGSHU_") and name not in OPTIONS)
    unknown = [name for name in unknown if name not in ("GONGSHU_LANG", "GONGSHU_CRASH_AT")]
    if unknown:
        yield Check(
            "warn",
            gettext("设置"),
            gettext("不认识 {name}", name=unknown[0]),
            gettext("请核对拼写：docs/reference/settings.md 列出全部设置"),
        )
    if settings.DEBUG:
        yield Check("warn", gettext("调试模式"), gettext("已打开"), gettext("对外服务前请去掉 GONGSHU_DEBUG"))


def _database() -> Iterator[Check]:
    from django.db import OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        waiting = MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
    except OperationalError as error:
        yield Check(
            "bad",
            gettext("数据库"),
            str(error).strip().splitlines()[0],
            gettext("请检查 GONGSHU_DATABASE_URL 与数据库服务"),
        )
        return
    if waiting:
        yield Check(
            "bad",
            gettext("数据库"),
            gettext("有 {number} 个迁移未做", number=len(waiting)),
            gettext("请运行：gongshu upgrade"),
        )
    else:
        yield Check("good", gettext("数据库"), gettext("{database}，结构是最新的", database=connection.vendor))


def _lake() -> Iterator[Check]:
    from django.conf import settings

    from gongshu.opening.store import lake

    zones = lake()
    tables = sum(1 for zone in (zones.raw, zones.public) for _ in zone.contents())
    yield Check("good", gettext("湖"), gettext("{place}，{tables} 次装载", place=settings.LAKE_URL, tables=tables))


def _assets() -> Iterator[Check]:
    import gongshu.web

    built = Path(gongshu.web.__file__).parent / "static" / "gongshu"
    if built.is_dir() and any(built.iterdir()):
        yield Check("good", gettext("前端资源"), gettext("已构建"))
    else:
        yield Check("bad", gettext("前端资源"), gettext("没有构建"), gettext("请运行：./gongshu assets"))


def _catalogue() -> Iterator[Check]:
    from gongshu.i18n import LOCALE_DIR

    if (LOCALE_DIR / "en" / "LC_MESSAGES" / "django.mo").is_file():
        yield Check("good", gettext("英文目录"), gettext("已编译"))
    else:
        yield Check(
            "warn", gettext("英文目录"), gettext("没有编译，英文界面会显示中文"), gettext("请运行：./gongshu assets")
        )


def _work() -> Iterator[Check]:
    from django.utils import timezone

    from gongshu.jobs.models import Job
    from gongshu.opening.models import IndexTask

    stuck = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=timezone.now()).count()
    waiting = Job.objects.filter(state=Job.State.QUEUED, created_at__lt=timezone.now() - timedelta(minutes=10)).count()
    if stuck or waiting:
        yield Check(
            "warn",
            gettext("作业"),
            gettext("{stuck} 个中断，{waiting} 个久等", stuck=stuck, waiting=waiting),
            gettext("请启动工作进程：gongshu worker（或 gongshu up）"),
        )
    else:
        yield Check("good", gettext("作业"), gettext("没有中断或久等的"))
    if IndexTask.objects.filter(created_at__lt=timezone.now() - timedelta(minutes=10)).exists():
        yield Check(
            "warn",
            gettext("检索"),
            gettext("索引落后十分钟以上"),
            gettext("请启动工作进程：gongshu worker（或 gongshu up）"),
        )


def _log() -> Iterator[Check]:
    from gongshu.oversight.audit import verify_log
    from gongshu.oversight.models import Head

    verdict = verify_log()
    if not verdict.holds:
        yield Check(
            "bad", gettext("审计日志"), verdict.faults[0], gettext("请运行 gongshu audit verify 看全部，并从备份核对")
        )
        return
    last = Head.objects.last()
    age = gettext("，最近签名在 {age} 之前", age=str(datetime.now(UTC) - last.at).split(".")[0]) if last else ""
    yield Check("good", gettext("审计日志"), gettext("{number} 条，完好{age}", number=verdict.size, age=age))
