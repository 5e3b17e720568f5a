"""Protection, anonymity and figures on what nobody expects: empty, null, infinite, odd characters, very wide, very large cells.
Either there is an answer for every row, or an error that says what is wrong."""

from __future__ import annotations

import math
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.tables.anonymise import anonymise
from gongshu.tables.anonymity import anonymity, linkage
from gongshu.tables.assessment import assess_risk
from gongshu.tables.contract import Contract, Field, Protection
from gongshu.tables.engine import open_engine
from gongshu.tables.errors import TableError, storage_error
from gongshu.tables.mondrian import partition
from gongshu.tables.private import Figures, private_figures
from gongshu.tables.protect import protect
from gongshu.tables.suppress import public_table
from gongshu.tables.utility import information_loss, statistics_kept

KEY = bytes(range(32))
EVERY = [
    Protection("mask"),
    Protection("mask", {"keep_first": 1, "keep_last": 2}),
    *(
        Protection("mask", {"kind": kind})
        for kind in ("phone", "person_name", "resident_id", "bank_card", "email", "plate", "ip")
    ),
    Protection("keyed_hash"),
    Protection("keyed_hash", {"algorithm": "sm3"}),
    Protection("tokenise"),
    Protection("tokenise", {"form": "resident_id"}),
    Protection("generalise_date", {"to": "decade"}),
    Protection("generalise_number", {"width": 10}),
    Protection("generalise_number", {"edges": [0, 10]}),
    Protection("generalise_division", {"to": "city"}),
    Protection("generalise_address", {"to": "road"}),
    Protection("generalise_industry", {"to": "section"}),
    Protection("generalise_map", {"map": {"a": "b", "😀": "表情"}}),
    Protection("merge_rare", {"least": 2}),
    Protection("microaggregate", {"least": 2}),
    Protection("clip", {"lowest": 0, "highest": 9}),
    Protection("round", {"digits": 1}),
    Protection("round", {"base": 5}),
    Protection("noise", {"scale": 2}),
    Protection("shuffle"),
    Protection("partition", {"k": 2}),
]
HIDING = {"mask", "keyed_hash", "tokenise", "generalise_date", "generalise_number", "generalise_map"}
odd_texts = st.lists(
    st.one_of(
        st.none(),
        st.text(max_size=20),
        st.sampled_from(
            [
                "",
                " ",
                "\t",
                "null",
                "NaN",
                "inf",
                "-1e308",
                "😀👨‍👩‍👧",
                "ＡＢＣ１２",
                "'; DROP TABLE t; --",
                "\\1$1",
                "\u202e倒",
            ]
        ),
    ),
    max_size=12,
)
numbers = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=12)


def table(values, kind) -> ibis.Table:
    return ibis.memtable(
        pa.table({"_row": pa.array(range(1, len(values) + 1), pa.int64()), "值": pa.array(values, kind)})
    )


@pytest.mark.parametrize("protection", EVERY, ids=lambda one: one.method + str(list(one.params.values())[:1]))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.one_of(odd_texts, numbers))
def test_every_method_answers_for_every_row_or_says_why_not(duckdb_engine, protection, values):
    kind = pa.float64() if any(isinstance(one, float) for one in values) else pa.string()
    try:
        shown = protect(table(values, kind), [Field("值", protection=protection)], KEY)
        found = duckdb_engine.to_pyarrow(shown.order_by("_row"))
    except TableError as error:
        assert error.code in ("protection_params", "cannot_anonymise")
        return
    assert found["_row"].to_pylist() == list(range(1, len(values) + 1))
    if protection.method in HIDING:
        for value, made in zip(values, found["值"].to_pylist(), strict=True):
            kept = isinstance(value, str) and len(value) > 3 and not set(value) <= {"*"}
            assert not (kept and made == value)


@pytest.mark.parametrize("values", [[], [None] * 5, [None]], ids=["empty", "all null", "one null"])
def test_tables_of_nothing(duckdb_engine, values):
    nothing = table(values, pa.string())
    found = anonymity(duckdb_engine, nothing, ["值"], ["值"])
    assert (
        found.rows == len(values) and found.k == (len(values) if values else 0) and found.below(2) == (len(values) == 1)
    )
    assert sum(one["rows"] for one in found.histogram()) == len(values)
    link = linkage(duckdb_engine, nothing, nothing, ["值"])
    assert (link.rows, link.linked) == (len(values), len(values))
    ladder = {"值": [Protection(), Protection("drop")]}
    if values:
        assert anonymise(duckdb_engine, nothing, ladder, len(values)).k == len(values)
        with pytest.raises(TableError, match="达不到"):
            anonymise(duckdb_engine, nothing, ladder, 9)
    else:
        assert anonymise(duckdb_engine, nothing, ladder, 9).rows == 0
    assert partition(duckdb_engine, nothing, ["值"], {"k": 2}).rows == len(values) if len(values) != 1 else True
    fields = [Field("值", protection=Protection("mask", {"keep_first": 1}))]
    public = protect(nothing, fields, KEY)
    assert information_loss(duckdb_engine, nothing, public, fields) == {"值": 0.0}
    assert statistics_kept(duckdb_engine, nothing, nothing, [Field("值", "float64")]) == []

    def none(tables):
        return [{"values": one["values"], "accuracy": 0.0} for one in tables]

    for asked in (Figures("count"), Figures("mean", "值", lowest=0, highest=1), Figures("histogram", "值", edges=(1,))):
        shown = private_figures(duckdb_engine, nothing, asked, 1, none)["rows"]
        assert all(math.isfinite(one["value"]) for one in shown)


def test_not_a_number_and_the_infinite(duckdb_engine):
    odd = table([1.0, float("nan"), float("nan"), float("inf"), -float("inf"), None], pa.float64())
    found = anonymity(duckdb_engine, odd, ["值"], ["值"])
    assert found.rows == 6 and found.groups == 5 and all(math.isfinite(one) for one in found.t.values())
    parts = partition(duckdb_engine, odd, ["值"], {"k": 3})
    assert parts.k >= 3 and math.isfinite(parts.loss)
    kept = statistics_kept(duckdb_engine, odd, odd, [Field("值", "float64")])
    assert (kept[0]["before"], kept[0]["deviation_before"]) == (1.0, 0.0)


def test_five_thousand_columns(tmp_path: Path):
    names = [f"列{n}" for n in range(5000)]
    columns = {name: pa.array([str(n % 7), str(n % 3), "甲"]) for n, name in enumerate(names)}
    pq.write_table(pa.table({"_row": pa.array([1, 2, 3]), **columns}), tmp_path / "wide.parquet")
    ways = [Protection(), Protection("drop"), Protection("mask"), Protection("keyed_hash")]
    fields = [Field(name, level=1, protection=ways[n % 4]) for n, name in enumerate(names)]
    with open_engine(tmp_path / "engine", "1GB") as engine:
        wide = engine.read_parquet(tmp_path / "wide.parquet")
        found = engine.to_pyarrow(public_table(wide, Contract("wide", fields=fields), KEY))
        assert found.num_rows == 3 and found.num_columns == 1 + 3750
        assert anonymity(engine, wide, names[:200]).rows == 3
    with open_engine(tmp_path / "engine", "100MB") as engine:
        wide = engine.read_parquet(tmp_path / "wide.parquet")
        with pytest.raises(Exception, match="Out of Memory") as caught:
            engine.to_pyarrow(public_table(wide, Contract("wide", fields=fields), KEY))
        said = storage_error(caught.value, tmp_path)
        assert said is not None and "GONGSHU_ENGINE_MEMORY" in str(said)


def test_cells_of_many_megabytes(duckdb_engine):
    large = "长" * 4_000_000  # 12 MB
    rows = table([large, "138" + "0" * 8, None], pa.string())
    for protection in (Protection("mask", {"keep_first": 1}), Protection("keyed_hash"), Protection("tokenise")):
        found = duckdb_engine.to_pyarrow(protect(rows, [Field("值", protection=protection)], KEY).order_by("_row"))
        shown = found["值"].to_pylist()
        assert shown[2] is None and shown[0] != large and shown[1] != "13800000000"
    assert anonymity(duckdb_engine, rows, ["值"]).groups == 3


def test_one_column_and_wrong_contracts_are_told(tmp_path: Path):
    file = tmp_path / "一列.csv"
    file.write_text("性别\n男\n女\n", encoding="utf-8")
    found = assess_risk(file, by=["性别"])
    assert found["before"]["k"] == 1 and found["over"]
    with pytest.raises(TableError, match="没有字段"):
        assess_risk(file, by=["年龄"])
    other = Contract("t", fields=[Field("性别", semantic_type="sex"), Field("没有的列", semantic_type="birth_date")])
    with pytest.raises(TableError) as caught:
        assess_risk(file, contract=other)
    assert caught.value.code == "missing_column" and caught.value.where == {"column": "没有的列"}
    empty = tmp_path / "空.csv"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(TableError):
        assess_risk(empty, by=["性别"])
