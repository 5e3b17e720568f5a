"""`gongshu check`: a file against its contract, in words, as JSON, and by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from gongshu.cli import build_app
from gongshu.tables.contract import Contract, Field, Rule, dump_contract

CONTRACT = Contract(
    name="clinics",
    title="诊所名录",
    fields=[
        Field("编号", "int64", primary_key=True),
        Field("区", semantic_type="division_name"),
        Field("床位", "int64"),
    ],
    rules=[
        Rule("key", "unique", "编号"),
        Rule("beds", "range", "床位", (), {"min": 0}),
        Rule("where", "in_set", "区", (), {"values": ["徐汇区", "静安区"]}, "010500", "warning"),
    ],
)
ROWS = [(n, "徐汇区" if n % 2 else "静安区", n % 30) for n in range(1, 41)]


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "c.yaml").write_text(dump_contract(CONTRACT), encoding="utf-8")

    def run(rows: list[tuple[object, ...]], *options: str, head: str = "编号,区,床位") -> Result:
        lines = [head, *(",".join(map(str, row)) for row in rows)]
        (tmp_path / "in.csv").write_text("\n".join(lines), encoding="gb18030")
        return CliRunner().invoke(build_app(), ["check", str(tmp_path / "in.csv"), str(tmp_path / "c.yaml"), *options])

    return run


def test_a_file_that_keeps_its_contract(run):
    found = run(ROWS)
    assert found.exit_code == 0, found.output
    assert "3 条规则里 3 条合格" in found.output and "不合格" not in found.output


def test_what_is_broken_is_told_with_its_rows(run, tmp_path):
    mask = tmp_path / "mask.parquet"
    found = run([*ROWS, (40, "徐汇区", -3), (41, "[red]某区", 5)], "--mask", str(mask))
    assert found.exit_code == 1
    assert "应唯一" not in found.output and "3 条规则里 0 条合格" in found.output and "质量" in found.output
    assert set(pq.read_table(mask)["row"].to_pylist()) == {40, 41, 42}
    document = json.loads(run([*ROWS, (40, "徐汇区", -3)], "--json").stdout)
    states = {one["id"]: (one["state"], one["failed"], one["rows"]) for one in document["rules"]}
    assert states == {"key": ("fail", 1, [40, 41]), "beds": ("fail", 1, [41]), "where": ("pass", 0, [])}
    beds = next(one for one in document["columns"] if one["name"] == "床位")
    assert (beds["nulls"], beds["min"], beds["max"]) == (0, -3, 29)


def test_a_warning_alone_is_no_failure_and_a_missing_column_is_one(run):
    assert run([*ROWS, (41, "别处", 3)]).exit_code == 0
    found = run([row[:2] for row in ROWS], head="编号,区")
    assert found.exit_code == 1 and "表里没有「床位」列" in found.output
    assert (
        run(
            ROWS,
            head="编号,区,床位",
        ).exit_code
        == 0
    )


def test_a_file_that_is_not_there_is_said(tmp_path):
    (tmp_path / "c.yaml").write_text(dump_contract(CONTRACT), encoding="utf-8")
    found = CliRunner().invoke(build_app(), ["check", str(tmp_path / "none.csv"), str(tmp_path / "c.yaml")])
    assert found.exit_code == 1
