"""Rules of the whole table, of another table and in SQL: what passes, what fails, what can't be told, and what is refused."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa
import pytest

from gongshu.tables import masks
from gongshu.tables.check_tables import Context
from gongshu.tables.checks import run_checks
from gongshu.tables.code_lists import code_list
from gongshu.tables.contract import Field, Rule
from tests.staging import stage

TABLE = {
    "号": ["1", "2", "2", "4", "", "7"],
    "月": ["2024-01-03", "2024-02-01", "2024/2/9", "2024-05-01", "", "待定"],
    "区": ["南山区", "南山区", "北海区", "", "北海区", "310104"],
    "元": ["1.5", "2.5", "x", "", "0.1", "0.2"],
}
FIELDS = [Field("号", "int64"), Field("月", "date"), Field("区"), Field("元", "float64")]
OTHER = {"编号": ["1", "2", "3"], "金额": ["4.0", "0.2", "0.1"]}


def run(engine, folder, rule, **context):
    context["tables"] = {"别表": stage(engine, folder, OTHER)}
    table = stage(engine, folder, TABLE)
    return run_checks(engine, table, FIELDS, [rule], context=Context(**context)).results[0]


DAY = dt.date(2024, 5, 20)
CASES = [
    (Rule("r", "row_count", None, (), {"must": {"mustBeGreaterThan": 5}}), {}, "pass", 6),
    (Rule("r", "row_count", None, (), {"min": 7}), {}, "fail", 6),
    (Rule("r", "freshness", "月"), {"frequency": "monthly", "today": DAY}, "pass", 19),
    (Rule("r", "freshness", "月", (), {"frequency": "weekly"}), {"today": DAY}, "fail", 19),
    (Rule("r", "freshness"), {"frequency": "daily", "today": DAY, "as_of": DAY}, "pass", 0),
    (Rule("r", "freshness", "月"), {"frequency": "irregular", "today": DAY}, "not_evaluable", None),
    (Rule("r", "coverage_time", "月", (), {"step": "month"}), {}, "fail", 2),
    (Rule("r", "coverage_time", "月", (), {"step": "month", "to": "2024-02-28"}), {}, "pass", 0),
    (Rule("r", "coverage_time", "月", (), {"step": "quarter", "from": "2023-10-01"}), {}, "fail", 1),
    (Rule("r", "coverage_division", "区", (), {"values": ["南山区", "东湖区"]}), {}, "fail", 1),
    (Rule("r", "coverage_division", "区", (), {"under": "310104"}), {}, "pass", 0),
    (Rule("r", "equality", None, (), {"table": "别表"}), {}, "fail", 3),
    (
        Rule("r", "equality", "元", (), {"table": "别表", "measure": "sum", "other_column": "金额"}),
        {},
        "pass",
        0,
    ),
    (Rule("r", "equality", None, (), {"table": "没有"}), {}, "not_evaluable", None),
    (Rule("r", "sql", None, (), {"query": "SELECT sum(号) FROM object", "must": {"mustBe": 16}}), {}, "pass", 16),
    (
        Rule(
            "r",
            "sql",
            None,
            (),
            {"query": "SELECT count(*) FROM {object} WHERE 月 < DATE '2024-02-02'", "must": {"mustBeLessThan": 2}},
        ),
        {},
        "fail",
        2,
    ),
    (Rule("r", "sql", None, (), {"query": "SELECT max(元) FROM t WHERE 号 > 9", "must": {"mustBe": 0}}), {}, "not_evaluable", None),
    (Rule("r", "drift", "元"), {}, "not_evaluable", None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "context", "state", "measured"), CASES, ids=[f"{c[0].kind}-{n}" for n, c in enumerate(CASES)])  # fmt: skip
def test_a_rule_of_the_whole_table_measures_and_judges(engine, tmp_path, rule, context, state, measured):
    result = run(engine, tmp_path, rule, **context)
    assert (result.state, result.measured) == (state, measured if measured is None else pytest.approx(measured))
    assert bool(result.why) == (state == "not_evaluable")


def test_a_value_that_the_other_table_has_not_is_found(engine, tmp_path):
    rule = Rule("r", "reference", "号", (), {"table": "别表", "columns": ["编号"]})
    result = run(engine, tmp_path, rule)
    assert (result.checked, result.failed, result.rows) == (5, 2, [4, 6])


def test_a_condition_is_three_valued(engine, tmp_path):
    result = run(engine, tmp_path, Rule("r", "condition", None, (), {"condition": "号 < 4 OR 区 = '北海区'"}))
    # row 4 has no district: it can't be told; row 5 has no number but the right district
    assert (result.checked, result.failed, result.unknown, result.rows) == (5, 1, 1, [6])


@pytest.mark.parametrize(("shift", "state"), [(0, "pass"), (400, "fail")], ids=["same", "moved"])
def test_a_distribution_is_held_against_the_last_version(engine, tmp_path, shift, state):
    before = stage(engine, tmp_path, {"值": [str(n % 500) for n in range(1000)], "类": ["甲", "乙"] * 500})
    now = stage(
        engine,
        tmp_path,
        {"值": [str((n * 7) % 500 + shift) for n in range(1000)], "类": ["甲", "乙" if not shift else "丙"] * 500},
    )
    fields = [Field("值", "int64"), Field("类")]
    results = run_checks(
        engine, now, fields, [Rule("n", "drift", "值"), Rule("t", "drift", "类")], context=Context(previous=before)
    ).results
    assert [result.state for result in results] == [state, state]


@pytest.mark.parametrize(("way", "failed"), [("beyond_first", 3), ("groups", 2), ("all_rows", 5)])
def test_how_repeated_rows_are_counted_is_named(engine, tmp_path, way, failed):
    table = stage(engine, tmp_path, {"甲": ["a", "A", "a", "b", "b", "c", ""]})
    run = run_checks(engine, table, [Field("甲")], [Rule("u", "unique", "甲", (), {"count": way})])
    result = run.results[0]
    assert (result.failed, result.groups, result.rows_total, result.checked, result.counting) == (failed, 2, 5, 6, way)
    assert "2 个值重复，除每个值的第一行外 3 行" in run.findings[0].message


def test_a_key_of_two_columns(engine, tmp_path):
    table = stage(engine, tmp_path, {"甲": ["a", "a", "ab", "a"], "乙": ["b", "b", "", "c"]})
    result = run_checks(engine, table, [Field("甲"), Field("乙")], [Rule("u", "unique", None, ("甲", "乙"))]).results[0]
    assert (result.checked, result.failed, result.rows) == (3, 1, [1, 2])


@pytest.mark.parametrize(
    ("must", "unit", "state"),
    [({"mustBeLessOrEqualTo": 2}, "rows", "pass"), ({"mustBe": 1}, "rows", "fail"), ({"mustBeLessThan": 50}, "percent", "fail"),
     ({"mustBeBetween": [50, 60]}, "percent", "pass")],
)  # fmt: skip
def test_a_rule_may_be_broken_so_many_times(engine, tmp_path, must, unit, state):
    table = stage(engine, tmp_path, {"甲": ["a", "", "", "b"]})
    run = run_checks(engine, table, [Field("甲")], [Rule("n", "not_null", "甲", (), {"must": must, "unit": unit})])
    assert (run.results[0].state, run.results[0].failed) == (state, 2)
    assert bool(run.findings) == (state == "fail")


def test_values_of_a_code_list_and_retired_ones(engine, tmp_path):
    table = stage(engine, tmp_path, {"码": ["310104", "310108", "999999", "", "３１０１０４"]})
    rule = Rule("c", "in_set", "码", (), {"code_list": "行政区划", "version": "2023"})
    known, retired = run_checks(engine, table, [Field("码")], [rule]).results
    assert (known.rule.kind, known.failed, known.rows) == ("in_set", 1, [3])
    assert (retired.rule.kind, retired.failed, retired.rows) == ("retired", 1, [2])
    assert run_checks(engine, table, [Field("码")], [Rule("c", "in_set", "码", (), {"code_list": "行政区划", "version": "2010"})]).results[0].failed == 1  # fmt: skip


def test_a_field_has_a_code_list_of_its_own(engine, tmp_path):
    table = stage(engine, tmp_path, {"态": ["1", "2", "3"]})
    rule = Rule("c", "in_set", "态", (), {"code_list": "dictionary"})
    assert run_checks(engine, table, [Field("态", codes={"1": "开", "2": "关"})], [rule]).results[0].rows == [3]


def test_code_lists_have_versions():
    assert code_list("GB/T 4754").codes["C"] == "制造业"
    assert "310108" in code_list("行政区划", "2014").codes
    for name, version in (("GB/T 0", None), ("GB/T 4754", "1984"), ("行政区划", "去年")):
        with pytest.raises(ValueError, match=r"没有|年份"):
            code_list(name, version)


WRONG = [
    Rule("r", "in_set", "号", (), {"code_list": "GB/T 0"}),
    Rule("r", "in_set", "号", (), {"values": []}),
    Rule("r", "range", "月", (), {"min": "去年"}),
    Rule("r", "range", "号"),
    Rule("r", "length", "区", (), {"max": -1}),
    Rule("r", "pattern", "区", (), {"pattern": "(?=a)"}),
    Rule("r", "pattern", "区", (), {"pattern": "(a)\\1"}),
    Rule("r", "row_count"),
    Rule("r", "row_count", None, (), {"must": {"mustRhyme": 1}}),
    Rule("r", "not_null", "区", (), {"must": {"mustBeBetween": [3, 1]}}),
    Rule("r", "not_null", "区", (), {"must": {"mustBe": 1}, "unit": "furlongs"}),
    Rule("r", "unique", "区", (), {"count": "some"}),
    Rule("r", "coverage_time", "月", (), {"step": "fortnight"}),
    Rule("r", "coverage_division", "区"),
    Rule("r", "reference", "号", (), {"table": "别表", "columns": ["没有"]}),
    Rule("r", "equality", None, (), {"table": "别表", "measure": "shape"}),
    Rule("r", "freshness", None, (), {"frequency": "hourly"}),
    Rule("r", "sql", None, (), {"query": "DROP TABLE object", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT 1 FROM object; SELECT 2", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT count(*) FROM read_csv('/etc/passwd')", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT getenv('HOME') FROM object", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT count(*) FROM object a, object b", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT count(*) FROM main.object", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT 区 FROM object", "must": {"mustBe": 0}}),
    Rule("r", "sql", None, (), {"query": "SELECT 无 FROM object", "must": {"mustBe": 0}}),
    Rule("r", "condition", None, (), {"condition": "1 = 1) OR (SELECT 1"}),
    Rule("r", "condition", None, (), {"condition": "号 > (SELECT 1)"}),
]  # fmt: skip


@pytest.mark.parametrize("rule", WRONG, ids=[f"{rule.kind}-{n}" for n, rule in enumerate(WRONG)])
def test_a_wrong_rule_is_named_and_stops_no_other(engine, tmp_path, rule):
    context = Context(tables={"别表": stage(engine, tmp_path, OTHER)})
    table = stage(engine, tmp_path, TABLE)
    results = run_checks(engine, table, FIELDS, [rule, Rule("n", "not_null", "号")], context=context).results
    assert (results[0].state, results[1].state) == ("not_evaluable", "fail")
    assert results[0].why


def test_sql_asks_the_contracts_own_table_only(engine, tmp_path):
    table = stage(engine, tmp_path, TABLE)
    for name, state in (("登记", "pass"), ("别的", "not_evaluable")):
        rule = Rule("r", "sql", None, (), {"query": f"SELECT count(*) FROM {name}", "must": {"mustBe": 6}})
        assert run_checks(engine, table, FIELDS, [rule], context=Context(name="登记")).results[0].state == state


def test_the_mask_says_which_row_breaks_which_rule(engine, tmp_path):
    table = stage(engine, tmp_path, TABLE)
    rules = [
        Rule("n", "not_null", None, ("号", "区")),
        Rule("t", "type", "元"),
        Rule("u", "unique", "号"),
        Rule("c", "condition", None, (), {"condition": "号 < 7"}),
    ]
    path = tmp_path / "mask.parquet"
    run = run_checks(engine, table, FIELDS, rules, mask=path)
    plain = run_checks(engine, table, FIELDS, rules)
    assert run.results == plain.results
    for result in run.results:
        found = [row for some in masks.rows_of(path, result.rule.id, result.column) for row in some]
        assert found == result.rows
    with pytest.raises(KeyError):
        next(masks.rows_of(path, "x", None))


def test_a_mask_of_many_rules_has_many_words(engine, tmp_path):
    columns = {f"列{n}": ["a", "" if n % 7 == 0 else "b"] for n in range(200)}
    path = tmp_path / "mask.parquet"
    table = stage(engine, tmp_path, columns)
    rule = Rule("n", "not_null", None, tuple(columns))
    run_checks(engine, table, [Field(name) for name in columns], [rule], mask=path)
    wrong = [name for name in columns if any(masks.rows_of(path, "n", name))]
    assert wrong == [f"列{n}" for n in range(0, 200, 7)]


def test_a_typed_table_is_checked_as_it_is(engine, tmp_path):
    text = stage(engine, tmp_path, TABLE | {"元": ["1.5", "2.5", "nan", "", "inf", "-1"]})
    table = text.mutate(号=text["号"].cast("int64"), 月=text["月"].try_cast("date"), 元=text["元"].cast("float64"))
    rules = [
        Rule("n", "not_null", "号"),
        Rule("r", "range", "元", (), {"min": 0, "max": 100}),
        Rule("d", "date_format", "月", (), {"form": "2019-07-08"}),
        Rule("u", "unique", "号"),
        Rule("l", "length", "号", (), {"max": 1}),
        Rule("w", "whitespace", "号"),
    ]
    found = {result.rule.id: result for result in run_checks(engine, table, FIELDS, rules).results}
    assert not [result.why for result in found.values() if result.why]
    assert found["n"].rows == [5]
    # NaN can't be told, infinity is out of range
    assert (found["r"].rows, found["r"].unknown, found["r"].checked) == ([5, 6], 1, 4)
    assert (found["u"].rows, found["l"].failed, found["w"].failed) == ([2, 3], 0, 0)


@pytest.mark.parametrize(
    ("cells", "states"),
    [
        ([], {"n": "not_evaluable", "p": "not_evaluable", "u": "not_evaluable", "d": "not_evaluable", "c": "fail"}),
        ([None, None], {"n": "fail", "p": "not_evaluable", "u": "not_evaluable", "d": "fail", "c": "pass"}),
        (["🈶", "👩\u200d👩\u200d👧", "\u202e", "'; DROP"], {"n": "pass", "p": "fail", "u": "pass", "d": "pass", "c": "pass"}),
    ],
    ids=["empty", "nulls", "emoji"],
)  # fmt: skip
def test_tables_of_nothing_and_of_odd_things_are_judged(duckdb_engine, tmp_path, cells, states):
    table = ibis.memtable(
        pa.table({"_row": pa.array(range(1, len(cells) + 1), pa.int64()), "甲": pa.array(cells, pa.string())})
    )
    rules = [
        Rule("n", "not_null", "甲"),
        Rule("p", "pattern", "甲", (), {"pattern": "^x"}),
        Rule("u", "unique", "甲"),
        Rule("d", "row_duplicate"),
        Rule("c", "row_count", None, (), {"min": 1}),
    ]
    for mask in (None, tmp_path / "mask.parquet"):
        run = run_checks(duckdb_engine, table, [Field("甲")], rules, mask=mask)
        assert {result.rule.id: result.state for result in run.results} == states
        assert not [result.why for result in run.results if result.why]
