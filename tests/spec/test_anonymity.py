"""Anonymity as small tables: measured against definitions in plain Python, and the best generalisation against trying all."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends import BaseBackend

from gongshu.tables.anonymise import anonymise
from gongshu.tables.anonymity import anonymity, linkage
from gongshu.tables.contract import Field, Protection
from gongshu.tables.errors import TableError
from gongshu.tables.mondrian import partition
from gongshu.tables.protect import protect
from gongshu.tables.utility import discernibility, information_loss, statistics_kept

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


def _far(group: list[str], everyone: list[str]) -> float:
    return sum(abs(group.count(v) / len(group) - everyone.count(v) / len(everyone)) for v in set(everyone)) / 2


def _alike(group: list[str], everyone: list[str], distinct: int, entropy: float, closeness: float) -> bool:
    shares = [n / len(group) for n in Counter(group).values()]
    spread = math.exp(-sum(share * math.log(share) for share in shares))
    return len(shares) < distinct or spread < entropy - 1e-9 or _far(group, everyone) > closeness + 1e-9


def _by_hand(
    rows: list[tuple], k: int, share: float, distinct: int, entropy: float = 1, closeness: float = 1
) -> float | None:
    """The least loss over all nodes, straight from the definitions."""
    best = None
    for a, b in itertools.product(range(4), range(3)):
        said = [(_wider(r[0], a), (r[1], AREAS[r[1]], "*")[b]) for r in rows]
        sizes, ills, everyone = Counter(said), defaultdict(list), [row[2] for row in rows]
        for key, row in zip(said, rows, strict=True):
            ills[key].append(row[2])
        out = sum(n for key, n in sizes.items() if n < k or _alike(ills[key], everyone, distinct, entropy, closeness))
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


@settings(max_examples=40, deadline=None)
@given(
    rows_of,
    st.integers(1, 4),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([1.0, 1.5, 2.5]),
    st.sampled_from([1.0, 0.4, 0.1]),
)
def test_entropy_and_closeness_too(
    engine: BaseBackend, rows: list[tuple], k: int, share: float, entropy: float, closeness: float
) -> None:
    wanted = _by_hand(rows, k, share, 1, entropy, closeness)
    asked = {"sensitive": "ill", "entropy": entropy, "closeness": closeness}
    if wanted is None:
        with pytest.raises(TableError, match="达不到"):
            anonymise(engine, _table(rows), LADDERS, k, suppress=share, **asked)
        return
    assert anonymise(engine, _table(rows), LADDERS, k, suppress=share, **asked).loss == pytest.approx(wanted, abs=2e-6)


def _partitioned(engine: BaseBackend, rows: list[tuple], **params: object) -> list[dict]:
    table = _table(rows).mutate(_row=ibis.row_number() + 1)
    fields = [Field(name, protection=Protection("partition", params)) for name in ("age", "area")]
    fields += [Field("ill"), Field("score")]
    return engine.to_pyarrow(protect(table, fields, bytes(32)).order_by("_row")).to_pylist()


@settings(max_examples=40, deadline=None)
@given(
    rows_of,
    st.integers(2, 6),
    st.sampled_from(
        [{}, {"distinct": 2}, {"closeness": 0.3}, {"entropy": 1.5}, {"sensitive": "score", "closeness": 0.3}]
    ),
)
def test_every_part_reaches_what_was_asked(engine: BaseBackend, rows: list[tuple], k: int, asked: dict) -> None:
    params = {"k": k} | ({"sensitive": "ill"} | asked if asked else {})
    of = 3 if asked.get("sensitive") else 2
    try:
        found = _partitioned(engine, rows, **params)
    except TableError as error:
        assert error.code == "cannot_anonymise"
        everyone = [row[of] for row in rows]
        closeness = asked.get("closeness", 1)
        assert len(rows) < k or _alike(everyone, everyone, asked.get("distinct", 1), asked.get("entropy", 1), closeness)
        return
    assert len(found) == len(rows)
    groups = defaultdict(list)
    for row, was in zip(found, rows, strict=True):
        groups[row["age"], row["area"]].append(was[of])
        # the range holds the value
        if row["age"] and row["age"].startswith("["):
            low, high = row["age"][1:-1].split(",")
            assert int(low) <= was[0] <= int(high)
        assert row["area"] == "*" or was[1] in row["area"].split("|")
    everyone = [row[of] for row in rows]
    for group in groups.values():
        assert len(group) >= k
        if of == 2:
            assert not _alike(
                group, everyone, asked.get("distinct", 1), asked.get("entropy", 1), asked.get("closeness", 1)
            )
        else:
            assert _t([*groups.values()], ordered=True) <= 0.3 + 1e-9


def test_parts_are_told_as_ranges_and_the_key_need_not_be_clean(engine: BaseBackend) -> None:
    rows = [(20, "东一", "甲", 0), (21, "东一", "甲", 0), (60, "西一", "甲", 0), (61, "西二", "甲", 0)]
    assert {(one["age"], one["area"]) for one in _partitioned(engine, rows, k=2)} == {
        ("[20,21]", "东一"),
        ("[60,61]", "西一|西二"),
    }
    # full-width and half-width writings of one value are one group, and no row is counted twice
    table = ibis.memtable(pa.table({"_row": [1, 2, 3, 4], "a": ["１号", "1号", "2号", "2号"]}))
    found = engine.to_pyarrow(protect(table, [Field("a", protection=Protection("partition", {"k": 2}))], bytes(32)))
    assert sorted(found["a"].to_pylist()) == ["1号", "1号", "2号", "2号"]
    differ = [
        Field("a", protection=Protection("partition", {"k": 2})),
        Field("_x", protection=Protection("partition", {"k": 3})),
    ]
    with pytest.raises(TableError, match="params"):
        protect(table.mutate(_x=table.a), differ, bytes(32))
    assert partition(engine, table.filter(table.a == "没有"), ["a"], {"k": 2}).groups == 0


def test_what_protection_costs(engine: BaseBackend) -> None:
    rows = [(10, "东一", "甲", 1), (10, "东二", "甲", 2), (20, "西一", "乙", 3), (30, "西二", "乙", 4)]
    table = _table(rows).mutate(_row=ibis.row_number() + 1)
    fields = [
        Field("age", "int64", protection=Protection("generalise_number", {"width": 25})),
        Field("area", protection=Protection("generalise_map", {"map": AREAS})),
        Field("ill", protection=Protection("drop")),
        Field("score", "int64", protection=Protection("noise", {"scale": 1})),
    ]
    public = protect(table, fields, bytes(32))
    lost = information_loss(engine, table, public, fields)
    # of three ages 10 and 20 look alike, for three rows; each area looks like one of the three others
    assert lost == {"age": pytest.approx(3 / 4 / 2), "area": pytest.approx(1 / 3, abs=1e-6), "ill": 1.0}
    hidden = information_loss(engine, table, public.filter(public["_row"] > 2), [Field("score"), fields[1]])
    assert hidden["score"] == 0.5 and hidden["area"] == pytest.approx(1.0)
    kept = statistics_kept(engine, table, public, fields)
    assert [one["column"] for one in kept] == ["score"] and kept[0]["before"] == 2.5
    assert discernibility(anonymity(engine, public, ["age"]), 0) == (9 + 1) / 16
    assert discernibility(anonymity(engine, public.filter(public["_row"] > 2), ["age"]), 2) == (2 + 2 * 4) / 16


def test_ladders_that_cannot_be_climbed_are_refused(engine: BaseBackend) -> None:
    table = _table([(30, "东一", "甲", 1), (41, "西一", "乙", 1)])
    with pytest.raises(TableError, match="更粗"):
        anonymise(engine, table, {"age": [Protection("generalise_number", {"width": 50}), KEEP]}, 2)
    with pytest.raises(TableError, match="组合"):
        anonymise(engine, table, {name: [KEEP] * 60 for name in ("age", "area", "score")}, 2)
