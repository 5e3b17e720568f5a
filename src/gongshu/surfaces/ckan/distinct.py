"""``distinct`` of ``datastore_search``: the different rows of some columns, in an order of their own, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows import answers
from gongshu.opening.rows.conditions import Conditions
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import quoted
from gongshu.opening.rows.wanted import Wanted
from gongshu.surfaces.ckan.errors import Invalid


@dataclass(frozen=True)
class _Found:
    query: exp.Select
    values: dict[str, Any]


def page(table: Table, ask: Ask, fields: list[str], wanted: Wanted, each: str) -> tuple[list[str], int | None]:
    """The different rows of ``fields`` (without ``_id``) of the rows that answer ``ask``, each as the text that the SQL ``each``
    gives, and how many there are if that is asked for.

    They stand as ``sort`` says, then by the columns in their order, empty ones last. Invalid where they are sorted by a column
    that isn't among them, as in any SQL; TooLarge beyond 64 MB.
    """
    stray = next((name for name, _down in ask.sort if name not in fields), None)
    if stray is not None:
        raise Invalid(sort=[f'field "{stray[:80]}" must be among the fields of distinct rows'])
    rows = _rows(table, ask, fields)
    query = exp.Select(expressions=[exp.Var(this=each)]).from_(rows.query.subquery("found"))
    sort = [*ask.sort, *((name, False) for name in fields if name not in dict(ask.sort))]
    query = query.order_by(*(exp.Ordered(this=quoted(name), desc=down, nulls_first=False) for name, down in sort))
    texts = _texts(table, query.limit(wanted.limit).offset(wanted.offset), rows.values) if wanted.limit else []
    if not wanted.total:
        return texts, None
    if len(texts) < wanted.limit and (texts or not wanted.offset):
        return texts, wanted.offset + len(texts)
    return texts, _total(table, rows)


def _rows(table: Table, ask: Ask, fields: list[str]) -> _Found:
    conditions = Conditions(table)
    condition = conditions.of(ask)
    query = exp.select(*(quoted(name) for name in fields)).distinct().from_(serving.TABLE)
    return _Found(query if condition is None else query.where(condition), conditions.values)


def _total(table: Table, rows: _Found) -> int:
    query = exp.select(exp.Count(this=exp.Star())).from_(rows.query.subquery("found"))
    with serving.POOL.cursor(table.path) as cursor:
        return int(serving.execute(cursor, query.sql(dialect="duckdb"), rows.values).fetchall()[0][0])


def _texts(table: Table, query: exp.Select, values: dict[str, Any]) -> list[str]:
    found: list[str] = []
    size = 0
    with serving.POOL.cursor(table.path) as cursor:
        result = serving.execute(cursor, query.sql(dialect="duckdb"), values)
        while batch := result.fetchmany(answers.BATCH):
            found += [row[0] for row in batch]
            size += sum(len(row[0]) for row in batch)
            if size > answers.ANSWER_BYTES:
                raise serving.TooLarge(table.path.name)
    return found
