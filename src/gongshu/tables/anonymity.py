"""Measures of anonymity (匿名程度) of a table for named quasi-identifiers: k, l, t, and what an attacker could hope for.

The engine groups; what is left, one row for each group and value of a sensitive column, is measured as arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends import BaseBackend

from gongshu.tables.errors import TableError
from gongshu.tables.storage import normalise

BINS = (1, 2, 5, 20, 50, 100)  # lower ends of the sizes of groups that are told
NONE = "\ue000"  # a private character stands for an empty cell: nothing equals null in a join
Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Anonymity:
    """How far rows can be told apart by the quasi-identifiers. Groups: rows alike in all of them.

    ``k``: rows of the smallest group (Sweeney 2002). ``unique_rows``: rows alone in theirs. ``prosecutor_max`` = 1 / k and
    ``prosecutor_mean`` = groups / rows, the mean of 1 / size over rows: the chance to pick the right row for somebody known to
    be in the table; the latter is also the marketer's expected share of right links (El Emam 2013). By sensitive column:
    ``l``, the fewest distinct values of a group, and ``entropy_l``, the least exp(entropy) (Machanavajjhala et al. 2007);
    ``t``, the largest earth mover's distance of a group from the whole table, ordered for numbers and dates, else with equal
    distances (Li et al. 2007).
    """

    rows: int
    groups: int
    k: int
    unique_rows: int
    sizes: dict[int, int] = field(default_factory=dict)  # of the groups: size -> how many have it
    l: dict[str, int] = field(default_factory=dict)  # noqa: E741 - its name in the literature
    entropy_l: dict[str, float] = field(default_factory=dict)
    t: dict[str, float] = field(default_factory=dict)

    @property
    def unique_share(self) -> float:
        """Share of rows that are alone in their group, 0..1."""
        return self.unique_rows / self.rows if self.rows else 0.0

    @property
    def prosecutor_max(self) -> float:
        """1 / k; 0 for a table without rows."""
        return 1 / self.k if self.k else 0.0

    @property
    def prosecutor_mean(self) -> float:
        """Groups / rows, which is the marketer risk as well; 0 for a table without rows."""
        return self.groups / self.rows if self.rows else 0.0

    def below(self, least: int) -> int:
        """Rows in groups of fewer than ``least``."""
        return sum(size * groups for size, groups in self.sizes.items() if size < least)

    def histogram(self) -> list[dict[str, int | None]]:
        """``[{"from", "to", "rows"}]``: how many rows have how many alike, by the bins 1, 2-4 ... 100 and more."""
        return [
            {
                "from": low,
                "to": high - 1 if high else None,
                "rows": self.below(high or self.rows + 1) - self.below(low),
            }
            for low, high in zip(BINS, (*BINS[1:], None), strict=True)
        ]

    def as_json(self) -> dict[str, Any]:
        """All of them by their names, but for the sizes."""
        ratios = {name: round(getattr(self, name), 6) for name in ("unique_share", "prosecutor_max", "prosecutor_mean")}
        by_column = {name: dict(getattr(self, name)) for name in ("l", "entropy_l", "t")}
        counts = {name: getattr(self, name) for name in ("rows", "groups", "k", "unique_rows")}
        return counts | ratios | {"marketer": ratios["prosecutor_mean"]} | by_column


@dataclass(frozen=True)
class Demand:
    """What every group must reach: ``k`` rows; of the sensitive column ``distinct`` values and ``entropy`` (exp of the entropy)
    at least, and at most ``closeness`` away from the whole table (``ordered``: as numbers and dates are)."""

    k: int
    distinct: int = 1
    entropy: float = 1.0
    closeness: float = 1.0
    ordered: bool = False

    @property
    def of_values(self) -> bool:
        """Whether it asks anything of the sensitive column."""
        return self.distinct > 1 or self.uneven

    @property
    def uneven(self) -> bool:
        """Whether it asks what two groups that reach it may lose when a third is added to them that does not."""
        return self.entropy > 1 or self.closeness < 1

    def too_few(self, n: Counts, values: Counts | None) -> npt.NDArray[np.bool_]:
        """By group, whether rows (``n``) or distinct ``values`` are too few: what merging groups can only mend."""
        few = n < self.k
        return few if values is None or self.distinct < 2 else few | (values < self.distinct)

    def too_alike(self, group: Counts, value: Counts, n: Counts) -> npt.NDArray[np.bool_]:
        """By group, whether its values are too uneven or too far from the whole; the pairs in the order of both."""
        found = np.zeros(int(group.max(initial=-1)) + 1, dtype=bool)
        if self.entropy > 1:
            found |= entropies(group, n) < np.log(self.entropy) - 1e-9
        if self.closeness < 1:
            found |= distances(group, value, n, self.ordered) > self.closeness + 1e-9
        return found


@dataclass(frozen=True)
class Linkage:
    """What joining a second table on the quasi-identifiers gives an attacker (journalist's model, El Emam 2013).

    ``linked``: rows whose values stand in the second table; ``unique``: rows that are alone in both, a sure link;
    ``journalist_max``, ``journalist_mean``: largest and mean 1 / F over the linked rows, F the size of the group in the second
    table, or in this one where it is larger there.
    """

    rows: int
    linked: int
    unique: int
    journalist_max: float
    journalist_mean: float

    def as_json(self) -> dict[str, Any]:
        """All of them by their names."""
        return asdict(self)


def grouped(table: ir.Table, names: Sequence[str]) -> dict[str, ir.StringValue]:
    """The columns ``names`` as what rows are grouped by: as text, normalised."""
    return {f"c{n}": normalise(table[name].cast("string")) for n, name in enumerate(names)}


def anonymity(backend: BaseBackend, table: ir.Table, quasi: Sequence[str], sensitive: Sequence[str] = ()) -> Anonymity:
    """The :class:`Anonymity` of ``table`` for the columns ``quasi`` and ``sensitive``; empty cells are a value like others.

    TableError ``missing_column``, and ``no_quasi_identifiers`` without any column to group by.
    """
    _known(table, [*quasi, *sensitive])
    if not quasi:
        raise TableError("no_quasi_identifiers", "请至少指定一个准标识列。")
    # grouped as they stand first, so that only what is distinct is brought to one form
    names = list(dict.fromkeys([*quasi, *sensitive]))
    counted = table.select(names).group_by(names).aggregate(_rows=ibis._.count())
    keys = grouped(counted, quasi)
    groups = counted.group_by(**keys).aggregate(n=counted["_rows"].sum())
    told = backend.to_pyarrow(groups.group_by("n").aggregate(groups=groups.count())).to_pylist()
    sizes = {int(one["n"]): int(one["groups"]) for one in sorted(told, key=lambda one: one["n"])}
    rows = sum(size * number for size, number in sizes.items())
    l_, entropy, t = {}, {}, {}
    for name in sensitive if rows else ():
        ordered = table[name].type().is_numeric() or table[name].type().is_temporal()
        group, value, n = _cells(backend, counted, keys, name)
        l_[name] = int(np.bincount(group).min())
        entropy[name] = round(float(np.exp(entropies(group, n).min())), 6)
        t[name] = round(float(distances(group, value, n, ordered).max()), 6)
    return Anonymity(rows, sum(sizes.values()), min(sizes, default=0), sizes.get(1, 0), sizes, l_, entropy, t)


def counted(
    backend: BaseBackend, table: ir.Table, names: list[str], sensitive: str | None
) -> tuple[list[Counts], list[pa.Array], Counts, Counts]:
    """The distinct rows of the quasi-identifiers (and ``sensitive``): by column codes and the values they stand for, the ranks
    of the values of ``sensitive`` in their order, and how many rows each has."""
    chosen = {f"c{at}": table[name] for at, name in enumerate(names)}
    chosen |= {"s": table[sensitive]} if sensitive else {}
    found = backend.to_pyarrow(table.group_by(**chosen).aggregate(n=ibis._.count())).combine_chunks()
    coded = {name: found[name].dictionary_encode("encode").combine_chunks() for name in chosen}
    codes = {
        name: (each.chunk(0) if isinstance(each, pa.ChunkedArray) and each.num_chunks else each)
        for name, each in coded.items()
    }
    ranks = {name: each.indices.to_numpy(zero_copy_only=False).astype(np.int64) for name, each in codes.items()}
    n = found["n"].to_numpy().astype(np.int64)
    columns = [f"c{at}" for at in range(len(names))]
    values = np.zeros(len(n), np.int64)
    if sensitive:
        place = np.empty(len(codes["s"].dictionary), dtype=np.int64)
        place[pc.array_sort_indices(codes["s"].dictionary, null_placement="at_start").to_numpy()] = np.arange(
            len(place)
        )
        values = place[ranks["s"]] if len(place) else values
    return [ranks[name] for name in columns], [codes[name].dictionary for name in columns], values, n


def linkage(backend: BaseBackend, table: ir.Table, other: ir.Table, quasi: Sequence[str]) -> Linkage:
    """The :class:`Linkage` of ``table`` with ``other`` on the columns ``quasi`` of both. TableError ``missing_column``."""
    _known(table, quasi)
    _known(other, quasi)

    def sizes(one: ir.Table) -> ir.Table:
        keys = {name: value.fill_null(NONE) for name, value in grouped(one, quasi).items()}
        return one.group_by(**keys).aggregate(n=ibis._.count())

    here, there = sizes(table), sizes(other)
    names = [name for name in here.columns if name != "n"]
    joined = here.join(there.rename(m="n"), names)
    chance = 1.0 / ibis.greatest(joined.n, joined.m)
    found = backend.to_pyarrow(
        joined.aggregate(
            linked=joined.n.sum(),
            unique=((joined.n == 1) & (joined.m == 1)).sum(),
            most=chance.max(),
            total=(chance * joined.n).sum(),
        )
    ).to_pylist()[0]
    linked = int(found["linked"] or 0)
    mean = float(found["total"]) / linked if linked else 0.0
    rows = int(backend.to_pyarrow(here.n.sum()).as_py() or 0)
    return Linkage(rows, linked, int(found["unique"] or 0), round(float(found["most"] or 0), 6), round(mean, 6))


def _known(table: ir.Table, names: Sequence[str]) -> None:
    for name in names:
        if name not in table.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": name})


def _cells(
    backend: BaseBackend, counted: ir.Table, keys: dict[str, ir.StringValue], name: str
) -> tuple[Counts, Counts, Counts]:
    """Group, rank of the value of ``name`` (0 for empty cells or the smallest) and rows of each pair, ordered by both."""
    cells = counted.group_by(**keys, value=counted[name]).aggregate(n=counted["_rows"].sum())
    group = ibis.dense_rank().over(order_by=[cells[key] for key in keys])
    ranked = cells.select(group=group, value=ibis.dense_rank().over(order_by=cells.value), n=cells.n)
    found = backend.to_pyarrow(ranked)
    group, value, n = (found[column].to_numpy().astype(np.int64) for column in ("group", "value", "n"))
    group, value = group - group.min(), value - value.min()
    order = np.lexsort((value, group))
    return group[order], value[order], n[order]


def entropies(group: Counts, n: Counts) -> Shares:
    """By group: the entropy of its values, in natural units; ``n``: the rows of each pair of a group and a value."""
    share = n / np.bincount(group, weights=n)[group]
    return np.bincount(group, weights=-share * np.log(share)).astype(np.float64)


def distances(group: Counts, value: Counts, n: Counts, ordered: bool) -> Shares:
    """By group: the distance of its values from the whole; 0 when the column has one value only. The pairs of a group and a
    value (their ranks from 0) are in the order of both."""
    whole = np.bincount(value, weights=n).astype(np.float64) / n.sum()
    if len(whole) < 2:
        return np.zeros(int(group.max()) + 1)
    share = n / np.bincount(group, weights=n)[group]
    if not ordered:
        # half the sum of differences; values that a group lacks differ by their share of the whole
        differing = np.bincount(group, weights=np.abs(share - whole[value]))
        lacking = 1 - np.bincount(group, weights=whole[value])
        found: Shares = (differing + lacking) / 2
        return found
    sums: Shares = _ordered_sums(group, value, share, np.cumsum(whole)) / (len(whole) - 1)
    return sums


def _ordered_sums(group: Counts, value: Counts, share: Shares, cumulated: Shares) -> Shares:
    """By group: the sum over all values i of |F_group(i) - F(i)|, both cumulated shares, without a table of groups x values.

    F_group is a step function: between two of its steps the sum is that of |c - F(i)| for one c. As F grows, it is below c up
    to one place and above it from there, so two differences of running sums of F tell it.
    """
    first = np.r_[True, group[1:] != group[:-1]]
    running = np.cumsum(share)
    running -= (running - share)[first][group]  # anew in every group
    last = np.r_[first[1:], True]
    starts = np.r_[value, np.zeros(int(first.sum()), np.int64)]  # each step, and the stretch before a group's first
    ends = np.r_[np.where(last, len(cumulated), np.r_[value[1:], 0]), value[first]]
    height = np.r_[running, np.zeros(int(first.sum()))]
    of = np.r_[group, group[first]]
    sums = np.r_[0.0, np.cumsum(cumulated)]
    middle = np.clip(np.searchsorted(cumulated, height), starts, ends)
    below = height * (middle - starts) - (sums[middle] - sums[starts])
    above = (sums[ends] - sums[middle]) - height * (ends - middle)
    return np.bincount(of, weights=below + above).astype(np.float64)
