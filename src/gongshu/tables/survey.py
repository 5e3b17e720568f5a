"""A table against its contract, its column statistics and its semantic types together (普查): in one scan, where that is cheaper."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.tables.beside import Beside, can_ride
from gongshu.tables.check_results import QualityRun
from gongshu.tables.check_tables import Context
from gongshu.tables.checks import run_checks
from gongshu.tables.contract import Contract, Field, Rule
from gongshu.tables.engine import open_engine
from gongshu.tables.model import ROW
from gongshu.tables.reading import read_file
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.reading.session import the_table
from gongshu.tables.semantic.recognition import Recognised, recognise
from gongshu.tables.statistics import ColumnStatistics, column_statistics

MEMORY = "220MB"  # of the engine; Python and its libraries take some 250 MB beside


@dataclass(frozen=True)
class Survey:
    """``statistics`` and ``semantic`` by the names of the columns that the table and the fields have both."""

    quality: QualityRun
    statistics: dict[str, ColumnStatistics]
    semantic: dict[str, Recognised]


def survey_file(
    path: str | Path, contract: Contract, *, max_rows: int = 1000, mask: Path | None = None, sheet: str | None = None
) -> Survey:
    """A file against its contract, read as the contract says (``sheet``: another one than that). TableError as of reading."""
    options = ReadingOptions(**contract.reading)
    options = replace(options, sheet=sheet) if sheet else options
    with tempfile.TemporaryDirectory(prefix="gongshu-check-") as name:
        folder = Path(name) / "file"
        folder.mkdir()
        with open_engine(Path(name) / "engine", MEMORY) as engine:
            table = engine.read_parquet(the_table(read_file(Path(path), folder, options), options.sheet).path)
            context = Context(name=contract.name, frequency=contract.update_frequency or "")
            return survey(engine, table, contract.fields, contract.rules, max_rows=max_rows, context=context, mask=mask)


def survey(
    backend: BaseBackend,
    table: ir.Table,
    fields: Iterable[Field],
    rules: Iterable[Rule],
    *,
    max_rows: int = 1000,
    context: Context | None = None,
    mask: Path | None = None,
) -> Survey:
    """:func:`.run_checks`, :func:`.column_statistics` and :func:`.recognise` of a table with ``_row``, with the same answers.

    A large table in process is read once for the row-local rules, for the hashes of which the statistics are made and for the
    sample of the recogniser; keys and the values that repeat have a grouped pass each.
    """
    fields = list(fields)
    types = {field.name: field.storage_type for field in fields if field.name in table.columns}
    rows = int(backend.to_pyarrow(table.count()).as_py())
    with tempfile.TemporaryDirectory(prefix="gongshu-survey-") as folder:
        beside = Beside(Path(folder), list(types), rows) if can_ride(backend.name, len(types), rows) else None
        quality = run_checks(
            backend, table, fields, rules, max_rows=max_rows, context=context, mask=mask, beside=beside
        )
        rode = beside if beside and beside.done else None
        statistics = column_statistics(backend, table, types, rode.hashes if rode else None)
        texts = table.select(table[ROW], **{name: table[name].cast("string") for name in types})
        semantic, _ = recognise(backend, texts, rows, sample=rode.sample() if rode else None)
    return Survey(quality, statistics, semantic)
