"""Anonymising a table (匿名化): the least loss of detail that leaves nobody in a group smaller than k.

Full-domain generalisation: each quasi-identifier has a ladder of protections, from the value itself to nothing; a choice of
one rung for each is a node of a lattice. Whether a node's small groups can be left out within the limit only gets easier up
the ladders (Samarati 2001; LeFevre et al. 2005), so a failure rules out everything below it; a binary search on a path to the
top finds failures high up (Kohlmayer et al. 2012, Flash). The answer is the best of all nodes, told as protections that a
contract can hold, so that what is published is made by the very functions of :mod:`gongshu.tables.protect`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis.backends import BaseBackend

from gongshu.tables.anonymity import Demand, counted
from gongshu.tables.contract import Field, Protection
from gongshu.tables.errors import TableError
from gongshu.tables.generalise import mapped_values
from gongshu.tables.model import ROW
from gongshu.tables.protect import protect

Codes = npt.NDArray[np.int64]
MOST_NODES = 200_000
KEPT_GROUPINGS = 64  # of nodes that were looked at, to start others from
Ladder = Sequence[Protection]


@dataclass(frozen=True)
class Anonymised:
    """The best node: a protection for each quasi-identifier, the rows to leave out, what is lost.

    ``loss``: mean over rows and quasi-identifiers of the share of the column's other values that a cell can no longer be told
    from (loss metric of Iyengar 2002), 1 for rows left out; 0..1. ``checked``: nodes whose groups were counted, of ``nodes``.
    """

    protections: dict[str, Protection]
    rows: int
    suppressed: int
    k: int
    loss: float
    nodes: int
    checked: int


@dataclass(frozen=True)
class _Rungs:
    """One column: by rung the code of each distinct value, how many codes there are, and the mean loss over the rows."""

    codes: list[Codes]
    widths: list[int]
    losses: list[float]


def anonymise(
    backend: BaseBackend,
    table: ir.Table,
    ladders: Mapping[str, Ladder],
    k: int,
    *,
    suppress: float = 0.05,
    sensitive: str | None = None,
    distinct: int = 1,
    entropy: float = 1.0,
    closeness: float = 1.0,
) -> Anonymised:
    """The protections with the least loss that leave every group with ``k`` rows or more.

    ``ladders``: for each quasi-identifier its protections, each at least as wide as the one before it (``keyed_hash`` is no
    rung). ``suppress``: the largest share of rows that may be left out, 0..1. With ``sensitive``, a group needs ``distinct``
    values of that column as well (distinct l-diversity), an exp(entropy) of ``entropy`` (entropy l-diversity), and is at most
    ``closeness`` away from the whole table (t-closeness). TableError: ``missing_column``, ``lattice_too_large`` (more than
    200,000 nodes: shorten the ladders), ``ladder_narrows`` (a rung that tells apart what the one below does not),
    ``cannot_anonymise`` (the top fails, too).
    """
    for name in [*ladders, *([sensitive] if sensitive else [])]:
        if name not in table.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": name})
    shape = [len(ladder) for ladder in ladders.values()]
    if math.prod(shape) > MOST_NODES:
        raise TableError(
            "lattice_too_large", "组合有 {n} 种，超过 {most}：请缩短层次。", n=math.prod(shape), most=MOST_NODES
        )
    combined, distinct_values, values, n = counted(backend, table, list(ladders), sensitive)
    rungs = _rungs(backend, ladders, combined, distinct_values, n)
    ordered = sensitive is not None and (table[sensitive].type().is_numeric() or table[sensitive].type().is_temporal())
    demand = Demand(k, distinct, entropy, closeness, ordered)
    search = _Search(rungs, combined, values, n, suppress, demand)
    best = search.best()
    if best is None:
        raise TableError("cannot_anonymise", "即使全部泛化也达不到 k={k}：请放宽要求或允许略去更多行。", k=k)
    node, suppressed, smallest, loss = best
    chosen = {name: ladder[rung] for (name, ladder), rung in zip(ladders.items(), node, strict=True)}
    return Anonymised(chosen, int(n.sum()), suppressed, smallest, round(loss, 6), math.prod(shape), search.checked)


class _Search:
    def __init__(
        self,
        rungs: list[_Rungs],
        combined: list[Codes],
        values: Codes,
        n: Codes,
        suppress: float,
        demand: Demand,
    ) -> None:
        self.rungs, self.demand, self.rows = rungs, demand, int(n.sum())
        self.most = math.floor(suppress * self.rows)
        self.checked = 0
        self._known: dict[tuple[int, ...], tuple[int, int, int]] = {}
        pairs = (np.arange(len(n)), values, n) if demand.of_values else None
        first = _Groups(combined, n, pairs)
        grouping = first.grouped((0,) * len(rungs), rungs)
        self._groups = [
            first.merged(grouping, first.counts(grouping), first.repaired(grouping) if demand.of_values else None)
        ]
        self._tried = np.zeros((KEPT_GROUPINGS, len(rungs)), dtype=np.int16)
        self._sizes = np.zeros(KEPT_GROUPINGS, dtype=np.int64)
        self._sizes[0] = len(self._groups[0].n)

    def best(self) -> tuple[tuple[int, ...], int, int, float] | None:
        """Node, rows to leave out, size of the smallest group that stays, loss; None when no node will do."""
        shape = tuple(len(one.losses) for one in self.rungs)
        losses = np.zeros(shape)
        for at, one in enumerate(self.rungs):
            along = [1] * len(shape)
            along[at] = shape[at]
            losses += np.array(one.losses).reshape(along) / len(shape)
        losses = losses.ravel()
        failed = np.zeros(shape, dtype=bool)
        flat = failed.reshape(-1)
        found: tuple[tuple[int, ...], int, int, float] | None = None
        for at in np.argsort(losses, kind="stable"):
            # what is left out only adds to the loss: no later node can be better than this one's rows without any left out
            if found is not None and losses[at] >= found[3]:
                break
            if flat[at]:
                continue
            node = tuple(int(rung) for rung in np.unravel_index(at, shape))
            if (highest := self._highest_failure(node)) is not None:
                failed[tuple(slice(rung + 1) for rung in highest)] = True
                continue
            _few, left_out, smallest = self._known[node]
            if left_out > self.most:
                if not self.most:  # merged groups stay as even as the worst of them: nothing below is better
                    failed[tuple(slice(rung + 1) for rung in node)] = True
                continue
            share = left_out / self.rows if self.rows else 0.0
            loss = float(losses[at]) * (1 - share) + share
            if found is None or loss < found[3]:
                found = node, left_out, smallest, loss
        return found

    def _highest_failure(self, node: tuple[int, ...]) -> tuple[int, ...] | None:
        """The last failing node of a path from ``node`` to the top, the rungs of the least loss first; None when it holds.

        The bisection looks at ``node`` itself last, as low nodes have the most groups.
        """
        path = [node]
        while steps := [
            (one.losses[rung + 1] - one.losses[rung], at)
            for at, (one, rung) in enumerate(zip(self.rungs, path[-1], strict=True))
            if rung + 1 < len(one.losses)
        ]:
            at = min(steps)[1]
            path.append(tuple(rung + (place == at) for place, rung in enumerate(path[-1])))
        low, high = -1, len(path)  # path[low] fails, or is below the node; path[high] holds, or is beyond the top
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._holds(path[middle]) else (middle, high)
        return path[low] if low >= 0 else None

    def _holds(self, node: tuple[int, ...]) -> bool:
        if node not in self._known:
            self.checked += 1
            self._known[node] = self._count(node)
        return self._known[node][0] <= self.most

    def _count(self, node: tuple[int, ...]) -> tuple[int, int, int]:
        """Rows in groups that are too small or have too few values, which gets only fewer up the ladders; rows to leave out
        for whatever reason, and the size of the smallest group that stays (0: none does).

        Groups are rolled up from the fewest groups of a node below this one that are known (Incognito's rollup).
        """
        rungs = np.array(node, dtype=np.int16)
        below = (self._tried[: len(self._groups)] <= rungs).all(axis=1)
        sizes = np.where(below, self._sizes[: len(self._groups)], np.iinfo(np.int64).max)
        base = self._groups[int(sizes.argmin())]
        grouping = base.grouped(node, self.rungs)
        n = base.counts(grouping)
        pairs = base.repaired(grouping) if self.demand.of_values else None
        small = self.demand.too_few(n, None if pairs is None else np.bincount(pairs[0], minlength=len(n)))
        few = int(n[small].sum())
        if pairs is not None and self.demand.uneven and few <= self.most:
            small |= self.demand.too_alike(*pairs)
        kept = n[~small]
        if len(self._groups) < KEPT_GROUPINGS and len(n) * 2 < sizes.min():  # worth keeping
            self._tried[len(self._groups)], self._sizes[len(self._groups)] = rungs, len(n)
            self._groups.append(base.merged(grouping, n, pairs))
        return few, int(n[small].sum()), int(kept.min()) if len(kept) else 0


@dataclass(frozen=True)
class _Grouping:
    """Which groups become one: the order that puts them side by side, and where each new group starts in it."""

    order: Codes
    starts: Codes


@dataclass(frozen=True)
class _Groups:
    """Groups of one node: by column one of their values (its rank), their rows; the sensitive values as pairs with the groups."""

    members: list[Codes]
    n: Codes
    pairs: tuple[Codes, Codes, Codes] | None  # group, value, rows: each pair once, in the order of both
    known: dict[tuple[int, int], Codes] = field(default_factory=dict)  # (column, rung) -> the members' codes there

    def grouped(self, node: tuple[int, ...], rungs: list[_Rungs]) -> _Grouping:
        """How these become the groups of ``node``, which is nowhere below this one's."""
        narrow = math.prod(one.widths[rung] for one, rung in zip(rungs, node, strict=True)) < 2**31
        key, most = np.zeros(len(self.n), dtype=np.int32 if narrow else np.int64), 1  # the former sorts faster
        for at, (one, rung) in enumerate(zip(rungs, node, strict=True)):
            width = one.widths[rung]
            if width == 1:
                continue
            if most > 2**62 // width:  # before the product could overflow
                key = np.unique(key, return_inverse=True)[1].astype(np.int64)
                most = len(key)
            codes = self.known.get((at, rung))
            if codes is None:
                codes = self.known[at, rung] = one.codes[rung].take(self.members[at]).astype(np.int32)
            np.multiply(key, width, out=key)
            np.add(key, codes, out=key)
            most *= width
        order = np.argsort(key)
        ranked = key.take(order)
        new = np.empty(len(key), dtype=bool)
        new[:1] = True
        np.not_equal(ranked[1:], ranked[:-1], out=new[1:])
        return _Grouping(order, np.flatnonzero(new))

    def counts(self, grouping: _Grouping) -> Codes:
        """The rows of the new groups."""
        return np.add.reduceat(self.n.take(grouping.order), grouping.starts) if len(self.n) else self.n

    def merged(self, grouping: _Grouping, n: Codes, pairs: tuple[Codes, Codes, Codes] | None) -> _Groups:
        """The new groups themselves; ``n``: their :meth:`counts`, ``pairs``: :meth:`repaired`."""
        first = grouping.order.take(grouping.starts)
        return _Groups([codes.take(first) for codes in self.members], n, pairs)

    def repaired(self, grouping: _Grouping) -> tuple[Codes, Codes, Codes]:
        """The pairs of the new groups with the sensitive values."""
        assert self.pairs is not None
        group = np.empty(len(self.n), dtype=np.int64)
        group[grouping.order] = np.repeat(np.arange(len(grouping.starts)), np.diff(np.r_[grouping.starts, len(self.n)]))
        width = int(self.pairs[1].max(initial=0)) + 1
        both, where = np.unique(group[self.pairs[0]] * width + self.pairs[1], return_inverse=True)
        n = np.bincount(where, weights=self.pairs[2], minlength=len(both)).astype(np.int64)
        return both // width, both % width, n


def _rungs(
    backend: BaseBackend, ladders: Mapping[str, Ladder], combined: list[Codes], values: list[pa.Array], n: Codes
) -> list[_Rungs]:
    """Each distinct value under each rung, by the very protections of the publication: one query for all that need one."""
    said: dict[tuple[int, int], pa.Array] = {}
    asked: dict[tuple[int, int], Field] = {}
    for at, ladder in enumerate(ladders.values()):
        for rung, protection in enumerate(ladder):
            if protection.method == "keep":
                said[at, rung] = values[at]
            elif protection.method == "generalise_map" and pa.types.is_string(values[at].type):
                said[at, rung] = mapped_values(values[at], protection.params)
            elif protection.method != "drop":
                asked[at, rung] = Field(name=f"r{at}_{rung}", storage_type="string", protection=protection)
    if asked:
        most = max((len(each) for each in values), default=0)
        padded = {
            f"v{at}": pa.concat_arrays([each, pa.nulls(most - len(each), each.type)]) for at, each in enumerate(values)
        }
        table = ibis.memtable(pa.table({ROW: pa.array(range(most), pa.int64())} | padded))
        shown = table.select(**{ROW: table[ROW]}, **{one.name: table[f"v{at}"] for (at, _rung), one in asked.items()})
        found = backend.to_pyarrow(protect(shown, asked.values(), b"").order_by(ROW))
        said |= {
            (at, rung): found[one.name].slice(0, len(values[at])).combine_chunks() for (at, rung), one in asked.items()
        }
    return [
        _of_column(
            name,
            ladder,
            [said.get((at, rung)) for rung in range(len(ladder))],
            len(values[at]),
            np.bincount(combined[at], weights=n, minlength=len(values[at])).astype(np.float64),
        )
        for at, (name, ladder) in enumerate(ladders.items())
    ]


def _of_column(
    name: str, ladder: Ladder, said: list[pa.Array | None], total: int, weight: npt.NDArray[np.float64]
) -> _Rungs:
    codes: list[Codes] = []
    losses: list[float] = []
    for rung, texts in zip(ladder, said, strict=True):
        if texts is None:
            wider = np.zeros(total, dtype=np.int64)
        else:
            coded = texts.dictionary_encode("encode")
            wider = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        if codes and len(np.unique(codes[-1] * (total + 1) + wider)) != len(np.unique(codes[-1])):
            raise TableError(
                "ladder_narrows", "“{column}”的层次里，后一级要比前一级更粗。", where={"column": name}, column=name
            )
        codes.append(wider)
        alike = np.bincount(wider)[wider]  # of the distinct values, how many look the same now
        lost = (alike - 1) / (total - 1) if total > 1 else np.full(total, float(rung.method == "drop"))
        losses.append(float((lost * weight).sum() / max(weight.sum(), 1)))
    return _Rungs(codes, [int(each.max(initial=0)) + 1 for each in codes], losses)
