"""What comes after a publication: versions and their differences, the feed, withdrawal, promises."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from gongshu import clock
from gongshu.opening import history, problems, promises
from gongshu.opening.models import Dataset, Version
from gongshu.parties.inbox import waiting_for
from tests import people, seeding, walk

pytestmark = pytest.mark.django_db
COLUMNS = [
    {"name": "编号", "storage_type": "int64"},
    {"name": '名 "称', "storage_type": "string"},
    {"name": "c1", "storage_type": "int64"},
]
FIRST = """SELECT i AS 编号, CASE WHEN i = 7 THEN NULL ELSE '诊所' || i END AS "名 ""称", i % 5 AS c1 FROM range(1, 101) t(i)"""
SECOND = """SELECT i AS 编号, CASE WHEN i = 8 THEN '<script>改</script>' WHEN i = 9 THEN NULL WHEN i = 7 THEN NULL ELSE '诊所' || i END AS "名 ""称", i % 5 AS c1 FROM range(3, 107) t(i)"""
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def two(data) -> tuple[Version, Version]:
    """Two versions: rows 1 and 2 went, 101 to 106 came, 8 and 9 changed."""
    first = seeding.publish("clinics", FIRST, COLUMNS, title="诊所名录", key=["编号"], days_ago=30)
    second = seeding.publish("clinics", SECOND, COLUMNS, title="诊所名录", key=["编号"], number=2, dropped=1)
    return first, second


def test_rows_are_compared_by_key(two, client):
    found = history.version_difference(*two)
    assert found.rows is not None and found.rows.keyed
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (6, 2, 2)
    assert [row[0] for row in found.rows.added_rows] == [101, 102, 103, 104, 105, 106]
    assert found.rows.removed_rows == [(1, "诊所1", 1), (2, "诊所2", 2)]
    assert found.rows.changed_rows[1] == ((9, "诊所9", 4), (9, None, 4))
    page = client.get("/datasets/clinics/versions/2/difference?with=1").content.decode()
    assert "<script>改" not in page and "<del>诊所8</del> <ins>&lt;script&gt;改" in page and "0 列 → 1 列" in page
    said = client.get("/api/v1/datasets/clinics/versions/2/difference").json()
    assert said["rows"]["changed"] == 2 and said["rows"]["first_changed"][1]["after"] == {
        "编号": 9,
        '名 "称': None,
        "c1": 4,
    }
    assert said["before"] == 1 and said["columns"]["dropped_after"] == 1
    back = client.get("/api/v1/datasets/clinics/versions/1/difference?with=2").json()
    assert (back["rows"]["added"], back["rows"]["removed"]) == (2, 6)


def test_rows_without_a_key_are_counted_whole(two):
    for one in two:
        one.key = []
    found = history.version_difference(*two).rows
    assert found is not None and not found.keyed and (found.added, found.removed) == (8, 4)


def test_a_key_that_is_not_unique_is_no_key(data):
    double = "SELECT i // 2 AS 编号, 'x' AS 名称 FROM range(10) t(i)"
    columns = [{"name": "编号", "storage_type": "int64"}, {"name": "名称", "storage_type": "string"}]
    first = seeding.publish("double", double, columns, key=["编号"])
    second = seeding.publish("double", f"{double} WHERE i > 0", columns, key=["编号"], number=2)
    found = history.version_difference(first, second).rows
    assert found is not None and not found.keyed and (found.added, found.removed) == (0, 1)


def test_columns_that_came_went_or_changed_their_type(two, client):
    columns = [
        {"name": "编号", "storage_type": "int64"},
        {"name": "c1", "storage_type": "string"},
        {"name": "新", "storage_type": "string"},
    ]
    third = seeding.publish(
        "clinics", "SELECT i AS 编号, 'a' AS c1, 'b' AS 新 FROM range(3, 107) t(i)", columns, key=["编号"], number=3
    )
    found = history.version_difference(two[1], third)
    assert (found.added, found.removed, found.uncompared) == (["新"], ['名 "称'], ["c1"])
    assert found.rows is not None and found.rows.changed == 0
    page = client.get("/datasets/clinics/versions/3/difference").content.decode()
    assert "整数 → 文本" in page and "没有变" not in page


def test_too_many_rows_are_said_to_be_too_many(two, client, monkeypatch):
    monkeypatch.setattr(history, "MOST_ROWS", 100)
    assert "太多" in client.get("/datasets/clinics/versions/2/difference").content.decode()
    assert client.get("/api/v1/datasets/clinics/versions/2/difference").json()["too_large"] is True


def test_a_comparison_is_kept_but_never_outlives_a_withdrawal(two, client):
    address = "/datasets/clinics/versions/2/difference?with=1"
    assert client.get(address).status_code == 200
    assert caches["process"].get(f"difference:{two[0].pk}:{two[1].pk}") is not None
    approver = people.person("approver", "approver", two[0].dataset.provider)
    client.force_login(approver)
    assert client.post("/datasets/clinics/withdraw", {"version": "1", "reason": " "}).status_code == 400
    assert client.post("/datasets/clinics/withdraw", {"version": "1", "reason": "重复"}).status_code == 302
    assert client.get(address).status_code == 410
    assert client.get("/api/v1/datasets/clinics/versions/2/difference?with=1").status_code == 410
    assert client.get("/datasets/clinics/versions/2/difference").status_code == 404
    page = client.get("/datasets/clinics/versions").content.decode()
    assert "撤回：重复" in page and "approver" not in page.replace("approver</a>", "")


def test_wrong_versions_are_said_so(two, client):
    for wrong, status in (("2", 400), ("x", 400), ("9", 404)):
        assert client.get(f"/datasets/clinics/versions/2/difference?with={wrong}").status_code == status
    assert client.get("/api/v1/datasets/clinics/versions/7/difference").status_code == 404


def test_the_feed_is_valid_atom_and_tells_versions_withdrawals_and_corrections(two, client):
    dataset: Dataset = two[0].dataset
    dataset = Dataset.objects.get(pk=dataset.pk)
    steward = people.person("steward", "steward", dataset.provider)
    row, _secret = problems.report(dataset, "wrong", "不公开的话 <b>")
    problems.answer(steward, row, "改好了 <script>\x01")
    leak, _secret = problems.report(dataset, "privacy", "泄露")
    problems.answer(steward, leak, "已核查泄露")
    client.force_login(people.person("operator", "operator"))
    client.post("/datasets/clinics/withdraw", {"version": "1", "reason": "重复 & 旧"})
    answer = Client().get("/datasets/clinics/feed.atom")
    assert answer["Content-Type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.content)
    entries = feed.findall(f"{ATOM}entry")
    titles = [one.findtext(f"{ATOM}title") for one in entries]
    assert titles[0] == "第 1 版已撤回" and f"问题报告 {row.number} 已答复" in titles and len(titles) == 4
    assert len({one.findtext(f"{ATOM}id") for one in entries}) == 4
    for one in [feed, *entries]:
        assert one.findtext(f"{ATOM}id") and one.findtext(f"{ATOM}title") and one.findtext(f"{ATOM}updated")
    text = answer.content.decode()
    assert "不公开的话" not in text and "泄露" not in text and "<script>" not in text


def test_withdrawing_the_whole_dataset_tells_subscribers(two, client):
    reader: Any = people.person("reader", "steward", people.organisation("civil", "市民政局"))
    client.force_login(reader)
    client.post("/datasets/clinics/subscribe", {"act": "subscribe"})
    assert client.get("/datasets/clinics/withdraw").status_code == 403
    client.force_login(people.person("operator", "operator"))
    assert "1 位订阅者" in client.get("/datasets/clinics/withdraw").content.decode()
    assert (
        client.post("/datasets/clinics/withdraw", {"version": "all", "reason": "不再开放"}, follow=True).status_code
        == 200
    )
    assert client.get("/datasets/clinics").status_code == 410
    assert reader.notices.filter(template="dataset.withdrawn").count() == 1


@pytest.fixture
def walked(data: Any) -> Dataset:
    """A dataset that its people carried to the public; monthly."""
    where = people.organisation()
    cast = [people.person("steward", "steward", where), people.person("approver", "approver", where)]
    row = walk.approved(walk.submitted(cast[0], where), cast[1], people.person("operator", "operator"))
    return Dataset.objects.get(name=row.dataset)


def test_the_maintainer_is_reminded_once_before_and_once_after_the_promised_day(walked, client):
    steward = walked.resource.maintainer
    due = walked.current.published_at + timedelta(days=31)
    told = []
    for days in (-15, -2, -1, 0.5, 3, 10):
        with clock.at(due + timedelta(days=days)):
            promises.remind()
            told.append([steward.notices.filter(template=f"update.{kind}").count() for kind in ("near", "late")])
            waits = [one.verb for one in waiting_for(steward)]
            assert ("去更新" in waits) == (days > -15)
    assert told == [[0, 0], [1, 0], [1, 0], [1, 0], [1, 1], [1, 1]]
    client.force_login(people.person("regulator", "regulator"))
    assert "没有快到期" in client.get("/promises").content.decode()
    with clock.at(due + timedelta(days=10, hours=1)):
        page = client.get("/promises").content.decode()
    assert "10 天" in page and walked.title in page
    client.force_login(people.person("stranger", "steward", people.organisation("civil", "市民政局")))
    with clock.at(due + timedelta(days=10)):
        assert walked.title not in client.get("/promises").content.decode()


def test_the_timeline_tells_bodies_and_roles_but_no_names(walked, client):
    row, _secret = problems.report(walked, "wrong", "床位不对")
    leak, _secret = problems.report(walked, "privacy", "泄露")
    problems.answer(walked.resource.maintainer, row, "改好了")
    page = client.get(f"/datasets/{walked.name}").content.decode()
    part = page[page.index('id="timeline"') :].partition("</section>")[0]
    for said in ("上传原始文件", "确认逐列定级", "送审", "审核同意", "第 1 版发布", "市卫生健康委 审核人", "市大数据中心 平台运营",
                 f"答复问题报告 {row.number}"):  # fmt: skip
        assert said in part, said
    assert leak.number not in page
    for who in ("steward", "approver", "operator"):
        assert who not in part
    versions = client.get(f"/datasets/{walked.name}/versions").content.decode()
    assert "市卫生健康委、市大数据中心" in versions
