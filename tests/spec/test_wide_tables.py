"""Wide tables are looked at standing on end: what is said of them is what is said of them column by column."""

from __future__ import annotations

import csv
import random
from unittest.mock import patch

import ibis
import pyarrow as pa

from gongshu.tables import check_wide, long_form
from gongshu.tables.checks import run_checks
from gongshu.tables.contract import Field, Rule
from gongshu.tables.inspection import inspect_files


def test_a_wide_file_is_told_alike(tmp_path):
    chance = random.Random(5)
    makers = [
        lambda: chance.choice(["1", "２", " 3", "4,000", "-5", "x", "", "999999"]),
        lambda: chance.choice(["2024-01-02", "2024/1/3", "20240104", "2024-13-01", "", "2024年1月5日"]),
        lambda: chance.choice(["甲", "乙", "甲 ", "", "无", "丙"]),
        lambda: chance.choice(["13812345678", "13912345678", "138****5678", "", "x"]),
        lambda: f"{chance.random() * 100:.2f}",
        lambda: chance.choice(["浦东新区张江路1号", "徐汇区中山路2号", "涓浗", ""]),
        lambda: "",
    ]
    path = tmp_path / "wide.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([f"列{n}" for n in range(14)])
        out.writerows(
            [makers[n % 7]() if chance.random() < 0.2 or n % 7 else "7" for n in range(14)] for _ in range(450)
        )
    found = []
    for columns, fewest in ((1000, 8), (1, 1)):
        with patch.object(long_form, "WIDE", columns), patch.object(check_wide, "FEWEST", fewest):
            found.append(inspect_files([path]).to_json())
    assert found[0] == found[1]


def test_a_wrong_rule_spoils_no_other_of_a_wide_table(duckdb_engine, tmp_path):
    names = [f"c{n}" for n in range(70)]
    data = {"_row": pa.array([1, 2, 3], pa.int64())} | {name: pa.array(["a", "", "无"], pa.string()) for name in names}
    rules = [Rule("n", "not_null", None, tuple(names)), Rule("r", "range", "c1", (), {"min": 0, "max": 2**60})]
    rules += [Rule(f"p{n}", "pattern", name, (), {"pattern": "a{1001}"}) for n, name in enumerate(names[:9])]
    run = run_checks(duckdb_engine, ibis.memtable(pa.table(data)), [Field(name) for name in names], rules)
    assert [(one.column, one.rows) for one in run.results if one.rule.id == "n"] == [(name, [2]) for name in names]
    assert all(one.why for one in run.results if one.rule.kind == "pattern")
    assert next(one for one in run.results if one.rule.id == "r").unknown == 1
