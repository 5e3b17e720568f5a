"""Properties of the declared types: what is made right is accepted, one wrong character is not, and one writing stands for all."""

from __future__ import annotations

import random

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.tables.semantic import checks, semantic_types
from gongshu.tables.semantic.divisions import division_of, divisions_named
from gongshu.tables.semantic.forms import Values
from gongshu.tables.semantic.parts import (
    address_parts,
    organisation_of,
    resident_birth,
    resident_division,
    resident_id,
    resident_sex,
)
from tests import columnsets

MADE = {
    "resident_18": columnsets.resident,
    "credit_code": columnsets.credit,
    "organisation_code": lambda r: columnsets.organisation_code(r).replace("-", ""),
    "vin": columnsets.vin,
    "luhn": columnsets.card,
    "registration_no": columnsets.registration_no,
    "e_licence": columnsets.e_licence,
}
KINDS = {f"{n}-{kind.code}": kind for n, kind in enumerate(columnsets.KINDS)}


@pytest.mark.parametrize("name", MADE)
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_check_digit_holds_and_breaks_with_one_digit(name, seed):
    r = random.Random(seed)
    made = (MADE[name](r) for _ in range(50))
    right = [value for value in made if sum(map(str.isdigit, value)) > 1][:5]
    # the root of an e-licence's identifier is no part of the check
    places = [
        r.choice([n for n, char in enumerate(value) if char.isdigit() and n > 14 * (name == "e_licence")])
        for value in right
    ]
    wrong = [v[:n] + r.choice("0123456789".replace(v[n], "")) + v[n + 1 :] for v, n in zip(right, places, strict=True)]
    if name == "vin":
        # 9 and 0 are no neighbours there, and a digit in the place of the check is one too
        assert checks.vin(pa.array(right)).all()
        return
    answers = checks.CHECKS[name](pa.array([*right, *wrong]))
    assert answers[:5].all()
    assert not answers[5:].any(), wrong


@pytest.mark.parametrize("name", MADE)
@settings(deadline=None, max_examples=60)
@given(values=st.lists(st.text(max_size=40), max_size=6))
def test_a_check_digit_of_anything_is_an_answer(name, values):
    assert len(checks.CHECKS[name](pa.array(values, pa.string()))) == len(values)


@pytest.mark.parametrize("code", list(semantic_types()))
def test_every_type_is_declared_whole_and_its_example_has_its_form(code):
    kind = semantic_types()[code]
    assert kind.title and kind.title_en and kind.example and kind.source
    assert kind.zh or kind.pinyin or kind.en
    if kind.pattern or kind.dictionary:
        text = kind.example.replace("（", "(").replace("）", ")").upper()
        values = Values(pa.array([text]), pa.array([1]).to_numpy())
        assert values.shows(code)[0], kind.example
        assert kind.check is None or values.shows(f"{code}!")[0], kind.example


def of(engine, expression, values):
    """The expression of one text column, evaluated."""
    table = ibis.memtable(pa.table({"n": range(len(values)), "v": values}))
    answer = engine.to_pyarrow(table.select("n", found=expression(table.v)).order_by("n"))
    return answer["found"].to_pylist()


@pytest.mark.parametrize("case", [case for case, kind in KINDS.items() if semantic_types()[kind.code].normaliser])
def test_normalising_twice_is_normalising_once(engine, case):
    kind = KINDS[case]
    r = random.Random(case)
    values = columnsets.soiled(r, kind, [kind.make(r) for _ in range(60)], 0.5)
    normaliser = semantic_types()[kind.code].normaliser
    once = of(engine, normaliser, values)
    assert of(engine, normaliser, once) == once
    assert not any(value and (value != value.strip() or "１" in value) for value in once)


def test_one_writing_stands_for_all(engine):
    normal = {code: kind.normaliser for code, kind in semantic_types().items() if kind.normaliser}
    for code, values, wanted in [
        (
            "resident_id",
            ["110105491231002", "11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ"],
            "11010519491231002X",
        ),
        ("bank_card", ["6222 0200 0000 0000 000", "6222-0200-0000-0000-000"], "6222020000000000000"),
        ("mobile", ["+86 138 0013 8000", "13800138000", "(86)138-0013-8000"], "13800138000"),
        ("plate", ["沪A·12345", "沪a12345", "沪A 12345"], "沪A12345"),
        ("person_name", ["阿依古丽•买买提", "阿依古丽．买买提", " 阿依古丽·买买提"], "阿依古丽·买买提"),
        ("date", ["2015年10月20日", "2015/10/20", "20151020", "2015-10-20"], "2015-10-20"),
        ("mac", ["00-00-5E-00-53-01", "00:00:5e:00:53:01", "0000.5e00.5301"], "00:00:5E:00:53:01"),
        ("sex", ["男", "1", "M", "男性"], "男"),
        ("ethnicity", ["汉", "汉族"], "汉族"),
    ]:
        assert set(of(engine, normal[code], values)) == {wanted}, code


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_the_parts_of_an_id(engine, seed):
    r = random.Random(seed)
    ids = [columnsets.resident(r) for _ in range(10)]
    assert of(engine, resident_division, ids) == [value[:6] for value in ids]
    assert [f"{day:%Y%m%d}" for day in of(engine, resident_birth, ids)] == [value[6:14] for value in ids]
    assert of(engine, resident_sex, ids) == ["1" if int(value[16]) % 2 else "2" for value in ids]
    short = [value[:6] + value[8:17] for value in ids if value[6:8] == "19"]
    assert of(engine, resident_id, short) == [value for value in ids if value[6:8] == "19"]


def test_retired_divisions_are_known_with_their_years():
    assert [(one.code, one.first, one.last) for one in divisions_named("南汇区")] == [("310119", 2001, 2009)]
    assert [one.code for one in divisions_named("静安区")] == ["310106"]
    assert divisions_named("闸北区")[0].retired and divisions_named("闸北区", 2016) == ()
    assert [division_of("310102", year).name for year in (1999, None)] == ["南市区", "南市区"]
    assert division_of("330110", 1999) is None and division_of("999999") is None
    assert division_of("310115001002").name == "浦东新区"


def test_parts_of_other_codes(engine):
    assert of(engine, organisation_of, ["91350100M000100Y43", "x"]) == ["M000100Y-4", None]
    table = ibis.memtable(
        pa.table({"v": ["上海市徐汇区天平路街道衡山路12弄3号501室", "浦东新区世纪大道100号", "南京东路", "无"]})
    )
    parts = address_parts(table.v)
    rows = engine.to_pyarrow(table.select(**parts)).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("上海市徐汇区天平路街道", "衡山路", "12弄3号501室"),
        ("浦东新区", "世纪大道", "100号"),
        (None, "南京东路", None),
        (None, None, None),
    ]
