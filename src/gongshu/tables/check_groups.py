"""Rules that compare rows: keys, duplicates, a row against its neighbours. Each is one grouped pass over hashes or grid cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import and_

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends import BaseBackend

from gongshu.tables.cells import as_type
from gongshu.tables.contract import Rule
from gongshu.tables.model import ROW
from gongshu.tables.nearly_unique import engine_hash
from gongshu.tables.storage import is_placeholder, normalise

_NOISE = r"[\s \x{3000}()（）\[\]【】<>《》\"'“”‘’,，.。;；:：、·\-_/\\#*]"

FETCHED = 500_000  # rows with repeated keys that are looked at in memory
_ROUNDED = ("float64", "decimal")
_EXACT = ("int64", "date", "timestamp")


@dataclass(frozen=True)
class Group:
    """``asked`` rows were compared, ``failed`` of them are too many; ``rows``: those to look at (of ``total``), in order.

    ``groups``: how many values repeat. ``every``: all of the rows to look at, as a table with the column ``row``.
    """

    asked: int
    failed: int
    total: int
    rows: list[int] = field(default_factory=list)
    groups: int | None = None
    every: ir.Table | None = None


def unique(backend: BaseBackend, table: ir.Table, rule: Rule, types: dict[str, str], max_rows: int) -> Group:
    """Every value (or pair of values) once; rows with an empty key are not asked. ``failed``: rows beyond the first of a key."""
    names = [rule.column] if rule.column else list(rule.columns)
    return _repeated(backend, table, lambda part: key_of(part, names), max_rows)


def key_of(table: ir.Table, names: list[str]) -> ir.Table:
    """``row`` and the key ``k0``, ``k1``... of the rows in which it is filled, as keys are compared: width, case and space are nothing."""
    keys, filled = {}, []
    for n, name in enumerate(names):
        value = table[name]
        if value.type().is_string():
            clean = normalise(value)
            # what begins with a digit but nought is no placeholder, which is sooner seen
            coded = (value >= "1") & (value < ":")
            filled += [value.notnull(), coded.ifelse(True, ~is_placeholder(value) & (clean != ""))]
            keys[f"k{n}"] = clean.upper()
        else:
            filled.append(value.notnull())
            keys[f"k{n}"] = value
    return table.filter(reduce(and_, filled)).select(row=table[ROW], **keys)


def row_duplicate(backend: BaseBackend, table: ir.Table, rule: Rule, types: dict[str, str], max_rows: int) -> Group:
    """The same cells in all columns but those of ``params["ignore"]``."""
    names = _compared(rule, types)

    def keyed(part: ir.Table) -> ir.Table:
        return part.select(row=part[ROW], k0=_joined([part[name] for name in names]))

    return _repeated(backend, table, keyed, max_rows)


def near_duplicate(backend: BaseBackend, table: ir.Table, rule: Rule, types: dict[str, str], max_rows: int) -> Group:
    """The same cells but for spaces, punctuation, width, case, and the fifth decimal of numbers; identical rows are left out."""
    names = _compared(rule, types)
    numbers = [name for name in names if types[name] in _ROUNDED]
    asked = int(backend.to_pyarrow(table.count()).as_py())
    if blocks := (numbers or [name for name in names if types[name] in _EXACT])[:2]:
        # near duplicates agree in their numbers: the slow part is for the rows that share them with another
        block = _hash(backend, [_joined([_loose_number(table[name], types[name]) for name in blocks])])
        blocked = table.mutate(_block=block)
        shared = blocked.group_by("_block").aggregate(n=ibis._.count()).filter(ibis._.n > 1).select("_block")
        table = blocked.semi_join(shared, "_block")
        if not int(backend.to_pyarrow(shared.count()).as_py()):
            return Group(asked, 0, 0, [], 0)

    def keyed(part: ir.Table) -> ir.Table:
        texts = [part[name] for name in names if types[name] not in _ROUNDED]
        # one replacement for the whole row
        loose = normalise(_joined(texts)).lower().re_replace(_NOISE, "") if texts else ibis.literal("")
        key = _joined([loose, *(_loose_number(part[name], types[name]) for name in numbers)])
        return part.select(row=part[ROW], k0=key, exact=_joined([part[name] for name in names]))

    return _repeated(backend, table, keyed, max_rows, asked=asked)


def reference(
    backend: BaseBackend, table: ir.Table, rule: Rule, types: dict[str, str], max_rows: int, other: ir.Table
) -> Group:
    """Every filled value (or pair) is a key of ``other``: of ``params["columns"]`` there, or of the columns of the same names."""
    names = [rule.column] if rule.column else list(rule.columns)
    there = [str(name) for name in rule.params.get("columns") or names]
    if len(there) != len(names) or any(name not in other.columns for name in there):
        raise ValueError(f"columns of {rule.params['table']}: {', '.join(there)}")
    if ROW not in other.columns:
        other = other.mutate(**{ROW: ibis.literal(0)})
    keyed, keys = key_of(table, names), key_of(other, there).drop("row").distinct()
    pairs = [f"k{n}" for n in range(len(names))]
    for name in pairs:  # a number against text: as text
        if keyed[name].type().is_string() != keys[name].type().is_string():
            keyed, keys = (each.mutate(**{name: each[name].cast("string")}) for each in (keyed, keys))
    asked = int(backend.to_pyarrow(keyed.count()).as_py())
    lost = keyed.anti_join(keys, pairs).select("row")
    rows = backend.to_pyarrow(lost.order_by("row").limit(max_rows))["row"].to_pylist()
    failed = len(rows) if len(rows) < max_rows else int(backend.to_pyarrow(lost.count()).as_py())
    return Group(asked, failed, failed, rows, every=lost)


def _loose_number(values: ir.StringValue, storage_type: str) -> ir.StringValue:
    number = as_type(values, storage_type)
    text: ir.StringValue = (number.round(4) if storage_type in _ROUNDED else number).cast("string")
    return text


def inconsistent(backend: BaseBackend, table: ir.Table, rule: Rule, types: dict[str, str], max_rows: int) -> Group:
    """The place name of a point against those around it: ``columns`` are the name, the longitude and the latitude.

    Points are laid on grids of some 1 and 3 km. On the finer where the nine cells around a point hold at least eight
    others, the point is wrong when fewer than 4 % of them bear its name and at most three names cover 85 % of them.
    """
    name, longitude, latitude = (table[column] for column in rule.columns)
    points = table.select(
        row=table[ROW], name=normalise(name), x=as_type(longitude, "float64"), y=as_type(latitude, "float64")
    )
    low_x, high_x = rule.params["longitude"]
    low_y, high_y = rule.params["latitude"]
    points = points.filter(
        points.name.notnull() & (points.name != "") & points.x.between(low_x, high_x) & points.y.between(low_y, high_y)
    )
    points = (
        points.filter(points.name.isin([str(value) for value in rule.params["values"]]))
        if rule.params.get("values")
        else points
    )
    verdicts = None
    for place, size in enumerate((0.01, 0.03)):
        verdict = _neighbours(points, size).mutate(place=ibis.literal(place))
        verdicts = verdict if verdicts is None else verdicts.union(verdict)
    assert verdicts is not None
    enough = verdicts.filter(verdicts.others >= 8)
    finest = enough.mutate(best=enough.place.min().over(ibis.window(group_by=enough.row)))
    finest = finest.filter(finest.place == finest.best)
    wrong = finest.filter(
        (finest.same < 0.04 * finest.others) & (finest.strong <= 3) & (finest.covered >= 0.85 * finest.others)
    ).select("row")
    asked = int(backend.to_pyarrow(points.count()).as_py())
    rows = backend.to_pyarrow(wrong.order_by("row").limit(max_rows))["row"].to_pylist()
    total = len(rows) if len(rows) < max_rows else int(backend.to_pyarrow(wrong.count()).as_py())
    return Group(asked, total, total, rows, every=wrong)


def _neighbours(points: ir.Table, size: float) -> ir.Table:
    """For every point: how many others lie in the nine cells around it, how many bear its name, how many names are borne by
    at least a tenth of them, and by how many of them these are borne."""
    placed = points.mutate(gx=(points.x / size).floor().cast("int64"), gy=(points.y / size).floor().cast("int64"))
    counts = placed.group_by(["gx", "gy", "name"]).aggregate(n=ibis._.count())
    shifted = None
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            part = counts.mutate(gx=counts.gx + dx, gy=counts.gy + dy)
            shifted = part if shifted is None else shifted.union(part)
    assert shifted is not None
    around = shifted.group_by(["gx", "gy", "name"]).aggregate(n=ibis._.n.sum())
    cell = ibis.window(group_by=[around.gx, around.gy])
    around = around.mutate(total=around.n.sum().over(cell))
    strong = (around.n >= 2) & (around.n >= 0.1 * around.total)
    around = around.mutate(strong=strong.sum().over(cell), covered=strong.ifelse(around.n, 0).sum().over(cell))
    joined = placed.inner_join(around, ["gx", "gy", "name"])
    # the point itself is among those that bear its name
    return joined.select(
        row=joined.row, others=joined.total - 1, same=joined.n - 1, strong=joined.strong, covered=joined.covered
    )


def _repeated(
    backend: BaseBackend, table: ir.Table, key: Callable[[ir.Table], ir.Table], max_rows: int, asked: int | None = None
) -> Group:
    """The rows whose key another has, too; where ``key`` gives a column ``exact``, one that is not the same in that.

    ``key`` makes ``row`` and the key of a table. Rows are first gathered by a hash, which needs little memory; those with the
    same hash are then compared themselves: engines' hashes are alike more often than by chance for texts that differ little.
    """
    keyed = key(table)
    keys = [name for name in keyed.columns if name.startswith("k")]
    marked = keyed.mutate(_hash=_hash(backend, [keyed[name] for name in keys]))
    near = "exact" in keyed.columns
    once = marked.group_by("_hash").aggregate(
        n=marked.count(), m=marked.count(), first=marked.row.min(), last=marked.row.max()
    )
    if near:
        alone = marked.group_by(["_hash", _hash(backend, [marked.exact]).name("_exact")]).aggregate(
            n=marked.count(), first=marked.row.min(), last=marked.row.max()
        )
        once = alone.group_by("_hash").aggregate(
            n=alone.n.sum(), m=alone.count(), first=alone["first"].min(), last=alone["last"].max()
        )
    repeated = once.m > 1
    found = once.aggregate(
        asked=once.n.sum(),
        most=repeated.ifelse(once.n, 0).max(),
        rows=repeated.ifelse(once.n, 0).sum(),
        alike=once._hash.collect(where=repeated),
        first=once["first"].collect(where=repeated),
        last=once["last"].collect(where=repeated),
    )
    first = backend.to_pyarrow(found).to_pylist()[0]
    asked = int(first["asked"] or 0) if asked is None else asked
    if not first["alike"]:
        return Group(asked, 0, 0, [], 0)
    if first["most"] == 2:  # both rows of each are known
        suspects = ibis.memtable(pa.table({"row": pa.array([*first["first"], *first["last"]], pa.int64())}))
        same = key(table.semi_join(suspects, [(ROW, "row")]).select(*table.columns))
    else:
        same = marked.semi_join(
            ibis.memtable(
                pa.table({"_hash": pa.array(first["alike"], found.schema()["alike"].value_type.to_pyarrow())})
            ),
            "_hash",
        )
        same = same.select(*keyed.columns)
    if near:
        same = same.group_by([*keys, "exact"]).aggregate(row=same.row.min())
    of_key = ibis.window(group_by=[same[name] for name in keys])
    counted = same.select(row=same.row, n=same.count().over(of_key), first=same.row.min().over(of_key))
    every = counted.filter(counted.n > 1)
    if first["rows"] <= FETCHED:
        rows = backend.to_pyarrow(every.order_by("row"))
        total, groups = len(rows), len(pc.unique(rows["first"]))
        every = ibis.memtable(rows.select(["row"]))
        return Group(asked, total - groups, total, rows["row"].slice(0, max_rows).to_pylist(), groups, every)
    sums = backend.to_pyarrow(every.aggregate(total=every.count(), groups=(every.row == every["first"]).sum()))
    total, groups = (int(sums[name][0].as_py() or 0) for name in ("total", "groups"))
    every = every.select("row")
    shown = backend.to_pyarrow(every.order_by("row").limit(max_rows))["row"].to_pylist()
    return Group(asked, total - groups, total, shown, groups, every)


def _compared(rule: Rule, types: dict[str, str]) -> list[str]:
    """The columns that make two rows the same: those of the rule, or all but the ignored ones."""
    ignored = set(rule.params.get("ignore", []))
    return [name for name in types if (name in rule.columns if rule.columns else name not in ignored)]


def _joined(values: list[ir.Value]) -> ir.StringValue:
    # the separator keeps ("ab", "c") and ("a", "bc") apart, the mark keeps null and "" apart
    joined: ir.StringValue = ibis.literal("\x02").join([value.cast("string").fill_null("\x01") for value in values])
    return joined


def _hash(backend: BaseBackend, values: list[ir.Value]) -> ir.IntegerValue:
    text = values[0] if len(values) == 1 and values[0].type().is_string() else _joined(values)
    return engine_hash(text) if backend.name == "duckdb" else text.hash()


WHOLE_ROWS = frozenset({"row_duplicate", "near_duplicate"})  # without columns they compare all
GROUP_KINDS: dict[str, Callable[[BaseBackend, ir.Table, Rule, dict[str, str], int], Group]] = {
    "unique": unique,
    "row_duplicate": row_duplicate,
    "near_duplicate": near_duplicate,
    "inconsistent": inconsistent,
}
