"""What can go wrong with a file, said so that a person knows what, where, and what to do."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

from gongshu.i18n import gettext, use_language


class TableError(Exception):
    """A file can't be read, or a table can't be treated as asked.

    ``code`` is stable and for programs; ``message`` is a Chinese msgid with ``{names}`` filled from ``where`` and
    ``values``; ``where`` may hold file, sheet, row, column, value.
    """

    def __init__(self, code: str, message: str, *, where: dict[str, Any] | None = None, **values: object) -> None:
        self.code = code
        self.where = where or {}
        self._message = message
        self._values = {**self.where, **values}
        super().__init__(self.text("zh-hans"))

    def text(self, language: str) -> str:
        """The message in ``zh-hans`` or ``en``."""
        with use_language(language):
            return gettext(self._message, **self._values)

    def as_json(self) -> dict[str, Any]:
        """``{"code", "message", "message_en", "where"}`` as in the inspect document."""
        return {
            "code": self.code,
            "message": self.text("zh-hans"),
            "message_en": self.text("en"),
            "where": self.where,
        }


# how the libraries that write for us word it: Python, Arrow, DuckDB (its temporary folder too), SQLite, PostgreSQL
_FULL = ("No space left on device", "Disk quota exceeded", "disk is full", "max_temp_directory_size")
_TOO_LARGE = "File too large"


def storage_error(error: BaseException, folder: Path) -> TableError | None:
    """What to say when ``error`` comes of a full disk, a file larger than the system allows, or too little memory; else None.

    ``folder`` is where was written. The codes are ``disk_full``, ``disk_limit`` and ``engine_memory``.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    numbers = {each.errno for each in seen if isinstance(each, OSError)}
    texts = " ".join(map(str, seen))
    if numbers & {errno.ENOSPC, errno.EDQUOT} or any(words in texts for words in _FULL):
        return TableError(
            "disk_full",
            "磁盘写满了：{folder} 所在的磁盘写不下要写的内容，清理本次的临时文件后剩 {free} MB。数据未变。请腾出空间或换更大的磁盘，再重新发起。",
            where={"folder": str(folder)},
            free=shutil.disk_usage(folder).free // 1024**2,
        )
    if "Out of Memory Error" in texts:  # DuckDB, of its own limit
        return TableError(
            "engine_memory",
            "计算用的内存不够：列太多，或一格太大。数据未变。请调大设置 GONGSHU_ENGINE_MEMORY（例如 1GB），或把表拆开，再重新发起。",
        )
    if errno.EFBIG in numbers or _TOO_LARGE in texts:
        return TableError(
            "disk_limit",
            "有一个文件写不下：它超过了系统允许的单个文件大小（ulimit -f，或文件系统的上限），发生在 {folder}。数据未变。请放宽这个上限，再重新发起。",
            where={"folder": str(folder)},
        )
    return None
