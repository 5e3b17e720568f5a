"""Contracts are valid ODCS v3.1.0 and come back as they were written."""

import re

import pyodcs
import pytest

from gongshu.tables.contract import Contract, Field, Protection, Rule, dump_contract, load_contract
from gongshu.tables.errors import TableError

FULL = Contract(
    name="shi_fa_ren",
    title="法人登记",
    title_en="Registered legal persons",
    summary="全市法人登记信息。",
    summary_en="Legal persons registered in the city.",
    provider="市市场监管局",
    topic="信用服务",
    licence="CC-BY-4.0",
    update_frequency="daily",
    keywords=["法人", "登记"],
    level=3,
    open_type="conditional",
    synthetic=True,
    source_note="演示数据",
    id="a1",
    version="1.2.0",
    status="active",
    contact="数据热线 12345",
    reading={"encoding": "gb18030", "header_rows": [3]},
    fields=[
        Field(
            "信用代码",
            title="统一社会信用代码",
            required=True,
            unique=True,
            primary_key=True,
            semantic_type="credit_code",
        ),
        Field(
            "成立日期", "date", title_en="Founded on", description_en="day", description="日期", subject="organisation"
        ),
        Field(
            "手机",
            semantic_type="mobile",
            probability=0.97,
            level=4,
            open_type="none",
            subject="person",
            protection=Protection("mask", {"keep_first": 3, "keep_last": 4}),
        ),
        Field("状态", codes={"01": "存续", "02": "注销"}),
        Field("资本", "decimal", unit="万元"),
        Field("位置", "geometry"),
        Field("人数", "int64"),
    ],
    rules=[
        Rule("信用代码不重复", "unique", "信用代码", (), {}, "030400"),
        Rule("r2", "pattern", "手机", (), {"pattern": "^1[3-9][0-9]{9}$"}, "010102", "warning"),
        Rule("r3", "cross_field", None, ("成立日期", "状态"), {"operator": "<="}, "040202"),
        Rule("r4", "not_null", "没有的列", (), {}, "020100"),
    ],
)


def test_a_contract_comes_back_as_it_was_written():
    for contract in (FULL, Contract("空", id="empty")):
        if contract.fields:
            expected = sorted(contract.rules, key=lambda rule: rule.id)
            read = load_contract(dump_contract(contract))
            assert sorted(read.rules, key=lambda rule: rule.id) == expected
            read.rules = contract.rules
            assert read == contract
        else:
            assert load_contract(dump_contract(contract)) == contract


def test_a_chinese_name_gets_an_ascii_id_always_the_same():
    first, second = (load_contract(dump_contract(Contract("企业登记", fields=[Field("a")]))).id for _ in range(2))
    assert first == second
    assert pyodcs.is_valid(pyodcs.parse_and_validate(dump_contract(Contract("企业登记", fields=[Field("a")]))))


def test_what_we_write_is_valid_odcs():
    report = pyodcs.parse_and_validate(dump_contract(FULL))
    assert pyodcs.is_valid(report), report


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "c.odcs.yaml"
    path.write_text(dump_contract(FULL), encoding="utf-8")
    assert load_contract(path).title == "法人登记"
    assert load_contract(str(path)).title == "法人登记"


HAND_WRITTEN = """
apiVersion: v3.1.0
kind: DataContract
id: schools
version: 0.1.0
status: draft
schema:
  - name: schools
    properties:
      - name: code
        logicalType: integer
        quality:
          - {metric: nullValues, mustBe: 0}
          - {metric: duplicateValues, mustBe: 0}
          - {type: custom, engine: soda, implementation: "checks for schools"}
          - {metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0}
"""


def test_a_contract_written_by_hand_is_understood():
    contract = load_contract(HAND_WRITTEN)
    assert contract.name == "schools"
    assert contract.fields == [Field("code", "int64")]
    assert [rule.kind for rule in contract.rules] == ["not_null", "unique", "foreign", "in_set"]
    assert contract.rules[3].params == {"values": ["1", "2"]}
    assert "checks for schools" in dump_contract(contract)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: &x [1]\nb: *x\n", "contract_yaml", None),
        ("a: 1\na: 2\n", "contract_yaml", None),
        ("- 1\n- 2\n", "contract_yaml", None),
        ("!!python/object/apply:os.system ['true']\n#\n", "contract_yaml", None),
        ("[" * 5000 + "\n", "contract_yaml", None),
        ("apiVersion: v2.2.2\n\n", "contract_version", "apiVersion"),
        ("apiVersion: v3.1.0\nschema: []\n", "contract_tables", "schema"),
        (HAND_WRITTEN.replace("integer", "whole"), "contract_invalid", "code.logicalType"),
        (HAND_WRITTEN + "      - name: code\n", "contract_repeated", "code"),
        (
            HAND_WRITTEN + "      - {name: d, customProperties: [{property: level, value: 7}]}\n",
            "contract_invalid",
            "d.level",
        ),
        (
            HAND_WRITTEN + "      - {name: d, customProperties: [{property: codes, value: {01: x}}]}\n",
            "contract_code",
            "d.codes",
        ),
        (
            HAND_WRITTEN + "      - {name: d, customProperties: [{property: protection, value: {method: veil}}]}\n",
            "contract_invalid",
            "d.protection.method",
        ),
        (HAND_WRITTEN + "      - {businessName: d}\n", "contract_missing", "schema[0].properties[2].name"),
        (HAND_WRITTEN + "#" * 5_000_000, "contract_too_large", None),
    ],
)
def test_a_wrong_contract_says_where(text, code, place):
    with pytest.raises(TableError) as caught:
        load_contract(text)
    assert caught.value.code == code
    assert caught.value.where.get("place") == place


def test_a_missing_file_is_said():
    with pytest.raises(TableError, match="读不到契约文件"):
        load_contract("nowhere.yaml")


QUALITY = """
apiVersion: v3.1.0
kind: DataContract
id: t
name: t
version: 1.0.0
status: active
schema:
  - name: t
    logicalType: object
    properties:
      - name: code
        logicalType: string
        quality:
          - {metric: nullValues, mustBe: 0}
          - {metric: missingValues, arguments: {missingValues: [null, "", N/A]}, mustBeLessThan: 5, unit: percent}
          - {metric: invalidValues, arguments: {validValues: [a, b]}, mustBe: 0}
          - {metric: invalidValues, arguments: {pattern: "^[a-z]$"}, mustBeLessOrEqualTo: 3}
          - {metric: duplicateValues, mustBe: 0}
    quality:
      - {metric: duplicateValues, arguments: {properties: [code]}, mustBe: 0}
      - {metric: rowCount, mustBeBetween: [1, 10]}
      - {type: sql, query: "SELECT count(*) FROM {object}", mustBeGreaterThan: 0}
"""


def test_the_metrics_of_the_library_are_rules_and_written_back():
    contract = load_contract(QUALITY)
    said = [(rule.kind, rule.column, rule.columns, rule.params) for rule in contract.rules]
    assert said == [
        ("not_null", "code", (), {}),
        ("not_null", "code", (), {"must": {"mustBeLessThan": 5}, "unit": "percent", "missing": ["N/A"]}),
        ("in_set", "code", (), {"values": ["a", "b"]}),
        ("pattern", "code", (), {"must": {"mustBeLessOrEqualTo": 3}, "pattern": "^[a-z]$"}),
        ("unique", "code", (), {}),
        ("unique", None, ("code",), {}),
        ("row_count", None, (), {"must": {"mustBeBetween": [1, 10]}}),
        ("sql", None, (), {"query": "SELECT count(*) FROM {object}", "must": {"mustBeGreaterThan": 0}}),
    ]
    text = dump_contract(contract)
    assert load_contract(text).rules == contract.rules
    assert {"nullValues", "invalidValues", "duplicateValues", "rowCount"} <= set(re.findall(r"metric: (\w+)", text))


@pytest.mark.parametrize(
    ("was", "wrong"),
    [
        ("metric: rowCount", "metric: rowCuont"),
        ("mustBeBetween: [1, 10]", "mustBeBetween: [10, 1]"),
        ("mustBeBetween: [1, 10]", "mustBeBetween: many"),
        ("mustBeBetween: [1, 10]", "mustRhyme: 1"),
        ("{metric: nullValues, mustBe: 0}", "{metric: nullValues}"),
        ("unit: percent", "unit: furlongs"),
        ("arguments: {validValues: [a, b]}, ", ""),
        ('query: "SELECT count(*) FROM {object}", ', ""),
    ],
)
def test_a_wrong_quality_entry_is_named(was, wrong):
    assert was in QUALITY
    with pytest.raises(TableError, match="quality"):
        load_contract(QUALITY.replace(was, wrong))
