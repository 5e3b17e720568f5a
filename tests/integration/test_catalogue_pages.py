"""Systems and resources on their pages: who sees what, two people at once, nothing taken that was not asked for."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from gongshu import clock
from gongshu.catalogue.handover import resources
from gongshu.catalogue.models import Resource, System
from gongshu.opening.models import Dataset
from gongshu.oversight.models import Event
from gongshu.parties.actions import leave
from gongshu.parties.permissions import Shell
from tests import people
from tests.walk import CLINICS, approved, resource_of, submitted, uploaded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(data, client) -> dict[str, Any]:
    health = people.organisation()
    made = {name: people.person(name, "steward", health) for name in ("steward", "colleague")}
    made |= {
        "approver": people.person("approver", "approver", health),
        "operator": people.person("operator", "operator"),
    }
    client.force_login(made["steward"])
    return made | {"health": health}


def form(resource: Resource | None, **more: Any) -> dict[str, Any]:
    steward = people.person("steward")
    base = {
        "name": "诊所", "slug": "clinics-new", "summary": "全市诊所", "category": "health", "format": "2",
        "share_type": "unconditional", "open_type": "unconditional", "update_frequency": "monthly", "maintainer": steward.pk,
        "edition": resource.edition if resource else 0,
    }  # fmt: skip
    return base | more


def test_a_system_then_a_resource(cast, client):
    assert "先登记一个系统" in client.get("/resources/new").content.decode()
    assert client.post("/systems", {"organisation": "health", "name": " "}).status_code == 400
    there = client.post("/systems", {"organisation": "health", "name": "诊所管理系统"})["Location"]
    system = System.objects.get()
    assert f"system={system.pk}" in there and client.get(there).status_code == 200
    wrong = client.post("/resources/new", form(None, system=system.pk, share_type="none", name="<b>诊所"))
    assert wrong.status_code == 400 and "依据" in wrong.content.decode() and "&lt;b&gt;诊所" in wrong.content.decode()
    done = client.post("/resources/new", form(None, system=system.pk, code="999/1", organisation_id=7, edited_by=9))
    row = Resource.objects.get()
    assert done["Location"] == f"/resources/{row.pk}"
    assert (row.code, row.organisation, row.edited_by) == ("202000/1", cast["health"], cast["steward"])


def test_the_second_of_two_is_told_and_nothing_is_overwritten(cast, client):
    row = resource_of(cast["steward"], cast["health"])
    address = f"/resources/{row.pk}/edit"
    first = form(row, system=row.system_id, name="甲", slug="clinics")
    assert client.post(address, first).status_code == 302
    client.force_login(cast["colleague"])
    second = client.post(address, first | {"name": "乙"})
    assert second.status_code == 400 and "steward刚刚改过" in second.content.decode()
    row.refresh_from_db()
    assert (row.name, row.edition) == ("甲", 2)


def test_things_of_others_are_out_of_reach(cast, client):
    civil = people.organisation("civil", "市民政局")
    far = people.person("far", "steward", civil)
    theirs = resource_of(far, civil, "homes")
    mine = resource_of(cast["steward"], cast["health"])
    assert client.get(f"/resources/{theirs.pk}").status_code == 403
    assert client.post(f"/resources/{theirs.pk}/edit", form(theirs)).status_code == 403
    assert "资源 homes" not in client.get("/resources?organisation=civil").content.decode()
    address = f"/resources/{mine.pk}/edit"
    good = form(mine, system=mine.system_id)
    assert client.post(address, good | {"system": theirs.system_id}).status_code == 400
    assert client.post(address, good | {"maintainer": far.pk}).status_code == 400
    assert client.post(address, good | {"related": theirs.code}).status_code == 400
    assert client.post("/systems", {"organisation": "civil", "name": "x"}).status_code == 403
    client.force_login(cast["operator"])
    assert "资源 homes" in client.get("/resources").content.decode()
    assert client.get("/resources/new").status_code == 403
    assert client.get(f"/resources/{mine.pk}/upload").status_code == 403


def test_related_resources_are_kept_by_code(cast, client):
    one = resource_of(cast["steward"], cast["health"])
    other = resource_of(cast["steward"], cast["health"], "wards")
    client.post(f"/resources/{one.pk}/edit", form(one, system=one.system_id, related=f"{other.code}，{one.code}"))
    assert list(one.related.all()) == [other]


def test_where_resources_stand_and_what_is_late_first(cast, client, monkeypatch):
    assert "还没有数据资源" in client.get("/resources").content.decode()
    row = approved(submitted(cast["steward"], cast["health"], "out"), cast["approver"], cast["operator"])
    resource_of(cast["steward"], cast["health"], "empty")
    uploaded(cast["steward"], resource_of(cast["steward"], cast["health"], "inspected"), CLINICS.encode())
    submitted(cast["steward"], cast["health"], "waiting")
    page = client.get("/resources").content.decode()
    assert [word in page for word in ("无文件", "待确认", "已送审", "已开放 v1")] == [True] * 4
    only = client.get("/resources?stage=submitted").content.decode()
    assert "资源 waiting" in only and "资源 empty" not in only
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=40))
    late = client.get("/resources").content.decode()
    assert "逾期" in late and late.index("资源 out") < min(late.index(f"资源 {name}") for name in ("empty", "waiting"))
    one = client.get(f"/resources/{row.resource_id}").content.decode()
    assert "第 1 版" in one and "上传新一期的文件" in one and Dataset.objects.get().name in one
    assert "1 / 1" in client.get("/systems").content.decode()


def test_the_catalogue_as_a_table_holds_no_formula(cast, client):
    row = resource_of(cast["steward"], cast["health"])
    Resource.objects.filter(pk=row.pk).update(name='=HYPERLINK("http://x","y")', summary="@SUM(A1)")
    text = client.get("/resources.csv").content.decode("utf-8-sig")
    head, line = csv.reader(io.StringIO(text))
    assert line[head.index("资源名称")].startswith("'=") and line[head.index("资源摘要")] == "'@SUM(A1)"
    assert line[0] == row.code and len(head) == len(line)


def test_resources_pass_to_a_successor(cast):
    row = resource_of(cast["steward"], cast["health"])
    assert resources(cast["steward"], cast["health"])[0].titles == [row.name]
    leave(Shell("tester"), cast["steward"], cast["health"], cast["colleague"])
    row.refresh_from_db()
    assert row.maintainer == cast["colleague"]
    assert Event.objects.filter(action="resource.hand_over", subject=f"resource:{row.code}").count() == 1
