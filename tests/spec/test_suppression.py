"""Small groups in the words of those who must protect persons (R2.5): below the threshold a whole group stays away."""

from __future__ import annotations

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.tables.anonymity import anonymity
from gongshu.tables.contract import Contract, Field, Protection, dump_contract, load_contract
from gongshu.tables.identifiers import remaining_identifiers
from gongshu.tables.risk import exceeded, residual_risk
from gongshu.tables.suppress import public_table, without_small_groups

KEY = bytes(range(32))


def residents(sexes: list[str | None], births: list[str | None]) -> tuple[Contract, pa.Table]:
    """A table of persons: a name, the sex, the day of birth."""
    rows = len(sexes)
    fields = [
        Field("姓名", semantic_type="person_name", level=4, protection=Protection("drop")),
        Field("性别", semantic_type="sex", level=2),
        Field("出生", "date", semantic_type="birth_date", level=3, protection=Protection("generalise_date", {"to": "year"})),
    ]  # fmt: skip
    data = {"_row": range(1, rows + 1), "姓名": ["甲"] * rows, "性别": sexes, "出生": births}
    return Contract("residents", fields=fields, suppress_small_groups=True), pa.table(
        {name: pa.array(values, pa.int64() if name == "_row" else pa.string()) for name, values in data.items()}
    )


@pytest.fixture
def staged(engine, tmp_path: Path):
    """Makes the staged table of rows."""

    def make(rows: pa.Table) -> ibis.Table:
        pq.write_table(rows, tmp_path / "rows.parquet")
        return engine.read_parquet(tmp_path / "rows.parquet")

    return make


def test_whole_groups_below_the_threshold_go_and_the_rest_reaches_it(engine, staged):
    sexes = ["男"] * 60 + ["女"] * 49 + ["女"] * 50 + [None] * 3
    births = ["1970-01-02"] * 60 + ["1980-03-04"] * 49 + ["1990-05-06"] * 50 + [None] * 3
    contract, rows = residents(sexes, births)
    public = public_table(staged(rows), contract, KEY)
    found = engine.to_pyarrow(public.order_by("_row")).to_pylist()
    assert len(found) == 110 and {row["出生"] for row in found} == {"1970", "1990"}
    risk = residual_risk(engine, public, contract.fields)
    assert risk is not None and risk["k"] == 50 >= risk["threshold"]


def test_rows_whose_identifiers_are_empty_are_a_group_of_their_own(engine, staged):
    contract, rows = residents([None] * 50 + ["男"] * 2, [None] * 50 + ["1970-01-02"] * 2)
    assert engine.to_pyarrow(public_table(staged(rows), contract, KEY).count()).as_py() == 50


def test_without_the_wish_and_in_tables_of_things_nothing_goes(engine, staged):
    contract, rows = residents(["男"] * 3, ["1970-01-02"] * 3)
    contract.suppress_small_groups = False
    assert engine.to_pyarrow(public_table(staged(rows), contract, KEY).count()).as_py() == 3
    things = [Field("性别"), Field("出生")]
    assert remaining_identifiers(things) == []
    assert engine.to_pyarrow(without_small_groups(staged(rows), things).count()).as_py() == 3


def test_the_histogram_counts_every_row_once(engine, staged):
    contract, rows = residents(["男"] * 60 + ["女"] * 4 + ["未知"], ["1970-01-02"] * 65)
    contract.suppress_small_groups = False
    risk = residual_risk(engine, public_table(staged(rows), contract, KEY), contract.fields)
    assert risk is not None and risk["over"][0] == {"measure": "k", "value": 1, "limit": 50, "column": None}
    assert [(each["from"], each["rows"]) for each in risk["histogram"]] == [
        (1, 1),
        (2, 4),
        (5, 0),
        (20, 0),
        (50, 60),
        (100, 0),
    ]


def test_the_wish_is_written_into_the_contract():
    contract, _ = residents([], [])
    assert load_contract(dump_contract(contract)).suppress_small_groups is True
    contract.suppress_small_groups = False
    assert "suppressSmallGroups" not in dump_contract(contract)


def test_a_release_is_held_to_every_limit_of_its_scene(engine, staged):
    fields = [
        Field("性别", semantic_type="sex", level=2),
        Field("诊断", semantic_type="diagnosis", level=4, subject="person"),
    ]
    alike = {"_row": range(1, 121), "性别": ["男"] * 60 + ["女"] * 60, "诊断": ["流感"] * 60 + ["流感", "肺炎"] * 30}
    risk = residual_risk(engine, staged(pa.table(alike)), fields)
    assert risk is not None and risk["k"] == 60
    # groups are large enough, but of every man the illness is known
    assert [(one["measure"], one["column"], one["limit"]) for one in risk["over"]] == [
        ("l", "诊断", 5),
        ("t", "诊断", 0.05),
    ]
    measured = anonymity(engine, staged(pa.table(alike)), ["性别"])
    assert exceeded(measured) == [] and exceeded(measured, "limited_partial") == []
    small = anonymity(engine, staged(pa.table({"性别": ["男"] * 9 + ["女"]})), ["性别"])
    assert [one["measure"] for one in exceeded(small, "limited")] == ["k", "prosecutor_max", "prosecutor_mean"]
    # each of the same many illnesses in both groups: nothing is told
    many = {"_row": range(1, 121), "性别": ["男", "女"] * 60, "诊断": [f"病{n // 2 % 6}" for n in range(120)]}
    assert residual_risk(engine, staged(pa.table(many)), fields)["over"] == []
