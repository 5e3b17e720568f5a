"""Rows that hold words, found by the grams of their columns (:mod:`gongshu.lake.grams`): a mark a row, then the rows marked.

So are found the pages and totals of questions with words, or with a ``contains`` on such a column, in the published order.
Their time grows with the rows that are found, not with those that are there. Every other question looks through the rows.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from sqlglot import exp

from gongshu.lake import grams, serving
from gongshu.lake.grams import Grams, Marks, Ordinals
from gongshu.opening.rows import statements
from gongshu.opening.rows.conditions import Conditions
from gongshu.opening.rows.grammar import Ask, Filter
from gongshu.opening.rows.searching import hits
from gongshu.opening.rows.tables import Table

logger = logging.getLogger("gongshu.rows")
FEW = 2000  # marked rows whose other cells are looked at one by one
WINDOW = 1_000_000  # marks that are looked at together


class Damaged(Exception):
    """The file of grams can't be read."""


def is_marked(table: Table, ask: Ask) -> bool:
    """Whether the rows that answer ``ask`` are found so."""
    if ask.sort or ask.tree is not None:
        return False
    known = _grams(table)
    words = [*ask.words, *(one.values[0] for one in _contained(known, ask))]
    return bool(known and words) and all(map(grams.can_find, words))


def find(table: Table, ask: Ask) -> Marks:
    """A mark for every row of ``table`` that answers ``ask``, for which :func:`is_marked` holds. A file of grams that turns out to
    be damaged is removed, so that the worker makes another, and the rows are looked through."""
    try:
        return _found(table, ask)
    except Damaged:
        _remove(grams.path_of(table.path))
        return _looked_for(table, ask)


def _found(table: Table, ask: Ask) -> Marks:
    known = _grams(table)
    contained = _contained(known, ask)
    found = [_standing(table, known, [one.column], one.values[0]) for one in contained]
    found += [_holding(table, known, word) for word in ask.words]
    marks = found[0]
    for others in found[1:]:
        marks &= others
    rest = replace(ask, words=(), filters=tuple(one for one in ask.filters if one not in contained))
    return marks if rest.everything else _also(table, rest, marks)


def places(marks: Marks, first: int, offset: int, limit: int) -> list[int]:
    """Ordinals of at most ``limit`` marked rows from the ordinal ``first`` on, after ``offset`` of them."""
    found: list[int] = []
    for start in range(first, len(marks), WINDOW):
        window = marks[start : start + WINDOW]
        if offset and (there := int(np.count_nonzero(window))) <= offset:
            offset -= there
            continue
        found += (np.flatnonzero(window)[offset : offset + limit - len(found)] + start).tolist()
        offset = 0
        if len(found) == limit:
            break
    return found


def _grams(table: Table) -> dict[str, Grams]:
    """The grams of the table's columns; none until their file is made."""
    path = grams.path_of(table.path)
    try:
        stamp = serving.stamp(path)
    except serving.CopyMissing:
        return {}
    try:
        return _contents(path, stamp)
    except (serving.CopyMissing, duckdb.Error):
        _remove(path)
        return {}


def _remove(path: Path) -> None:
    logger.warning("the grams %s are damaged and are made again", path.name, exc_info=True)
    path.unlink(missing_ok=True)


@lru_cache(maxsize=256)
def _contents(path: Path, stamp: tuple[int, int, int]) -> dict[str, Grams]:
    with serving.POOL.cursor(path, touch=False) as cursor:
        return grams.contents(cursor)


def _contained(known: dict[str, Grams], ask: Ask) -> list[Filter]:
    return [one for one in ask.filters if one.operator == "contains" and one.column in known]


def _holding(table: Table, known: dict[str, Grams], word: str) -> Marks:
    """The rows one of whose text columns holds the word."""
    told = [name for name in table.textual if name in known and hits(table, name, word) is None]
    marks = _standing(table, known, told, word)
    for name in table.textual:
        conditions = Conditions(table)
        if name not in told and (holds := conditions.holds(name, word)) is not None:
            marks[_ordinals(table, holds, conditions)] = True
    return marks


def _standing(table: Table, known: dict[str, Grams], names: list[str], word: str) -> Marks:
    """The rows in one of whose columns ``names`` the word stands, as their grams tell."""
    marks = np.zeros(table.rows, np.bool_)
    try:
        with serving.POOL.cursor(grams.path_of(table.path), touch=False, few=True) as cursor:
            for name in names:
                grams.mark(cursor, known[name], word, marks)
    except duckdb.Error as error:  # of a question that is always the same
        raise Damaged from error
    return marks


def _looked_for(table: Table, ask: Ask) -> Marks:
    """The rows that answer ``ask``, each looked at."""
    conditions = Conditions(table)
    condition = conditions.of(ask)
    marks = np.zeros(table.rows, np.bool_)
    marks[_ordinals(table, exp.true() if condition is None else condition, conditions)] = True
    return marks


def _also(table: Table, rest: Ask, marks: Marks) -> Marks:
    """Those of the marked rows that answer ``rest`` too."""
    conditions = Conditions(table)
    condition = conditions.of(rest)
    assert condition is not None
    few = places(marks, 0, 0, FEW + 1)
    if not few:
        return marks
    if len(few) <= FEW:
        condition = exp.and_(condition, statements.among_ordinals())
        conditions.values[statements.PLACES] = few
    found = np.zeros(len(marks), np.bool_)
    found[_ordinals(table, condition, conditions)] = True
    marks &= found
    return marks


def _ordinals(table: Table, condition: exp.Expr, conditions: Conditions) -> Ordinals:
    query = exp.select(exp.alias_(exp.cast(exp.column("rowid"), "INTEGER"), "r")).from_(serving.TABLE).where(condition)
    with serving.POOL.cursor(table.path) as cursor:
        answer = serving.execute(cursor, query.sql(dialect="duckdb"), conditions.values)
        found: dict[str, Any] = answer.fetchnumpy()
    ordinals: Ordinals = found["r"]
    return ordinals
