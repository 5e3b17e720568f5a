"""The report of an inspection: Python objects, the JSON document, a contract proposed from it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gongshu import __version__
from gongshu.i18n import Message, use_language
from gongshu.tables.check_results import Finding, Result
from gongshu.tables.classify import Grade
from gongshu.tables.contract import Contract, Field, Rule
from gongshu.tables.errors import TableError
from gongshu.tables.model import Quarantined, Skipped
from gongshu.tables.semantic.recognition import Recognised
from gongshu.tables.statistics import ColumnStatistics

TOP_SHOWN = 10
_SAFE_INTEGER = 2**53


@dataclass(frozen=True)
class ColumnReport:
    """A column: storage type and why, semantic type, grade, statistics."""

    name: str
    storage_type: str
    storage_why: str
    semantic: Recognised
    grade: Grade
    statistics: ColumnStatistics

    def as_json(self) -> dict[str, Any]:
        """The entry of ``columns`` in the inspect document."""
        return {
            "name": self.name,
            "storage_type": self.storage_type,
            "semantic_type": self.semantic.code,
            "probability": self.semantic.probability,
            "evidence": list(self.semantic.evidence),
            "ask": self.semantic.ask,
            "rival": self.semantic.rival,
            "level": self.grade.level,
            "open_type": self.grade.open_type,
            "subject": self.grade.subject,
            "why": self.grade.sentence,
            "nulls": self.statistics.nulls,
            "distinct": self.statistics.distinct,
            "min": json_value(self.statistics.minimum),
            "max": json_value(self.statistics.maximum),
            "top": [[_as_typed(value, self.storage_type), n] for value, n in self.statistics.top[:TOP_SHOWN]],
        }


@dataclass
class TableReport:
    """What is known of one table of a file. ``reading``: the options with which the reader reads it so again."""

    name: str
    rows: int
    header_rows: list[int]
    skipped: list[Skipped]
    quarantined: list[Quarantined]
    quarantined_total: int
    grade: Grade
    columns: list[ColumnReport]
    rules: list[Rule]
    results: list[Result]
    findings: list[Finding]
    scores: dict[str, Any]
    risk: dict[str, Any] | None
    crs: str | None = None
    reading: dict[str, Any] = field(default_factory=dict)

    def as_json(self, max_rows: int) -> dict[str, Any]:
        """The entry of ``tables`` in the inspect document."""
        return {
            "name": self.name,
            "header_rows": list(self.header_rows),
            "skipped_rows": [{"row": skipped.row, "why": skipped.why} for skipped in self.skipped],
            "rows": self.rows,
            "quarantined": [
                {"row": bad.row, "column": bad.column, "value": bad.value, "why": bad.why}
                for bad in self.quarantined[:max_rows]
            ],
            "quarantined_total": self.quarantined_total,
            "subject": self.grade.subject,
            "level": self.grade.level,
            "open_type": self.grade.open_type,
            "why": self.grade.sentence,
            "crs": self.crs,
            "columns": [column.as_json() for column in self.columns],
            "rules": [rule_json(rule) for rule in self.rules],
            "findings": [_finding_json(finding) for finding in self.findings],
            "scores": {key: self.scores[key] for key in ("profile", "total", "dimensions", "indicators")},
            "risk": self.risk,
        }

    def contract(self) -> Contract:
        """A data contract proposed from what was found: fields with grades and protections, rules, how the file was read.

        Title and provider are left to a person. Rules of mere hints are left out.
        """
        broken = {(result.rule.kind, result.column) for result in self.results if result.failed}
        kept = [rule for rule in self.rules if rule.severity != "info" and rule.kind != "type"]
        fields = [self._field(column, broken, kept) for column in self.columns]
        key = next((field for field in fields if field.unique and field.required), None)
        if key:
            key.primary_key = True
        return Contract(
            name=re.sub(r"\s+", "_", self.name.strip()) or "table",
            fields=fields,
            rules=kept,
            level=self.grade.level,
            open_type=self.grade.open_type,
            reading=dict(self.reading),
        )

    def _field(self, column: ColumnReport, broken: set[tuple[str, str | None]], rules: list[Rule]) -> Field:
        chinese = bool(re.search("[一-鿿]", column.name))
        return Field(
            name=column.name,
            storage_type=column.storage_type,
            title=column.name if chinese else "",
            title_en="" if chinese else column.name,
            required=bool(self.rows) and column.statistics.nulls == 0,
            unique=any(rule.kind == "unique" and rule.column == column.name for rule in rules)
            and ("unique", column.name) not in broken,
            semantic_type=column.semantic.code,
            probability=column.semantic.probability,
            level=column.grade.level,
            open_type=column.grade.open_type,
            subject=column.grade.subject,
            protection=column.grade.protection,
        )


@dataclass
class FileReport:
    """One file: its tables, or the ``error`` for which it could not be read. ``seconds``: how long it took."""

    path: str
    format: str | None = None
    encoding: str | None = None
    error: TableError | None = None
    tables: list[TableReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0

    def as_json(self, max_rows: int) -> dict[str, Any]:
        """The entry of ``files`` in the inspect document."""
        return {
            "path": self.path,
            "format": self.format,
            "encoding": self.encoding,
            "error": self.error.as_json() if self.error else None,
            "notes": list(self.notes),
            "tables": [table.as_json(max_rows) for table in self.tables],
        }


@dataclass
class Report:
    """All files of an inspection."""

    files: list[FileReport]
    max_rows: int = 1000

    @property
    def tables(self) -> list[TableReport]:
        """The tables of all files, in order."""
        return [table for file in self.files for table in file.tables]

    def as_json(self) -> dict[str, Any]:
        """The inspect document as plain dicts and lists."""
        return {"gongshu": __version__, "files": [file.as_json(self.max_rows) for file in self.files]}

    def to_json(self, indent: int | None = None) -> str:
        """The inspect document as JSON text; see the interface ``inspect --json-schema``."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=indent, allow_nan=False)

    def translations(self, language: str) -> dict[str, str]:
        """The sentences of the document as ``language`` has them: evidence, and why something was set aside."""
        tables = [table for file in self.files for table in file.tables]
        said = [text for table in tables for column in table.columns for text in column.semantic.evidence]
        said += [rule.evidence for table in tables for rule in table.rules]
        said += [bad.why for table in tables for bad in table.quarantined[: self.max_rows]]
        with use_language(language):
            return {str(text): text.again() for text in said if isinstance(text, Message)}

    def contract(self, table: int = 0) -> Contract:
        """The contract proposed for one of the tables (the first when not said)."""
        return self.tables[table].contract()


def rule_json(rule: Rule) -> dict[str, Any]:
    """A rule as in the inspect document."""
    return {
        "id": rule.id,
        "column": rule.column,
        "columns": list(rule.columns),
        "kind": rule.kind,
        "params": rule.params,
        "dimension": rule.dimension,
        "severity": rule.severity,
        "evidence": rule.evidence,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "column": finding.column,
        "kind": finding.kind,
        "severity": finding.severity,
        "message": finding.message,
        "rows_total": finding.rows_total,
        "rows": list(finding.rows),
        "examples": list(finding.examples),
    }


def json_value(value: Any) -> Any:
    """A value by the rules of the interface: big integers and decimals as text, no NaN, ISO dates, Beijing time, base64."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dt.datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=dt.timezone(dt.timedelta(hours=8)))
        return zoned.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"no JSON for {type(value).__name__}")


def _as_typed(text: str, storage_type: str) -> Any:
    """A value of a text table as JSON would have it when it is a plain number, else as it was written."""
    if storage_type == "int64" and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
        return json_value(int(text))
    if storage_type == "float64" and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return json_value(float(text))
    return text
