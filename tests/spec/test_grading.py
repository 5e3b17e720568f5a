"""Levels, open types and subjects proposed by the default rulebook (rules.md 2; 上海市数据条例 Art 41; R2.4)."""

from __future__ import annotations

import itertools

import pytest

from gongshu.rulebooks import rulebook
from gongshu.tables.classify import classify, grade_by_impact
from gongshu.tables.contract import OPEN_TYPES
from gongshu.tables.identifiers import quasi_identifiers
from gongshu.tables.risk import disclosure_risk
from tests.staging import stage


@pytest.mark.parametrize(
    ("types", "subject", "level", "open_type"),
    [
        ({"站": None, "经度": "longitude"}, "object", 1, "unconditional"),
        ({"名称": "organisation_name", "代码": "credit_code"}, "organisation", 1, "unconditional"),
        ({"名称": "organisation_name", "法人": "person_name"}, "mixed", 4, "none"),
        ({"姓名": "person_name", "年级": None}, "person", 4, "none"),
        ({"性别": "sex", "年级": None}, "person", 2, "conditional"),
        ({}, "object", 1, "unconditional"),
    ],
)
def test_a_table_takes_the_highest_level_of_its_fields(types, subject, level, open_type):
    grade = classify(types)[1]
    assert (grade.subject, grade.level, grade.open_type) == (subject, level, open_type)


def test_unknown_columns_of_a_table_about_persons_describe_the_person():
    fields, _ = classify({"姓名": "person_name", "年级": None})
    assert (fields["年级"].level, fields["年级"].open_type, fields["年级"].subject) == (2, "conditional", "person")


def test_in_a_mixed_table_the_columns_of_the_body_stay_open():
    fields, _ = classify({"名称": "organisation_name", "法人": "person_name", "状态": None})
    assert (fields["状态"].level, fields["状态"].subject) == (1, "organisation")


def test_no_type_is_more_open_than_its_level_allows():
    book = rulebook("semantic-2026/levels")
    entries = [
        *book["types"].values(),
        *book["in_person_tables"].values(),
        *book["without_persons"].values(),
        book["other"],
    ]
    for entry in entries:
        widest = book["open_types"][entry["level"]]
        assert OPEN_TYPES.index(entry["open_type"]) >= OPEN_TYPES.index(widest)


def test_what_names_a_person_is_dropped_and_a_birth_date_becomes_a_year():
    fields, _ = classify({"姓名": "person_name", "生日": "birth_date"})
    assert fields["姓名"].protection.method == "drop"
    assert (fields["生日"].protection.method, fields["生日"].protection.params) == ("generalise_date", {"to": "year"})


def test_groups_that_are_alike_in_what_others_know_give_k(engine, tmp_path):
    table = stage(
        engine,
        tmp_path,
        {"性别": ["男", "男", "女", "女", "女"], "出生": ["1990", "1990", "1991", "1991", "1980"], "值": list("12345")},
    )
    risk = disclosure_risk(engine, table, {"性别": "sex", "出生": "birth_date", "值": None}, "person")
    assert risk is not None
    assert (risk["quasi_identifiers"], risk["k"], risk["unique_share"]) == (["性别", "出生"], 1, 0.2)
    assert (risk["prosecutor_max"], risk["prosecutor_mean"], risk["threshold"]) == (1.0, 0.6, 50)


def test_places_and_things_have_no_such_risk(engine, tmp_path):
    table = stage(engine, tmp_path, {"区": ["南山区", "北海区"]})
    assert disclosure_risk(engine, table, {"区": "division_name"}, "object") is None


def test_a_column_is_known_of_a_person_by_its_name_too():
    assert quasi_identifiers({"年龄": None, "native-country": None, "备注": None}, "person") == [
        "年龄",
        "native-country",
    ]


DEGREES = ("none", "general", "serious", "very_serious")
OBJECTS = ("national_security", "economy", "social_order", "public_interest", "organisation", "individual")


def written_level(national: str, economy: str, order: str, public: str, organisation: str, individual: str) -> int:
    """The table of rules.md 2 written as sentences: GB/T 43697-2024 for 5 and 6, T/CSAS table 1 for 1 to 4."""
    publics, rights = (economy, order, public), (organisation, individual)
    if national in ("serious", "very_serious") or "very_serious" in publics:
        return 6
    if national == "general" or "serious" in publics:
        return 5
    if "general" in publics or "very_serious" in rights:
        return 4
    if "serious" in rights:
        return 3
    return 2 if "general" in rights else 1


def test_every_impact_of_the_table_gives_its_level():
    inputs = list(itertools.product(DEGREES, repeat=6))
    assert len(inputs) == 4096
    wrong = [
        one for one in inputs if grade_by_impact(dict(zip(OBJECTS, one, strict=True))).level != written_level(*one)
    ]
    assert wrong == []


def test_an_impact_names_what_decided():
    found = grade_by_impact({"individual": "serious", "organisation": "serious", "economy": "none"})
    assert (found.level, found.deciding) == (3, ("organisation", "individual"))
    assert found.sentence == "对组织权益是严重危害、对个人权益是严重危害，就高定为 3 级。"
    assert grade_by_impact({}).level == 1
    with pytest.raises(ValueError, match="terrible"):
        grade_by_impact({"individual": "terrible"})


def test_every_grade_says_why():
    fields, whole = classify({"姓名": "person_name", "年级": None})
    assert fields["姓名"].sentence == "语义类型是姓名；泄露对个人权益是特别严重危害，所以是 4 级、非开放。"
    assert fields["年级"].sentence.startswith("「姓名」说明这是个人的表，这一列描述同一个人；泄露对个人权益是一般危害")
    assert whole.sentence == "就高从严，取最高一列「姓名」的级别，所以是 4 级、非开放。"


@pytest.mark.parametrize(
    ("types", "rows", "level"),
    [
        ({"性别": "sex", "年级": None}, 999_999, 2),
        ({"性别": "sex", "年级": None}, 1_000_000, 3),
        ({"出生": "birth_date", "年级": None}, 1_000_000, 4),
        ({"出生": "birth_date"}, 10_000_000, 5),
        ({"姓名": "person_name"}, 10_000_000, 5),
        ({"站": None}, 10_000_000, 1),
        ({"性别": "sex", "年龄": "age", "学历": "education"}, 10, 3),
        ({"车牌": "plate", "经度": "longitude", "时间": "datetime"}, 10, 4),
    ],
)
def test_size_and_combination_raise_a_table(types, rows, level):
    whole = classify(types, rows)[1]
    assert whole.level == level
    widest = rulebook("semantic-2026/levels")["open_types"][level]
    assert OPEN_TYPES.index(whole.open_type) >= OPEN_TYPES.index(widest)
