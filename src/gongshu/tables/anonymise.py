"""Anonymising a table (匿名化): the least loss of detail that leaves nobody in a group smaller than k.

Full-domain generalisation: each quasi-identifier has a ladder of protections, from the value itself to nothing; a choice of
one rung for each is a node of a lattice. Whether a node's small groups can be left out within the limit only gets easier up
the ladders (Samarati 2001; LeFevre et al. 2005), so a failure rules out everything below it; a binary search on a path to the
top finds failures high up (Kohlmayer et al. 2012, Flash). The answer is the best of all nodes, told as protections that a
contract can hold, so that what is published is made by the very functions of :mod:`gongshu.tables.protect`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
from ibis.backends import BaseBackend

from gongshu.tables.contract import Field, Protection
from gongshu.tables.errors import TableError
from gongshu.tables.protect import protect

Codes = npt.NDArray[np.int64]
MOST_NODES = 200_000
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
    """One column: by rung the code of each distinct value, and the mean loss over the rows."""

    codes: list[Codes]
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
) -> Anonymised:
    """The protections with the least loss that leave every group with ``k`` rows or more.

    ``ladders``: for each quasi-identifier its protections, each at least as wide as the one before it (``keyed_hash`` is no
    rung). ``suppress``: the largest share of rows that may be left out, 0..1. With ``sensitive``, a group needs ``distinct``
    values of that column as well (distinct l-diversity). TableError: ``missing_column``, ``lattice_too_large`` (more than
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
    combined, values, n = _combinations(backend, table, list(ladders), sensitive)
    rungs = [
        _rungs(backend, table, name, ladder, codes, n)
        for (name, ladder), codes in zip(ladders.items(), combined, strict=True)
    ]
    search = _Search(rungs, combined, values, n, k, suppress, distinct)
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
        k: int,
        suppress: float,
        distinct: int,
    ) -> None:
        self.rungs, self.combined, self.values, self.n = rungs, combined, values, n
        self.k, self.distinct, self.rows = k, distinct, int(n.sum())
        self.most = math.floor(suppress * self.rows)
        self.checked = 0
        self._known: dict[tuple[int, ...], tuple[int, int]] = {}

    def best(self) -> tuple[tuple[int, ...], int, int, float] | None:
        """Node, rows to leave out, size of the smallest group that stays, loss; None when no node will do."""
        nodes = np.array(list(itertools.product(*(range(len(one.losses)) for one in self.rungs))), dtype=np.int16)
        each = [np.array(one.losses)[nodes[:, at]] for at, one in enumerate(self.rungs)]
        losses = np.mean(each, axis=0) if each else np.zeros(len(nodes))
        failed = np.zeros(len(nodes), dtype=bool)
        found: tuple[tuple[int, ...], int, int, float] | None = None
        for at in np.argsort(losses, kind="stable"):
            # what is left out only adds to the loss: no later node can be better than this one's rows without any left out
            if found is not None and losses[at] >= found[3]:
                break
            if failed[at]:
                continue
            node = tuple(int(rung) for rung in nodes[at])
            if not self._holds(node):
                failed |= (nodes <= np.array(self._highest_failure(node), dtype=np.int16)).all(axis=1)
                continue
            left_out, smallest = self._known[node]
            share = left_out / self.rows if self.rows else 0.0
            loss = float(losses[at]) * (1 - share) + share
            if found is None or loss < found[3]:
                found = node, left_out, smallest, loss
        return found

    def _highest_failure(self, node: tuple[int, ...]) -> tuple[int, ...]:
        """The last failing node of a path from ``node``, which fails, to the top; the rungs of the least loss come first."""
        path = [node]
        while steps := [
            (one.losses[rung + 1] - one.losses[rung], at)
            for at, (one, rung) in enumerate(zip(self.rungs, path[-1], strict=True))
            if rung + 1 < len(one.losses)
        ]:
            at = min(steps)[1]
            path.append(tuple(rung + (place == at) for place, rung in enumerate(path[-1])))
        low, high = 0, len(path)  # path[low] fails; path[high] holds, or is beyond the top
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._holds(path[middle]) else (middle, high)
        return path[low]

    def _holds(self, node: tuple[int, ...]) -> bool:
        if node not in self._known:
            self.checked += 1
            self._known[node] = self._count(node)
        return self._known[node][0] <= self.most

    def _count(self, node: tuple[int, ...]) -> tuple[int, int]:
        """Rows in groups that are too small or too uniform, and the size of the smallest group that stays (0: none does)."""
        group = np.zeros(len(self.n), dtype=np.int64)
        for one, codes, rung in zip(self.rungs, self.combined, node, strict=True):
            of = one.codes[rung]
            group = group * (int(of.max(initial=0)) + 1) + of[codes]
            if group.max(initial=0) > 2**40:  # before the next product could overflow
                group = np.unique(group, return_inverse=True)[1].astype(np.int64)
        group = np.unique(group, return_inverse=True)[1]
        sizes = np.bincount(group, weights=self.n).astype(np.int64)
        small = sizes < self.k
        if self.distinct > 1:
            pairs = np.unique(np.stack([group, self.values]), axis=1)[0]
            small |= np.bincount(pairs, minlength=len(sizes)) < self.distinct
        kept = sizes[~small]
        return int(sizes[small].sum()), int(kept.min()) if len(kept) else 0


def _combinations(
    backend: BaseBackend, table: ir.Table, names: list[str], sensitive: str | None
) -> tuple[list[Codes], Codes, Codes]:
    """The distinct rows of the quasi-identifiers (and ``sensitive``) as ranks of their values, and how many rows each has."""
    chosen = {f"c{at}": table[name] for at, name in enumerate(names)}
    chosen |= {"s": table[sensitive]} if sensitive else {}
    counted = table.group_by(**chosen).aggregate(n=ibis._.count())
    ranked = {name: ibis.dense_rank().over(order_by=counted[name]) for name in chosen}
    found = backend.to_pyarrow(counted.select(**ranked, n=counted.n))
    arrays = {name: found[name].to_numpy().astype(np.int64) for name in found.column_names}
    n = arrays.pop("n")
    ranks = {name: codes - codes.min(initial=0) if len(codes) else codes for name, codes in arrays.items()}
    return [ranks[f"c{at}"] for at in range(len(names))], ranks.get("s", np.zeros(len(n), np.int64)), n


def _rungs(backend: BaseBackend, table: ir.Table, name: str, ladder: Ladder, combined: Codes, n: Codes) -> _Rungs:
    """Each distinct value of ``name`` under each rung, by the very protections of the publication."""
    values = table.select(value=table[name]).distinct()
    values = values.mutate(_row=ibis.dense_rank().over(order_by=values.value))
    codes: list[Codes] = []
    losses: list[float] = []
    total = max(len(np.unique(combined)), 1)
    weight = np.bincount(combined, weights=n, minlength=total)
    for rung in ladder:
        if rung.method == "drop":
            wider = np.zeros(total, dtype=np.int64)
        else:
            made = protect(values, [Field(name="value", storage_type="string", protection=rung)], b"")
            said = backend.to_pyarrow(made.order_by("_row").select(value=made["value"].cast("string")))[
                "value"
            ].to_pylist()
            known: dict[str | None, int] = {}
            wider = np.array([known.setdefault(text, len(known)) for text in said], dtype=np.int64)
        if codes and len(np.unique(np.stack([codes[-1], wider]), axis=1)[0]) != len(np.unique(codes[-1])):
            raise TableError(
                "ladder_narrows", "“{column}”的层次里，后一级要比前一级更粗。", where={"column": name}, column=name
            )
        codes.append(wider)
        alike = np.bincount(wider)[wider]  # of the distinct values, how many look the same now
        lost = (alike - 1) / (total - 1) if total > 1 else np.full(total, float(rung.method == "drop"))
        losses.append(float((lost * weight).sum() / max(weight.sum(), 1)))
    return _Rungs(codes, losses)
