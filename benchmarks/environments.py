"""Peers run in environments of their own, made from lock files: nothing of theirs is installed with Gongshu."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

LOCKS = Path(__file__).parent / "peers"


def environment(name: str) -> Path:
    """The peer's own environment, made from its hashed requirements in the temp folder when it is not there."""
    key = sha256((LOCKS / f"{name}.txt").read_bytes()).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"gongshu-peer-{name}-{key}"
    if not (home / "ready").exists():
        print(f"{name}: making its environment", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(home / "bin/pip"), "install", "-qq", "--require-hashes", "-r", str(LOCKS / f"{name}.txt")]
        subprocess.run(install, check=True)
        (home / "ready").touch()
    return home
