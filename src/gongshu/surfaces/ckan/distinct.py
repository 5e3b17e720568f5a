"""``distinct`` of ``datastore_search``: the different rows of some columns, in an order of their own, and how many there are."""

from __future__ import annotations

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows import answers
from gongshu.opening.rows.conditions import Conditions
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.statements import Statement
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import quoted
from gongshu.opening.rows.wanted import Wanted
from gongshu.surfaces.ckan.errors import Invalid


def page(table: Table, ask: Ask, fields: list[str], wanted: Wanted, each: str) -> tuple[list[str], int | None]:
    """The different rows of ``fields`` (without ``_id``) of the rows that answer ``ask``, each as the text that the SQL ``each``
    gives, and how many there are if that is asked for.

    They stand as ``sort`` says, then by the columns in their order, empty ones last. Invalid where they are sorted by a column
    that isn't among them, as in any SQL; TooLarge beyond 64 MB.
    """
    stray = next((name for name, _down in ask.sort if name not in fields), None)
    if stray is not None:
        raise Invalid(sort=[f'field "{stray[:80]}" must be among the fields of distinct rows'])
    conditions = Conditions(table)
    condition = conditions.of(ask)
    rows = exp.select(*(quoted(name) for name in fields)).distinct().from_(serving.TABLE)
    if condition is not None:
        rows = rows.where(condition)
    query = exp.Select(expressions=[exp.Var(this=each)]).from_(rows.subquery("found"))
    sort = [*ask.sort, *((name, False) for name in fields if name not in dict(ask.sort))]
    query = query.order_by(*(exp.Ordered(this=quoted(name), desc=down, nulls_first=False) for name, down in sort))
    query = query.limit(wanted.limit).offset(wanted.offset)
    found: list[str] = []
    if wanted.limit:
        with serving.POOL.cursor(table.path) as cursor:
            statement = Statement(query.sql(dialect="duckdb"), conditions.values)
            found = [row[0] for row in answers.texts(table, cursor, statement)]
    if not wanted.total:
        return found, None
    if len(found) < wanted.limit and (found or not wanted.offset):
        return found, wanted.offset + len(found)
    number = exp.select(exp.Count(this=exp.Star())).from_(rows.subquery("found"))
    return found, int(answers.read(table, Statement(number.sql(dialect="duckdb"), conditions.values))[0][0])
