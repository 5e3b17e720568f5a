"""The archive: a Zstandard-compressed tar stream whose last member lists every other one with size and SHA-256.

``gongshu.json`` comes first and says what wrote the archive, so that a reader can refuse before it reads on;
``manifest.json`` comes last. Both ways need memory for a block, never for a file.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa

from gongshu.disk import sync_folder
from gongshu.tables.errors import TableError

FORMAT = 1
HEAD, MANIFEST = "gongshu.json", "manifest.json"
BLOCK = 1024 * 1024
HEAD_LIMIT = 1024 * 1024  # bytes of the first member
Reads = Any  # anything with read(bytes)


class _Sink:
    """The file below the compressor: counts and hashes what is written; deaf once the archive is given up."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash, self.size, self.given_up = file, hashlib.sha256(), 0, False

    def write(self, data: bytes) -> int:
        if not self.given_up:
            self.file.write(data)
            self.hash.update(data)
            self.size += len(data)
        return len(data)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        """The compressor is done; the file itself has still to be brought to disk."""


class _Counted:
    """The stream of a member: hashes what passes, and fills up with zeros what the source has less than it said."""

    def __init__(self, stream: Reads, size: int, watch: Callable[[int], None]) -> None:
        self.stream, self.left, self.watch = stream, size, watch
        self.hash, self.short = hashlib.sha256(), False

    def read(self, size: int) -> bytes:
        size = min(size, self.left)
        block = bytes(self.stream.read(size))
        while len(block) < size and (more := self.stream.read(size - len(block))):
            block += bytes(more)
        if len(block) < size:
            self.short, block = True, block.ljust(size, b"\0")
        self.left -= len(block)
        self.hash.update(block)
        self.watch(len(block))
        return block


class _Tape:
    """What tarfile writes to: the compressor, which cannot tell where it is."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self.stream, self.at = stream, 0

    def write(self, data: bytes) -> int:
        self.stream.write(data)
        self.at += len(data)
        return len(data)

    def tell(self) -> int:
        return self.at


class ArchiveWriter:
    """Writes ``<target>.part`` and makes it ``target`` when it is whole.

    TableError when the target is there already or another backup is writing it; OSError as the disk gives it.
    """

    def __init__(self, target: Path, head: dict[str, Any], watch: Callable[[int], None] = lambda _: None) -> None:
        self.target, self.part = target, target.with_name(target.name + ".part")
        if target.exists() or target.is_symlink():
            raise TableError("backup_exists", "{path} 已存在，备份从不覆盖：请换一个文件名", path=target)
        if not target.parent.is_dir():
            raise TableError("backup_no_folder", "没有这个文件夹：{path}", path=target.parent)
        handle = os.open(self.part, os.O_RDWR | os.O_CREAT, 0o600)  # it holds raw data: for this account only
        self._file = os.fdopen(handle, "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise TableError("backup_running", "另一个备份正在写 {path}", path=self.part) from None
        self._file.truncate()  # what a killed backup left
        self._sink, self._watch = _Sink(self._file), watch
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), "zstd")
        self._tar = tarfile.TarFile(fileobj=_Tape(self._stream), mode="w", format=tarfile.PAX_FORMAT, copybufsize=BLOCK)  # type: ignore[arg-type]
        self.members: dict[str, tuple[int, str]] = {}
        self.add_bytes(HEAD, json.dumps({"format": FORMAT, **head}, ensure_ascii=False).encode())

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a member that is in memory."""
        self.add_stream(name, len(data), io.BytesIO(data))

    def add_stream(self, name: str, size: int, stream: Reads) -> bool:
        """Add a member of ``size`` bytes; False when the source had less (it was being changed): then it is not to be used."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        counted = _Counted(stream, size, self._watch)
        self._tar.addfile(member, counted)  # type: ignore[arg-type]
        self._tar.members.clear()  # type: ignore[attr-defined]  # tarfile would remember every member
        self.members[name] = (size, counted.hash.hexdigest())
        return not counted.short

    def finish(self, manifest: dict[str, Any]) -> tuple[str, int]:
        """Write the manifest, bring everything to disk and show the archive under its name; its SHA-256 (hex) and size."""
        listed = {**manifest, "members": dict(self.members)}
        self.add_bytes(MANIFEST, json.dumps(listed, ensure_ascii=False).encode())
        self._tar.close()
        self._stream.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            os.link(self.part, self.target)  # unlike a rename, it never replaces what somebody put there meanwhile
        except FileExistsError:
            raise TableError("backup_exists", "{path} 已存在，备份从不覆盖：请换一个文件名", path=self.target) from None
        self.part.unlink()
        sync_folder(self.target.parent)
        self._file.close()
        return self._sink.hash.hexdigest(), self._sink.size

    def give_up(self) -> None:
        """Remove what was written."""
        self._sink.given_up = True
        self.part.unlink(missing_ok=True)
        self._stream.close()
        self._file.close()


def unpack(
    source: Path, folder: Path, accept: Callable[[dict[str, Any]], None], watch: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Write every member below ``folder`` and return the manifest, once each is proved against its hash.

    ``accept`` is given the first member before anything else is read, and raises when the archive is not for us. TableError
    names the member that is damaged, missing, or no plain file inside the folder.
    """
    found: dict[str, tuple[int, str]] = {}
    manifest: dict[str, Any] | None = None
    name = HEAD
    try:
        with (
            source.open("rb") as file,
            pa.CompressedInputStream(pa.PythonFile(_Watched(file, watch), "r"), "zstd") as plain,
            tarfile.open(fileobj=plain, mode="r|", bufsize=BLOCK) as tar,
        ):
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile would remember every member
                name = member.name
                stream = _plain_stream(tar, member)
                if not found:
                    data = stream.read(HEAD_LIMIT) if name == HEAD else b"{}"
                    accept(json.loads(data))
                    stream = io.BytesIO(data)
                if manifest is not None or name in found:
                    raise TableError("backup_stray", "备份里多出成员「{name}」，不可信：没有恢复任何东西", name=name)
                if name == MANIFEST:
                    manifest = json.loads(stream.read())
                else:
                    found[name] = _write(stream, folder / name)
        name = MANIFEST
        listed = {key: (size, digest) for key, (size, digest) in (manifest or {})["members"].items()}
    except (OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own trouble
        raise _damaged(name) from error
    for name in [*listed, *found]:
        if listed.get(name) != found.get(name):
            raise _damaged(name)
    os.sync()
    return manifest or {}


class _Watched:
    """A file that tells how much of it was read."""

    closed = False

    def __init__(self, file: IO[bytes], watch: Callable[[int], None]) -> None:
        self.file, self.watch = file, watch

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(size)
        self.watch(len(block))
        return block

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The file belongs to whoever opened it."""


def _damaged(name: str) -> TableError:
    return TableError("backup_damaged", "备份在成员「{name}」处损坏或不完整：没有恢复任何东西", name=name)


def _plain_stream(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """The content of a plain file with a name that stays inside; TableError for anything else."""
    parts = PurePosixPath(member.name).parts
    strange = not parts or parts[0] == "/" or ".." in parts or "\\" in member.name or "\0" in member.name
    stream = tar.extractfile(member) if member.type == tarfile.REGTYPE and not member.issparse() else None
    if strange or stream is None:
        raise TableError("backup_stray", "备份里多出成员「{name}」，不可信：没有恢复任何东西", name=member.name)
    return stream


def _write(stream: IO[bytes], path: Path) -> tuple[int, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while block := stream.read(BLOCK):
            file.write(block)
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
