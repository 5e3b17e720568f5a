"""Comparing the rows of two serving copies: how many came, went and changed, and the first of each.

Both files are attached read-only to an engine of its own (one thread, a memory limit, no spilling, no access to anything
else), which is gone with the answer. Nothing here imports PyIceberg or Ibis.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from gongshu.lake.serving import LOCKED, TABLE, CopyMissing, TooBusy, TooSlow

AT_ONCE = 2
WAIT_SECONDS = 3.0
SECONDS = 8.0
MEMORY = "512MB"
FIRST = 50
BEFORE, AFTER, HERE = "b", "a", "here"
_running = threading.Semaphore(AT_ONCE)


@dataclass(frozen=True)
class RowDifference:
    """``keyed``: rows were told apart by ``key``, so ``changed`` and the samples are known; else by their whole content.

    ``added_rows`` and ``removed_rows`` hold values in the order of ``names``, ``changed_rows`` pairs of them (before, after).
    """

    keyed: bool
    added: int
    removed: int
    changed: int
    names: list[str] = field(default_factory=list)
    added_rows: list[tuple[Any, ...]] = field(default_factory=list)
    removed_rows: list[tuple[Any, ...]] = field(default_factory=list)
    changed_rows: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = field(default_factory=list)


def compare(before: Path, after: Path, key: list[str], others: list[str]) -> RowDifference:
    """What changed from ``before`` to ``after`` in the columns ``key`` and ``others``, which both have with the same type.

    CopyMissing, TooBusy; TooSlow when time or memory do not suffice.
    """
    with _engine(before, after) as connection:
        if key and all(_unique(connection, side, key) for side in (BEFORE, AFTER)):
            return _by_key(connection, key, others)
        return _by_content(connection, [*key, *others])


@contextmanager
def _engine(before: Path, after: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not _running.acquire(timeout=WAIT_SECONDS):
        raise TooBusy(after.name)
    try:
        with duckdb.connect(config={"threads": "1", "memory_limit": MEMORY, "temp_directory": ""}) as connection:
            try:
                for side, path in ((BEFORE, before), (AFTER, after)):
                    connection.execute(f"ATTACH {exp.Literal.string(str(path)).sql('duckdb')} AS {side} (READ_ONLY)")
            except duckdb.IOException as error:
                raise CopyMissing(after.name) from error
            for setting in LOCKED:
                connection.execute(f"SET {setting}")
            clock = threading.Timer(SECONDS, connection.interrupt)
            clock.daemon = True
            clock.start()
            try:
                yield connection
            except (duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
                raise TooSlow(after.name) from error
            finally:
                clock.cancel()
    finally:
        _running.release()


def _column(name: str, side: str | None = None) -> exp.Column:
    return exp.column(name, table=side, quoted=True)


def _rows(side: str) -> exp.Table:
    return exp.table_(TABLE, db="main", catalog=side)


def _all(connection: duckdb.DuckDBPyConnection, query: exp.Expr) -> list[tuple[Any, ...]]:
    return connection.execute(query.sql(dialect="duckdb")).fetchall()


def _unique(connection: duckdb.DuckDBPyConnection, side: str, key: list[str]) -> bool:
    """Whether no two rows of a side have the same key, so that the join pairs each row with one at most."""
    groups = exp.select(*(_column(name) for name in key)).from_(_rows(side)).distinct().subquery("g")
    (different,) = _all(connection, exp.select(exp.Count(this=exp.Star())).from_(groups))[0]
    (all_rows,) = _all(connection, exp.select(exp.Count(this=exp.Star())).from_(_rows(side)))[0]
    return bool(different == all_rows)


def _by_key(connection: duckdb.DuckDBPyConnection, key: list[str], others: list[str]) -> RowDifference:
    names = [*key, *others]
    sides = {}
    for side in (BEFORE, AFTER):
        # by position and with names of our own: a column could be called like one of them
        columns = [exp.alias_(_column(name), f"c{n}") for n, name in enumerate(names)]
        sides[side] = exp.select(*columns, exp.alias_(exp.true(), HERE)).from_(_rows(side)).subquery(side)
    same = exp.and_(
        *(exp.NullSafeEQ(this=_column(f"c{n}", BEFORE), expression=_column(f"c{n}", AFTER)) for n in range(len(key)))
    )
    moved = [
        exp.NullSafeNEQ(this=_column(f"c{n}", BEFORE), expression=_column(f"c{n}", AFTER))
        for n in range(len(key), len(names))
    ]
    gone, new = (_column(HERE, side).is_(exp.null()) for side in (AFTER, BEFORE))
    both = exp.and_(gone.copy().not_(), new.copy().not_())
    kinds: dict[str, exp.Expr] = {
        "added": new,
        "removed": gone,
        "changed": exp.and_(both, exp.or_(*moved) if moved else exp.false()),
    }

    def joined(*chosen: exp.Expr) -> exp.Select:
        return (
            exp.select(*chosen)
            .from_(sides[BEFORE].copy())
            .join(sides[AFTER].copy(), on=same.copy(), join_type="full outer")
        )

    counted = [
        exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=one.copy())) for one in kinds.values()
    ]
    numbers = dict(zip(kinds, map(int, _all(connection, joined(*counted))[0]), strict=True))

    def first(kind: str, *shown: str) -> list[tuple[Any, ...]]:
        if not numbers[kind]:
            return []
        cells = [_column(f"c{n}", side) for side in shown for n in range(len(names))]
        order = [_column(f"c{n}", shown[0]) for n in range(len(key))]
        return _all(connection, joined(*cells).where(kinds[kind].copy()).order_by(*order).limit(FIRST))

    wide = len(names)
    return RowDifference(
        True,
        **numbers,
        names=names,
        added_rows=first("added", AFTER),
        removed_rows=first("removed", BEFORE),
        changed_rows=[(row[:wide], row[wide:]) for row in first("changed", BEFORE, AFTER)],
    )


def _by_content(connection: duckdb.DuckDBPyConnection, names: list[str]) -> RowDifference:
    """Counts of whole rows, equal ones counted as often as they stand; a changed row went and came."""
    sides = {}
    for side in (BEFORE, AFTER):
        whole = exp.Anonymous(this="hash", expressions=[_column(name) for name in names])
        chosen = (exp.alias_(whole, "h"), exp.alias_(exp.Count(this=exp.Star()), "n"))
        sides[side] = exp.select(*chosen).from_(_rows(side)).group_by("1").subquery(side)

    def more(one: str, other: str) -> exp.Expr:
        numbers = [exp.func("coalesce", _column("n", side), exp.Literal.number(0)) for side in (one, other)]
        spare = exp.Anonymous(
            this="greatest", expressions=[exp.Sub(this=numbers[0], expression=numbers[1]), exp.Literal.number(0)]
        )
        return exp.func("coalesce", exp.Sum(this=spare), exp.Literal.number(0))

    on = exp.EQ(this=_column("h", BEFORE), expression=_column("h", AFTER))
    query = exp.select(more(AFTER, BEFORE), more(BEFORE, AFTER)).from_(sides[BEFORE])
    added, removed = _all(connection, query.join(sides[AFTER], on=on, join_type="full outer"))[0]
    return RowDifference(False, int(added), int(removed), 0)
