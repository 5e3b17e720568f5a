"""What the inspection found of a draft's table: the findings, and the key by which one is named everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gongshu.tables.wording import finding_message


def finding_key(finding: Any) -> str:
    """The stable name of a finding, ``<rule>|<column>``, of the inspect document (a dict) or of a quality run (an object).

    The same on every run of the same rules, so that an accepted finding stays accepted when counts change.
    """
    said = finding if isinstance(finding, Mapping) else vars(finding)
    return f"{said['rule']}|{said['column'] or ''}"


def message_in_words(finding: Mapping[str, Any], columns: list[str]) -> str:
    """The sentence of a finding in the reader's language; ``columns`` are those of its rule."""
    if not finding["rows_total"]:  # of the header, not of rows
        return str(finding["message"])
    return finding_message(finding["kind"], finding["column"], tuple(columns), finding["rows_total"], 0)
