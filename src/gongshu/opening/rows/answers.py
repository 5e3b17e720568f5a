"""Answers to questions, built by the engine as JSON text: nothing of a row passes through Python objects."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import duckdb
import numpy as np
from django.utils.translation import gettext as _

from gongshu.lake import serving
from gongshu.lake.grams import Marks
from gongshu.opening.rows import groupers, marked, measures, statements, tallies
from gongshu.opening.rows.cursors import Cursor, fingerprint
from gongshu.opening.rows.grammar import Ask, column_of, descending
from gongshu.opening.rows.kept import ANSWERS
from gongshu.opening.rows.statements import Statement, row_objects
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import ROW_ID, BadQuestion, json_array, quoted, row_id
from gongshu.opening.rows.wanted import MOST_FACETS, MOST_GROUPERS, Wanted

ANSWER_BYTES = 64 * 1024 * 1024
BATCH = 2000
LARGE = 50_000  # rows of a table
SHARED = 10_000  # values of a column that is counted together with others: all are in memory at once
APART = 1000  # rows that are found by their keys; of up to 2,048 the engine finds each by the index
NEAR = 200_000  # rows among which a page of marked ones is looked for without the help of the key
KEYS = {"int64", "string"}  # kinds of keys that are bound as they were read


@dataclass(frozen=True)
class Page:
    """Rows as JSON texts, the cursor of the next page (None at the end), and how many rows there are in all, if counted."""

    texts: list[str]
    next: str | None
    total: int | None


def columns_of(table: Table, ask: Ask) -> list[str]:
    """Names of the columns of the answer."""
    return list(ask.select) or table.names


@lru_cache(maxsize=512)
def chosen(table: Table, select: tuple[str, ...], arrays: bool = False) -> str:
    """SQL of a row of the answer as a JSON object, or as an array of the columns in this order."""
    names = list(select) or table.names
    columns = [table.by_name[name] for name in names if name in table.by_name]
    identity = row_id(table.key, statements.free_name(table)) if _with_identity(table, names) else None
    found = json_array(columns) if arrays else row_objects(columns, identity)
    if arrays and identity is not None:
        found.args["expressions"].insert(names.index(ROW_ID), identity)
    return statements.text([found])


def _with_identity(table: Table, names: list[str]) -> bool:
    return ROW_ID in names and ROW_ID not in table.by_name


def page(table: Table, ask: Ask, wanted: Wanted, each: str) -> Page:
    """The rows asked for, each as the JSON text that the SQL ``each`` gives; TooLarge beyond 64 MB."""
    if not wanted.limit:
        return Page([], *closing(table, ask, wanted, 0, -1))
    if marked.is_marked(table, ask):
        return _marked(table, ask, wanted, each)
    found = _apart(table, ask, wanted, each) if _is_apart(table, ask, wanted) else _at_once(table, ask, wanted, each)
    following, counted = closing(
        table, ask, wanted, len(found), int(found[wanted.limit - 1][1]) if len(found) > wanted.limit else -1
    )
    return Page([row[0] for row in found[: wanted.limit]], following, counted)


def _at_once(table: Table, ask: Ask, wanted: Wanted, each: str) -> list[tuple[Any, ...]]:
    statement = statements.page(table, ask, each, wanted.limit + 1, wanted.offset, wanted.cursor)
    with serving.POOL.cursor(table.path) as cursor:
        return texts(table, cursor, statement)


def _apart(table: Table, ask: Ask, wanted: Wanted, each: str) -> list[tuple[Any, ...]]:
    """Which rows they are, then the rows themselves by their keys."""
    kept = tallies.first(table, ask, wanted)
    statement = statements.page(table, ask, _key(table), wanted.limit + 1, wanted.offset, wanted.cursor)
    with serving.POOL.cursor(table.path) as cursor:
        places = serving.execute(cursor, statement.sql, statement.values).fetchall() if kept is None else kept
        if not places:
            return []
        found = texts(table, cursor, statements.of_keys(table, each, [place[0] for place in places]))
    text_of = {ordinal: text for text, ordinal in found}
    return [(text_of[ordinal], ordinal) for _key, ordinal in places]


def _marked(table: Table, ask: Ask, wanted: Wanted, each: str) -> Page:
    """A page of the rows that are found by their words."""
    marks = marked.find(table, ask)
    _keep_total(table, ask, marks)
    first = 0 if wanted.cursor is None else wanted.cursor.ordinal + 1
    places = marked.places(marks, first, wanted.offset, wanted.limit + 1)
    ordinal = places[wanted.limit - 1] if len(places) > wanted.limit else -1
    text_of: dict[int, str] = {}
    if shown := places[: wanted.limit]:
        far = shown[-1] - shown[0] > NEAR and len(shown) <= APART and _is_found_by_key(table)
        with serving.POOL.cursor(table.path, few=len(shown) <= APART) as cursor:
            statement = statements.of_ordinals(table, _key(table) if far else each, shown)
            if far:
                keys = serving.execute(cursor, statement.sql, statement.values).fetchall()
                statement = statements.of_keys(table, each, [key for key, _ordinal in keys])
            text_of = {ordinal: text for text, ordinal in texts(table, cursor, statement)}
    following, counted = closing(table, ask, wanted, len(places), ordinal)
    return Page([text_of[place] for place in shown], following, counted)


def texts(table: Table, cursor: duckdb.DuckDBPyConnection, statement: Statement) -> list[tuple[Any, ...]]:
    """The rows that the statement gives, a text first in each; TooLarge when the texts have more than 64 MB."""
    found: list[tuple[Any, ...]] = []
    size, result = 0, serving.execute(cursor, statement.sql, statement.values)
    while batch := result.fetchmany(BATCH):
        found += batch
        size += sum(len(row[0]) for row in batch)
        if size > ANSWER_BYTES:
            raise serving.TooLarge(table.path.name)
    return found


def _is_apart(table: Table, ask: Ask, wanted: Wanted) -> bool:
    """Whether rows are found quicker in two steps: the engine itself looks through the whole table for rows that stand far apart
    (100 of ten million, sorted: 400 ms, or 42)."""
    return bool(ask.sort) and wanted.limit <= APART and table.rows > LARGE and _is_found_by_key(table)


def _is_found_by_key(table: Table) -> bool:
    """Whether the index finds a row by the value of its key."""
    return statements.is_identified(table) and table.kind(table.key[0]) in KEYS and serving.is_indexed(table.path)


def _key(table: Table) -> str:
    """SQL of the key of a table that has one column of it."""
    return quoted(table.key[0]).sql("duckdb")


def closing(table: Table, ask: Ask, wanted: Wanted, found: int, ordinal: int) -> tuple[str | None, int | None]:
    """Cursor of the next page and total, when ``found`` rows were found (one more than wanted, if there are more) and
    ``ordinal`` is that of the last row of the page, if more follow."""
    following = _cursor(table, ask, ordinal) if 0 < wanted.limit < found else None
    if not wanted.total:
        return following, None
    whole = wanted.limit and following is None and wanted.cursor is None and (found or not wanted.offset)
    return following, wanted.offset + found if whole else total(table, ask)


def total(table: Table, ask: Ask) -> int:
    """How many rows answer ``ask``; kept."""
    if ask.everything:
        return table.rows
    if marked.is_marked(table, ask):
        return _keep_total(table, ask, None)
    statement = statements.count(table, ask)

    def count() -> int:
        known = tallies.within(table, ask)
        return int(read(table, statement)[0][0]) if known is None else known

    return ANSWERS.get(_question(table, statement), count)


def _keep_total(table: Table, ask: Ask, marks: Marks | None) -> int:
    """How many rows are found by their words, counted in ``marks`` or else anew; kept."""
    question = (str(table.path), serving.stamp(table.path), replace(ask, select=()))

    def count() -> int:
        return int(np.count_nonzero(marked.find(table, ask) if marks is None else marks))

    return ANSWERS.get(question, count)


def rows_json(table: Table, ask: Ask, wanted: Wanted) -> tuple[bytes, str | None, int | None]:
    """A page of rows as the JSON answer, with the next cursor and the total; kept."""
    question = (str(table.path), serving.stamp(table.path), ask, replace(wanted, version=0))
    return ANSWERS.get(question, lambda: _rows_json(table, ask, wanted))


def _rows_json(table: Table, ask: Ask, wanted: Wanted) -> tuple[bytes, str | None, int | None]:
    arrays = wanted.shape == "arrays"
    found = page(table, ask, wanted, chosen(table, ask.select, arrays))
    head = f'{{"version":{table.number},'
    if found.total is not None:
        head += f'"total":{found.total},'
    if arrays:
        head += f'"columns":{json.dumps(columns_of(table, ask), ensure_ascii=False)},'
    foot = f'],"next":{json.dumps(found.next)}}}'
    return f'{head}"items":[{",".join(found.texts)}{foot}'.encode(), found.next, found.total


def distinct(table: Table, ask: Ask, wanted: Wanted) -> bytes:
    """The distinct values of one column, in their order."""
    if len(wanted.columns) != 1:
        raise BadQuestion(_("column 要写一列"), parameter="column")
    column = column_of(table, wanted.columns[0], "column", plain=True)
    statement = statements.distinct(table, ask, column, wanted.limit, wanted.offset)

    def make() -> bytes:
        found = read(table, statement)
        values = ",".join(row[0][1:-1] for row in found)
        number = found[0][1] if found else 0
        name = json.dumps(column, ensure_ascii=False)
        return f'{{"version":{table.number},"column":{name},"values":[{values}],"count":{number}}}'.encode()

    return ANSWERS.get(_question(table, statement), make)


def facets(table: Table, ask: Ask, wanted: Wanted) -> bytes:
    """The most frequent values of some columns, with their numbers of rows."""
    if not 1 <= len(wanted.columns) <= MOST_FACETS:
        raise BadQuestion(_("column 要写 1 到 %(n)s 列") % {"n": MOST_FACETS}, parameter="column")
    for name in wanted.columns:
        column_of(table, name, "column", plain=True)
    names, most = list(wanted.columns), max(wanted.most, 1)
    together = [name for name in dict.fromkeys(names) if _is_shared(table, ask, name)]
    if len(together) < 2:
        together = []
    alone = {name: statements.facet(table, ask, name, most) for name in names if name not in together}
    shared = [statements.shared_facets(table, ask, together, most)] if together else []

    def make() -> bytes:
        found = {name: read(table, statement) for name, statement in alone.items()}
        for statement in shared:
            for *row, place in read(table, statement):
                found.setdefault(together[place], []).append(tuple(row))
        parts, number = [], 0
        for column in names:
            rows = found.get(column, [])
            number = rows[0][2] if rows else 0
            values, name = ",".join(row[0] for row in rows), json.dumps(column, ensure_ascii=False)
            others = number - sum(row[1] for row in rows)
            parts.append(f'{{"column":{name},"values":[{values}],"others":{others}}}')
        return f'{{"version":{table.number},"total":{number},"facets":[{",".join(parts)}]}}'.encode()

    questions = [_question(table, statement) for statement in [*alone.values(), *shared]]
    return ANSWERS.get((tuple(names), *questions), make)


def _is_shared(table: Table, ask: Ask, column: str) -> bool:
    """Whether a facet is found in the rows, where one look finds several."""
    few = (table.by_name[column].get("distinct") or table.rows) <= SHARED
    return few and tallies.source(table, ask, [column]).name == serving.TABLE


def groups(table: Table, ask: Ask, wanted: Wanted, sort: list[str]) -> bytes:
    """Groups of rows by some columns, with what is measured of each."""
    if len(wanted.by) > MOST_GROUPERS:
        raise BadQuestion(_("by 最多写 %(n)s 列") % {"n": MOST_GROUPERS}, parameter="by")
    by = groupers.parse(wanted.by, table)
    measured = measures.parse(list(wanted.measures), table)
    known = [*(one.name for one in by), *(one.name for one in measured)]
    orders = []
    for text in filter(None, sort):
        name, down = descending(text, known)
        if name not in known:
            raise BadQuestion(_("只能按 by 或 measure 里的项排序：%(name)s") % {"name": name[:40]}, parameter="sort")
        orders.append((known.index(name), down))
    statement = statements.groups(table, ask, by, measured, orders, wanted.limit, wanted.offset)
    approximate = ',"approximate":true' if any(one.approximate for one in measured) else ""

    def make() -> bytes:
        found = ",".join(row[0] for row in read(table, statement))
        return f'{{"version":{table.number}{approximate},"groups":[{found}]}}'.encode()

    return ANSWERS.get(_question(table, statement), make)


def looked_at(kind: str, table: Table, ask: Ask, wanted: Wanted) -> int:
    """How many rows, of the table or of its tallies, are looked at to answer ``distinct``, ``facets`` or ``groups``."""
    if kind == "groups":
        by, measured = groupers.parse(wanted.by, table), measures.parse(list(wanted.measures), table)
        return statements.group_source(table, ask, by, measured).rows
    return sum(tallies.source(table, ask, [name]).rows for name in wanted.columns[:MOST_FACETS])


def _cursor(table: Table, ask: Ask, ordinal: int) -> str:
    values: tuple[str | None, ...] = ()
    if ask.sort:
        values = read(table, statements.sort_values(table, ask, ordinal))[0]
    return Cursor(table.number, fingerprint(ask), values, ordinal).seal()


def read(table: Table, statement: Statement) -> list[tuple[Any, ...]]:
    """All rows of the statement."""
    with serving.POOL.cursor(table.path) as cursor:
        return serving.execute(cursor, statement.sql, statement.values).fetchall()


def _question(table: Table, statement: Statement) -> tuple[object, ...]:
    """What tells a kept answer from every other: the file, its time, the SQL and its values."""
    return (str(table.path), serving.stamp(table.path), statement.sql, repr(statement.values))
