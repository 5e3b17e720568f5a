"""Columns made by a generator of its own are recognised, look-alikes are not, and the probability means what it says."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, defaultdict

import pytest

from gongshu.tables.classify import classify
from gongshu.tables.semantic import SemanticType, hookimpl, semantic_types
from gongshu.tables.semantic.evidence import gather
from gongshu.tables.semantic.recognition import judge, recognise
from gongshu.tables.semantic.types import register, unregister
from tests import columnsets
from tests.staging import stage


def judged(engine, folder, columns):
    """Each column judged alone: header, expected code, answer."""
    rows = max(len(column.values) for column in columns)
    table = {f"k{n}": [*c.values, *[""] * (rows - len(c.values))] for n, c in enumerate(columns)}
    answers = []
    for name, evidence in gather(engine, stage(engine, folder, table), rows):
        column = columns[int(name[1:])]
        evidence.column = column.header
        answers.append((column, judge(evidence)))
    return answers


@pytest.fixture(scope="module")
def usual(engine, tmp_path_factory):
    sets = itertools.chain.from_iterable(columnsets.column_set(seed) for seed in (9101, 9102, 9103))
    return judged(engine, tmp_path_factory.mktemp("usual"), list(sets))


def test_types_are_told_apart(usual):
    right, wrong, missed = Counter(), Counter(), Counter()
    for column, answer in usual:
        if answer.code == column.code:
            right[column.code] += bool(column.code)
        else:
            missed[column.code] += bool(column.code)
            wrong[answer.code] += bool(answer.code)
    f1 = 2 * right.total() / (2 * right.total() + wrong.total() + missed.total())
    assert f1 >= 0.98, (missed, wrong)
    assert len({column.code for column, _ in usual if column.code}) >= 60


def test_no_identity_is_missed(usual):
    assert [(c.header, c.code, a.code) for c, a in usual if c.identity and a.code != c.code] == []


def test_identities_are_found_under_vague_names_in_dirt(engine, tmp_path):
    columns = list(itertools.chain.from_iterable(columnsets.hard_set(seed) for seed in range(9200, 9212)))
    answers = judged(engine, tmp_path, columns)
    assert [(c.header, c.values, c.code, a.code) for c, a in answers if a.code != c.code] == []


@pytest.mark.parametrize(
    ("header", "values", "code"),
    [
        # a few numbers, every one in an allotted segment, though the name speaks of serials
        ("序列号", ["18308147990", "19511283462", "见附件", "15838996236", "029 45992600"], "mobile"),
        ("序列号", ["18300000001", "18300000002", "18300000003", "18300000004", "18300000005"], None),
        ("编号", ["11308147990", "19511283462", "12838996236", "18830814799"], None),
        # rare surnames, told by how given names end; vegetables begin with surnames too
        ("账号", ["郑玉珍", "NULL", "段福洋", "乔玉", "夏国峰", "易桂德", "程国娜"], "person_name"),
        ("编号", ["深圳市华科科技有限公司", "陈国洋", "武峰子", "吕伟", "石文梓", "白英强"], "person_name"),
        ("列1", ["胡萝卜", "马铃薯", "金桔", "石榴", "毛豆", "黄瓜", "白菜"], None),
        # three of four right check digits are no accident, one of two is
        ("列1", ["6222025384425518852", "43280552965142305", "6222021234567894", "5240949772155546174"], "bank_card"),
        (
            "编号",
            ["69683962976732427", "6222025384425518852", "6222021234567894", "5240949772155546174", "4111111111111111"],
            "bank_card",
        ),
        ("备注", ["31010419491025841", "无", "G70756650"], None),
        # the last character is lost, and the name says what it was
        ("证件号码", ["31010419491025841", "不详", "G70756650"], "resident_id"),
    ],
)
def test_a_few_dirty_values_under_a_name_that_says_nothing(duckdb_engine, tmp_path, header, values, code):
    [(_, answer)] = judged(duckdb_engine, tmp_path, [columnsets.Column(header, values, code, False, False)])
    assert answer.code == code, answer


def test_the_probability_is_how_often_the_answer_is_right(engine, usual, tmp_path):
    columns = list(itertools.chain.from_iterable(columnsets.misleading_set(seed) for seed in (9301, 9302, 9303)))
    answers = [*usual, *judged(engine, tmp_path, columns)]
    bins = defaultdict(list)
    for column, answer in answers:
        bins[round(answer.probability * 10)].append((answer.probability, answer.code == column.code))
    gap = sum(abs(sum(p for p, _ in each) - sum(right for _, right in each)) for each in bins.values())
    assert gap / len(answers) < 0.04


def test_a_birthday_and_a_sex_are_told_by_the_ids_beside_them(engine, tmp_path):
    r = random.Random(11)
    ids = [columnsets.resident(r) for _ in range(80)]
    columns = {
        "a": ids,
        "b": [f"{i[6:10]}/{int(i[10:12])}/{int(i[12:14])}" for i in ids],
        "c": ["1" if int(i[16]) % 2 else "2" for i in ids],
        "d": [f"{columnsets.day(r, 2020, 2024)}" for _ in ids],
    }
    found = recognise(engine, stage(engine, tmp_path, columns), 80)[0]
    assert [found[name].code for name in columns] == ["resident_id", "birth_date", "sex", "date"]
    assert found["b"].evidence[0] == "与同一行身份证号中的生日相同 100%"


def test_a_whole_scan_sees_what_a_sample_may_not(engine, tmp_path):
    r = random.Random(12)
    values = [f"{r.randint(0, 10**6)}" for _ in range(34_000)]
    values[::40] = [columnsets.resident(r) for _ in values[::40]]
    table = stage(engine, tmp_path, {"备注": values})
    sampled = recognise(engine, table, len(values))[1]["备注"]
    whole = recognise(engine, table, len(values), full=True)[1]["备注"]
    assert (sampled.sampled, whole.sampled) == (True, False)
    assert whole.filled == 34_000
    assert whole.hits("resident_18_valid") == 850


@pytest.mark.parametrize(
    "values",
    [
        [""] * 5,
        ["NaN", "inf", "-inf", "1e400", "0x10", "1,2,3"],
        ["😀", "👩‍👩‍👧‍👦", "\u202e反", "é" * 300, "\x00", "‮"],
        ["汉" * 200_000, "1" * 200_000, "a b " * 50_000],
        ["1", "二", "2020-01-01", "{}", "[1, 2]", "<a>", "'; DROP TABLE", "%s", "\\", "("],
        ["10", "10"],
    ],
    ids=["null", "not finite", "emoji", "huge", "mixed", "alike"],
)
def test_odd_values_are_no_reason_to_stop(engine, tmp_path, values):
    for header in ("", "姓名", "身份证号", "金额", "经度", "日期"):
        folder = tmp_path / (header or "none")
        folder.mkdir()
        table = stage(engine, folder, {header or "列1": values, "手机": values})
        for full in (False, True):
            found, _ = recognise(engine, table, len(values), full=full)
            assert all(math.isfinite(answer.probability) for answer in found.values())


def test_a_table_of_many_columns(duckdb_engine, tmp_path):
    table = stage(duckdb_engine, tmp_path, {f"列{n}": ["1", "2", "3"] for n in range(2_000)})
    assert len(recognise(duckdb_engine, table, 3)[0]) == 2_000


class Badges:
    """A plug-in as a city would write one: the numbers of its park attendants."""

    @hookimpl
    def gongshu_semantic_types(self) -> list[SemanticType]:
        return [
            SemanticType(
                code="park_badge",
                title="园林工号",
                title_en="park badge",
                subject="person",
                example="YL-0001-7",
                source="公输市园林局",
                zh=("园林工号",),
                pinyin=("ylgh",),
                pattern="^YL-[0-9]{4}-[0-9]$",
                sizes=(9, 9),
                unnamed=0.9,
                level=3,
                open_type="none",
                protection={"method": "drop"},
            )
        ]


def test_a_plug_in_adds_a_type(engine, tmp_path):
    plugin = Badges()
    columns = {"ylgh": [f"YL-{n:04d}-{n % 10}" for n in range(50)], "x": [f"YL-{n:04d}-{n % 10}" for n in range(50)]}
    table = stage(engine, tmp_path, columns)
    register(plugin)
    try:
        found = recognise(engine, table, 50)[0]
        grade = classify({"ylgh": "park_badge"})[0]["ylgh"]
        assert semantic_types()["park_badge"].name == "园林工号"
        with pytest.raises(ValueError, match="already registered"):
            register(plugin)
    finally:
        unregister(plugin)
    assert {answer.code for answer in found.values()} == {"park_badge"}
    assert found["ylgh"].evidence == ("园林工号格式 100%",)
    assert (grade.level, grade.open_type, grade.subject, grade.protection.method) == (3, "none", "person", "drop")
    assert "park_badge" not in semantic_types()
    assert recognise(engine, table, 50)[0]["x"].code is None
