"""What an expression uses more than once is computed once: as a column of a subquery, before the SQL is written.

Ibis writes an expression out at each place of its use. DuckDB finds the same text again; Sail and Spark spend minutes on it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from ibis.backends.sql.rewrites import Select, split_select_distinct_with_order_by
from ibis.common.patterns import replace

SMALLEST = 3  # nodes of an expression that is worth a column
LARGEST_MOVED = 30  # nodes of a filter that may be moved into a subquery
_NEVER = (
    ops.Reduction,
    ops.Analytic,
    ops.WindowFunction,
    ops.Argument,  # of a function over the elements of a list
    ops.Subquery,
    ops.Unnest,
    ops.Impure,
    ops.SortKey,
)


@replace(Select)
def share_in_select(_: Any, **kwargs: Any) -> Any:
    """A ``SELECT`` over a subquery that has what its expressions share."""
    if _.distinct:
        return split_select_distinct_with_order_by.match(_, {})  # what Ibis does for Spark here
    while found := _shared(_.parent, (*_.selections.values(), *_.predicates, *_.qualified, *_.sort_keys)):
        parent, new = found
        _ = _.copy(
            parent=parent,
            selections={name: new(value) for name, value in _.selections.items()},
            predicates=tuple(map(new, _.predicates)),
            qualified=tuple(map(new, _.qualified)),
            sort_keys=tuple(map(new, _.sort_keys)),
        )
    return _fenced(_) if _.predicates and isinstance(_.parent, Select) else _


def _fenced(select: Any) -> Any:
    """``select`` with its filter as a column that no optimiser moves.

    Sail moves a filter into its subqueries and there writes out anew all that was shared, which can take minutes. It leaves a
    random number where it is.
    """
    known: dict[Any, int] = {}
    if select.qualified or sum(_written(each, known) for each in select.predicates) < LARGEST_MOVED:
        return select
    always = ops.GreaterEqual(ops.RandomScalar(), ops.Literal(0.0, dtype=dt.float64))
    keep = functools.reduce(ops.And, select.predicates, always)
    below = Select(select.parent, selections={**select.parent.fields, "_keep_shared": keep})
    places = {ops.Field(select.parent, name): ops.Field(below, name) for name in select.parent.fields}
    return select.copy(
        parent=below,
        selections={name: value.replace(places, filter=ops.Value) for name, value in select.selections.items()},
        predicates=(ops.Field(below, "_keep_shared"),),
        sort_keys=tuple(value.replace(places, filter=ops.Value) for value in select.sort_keys),
    )


def _written(value: Any, known: dict[Any, int]) -> int:
    """How long ``value`` gets when the columns of subqueries are written out in it."""
    if value not in known:
        inner = (
            value.rel.selections.get(value.name)
            if isinstance(value, ops.Field) and isinstance(value.rel, Select)
            else None
        )
        parts = [inner] if inner is not None else _parts(value)
        known[value] = 1 + sum(_written(part, known) for part in parts)
    return known[value]


@replace(ops.Aggregate)
def share_in_aggregate(_: Any, **kwargs: Any) -> Any:
    """An aggregation over a subquery that has what its expressions share."""
    while found := _shared(_.parent, (*_.groups.values(), *_.metrics.values())):
        parent, new = found
        _ = _.copy(
            parent=parent,
            groups={name: new(value) for name, value in _.groups.items()},
            metrics={name: new(value) for name, value in _.metrics.items()},
        )
    return _


def _shared(parent: Any, roots: Iterable[Any]) -> tuple[Any, Any] | None:
    """``parent`` with the innermost expressions that are used twice, and the function that puts them in their place."""
    roots = list(roots)
    uses: Counter[Any] = Counter(roots)
    for node in _below(roots):
        uses.update(_parts(node))
        if _is_written_twice(node):
            uses.update(_parts(node)[:1])
    sizes: dict[Any, int] = {}
    twice = {node for node, n in uses.items() if n > 1 and _size(node, parent, sizes) >= SMALLEST}
    inner = [node for node in twice if not any(part in twice for part in _below(_parts(node)))]
    if not inner:
        return None
    everything = _below(roots)
    if any(isinstance(node, ops.CountDistinctStar) for node in everything):
        return None  # it means all columns of its table
    inside = set(inner)
    kept = {node.name: node for node in _below(roots, inside) if isinstance(node, ops.Field) and node.rel == parent}
    start = 1 + max((int(name[7:]) for name in parent.schema.names if name.startswith("_share_")), default=-1)
    added = {f"_share_{start + n}": node for n, node in enumerate(inner)}
    below = Select(parent, selections={**kept, **added})
    places = {node: ops.Field(below, name) for name, node in added.items()}
    places |= {node: ops.Field(below, name) for name, node in kept.items()}
    rows = [node for node in everything if isinstance(node, ops.CountStar) and node.arg == parent]
    places |= {
        node: node.copy(arg=below, where=node.where and node.where.replace(places, filter=ops.Value)) for node in rows
    }
    return below, lambda value: value.replace(places, filter=ops.Value)


def _parts(node: Any) -> list[Any]:
    """The values that ``node`` is made of, each as often as it is there."""
    return [] if isinstance(node, ops.Field) else [part for part in _flat(node.__args__) if isinstance(part, ops.Value)]


def _is_written_twice(node: Any) -> bool:
    """Whether what ``node`` is made of stands more than once in its SQL for Spark."""
    cast = isinstance(node, ops.Cast | ops.TryCast) and (node.to.is_decimal() or node.to.is_time())
    return cast or isinstance(node, ops.Uppercase | ops.Lowercase | ops.LPad | ops.RPad | ops.Clip | ops.StringSlice)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


def _below(roots: Iterable[Any], stop: Iterable[Any] = ()) -> list[Any]:
    """``roots`` and all that they are made of, each once; what ``stop`` holds is left out with all below it."""
    seen: dict[Any, None] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node not in seen and node not in stop:
            seen[node] = None
            waiting += _parts(node)
    return list(seen)


def _size(node: Any, parent: Any, known: dict[Any, int]) -> int:
    """How many nodes make up an expression of columns of ``parent``; below 1 for what can't stand by itself."""
    if node not in known:
        below = _below([node])
        fields = [each for each in below if isinstance(each, ops.Field)]
        alone = fields and all(each.rel == parent for each in fields)
        able = not any(isinstance(each, _NEVER) for each in below) and not node.dtype.is_interval()
        known[node] = len(below) if alone and able and not isinstance(node, ops.Field) else 0
    return known[node]
