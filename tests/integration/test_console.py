"""The console takes whatever an address holds: what is no choice of its form is as if it had not been said."""

from __future__ import annotations

import pytest

from gongshu.opening.rows import admission, lanes, limits, service
from tests import seeding

pytestmark = pytest.mark.django_db
PAGE = "/datasets/medical-institutions/api"


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({}, 200, "/rows?limit=100"),
        ({"c": ["没有", "所在区"], "o": ["eq", "等于"], "v": ["1", "2"]}, 200, "/rows?limit=100"),
        ({"c": "核定床位", "o": "gte", "v": "多"}, 400, "bad_parameter"),
        ({"c": "机构名称", "o": "contains", "v": "\0"}, 400, "这个请求看不懂"),
        ({"c": "机构名称", "o": "eq", "v": "<script>alert(1)</script>"}, 200, "没有符合条件的行"),
        ({"c": "核定床位", "o": "between", "v": "5"}, 400, "bad_parameter"),
        ({"c": "所在区", "o": "in", "v": "，、 ,"}, 200, "没有符合条件的行"),
        ({"c": "所在区", "o": "in", "v": "鲁班区、墨斗区"}, 200, "所在区__in=鲁班区&amp;所在区__in=墨斗区"),
        ({"limit": "999999999999999"}, 200, "limit=100"),
        ({"limit": "99999", "format": "csv"}, 200, "limit=32000&amp;format=csv"),
        ({"limit": "0"}, 200, "limit=0"),
        ({"sort": "没有", "order": "down", "format": "exe", "answer": "all"}, 200, "/rows?limit=100"),
        ({"answer": "facets", "column": ["所在区", "没有"]}, 200, "/facets?column=所在区<"),
        ({"answer": "groups", "by": ["所在区", "所在区"], "function": "avg", "measured": "机构名称"}, 400, "不是数字"),
        ({"answer": "groups", "by": "", "function": "sum", "measured": "核定床位"}, 200, "measure=sum:核定床位"),
    ],
)  # fmt: skip
def test_every_address_is_a_page(client, query, status, says):
    seeding.hospitals(120)
    answer = client.get(PAGE, query)
    html = answer.content.decode()
    assert answer.status_code == status and says in html and "<script>alert" not in html


def test_a_condition_is_dropped_and_many_are_cut(client):
    seeding.hospitals(50)
    many = {"c": ["所在区"] * 40, "o": ["ne"] * 40, "v": [f"区{n}" for n in range(40)]}
    html = client.get(PAGE, many).content.decode()
    assert "区11" in html and "区12" not in html
    two = {"c": ["所在区", "等级"], "o": ["eq", "eq"], "v": ["鲁班区", "一级"], "drop": "0"}
    html = client.get(PAGE, two).content.decode()
    assert "rows?等级=一级&amp;limit=100" in html


def test_a_dataset_that_is_gone_or_stopped_has_no_console(client):
    assert client.get("/datasets/none/api").status_code == 404
    version = seeding.hospitals(20)
    version.dataset.stopped_at = version.published_at
    version.dataset.save()
    assert client.get(PAGE).status_code == 503


def test_the_console_is_under_the_same_limits_as_programs(client, monkeypatch):
    seeding.hospitals(50)
    gate = limits.Gate(0.2, 0.2)  # two at once, then one in five seconds
    monkeypatch.setattr(limits, "gate", lambda: gate)
    answers = [client.get(PAGE) for _ in range(4)]
    assert answers[0].status_code == 200 and answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) >= 1 and "too_many_requests" in answers[-1].content.decode()
    monkeypatch.setattr(service, "is_heavy", lambda *_: True)  # takes five times as much
    assert [client.get(PAGE, REMOTE_ADDR="10.0.0.9").status_code for _ in range(2)] == [200, 429]


def test_the_console_waits_in_the_lane_of_heavy_questions(client, monkeypatch):
    seeding.hospitals(50)
    monkeypatch.setattr(service, "is_heavy", lambda *_: True)
    monkeypatch.setattr(admission, "HEAVY", lanes.Lane("none", 1, -1))
    answer = client.get(PAGE)
    assert answer.status_code == 503 and "too_busy" in answer.content.decode()
