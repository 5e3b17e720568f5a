"""Differentially private figures (差分隐私统计): counts, sums, means and histograms that hardly change with any one person.

The engine computes exact figures in whole numbers, over rows of which each person has a bounded number and values within
bounds; how much one person can change them follows from these bounds alone (add or remove one person). The noise is OpenDP's.
Groups and bounds are told beforehand, never taken from the rows: that a group exists would tell of somebody.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.tables.errors import TableError
from gongshu.tables.microaggregate import finite
from gongshu.tables.storage import normalise, typed

KINDS = ("count", "sum", "mean", "histogram")
MOST_GROUPS = 10_000
_LARGEST = 2**62
Noise = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Figures:
    """What is asked. ``kind`` count, sum, mean or histogram of ``column`` (not for counts), by the ``groups`` of the column
    ``by`` where there is one.

    ``lowest``, ``highest``: values beyond them count as these; sums and means to ``digits`` decimals. ``edges`` of a histogram:
    below the first, between, from the last on. ``person``: the column that tells persons apart, of each of whom ``most`` rows
    count at most; without it every row is a person of its own.
    """

    kind: str
    column: str | None = None
    by: str | None = None
    groups: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    digits: int = 2
    edges: tuple[float, ...] = ()
    person: str | None = None
    most: int = 1

    def as_json(self) -> dict[str, Any]:
        """All of it by name."""
        return {**vars(self), "groups": list(self.groups), "edges": list(self.edges)}

    @classmethod
    def of(cls, said: dict[str, Any]) -> Figures:
        """The figures that :meth:`as_json` told. TableError ``figures_wrong``."""
        try:
            return cls(**{**said, "groups": tuple(said.get("groups", ())), "edges": tuple(said.get("edges", ()))})
        except TypeError as error:
            raise _wrong(str(error)) from None


@dataclass
class _Measured:
    """Exact figures of one table: in the order of ``cells``; one person changes them by ``sensitivity`` in all."""

    cells: list[tuple[str | None, str | None]]
    values: list[int]
    sensitivity: int
    parts: dict[str, Any] = field(default_factory=dict)


def private_figures(
    backend: BaseBackend, table: ir.Table, asked: Figures, epsilon: float, noise: Noise
) -> dict[str, Any]:
    """``{"kind", "epsilon", "rows": [{"group", "bin", "value"}], "accuracy"}`` of ``table`` under ``epsilon``-differential privacy.

    ``noise`` adds it: see :mod:`gongshu.environments.dp_worker`. ``accuracy``: 95 of 100 values are off by so much at most (for
    means: of their sums and numbers, ``accuracy`` is a list of both). A mean spends half of ``epsilon`` on the number of values
    and half on their sum. TableError ``figures_wrong``, ``missing_column``.
    """
    _check(table, asked, epsilon)
    rows = _bounded(table, asked)
    groups: list[str | None] = list(asked.groups) if asked.by else [None]
    scale = 10**asked.digits
    if asked.kind == "mean":
        return _mean(backend, rows, asked, groups, epsilon, noise)
    if asked.kind == "sum":
        measured = _sums(backend, rows, asked, groups, asked.lowest or 0.0, asked.highest or 0.0, 0.0)
    else:
        measured = _counts(backend, rows, asked, groups)
        scale = 1
    made = noise([{"values": measured.values, "sensitivity": measured.sensitivity, "epsilon": epsilon}])[0]
    return {
        "kind": asked.kind,
        "epsilon": epsilon,
        "rows": [
            {"group": group, "bin": bin_, "value": value / scale if scale > 1 else value}
            for (group, bin_), value in zip(measured.cells, made["values"], strict=True)
        ],
        "accuracy": made["accuracy"] / scale,
    }


def _check(table: ir.Table, asked: Figures, epsilon: float) -> None:
    if asked.kind not in KINDS:
        raise _wrong(f"kind = {asked.kind}")
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise _wrong("epsilon > 0")
    if asked.kind != "count" and not asked.column:
        raise _wrong("column")
    for name in (asked.column, asked.by, asked.person):
        if name and name not in table.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": name})
    if asked.by and not 0 < len(asked.groups) <= MOST_GROUPS:
        raise _wrong(f"groups: 1 .. {MOST_GROUPS}")
    if len(set(asked.groups)) != len(asked.groups):
        raise _wrong("groups")
    if not 1 <= asked.most <= 1000 or not 0 <= asked.digits <= 6:
        raise _wrong("most: 1 .. 1000, digits: 0 .. 6")
    if asked.kind in ("sum", "mean"):
        low, high = asked.lowest, asked.highest
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise _wrong("lowest < highest")
    if asked.kind == "histogram":
        edges = asked.edges
        if not edges or len(edges) > 1000 or not all(map(math.isfinite, edges)) or sorted(set(edges)) != list(edges):
            raise _wrong("edges")


def _wrong(reason: str) -> TableError:
    return TableError("figures_wrong", "统计的要求不完整或不对：{reason}。", reason=reason)


def _bounded(table: ir.Table, asked: Figures) -> ir.Table:
    """The columns that matter, with at most so many rows of each person; rows without a person are left out."""
    columns: dict[str, ir.Value] = {}
    if asked.by:
        columns["g"] = normalise(table[asked.by].cast("string"))
    if asked.column and asked.kind != "count":
        values = table[asked.column]
        columns["v"] = finite(typed(values, "float64") if values.type().is_string() else values)
    if not asked.person:
        return table.select(**columns) if columns else table.select(one=ibis.literal(1))
    columns["p"] = normalise(table[asked.person].cast("string"))
    known = table.select(**columns).filter(ibis._.p.notnull())
    # which of a person's rows count depends on that person's rows only
    others = [known[name] for name in ("g", "v") if name in columns]
    place = ibis.row_number().over(group_by="p", order_by=others or [known["p"]])
    return known.mutate(n=place).filter(ibis._.n < asked.most).drop("n")


def _counts(backend: BaseBackend, rows: ir.Table, asked: Figures, groups: list[str | None]) -> _Measured:
    bins: list[str | None] = [None]
    if asked.kind == "histogram":
        bins = _bins(asked.edges)
        rows = rows.filter(rows.v.notnull())
        place: Any = ibis.literal(0)
        for edge in asked.edges:
            place = place + (rows.v >= edge).cast("int64")
        rows = rows.mutate(b=place)
    keys = [name for name, there in (("g", asked.by), ("b", asked.kind == "histogram")) if there]
    counted = rows.group_by(keys).aggregate(n=ibis._.count()) if keys else rows.aggregate(n=rows.count())
    found = {
        (one.get("g"), bins[one["b"]] if "b" in one else None): int(one["n"])
        for one in backend.to_pyarrow(_known(counted, asked)).to_pylist()
    }
    cells = list(itertools.product(groups, bins))
    return _Measured(cells, [found.get(cell, 0) for cell in cells], asked.most)


def _sums(
    backend: BaseBackend,
    rows: ir.Table,
    asked: Figures,
    groups: list[str | None],
    low: float,
    high: float,
    middle: float,
) -> _Measured:
    """Sums of the values within ``low`` and ``high``, less ``middle`` each, in units of the last digit."""
    scale = 10**asked.digits
    filled = rows.filter(rows.v.notnull())
    units = ((filled.v.clip(low, high) - middle) * scale).round(0).cast("int64")
    filled = filled.mutate(u=units)
    sums = {"n": filled.u.sum()}
    counted = filled.group_by("g").aggregate(**sums) if asked.by else filled.aggregate(**sums)
    found = {one.get("g"): int(one["n"] or 0) for one in backend.to_pyarrow(_known(counted, asked)).to_pylist()}
    largest = math.ceil(max(abs(low - middle), abs(high - middle)) * scale)
    if largest * asked.most >= _LARGEST or any(abs(value) >= _LARGEST for value in found.values()):
        raise _wrong("lowest, highest, digits")
    cells: list[tuple[str | None, str | None]] = [(group, None) for group in groups]
    return _Measured(cells, [found.get(group, 0) for group in groups], largest * asked.most)


def _mean(
    backend: BaseBackend,
    rows: ir.Table,
    asked: Figures,
    groups: list[str | None],
    epsilon: float,
    noise: Noise,
) -> dict[str, Any]:
    low, high = float(asked.lowest or 0), float(asked.highest or 0)
    middle, scale = (low + high) / 2, 10**asked.digits
    sums = _sums(backend, rows, asked, groups, low, high, middle)
    numbers = _counts(backend, rows.filter(rows.v.notnull()), asked, groups)
    halves = [{"values": one.values, "sensitivity": one.sensitivity, "epsilon": epsilon / 2} for one in (sums, numbers)]
    total, number = noise(halves)
    return {
        "kind": "mean",
        "epsilon": epsilon,
        "rows": [
            {
                "group": group,
                "bin": None,
                "value": round(min(max(middle + part / scale / max(n, 1), low), high), asked.digits),
                "number": n,
            }
            for group, part, n in zip(groups, total["values"], number["values"], strict=True)
        ],
        "accuracy": [total["accuracy"] / scale, number["accuracy"]],
    }


def _known(counted: ir.Table, asked: Figures) -> ir.Table:
    return counted.filter(counted.g.isin(list(asked.groups))) if asked.by else counted


def _bins(edges: tuple[float, ...]) -> list[str | None]:
    shown = [f"{edge:g}" for edge in edges]
    between = [f"[{low},{high})" for low, high in itertools.pairwise(shown)]
    return [f"<{shown[0]}", *between, f"≥{shown[-1]}"]
