"""A page of rows in the formats of the interface."""

from __future__ import annotations

from gongshu.opening.rows import answers
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.wanted import Wanted


def rows(table: Table, ask: Ask, wanted: Wanted) -> tuple[bytes, str | None, int | None]:
    """The body, the cursor of the next page and the total."""
    if wanted.format == "jsonl":
        found = answers.page(table, ask, wanted, answers.chosen(table, ask.select))
        return "".join(f"{text}\n" for text in found.texts).encode(), found.next, found.total
    return answers.rows_json(table, ask, wanted)
