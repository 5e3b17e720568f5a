"""`gongshu up` and `gongshu worker`: the web server and the worker, held together by one process."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from gongshu.cli.environment import start_django
from gongshu.cli.output import console, fail
from gongshu.i18n import gettext


def up(
    port: Annotated[int | None, typer.Option(help="端口，默认取设置 GONGSHU_PORT")] = None,
    data: Annotated[Path | None, typer.Option(help="数据文件夹")] = None,
) -> None:
    """启动网站与工作进程，不含演示数据；拒绝调试模式与演示账号。"""
    start_django(data)
    from django.conf import settings

    from gongshu.parties.models import Person

    if settings.DEBUG:
        fail("GONGSHU_DEBUG 已打开，不能对外服务：请关掉它", "GONGSHU_DEBUG is on: turn it off before serving")
    if settings.DEMO:
        fail("GONGSHU_DEMO 已打开：演示请用 gongshu demo", "GONGSHU_DEMO is on: use gongshu demo for the demo")
    prepare()
    if Person.objects.filter(is_demo=True).exists():
        fail(
            f"数据文件夹 {settings.DATA} 里有演示账号，不能对外服务：请换一个数据文件夹（--data）",
            f"the data folder {settings.DATA} holds demo accounts: use another one (--data)",
        )
    serve(port, lambda address: console.print(gettext("公数已启动：{address}（Ctrl-C 停止）", address=address)))


def worker(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="没有等待的作业就退出")] = False,
) -> None:
    """启动工作进程：做作业，合并访问记录，签日志头。"""
    start_django()
    from gongshu.jobs.worker import load_kinds, work
    from gongshu.opening.sweep import sweep

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    load_kinds()
    sweep()
    work(stop, until_idle=until_idle)


def prepare() -> None:
    """Bring the database and the static files up to date; quick when they are."""
    from django.conf import settings
    from django.core.management import call_command

    settings.DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)
    if _static_changed():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        (settings.STATIC_ROOT / ".stamp").write_text(_static_state(), encoding="ascii")


def _static_state() -> str:
    from django.contrib.staticfiles.finders import get_finders

    newest, number = 0.0, 0
    for finder in get_finders():
        for name, storage in finder.list([]):
            newest, number = max(newest, Path(storage.path(name)).stat().st_mtime), number + 1
    return f"{number} {newest}"


def _static_changed() -> bool:
    from django.conf import settings

    stamp = settings.STATIC_ROOT / ".stamp"
    return not stamp.is_file() or stamp.read_text(encoding="ascii") != _static_state()


def serve(port: int | None, ready: Callable[[str], None]) -> None:
    """Run the web server and the worker until Ctrl-C, SIGTERM or the end of either; then stop both."""
    from gongshu.site.options import option

    host, port = option("GONGSHU_BIND"), port or option("GONGSHU_PORT")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            fail(f"端口 {port} 已被占用：请换一个（--port）", f"port {port} is taken: choose another one (--port)")
    web = [sys.executable, "-m", "granian", "gongshu.site.server:application", "--interface", "asginl"]
    web += [
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        str(option("GONGSHU_PROCESSES")),
        "--log-level",
        "warning",
    ]
    children = [_start(web), _start([sys.executable, "-m", "gongshu.cli", "worker"])]
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        address = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}/"  # noqa: S104 - compared, not bound
        _wait_until_answers(f"http://{host if host != '0.0.0.0' else '127.0.0.1'}:{port}/healthz", children, stopping)  # noqa: S104
        if not stopping.is_set():
            ready(address)
        while not stopping.wait(0.3):
            ended = [child for child in children if child.poll() is not None]
            if ended:
                fail(
                    "网站或工作进程意外结束，已全部停止；原因见上方输出",
                    "the web server or the worker ended; all is stopped",
                )
    finally:
        _stop(children)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=dict(os.environ), start_new_session=True, preexec_fn=_end_with_parent)  # noqa: S603


def _end_with_parent() -> None:
    """Linux: a child whose parent was killed gets SIGTERM, so that nothing is left behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 = PR_SET_PDEATHSIG


def _wait_until_answers(url: str, children: list[subprocess.Popen[bytes]], stopping: threading.Event) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not stopping.is_set():
        if any(child.poll() is not None for child in children):
            return
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    limit = time.monotonic() + 10
    for child in children:
        try:
            child.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
