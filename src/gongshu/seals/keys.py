"""Keys of an installation: one 0600 file a purpose under ``<data>/keys``; never part of a data backup."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from pathlib import Path


def read_or_make_key(folder: Path, purpose: str, size: int = 32) -> bytes:
    """The key for ``purpose`` (``size`` random bytes), made on first use.

    The file appears whole or not at all: it is written beside and linked into place, so two processes that start
    together read the same key.
    """
    path = folder / f"{purpose}.key"
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        pass
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = folder / f".{purpose}.{os.getpid()}.{secrets.token_hex(4)}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(size))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


def read_or_make_keys(folder: Path, purpose: str) -> dict[int, bytes]:
    """The keys for ``purpose`` by version; version 1 (``<purpose>.key``) is made on first use, :func:`add_key` makes more."""
    found = {1: read_or_make_key(folder, purpose)}
    for path in folder.glob(f"{purpose}-*.key"):
        number = path.stem.removeprefix(f"{purpose}-")
        if number.isdecimal():
            found[int(number)] = bytes.fromhex(path.read_text(encoding="ascii").strip())
    return dict(sorted(found.items()))


def add_key(folder: Path, purpose: str) -> int:
    """Make the next version (``<purpose>-<n>.key``) of the key for ``purpose``, which is the current one from now on; returns
    its number. The older ones stay: what was made with them can still be told. Two that ask at once get one each."""
    read_or_make_keys(folder, purpose)
    with (folder / f".{purpose}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        number = max(read_or_make_keys(folder, purpose)) + 1
        read_or_make_key(folder, f"{purpose}-{number}")
    return number


def fingerprints(folder: Path) -> dict[str, str]:
    """Purpose -> the first 16 hex digits of a SHA-256 of each key in ``folder``: tells whether two are the same, and nothing
    of a key, which is random."""
    return {
        path.stem: hashlib.sha256(b"gongshu key fingerprint\0" + path.read_bytes().strip()).hexdigest()[:16]
        for path in sorted(folder.glob("*.key"))
    }
