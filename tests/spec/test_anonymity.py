"""Anonymity as small tables: measured against definitions in plain Python, and the best generalisation against trying all."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends import BaseBackend

from gongshu.tables.anonymise import anonymise
from gongshu.tables.anonymity import anonymity, linkage
from gongshu.tables.contract import Protection
from gongshu.tables.errors import TableError

KEEP, DROP = Protection(), Protection("drop")
AGES = [KEEP, Protection("generalise_number", {"width": 10}), Protection("generalise_number", {"width": 50}), DROP]
AREAS = {"东一": "东", "东二": "东", "西一": "西", "西二": "西"}
LADDERS = {"age": AGES, "area": [KEEP, Protection("generalise_map", {"map": AREAS}), DROP]}


@pytest.fixture(scope="module")
def engine() -> Iterator[BaseBackend]:
    backend = ibis.duckdb.connect()
    yield backend
    backend.disconnect()


rows_of = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 99)),
        st.sampled_from(list(AREAS)),
        st.sampled_from(["甲", "乙", "丙"]),
        st.integers(-3, 3),
    ),
    min_size=1,
    max_size=40,
)


def _table(rows: list[tuple]) -> ibis.Table:
    return ibis.memtable(
        [dict(zip(("age", "area", "ill", "score"), row, strict=True)) for row in rows],
        schema={"age": "int64", "area": "string", "ill": "string", "score": "int64"},
    )


def _classes(rows: list[tuple], of: int) -> list[list]:
    found = defaultdict(list)
    for row in rows:
        found[row[:2]].append(row[of])
    return list(found.values())


def _t(classes: list[list], ordered: bool) -> float:
    everyone = [value for group in classes for value in group]
    values = sorted(set(everyone))
    if len(values) < 2:
        return 0.0
    worst = 0.0
    for group in classes:
        differ = [group.count(v) / len(group) - everyone.count(v) / len(everyone) for v in values]
        if ordered:
            far = sum(abs(x) for x in itertools.accumulate(differ)) / (len(values) - 1)
        else:
            far = sum(abs(x) for x in differ) / 2
        worst = max(worst, far)
    return worst


@settings(max_examples=40, deadline=None)
@given(rows_of)
def test_k_l_and_t_are_their_definitions(engine: BaseBackend, rows: list[tuple]) -> None:
    found = anonymity(engine, _table(rows), ["age", "area"], ["ill", "score"])
    sizes = Counter(row[:2] for row in rows)
    assert (found.rows, found.groups, found.k) == (len(rows), len(sizes), min(sizes.values()))
    assert found.unique_rows == sum(1 for n in sizes.values() if n == 1)
    assert found.prosecutor_mean == pytest.approx(sum(1 / sizes[row[:2]] for row in rows) / len(rows))
    for name, of, ordered in (("ill", 2, False), ("score", 3, True)):
        classes = _classes(rows, of)
        assert found.l[name] == min(len(set(group)) for group in classes)
        entropies = [-sum(n / len(g) * math.log(n / len(g)) for n in Counter(g).values()) for g in classes]
        assert found.entropy_l[name] == pytest.approx(math.exp(min(entropies)), abs=1e-6)
        assert found.t[name] == pytest.approx(_t(classes, ordered), abs=2e-6)


def test_a_table_of_nobody_has_no_risk(engine: BaseBackend) -> None:
    found = anonymity(engine, _table([]), ["age"], ["ill"])
    assert (found.rows, found.k, found.unique_share, found.prosecutor_max, found.l) == (0, 0, 0.0, 0.0, {})
    with pytest.raises(TableError, match="准标识"):
        anonymity(engine, _table([]), [])
    with pytest.raises(TableError, match="没有字段"):
        anonymity(engine, _table([]), ["nothing"])


def test_a_second_table_tells_who_is_who(engine: BaseBackend) -> None:
    here = _table([(30, "东一", "甲", 1), (30, "东一", "乙", 1), (41, "西一", "甲", 1), (None, "西二", "甲", 1)])
    register = _table([(30, "东一", "", 0)] * 5 + [(41, "西一", "", 0), (None, "西二", "", 0), (7, "东一", "", 0)])
    found = linkage(engine, here, register, ["age", "area"])
    assert (found.rows, found.linked, found.unique, found.journalist_max) == (4, 4, 2, 1.0)
    assert found.journalist_mean == pytest.approx((2 / 5 + 1 + 1) / 4)


def _wider(value: int | None, rung: int) -> object:
    if rung == 3 or value is None:
        return "*" if rung == 3 else None
    width = (1, 10, 50)[rung]
    return value // width


def _by_hand(rows: list[tuple], k: int, share: float, distinct: int) -> float | None:
    """The least loss over all nodes, straight from the definitions."""
    best = None
    for a, b in itertools.product(range(4), range(3)):
        said = [(_wider(r[0], a), (r[1], AREAS[r[1]], "*")[b]) for r in rows]
        sizes, ills = Counter(said), defaultdict(set)
        for key, row in zip(said, rows, strict=True):
            ills[key].add(row[2])
        out = sum(n for key, n in sizes.items() if n < k or len(ills[key]) < distinct)
        if out > math.floor(share * len(rows)):
            continue
        losses = []
        for of, tell in (
            (0, lambda v, rung=a: _wider(v, rung)),
            (1, lambda v, rung=b: (v, AREAS[v], "*")[rung]),
        ):
            values = {r[of] for r in rows}
            alike = Counter(tell(v) for v in values)
            dropped = float((a, b)[of] == (3, 2)[of])
            losses.append(
                sum((alike[tell(r[of])] - 1) / (len(values) - 1) if len(values) > 1 else dropped for r in rows)
                / len(rows)
            )
        gone = out / len(rows)
        loss = sum(losses) / 2 * (1 - gone) + gone
        best = loss if best is None else min(best, loss)
    return best


@settings(max_examples=40, deadline=None)
@given(rows_of, st.integers(1, 6), st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, 2))
def test_the_best_generalisation_is_the_best_of_all(
    engine: BaseBackend, rows: list[tuple], k: int, share: float, distinct: int
) -> None:
    wanted = _by_hand(rows, k, share, distinct)
    if wanted is None:
        with pytest.raises(TableError, match="达不到"):
            anonymise(engine, _table(rows), LADDERS, k, suppress=share, sensitive="ill", distinct=distinct)
        return
    found = anonymise(engine, _table(rows), LADDERS, k, suppress=share, sensitive="ill", distinct=distinct)
    assert found.loss == pytest.approx(wanted, abs=2e-6)
    assert found.suppressed <= share * len(rows) and (found.k >= k or found.suppressed == len(rows))
    assert found.checked <= found.nodes == 12


def test_ladders_that_cannot_be_climbed_are_refused(engine: BaseBackend) -> None:
    table = _table([(30, "东一", "甲", 1), (41, "西一", "乙", 1)])
    with pytest.raises(TableError, match="更粗"):
        anonymise(engine, table, {"age": [Protection("generalise_number", {"width": 50}), KEEP]}, 2)
    with pytest.raises(TableError, match="组合"):
        anonymise(engine, table, {name: [KEEP] * 60 for name in ("age", "area", "score")}, 2)
