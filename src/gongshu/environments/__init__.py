"""Environments (独立环境): tools that need packages which must not stand beside the platform's, each made on demand from hashed
requirements, and used through a process of its own.

``dp``: OpenDP, the noise of differentially private figures. Its wheel is large, and it pins a Polars of its own when one is
there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from gongshu.tables.errors import TableError

LOCKS = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in LOCKS.glob("*.txt")))
SECONDS = 600  # that one answer may take


def home_of(folder: Path, name: str) -> Path:
    """Where the environment ``name`` of the present lock file stands below ``folder``."""
    return folder / f"{name}-{sha256((LOCKS / f'{name}.txt').read_bytes()).hexdigest()[:12]}"


def is_ready(folder: Path, name: str) -> bool:
    """Whether it has been made."""
    return (home_of(folder, name) / "ready").exists()


def make(folder: Path, name: str) -> Path:
    """Make the environment ``name`` below ``folder`` unless it is there, and remove those of older lock files; returns its folder.

    uv is used when it is there, else pip; both as the machine sets them up. TableError ``environment_unknown``,
    ``environment_failed`` with the last words of the installer.
    """
    if name not in NAMES:
        known = "、".join(NAMES)
        raise TableError("environment_unknown", "没有环境“{name}”，有：{known}。", name=name, known=known)
    home = home_of(folder, name)
    if is_ready(folder, name):
        return home
    shutil.rmtree(home, ignore_errors=True)
    lock = str(LOCKS / f"{name}.txt")
    python = str(home / "bin" / "python")
    uv = shutil.which("uv")
    _run([sys.executable, "-m", "venv", *(["--without-pip"] if uv else []), str(home)])
    if uv:
        _run([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock])
    else:
        _run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", lock])
    (home / "ready").touch()
    for old in folder.glob(f"{name}-*"):
        if old != home:
            shutil.rmtree(old, ignore_errors=True)
    return home


def ask(folder: Path, name: str, question: dict[str, Any]) -> dict[str, Any]:
    """What the worker ``name`` answers; question and answer are JSON. TableError ``environment_missing`` with the command that
    makes it, ``environment_failed``."""
    if not is_ready(folder, name):
        raise TableError(
            "environment_missing",
            "还没有装好环境“{name}”：请在服务器上运行 gongshu environment {name}，再试。",
            name=name,
        )
    python = home_of(folder, name) / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GONGSHU"))}
    done = subprocess.run(  # noqa: S603 - our own worker in our own environment
        [str(python), "-I", str(LOCKS / f"{name}_worker.py")],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
    )
    if done.returncode:
        raise _failed(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - our own installer
    if done.returncode:
        raise _failed(done.stderr)


def _failed(said: str) -> TableError:
    last = " ".join(said.strip().splitlines()[-3:])[-500:]
    return TableError("environment_failed", "独立环境没有成功：{problem}", problem=last)
