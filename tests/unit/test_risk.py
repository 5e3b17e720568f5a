"""`gongshu risk`: files measured before and after protection, and against what an attacker may hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gongshu.cli import build_app
from gongshu.tables.assessment import assess_risk
from gongshu.tables.contract import Contract, Field, Protection, dump_contract
from gongshu.tables.errors import TableError


@pytest.fixture
def people(tmp_path: Path) -> Path:
    rows = [f"{('男', '女')[n % 2]},{1950 + n % 40}-01-0{1 + n % 9},病{n % 7}" for n in range(400)]
    path = tmp_path / "人员.csv"
    path.write_text("性别,出生日期,诊断\n" + "\n".join(rows), encoding="utf-8")
    return path


def contract() -> Contract:
    fields = [
        Field("性别", semantic_type="sex", level=2),
        Field("出生日期", "date", semantic_type="birth_date", level=3, protection=Protection("drop")),
        Field("诊断", semantic_type="diagnosis", level=4, subject="person"),
    ]
    return Contract("people", title="人员", fields=fields)


def test_a_file_is_measured_before_and_after_its_contract(people):
    found = assess_risk(people, contract=contract())
    assert found["quasi_identifiers"] == ["性别", "出生日期"] and found["before"]["k"] < 10
    assert (found["after"]["quasi_identifiers"], found["after"]["k"], found["after"]["l"]) == (
        ["性别"],
        200,
        {"诊断": 7},
    )
    assert found["over"] == []


def test_what_joining_a_register_tells(people, tmp_path):
    register = tmp_path / "名册.csv"
    register.write_text("姓名,性别,出生日期\n王一,男,1950-01-01\n李二,女,1951-01-02\n", encoding="utf-8")
    link = assess_risk(people, by=["性别", "出生日期"], against=register)["linkage"]
    assert link["columns"] == ["性别", "出生日期"] and 0 < link["linked"] < 10 and link["unique"] >= 0
    hidden = assess_risk(people, contract=contract(), against=register)["linkage"]
    assert (hidden["columns"], hidden["linked"]) == (["性别"], 400) and hidden["journalist_max"] == 0.005
    other = tmp_path / "别的.csv"
    other.write_text("地名,长度\n甲,1\n乙,2\n", encoding="utf-8")
    with pytest.raises(TableError, match="列名"):
        assess_risk(people, by=["性别"], against=other)
    with pytest.raises(TableError, match="--by"):
        assess_risk(other)


def test_the_command_tells_and_refuses(people, tmp_path):
    (tmp_path / "契约.yaml").write_text(dump_contract(contract()), encoding="utf-8")
    run = CliRunner().invoke
    said = run(build_app(), ["risk", str(people), "--contract", str(tmp_path / "契约.yaml"), "--against", str(people)])
    assert said.exit_code == 0 and "没有超过门限" in said.output and "400 行连得上" in said.output
    said = run(build_app(), ["risk", str(people), "--by", "性别，出生日期", "--sensitive", "诊断", "--json"])
    found = json.loads(said.stdout)
    assert said.exit_code == 1 and found["over"][0]["measure"] == "k" and "诊断" in found["before"]["t"]
    assert run(build_app(), ["risk", str(people), "--by", "没有"]).exit_code == 1
    assert run(build_app(), ["risk", str(people), "--by", "性别", "--scene", "没有"]).exit_code == 1
    assert run(build_app(), ["risk", str(people), "--scene", "limited_partial", "--by", "性别"]).exit_code == 0
