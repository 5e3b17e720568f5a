"""The report, its JSON document, the proposed contract, the page and the command."""

from __future__ import annotations

import datetime as dt
import json
import random
from decimal import Decimal

import jsonschema
import pyodcs
import pytest
import typer
from typer.testing import CliRunner

import gongshu as gs
from gongshu.cli.inspect import inspect_command
from gongshu.cli.inspect_terminal import WIDTH, _width
from gongshu.tables.contract import dump_contract, load_contract
from gongshu.tables.errors import TableError
from gongshu.tables.inspection import inspect_files
from gongshu.tables.report import json_value
from gongshu.tables.report_html import report_html
from gongshu.tables.report_schema import inspect_schema

SECRET = "11010519491231002X"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A small register of invented persons with dirt, in GB18030."""
    r = random.Random(7)
    lines = ["姓名,证件号,出生日期,性别,区,登记日期,备注,"]
    for n in range(120):
        name = r.choice("王李张刘陈") + r.choice("伟芳娜敏静")
        born = f"{r.randint(1950, 2000)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}"
        when = "2019/13/45" if n == 5 else f"2020-0{r.randint(1, 9)}-1{r.randint(0, 9)}"
        lines.append(
            f"{name},{SECRET if n else '110105194912310021'},{born},{r.choice('男女')},{r.choice(['南山区', '北海区'])},{when},<script>alert({n})</script>,"
        )
    path = tmp_path_factory.mktemp("files") / "人员.csv"
    path.write_text("\r\n".join(lines) + "\r\n", encoding="gb18030")
    return path


@pytest.fixture(scope="module")
def report(people):
    return gs.inspect(people)


def test_the_document_obeys_its_schema(report):
    document = json.loads(report.to_json())
    jsonschema.Draft202012Validator(inspect_schema()).validate(document)
    table = document["files"][0]["tables"][0]
    assert (table["rows"], table["subject"], table["level"], table["open_type"]) == (120, "person", 4, "none")
    assert {rule["id"] for rule in table["rules"]} >= {
        finding["rule"] for finding in table["findings"] if finding["kind"][:6] != "header"
    }


def test_what_was_said_can_be_said_again_in_english(report):
    english = report.translations("en")
    (bad,) = {bad.why for bad in report.tables[0].quarantined}
    evidence = {text for column in report.tables[0].columns for text in column.semantic.evidence}
    rules = {rule.evidence for rule in report.tables[0].rules}
    assert evidence | rules | {bad} == set(english)
    assert not [said for said in english.values() if any("一" <= letter <= "鿿" for letter in said)]


def test_bad_cells_are_quarantined_with_row_value_and_reason(report):
    bad = report.tables[0].quarantined
    assert [(entry.row, entry.column, entry.value) for entry in bad] == [(6, "登记日期", "2019/13/45")]


def test_a_wrong_check_digit_is_a_finding_with_its_row(report):
    finding = next(finding for finding in report.tables[0].findings if finding.kind == "check_digit")
    assert (finding.column, finding.rows) == ("证件号", [1])


def test_the_evidence_is_counted_over_the_whole_column(report):
    column = next(column for column in report.tables[0].columns if column.name == "证件号")
    assert column.semantic.evidence[0] == "校验位通过 119 / 120"


def test_every_suggested_rule_says_why_with_figures_of_the_file(tmp_path):
    r = random.Random(11)
    lines = ["编号,区,床位,登记日期,撤销日期"]
    for n in range(1, 401):
        district = "" if n <= 8 else "南山区" if n % 3 else "北海区"
        first = dt.date(2020, 1, 1) + dt.timedelta(n)
        last = first - dt.timedelta(1) if n <= 4 else first + dt.timedelta(30)
        lines.append(f"{n},{district},{r.randint(3, 90)},{first},{last}")
    path = tmp_path / "床位.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    report = gs.inspect(path)
    rules = {(one.kind, one.column): one.evidence for one in report.tables[0].rules}
    assert all(rules.values()), rules
    assert rules["not_null", None] == "5 列，每列至少 98.0% 的行有值"
    assert rules["unique", "编号"] == "400 个值里有 400 种不同的"
    assert rules["in_set", "区"] == "2 种取值占了 100.00%，其余都很少"
    assert rules["cross_field", None] == "两个日期都有的 400 行里，99.0% 是这个先后"
    assert rules["range", "登记日期"] == "日期列，最早 2020-01-02，最晚 2021-02-04"
    assert "99.0% have this order" in report.translations("en")[rules["cross_field", None]]
    assert rules["unique", "编号"] in report_html(report)


def test_a_column_of_districts_holds_known_names_only(tmp_path):
    """Where rare districts hide what is wrong among them, the list of names tells it; retired names are names."""
    names = ["浦东新区"] * 60 + ["闸北区"] * 40 + ["崇明县"] * 3 + ["金山区"] * 2 + ["测试区", "浦东区", "测试区"]
    path = tmp_path / "机构.csv"
    path.write_text("名称,所在区\n" + "\n".join(f"机构{n},{name}" for n, name in enumerate(names)), encoding="utf-8")
    table = gs.inspect(path).tables[0]
    rule = next(one for one in table.rules if one.column == "所在区" and one.kind == "in_set")
    assert rule.params == {"code_list": "行政区划名称"}
    found = next(one for one in table.findings if one.rule == rule.id)
    assert (found.rows_total, set(found.examples)) == (3, {"测试区", "浦东区"})


def test_an_empty_header_is_named_and_said(report):
    assert [finding.kind for finding in report.tables[0].findings if finding.kind.startswith("header")] == [
        "header_empty"
    ]


def test_the_contract_is_valid_odcs_and_protects_persons(report):
    text = dump_contract(report.contract())
    assert pyodcs.is_valid(pyodcs.parse_and_validate(text))
    contract = load_contract(text)
    methods = {field.name: field.protection.method for field in contract.fields}
    assert (methods["姓名"], methods["证件号"], methods["出生日期"]) == ("drop", "drop", "generalise_date")
    assert contract.level == 4
    assert contract.reading["encoding"] == "gb18030"


def test_the_contract_remembers_how_a_person_had_the_file_read(people):
    report = gs.inspect(people, skip_rows=(3,), delimiter=",")
    reading = report.contract().reading
    assert reading == {"encoding": "gb18030", "header_rows": [1], "skip_rows": [3], "delimiter": ","}
    assert load_contract(dump_contract(report.contract())).reading == reading


def test_the_page_escapes_and_keeps_identities_to_itself(report):
    page = report_html(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert SECRET not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**53, 2**53),
        (2**53 + 1, str(2**53 + 1)),
        (Decimal("1.500"), "1.5"),
        (float("nan"), None),
        (float("inf"), None),
        (dt.date(2019, 7, 8), "2019-07-08"),
        (dt.datetime(2019, 7, 8, 9, 30), "2019-07-08T09:30:00+08:00"),
        (dt.time(9, 30), "09:30:00"),
        (b"\x00\xff", "AP8="),
        (True, True),
        (None, None),
    ],
)
def test_values_in_json(value, shown):
    assert json_value(value) == shown


def test_a_file_that_cannot_be_read_stops_none_of_the_others(people, tmp_path):
    empty = tmp_path / "空.csv"
    empty.write_bytes(b"")
    files = inspect_files([empty, people]).files
    assert files[0].error is not None
    assert files[0].tables == []
    assert files[1].error is None
    with pytest.raises(TableError):
        gs.inspect(empty)


# the command ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    app = typer.Typer()
    app.callback()(lambda: None)
    inspect_command(app)
    return lambda *arguments, **options: CliRunner().invoke(app, ["inspect", *map(str, arguments)], **options)


def test_json_is_all_that_stands_on_standard_output(run, people):
    answer = run(people, "--json", "--max-rows", "1")
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["files"][0]["encoding"] == "gb18030"


def test_the_terminal_keeps_to_its_width_and_to_sure_characters(run, people):
    answer = run(people)
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert all(_width(line) <= WIDTH for line in lines[: lines.index("接下来")])
    assert not set(answer.stdout) & set("│─•·—“”…→✓")
    for section in ("列", "问题", "隔离", "个人风险", "接下来"):
        assert any(line.startswith(section) for line in lines)


def test_all_shows_statistics_and_rules(run, people):
    text = run(people, "--all").stdout
    assert "\n列统计" in text
    assert "\n规则" in text


def test_files_are_written_beside(run, people, tmp_path):
    page, contract, kept = tmp_path / "r.html", tmp_path / "c.odcs.yaml", tmp_path / "q.csv"
    answer = run(people, "--html", page, "--contract", contract, "--quarantine", kept)
    assert answer.exit_code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert load_contract(contract).fields
    assert kept.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "2019/13/45" in kept.read_text(encoding="utf-8-sig")


def test_an_unreadable_file_gives_1_and_says_it_in_both_languages(run, tmp_path):
    answer = run(tmp_path / "没有.csv", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["files"][0]["error"]["code"]
    assert "错误" in answer.stderr
    assert "Error" in answer.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["--type", "x"],
        ["--type", "a=stone"],
        ["--encoding", "klingon"],
        ["--header-row", "first"],
        ["--skip-rows", "1-"],
        ["--bogus"],
    ],
)
def test_wrong_usage_gives_2(run, people, wrong):
    assert run(people, *wrong).exit_code == 2


def test_the_schema_is_printed_without_a_file(run):
    answer = run("--json-schema")
    assert answer.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(answer.stdout))


def test_options_reach_the_reader(run, people):
    answer = run(people, "--json", "--type", "登记日期=string", "--encoding", "gb18030", "--skip-rows", "3,5-6")
    table = json.loads(answer.stdout)["files"][0]["tables"][0]
    assert next(column for column in table["columns"] if column["name"] == "登记日期")["storage_type"] == "string"
    assert table["rows"] == 117


def test_control_characters_of_a_file_never_reach_the_terminal(run, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a\x1b[31m,b\n" + "1\x1b[2J,\u202e2\n" * 20, encoding="utf-8")
    text = run(path).stdout
    assert "\x1b" not in text
    assert "\u202e" not in text
