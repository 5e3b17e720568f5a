"""Partition (多维划分, Mondrian): groups of rows that are near in all quasi-identifiers, each told as a range.

For tables whose lattice of generalisations is too large, or too coarse: the rows are halved again and again at the median of
the column that spreads most, as long as both halves reach what is demanded (LeFevre et al. 2006, strict). Cells become the range
of their group: ``[20,35]`` for numbers and dates, the values joined by ``|`` for words, ``*`` where these are many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends import BaseBackend

from gongshu.tables.anonymity import NONE, Demand, counted, grouped
from gongshu.tables.contract import Field
from gongshu.tables.errors import TableError
from gongshu.tables.storage import normalise

METHOD = "partition"
MOST_WORDS = 8  # values of a group that are told one by one
MANY = "*"
MOST_CELLS = 100_000_000  # distinct rows times columns that are held at once
_MADE = "_gongshu_range_"
Ranks = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """The groups found: ``ranges`` by column one text for each distinct row, ``rows``: how many that are in all, ``k``: rows of
    the smallest group. ``loss``: mean over rows and columns of the share of the column's other values that a cell can't be told
    from; 0..1."""

    table: pa.Table
    ranges: dict[str, str]
    rows: int
    groups: int
    k: int
    loss: float


def partitioned(table: ir.Table, fields: Sequence[Field]) -> tuple[ir.Table, dict[str, str]]:
    """``table`` with a column of ranges beside each of ``fields``, which are partitioned together; and their names.

    The params are those of the first: ``k``, and with ``sensitive`` (a column) ``distinct``, ``entropy``, ``closeness``. ValueError
    where they differ; TableError ``cannot_anonymise`` for a table that does not reach them as a whole.
    """
    params = fields[0].protection.params
    if any(one.protection.params != params for one in fields):
        raise ValueError(f"{METHOD}: params")
    backend = table._find_backend(use_default=True)
    found = partition(backend, table, [one.name for one in fields], params)
    names = {one.name: _MADE + one.name for one in fields}
    known = ibis.memtable(found.table)
    keys = {f"_gongshu_{name}": value.fill_null(NONE) for name, value in grouped(table, list(names)).items()}
    joined = table.mutate(**keys).left_join(known, list(keys))
    return joined.select(*table.columns, **{made: known[found.ranges[name]] for name, made in names.items()}), names


def partition(backend: BaseBackend, table: ir.Table, names: Sequence[str], params: Mapping[str, Any]) -> Partition:
    """The :class:`Partition` of the columns ``names``; see :func:`partitioned`."""
    sensitive = params.get("sensitive")
    ordered = bool(sensitive) and (table[sensitive].type().is_numeric() or table[sensitive].type().is_temporal())
    demand = Demand(
        int(params["k"]),
        int(params.get("distinct", 1)),
        float(params.get("entropy", 1)),
        float(params.get("closeness", 1)),
        ordered,
    )
    if demand.k < 2:
        raise ValueError("k >= 2")
    told_apart = {name: normalise(table[name]) for name in names if table[name].type().is_string()}
    codes, values, marks, n = counted(backend, table.mutate(**told_apart), list(names), sensitive)
    if len(n) * max(len(names), 1) > MOST_CELLS:
        raise TableError("partition_too_large", "各不相同的行太多，没法划分：请先概化其中的一些列。")
    places = [_place(each) for each in values]
    ranks = np.column_stack([place[code] for place, code in zip(places, codes, strict=True)]).astype(np.int32)
    groups = _split(ranks, marks, n, demand)
    if groups is None:
        raise TableError("cannot_anonymise", "即使全部泛化也达不到 k={k}：请放宽要求或允许略去更多行。", k=demand.k)
    keys = [_key(backend, each) for each in values]
    return _told(names, codes, values, keys, places, ranks, n, groups)


def _place(values: pa.Array) -> Ranks:
    """The rank of each distinct value, empty cells first."""
    place = np.empty(len(values), dtype=np.int32)
    place[pc.array_sort_indices(values, null_placement="at_start").to_numpy()] = np.arange(len(values), dtype=np.int32)
    return place


def _split(ranks: Ranks, marks: Counts, n: Counts, demand: Demand) -> list[npt.NDArray[np.intp]] | None:
    """The rows of each group, or None where the whole does not reach the demand."""
    whole: npt.NDArray[np.float64] = np.zeros(0)
    if demand.of_values:
        whole = np.bincount(marks, weights=n).astype(np.float64)
    if not len(n):
        return []
    if not _reaches(np.arange(len(n)), marks, n, whole, demand):
        return None
    spread = np.maximum(ranks.max(axis=0) - ranks.min(axis=0), 1)
    found: list[npt.NDArray[np.intp]] = []
    waiting = [np.arange(len(n))]
    while waiting:
        rows = waiting.pop()
        halves = _halved(rows, ranks, marks, n, whole, demand, spread) if n[rows].sum() >= 2 * demand.k else None
        if halves is None:
            found.append(rows)
        else:
            waiting += halves
    return found


def _halved(
    rows: npt.NDArray[np.intp],
    ranks: Ranks,
    marks: Counts,
    n: Counts,
    whole: npt.NDArray[np.float64],
    demand: Demand,
    spread: npt.NDArray[np.int32],
) -> list[npt.NDArray[np.intp]] | None:
    """Two halves that both reach the demand, cut at the median of the column that spreads most; None where there are none."""
    here, counts = ranks[rows], n[rows]
    width = (here.max(axis=0) - here.min(axis=0)) / spread
    for column in np.argsort(-width, kind="stable"):
        if width[column] == 0:
            return None
        values = here[:, column]
        low = values.min()
        running = np.cumsum(np.bincount(values - low, weights=counts))
        middle = int(np.searchsorted(running, running[-1] / 2))
        for cut in {middle, middle - 1}:
            left = values - low <= cut
            if cut < 0 or left.all() or not left.any():
                continue
            halves = [rows[left], rows[~left]]
            if all(_reaches(half, marks, n, whole, demand) for half in halves):
                return halves
    return None


def _reaches(
    rows: npt.NDArray[np.intp], marks: Counts, n: Counts, whole: npt.NDArray[np.float64], demand: Demand
) -> bool:
    if n[rows].sum() < demand.k:
        return False
    if not demand.of_values:
        return True
    own = np.bincount(marks[rows], weights=n[rows], minlength=len(whole))
    share = own[own > 0] / own.sum()
    if len(share) < demand.distinct or np.exp(-(share * np.log(share)).sum()) < demand.entropy - 1e-9:
        return False
    off = own / own.sum() - whole / whole.sum()
    if len(whole) < 2:
        return True
    far = np.abs(np.cumsum(off)).sum() / (len(whole) - 1) if demand.ordered else np.abs(off).sum() / 2
    return bool(far <= demand.closeness + 1e-9)


def _told(
    names: Sequence[str],
    codes: Sequence[Counts],
    values: Sequence[pa.Array],
    keys: Sequence[pa.Array],
    places: Sequence[Ranks],
    ranks: Ranks,
    n: Counts,
    groups: Sequence[npt.NDArray[np.intp]],
) -> Partition:
    group = np.empty(len(n), dtype=np.int64)
    for at, rows in enumerate(groups):
        group[rows] = at
    columns: dict[str, pa.Array] = {}
    ranges, losses = {}, []
    for at, (name, found, place) in enumerate(zip(names, values, places, strict=True)):
        in_order = np.empty(len(place), dtype=np.int64)
        in_order[place] = np.arange(len(place))
        held = [np.unique(ranks[rows, at]) for rows in groups]
        texts = [_range(found, in_order, one) for one in held]
        columns[f"_gongshu_c{at}"] = keys[at].take(pa.array(codes[at]))
        columns[f"range{at}"] = pa.array(texts, pa.string()).take(pa.array(group))
        ranges[name] = f"range{at}"
        words, last = _is_words(found), max(len(found) - 1, 1)
        spans = [len(one) - 1 if words else int(one[-1]) - int(one[0]) for one in held]
        lost = np.array([1.0 if text == MANY else span / last for text, span in zip(texts, spans, strict=True)])
        losses.append(float((lost[group] * n).sum() / max(n.sum(), 1)) if len(n) else 0.0)
    table = pa.table(columns).group_by(list(columns)).aggregate([]) if len(n) else pa.table(columns)
    sizes = np.bincount(group, weights=n) if len(n) else np.zeros(0)
    smallest = int(sizes.min()) if len(sizes) else 0
    return Partition(table, ranges, int(n.sum()), len(groups), smallest, round(float(np.mean(losses or [0])), 6))


def _key(backend: BaseBackend, values: pa.Array) -> pa.Array:
    """The values as rows are told by in the join."""
    shown = ibis.memtable(pa.table({"n": pa.array(range(len(values)), pa.int64()), "v": values}))
    text = grouped(shown, ["v"])["c0"].fill_null(NONE)
    found = backend.to_pyarrow(shown.select("n", text=text).order_by("n"))["text"]
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _range(values: pa.Array, in_order: npt.NDArray[np.int64], ranks: npt.NDArray[np.int32]) -> str | None:
    """What a group is told as, by the ranks of the values that stand in it."""
    held = [values[int(in_order[rank])].as_py() for rank in (ranks if len(ranks) <= MOST_WORDS else ranks[[0, 1, -1]])]
    if len(held) == 1:
        return None if held[0] is None else _text(held[0])
    if held[0] is None:
        return MANY
    if _is_words(values):
        return MANY if len(ranks) > MOST_WORDS else "|".join(_text(one) for one in held)
    return f"[{_text(held[0])},{_text(held[-1])}]"


def _is_words(values: pa.Array) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_boolean(values.type))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
