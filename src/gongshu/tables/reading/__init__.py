"""Read any file a department may hand in: text first, then types; nothing is dropped in silence."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from gongshu.tables.model import Source
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.reading.sniff import SUPPORTED, extension_note, sniff

__all__ = ["SUPPORTED", "ReadingOptions", "read_file"]


def read_file(path: str | Path, staging: Path, options: ReadingOptions | None = None) -> Source:
    """Read ``path`` into staged Parquet files, one a table, in a new folder of ``staging``.

    The format is told by the content; a name that says something else is only noted. Raises ``TableError`` when the file
    can't be read; then nothing is left in ``staging``.
    """
    path = Path(path)
    form = sniff(path)
    folder = staging / f"read-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    try:
        source = _read(path, folder, options or ReadingOptions(), form)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if note := extension_note(path, source.format):
        source.notes.append(note)
    return source


def _read(path: Path, folder: Path, options: ReadingOptions, form: str) -> Source:
    # each reader brings in libraries of its own: loaded only when such a file comes
    if form == "zip":
        return _read_zip(path, folder, options)
    if form == "ole":
        from gongshu.tables.reading.sheets import check_ole, read_workbook

        check_ole(path)
        return read_workbook(path, folder, options, "xls")
    if form == "parquet":
        from gongshu.tables.reading.columnar import read_parquet

        return read_parquet(path, folder)
    if form == "shapefile":
        from gongshu.tables.reading.shapes import read_shapefile

        return read_shapefile(path, folder)
    if form == "json":
        from gongshu.tables.reading.objects import NotJsonError, read_json

        try:
            return read_json(path, folder, options)
        except NotJsonError:
            pass
    from gongshu.tables.reading.delimited import read_delimited

    return read_delimited(path, folder, options)


def _read_zip(path: Path, folder: Path, options: ReadingOptions) -> Source:
    from gongshu.tables.reading.archives import checked_members

    names = {member.filename for member in checked_members(path)}
    if "xl/workbook.xml" in names:
        from gongshu.tables.reading.sheets import read_workbook

        return read_workbook(path, folder, options, "xlsx")
    from gongshu.tables.reading.shapes import read_zipped

    return read_zipped(path, folder)
