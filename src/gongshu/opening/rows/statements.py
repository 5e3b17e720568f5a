"""Questions as SQL, made of expressions: pages of rows, totals, distinct values, facets, groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp

from gongshu.lake.serving import TABLE
from gongshu.opening.rows.conditions import Conditions, Shape
from gongshu.opening.rows.cursors import Cursor
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.groupers import Grouper
from gongshu.opening.rows.measures import Measure
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.tallies import Source, source
from gongshu.opening.rows.values import call, json_object, json_value, quoted

PLACES = "places"  # the parameter that holds ordinals


@dataclass(frozen=True)
class Statement:
    """SQL for DuckDB, and the values of its parameters."""

    sql: str
    values: dict[str, Any]


def page(
    table: Table, ask: Ask, chosen: str, limit: int | None, offset: int = 0, after: Cursor | None = None
) -> Statement:
    """Rows that answer ``ask``, of the expressions whose SQL is ``chosen`` (see :func:`text`), with their ordinals last."""
    if ask.everything and not ask.sort and after is None and limit is not None:
        return Statement(_from(table, chosen, limit), {"first": offset})
    conditions = Conditions(table)
    if after is None and (shape := conditions.shape(ask)) is not None:
        few = by_key(table, ask) and not ask.sort and not offset
        return Statement(_page_of_shape(table, shape, ask.sort, chosen, limit, offset, few), conditions.values)
    conditions = Conditions(table)
    wanted = [conditions.of(ask)]
    if after is not None:
        wanted.append(conditions.after(ask.sort, list(after.values), after.ordinal))
    found = [condition for condition in wanted if condition is not None]
    where = exp.and_(*found, copy=False) if found else None
    return Statement(_said(_page(table, where, ask.sort, chosen, limit, offset)), conditions.values)


@lru_cache(maxsize=512)
def _from(table: Table, chosen: str, limit: int) -> str:
    """Rows of all from an ordinal on. Said as a condition: for LIMIT alone, and OFFSET, the engine looks for the ordinals first and
    joins the rows to them, which takes three times as long, and of ten million rows fifteen times."""
    first = exp.GTE(this=exp.column("rowid"), expression=exp.Placeholder(this="first"))
    return _said(_page(table, first, (), chosen, limit, 0))


def of_keys(table: Table, chosen: str, keys: list[Any]) -> Statement:
    """The rows that have these values of the key, of the expressions whose SQL is ``chosen``, with their ordinals last."""
    return Statement(_of_keys(table, chosen, len(keys)), {f"p{n}": key for n, key in enumerate(keys)})


@lru_cache(maxsize=64)
def _of_keys(table: Table, chosen: str, number: int) -> str:
    among = quoted(table.key[0]).isin(*(exp.Placeholder(this=f"p{n}") for n in range(number)))
    query = exp.Select(expressions=[exp.Var(this=chosen), exp.column("rowid")])
    query.set("from_", exp.From(this=exp.Table(this=exp.to_identifier(TABLE))))
    query.set("where", exp.Where(this=among))
    return _said(query)


def of_ordinals(table: Table, chosen: str, places: list[int]) -> Statement:
    """The rows with these ordinals, of the expressions whose SQL is ``chosen``, with their ordinals last."""
    return Statement(_of_ordinals(table, chosen), {PLACES: places})


@lru_cache(maxsize=512)
def _of_ordinals(table: Table, chosen: str) -> str:
    return _said(_page(table, among_ordinals(), (), chosen, None, 0))


def among_ordinals() -> exp.Expr:
    """That a row's ordinal is one of those bound as :data:`PLACES`. A join, which passes over what none of them is in: a list of
    ten rows far apart would be looked for in every row."""
    listed = call("unnest", exp.cast(exp.Placeholder(this=PLACES), "BIGINT[]"))
    return exp.In(this=exp.column("rowid"), query=exp.select(listed).subquery())


def by_key(table: Table, ask: Ask) -> bool:
    """Whether ``ask`` names the values of all key columns: the rows that have them are few, and found by the index."""
    same = {one.column for one in ask.filters if one.operator == "eq"}
    return bool(table.key) and same >= set(table.key)


def selection(table: Table, ask: Ask, chosen: list[exp.Expr]) -> tuple[exp.Select, dict[str, Any]]:
    """All rows that answer ``ask``, of the expressions ``chosen``, as an expression with its values."""
    conditions = Conditions(table)
    query = _page(table, conditions.of(ask), ask.sort, "", None, 0)
    return query.select(*chosen, append=False), conditions.values


@lru_cache(maxsize=2048)
def _page_of_shape(
    table: Table,
    shape: Shape,
    sort: tuple[tuple[str, bool], ...],
    chosen: str,
    limit: int | None,
    offset: int,
    few: bool,
) -> str:
    """SQL is made once for all questions that differ in their values only: generating it takes as long as a row by its key."""
    where = Conditions(table).of_shape(shape)
    if not few or where is None:
        return _said(_page(table, where, sort, chosen, limit, offset))
    # a row or two: without a query around it, a third of the engine's time goes; without a limit, a fourteenth
    query = exp.Select(expressions=[exp.Var(this=chosen), exp.column("rowid")])
    query.set("from_", exp.From(this=exp.Table(this=exp.to_identifier(TABLE))))
    query.set("where", exp.Where(this=where))
    return _said(query if limit is None or is_identified(table) else query.limit(limit, copy=False))


def is_identified(table: Table) -> bool:
    """Whether the key is one column, never empty, and surely has another value in each row, as counted with the version."""
    return len(table.key) == 1 and table.rows > 0 and table.by_name[table.key[0]].get("distinct") == table.rows


def _page(
    table: Table,
    where: exp.Expr | None,
    sort: tuple[tuple[str, bool], ...],
    chosen: str,
    limit: int | None,
    offset: int,
) -> exp.Select:
    ordinal = free_name(table)
    query = exp.Select(
        expressions=[exp.Star(), exp.Alias(this=exp.column("rowid"), alias=exp.to_identifier(ordinal, quoted=True))]
    )
    query.set("from_", exp.From(this=exp.Table(this=exp.to_identifier(TABLE))))
    if where is not None:
        query.set("where", exp.Where(this=where))
    if sort:
        # equal values stay in the published order, so that pages neither repeat nor skip a row
        orders = [exp.Ordered(this=quoted(name), desc=down, nulls_first=False) for name, down in sort]
        last = exp.Ordered(this=exp.column("rowid"), nulls_first=False)
        query.set("order", exp.Order(expressions=[*orders, last]))
    if limit is not None:
        query.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
        if offset:
            query.set("offset", exp.Offset(expression=exp.Literal.number(offset)))
    # what is computed of a row is computed of the chosen rows only: sorting a million rows must not make a million objects
    outer = exp.Select(expressions=[exp.Var(this=chosen), quoted(ordinal)])
    outer.set("from_", exp.From(this=query.subquery("chosen", copy=False)))
    return outer


def _said(query: exp.Select) -> str:
    return query.sql(dialect="duckdb", copy=False)  # nobody else has it


def text(chosen: Iterable[exp.Expr]) -> str:
    """The SQL of expressions, so that what is the same for many questions is generated once."""
    return ", ".join(each.sql(dialect="duckdb") for each in chosen)


def sort_values(table: Table, ask: Ask, ordinal: int) -> Statement:
    """The sort values, as text, of the row with this ordinal."""
    found = exp.select(*(exp.cast(quoted(name), "VARCHAR") for name, _down in ask.sort)).from_(TABLE)
    at = exp.Placeholder(this="at")
    return Statement(_said(found.where(exp.EQ(this=exp.column("rowid"), expression=at))), {"at": ordinal})


def count(table: Table, ask: Ask) -> Statement:
    """How many rows answer ``ask``."""
    found = source(table, ask, ())
    query, values = _where(table, ask, exp.select(found.number).from_(found.name))
    return Statement(_said(query), values)


def distinct(table: Table, ask: Ask, column: str, limit: int, offset: int) -> Statement:
    """The values of a column as JSON, in their order, and how many there are in all."""
    value = quoted(column)
    inner, values = _where(
        table, ask, exp.select(exp.alias_(value, "v")).from_(source(table, ask, [column]).name).distinct()
    )
    number = exp.Window(this=exp.Count(this=exp.Star()))
    listed = call("json_array", json_value(table.by_name[column], exp.column("v")))
    order = exp.Ordered(this=exp.column("v"), nulls_first=False)
    query = exp.select(listed, number).from_(inner.subquery("found")).order_by(order).limit(limit).offset(offset)
    return Statement(_said(query), values)


def facet(table: Table, ask: Ask, column: str, most: int) -> Statement:
    """The most frequent values of a column as JSON objects, the number of rows of each, and of all."""
    found = source(table, ask, [column])
    # by position: a name of ours could be the name of a column
    inner, values = _where(
        table, ask, exp.select(exp.alias_(quoted(column), "v"), exp.alias_(found.number, "n")).from_(found.name)
    )
    grouped = inner.group_by("1").subquery("found")
    return Statement(_said(_facet(table, column, "v", most).from_(grouped)), values)


def shared_facets(table: Table, ask: Ask, columns: list[str], most: int) -> Statement:
    """Several columns' :func:`facet` from one look at the rows, each led by the column's place in ``columns``: with a filter
    that takes two thirds of the time."""
    names = [f"v{n}" for n in range(len(columns))]
    listed = [exp.alias_(quoted(column), name) for column, name in zip(columns, names, strict=True)]
    rows, values = _where(table, ask, exp.select(*listed).from_(TABLE))
    sets = exp.GroupingSets(expressions=[exp.Tuple(expressions=[exp.column(name)]) for name in names])
    of = exp.alias_(call("grouping", *map(exp.column, names)), "of")
    grouped = exp.select(*names, of, exp.alias_(_rows(), "n")).from_(rows.subquery("chosen"))
    grouped.set("group", exp.Group(grouping_sets=[sets]))
    parts = []
    for n, (column, name) in enumerate(zip(columns, names, strict=True)):
        others = 2 ** len(names) - 1 - 2 ** (len(names) - 1 - n)  # the bits of all that this group is not by
        which = exp.EQ(this=exp.column("of"), expression=exp.Literal.number(others))
        part = _facet(table, column, name, most).from_("counted").where(which)
        parts.append(part.select(exp.Literal.number(n)))
    query = exp.union(*(exp.select("*").from_(part.subquery()) for part in parts), distinct=False)
    return Statement(query.with_("counted", as_=grouped, materialized=True).sql(dialect="duckdb"), values)


def _facet(table: Table, column: str, value: str, most: int) -> exp.Select:
    """The most frequent of the values ``value`` of a column, whose numbers of rows are ``n``."""
    each = call(
        "json_object",
        exp.Literal.string("value"),
        json_value(table.by_name[column], exp.column(value)),
        exp.Literal.string("count"),
        exp.column("n"),
    )
    whole = exp.cast(exp.Window(this=exp.Sum(this=exp.column("n"))), "BIGINT")
    orders = [exp.Ordered(this=exp.column("n"), desc=True), exp.Ordered(this=exp.column(value), nulls_first=False)]
    return exp.select(each, exp.column("n"), whole).order_by(*orders).limit(most)


def groups(
    table: Table,
    ask: Ask,
    by: list[Grouper],
    measures: list[Measure],
    sort: list[tuple[int, bool]],
    limit: int,
    offset: int,
) -> Statement:
    """Groups as JSON objects; ``sort`` counts columns and measures from 0, in the order of ``by`` and ``measures``."""
    names = [f"c{n}" for n in range(len(by) + len(measures))]
    found = group_source(table, ask, by, measures)
    expressions = [one.expression for one in by] + [one.of(found) for one in measures]
    listed = [exp.alias_(each, name) for each, name in zip(expressions, names, strict=True)]
    inner, values = _where(table, ask, exp.select(*listed).from_(found.name))
    grouped = inner
    if by:
        grouped = grouped.group_by(*(str(n + 1) for n in range(len(by))))
    of: list[exp.Expr] = []
    for grouper, name in zip(by, names, strict=False):
        of += [exp.Literal.string(grouper.name), grouper.json(exp.column(name))]
    parts: list[exp.Expr] = [exp.Literal.string("by"), call("json_object", *of)]
    for measure, name in zip(measures, names[len(by) :], strict=True):
        parts += [exp.Literal.string(measure.name), measure.json(exp.column(name))]
    orders = [exp.Ordered(this=exp.column(names[n]), desc=down, nulls_first=False) for n, down in sort]
    orders += [exp.Ordered(this=exp.column(name), nulls_first=False) for name in names[: len(by)]]
    query = exp.select(call("json_object", *parts)).from_(grouped.subquery("found"))
    if orders:
        query = query.order_by(*orders)
    return Statement(_said(query.limit(limit).offset(offset)), values)


def group_source(table: Table, ask: Ask, by: list[Grouper], measures: list[Measure]) -> Source:
    """What groups are made from."""
    if any(one.is_of_each_row for one in measures):
        return Source(TABLE, table.rows)
    looked_at = [one.column["name"] for one in by] + [name for one in measures for name in one.looked_at]
    return source(table, ask, looked_at, [name for one in measures for name in one.summed])


def over(table: Table, ask: Ask, query: exp.Select) -> Statement:
    """``query`` over the rows that answer ``ask``."""
    found, values = _where(table, ask, query)
    return Statement(_said(found), values)


def row_objects(columns: list[dict[str, Any]], identity: exp.Expr | None) -> exp.Expr:
    """A row as a JSON object, with its ``_row_id`` when one is asked for."""
    found = json_object(columns)
    if identity is not None:
        found.append("expressions", exp.Literal.string("_row_id"))
        found.append("expressions", identity)
    return found


def free_name(table: Table) -> str:
    """A name for the ordinal that is no column's."""
    name = "_ordinal"
    while name in {each.lower() for each in table.by_name}:
        name += "_"
    return name


def _rows() -> exp.Expr:
    return exp.Count(this=exp.Star())


def _where(table: Table, ask: Ask, query: exp.Select) -> tuple[exp.Select, dict[str, Any]]:
    conditions = Conditions(table)
    condition = conditions.of(ask)
    return query if condition is None else query.where(condition), conditions.values
