"""Keys of an installation: one 0600 file a purpose under ``<data>/keys``; never part of a data backup."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from pathlib import Path

from gongshu.disk import sync_folder


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
    beside = _beside(path, secrets.token_hex(size))
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    sync_folder(folder)  # a key that a power cut takes away is lost for good
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


def _beside(path: Path, text: str) -> Path:
    """A file beside ``path``, 0600, that holds ``text`` on the disk; none where it can't be written, such as on a full disk."""
    beside = path.with_name(f".{path.stem.lstrip('.')}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink()
        raise
    return beside


def read_or_make_keys(folder: Path, purpose: str) -> dict[int, bytes]:
    """The keys for ``purpose`` by version; version 1 (``<purpose>.key``) is made on first use, :func:`add_key` makes more."""
    found = {1: read_or_make_key(folder, purpose)}
    for path in folder.glob(f"{purpose}-*.key"):
        number = path.stem.removeprefix(f"{purpose}-")
        if number.isdecimal():
            found[int(number)] = bytes.fromhex(path.read_text(encoding="ascii").strip())
    return dict(sorted(found.items()))


def add_key(folder: Path, purpose: str, note: str = "") -> int:
    """Make the next version (``<purpose>-<n>.key``) of the key for ``purpose``, which is the current one from now on; returns
    its number. The older ones stay: what was made with them can still be told. Two that ask at once get one each.

    ``note`` (who makes it and why) is there before the key and stays until :func:`forget_note`. OSError, such as for a full disk,
    leaves neither.
    """
    read_or_make_keys(folder, purpose)
    with (folder / f".{purpose}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        number = max(read_or_make_keys(folder, purpose)) + 1
        kept = _note(folder, purpose, number)
        if note:
            _beside(kept, note).replace(kept)
        try:
            read_or_make_key(folder, f"{purpose}-{number}")
        except OSError:
            if not (folder / f"{purpose}-{number}.key").exists():
                kept.unlink(missing_ok=True)
            raise
    return number


def note_of(folder: Path, purpose: str, number: int) -> str:
    """The note of a version of a key; empty when there is none."""
    try:
        return _note(folder, purpose, number).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def forget_note(folder: Path, purpose: str, number: int) -> None:
    """Remove the note of a version of a key: what it says is on record elsewhere."""
    _note(folder, purpose, number).unlink(missing_ok=True)


def _note(folder: Path, purpose: str, number: int) -> Path:
    return folder / f".{purpose}-{number}.note"


def fingerprints(folder: Path) -> dict[str, str]:
    """Purpose -> the first 16 hex digits of a SHA-256 of each key in ``folder``: tells whether two are the same, and nothing
    of a key, which is random."""
    return {
        path.stem: hashlib.sha256(b"gongshu key fingerprint\0" + path.read_bytes().strip()).hexdigest()[:16]
        for path in sorted(folder.glob("*.key"))
    }
