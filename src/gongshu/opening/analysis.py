"""A dataset counted or measured by one column or two: the figures that the analysis page draws, and where each leads."""

from __future__ import annotations

import calendar
import csv
import io
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from gongshu.opening import console
from gongshu.opening.rows import answers, grammar, groupers
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.groupers import Grouper
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import FORMULA, NUMERIC, BadQuestion, is_bounded, typed
from gongshu.opening.rows.wanted import MOST_ROWS, Wanted

MOST_LINES, MOST_PERIODS, MOST_HEADS = 40, 400, 8


@dataclass(frozen=True)
class Head:
    """A group: its ``value`` as the row API has it, its ``label`` for people."""

    value: Any
    label: str


@dataclass(frozen=True)
class Figures:
    """``cells[n][m]``: what is measured of the rows of ``lines[n]`` that are of ``heads[m]``, None where there are none.

    Without a second grouping ``heads`` is empty. ``of_lines``, ``of_heads`` and ``whole`` are measured over all rows of each, not
    over what is shown. ``more``: there are more lines, or heads, than are shown. ``approximate``: percentiles are estimates.
    """

    lines: list[Head]
    heads: list[Head]
    cells: list[list[Any]]
    of_lines: list[Any]
    of_heads: list[Any]
    whole: Any
    more: bool
    more_heads: bool
    approximate: bool

    @property
    def drawn(self) -> list[tuple[str, list[float | None]]]:
        """The series of the chart: name and a number for each line."""
        if not self.heads:
            return [("", [number(value) for value in self.of_lines])]
        return [(head.label, [number(line[m]) for line in self.cells]) for m, head in enumerate(self.heads)]


def figures(table: Table, ask: Ask, by: tuple[str, ...], measure: str) -> Figures:
    """Rows that answer ``ask`` by the first or the first two of ``by``; BadQuestion for groupings that make too many cells."""
    groups = groupers.parse(by[:2], table)
    said: dict[str, Any] = {}

    def asked(chosen: list[Grouper], sort: list[str], limit: int) -> list[dict[str, Any]]:
        wanted = Wanted(limit=limit, by=tuple(one.name for one in chosen), measures=(measure,))
        found = json.loads(answers.groups(table, ask, wanted, sort))
        said.setdefault("approximate", found.get("approximate", False))
        return list(found["groups"])

    def listed(grouper: Grouper, most: int) -> tuple[list[Head], list[Any], bool]:
        ordered = in_order(grouper)
        most = max(most, MOST_PERIODS) if ordered and most == MOST_LINES else most
        found = asked([grouper], [grouper.name if ordered else f"-{measure}"], most + 1)
        heads = [Head(one["by"][grouper.name], label(grouper, one["by"][grouper.name])) for one in found[:most]]
        return heads, [one[measure] for one in found[:most]], len(found) > most

    whole = asked([], [], 1)
    lines, of_lines, more = listed(groups[0], MOST_LINES) if groups else ([], [], False)
    heads, of_heads, more_heads = listed(groups[1], MOST_HEADS) if len(groups) > 1 else ([], [], False)
    cells: list[list[Any]] = []
    if heads:
        found = asked(groups, [], MOST_ROWS)
        if len(found) == MOST_ROWS:
            names = {"one": groups[0].name, "other": groups[1].name}
            raise BadQuestion(_("“%(one)s”和“%(other)s”的组合太多，请换一列，或先筛选") % names, parameter="by")
        at = {tuple(one["by"].values()): one[measure] for one in found}
        cells = [[at.get((line.value, head.value)) for head in heads] for line in lines]
    return Figures(
        lines, heads, cells, of_lines, of_heads, whole[0][measure] if whole else None, more, more_heads,
        bool(said["approximate"]),
    )  # fmt: skip


def in_order(grouper: Grouper) -> bool:
    """Whether the groups stand in an order of their own: periods, dates and numbers that are no codes."""
    kind = grouper.column["storage_type"]
    return (
        bool(grouper.period)
        or kind in (*groupers.DATED, "time")
        or (kind in NUMERIC and not grouper.column.get("codes"))
    )


def label(grouper: Grouper, value: Any) -> str:
    """A group for people: codes with their meaning."""
    if value is None:
        return _("空")
    if isinstance(value, str) and not value.strip():
        return _("空白文字")
    if isinstance(value, bool):
        return _("是") if value else _("否")
    meaning = (grouper.column.get("codes") or {}).get(str(value))
    return f"{value} {meaning}" if meaning else str(value)[:200]


def number(value: Any) -> float | None:
    """A measure as a number to draw; None for what is none."""
    try:
        return None if value is None or isinstance(value, bool) else round(float(value), 6)
    except ValueError:
        return None


def where(grouper: Grouper, value: Any) -> list[tuple[str, str]]:
    """The conditions of a group, in the words of the row API; none where they can't say it (a year beyond 9999, a long text)."""
    name = str(grouper.column["name"])
    if value is None:  # NaN and infinite dates are among them
        return grammar.Filter(name, "is_null", ("1",)).pairs if is_bounded(grouper.column) else []
    if not grouper.period:
        said = ("1" if value else "0") if isinstance(value, bool) else str(value)
        with suppress(BadQuestion):
            typed(said, grouper.column, name)
            return grammar.Filter(name, "eq", (said,)).pairs
        return []
    ends = _ends(str(value), grouper.period)
    if ends is None:
        return []
    first, last = (end.isoformat() for end in ends)
    if grouper.column["storage_type"] == "timestamp":
        last = f"{last}T23:59:59.999999"
    return grammar.Filter(name, "between", (first, last)).pairs


def csv_file(found: Figures, by: list[str], measure: str) -> str:
    """The figures as a CSV file; text that a spreadsheet would compute gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    everything = _("全部")
    writer.writerow(map(_guarded, [by[0] if by else "", *(head.label for head in found.heads), measure]))
    for n, line in enumerate(found.lines):
        cells = found.cells[n] if found.heads else []
        writer.writerow(map(_guarded, [line.label, *cells, found.of_lines[n]]))
    if not found.more:
        writer.writerow(map(_guarded, [everything, *(found.of_heads if found.heads else []), found.whole]))
    return "\ufeff" + out.getvalue()


def share(form: console.Form, view: str) -> str:
    """The question as the address of the page has it, so that a link shows the same again."""
    pairs = [pair for one in form.conditions for pair in (("c", one.column), ("o", one.operator), ("v", one.value))]
    pairs += [("join", "or")] if form.any else []
    pairs += [("q", form.search)] if form.search else []
    pairs += [("by", name) for name in form.by]
    pairs += [("function", form.function)] + ([("measured", form.measured)] if form.function != "count" else [])
    return urlencode([*pairs, ("view", view)])


def _ends(text: str, period: str) -> tuple[date, date] | None:
    """First and last day of 2026, 2026-Q1, 2026-03 or 2026-03-08; None for what is no such date (years beyond 9999)."""
    try:
        if period == "day":
            return date.fromisoformat(text), date.fromisoformat(text)
        year, _mark, rest = text.partition("-")
        first, last = 1, 12
        if period == "quarter":
            first, last = 3 * int(rest[1:]) - 2, 3 * int(rest[1:])
        elif period == "month":
            first = last = int(rest)
        end = calendar.monthrange(int(year), last)[1]
        return date(int(year), first, 1), date(int(year), last, end)
    except ValueError:
        return None


def _guarded(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and re.match(FORMULA, value) and number(value) is None else value
