"""Zip files from strangers: looked at before anything is unpacked."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from gongshu.tables.errors import TableError
from gongshu.tables.reading import limits


def checked_members(path: Path) -> list[zipfile.ZipInfo]:
    """The members of a zip, after checks of number, unpacked size, ratio and names.

    Raises ``TableError``: ``broken_archive``, ``zip_bomb``, ``unsafe_archive``, ``encrypted``.
    """
    where = {"file": path.name}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise TableError("broken_archive", "压缩包损坏，打不开。请重新导出或重新上传。", where=where) from None
    if len(members) > limits.MAX_ARCHIVE_MEMBERS:
        raise TableError(
            "zip_bomb",
            "压缩包内有 {count} 个文件，超过上限 {limit}。",
            where=where,
            count=len(members),
            limit=limits.MAX_ARCHIVE_MEMBERS,
        )
    unpacked = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    if unpacked > limits.MAX_UNPACKED_BYTES or (
        unpacked > limits.RATIO_FREE_BYTES and unpacked / packed > limits.MAX_UNPACK_RATIO
    ):
        raise TableError(
            "zip_bomb",
            "压缩包解开后有 {size} MB（{ratio} 倍），超过安全上限，未解压。",
            where=where,
            size=unpacked // 1024**2,
            ratio=unpacked // packed,
        )
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or re.match(r"^[A-Za-z]:", str(name)):
            raise TableError(
                "unsafe_archive", "压缩包里有越出目录的文件名 {name}，未解压。", where=where, name=member.filename
            )
        if (member.external_attr >> 16) & 0o170000 == 0o120000:
            raise TableError("unsafe_archive", "压缩包里有符号链接 {name}，未解压。", where=where, name=member.filename)
        if member.flag_bits & 1:
            raise TableError("encrypted", "压缩包有密码，请解密后再提交。", where=where)
    return members


def unpack(path: Path, member: zipfile.ZipInfo, target: Path) -> None:
    """Write one member to ``target``, never more than it declares (declared sizes can lie)."""
    where = {"file": path.name}
    left = member.file_size
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as source, target.open("wb") as out:
            while chunk := source.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise TableError(
                        "zip_bomb", "压缩包里的 {name} 比它声明的大，未解压。", where=where, name=member.filename
                    )
                out.write(chunk)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError):
        raise TableError("broken_archive", "压缩包损坏，打不开。请重新导出或重新上传。", where=where) from None


def member_name(member: zipfile.ZipInfo) -> str:
    """The member's name; names that Chinese Windows wrote as GBK without saying so are mended."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename
