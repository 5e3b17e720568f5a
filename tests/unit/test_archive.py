"""The archive of a backup: whole or not there, every member proved before anything is used."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gongshu.safekeeping import archive
from gongshu.safekeeping.archive import FORMAT, HEAD, MANIFEST, ArchiveWriter, unpack
from gongshu.safekeeping.restore import open_backup
from gongshu.tables.errors import TableError

CONTENT = {"rows/a": b"one", "lake/public/b": os.urandom(300_000), "rows/c": b""}


def _written(target: Path) -> Path:
    writer = ArchiveWriter(target, {"gongshu": "0.0.1"})
    for name, data in CONTENT.items():
        writer.add_bytes(name, data)
    digest, size = writer.finish({"files": {}})
    assert (hashlib.sha256(target.read_bytes()).hexdigest(), target.stat().st_size) == (digest, size)
    return target


def _forged(target: Path, members: list[tuple[tarfile.TarInfo, bytes]], **manifest: Any) -> Path:
    """An archive as somebody else might make it."""
    with pa.CompressedOutputStream(str(target), "zstd") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        head = {"format": FORMAT, "gongshu": "0.0.1"} | manifest.pop("head", {})
        listed = {item.name: [len(data), hashlib.sha256(data).hexdigest()] for item, data in members}
        first = json.dumps(head).encode()
        listed[HEAD] = [len(first), hashlib.sha256(first).hexdigest()]
        last = json.dumps({"members": listed | manifest, "files": {}, "keys": {}}).encode()
        for item, data in [(tarfile.TarInfo(HEAD), first), *members, (tarfile.TarInfo(MANIFEST), last)]:
            item.size = len(data)
            tar.addfile(item, io.BytesIO(data))
    return target


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    manifest = unpack(_written(tmp_path / "b"), tmp_path / "out", lambda _: None)
    assert set(manifest["members"]) == {HEAD, *CONTENT}
    for name, data in CONTENT.items():
        assert (tmp_path / "out" / name).read_bytes() == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "out"]


def test_an_existing_target_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(TableError, match="已存在"):
        ArchiveWriter(tmp_path / "b", {})
    writer = ArchiveWriter(tmp_path / "c", {})
    with pytest.raises(TableError, match="另一个备份"):
        ArchiveWriter(tmp_path / "c", {})
    (tmp_path / "c").write_text("mine too")  # it came while the archive was written
    with pytest.raises(TableError, match="已存在"):
        writer.finish({})
    writer.give_up()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "mine", "c": "mine too"}


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = archive._Sink.write

    def full(self: Any, data: bytes) -> int:
        if self.size > 100_000 and not self.given_up:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    monkeypatch.setattr(archive._Sink, "write", full)
    writer = ArchiveWriter(tmp_path / "b", {})
    with pytest.raises(OSError, match="No space left"):
        for number in range(50):
            writer.add_bytes(f"rows/{number}", os.urandom(100_000))
    writer.give_up()
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_shrinks_is_told(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "b", {})
    assert writer.add_stream("rows/whole", 3, io.BytesIO(b"abc"))
    assert not writer.add_stream("rows/short", 300_000, io.BytesIO(b"abc"))
    writer.finish({"files": {}})
    unpack(tmp_path / "b", tmp_path / "out", lambda _: None)
    assert (tmp_path / "out" / "rows" / "short").stat().st_size == 300_000


@pytest.mark.parametrize("cut", [0, 40, 1000, 200_000, -1])
def test_a_cut_archive_is_damaged(tmp_path: Path, cut: int) -> None:
    whole = _written(tmp_path / "b").read_bytes()
    (tmp_path / "b").write_bytes(whole[:cut])
    with pytest.raises(TableError, match="损坏或不完整"):
        unpack(tmp_path / "b", tmp_path / "out", lambda _: None)


def test_a_changed_member_is_named(tmp_path: Path) -> None:
    other = hashlib.sha256(b"as it was").hexdigest()
    forged = _forged(tmp_path / "b", [(tarfile.TarInfo("rows/a"), b"changed")], **{"rows/a": [7, other]})
    with pytest.raises(TableError, match="rows/a"):
        unpack(forged, tmp_path / "out", lambda _: None)
    missing = _forged(tmp_path / "c", [], **{"rows/gone": [7, other]})
    with pytest.raises(TableError, match="rows/gone"):
        unpack(missing, tmp_path / "out2", lambda _: None)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "rows/../../outside", "rows\\outside"])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TableError, match="不可信"):
        unpack(_forged(tmp_path / "b", [(tarfile.TarInfo(name), b"x")]), tmp_path / "in" / "out", lambda _: None)
    assert not list(tmp_path.rglob("*outside"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    strange = tarfile.TarInfo("rows/strange")
    strange.type, strange.linkname = kind, "/etc/passwd"
    with pytest.raises(TableError, match="不可信"):
        unpack(_forged(tmp_path / "b", [(strange, b"")]), tmp_path / "out", lambda _: None)
    assert not list((tmp_path / "out").rglob("strange"))


def test_a_newer_backup_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for head in ({"gongshu": "99.0.0"}, {"format": FORMAT + 1}):
        forged = _forged(tmp_path / "b", [(tarfile.TarInfo("rows/a"), b"x")], head=head)
        with pytest.raises(TableError, match="更新的公数"):
            open_backup(forged, folder)
    (tmp_path / "c").write_bytes(b"no archive at all")
    with pytest.raises(TableError, match="损坏"):
        open_backup(tmp_path / "c", folder)
    assert list(folder.iterdir()) == []
    (folder / "something").touch()
    with pytest.raises(TableError, match="something"):
        open_backup(tmp_path / "b", folder)
    assert [path.name for path in folder.iterdir()] == ["something"]
