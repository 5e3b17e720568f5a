"""The inspect document of an upload as a draft's page reads it: parsed once per file, shared, not to be changed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gongshu.gathering import store
from gongshu.gathering.models import Upload
from gongshu.governance.findings import finding_key
from gongshu.i18n import current_language
from gongshu.tables.wording import rule_title

KEPT = 8  # documents; one of 300 columns and 1,000 row numbers a finding takes some 10 MB


@dataclass(frozen=True)
class Inspected:
    """One table of an inspected file. ``columns`` and ``findings`` by name and by key, in the order of the document."""

    file: dict[str, Any]
    table: dict[str, Any]
    columns: dict[str, dict[str, Any]]
    findings: dict[str, dict[str, Any]]
    rules: dict[str, dict[str, Any]]
    problems: Counter[str]

    @property
    def skipped(self) -> Counter[str]:
        """How many source rows were no records, by kind."""
        return Counter(row["why"] for row in self.table["skipped_rows"])

    def suggested(self) -> list[dict[str, Any]]:
        """The rules that were learned from the table, each with what it asks, of which columns, and why."""
        return [
            {
                "title": rule_title(one["kind"]),
                "columns": one["columns"] or [one["column"] or ""],
                "evidence": one.get("evidence", ""),
            }
            for one in self.table["rules"]
        ]

    def columns_of(self, finding: dict[str, Any]) -> list[str]:
        """The columns that a finding speaks of; none for whole rows."""
        named = list(self.rules.get(finding["rule"], {}).get("columns") or [])
        if finding["column"] and finding["column"] not in named:
            named.insert(0, finding["column"])
        return [name for name in named if name in self.columns]


def inspected(upload: Upload, number: int) -> Inspected | None:
    """What was found of table ``number`` of an upload; None when it isn't there (not inspected, or read otherwise since)."""
    path = store.report_of(upload)
    try:
        stamp = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _parsed(path, stamp, number, current_language())


@lru_cache(maxsize=KEPT)
def _parsed(path: Path, _stamp: int, number: int, language: str) -> Inspected | None:
    document = json.loads(path.read_text(encoding="utf-8"))
    file = document["files"][0]
    tables = file.pop("tables")
    if not 0 <= number < len(tables):
        return None
    table = tables[number]
    if language == "en":
        english = document.get("english", {})
        for column in table["columns"]:
            column["evidence"] = [english.get(text, text) for text in column["evidence"]]
        for rule in table["rules"]:
            rule["evidence"] = english.get(rule.get("evidence", ""), rule.get("evidence", ""))
        for bad in table["quarantined"]:
            bad["why"] = english.get(bad["why"], bad["why"])
    problems: Counter[str] = Counter()
    for finding in table["findings"]:
        if finding["column"]:
            problems[finding["column"]] += finding["rows_total"]
    return Inspected(
        file,
        table,
        {column["name"]: column for column in table["columns"]},
        {finding_key(finding): finding for finding in table["findings"]},
        {rule["id"]: rule for rule in table["rules"]},
        problems,
    )
