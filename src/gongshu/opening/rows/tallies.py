"""What a question is answered from: the rows, or one of the small tables beside them that surely gives the same answer.

A tally answers what asks of its columns only: conditions, groups, facets, distinct values, totals, with numbers, sums and
averages of columns of numbers. Steps answer how many rows have a value within bounds. What text is looked for in, and copies made
before there were tallies, are answered from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
from gongshu.lake.tallies import filled_name, high_name, mark, place_name, sum_name
from gongshu.opening.rows.conditions import Conditions
from gongshu.opening.rows.grammar import TEXT_OPERATORS, Ask, Branch, Filter
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import call, quoted
from gongshu.opening.rows.wanted import Wanted

BOUNDS = {"lt", "lte", "gt", "gte", "between"}


@dataclass(frozen=True)
class Source:
    """A table of the serving copy: the rows, or a tally (then ``ours`` is how its own columns begin)."""

    name: str
    rows: int
    columns: frozenset[str] = frozenset()
    ours: str = ""

    @property
    def number(self) -> exp.Expr:
        """How many rows there are."""
        if not self.ours:
            return exp.Count(this=exp.Star())
        return exp.cast(
            exp.Coalesce(this=exp.Sum(this=quoted(self.ours)), expressions=[exp.Literal.number(0)]), "BIGINT"
        )

    def sum(self, column: str) -> exp.Expr:
        """The sum of a column of numbers."""
        return exp.Sum(this=quoted(sum_name(self.ours, column) if self.ours else column))

    def filled(self, column: str) -> exp.Expr:
        """How many cells of a column of numbers are filled."""
        if not self.ours:
            return exp.Count(this=quoted(column))
        name = filled_name(self.ours, column)
        return exp.Sum(this=quoted(name if name in self.columns else self.ours))

    def covers(self, columns: set[str], summed: Iterable[str]) -> bool:
        """Whether it has these columns, and sums of those."""
        return columns <= self.columns and all(sum_name(self.ours, each) in self.columns for each in summed)


def source(table: Table, ask: Ask, columns: Iterable[str], summed: Iterable[str] = ()) -> Source:
    """The smallest table from which values of ``columns``, sums and averages of ``summed`` and numbers of the rows that answer
    ``ask`` can be told."""
    needed = {*columns, *(one.column for one in leaves(ask))}
    if not is_about_text(ask):
        for tally in _tallies(table.path, serving.stamp(table.path), mark(table.by_name)):
            if tally.covers(needed, summed):
                return tally
    return Source(serving.TABLE, table.rows)


def is_about_text(ask: Ask) -> bool:
    """Whether text is looked for, which is done in the rows."""
    return bool(ask.words) or any(one.operator in TEXT_OPERATORS for one in leaves(ask))


def leaves(ask: Ask) -> Iterator[Filter]:
    """All conditions on columns."""
    yield from ask.filters
    if ask.tree is not None:
        yield from _leaves(ask.tree)


def _leaves(node: Branch | Filter) -> Iterator[Filter]:
    if isinstance(node, Filter):
        yield node
        return
    for part in node.parts:
        yield from _leaves(part)


def within(table: Table, ask: Ask) -> int | None:
    """How many rows have a value within the bounds of ``ask``, which are all of one column; None where only the rows tell."""
    names = {one.column for one in ask.filters}
    if len(names) != 1 or ask.tree is not None or ask.words or any(one.operator not in BOUNDS for one in ask.filters):
        return None
    (name,) = names
    ours = mark(table.by_name)
    steps = _named(table, "steps_", (name, high_name(ours), ours))
    if not steps:
        return None
    conditions = Conditions(table)
    low = [conditions.of(Ask(filters=(bound,))) or exp.true() for bound in _bounds(ask)]
    high = [each.transform(_renamed, name, high_name(ours)) for each in low]
    # a step lies within a bound as a whole or not at all, unless the bound lies within the step
    torn = exp.or_(*(exp.NEQ(this=exp.paren(a), expression=exp.paren(b)) for a, b in zip(low, high, strict=True)))
    query = exp.select(
        exp.Filter(this=exp.Sum(this=quoted(ours)), expression=exp.Where(this=exp.and_(*low))),
        exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=torn)),
    ).from_(steps)
    with serving.POOL.cursor(table.path) as cursor:
        number, doubtful = serving.execute(cursor, query.sql("duckdb"), conditions.values).fetchall()[0]
    return None if doubtful else int(number or 0)


def first(table: Table, ask: Ask, wanted: Wanted) -> list[tuple[Any, int]] | None:
    """Key and ordinal of each row of a page in the order of one column, and of one more row if there is; None where the page
    goes further than the rows that were kept of that order, or asks for more than this column and the key."""
    if len(ask.sort) != 1 or len(table.key) != 1 or is_about_text(ask):
        return None
    ((name, down),) = ask.sort
    key, ours = table.key[0], mark(table.by_name)
    kept = _named(table, "ends_down_" if down else "ends_up_", (name, key, place_name(ours)))
    if not kept or not {one.column for one in leaves(ask)} <= {name, key}:
        return None
    conditions = Conditions(table)
    parts = [conditions.of(ask)]
    if (after := wanted.cursor) is not None:
        parts.append(conditions.after(ask.sort, list(after.values), after.ordinal))
    ordinal = quoted(place_name(ours))
    query = exp.select(quoted(key), ordinal).from_(kept).limit(wanted.limit + 1).offset(wanted.offset)
    where = [part.transform(_renamed, "rowid", place_name(ours)) for part in parts if part is not None]
    order = exp.Ordered(this=quoted(name), desc=down, nulls_first=False)
    query = query.where(*where).order_by(order, exp.Ordered(this=ordinal.copy(), nulls_first=False))
    with serving.POOL.cursor(table.path) as cursor:
        found = serving.execute(cursor, query.sql("duckdb"), conditions.values).fetchall()
    return found if len(found) > wanted.limit or _is_beyond(table, ask, kept, name, down) else None


def _is_beyond(table: Table, ask: Ask, kept: str, name: str, down: bool) -> bool:
    """Whether one of the kept rows is beyond a bound that is met in this order: then every row that was not kept is, too."""
    conditions = Conditions(table)
    met = {"gt", "gte"} if down else {"lt", "lte"}
    bounds = [conditions.of(Ask(filters=(one,))) for one in _bounds(ask) if one.column == name and one.operator in met]
    failed = [exp.not_(call("coalesce", bound, exp.false())) for bound in bounds if bound is not None]
    if not failed:
        return False
    query = exp.select(exp.Count(this=exp.Star())).from_(kept).where(exp.or_(*failed))
    with serving.POOL.cursor(table.path) as cursor:
        return bool(serving.execute(cursor, query.sql("duckdb"), conditions.values).fetchall()[0][0])


def _bounds(ask: Ask) -> Iterator[Filter]:
    """The conditions, what lies between two values as two of them."""
    for one in ask.filters:
        if one.operator == "between":
            yield Filter(one.column, "gte", one.values[:1])
            yield Filter(one.column, "lte", one.values[1:])
        else:
            yield one


def _renamed(node: exp.Expr, name: str, other: str) -> exp.Expr:
    return quoted(other) if isinstance(node, exp.Column) and node.name == name else node


def _named(table: Table, start: str, columns: tuple[str, ...]) -> str:
    """The table beside the rows with these columns; empty when there is none."""
    tables = _beside(table.path, serving.stamp(table.path))
    return next((one.name for one in tables if one.name.startswith(start) and one.listed == columns), "")


@lru_cache(maxsize=256)
def _tallies(path: Path, stamp: tuple[int, int, int], ours: str) -> tuple[Source, ...]:
    """The tallies of a copy, the smallest first."""
    found = (one for one in _beside(path, stamp) if one.name.startswith("tally_"))
    return tuple(
        sorted((Source(one.name, one.rows, frozenset(one.listed), ours) for one in found), key=lambda t: t.rows)
    )


@dataclass(frozen=True)
class _Beside:
    name: str
    rows: int
    listed: tuple[str, ...]


@lru_cache(maxsize=256)
def _beside(path: Path, stamp: tuple[int, int, int]) -> tuple[_Beside, ...]:
    """The tables of a copy beside its rows; looked at once for a file."""
    tables = exp.select("table_name", "estimated_size").from_(call("duckdb_tables"))
    columns = exp.select("table_name", "column_name").from_(call("duckdb_columns")).where(exp.not_("internal"))
    columns = columns.order_by("column_index")
    with serving.POOL.cursor(path, touch=False) as cursor:
        sizes = cursor.execute(tables.sql("duckdb")).fetchall()
        listed: dict[str, list[str]] = {}
        for name, column in cursor.execute(columns.sql("duckdb")).fetchall():
            listed.setdefault(name, []).append(column)
    return tuple(_Beside(name, rows, tuple(listed[name])) for name, rows in sizes if name != serving.TABLE)
