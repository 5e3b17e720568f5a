"""The form on which a question for rows is put together with clicks, and the words of the row API that it stands for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import QueryDict

from gongshu.opening.rows import grammar, groupers
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import LONGEST, NUMERIC
from gongshu.opening.rows.wanted import LIMIT, MOST_ROWS

MOST_CONDITIONS = 12
ANSWERS = ("rows", "facets", "groups")
FUNCTIONS = ("count", "sum", "avg", "min", "max", "p50", "p90")
ORDERED = ("lt", "lte", "gt", "gte", "between")
LISTED = re.compile(r"[,，、;；\n]+")


@dataclass(frozen=True)
class Condition:
    """One line of the form, its value as it was typed."""

    column: str = ""
    operator: str = "eq"
    value: str = ""

    @property
    def values(self) -> list[str]:
        """The value as the row API has it: several for ``in``, two for ``between``."""
        if self.operator == "in":
            return [part.strip() for part in LISTED.split(self.value) if part.strip()] or [""]
        if self.operator == "between":
            return [part.strip() for part in self.value.split("..", 1)]
        if self.operator == "is_null":
            return ["0" if self.value.strip() == "0" else "1"]
        return [self.value.strip()]


@dataclass(frozen=True)
class Form:
    """What the reader chose; anything that is no choice of the form is as if it had not been said."""

    answer: str
    conditions: tuple[Condition, ...]
    any: bool
    search: str
    select: tuple[str, ...]
    sort: str
    descending: bool
    limit: str
    format: str
    facets: tuple[str, ...]
    by: tuple[str, ...]
    function: str
    measured: str

    @property
    def tree(self) -> dict[str, Any] | None:
        """The conditions as the ``filter`` tree when one of them is enough; None when all must hold."""
        if not self.any or len(self.conditions) < 2:
            return None
        return {"or": [_leaf(one) for one in self.conditions]}

    @property
    def options(self) -> list[tuple[str, list[str]]]:
        """The words that are no conditions."""
        found: list[tuple[str, list[str]]] = [("q", [self.search])] if self.search else []
        if self.answer == "rows":
            found += [("select", list(self.select))] if self.select else []
            found += [("sort", [f"-{self.sort}" if self.descending else self.sort])] if self.sort else []
            found += [("limit", [self.limit])]
            found += [("format", [self.format])] if self.format != "json" else []
        elif self.answer == "facets":
            found += [("column", list(self.facets))]
        else:
            found += [("by", list(self.by))] if self.by else []
            found += [("measure", self.measures), ("sort", [f"-{self.measures[-1]}"])]
        return found

    @property
    def measures(self) -> list[str]:
        """What is measured of a group: the number of rows, and one function of a column."""
        own = self.function != "count" and bool(self.measured)
        return ["count", f"{self.function}:{self.measured}"] if own else ["count"]

    @property
    def words(self) -> grammar.Words:
        """The whole question in the words of the row API."""
        if self.tree is not None:
            return [("filter", [json.dumps(self.tree, ensure_ascii=False)]), *self.options]
        return [*(_simple(one) for one in self.conditions), *self.options]

    @property
    def query(self) -> str:
        """The words as a query string, its values percent-encoded."""
        pairs = [(name, value) for name, values in self.words for value in values]
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def read(query: QueryDict, table: Table, formats: list[str]) -> Form:
    """The form as it was sent; without anything chosen, the first hundred rows."""
    plain = [name for name in table.names if table.kind(name) != "geometry"]
    grouped = {word for word, _label in groupers.choices(table)}

    def one(name: str, known: Any, default: str) -> str:
        text = query.get(name, default)
        return text if text in known else default

    chosen = zip(query.getlist("c"), query.getlist("o"), query.getlist("v"), strict=False)
    conditions = [
        Condition(column, operator, value[:LONGEST])
        for column, operator, value in chosen
        if column in table.by_name and operator in grammar.OPERATORS
    ]
    dropped = query.get("drop", "")
    if dropped.isascii() and dropped.isdigit() and len(dropped) < 6 and int(dropped) < len(conditions):
        del conditions[int(dropped)]
    limit = query.get("limit", "").strip()
    return Form(
        answer=one("answer", ANSWERS, "rows"),
        conditions=tuple(conditions[:MOST_CONDITIONS]),
        any=query.get("join") == "or",
        search=query.get("q", "").strip()[:LONGEST],
        select=tuple(name for name in table.names if name in query.getlist("select")),
        sort=one("sort", plain, ""),
        descending=query.get("order") == "down",
        limit=str(min(int(limit), MOST_ROWS)) if limit.isascii() and limit.isdigit() and len(limit) < 6 else str(LIMIT),
        format=one("format", formats, "json"),
        facets=tuple(name for name in plain if name in query.getlist("column")) or _worth_counting(table)[:1],
        by=tuple(dict.fromkeys(name for name in query.getlist("by") if name in grouped))
        or (() if "by" in query else _worth_counting(table)[:1]),
        function=one("function", FUNCTIONS, "count"),
        measured=one("measured", plain, next((name for name in plain if table.kind(name) in NUMERIC), "")),
    )


def operators_of(table: Table, column: str) -> list[str]:
    """The comparisons that make sense for a column."""
    kind = table.kind(column)
    if kind == "geometry":
        return ["is_null"]
    if kind == "string":
        return [name for name in grammar.OPERATORS if name not in ORDERED]
    return [name for name in grammar.OPERATORS if name not in grammar.TEXT_OPERATORS]


def _worth_counting(table: Table) -> tuple[str, ...]:
    """Columns of few different values, districts and the fewest first, masked ones last; the first column when none is such."""
    few = [c for c in table.columns if 1 < (c.get("distinct") or 0) <= 200 and c["storage_type"] != "geometry"]
    few.sort(key=_interest)
    plain = [name for name in table.names if table.kind(name) != "geometry"]
    return tuple(column["name"] for column in few) or tuple(plain[:1])


def _interest(column: dict[str, Any]) -> tuple[bool, bool, bool, int]:
    treated = (column.get("protection") or {}).get("method", "keep") != "keep"
    place = column.get("semantic_type") == "division_name"
    return treated, column["storage_type"] != "string", not place, column["distinct"]


def _simple(one: Condition) -> tuple[str, list[str]]:
    pairs = grammar.Filter(one.column, one.operator, tuple(one.values)).pairs
    return pairs[0][0], [value for _name, value in pairs]


def _leaf(one: Condition) -> dict[str, Any]:
    values = one.values
    return {
        "column": one.column,
        "op": one.operator,
        "value": values if one.operator in ("in", "between") else values[0],
    }
