"""Floor 0: what can be known of a table and done to it. No Django, no users, no server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gongshu.tables.inspection import Progress
    from gongshu.tables.report import Report


def read(path: str | Path, **options: Any) -> ir.Table:
    """Read a table of any supported format (CSV, XLSX, XLS, JSON, GeoJSON, Parquet, Shapefile...) into a typed Ibis table.

    ``options``: ``encoding``, ``delimiter``, ``quote``, ``header_rows``, ``no_header``, ``skip_rows``, ``sheet``, ``types``,
    as in :class:`gongshu.tables.reading.ReadingOptions`; what is left out is found out. Cells that don't fit their column's
    type are null; ``gongshu.inspect`` lists them. Raises :class:`gongshu.tables.errors.TableError`.

    >>> import gongshu as gs, tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "医院.csv"
    >>> _ = file.write_text("名称,床位,开业日期\\n南山医院,120,2019年7月8日\\n北海医院,待补,2020/1/31\\n", encoding="gbk")
    >>> table = gs.read(file)
    >>> table.schema()
    ibis.Schema {
      名称    string
      床位    int64
      开业日期  date
    }
    >>> table.to_pyarrow().to_pylist()[1]
    {'名称': '北海医院', '床位': None, '开业日期': datetime.date(2020, 1, 31)}
    """
    from gongshu.tables.reading.session import read as read_table

    return read_table(path, **options)


def inspect(
    path: str | Path,
    *,
    max_rows: int = 1000,
    full: bool = False,
    progress: Progress | None = None,
    engine: str | None = None,
    **options: Any,
) -> Report:
    """What is known of a file: columns with semantic types, levels and statistics, findings, suggested rules, risk to persons.

    ``max_rows``: row numbers kept for each finding. ``full``: semantic types are told from every row, not from a sample.
    ``progress`` is called with the step and the share done (0..1). ``engine``: the address of a Spark Connect server, such as
    ``sc://host:15002``, that computes instead of DuckDB in this process, with the same report.
    ``options`` are those of :func:`read`. The report has ``tables``, ``to_json()`` (the document that ``gongshu inspect --json``
    prints) and ``contract()``. Raises :class:`gongshu.tables.errors.TableError` when the file can't be read.

    >>> import gongshu as gs, tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "人员.csv"
    >>> _ = file.write_text("姓名,身份证号\\n" + "王小明,11010519491231002X\\n" * 20, encoding="gb18030")
    >>> report = gs.inspect(file)
    >>> [(column.name, column.semantic.code, column.grade.level) for column in report.tables[0].columns]
    [('姓名', 'person_name', 4), ('身份证号', 'resident_id', 4)]
    """
    from gongshu.tables.inspection import inspect_files
    from gongshu.tables.reading import ReadingOptions

    report = inspect_files(
        [path], max_rows=max_rows, options=ReadingOptions(**options), full=full, progress=progress, engine=engine
    )
    error = report.files[0].error
    if error:
        raise error
    return report
