"""Rules that speak of the whole table: how many rows, how fresh, what it covers, whether it has drifted, what another table
says, and SQL of one's own. Each answers one measure, and some of them rows.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.cells import TEXT, as_type
from gongshu.tables.contract import Rule
from gongshu.tables.model import ROW
from gongshu.tables.rule_sql import DIALECT, NAME, one_condition, one_select
from gongshu.tables.semantic.divisions import divisions
from gongshu.tables.storage import normalise
from gongshu.tables.thresholds import holds, problem_of

STEPS = {"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
PERIODS = 100_000  # expected at most
NAMED = 5  # missing periods or places that are named
QUANTILES = 10
COMMON = 30  # values of a column of text that are compared one by one
LEAST_SHARE = 1e-4  # stands for none in the drift: its logarithm is asked for
SECONDS = 60.0  # that a rule in SQL may take


@dataclass(frozen=True)
class Context:
    """What rules of the whole table need beside it.

    ``tables``: other tables by the name that rules call them. ``previous``: the table as it was in the last version.
    ``name``: what the contract calls the table. ``frequency``: the promised one (a key of ``opening-2026/frequencies``).
    ``as_of``: the day that the data are of, where no column says so. ``today``: None for the real one.
    """

    tables: Mapping[str, ir.Table] = field(default_factory=dict)
    previous: ir.Table | None = None
    name: str = ""
    frequency: str = ""
    as_of: dt.date | None = None
    today: dt.date | None = None


@dataclass(frozen=True)
class Measure:
    """``asked`` things were looked for and ``failed`` of them are wrong; ``value`` is what was measured, ``missing`` names some.

    ``why``: nothing could be told, and why. ``rows``: the wrong rows, in order, ``every``: all of them as a table.
    """

    asked: int = 0
    failed: int = 0
    value: float | None = None
    unknown: int = 0
    missing: tuple[str, ...] = ()
    why: str = ""
    rows: list[int] = field(default_factory=list)
    every: ir.Table | None = None


Check = Callable[[BaseBackend, ir.Table, Rule, Mapping[str, str], Context, int], Measure]


def row_count(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """The number of rows is as ``params["must"]`` asks, or between ``min`` and ``max``."""
    rows = int(backend.to_pyarrow(table.count()).as_py())
    return Measure(1, int(not holds(_must(rule), rows)), rows)


def _must(rule: Rule) -> dict[str, Any]:
    must = dict(rule.params.get("must") or {})
    if rule.params.get("min") is not None:
        must["mustBeGreaterOrEqualTo"] = rule.params["min"]
    if rule.params.get("max") is not None:
        must["mustBeLessOrEqualTo"] = rule.params["max"]
    if problem := problem_of(must):
        raise ValueError(problem)
    return must


def freshness(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """The newest day of ``column`` (or the day that the data are of) is no older than the promised frequency allows."""
    promised = str(rule.params.get("frequency") or context.frequency)
    entries = {entry["key"]: entry["days"] for entry in rulebook("opening-2026/frequencies")["entries"]}
    days = rule.params.get("days", entries.get(promised))
    if days is None:
        return Measure(why=gettext("没有承诺更新频率"))
    newest = context.as_of
    if rule.column:
        newest = backend.to_pyarrow(as_type(table[rule.column], "date").max()).as_py()
    if newest is None:
        return Measure(why=gettext("不知道数据是哪一天的"))
    age = ((context.today or dt.date.today()) - newest).days
    return Measure(1, int(age > int(days)), age)


def coverage_time(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """Every ``params["step"]`` (day, week, month, quarter, year) from ``from`` to ``to`` has a row; without them from the first to the last."""
    step = str(rule.params.get("step", "month"))
    if step not in STEPS:
        raise ValueError(gettext("step 应为 {known}", known="、".join(STEPS)))
    days = as_type(table[str(rule.column)], "date")
    periods = table.select(period=days.truncate(STEPS[step])).filter(ibis._.period.notnull()).distinct()
    found = {_day(value) for value in backend.to_pyarrow(periods.limit(PERIODS))["period"].to_pylist()}
    ends = [rule.params.get(end) for end in ("from", "to")]
    first, last = (dt.date.fromisoformat(str(end)) if end else None for end in ends)
    first, last = first or min(found, default=None), last or max(found, default=None)
    if first is None or last is None:
        return Measure(why=gettext("没有一个能读的日期"))
    expected = list(_periods(first, last, step))
    lost = [day for day in expected if day not in found]
    return Measure(len(expected), len(lost), len(lost), missing=tuple(_name(day, step) for day in lost[:NAMED]))


def _day(value: dt.date | dt.datetime) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _periods(first: dt.date, last: dt.date, step: str) -> Iterator[dt.date]:
    if step == "week":
        first -= dt.timedelta(days=first.weekday())
    elif step != "day":
        month = {"month": first.month, "quarter": (first.month - 1) // 3 * 3 + 1, "year": 1}[step]
        first = first.replace(month=month, day=1)
    for _ in range(PERIODS):
        if first > last:
            return
        yield first
        if step in ("day", "week"):
            first += dt.timedelta(days=1 if step == "day" else 7)
        else:
            months = first.year * 12 + first.month - 1 + {"month": 1, "quarter": 3, "year": 12}[step]
            first = dt.date(months // 12, months % 12 + 1, 1)


def _name(day: dt.date, step: str) -> str:
    if step == "year":
        return f"{day.year}"
    if step == "quarter":
        return f"{day.year}Q{(day.month + 2) // 3}"
    return f"{day:%Y-%m}" if step == "month" else day.isoformat()


def coverage_division(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """Every division under ``params["under"]`` (the first digits of codes), or every one of ``values``, stands in the column, by code or by name."""
    values = rule.params.get("values")
    if values is None:
        under = str(rule.params["under"])
        wanted = [(one.code, one.name) for one in divisions() if one.code.startswith(under) and not one.retired]
        wanted = [pair for pair in wanted if pair[1] not in ("市辖区", "县") and not pair[0].endswith("00")]
        if not wanted:
            raise ValueError(gettext("行政区划里没有以 {under} 开头的代码", under=under))
    else:
        wanted = [(str(value), str(value)) for value in values]
    column = table[str(rule.column)]
    clean = normalise(column) if column.type().is_string() else column.cast("string")
    there = backend.to_pyarrow(table.select(v=clean).distinct().limit(PERIODS))["v"].to_pylist()
    found = {str(value) for value in there if value}
    lost = [name for code, name in wanted if code not in found and name not in found]
    return Measure(len(wanted), len(lost), len(lost), missing=tuple(lost[:NAMED]))


def drift(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """The population stability index against the last version stays below ``params["max"]`` (0.25 when not said).

    PSI = sum of (a - e) ln(a / e) over tenths of the last version's numbers, or its most frequent texts; e and a are the shares
    of the last version and of this one. Below 0.1 there is no shift, from 0.25 on a major one (N. Siddiqi, Credit Risk
    Scorecards, Wiley 2006, p. 137). Empty cells are a share of their own.
    """
    if context.previous is None or rule.column not in context.previous.columns:
        return Measure(why=gettext("没有上一版可比"))
    kind = types[str(rule.column)]
    both = [_values(each, str(rule.column), kind) for each in (context.previous, table)]
    shares = _number_shares(backend, both) if kind not in (*TEXT, "boolean") else _text_shares(backend, both)
    if shares is None:
        return Measure(why=gettext("没有上一版可比"))
    index = sum((a - e) * math.log(max(a, LEAST_SHARE) / max(e, LEAST_SHARE)) for e, a in shares)
    return Measure(1, int(index >= float(rule.params.get("max", 0.25))), round(index, 6))


def _values(table: ir.Table, name: str, kind: str) -> ir.Table:
    value = table[name]
    if kind in (*TEXT, "boolean"):
        return table.select(v=normalise(value) if value.type().is_string() else value.cast("string"))
    typed = as_type(value, kind)
    return table.select(v=typed.cast("timestamp").epoch_seconds().cast("float64") if kind in ("date", "timestamp") else typed.cast("float64"))  # fmt: skip


Shares = list[tuple[float, float]]


def _number_shares(backend: BaseBackend, both: list[ir.Table]) -> Shares | None:
    cuts = {f"q{n}": both[0].v.quantile(n / QUANTILES) for n in range(1, QUANTILES)}
    row = backend.to_pyarrow(both[0].aggregate(**cuts)).to_pylist()[0]
    edges = sorted({value for value in row.values() if value is not None})
    counts = []
    for each in both:
        below = {f"b{n}": (each.v <= edge).sum() for n, edge in enumerate(edges)}
        counts.append(
            backend.to_pyarrow(each.aggregate(rows=each.count(), filled=each.v.count(), **below)).to_pylist()[0]
        )
    if not all(one["rows"] for one in counts):
        return None
    sides = []
    for one in counts:
        steps = [0, *(int(one[f"b{n}"] or 0) for n in range(len(edges))), int(one["filled"])]
        parts = [high - low for low, high in pairwise(steps)]
        sides.append([part / one["rows"] for part in [*parts, one["rows"] - one["filled"]]])
    return list(zip(*sides, strict=True))


def _text_shares(backend: BaseBackend, both: list[ir.Table]) -> Shares | None:
    frequent = both[0].group_by("v").aggregate(n=ibis._.count()).order_by([ibis.desc("n"), "v"]).limit(COMMON)
    names = [value for value in backend.to_pyarrow(frequent)["v"].to_pylist() if value is not None]
    sides = []
    for each in both:
        sums = {f"s{n}": (each.v == name).sum() for n, name in enumerate(names)}
        one = backend.to_pyarrow(each.aggregate(rows=each.count(), filled=each.v.count(), **sums)).to_pylist()[0]
        if not one["rows"]:
            return None
        parts = [int(one[f"s{n}"] or 0) for n in range(len(names))]
        sides.append([part / one["rows"] for part in [*parts, one["filled"] - sum(parts), one["rows"] - one["filled"]]])
    return list(zip(*sides, strict=True))


def equality(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """The number of rows, or the sum of ``column``, is that of ``params["table"]`` (of its ``other_column``), but for ``tolerance``."""
    other, kind = other_table(rule, context), str(rule.params.get("measure", "count"))
    if kind == "count":
        here, there = (float(backend.to_pyarrow(each.count()).as_py()) for each in (table, other))
    elif kind == "sum":
        named = str(rule.params.get("other_column", rule.column))
        if not rule.column or named not in other.columns:
            raise ValueError(gettext("「{table}」没有「{column}」列", table=str(rule.params["table"]), column=named))
        here, there = (_total(backend, each[name]) for each, name in ((table, rule.column), (other, named)))
    else:
        raise ValueError(gettext("measure 应为 {known}", known="count、sum"))
    off = here - there
    allowed = float(rule.params.get("tolerance", 1e-9 * max(abs(here), abs(there)) if kind == "sum" else 0))
    return Measure(1, int(not abs(off) <= allowed), off)


def _total(backend: BaseBackend, values: ir.Value) -> float:
    # decimals, so that a million amounts make the sum that a person gets
    return float(backend.to_pyarrow(as_type(values, "decimal").sum()).as_py() or 0)


def other_table(rule: Rule, context: Context) -> ir.Table:
    """The table that the rule names. LookupError, in words, when there is none of that name."""
    name = str(rule.params["table"])
    if name not in context.tables:
        raise LookupError(gettext("没有表「{table}」可对", table=name))
    return context.tables[name]


def sql(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """One number, by a SELECT over the typed table, is as ``params["must"]`` asks."""
    query = one_select(str(rule.params["query"]), context.name)
    if problem := problem_of(rule.params.get("must")):
        raise ValueError(problem)
    answer = _typed(table, types).alias(NAME).sql(query.sql(dialect=DIALECT), dialect=DIALECT)
    with budget(backend):
        rows = backend.to_pyarrow(answer.limit(2)).to_pylist()
    values = list(rows[0].values()) if len(rows) == 1 else []
    if len(values) != 1 or not (
        values[0] is None or isinstance(values[0], int | float) or hasattr(values[0], "as_tuple")
    ):
        raise ValueError(gettext("SQL 应得一个数"))
    if values[0] is None or not math.isfinite(float(values[0])):
        return Measure(why=gettext("SQL 得空值，判不了"))
    return Measure(1, int(not holds(rule.params["must"], float(values[0]))), float(values[0]))


def condition(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: Mapping[str, str], context: Context, max_rows: int
) -> Measure:
    """``params["condition"]``, in SQL, holds of every row; where it comes to null it can't be told."""
    said = one_condition(str(rule.params["condition"])).sql(dialect=DIALECT)
    query = f'SELECT "{ROW}" AS "row", CAST(({said}) AS BOOLEAN) AS good FROM "{NAME}"'  # noqa: S608 - of a tree that was looked at
    judged = _typed(table, types).alias(NAME).sql(query, dialect=DIALECT)
    with budget(backend):
        sums = judged.aggregate(asked=judged.good.count(), failed=(~judged.good).sum(), rows=judged.count())
        found = backend.to_pyarrow(sums).to_pylist()[0]
        failed = int(found["failed"] or 0)
        wrong = judged.filter(~judged.good).select("row")
        rows = backend.to_pyarrow(wrong.order_by("row").limit(max_rows))["row"].to_pylist() if failed else []
    return Measure(found["asked"], failed, None, found["rows"] - found["asked"], rows=rows, every=wrong)


def _typed(table: ir.Table, types: Mapping[str, str]) -> ir.Table:
    return table.select(ROW, **{name: as_type(table[name], kind) if kind not in TEXT else table[name] for name, kind in types.items()})  # fmt: skip


@contextmanager
def budget(backend: BaseBackend, seconds: float = SECONDS) -> Iterator[None]:
    """What runs in it is interrupted after ``seconds``, on DuckDB; TimeoutError in words."""
    engine, over = getattr(backend, "con", None), threading.Event()
    if backend.name != "duckdb" or engine is None:
        yield
        return

    def stop() -> None:
        over.set()
        engine.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            raise TimeoutError(gettext("超过 {seconds} 秒，停下了", seconds=f"{seconds:g}")) from error
        raise
    finally:
        timer.cancel()


TABLE_KINDS: dict[str, Check] = {
    "row_count": row_count,
    "freshness": freshness,
    "coverage_time": coverage_time,
    "coverage_division": coverage_division,
    "drift": drift,
    "equality": equality,
    "sql": sql,
    "condition": condition,
}
