"""Inspect files: read, recognise, grade, check, and tell the risk to persons. Nothing is kept but the report."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.tables.check_results import Finding
from gongshu.tables.checks import run_checks
from gongshu.tables.classify import classify
from gongshu.tables.contract import Field
from gongshu.tables.engine import EngineError, open_engine_at
from gongshu.tables.errors import TableError
from gongshu.tables.inference import infer_storage_types
from gongshu.tables.known import Known
from gongshu.tables.long_form import is_wide
from gongshu.tables.model import ROW, HeaderNote, Quarantined, Source, TextTable
from gongshu.tables.reading import ReadingOptions, read_file
from gongshu.tables.report import ColumnReport, FileReport, Report, TableReport
from gongshu.tables.risk import disclosure_risk
from gongshu.tables.semantic.recognition import Recognised, recognise
from gongshu.tables.statistics import column_statistics
from gongshu.tables.storage import ColumnType, misfits
from gongshu.tables.suggest import suggest_rules

COLUMNS_AT_ONCE = 120
MEMORY = "220MB"  # of the engine; Python and its libraries take some 250 MB beside
Progress = Callable[[str, float], None]


def inspect_files(
    paths: Iterable[str | Path],
    *,
    max_rows: int = 1000,
    options: ReadingOptions | None = None,
    full: bool = False,
    progress: Progress | None = None,
    engine: str | None = None,
) -> Report:
    """Inspect files; one that can't be read gets an ``error`` in its report and stops none of the others.

    ``max_rows``: row numbers kept for each finding. ``options``: what a person says against the reader's guesses.
    ``full``: semantic types are told from every row instead of a sample.
    ``engine``: a Spark Connect server such as ``sc://host:15002`` instead of DuckDB in this process; it must read the folder for
    temporary files under the same path, small files are sent to it. ``TableError`` when it is not there or too old.
    ``progress`` is called with the step (read, type, recognise, count, check) and the share of the file done, 0..1.
    """
    report = Report([], max_rows)
    with (
        tempfile.TemporaryDirectory(prefix="gongshu-inspect-") as folder,
        open_engine_at(engine, Path(folder) / "engine", MEMORY) as backend,
    ):
        for number, path in enumerate(paths):
            staging = Path(folder) / f"file-{number}"
            staging.mkdir()
            read = partial(read_file, Path(path), staging, options)
            inspect = partial(
                inspect_table, backend, max_rows=max_rows, options=options, full=full, progress=progress or _silent
            )
            report.files.append(_inspect_file(Path(path), read, inspect, progress or _silent))
    return report


def _silent(step: str, share: float) -> None:
    """No progress asked for."""


def _inspect_file(
    path: Path, read: Callable[[], Source], inspect: Callable[[TextTable, Source], TableReport], progress: Progress
) -> FileReport:
    started = time.perf_counter()
    found = FileReport(str(path))
    try:
        progress("read", 0.0)
        found.bytes = path.stat().st_size if path.exists() else 0
        source = read()
        found.format, found.encoding, found.notes = source.format, source.encoding, list(source.notes)
        for table in source.tables:
            found.tables.append(inspect(table, source))
    except TableError as error:
        found.error, found.tables = error, []
    except (duckdb.Error, EngineError) as error:  # no memory or no room on the disk, most likely
        message = "处理文件「{file}」时引擎出错：{problem}。请看磁盘空间和内存，或把文件拆小。"
        problem = str(error).split("\n")[0]
        found.error, found.tables = TableError("engine", message, where={"file": path.name}, problem=problem), []
    found.seconds = time.perf_counter() - started
    return found


def inspect_table(
    backend: BaseBackend,
    table: TextTable,
    source: Source,
    *,
    max_rows: int = 1000,
    options: ReadingOptions | None = None,
    full: bool = False,
    progress: Progress = _silent,
    mask: Path | None = None,
) -> TableReport:
    """What is known of one staged table. ``mask``: where to write which row breaks which rule (:mod:`gongshu.tables.masks`)."""
    staged = backend.read_parquet(table.path)  # type: ignore[attr-defined]
    progress("type", 0.3)
    kinds, bad, bad_totals = _storage(backend, staged, table, options)
    types = {name: kinds[name].storage_type for name in table.columns}
    progress("recognise", 0.45)
    semantic, evidence = recognise(backend, staged, table.rows, full=full)
    progress("count", 0.6)
    statistics = column_statistics(backend, staged, types)
    grades, table_grade = classify({name: semantic[name].code for name in table.columns}, table.rows)
    known = [
        Known(
            name,
            n,
            types[name],
            semantic[name],
            statistics[name],
            evidence[name].numbers[1] if evidence[name].numbers else None,
        )
        for n, name in enumerate(table.columns, 1)
    ]
    progress("check", 0.75)
    rules = suggest_rules(backend, staged, known)
    fields = [Field(name, kind) for name, kind in types.items()]
    run = run_checks(backend, staged, fields, rules, max_rows=max_rows, mask=mask)
    codes = {name: semantic[name].code for name in table.columns}
    risk = disclosure_risk(backend, staged, codes, table_grade.subject)
    progress("check", 1.0)
    return TableReport(
        name=table.name,
        rows=table.rows,
        header_rows=table.header_rows,
        skipped=table.skipped,
        quarantined=sorted([*table.quarantined, *bad], key=lambda entry: entry.row),
        quarantined_total=table.quarantined_total + sum(bad_totals.values()),
        grade=table_grade,
        columns=[
            ColumnReport(
                name,
                types[name],
                kinds[name].why,
                _with_counts(semantic[name], name, run.results),
                grades[name],
                statistics[name],
            )
            for name in table.columns
        ],
        rules=rules,
        results=run.results,
        findings=[*map(_header_finding, table.header_notes), *_in_order(run.findings)],
        scores=run.scores,
        risk=risk,
        crs=table.crs,
        reading=_reading(source, table, options),
    )


def _storage(
    backend: BaseBackend, staged: ir.Table, table: TextTable, options: ReadingOptions | None
) -> tuple[dict[str, ColumnType], list[Quarantined], dict[str, int]]:
    """Storage types and what does not fit them, for some columns at a time: one aggregation of all would not fit the memory."""
    kinds: dict[str, ColumnType] = {}
    bad: list[Quarantined] = []
    totals: dict[str, int] = {}
    wide = is_wide(backend, staged, table.columns, table.rows)
    step = len(table.columns) if wide else COLUMNS_AT_ONCE
    for start in range(0, len(table.columns), step):
        part = staged if wide else staged.select(ROW, *table.columns[start : start + step])
        found = infer_storage_types(backend, part, table.native, options.types if options else None)
        cells, counts = misfits(backend, part, found)
        kinds |= found
        bad += cells
        totals |= counts
    return kinds, bad, totals


def _reading(source: Source, table: TextTable, options: ReadingOptions | None) -> dict[str, Any]:
    """What was found out of the reading, and what a person said, as options for the next time."""
    found: dict[str, Any] = {"encoding": source.encoding} if source.encoding else {}
    if table.header_rows:
        found["header_rows"] = list(table.header_rows)
    if source.format in ("xlsx", "xls") and len(source.tables) > 1:
        found["sheet"] = table.name
    if options:
        plain = ReadingOptions()
        said = {
            name: value for name, value in vars(options).items() if value != getattr(plain, name) and name != "types"
        }
        found |= {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    return found


def _with_counts(found: Recognised, name: str, results: list[Any]) -> Recognised:
    """The evidence of a check digit counted over the whole column, where the recogniser saw a sample."""
    for result in results:
        if result.rule.kind == "check_digit" and result.rule.column == name and result.checked:
            counts = f"{result.checked - result.failed:,} / {result.checked:,}"
            return replace(found, evidence=(gettext("校验位通过 {counts}", counts=counts), *found.evidence[1:]))
    return found


def _header_finding(note: HeaderNote) -> Finding:
    message = (
        gettext("第 {column} 列没有表头，暂称「{name}」", column=note.column, name=note.name)
        if note.kind == "empty"
        else gettext("第 {column} 列的表头与别列相同，暂称「{name}」", column=note.column, name=note.name)
    )
    return Finding(f"header-{note.column}", note.name, f"header_{note.kind}", "warning", message, 0, [], [])


def _in_order(findings: list[Finding]) -> list[Finding]:
    severities = ("error", "warning", "info")
    return sorted(findings, key=lambda finding: (severities.index(finding.severity), -finding.rows_total))
