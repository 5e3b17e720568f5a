"""Read any file a department may hand in: text first, then types; nothing is dropped in silence."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from gongshu.tables.errors import TableError
from gongshu.tables.model import Source
from gongshu.tables.reading.delimited import read_delimited
from gongshu.tables.reading.options import ReadingOptions

__all__ = ["ReadingOptions", "read_file"]


def read_file(path: str | Path, staging: Path, options: ReadingOptions | None = None) -> Source:
    """Read ``path`` into staged Parquet files, one a table, in a new folder of ``staging``.

    Raises ``TableError`` when the file can't be read; then nothing is left in ``staging``.
    """
    path = Path(path)
    options = options or ReadingOptions()
    folder = staging / f"read-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    try:
        return _read(path, folder, options)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _read(path: Path, folder: Path, options: ReadingOptions) -> Source:
    if not path.exists():
        raise TableError("missing", "文件不存在。", where={"file": path.name})
    return read_delimited(path, folder, options)
