"""Questions and answers: who may ask how often, who answers, what the public sees, and what is kept from whom."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.test import Client

from gongshu import clock
from gongshu.feedback import cases, matching, news, queries, reuses
from gongshu.feedback.mails import mail_askers
from gongshu.feedback.models import Case, News, Reuse, Step
from gongshu.opening import problems, search
from gongshu.opening.models import Dataset
from gongshu.oversight.models import Event
from gongshu.parties.inbox import waiting_for
from gongshu.parties.models import Notice
from gongshu.tables.errors import TableError
from tests import people, seeding
from tests.asking import demand, send, stamped

pytestmark = pytest.mark.django_db
BAD = "<script>alert('x')</script>"
DEMAND = {"title": "夜间急诊", "text": "哪些医院夜里有急诊", "purpose": "做导航", "asker": "firm"}


@pytest.fixture
def dataset(data) -> Dataset:
    cache.clear()
    columns = [{"name": "编号", "storage_type": "int64"}, {"name": "名称", "storage_type": "string"}]
    select = "SELECT i AS 编号, '诊所' || i AS 名称 FROM range(1, 11) t(i)"
    return seeding.publish("clinics", select, columns, title="诊所名录", key=["编号"]).dataset


@pytest.fixture
def indexed(dataset) -> None:
    """The dataset can be found."""
    search.index_pending()


@pytest.fixture
def cast(dataset) -> dict[str, Any]:
    where = dataset.provider
    return {
        "steward": people.person("steward", "steward", where),
        "approver": people.person("approver", "approver", where),
        "operator": people.person("operator", "operator"),
        "regulator": people.person("regulator", "regulator", people.organisation("bureau", "市数据局")),
        "stranger": people.person("stranger", "steward", people.organisation("civil", "市民政局")),
    }


def own(answer: Any) -> str:
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"].partition("?")[0])


def as_person(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_demand_is_routed_answered_by_a_dataset_and_judged(dataset, indexed, cast, client):
    page = client.get("/ask/demand?q=诊所").content.decode()
    assert "诊所名录" in page and 'value="诊所"' in page  # what is there already, and the words that were searched for
    mine = own(send(client, "/ask/demand", **DEMAND, email="a@example.org"))
    row = Case.objects.get()
    assert row.organisation is None and re.fullmatch(r"\d{8}-0001", row.number)
    assert mine.rpartition("/")[2] not in (row.secret_sha256, row.number)
    assert "还剩 15 个工作日" in client.get(mine).content.decode()
    assert (
        client.get(f"/asked/{row.number}").status_code == 404
        and client.get(f"/demands/{row.number}").status_code == 404
    )
    operator, steward = as_person(cast["operator"]), as_person(cast["steward"])
    assert [one.title for one in waiting_for(cast["operator"])] and not waiting_for(cast["steward"])
    assert steward.get(f"/cases/{row.number}").status_code == 403
    operator.post(f"/cases/{row.number}", {"act": "route", "place": dataset.provider.code})
    assert waiting_for(cast["steward"])[0].url == f"/cases/{row.number}"
    steward.post(f"/cases/{row.number}", {"act": "accept"})
    steward.post(f"/cases/{row.number}", {"act": "show"})
    assert "夜间急诊" in client.get("/demands").content.decode() and client.get("/demands/feed.atom").status_code == 200
    for other in (client, client, Client()):
        assert other.post(f"/demands/{row.number}/support").status_code == 302
    assert "2 人支持" in client.get(f"/demands/{row.number}").content.decode()
    wrong = steward.post(
        f"/cases/{row.number}", {"act": "answer", "outcome": "met", "meets": "nothing", "answer": "见"}
    )
    assert wrong.status_code == 400
    given = {
        "act": "answer",
        "outcome": "met",
        "meets": "http://localhost/datasets/clinics",
        "answer": f"已开放 {BAD}",
        "shown": "on",
    }
    assert steward.post(f"/cases/{row.number}", given).status_code == 302
    page = client.get(f"/demands/{row.number}").content.decode()
    assert "诊所名录" in page and "&lt;script&gt;" in page and BAD not in page
    assert client.post(f"/demands/{row.number}/support").status_code == 400  # it has its answer
    mail_askers()
    mail_askers()
    assert len(mail.outbox) == 1 and mine in mail.outbox[0].body and "/datasets/clinics" in mail.outbox[0].body
    client.post(mine, {"satisfied": "no"})
    row.refresh_from_db()
    assert row.state == "handling" and cast["steward"].notices.filter(template="case.again").exists()
    cases.answer(cast["steward"], row, "原因是没有这份数据", outcome="refused")
    mail_askers()
    client.post(mine, {"satisfied": "no"})  # only once is it opened again
    row.refresh_from_db()
    mail_askers()
    row.refresh_from_db()
    assert (row.state, row.satisfied, row.email, len(mail.outbox)) == ("closed", False, "", 2)
    assert client.post(mine, {"satisfied": "yes"}).status_code == 400
    acts = list(row.steps.values_list("act", flat=True))
    assert acts == ["asked", "routed", "accepted", "answered", "again", "answered", "closed"]
    found = queries.answering_of(dataset.provider)
    assert (found.open, found.answered, found.in_time, found.satisfied) == (0, 2, 1.0, 0.0)


def test_words_propose_who_would_have_the_data(dataset, indexed):
    assert matching.proposed("诊所的名录") == dataset.provider
    civil = people.organisation("civil", "市民政局")
    assert matching.proposed("民政局的低保名单") == civil
    assert matching.proposed("") is None and matching.matches(" ") == []
    assert [one.name for one in matching.matches("诊所")] == ["clinics"]


def test_looking_first_sends_nothing_and_proposes(dataset, indexed, client):
    given = client.post("/ask/demand", {**DEMAND, "title": "诊所名录", "act": "look", "stamp": stamped()})
    page = given.content.decode()
    assert given.status_code == 200 and f'value="{dataset.provider.code}" selected' in page and "做导航" in page
    assert not Case.objects.exists()
    assert "诊所名录" in client.get("/ask/demand/matches?title=诊所").content.decode()


def test_programs_the_hasty_and_the_many_are_kept_out(dataset, client):
    assert client.post("/ask/demand", DEMAND).status_code == 400  # no stamp
    page = client.get("/ask/demand")
    stamp = re.search(r'name="stamp" value="([^"]+)"', page.content.decode()).group(1)
    hasty = client.post("/ask/demand", {**DEMAND, "stamp": stamp})
    assert hasty.status_code == 400 and "太快" in hasty.content.decode() and "做导航" in hasty.content.decode()
    with clock.at(clock.now() + timedelta(days=2)):
        assert client.post("/ask/demand", {**DEMAND, "stamp": stamp}).status_code == 400
    assert client.post("/ask/demand", {**DEMAND, "stamp": stamp[:-2] + "xx"}).status_code == 400
    assert send(client, "/ask/demand", **DEMAND, website="x")["Location"] == "/ask" and not Case.objects.exists()
    own(send(client, "/ask/demand", **DEMAND))
    again = send(client, "/ask/demand", **DEMAND)
    assert again.status_code == 400 and "已经收到过" in again.content.decode()
    for wrong in ({"title": ""}, {"text": "长" * 2001}, {"purpose": ""}, {"asker": "x"}, {"email": "nonsense"}):
        assert send(Client(), "/ask/demand", **DEMAND | {"title": "另一件"} | wrong).status_code == 400
    for said in ("13899990000", "138 9999-0000", "11010519491231002X", "me@example.org"):
        given = send(Client(), "/ask/demand", **DEMAND | {"title": "另一件", "text": f"请联系 {said}"})
        assert given.status_code == 400 and "请去掉" in given.content.decode(), said
    assert Case.objects.count() == 1
    codes = [send(client, "/ask/suggestion", title=f"{n}", text="更快些").status_code for n in range(9)]
    assert codes == [302] * 8 + [429]  # ten of one browser an hour, the demands counted
    cookie = client.cookies["reader"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_a_complaint_is_kept_from_those_it_is_about(dataset, cast, client):
    given = {"title": "不更新", "text": "半年没有更新", "about": "dataset", "dataset": "/datasets/clinics"}
    assert send(client, "/ask/complaint", **given | {"dataset": ""}).status_code == 400
    own(send(client, "/ask/complaint", **given))
    row = Case.objects.get()
    assert row.organisation == dataset.provider
    for who in ("steward", "approver", "stranger"):
        assert as_person(cast[who]).get(f"/complaints/{row.number}").status_code == 403
        assert as_person(cast[who]).get(f"/cases/{row.number}").status_code == 404
        assert not waiting_for(cast[who])
    # an operator who works for the department as well is apart too
    people.person("both", "operator")
    both = people.person("both", "approver", dataset.provider)
    assert as_person(both).get(f"/complaints/{row.number}").status_code == 403
    assert row.title not in as_person(both).get("/complaints").content.decode()
    told = set(Notice.objects.filter(template="case.received").values_list("person__username", flat=True))
    assert told == {"operator", "regulator"}
    with pytest.raises(PermissionDenied):
        cases.answer(cast["steward"], row, "没有的事")
    with pytest.raises(TableError):
        cases.show(cast["regulator"], row, True)
    with pytest.raises(TableError):
        cases.route(cast["regulator"], row, dataset.provider, "请办")
    page = as_person(cast["regulator"])
    assert "半年没有更新" in page.get(f"/complaints/{row.number}").content.decode()
    page.post(f"/complaints/{row.number}", {"act": "answer", "answer": "已督促", "outcome": "answered", "shown": "on"})
    row.refresh_from_db()
    assert row.state == "answered" and not row.shown
    assert not any("半年" in event.body or "不更新" in event.body for event in Event.objects.all())
    assert client.get(f"/demands/{row.number}").status_code == 404
    assert queries.answering() == []  # nobody's figures


def test_a_complaint_about_the_platform_is_not_the_operators(dataset, cast, client):
    own(send(client, "/ask/complaint", title="太慢", text="答得太慢", about="platform"))
    row = Case.objects.get()
    assert as_person(cast["operator"]).get(f"/complaints/{row.number}").status_code == 403
    assert as_person(cast["regulator"]).get(f"/complaints/{row.number}").status_code == 200


def test_nobody_handles_a_complaint_of_their_own(dataset, cast):
    own(send(as_person(cast["regulator"]), "/ask/complaint", title="转卖数据", text="附网址", about="violation"))
    row = Case.objects.get()
    page = as_person(cast["regulator"])
    assert (
        page.get(f"/complaints/{row.number}").status_code == 403
        and "转卖" not in page.get("/complaints").content.decode()
    )
    assert page.get(f"/asked/{row.number}").status_code == 200
    assert as_person(cast["operator"]).get(f"/complaints/{row.number}").status_code == 200


def test_a_question_is_answered_in_public_once_let(dataset, cast, client):
    own(send(client, "/datasets/clinics/questions/new", title="编号是什么编码？"))
    row = Case.objects.get()
    assert row.kind == "question" and row.organisation == dataset.provider
    assert "什么编码" not in client.get("/datasets/clinics").content.decode()
    cases.answer(cast["steward"], row, "登记顺序号", shown=True)
    for address in ("/datasets/clinics", "/datasets/clinics/questions"):
        page = client.get(address).content.decode()
        assert "什么编码" in page and "登记顺序号" in page
    assert client.get("/datasets/nothing/questions").status_code == 404
    with pytest.raises(TableError):
        cases.route(cast["steward"], row, None, "不归我们")


def test_a_department_passes_on_with_a_reason_and_no_longer_reads_it(dataset, cast):
    row = demand(organisation=dataset.provider)
    steward = as_person(cast["steward"])
    civil = people.organisation("civil", "市民政局")
    assert steward.post(f"/cases/{row.number}", {"act": "route", "place": "civil"}).status_code == 400
    gone = steward.post(f"/cases/{row.number}", {"act": "route", "place": "civil", "note": "数据在民政"})
    assert gone["Location"] == "/cases" and steward.get(f"/cases/{row.number}").status_code == 403
    row.refresh_from_db()
    assert row.organisation == civil and cast["stranger"].notices.filter(template="case.routed").exists()
    cases.route(cast["stranger"], row, None, "也不在民政")
    assert Case.objects.get().organisation is None and Step.objects.filter(act="routed").count() == 2


def test_what_is_late_is_told_once_and_counted(dataset, cast, client):
    with clock.at(clock.now() - timedelta(days=60)):
        row = demand(organisation=dataset.provider)
    cases.escalate()
    cases.escalate()
    told = Notice.objects.filter(template="case.late").values_list("person__username", flat=True)
    assert sorted(told) == ["approver", "operator"]
    found = queries.answering_of(dataset.provider)
    assert (found.open, found.late, found.in_time) == (1, 1, None)
    cases.answer(cast["steward"], row, "抱歉，晚了")
    problems.report(dataset, "wrong", "床位不对")
    found = queries.answering_of(dataset.provider)
    assert (found.open, found.late, found.answered, found.in_time) == (1, 0, 1, 0.0)
    page = Client().get(f"/organisations/{dataset.provider.code}").content.decode()
    assert "按时答复率" in page and "需求与答复" in page
    assert Client().get("/answering").status_code == 200
    with pytest.raises(TableError):
        cases.answer(cast["steward"], row, "再答")
    closed = cases.close(cast["steward"], Case.objects.get())
    address = (
        f"/asked/{cases.secret_of(closed.number)}"  # closed before its asker said a word: the word counts all the same
    )
    assert "您对答复满意吗" in client.get(address).content.decode()
    assert client.post(address, {"satisfied": "no"}).status_code == 302
    row = Case.objects.get()
    assert (row.state, row.satisfied, row.closed_at) == ("handling", False, None)
    cases.answer(cast["steward"], row, "补上了")
    cases.close(cast["steward"], row)
    assert "您对答复满意吗" not in client.get(address).content.decode()
    assert client.post(address, {"satisfied": "yes"}).status_code == 400


def test_what_somebody_signed_in_asked_is_in_their_inbox(dataset, cast):
    client = as_person(cast["stranger"])
    own(send(client, "/ask/consultation", title="怎么下载", text="找不到下载", dataset="clinics"))
    row = Case.objects.get()
    assert row.organisation == dataset.provider
    cases.answer(cast["steward"], row, "在页面右侧")
    assert cast["stranger"].notices.get(template="case.answered").url == f"/asked/{row.number}"
    assert client.get(f"/asked/{row.number}").status_code == 200
    assert Client().get(f"/asked/{row.number}").status_code == 404


def test_what_was_made_with_the_data_is_shown_after_somebody_looked(dataset, cast, client):
    given = {
        "kind": "application",
        "title": f"就医地图 {BAD}",
        "address": "https://example.org/map",
        "maker": "甲公司",
        "datasets": "clinics",
    }
    for wrong in (
        {"address": "javascript:alert(1)"},
        {"datasets": "nothing"},
        {"datasets": ""},
        {"kind": "x"},
        {"maker": ""},
    ):
        assert send(client, "/reuses/new", **given | wrong).status_code == 400
    assert send(client, "/reuses/new", **given, email="a@example.org").status_code == 302
    assert send(Client(), "/reuses/new", **given).status_code == 400  # offered already
    row = Reuse.objects.get()
    assert "就医地图" not in client.get("/reuses").content.decode()
    with pytest.raises(PermissionDenied):
        reuses.decide(cast["steward"], row, shown=True)
    operator = as_person(cast["operator"])
    assert operator.post("/reuses/checks", {"reuse": row.pk, "act": "refuse"}).status_code == 400
    operator.post("/reuses/checks", {"reuse": row.pk, "act": "show"})
    for address in ("/reuses?kind=application&dataset=clinics", "/datasets/clinics"):
        page = client.get(address).content.decode()
        assert "就医地图" in page and BAD not in page and "nofollow" in page
    assert "就医地图" not in client.get("/reuses?kind=paper").content.decode()
    mail_askers()
    mail_askers()
    row.refresh_from_db()
    assert len(mail.outbox) == 1 and row.email == ""
    operator.post("/reuses/checks", {"reuse": row.pk, "act": "refuse", "reason": "网址已失效"})
    assert "就医地图" not in client.get("/reuses").content.decode()


def test_news_are_written_by_the_operator_and_read_by_all(dataset, cast, client):
    operator = as_person(cast["operator"])
    given = {
        "title": f"平台上线 {BAD}",
        "text": f"第一段 https://example.org\n\n第二段 {BAD}",
        "title_en": "Launch",
        "text_en": "",
    }
    page = operator.post("/news/new", given)["Location"]
    text = client.get(page).content.decode()
    assert "&lt;script&gt;" in text and BAD not in text and 'href="https://example.org"' in text and "<p>第二段" in text
    assert "平台上线" in client.get("/").content.decode() and "平台上线" in client.get("/news").content.decode()
    assert client.get("/news/feed.atom").content.decode().count("<entry>") == 1
    assert "Launch" in client.get(page, headers={"accept-language": "en"}).content.decode()
    assert operator.post(f"{page}/edit", given | {"text": ""}).status_code == 400
    operator.post(f"{page}/edit", given | {"title": "平台试运行"})
    assert "改过" in client.get(page).content.decode()
    operator.post(f"{page}/edit", {"act": "withdraw"})
    assert client.get(page).status_code == 404 and News.objects.count() == 1
    with pytest.raises(PermissionDenied):
        news.publish(cast["regulator"], "甲", "乙")


def test_a_problem_begins_at_its_row_or_column(dataset, client):
    page = client.get("/datasets/clinics?sort=-编号").content.decode()
    assert "/datasets/clinics/problems/new?row=10" in page and "problems/new?column=" in page
    form = client.get("/datasets/clinics/problems/new?row=10&column=名称").content.decode()
    assert 'value="10"' in form and '<option value="名称" selected' in form
