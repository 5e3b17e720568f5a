"""Protections by chance that comes out the same each time, and by groups: noise, shuffling, sampling, microaggregation."""

from __future__ import annotations

import itertools
import math
import statistics

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.tables.contract import Contract, Field, Protection, dump_contract, load_contract
from gongshu.tables.errors import TableError
from gongshu.tables.keyed import Keyring
from gongshu.tables.protect import protect
from gongshu.tables.suppress import public_table

KEY, OTHER = bytes(range(32)), bytes(32)
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def made(engine, tmp_path):
    """Protects columns of a table and gives the rows back in order."""
    numbers = itertools.count()

    def make(columns, fields, key=KEY):
        rows = len(next(iter(columns.values())))
        # a path of its own each time: the engine keeps blocks of a file that was overwritten within a tick of the clock
        path = tmp_path / f"{next(numbers)}.parquet"
        pq.write_table(pa.table({"_row": pa.array(range(1, rows + 1), pa.int64())} | columns), path)
        table = protect(engine.read_parquet(path), fields, key)
        found = engine.to_pyarrow(table.order_by("_row") if "_row" in table.columns else table)
        return {name: found[name].to_pylist() for name in found.column_names}

    return make


def field(method, name="值", **params):
    return Field(name, protection=Protection(method, params))


class TestNoise:
    NUMBERS = pa.array([float(n % 50) for n in range(4000)])

    @pytest.mark.parametrize("distribution", ["laplace", "gaussian"])
    def test_it_has_the_scale_that_was_asked_for(self, made, distribution):
        found = made({"值": self.NUMBERS}, [field("noise", scale=2, distribution=distribution)])["值"]
        off = [a - b for a, b in zip(found, self.NUMBERS.to_pylist(), strict=True)]
        assert abs(statistics.mean(off)) < 0.15 and max(map(abs, off)) <= 10.000001
        spread = math.sqrt(2) * 2 if distribution == "laplace" else 2
        assert statistics.stdev(off) == pytest.approx(spread, rel=0.08)

    def test_the_same_key_gives_the_same_noise_and_another_key_another(self, made):
        once = made({"值": self.NUMBERS}, [field("noise", scale=2)])
        assert made({"值": self.NUMBERS}, [field("noise", scale=2)]) == once
        assert made({"值": self.NUMBERS}, [field("noise", scale=2)], OTHER) != once

    def test_with_a_primary_key_rows_may_move(self, made):
        fields = [Field("号", primary_key=True), field("noise", scale=3)]
        there = made({"号": ["a", "b", "c"], "值": [1.0, 2.0, 3.0]}, fields)
        moved = made({"号": ["c", "new", "a", "b"], "值": [3.0, 9.0, 1.0, 2.0]}, fields)
        assert (
            dict(zip(there["号"], there["值"], strict=True)).items()
            <= dict(zip(moved["号"], moved["值"], strict=True)).items()
        )

    def test_whole_numbers_stay_whole_and_within_bounds(self, made):
        found = made({"值": pa.array([0, 1, None, 100] * 50)}, [field("noise", scale=30, lowest=0, highest=100)])["值"]
        assert all(one is None or (isinstance(one, int) and 0 <= one <= 100) for one in found) and found[2] is None

    @slow
    @given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=20), st.floats(0.01, 100))
    def test_it_never_goes_further_than_it_may(self, made, values, scale):
        found = made({"值": pa.array(values, pa.float64())}, [field("noise", scale=scale, most=3)])["值"]
        for one, was in zip(found, values, strict=True):
            assert (one is None) == (was is None) and (was is None or abs(one - was) <= 3.00001)


class TestShuffle:
    @slow
    @given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=30))
    def test_all_values_are_there_in_another_order(self, made, values):
        found = made({"值": pa.array(values, pa.string())}, [field("shuffle")])["值"]
        assert sorted(found, key=repr) == sorted(values, key=repr)

    def test_the_same_key_gives_the_same_order(self, made):
        values = pa.array(range(100))
        once = made({"值": values}, [field("shuffle")])
        assert once == made({"值": values}, [field("shuffle")]) != made({"值": values}, [field("shuffle")], OTHER)
        assert once["值"] != list(range(100))

    def test_within_a_group_values_stay_in_it(self, made):
        areas = ["东", "西", None] * 30
        fields = [Field("区"), field("shuffle", within="区"), field("shuffle", name="另", within=["区"])]
        found = made(
            {"区": pa.array(areas), "值": pa.array([f"{a}{n}" for n, a in enumerate(areas)]), "另": range(90)}, fields
        )
        assert all(value.startswith(str(area)) for area, value in zip(areas, found["值"], strict=True))
        assert found["区"] == areas and sorted(found["另"]) == list(range(90)) and len(found["值"]) == 90


class TestMicroaggregation:
    def by_hand(self, values, least):
        filled = sorted((value, n) for n, value in enumerate(values) if value is not None and math.isfinite(value))
        found = [None] * len(values)
        groups = len(filled) // least
        for g in range(groups):
            part = filled[g * least : (g + 1) * least if g < groups - 1 else len(filled)]
            mean = sum(value for value, _ in part) / len(part)
            for _, n in part:
                found[n] = mean
        return found

    @slow
    @given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), min_size=1, max_size=40), st.integers(2, 6))
    def test_it_is_the_mean_of_neighbours(self, made, values, least):
        column = pa.array([None if one is None else one / 8 for one in values], pa.float64())
        found = made({"值": column}, [field("microaggregate", least=least)])["值"]
        assert found == pytest.approx(self.by_hand(column.to_pylist(), least), abs=1e-6)

    def test_what_is_no_number_is_left_out(self, made):
        column = pa.array([1.0, float("nan"), 3.0, float("inf"), None])
        assert made({"值": column}, [field("microaggregate", least=2)])["值"] == [2.0, None, 2.0, None, None]
        assert (
            made({"值": pa.array([None, None], pa.float64())}, [field("microaggregate", least=2)])["值"] == [None] * 2
        )
        assert made({"值": pa.array(["10", "很多", "20"])}, [field("microaggregate", least=2)])["值"] == [15, None, 15]


class TestSample:
    def contract(self, share, key=False):
        return Contract("t", fields=[Field("值", "int64", primary_key=key)], sample_share=share)

    def test_about_the_share_and_always_the_same_rows(self, engine, tmp_path):
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({"_row": range(1, 5001), "值": [str(n) for n in range(5000)]}), path)

        def rows(contract, key=KEY):
            return set(engine.to_pyarrow(public_table(engine.read_parquet(path), contract, key))["值"].to_pylist())

        tenth = rows(self.contract(0.1))
        assert 400 < len(tenth) < 600 and rows(self.contract(0.1)) == tenth != rows(self.contract(0.1), OTHER)
        assert tenth < rows(self.contract(0.5)) and len(rows(self.contract(1))) == 5000
        by_key = rows(self.contract(0.1, key=True))
        pq.write_table(pa.table({"_row": range(1, 4001), "值": [str(n) for n in range(1000, 5000)]}), path)
        assert rows(self.contract(0.1, key=True)) == {one for one in by_key if one >= 1000}
        with pytest.raises(TableError, match="份额"):
            rows(self.contract(1.5))

    def test_it_is_written_into_the_contract(self):
        assert load_contract(dump_contract(self.contract(0.25))).sample_share == 0.25


def test_several_versions_of_a_key_side_by_side(made):
    ring = Keyring({1: KEY, 2: OTHER})
    columns = {name: ["13812345678", "张三丰"] for name in ("旧", "新", "散")}
    fields = [
        field("tokenise", "旧", key_version=1),
        field("tokenise", "新"),
        field("keyed_hash", "散", key_version=1),
    ]
    found = made(columns, fields, ring)
    alone = made(columns, [field("tokenise", "旧"), field("keyed_hash", "散")], KEY)
    assert (found["旧"], found["散"]) == (alone["旧"], alone["散"]) and found["新"] != found["旧"]
    with pytest.raises(TableError, match="第 3 版"):
        made(columns, [field("tokenise", "旧", key_version=3)], ring)
    assert KEY.hex() not in repr(ring) and "versions" not in repr(ring)


def test_the_same_person_is_the_same_token_in_two_tables(made):
    first = made({"证": ["310104199003078515", "310104199003078523"]}, [field("tokenise", "证", form="resident_id")])
    other = made(
        {"_x": [1, 2], "身份证": ["310104199003078523", "无"]}, [field("tokenise", "身份证", form="resident_id")]
    )
    assert other["身份证"] == [first["证"][1], None]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("noise", {}),
        ("noise", {"scale": 0}),
        ("noise", {"scale": "inf"}),
        ("noise", {"scale": 1, "distribution": "cauchy"}),
        ("noise", {"scale": 1, "lowest": 2, "highest": 1}),
        ("shuffle", {"within": ["没有"]}),
        ("microaggregate", {"least": 1}),
        ("microaggregate", {}),
        ("tokenise", {"form": "别的"}),
        ("generalise_number", {"edges": [5, 1]}),
        ("generalise_number", {"edges": []}),
        ("generalise_industry", {"to": "class"}),
        ("generalise_address", {"to": "house"}),
        ("mask", {"kind": "face"}),
        ("round", {"base": 1}),
    ],
)
def test_parameters_that_cannot_be_are_told_with_the_column(made, method, params):
    with pytest.raises(TableError) as caught:
        made({"值": pa.array([1.0, 2.0])}, [field(method, **params)])
    assert (caught.value.code, caught.value.where["column"]) == ("protection_params", "值")
