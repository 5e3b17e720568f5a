"""``datastore_search_sql``: one SELECT on one table, off unless the installation switches it on (``GONGSHU_CKAN_SQL``).

The text is parsed, and every node of the tree must be of a known harmless kind (an allow-list; CKAN's own, made of regular
expressions, could be got round twice). What is run is written anew from the tree: no text of the question reaches the engine.
"""

from __future__ import annotations

from typing import Any

import duckdb
import sqlglot
from django.conf import settings
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gongshu.lake import serving
from gongshu.opening.rows import admission
from gongshu.opening.rows.failures import KNOWN
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import call, json_value, quoted
from gongshu.oversight import access
from gongshu.surfaces.ckan import datastore
from gongshu.surfaces.ckan.errors import Invalid, NotAuthorized

LONGEST, MOST_NODES, MOST = 4000, 1000, 32_000
ID = "_id"  # CKAN's number of a row
PARTS = {"expressions", "distinct", "from_", "where", "group", "having", "order", "limit", "offset"}
ALLOWED: frozenset[type[exp.Expr]] = frozenset(
    (
        exp.Select, exp.From, exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Distinct,
        exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Literal, exp.Null, exp.Boolean,
        exp.Paren, exp.Tuple, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is,
        exp.Between, exp.In, exp.Like, exp.ILike, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Case, exp.If,
        exp.Coalesce, exp.Nullif, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Round,
        exp.Abs, exp.Floor, exp.Ceil, exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Extract, exp.Var,
        exp.TimestampTrunc, exp.DateTrunc,
    )
)  # fmt: skip
CASTS = (
    exp.DType.INT, exp.DType.BIGINT, exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.DECIMAL, exp.DType.TEXT, exp.DType.VARCHAR,
    exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.BOOLEAN,
)  # fmt: skip
UNITS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "DOW", "DOY")
# DuckDB's type -> ours, by which a value is written
STORED = {"DOUBLE": "float64", "FLOAT": "float64", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp", "VARCHAR": "string"}  # fmt: skip


def search(params: dict[str, Any], client: tuple[str, str]) -> dict[str, Any]:
    """The action: ``{sql, records, fields}``, at most 32,000 records (``records_truncated`` tells of more)."""
    if not settings.CKAN_SQL:
        raise NotAuthorized("Access denied: datastore_search_sql is switched off on this portal")
    said = params.get("sql")
    if not isinstance(said, str) or not said.strip():
        raise Invalid(sql=["Missing value"])
    query, table = _read(said)

    def work() -> tuple[list[tuple[str, str]], list[str]]:
        with serving.POOL.cursor(table.path) as cursor:
            described = cursor.execute(f"DESCRIBE {query.sql(dialect='duckdb')}").fetchall()
            columns = [(str(row[0]), str(row[1])) for row in described]
            if len({name.lower() for name, _kind in columns}) < len(columns):
                raise Invalid(sql=["Two columns of the answer have the same name"])
            pairs = [part for name, kind in columns for part in (exp.Literal.string(name), _value(name, kind))]
            outer = exp.select(call("json_object", *pairs)).from_(query.subquery("found"))
            found = cursor.execute(outer.sql(dialect="duckdb")).fetchall()
            return columns, [row[0] for row in found]

    try:
        columns, texts = admission.run(work, *client, heavy=True)
    except KNOWN as error:
        raise datastore.told(error) from error
    except duckdb.Error as error:  # it asks what the values can't give, such as a number of a text
        raise Invalid(query=[str(error).splitlines()[0][:300]]) from error
    access.record("dataset.query", f"dataset:{table.dataset}", version=table.number, filters=1, limit=MOST)
    answer = {
        "sql": said,
        "records": datastore.Raw(f"[{','.join(texts[:MOST])}]"),
        "fields": [{"id": name, "type": _named(kind)} for name, kind in columns],
    }
    return answer | ({"records_truncated": True} if len(texts) > MOST else {})


def _read(text: str) -> tuple[exp.Select, Table]:
    """The question as what may be run, and the table that it asks; Invalid, NotAuthorized."""
    if len(text) > LONGEST:
        raise Invalid(sql=[f"Must be at most {LONGEST} characters"])
    try:
        parsed = sqlglot.parse(text, dialect="postgres")
    except (SqlglotError, RecursionError) as error:
        raise Invalid(query=[f"Can't be read as SQL: {str(error).splitlines()[0][:200]}"]) from error
    query = parsed[0] if len(parsed) == 1 else None
    if not isinstance(query, exp.Select):
        raise Invalid(query=["Query is not a single SELECT statement"])
    nodes = list(query.walk())
    if len(nodes) > MOST_NODES:
        raise Invalid(query=["Query has too many parts"])
    for node in nodes:
        _check(node, query)
    tables = list(query.find_all(exp.Table))
    if len(tables) != 1:
        raise Invalid(query=["Query must read one table"])
    table = datastore.table_of(tables[0].name)
    names = {tables[0].name, tables[0].alias} - {""}
    tables[0].set("this", exp.to_identifier(serving.TABLE))
    tables[0].set("alias", exp.TableAlias(this=exp.to_identifier("t")))
    for kind in query.find_all(exp.DataType):
        if (
            kind.this == exp.DType.DECIMAL and not kind.expressions
        ):  # without bounds in PostgreSQL, three digits in the engine
            kind.set("this", exp.DType.DOUBLE)
    _columns(query, table, names)
    asked = query.args.get("limit")
    most = int(asked.expression.name) if asked else MOST + 1
    return query.limit(min(most, MOST + 1)), table


def _check(node: exp.Expr, query: exp.Select) -> None:
    """NotAuthorized for whatever is not known to be harmless."""
    if type(node) not in ALLOWED or (isinstance(node, exp.Select) and node is not query):
        raise NotAuthorized(f"Not authorized to use this part of SQL: {type(node).__name__.lower()}")
    if isinstance(node, exp.Select) and {key for key, value in node.args.items() if value} - PARTS:
        raise NotAuthorized("Not authorized to use this part of SQL")
    if isinstance(node, exp.Table) and {key for key, value in node.args.items() if value} - {"this", "alias"}:
        raise NotAuthorized("Not authorized to access system resource")
    if isinstance(node, exp.DataType) and (node.this not in CASTS or node.args.get("nested")):
        raise NotAuthorized("Not authorized to use this type")
    if isinstance(node, exp.Var) and node.name.upper() not in UNITS:
        raise NotAuthorized("Not authorized to use this part of SQL")
    if isinstance(node, (exp.Limit, exp.Offset)):
        number = node.expression
        if not (isinstance(number, exp.Literal) and not number.is_string and number.name.isdigit() and len(number.name) < 10):  # fmt: skip
            raise Invalid(query=["LIMIT and OFFSET take a number"])


def _columns(query: exp.Select, table: Table, names: set[str]) -> None:
    """Names become those of the table, stars the list of its public columns; Invalid for unknown ones."""
    aliases = {one.alias for one in query.expressions if isinstance(one, exp.Alias)}
    chosen: list[exp.Expr] = []
    for one in query.expressions:
        star = isinstance(one, exp.Star) or (isinstance(one, exp.Column) and isinstance(one.this, exp.Star))
        if star and (one.args.get("except_") or one.args.get("replace") or one.args.get("rename")):
            raise NotAuthorized("Not authorized to use this part of SQL")
        chosen += [exp.column(name, quoted=True) for name in (ID, *table.names)] if star else [one]
    query.set("expressions", chosen)
    for column in list(query.find_all(exp.Column)):
        name, outer = column.name, column.find_ancestor(exp.Order, exp.Group, exp.Having)
        if isinstance(column.this, exp.Star) or (column.table and column.table not in names) or column.args.get("db"):
            raise Invalid(query=[f'missing FROM-clause entry for table "{column.table[:80]}"'])
        if name in table.by_name:
            column.replace(exp.column(name, table="t", quoted=True))
        elif name == ID:
            ordinal = exp.paren(exp.Add(this=exp.column("rowid", table="t"), expression=exp.Literal.number(1)))
            listed = column.parent is query
            column.replace(exp.alias_(ordinal, ID, quoted=True) if listed else ordinal)
        elif outer is None or name not in aliases or column.table:
            raise Invalid(query=[f'column "{name[:80]}" does not exist'])
    for one in query.expressions:  # every column of the answer has the name that CKAN gives it
        if not isinstance(one, (exp.Alias, exp.Column)):
            one.replace(exp.alias_(one.copy(), one.key if isinstance(one, exp.Func) else "?column?", quoted=True))


def _value(name: str, kind: str) -> exp.Expr:
    """A column of the answer as it stands in JSON."""
    stored = _stored(kind)
    if not stored:
        return exp.cast(quoted(name), "VARCHAR")
    # without bounds every integer is looked at, and every number with a point
    bounds = {"min": str(2**62), "max": str(2**62)} if stored == "int64" else {}
    return json_value({"name": name, "storage_type": stored, **bounds})


def _named(kind: str) -> str:
    return "numeric" if kind == "HUGEINT" else datastore.TYPES.get(_stored(kind), "text")


def _stored(kind: str) -> str:
    """Our storage type for a type of the engine; empty where a value is given as text."""
    return STORED.get(kind) or ("decimal" if kind.startswith("DECIMAL") else "int64" if "INT" in kind else "")
