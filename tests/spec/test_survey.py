"""Rules, statistics and recognition out of one scan say what they say by themselves."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from gongshu.tables import checks, statistics
from gongshu.tables.checks import run_checks
from gongshu.tables.contract import Field, Rule
from gongshu.tables.semantic.recognition import recognise
from gongshu.tables.statistics import column_statistics
from gongshu.tables.survey import survey
from tests.staging import stage

NAMES = ["王伟", "李娜", "张敏", "刘洋", "陈静", "王伟", "", "无"] * 10
COLUMNS = {
    "姓名": NAMES,
    "卡号": [f"62220200000{n:05d}" for n in range(79)] + ["6222020000000000"],
    "生日": ["1990-01-02", "1990/1/3", "x", ""] * 20,
    "数": [str(n % 7) for n in range(80)],
    "b0": [f"h{n}" for n in range(80)],
}
FIELDS = [Field("姓名"), Field("卡号"), Field("生日", "date"), Field("数", "int64"), Field("b0")]
RULES = [
    Rule("n", "not_null", "姓名"),
    Rule("d", "check_digit", "卡号", (), {"type": "bank_card"}),
    Rule("f", "date_format", "生日", (), {"form": "2019-07-08"}),
    Rule("r", "range", "数", (), {"max": 5}),
    Rule("u", "unique", "卡号"),
]


@pytest.mark.parametrize(
    "rules", [RULES, RULES[4:], [*RULES, Rule("p", "pattern", "姓名", (), {"pattern": "a{1001}"})]]
)
def test_a_survey_says_what_its_parts_say(engine, tmp_path, rules):
    table, types = stage(engine, tmp_path, COLUMNS), {field.name: field.storage_type for field in FIELDS}
    with patch.object(checks, "MANY_ROWS", 0), patch.object(statistics, "CELLS_AT_ONCE", 0):  # as a large one
        found = survey(engine, table, FIELDS, rules, mask=tmp_path / "mask.parquet")
        assert found.statistics == column_statistics(engine, table, types)
    assert found.quality.results == run_checks(engine, table, FIELDS, rules).results
    assert found.semantic == recognise(engine, table.select("_row", *types), 80)[0]
    assert found.statistics["卡号"].top == [("6222020000000000", 2)]
