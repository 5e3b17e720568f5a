"""Django for commands that need it: started late, so that `gongshu inspect` never pays for it."""

from __future__ import annotations

import atexit
import fcntl
import getpass
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gongshu.cli.output import fail
from gongshu.safekeeping import LOCK, MARK

if TYPE_CHECKING:
    from gongshu.parties.permissions import Shell

_held: dict[Path, IO[str]] = {}


def start_django(data: Path | None = None, *, demo: bool = False, alone: bool = False) -> None:
    """Set the environment and start Django; settings are read here and not before.

    The data folder is held until this process ends: with others, or, for what must be ``alone``, without any. A folder with
    an unfinished restore is refused.
    """
    if data is not None:
        os.environ["GONGSHU_DATA"] = str(data)
    if demo:
        os.environ["GONGSHU_DEMO"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.site.settings")
    hold(data_folder(), alone=alone)
    import django

    django.setup()


def data_folder() -> Path:
    """The data folder of this process, before Django's settings can be asked."""
    from gongshu.site.options import OPTIONS

    return Path(os.environ.get("GONGSHU_DATA") or OPTIONS["GONGSHU_DATA"].default).resolve()


def hold(folder: Path, *, alone: bool) -> None:
    """Take part in the lock of the data folder, or have it alone; leave with a message when that can't be."""
    if folder in _held:
        return
    if (folder / MARK).exists() and not alone:
        fail(
            f"{folder} 里有一次没有完成的恢复：请重新运行 gongshu restore",
            f"{folder} holds a restore that did not finish: run gongshu restore again",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # keys, letters and what is not public yet are in it
    file = (folder / LOCK).open("a")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        if alone:
            fail(
                f"数据文件夹 {folder} 正在使用：请先停下 gongshu up、gongshu worker 等命令",
                f"the data folder {folder} is in use: stop gongshu up, gongshu worker and other commands first",
            )
        fail(
            f"数据文件夹 {folder} 正在升级或恢复：请等它结束",
            f"the data folder {folder} is being upgraded or restored: wait for it to end",
        )
    _held[folder] = file
    atexit.register(file.close)


def operator() -> Shell:
    """Who acts from the shell: the account of this machine."""
    from gongshu.parties.permissions import Shell

    return Shell(f"shell:{getpass.getuser()}")
