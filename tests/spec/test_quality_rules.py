"""Quality rules: what each one catches, and what it leaves alone (DB31/T 1523-2024; R3.1, R3.2)."""

from __future__ import annotations

import random

import pytest

from gongshu.tables import checks
from gongshu.tables.checks import run_checks
from gongshu.tables.contract import Field, Rule
from gongshu.tables.masks import rows_of
from gongshu.tables.scores import score
from tests.staging import stage

A_GOOD_ID = "11010519491231002X"
MOJIBAKE = "利群医院口腔科".encode().decode("gbk", "replace")

# kind, params, type of the column, cells, rows that must be found
CASES = [
    ("not_null", {}, "string", ["a", "", " ", "无"], [2, 3]),
    ("placeholder", {}, "string", ["无", "暂无", "N/A", "无锡", ""], [1, 2, 3]),
    ("whitespace", {}, "string", ["a", " a", "a　", "\u00a0a", "a b"], [2, 3, 4]),
    ("full_width", {}, "string", ["12号", "１２号", "Ａ座", "（甲）"], [2, 3]),
    ("mojibake", {}, "string", ["利群医院", MOJIBAKE, "锟斤拷", "王璐璇", "張鎮鋪", "滁州"], [2, 3]),
    ("masked", {}, "string", ["张三", "张*", "138****1234"], [2, 3]),
    ("pattern", {"pattern": "^[0-9]{3}$"}, "string", ["123", "12", "１２３", "", "无"], [2]),
    ("length", {"min": 2, "max": 3}, "string", ["一", "一二", "一二三四"], [1, 3]),
    ("type", {}, "int64", ["1", "一", "", "无"], [2]),
    ("in_set", {"values": ["01", "02"]}, "string", ["01", "03", "０２", ""], [2]),
    ("constant_broken", {"value": "上海市"}, "string", ["上海市", "上海", ""], [2]),
    ("range", {"min": 0, "max": 150}, "int64", ["0", "150", "-1", "151", "老", ""], [3, 4]),
    ("range", {"min": "2000-01-01"}, "date", ["2000/1/1", "1999年12月31日", "20000101"], [2]),
    ("range", {"max": 10}, "string", ["9", "11", "x"], [2]),
    ("format", {"form": "2019-07-08"}, "date", ["2019-07-08", "2019/7/8", "20190708", "x"], [2, 3]),
    ("format", {"type": "mobile"}, "string", ["13812345678", "+86 138-1234-5678", "12345", "021-12345678"], [3, 4]),
    (
        "check_digit",
        {"type": "resident_id"},
        "string",
        [A_GOOD_ID, A_GOOD_ID.lower(), "110105194912310021", "110105491231002", "x"],
        [3],
    ),
    ("check_digit", {"type": "credit_code"}, "string", ["91350100M000100Y43", "91350100M000100Y44", ""], [2]),
    ("check_digit", {"type": "bank_card"}, "string", ["4111 1111 1111 1111", "4111111111111112"], [2]),
    ("outlier", {"min": 0, "max": 100}, "int64", ["5", "1000"], [2]),
    ("unique", {}, "string", ["a", "b", "A", "", "", "无"], [1, 3]),
]


@pytest.mark.parametrize(
    ("kind", "params", "storage", "cells", "wrong"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_rule_finds_what_is_wrong(engine, tmp_path, kind, params, storage, cells, wrong):
    table = stage(engine, tmp_path, {"甲": cells})
    run = run_checks(engine, table, [Field("甲", storage)], [Rule("r", kind, "甲", (), params)])
    assert run.results[0].rows == wrong
    assert [finding.rows for finding in run.findings] == [wrong]


@pytest.mark.parametrize(
    ("kind", "params", "storage", "cells", "wrong"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_large_table_is_judged_alike(duckdb_engine, tmp_path, monkeypatch, kind, params, storage, cells, wrong):
    monkeypatch.setattr(checks, "MANY_ROWS", 0)
    table, rule = stage(duckdb_engine, tmp_path, {"甲": cells}), Rule("r", kind, "甲", (), params)
    for mask in (None, tmp_path / "mask.parquet"):
        assert run_checks(duckdb_engine, table, [Field("甲", storage)], [rule], mask=mask).results[0].rows == wrong


def test_a_wrong_digit_in_a_row_that_is_right_otherwise(duckdb_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "MANY_ROWS", 0)
    cells = ["4111111111111111", "4111111111111112", "", "4111 1111 1111 1111", "0004111111111111111"]
    table = stage(duckdb_engine, tmp_path, {"甲": cells, "乙": ["a", "b", "", " ", "无"], "right0": list("abcde")})
    table = table.mutate(丙=table["甲"].try_cast("int64"))
    rules = [
        Rule("d", "check_digit", "甲", (), {"type": "bank_card"}),
        Rule("n", "not_null", "乙"),
        Rule("p", "placeholder", "乙"),
        Rule("o", "in_set", "right0", (), {"values": list("abcd")}),
        Rule("i", "check_digit", "丙", (), {"type": "bank_card"}),
        Rule("l", "length", "丙", (), {"max": 16}),
        Rule("c", "cross_field", None, ("乙", "right0"), {"operator": "=="}),  # has no quick test
    ]
    fields = [Field("甲"), Field("乙"), Field("丙", "int64"), Field("right0")]
    mask = tmp_path / "mask.parquet"
    found = {result.rule.id: result for result in run_checks(duckdb_engine, table, fields, rules, mask=mask).results}
    assert {name: result.rows for name, result in found.items()} == {
        "d": [2], "n": [3, 4], "p": [5], "o": [5], "i": [2], "l": [], "c": [4, 5],
    }  # fmt: skip
    assert {name: result.checked for name, result in found.items() if name in "di"} == {"d": 4, "i": 3}
    for rule in rules:
        assert [row for some in rows_of(mask, rule.id, rule.column) for row in some] == found[rule.id].rows


PLACES = {
    "区": ["南山区"] * 30 + ["北海区"] * 30 + ["南山区", ""],
    "lon": [f"{121 + n / 1e4:.6f}" for n in range(30)]
    + [f"{122 + n / 1e4:.6f}" for n in range(30)]
    + ["122.001", "31.2"],
    "lat": [f"{31 + n / 1e4:.6f}" for n in range(60)] + ["31.003", "121.3"],
}
BOX = {"longitude": [120.5, 122.5], "latitude": [30.5, 31.5]}


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        (Rule("s", "swapped_axes", None, ("lon", "lat"), BOX), [62]),
        (
            Rule("o", "out_of_bounds", "lon", ("lon", "lat"), {"longitude": [120.5, 121.5], "latitude": [30.5, 31.5]}),
            [*range(31, 62)],
        ),
        (Rule("i", "inconsistent", None, ("区", "lon", "lat"), BOX), [61]),
    ],
    ids=["swapped", "bounds", "place"],
)
def test_points_are_judged_by_the_points_around_them(engine, tmp_path, rule, wrong):
    fields = [Field("区"), Field("lon", "float64"), Field("lat", "float64")]
    assert run_checks(engine, stage(engine, tmp_path, PLACES), fields, [rule]).results[0].rows == wrong


def test_rows_are_compared_whole_and_then_loosely(engine, tmp_path):
    columns = {
        "id": list("123456"),
        "名": ["甲（东）", "甲（东）", "甲(东) ", "乙", "乙", "丙"],
        "值": ["1.00001", "1.00001", "1.00002", "2", "3", ""],
    }
    table = stage(engine, tmp_path, columns)
    fields = [Field("id"), Field("名"), Field("值", "float64")]
    rules = [Rule(kind, kind, None, (), {"ignore": ["id"]}, "030300") for kind in ("row_duplicate", "near_duplicate")]
    same, near = run_checks(engine, table, fields, rules).results
    assert (same.rows, same.failed) == ([1, 2], 1)
    assert (near.rows, near.failed) == ([1, 3], 1)


PARTED = [  # of an ID number or a credit code: the part, its column, which rows are asked and which are wrong
    ("birth_date", "resident_id", ["310104199003078515", "310104900307851", "31010419900307 851 5", "310104199003078515", "310104199003078515", "", "待办", "31010419900307851x"],
     ["1990-03-07", "1990/3/7", "19900307", "1990-03-08", "", "1990-03-07", "1990-03-07", "1991-03-07"], 5, [4, 8]),
    ("sex", "resident_id", ["310104199003078515", "310104199003078525", "310104900307852", "310104199003078515", "310104199003078515"],
     ["男", "女性", "2", "女", "不详"], 4, [4]),
    ("organisation_code", "credit_code", ["91310000MA1FL00001", "91310000ma1fl00001", "91310000MA1FL00001", "x"],
     ["MA1FL0000", "MA1FL000-0", "MA1FL0009", "MA1FL0000"], 3, [3]),
]  # fmt: skip


@pytest.mark.parametrize(("part", "kind", "whole", "told", "asked", "wrong"), PARTED, ids=[one[0] for one in PARTED])
@pytest.mark.parametrize("many", [0, 1000], ids=["large", "small"])
def test_a_column_agrees_with_the_number_that_says_it_too(
    engine, tmp_path, monkeypatch, many, part, kind, whole, told, asked, wrong
):
    monkeypatch.setattr(checks, "MANY_ROWS", many)
    table = stage(engine, tmp_path, {"号": whole, "项": told})
    rule = Rule("a", "agrees", None, ("号", "项"), {"part": part, "type": kind}, "040202")
    fields = [Field("号"), Field("项", "date" if part == "birth_date" else "string")]
    (result,) = run_checks(engine, table, fields, [rule]).results
    assert (result.checked, result.rows) == (asked, wrong)


def test_an_end_before_its_start_is_found_and_an_unreadable_one_is_not_judged(engine, tmp_path):
    columns = {"起": ["2020-01-01", "2020-01-02", "?", "待"], "止": ["2020-01-02", "2020-01-01", "2020-01-01", "早"]}
    rule = Rule("c", "cross_field", None, ("起", "止"), {"operator": "<="}, "040202")
    result = run_checks(
        engine, stage(engine, tmp_path, columns), [Field("起", "date"), Field("止", "date")], [rule]
    ).results[0]
    assert (result.rows, result.checked, result.unknown) == ([2], 2, 1)


def test_three_states_pass_fail_and_not_evaluable(engine, tmp_path):
    table = stage(engine, tmp_path, {"年龄": ["20", "200", "很老", ""]})
    result = run_checks(
        engine, table, [Field("年龄", "int64")], [Rule("r", "range", "年龄", (), {"max": 150})]
    ).results[0]
    assert (result.checked, result.failed, result.unknown) == (2, 1, 1)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("r", "not_null", "无此列"),
        Rule("r", "lunar", "甲"),
        Rule("r", "in_set", "甲"),
        Rule("r", "unique"),
        Rule("r", "foreign", "甲"),
    ],
    ids=["column", "kind", "params", "no-column", "foreign"],
)
def test_a_rule_that_cannot_run_says_so_and_never_passes(engine, tmp_path, rule):
    run = run_checks(engine, stage(engine, tmp_path, {"甲": ["1"]}), [Field("甲")], [rule])
    assert run.results[0].why
    assert run.results[0].checked == 0
    assert run.scores["total"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        Rule("r", "pattern", "甲", (), {"pattern": "("}),
        Rule("r", "range", "甲", (), {"min": "很小"}),
        Rule("r", "format", "甲", (), {"form": "lunar"}),
        Rule("r", "format", "甲"),
        Rule("r", "check_digit", "甲", (), {"type": "mobile"}),
        Rule("r", "cross_field", "甲", (), {"operator": "<="}),
        Rule("r", "cross_field", None, ("甲", "乙"), {"operator": "~"}),
        Rule("r", "agrees", None, ("甲", "乙"), {"part": "age", "type": "resident_id"}),
        Rule("r", "agrees", None, ("甲", "乙"), {"part": "sex"}),
        Rule("r", "in_set", "甲", (), {"values": 5}),
        Rule("r", "inconsistent", None, ("甲", "乙"), {}),
    ],
    ids=lambda rule: rule.kind,
)
def test_a_rule_with_wrong_parameters_says_so_and_stops_none_of_the_others(engine, tmp_path, wrong):
    table = stage(engine, tmp_path, {"甲": ["1", ""], "乙": ["2", "3"]})
    rules = [Rule("n", "not_null", "甲"), wrong, Rule("m", "not_null", "乙")]
    run = run_checks(engine, table, [Field("甲", "int64"), Field("乙", "int64")], rules)
    results = {result.rule.id: result for result in run.results}
    assert results["r"].why
    assert (results["n"].failed, results["m"].checked) == (1, 2)


def test_a_key_that_never_repeats_spares_the_comparison_of_rows(engine, tmp_path):
    table = stage(engine, tmp_path, {"号": [str(n) for n in range(30)], "名": ["甲"] * 30})
    rules = [Rule("d", "row_duplicate"), Rule("u", "unique", "号")]
    run = run_checks(engine, table, [Field("号", "int64"), Field("名")], rules)
    assert [(result.rule.id, result.checked, result.failed) for result in run.results] == [("d", 30, 0), ("u", 30, 0)]


def test_row_numbers_are_capped_and_counts_are_not(engine, tmp_path):
    table = stage(engine, tmp_path, {"甲": ["", "1"] * 50})
    run = run_checks(engine, table, [Field("甲")], [Rule("r", "not_null", "甲")], max_rows=3)
    assert (run.findings[0].rows, run.findings[0].rows_total) == ([1, 3, 5], 50)


def test_all_row_numbers_can_be_asked_for(engine, tmp_path):
    table = stage(engine, tmp_path, {"甲": ["", "1"] * 50})
    run = run_checks(engine, table, [Field("甲")], [Rule("r", "not_null", "甲")], max_rows=10_000_000)
    assert run.findings[0].rows == [*range(1, 100, 2)]


def test_messages_hold_no_values(engine, tmp_path):
    table = stage(engine, tmp_path, {"甲": ["秘密", "1"]})
    run = run_checks(engine, table, [Field("甲", "int64")], [Rule("r", "type", "甲", (), {}, "010101")])
    assert "秘密" not in run.findings[0].message
    assert run.findings[0].examples == ["秘密"]


def test_five_repeated_rows_of_a_hundred_score_by_each_standard(engine, tmp_path):
    """R3.1: DB31/T 1523 counts 重复率 as 1 - A/B (0.95), GB/T 36344 as A/B (0.05)."""
    values = [str(n) for n in range(95)] + [str(n) for n in range(5)]
    table = stage(engine, tmp_path, {"甲": values})
    rule = Rule("r", "row_duplicate", None, (), {}, "030300")
    city = run_checks(engine, table, [Field("甲")], [rule])
    nation = run_checks(engine, table, [Field("甲")], [rule], profile="gb-t-36344-2018")
    assert city.scores["indicators"]["030300"] == {"a": 5, "b": 100, "value": 0.95, "weight": 1.0}
    assert nation.scores["indicators"]["030300"] == {"a": 5, "b": 100, "value": 0.05, "weight": 1.0}
    assert city.scores["total"] == nation.scores["total"] == 95.0


class Counted:
    """A rule of one indicator with its counts."""

    def __init__(self, code, checked, failed, severity="error"):
        self.rule, self.checked, self.failed = Rule("r", "k", None, (), {}, code, severity), checked, failed


def test_an_indicator_that_nothing_was_counted_for_gives_its_weight_to_the_others():
    answer = score([Counted("020100", 100, 10), Counted("030400", 0, 0)])
    assert answer["dimensions"] == {"02": 90.0}
    assert answer["total"] == 90.0


def test_indicators_are_pooled_within_and_averaged_above():
    answer = score(
        [
            Counted("010101", 100, 0),
            Counted("010101", 300, 200),
            Counted("010102", 10, 0),
            Counted("010500", 10, 10),
            Counted("030100", 4, 1),
        ]
    )
    # 010100 is the mean of 0.5 and 1; 01 the mean of that and 0; total the mean of 01 and 03
    assert answer["dimensions"] == {"01": 37.5, "03": 75.0}
    assert answer["total"] == 56.2
    # each metric with its share of the total; they come to 1
    weights = {code: one["weight"] for code, one in answer["indicators"].items()}
    assert weights == {"010101": 0.125, "010102": 0.125, "010500": 0.25, "030100": 0.5}


def test_counts_of_an_indicator_and_of_those_below_it_share_its_weight():
    answer = score(
        [Counted("040200", 10, 10), Counted("040202", 10, 0), Counted("040100", 10, 0), Counted("050100", 10, 5)]
    )
    weights = {code: one["weight"] for code, one in answer["indicators"].items()}
    assert weights == {"040100": 0.25, "040200": 0.125, "040202": 0.125, "050100": 0.5}
    assert answer["total"] == 100 * (0.25 + 0.125 + 0.25)


def test_a_rate_of_dirt_is_inverted_by_the_city_and_reported_plainly_by_the_nation():
    """R3.1: 脏数据出现率, like 重复率, is 1 - A/B in DB31/T 1523 and A/B in GB/T 36344; 030600 is the city's alone."""
    dirt = [Counted("030500", 200, 10), Counted("030600", 10, 5)]
    city, nation = (score(dirt, profile) for profile in ("db31-t-1523-2024", "gb-t-36344-2018"))
    assert (city["indicators"]["030500"]["value"], nation["indicators"]["030500"]["value"]) == (0.95, 0.05)
    assert ("030600" in city["indicators"], "030600" in nation["indicators"]) == (True, False)
    assert nation["total"] == 95.0


def test_mere_hints_do_not_count():
    assert score([Counted("030500", 10, 10, "info")])["total"] is None


def test_wide_tables_and_odd_names_are_checked(engine, tmp_path):
    r = random.Random(1)
    columns = {f'列 "{n}" \'a;--': [str(r.random()), ""] for n in range(60)}
    table = stage(engine, tmp_path, columns)
    run = run_checks(
        engine, table, [Field(name) for name in columns], [Rule("n", "not_null", None, tuple(columns), {}, "020100")]
    )
    assert len(run.findings) == 60
