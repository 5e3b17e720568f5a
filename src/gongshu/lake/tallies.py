"""Tallies: small tables beside the rows of a serving copy, from which counts and sums are answered without looking at the rows.

A *tally* has a row for each combination of values of a few columns that occurs: how many rows have it, and of each column of
numbers the sum and how many cells are filled (a materialised aggregate; Gray et al., "Data Cube", 1997). *Steps* tell how many
rows have a value between two neighbouring round numbers, for a column of too many values for a tally. *Ends* are the first and
last rows in the order of a column. All are made of the published columns of the copy alone, and are left out where they would be
large beside the rows.

DuckDB tables ``tally_1``..., ``steps_1``..., ``ends_1``...: the columns tallied under their own names, the others under names
that begin with :func:`mark`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any

import duckdb

from gongshu.lake.serving import quoted

LEAST_ROWS = 50_000  # of a table: fewer are counted as quickly
SHARE = 16  # at most a sixteenth as many combinations in a tally as the table has rows
VALUES_SHARE, STEPS_SHARE = (
    12,
    48,
)  # at most a twelfth as many values in all tallies as in the table, a 48th in all steps
WORDS = 4096  # values of a column of text that is tallied: more take the engine long to bring together
NARROW = 32  # columns of the fewest values that are looked at
WIDEST = 3  # columns that are tallied together for their own sake
JOINED = 65_536  # combinations up to which sets of columns become one tally: that many are looked at in a millisecond
MOST = 24  # tallies
STEPS = 65_536  # at most, of a column
DIGITS = 4  # of a round number
NEAR = 1e-9  # of one in the last of these digits
ENDS, ENDS_SHARE = 4096, 256  # rows of each end, and their share of the table's
VALUED = {"string", "int64", "decimal", "boolean", "date", "timestamp", "time"}  # floating zeros have two signs
SUMMED = {"int64", "decimal", "float64"}
ORDERED = SUMMED | {"date", "timestamp"}
STEPPED = SUMMED | {"timestamp"}
LEFT_OUT = (duckdb.OutOfMemoryException, duckdb.DataError)  # too little memory; a sum beyond all that its type can hold
Column = dict[str, Any]  # name, storage_type, distinct, nulls, as the version describes it


@dataclass(frozen=True)
class Plan:
    """The columns of a tally, and how many combinations there are at most."""

    columns: frozenset[str]
    size: int


def mark(names: Iterable[str]) -> str:
    """How the columns begin that are ours: as no column of the table does."""
    found, taken = "_n", [name.lower() for name in names]
    while any(name.startswith(found) for name in taken):
        found = f"_{found}"
    return found


def planned(columns: list[Column], rows: int, numbers: int) -> list[Plan]:
    """Which columns are tallied together: of the sets of up to :data:`WIDEST` columns those of the fewest combinations first,
    joined where the whole is still small, as many as the shares allow when each combination has so many ``numbers``."""
    most, left = int(rows / SHARE), rows * len(columns) / VALUES_SHARE
    small = min(JOINED, most)
    values = {c["name"]: _distinct(c) + _has_empty(c) for c in columns if c["storage_type"] in VALUED}
    texts = {c["name"] for c in columns if c["storage_type"] == "string"}
    few = {name: number for name, number in values.items() if 0 < number <= (WORDS if name in texts else most)}

    def size(names: Iterable[str]) -> int:
        return prod(few[name] for name in names)

    narrow = sorted(few, key=lambda name: few[name])[:NARROW]
    sets = [frozenset(names) for width in range(1, WIDEST + 1) for names in combinations(narrow, width)]
    found: list[frozenset[str]] = []
    for names in sorted(sets, key=lambda names: (size(names), len(names), sorted(names))):
        if size(names) > most:
            break
        if any(names <= other for other in found):
            continue
        near = min((other | names for other in found), key=size, default=names)
        joined = near if size(near) <= small else names
        rest = [other for other in found if not (other < joined and size(joined) <= small)]
        if len(rest) < MOST and sum(size(each) * (len(each) + numbers) for each in [*rest, joined]) <= left:
            found = [*rest, joined]
    return sorted((Plan(names, size(names)) for names in found), key=lambda plan: -plan.size)


def write_tallies(
    con: duckdb.DuckDBPyConnection, columns: list[Column], key: list[str], rows: int, places: Iterable[str] = ()
) -> None:
    """Write tallies, steps and ends of the attached copy's rows. The ``key``, and numbers that are ``places`` (longitudes,
    latitudes), are neither summed nor looked for by their size. What can't be made is left out.
    """
    if rows <= LEAST_ROWS:
        return
    ours = mark(c["name"] for c in columns)
    others = [c for c in columns if c["name"] not in {*key, *places} and c["storage_type"] in ORDERED]
    summed = [c for c in others if c["storage_type"] in SUMMED]
    plans = planned(columns, rows, 1 + sum(1 + _has_empty(c) for c in summed))
    _write_tallies(con, columns, plans, summed, ours)
    tallied = {name for plan in plans for name in plan.columns}
    left = int(rows * len(columns) / STEPS_SHARE)
    for number, column in enumerate(others, 1):
        if column["storage_type"] in STEPPED and column["name"] not in tallied and left > 0:
            left -= 3 * _write_steps(con, f"steps_{number}", column, min(STEPS, left // 3), ours)
        if len(key) == 1:  # by which the rows themselves are found
            most = min(ENDS, int(rows / ENDS_SHARE))
            with suppress(*LEFT_OUT):
                con.execute(_end(f"ends_up_{number}", column["name"], False, key[0], most, ours))
                con.execute(_end(f"ends_down_{number}", column["name"], True, key[0], most, ours))


def _distinct(column: Column) -> int:
    return int(column.get("distinct") or 0)


def _has_empty(column: Column) -> bool:
    return column.get("nulls") != 0


def _write_tallies(
    con: duckdb.DuckDBPyConnection, columns: list[Column], plans: list[Plan], summed: list[Column], ours: str
) -> None:
    kinds = {c["name"]: _distinct(c) for c in columns}
    written: list[tuple[Plan, str]] = []
    for number, plan in enumerate(plans, 1):
        source = next((name for other, name in reversed(written) if plan.columns < other.columns), "rows")
        # the column of most values leads: its ranges are then next to one another
        names = sorted(plan.columns, key=lambda name: (-kinds[name], name))
        with suppress(*LEFT_OUT):
            con.execute(_tally(f"tally_{number}", source, names, summed, ours))
            written.append((plan, f"tally_{number}"))


def _tally(name: str, source: str, names: list[str], summed: list[Column], ours: str) -> str:
    """SQL that counts and sums the rows, or another tally, by some columns."""
    again = source != "rows"
    number = quoted(ours)
    parts = [*map(quoted, names), f"CAST({f'sum({number})' if again else 'count(*)'} AS BIGINT) AS {number}"]
    for column in summed:
        value, total, filled = (
            quoted(each) for each in (column["name"], sum_name(ours, column["name"]), filled_name(ours, column["name"]))
        )
        parts.append(f"sum({total if again else value}) AS {total}")
        if _has_empty(column):
            parts.append(f"CAST({f'sum({filled})' if again else f'count({value})'} AS BIGINT) AS {filled}")
    places = ", ".join(str(n + 1) for n in range(len(names)))
    return (
        f"CREATE TABLE copy.{name} AS SELECT {', '.join(parts)} FROM copy.{source} GROUP BY {places} ORDER BY {places}"  # noqa: S608 - quoted identifiers
    )


def _write_steps(con: duckdb.DuckDBPyConnection, name: str, column: Column, most: int, ours: str) -> int:
    """Write how many rows have each round number of :data:`DIGITS` digits, and how many a value between two of them, with the
    least and the greatest value of each such step (of times: each midnight, and the days). Where a step begins need not be
    exact: whoever asks about a value looks whether it lies within a step. Returns how many steps were written: none beyond ``most``.
    """
    if column["storage_type"] == "timestamp":
        number, tens, step = "v", "NULL", "date_trunc('day', x)"
    else:
        number, tens = "CAST(v AS DOUBLE)", f"floor(log10(nullif(abs(x), 0))) - {DIGITS - 1}"
        # a power of ten below 1 has no exact double, its inverse has; and what is just short of a round number is it
        fraction = f"floor(x * pow(10, -tens) + {NEAR}) / pow(10, -tens)"
        whole = f"floor(x / pow(10, tens) + {NEAR}) * pow(10, tens)"
        step = f"CASE WHEN x = 0 OR NOT isfinite(x) THEN x WHEN tens < 0 THEN {fraction} ELSE {whole} END"
    value = f"SELECT {quoted(column['name'])} AS v FROM copy.rows"  # noqa: S608 - quoted identifier
    filled = f"SELECT v, {number} AS x FROM ({value}) WHERE v IS NOT NULL"  # noqa: S608
    scaled = f"SELECT v, x, {tens} AS tens FROM ({filled})"  # noqa: S608
    query = (
        f"SELECT min(v) AS {quoted(column['name'])}, max(v) AS {quoted(high_name(ours))}, count(*) AS {quoted(ours)} "  # noqa: S608
        f"FROM (SELECT v, x, {step} AS step FROM ({scaled})) GROUP BY step, x = step"
    )
    with suppress(*LEFT_OUT):
        con.execute(f"CREATE TEMP TABLE {name} AS {query}")
        written = int(con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])  # noqa: S608 - a name of ours
        if written <= most:
            con.execute(f"CREATE TABLE copy.{name} AS FROM {name} ORDER BY 1")
        con.execute(f"DROP TABLE temp.{name}")
        return written if written <= most else 0
    return 0


def _end(name: str, column: str, down: bool, key: str, most: int, ours: str) -> str:
    """SQL that writes the rows that come first in the order of a column: value, key, ordinal."""
    order = f"{quoted(column)} {'DESC' if down else 'ASC'} NULLS LAST, rowid"
    found = (
        f"SELECT {quoted(column)}, {quoted(key)}, rowid AS {quoted(place_name(ours))} FROM copy.rows ORDER BY {order}"  # noqa: S608
    )
    return f"CREATE TABLE copy.{name} AS {found} LIMIT {most}"


def sum_name(ours: str, column: str) -> str:
    """Name of a tally's column of sums of ``column``."""
    return f"{ours}_sum_{column}"


def filled_name(ours: str, column: str) -> str:
    """Name of a tally's column of numbers of filled cells of ``column``; there is none when all are filled."""
    return f"{ours}_filled_{column}"


def high_name(ours: str) -> str:
    """Name of the column of the greatest values of steps."""
    return f"{ours}_high"


def place_name(ours: str) -> str:
    """Name of the column of the ordinals of the first or last rows."""
    return f"{ours}_at"
