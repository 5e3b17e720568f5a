"""The Python client against a running server: rows page by page, counts, groups, files; and the code that pages offer."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pyarrow
import pytest

import gongshu as gs

NAME = "medical-institutions"


@pytest.fixture
def hospitals(served):
    """The dataset through a client of the served portal; 900 rows."""
    with gs.portal(served) as portal:
        yield portal.dataset(NAME)


def test_rows_are_all_there_once_and_in_order(hospitals, monkeypatch):
    monkeypatch.setattr("gongshu.client.dataset.PAGE", 70)
    rows = hospitals.rows(select=["机构代码", "核定床位"], sort="-核定床位").to_list()
    assert len(rows) == hospitals.count() == 900 and len({row["机构代码"] for row in rows}) == 900
    beds = [row["核定床位"] for row in rows if row["核定床位"] is not None]
    assert beds == sorted(beds, reverse=True)
    assert len(hospitals.rows(limit=101).to_list()) == 101


def test_a_condition_counts_the_same_in_every_way_of_saying_it(hospitals):
    by_word = hospitals.count(所在区="鲁班区", 核定床位__gte=100)
    by_tree = hospitals.count(
        (gs.col("所在区") == "鲁班区") & ~(gs.col("核定床位") < 100) & ~gs.col("核定床位").is_null()
    )
    by_hand = [row for row in hospitals.rows() if row["所在区"] == "鲁班区" and (row["核定床位"] or 0) >= 100]
    assert by_word == by_tree == len(by_hand) > 0
    many = hospitals.count(
        (gs.col("所在区") == "鲁班区") | gs.col("机构代码").isin([f"no-such-{n}" for n in range(900)])
    )
    assert many == hospitals.count(所在区="鲁班区")
    between = hospitals.rows(核定床位__between=(10, 20), limit=5).to_list()
    assert all(10 <= row["核定床位"] <= 20 for row in between)


def test_values_facets_and_groups_agree(hospitals):
    facets = hospitals.facets("所在区", most=50)["所在区"]
    assert sum(number for _value, number in facets) == 900
    assert {value for value, _number in facets} == set(hospitals.distinct("所在区"))
    groups = hospitals.groups(by="所在区", measure=["count", "avg:核定床位"], sort="-count")
    assert [(one["所在区"], one["count"]) for one in groups] == sorted(facets, key=lambda each: (-each[1], each[0]))


def test_frames_have_types(hospitals):
    table = hospitals.to_arrow(所在区="鲁班区")
    assert table.num_rows == hospitals.count(所在区="鲁班区") and pyarrow.types.is_integer(
        table.schema.field("核定床位").type
    )
    frame = hospitals.to_pandas(select=["核定床位"], limit=7)
    assert frame.shape == (7, 1)
    assert hospitals.to_arrow(limit=101, sort="机构代码").num_rows == 101


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_file_arrives_whole(hospitals, tmp_path, format):
    path = hospitals.download(format, tmp_path)
    told = {one["format"]: one for one in hospitals._transport.json(f"api/v1/datasets/{NAME}", [])["distributions"]}
    assert path.stat().st_size == told[format]["size"]


def test_a_portal_is_searched_and_listed(served):
    with gs.portal(served) as portal:
        assert [one.name for one in portal.search("空气")] == ["air-quality"]
        assert {one.name for one in portal.datasets()} == {"air-quality", "districts", "odd-names", NAME}
        assert portal.dataset(NAME).title == "公输市医疗机构名录"
        with pytest.raises(gs.PortalError) as caught:
            portal.dataset("none").count()
        assert caught.value.status == 404
        with pytest.raises(gs.PortalError) as caught:
            portal.dataset(NAME).count(没有=1)
    assert caught.value.code == "bad_parameter" and caught.value.where["column"] == "没有"


QUESTIONS = {
    "all": "",
    "both": "c=所在区&o=eq&v=鲁班区&c=核定床位&o=gte&v=10&sort=核定床位&order=down&select=机构代码&limit=5",
    "either": "c=所在区&o=in&v=鲁班区、墨斗区&c=核定床位&o=between&v=10..20&join=or&limit=7",
    "null": "c=核定床位&o=is_null&v=&q=医院&limit=3",
    "odd": "c=limit&o=lt&v=40&c=a b&o=starts_with&v=x1&c=class&o=ne&v=0&sort=limit&limit=4",
    "odd texts": 'c=it\'s "odd" %26 <b>&o=eq&v=say "1" %26 don\'t&c=count&o=eq&v=true&join=or&limit=9',
    "odd groups": 'answer=groups&by=count&by=it\'s "odd" %26 <b>&c=limit&o=in&v=1,2,3&function=max&measured=limit',
    "facets": "answer=facets&column=所在区&column=机构类别&c=机构名称&o=contains&v=医院",
    "groups": "answer=groups&by=所在区&function=p50&measured=核定床位",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_code_that_the_console_offers_runs_and_agrees(served, question):
    """The examples for our client and for httpx are carried out as they stand; both say the same."""
    name = "odd-names" if question.startswith("odd") else NAME
    page = httpx.get(f"{served}/datasets/{name}/api?{QUESTIONS[question]}")
    assert page.status_code == 200
    code = {key: unescape(text) for key, text in re.findall(r'id="code-(\w+)"[^>]*>(.*?)</pre>', page.text, re.S)}
    ours: dict[str, object] = {}
    exec(code["client"], ours)
    plain: dict[str, object] = {}
    exec(code["httpx"], plain)
    if question == "facets":
        assert ours["found"] == {
            one["column"]: [(v["value"], v["count"]) for v in one["values"]] for one in plain["found"]
        }
    elif question.endswith("groups"):
        assert ours["found"] == [one["by"] | {k: v for k, v in one.items() if k != "by"} for one in plain["found"]]
    else:
        assert ours["rows"].to_list() == plain["found"]
