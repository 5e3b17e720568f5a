"""What readers do: subscribe by one click or by e-mail, rate, report a problem and follow it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from gongshu import clock
from gongshu.opening import problems, readers, stops
from gongshu.opening.actions import withdraw
from gongshu.opening.models import Dataset, Problem, Rating, Subscription
from gongshu.opening.reader_mail import mail_readers
from gongshu.oversight.models import Event
from gongshu.parties.inbox import waiting_for
from gongshu.parties.permissions import Shell
from tests import people, seeding
from tests.asking import send

pytestmark = pytest.mark.django_db
BAD = "<script>alert('x')</script>"


@pytest.fixture
def dataset(data) -> Dataset:
    cache.clear()
    columns = [{"name": "编号", "storage_type": "int64"}, {"name": "名称", "storage_type": "string"}]
    select = "SELECT i AS 编号, '诊所' || i AS 名称 FROM range(1, 11) t(i)"
    return seeding.publish("clinics", select, columns, title="诊所名录", key=["编号"]).dataset


@pytest.fixture
def cast(dataset) -> dict[str, Any]:
    where = dataset.provider
    return {
        "steward": people.person("steward", "steward", where),
        "colleague": people.person("colleague", "steward", where),
        "approver": people.person("approver", "approver", where),
        "operator": people.person("operator", "operator"),
        "security": people.person("security", "security"),
        "stranger": people.person("stranger", "steward", people.organisation("civil", "市民政局")),
    }


def link(text: str) -> str:
    return re.search(r"(/(?:subscriptions|reports)/\S+)", text).group(1)


def test_an_address_is_told_only_after_it_confirmed_and_leaves_without_a_trace(dataset, client):
    assert client.post("/datasets/clinics/subscribe", {"email": "A@example.org"}).status_code == 302
    mail_readers()
    mail_readers()
    assert [one.to for one in mail.outbox] == [["a@example.org"]]
    page = link(mail.outbox[0].body)
    row = Subscription.objects.get()
    assert row.secret_sha256 == readers.hashed(page.rpartition("/")[2]) and row.confirmed_at is None
    client.get(page)  # a program that checks links
    row.refresh_from_db()
    assert row.confirmed_at is None
    client.post(page, {"act": "confirm"})
    stops.stop(Shell("tester"), "clinics", "核查")
    stops.restore(Shell("other"), "clinics", "没有问题")
    withdraw(Shell("tester"), "clinics", "重复登记")
    mail_readers()
    mail_readers()
    assert len(mail.outbox) == 2
    body = mail.outbox[1].body
    assert "重复登记" in body and "紧急停止" in body and "已恢复" in body and page in body
    client.post(page, {"act": "leave"})
    assert not Subscription.objects.exists() and client.get(page).status_code == 200


def test_nothing_tells_whether_an_address_is_subscribed(dataset, client):
    Subscription.objects.create(dataset=dataset, email="known@example.org", confirmed_at=clock.now())
    answers = [
        client.post("/datasets/clinics/subscribe", {"email": one}, follow=True).content
        for one in ("known@example.org", "new@example.org")
    ]
    strip = [re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", one) for one in answers]
    assert strip[0] == strip[1]
    client.post("/datasets/clinics/subscribe", {"email": "bot@example.org", "website": "x"})
    assert not Subscription.objects.filter(email="bot@example.org").exists()
    assert client.post("/datasets/clinics/subscribe", {"email": "nonsense"}).status_code == 400


def test_a_mail_that_is_not_sent_is_sent_with_the_next_round(dataset, monkeypatch):
    for n in range(2):
        Subscription.objects.create(dataset=dataset, email=f"{n}@example.org", confirmed_at=clock.now())
    stops.stop(Shell("tester"), "clinics", "核查")
    with monkeypatch.context() as broken:
        broken.setattr("gongshu.parties.mail.EmailMessage.send", lambda self: (_ for _ in ()).throw(OSError()))
        mail_readers()
    assert mail.outbox == []
    mail_readers()
    mail_readers()
    assert len(mail.outbox) == 2


def test_asking_too_often_is_refused(dataset, client):
    codes = [client.post("/datasets/clinics/subscribe", {"email": f"{n}@example.org"}).status_code for n in range(11)]
    assert codes == [302] * 10 + [429]
    form, fields = "/datasets/clinics/problems/new", {"kind": "wrong", "text": "不对"}
    assert client.post(form, fields).status_code == 400  # sent back sooner than anybody reads the page
    assert send(client, form, **fields).status_code == 302
    assert send(client, form, **fields).status_code == 400  # in the same words
    codes = [send(client, form, **fields, row=str(n)).status_code for n in range(1, 10)]
    assert codes == [302] * 8 + [429]


def test_a_signed_in_person_subscribes_and_leaves_with_one_click(dataset, cast, client):
    client.force_login(cast["stranger"])
    client.post("/datasets/clinics/subscribe", {"act": "subscribe"})
    assert "已订阅" in client.get("/datasets/clinics").content.decode()
    stops.stop(Shell("tester"), "clinics", "核查")
    assert cast["stranger"].notices.filter(template="dataset.stopped").exists()
    stops.restore(Shell("other"), "clinics", "没有问题")
    client.post("/datasets/clinics/subscribe", {"act": "leave"})
    assert not Subscription.objects.exists()


def test_one_browser_has_one_rating_and_can_change_it(dataset, client):
    assert "reader" not in client.get("/datasets/clinics/rate").cookies
    first = client.post("/datasets/clinics/rate", {"stars": "2"})
    cookie = first.cookies["reader"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    client.post("/datasets/clinics/rate", {"stars": "5"})
    assert list(Rating.objects.values_list("stars", flat=True)) == [5]
    forged = Client()
    forged.cookies["reader"] = cookie.value[:-3] + "abc"
    forged.post("/datasets/clinics/rate", {"stars": "3"})
    assert Rating.objects.count() == 2
    assert "<b>3.5</b>" not in (page := client.get("/datasets/clinics").content.decode()) and "2 人评分" in page
    Client().post("/datasets/clinics/rate", {"stars": "4"})
    assert "<b>4.0</b>" in client.get("/datasets/clinics").content.decode()
    assert client.post("/datasets/clinics/rate", {"stars": "9"}).status_code == 400
    assert not Event.objects.filter(action="dataset.rate").exclude(actor="reader").exists()


def reported(client: Client, **more: str) -> str:
    given = send(client, "/datasets/clinics/problems/new", **{"kind": "wrong", "text": f"床位不对 {BAD}", **more})
    assert given.status_code == 302, given.content.decode()
    return given["Location"].partition("?")[0]


def test_a_report_is_answered_judged_and_closed(dataset, cast, client):
    mine = reported(client, column="名称", row="3", email="reader@example.org")
    row = Problem.objects.get()
    assert re.fullmatch(r"\d{8}-0001", row.number) and row.state == "open"
    assert row.secret_sha256 == readers.hashed(mine.rpartition("/")[2])
    assert cast["steward"].notices.filter(template="problem.reported").exists()
    assert [one.url for one in waiting_for(cast["steward"])] == [f"/problems/{row.number}"]
    worker = Client()
    worker.force_login(cast["steward"])
    page = worker.get(f"/problems/{row.number}").content.decode()
    assert BAD not in page and "&lt;script&gt;" in page and "reader@example.org" not in page
    worker.post(f"/problems/{row.number}", {"act": "answer", "answer": f"已改正 {BAD}"})
    public = client.get("/datasets/clinics/problems").content.decode()
    assert "已改正" in public and "床位不对" not in public and BAD not in public
    mail_readers()
    assert mail.outbox[-1].to == ["reader@example.org"] and mine in mail.outbox[-1].body
    client.post(mine, {"satisfied": "no"})
    row.refresh_from_db()
    assert (row.state, row.satisfied) == ("open", False)
    assert cast["steward"].notices.filter(template="problem.again").exists()
    worker.post(f"/problems/{row.number}", {"act": "answer", "answer": "这次改好了", "shown": "on"})
    mail_readers()
    assert "这次改好了" in mail.outbox[-1].body
    client.post(mine, {"satisfied": "yes"})
    row.refresh_from_db()
    assert (row.state, row.satisfied) == ("closed", True) and row.closed_at
    public = client.get("/datasets/clinics/problems").content.decode()
    assert "床位不对" in public and BAD not in public
    assert client.post(mine, {"satisfied": "yes"}).status_code == 400
    said = " ".join(Event.objects.filter(subject="dataset:clinics").values_list("body", flat=True))
    assert "床位" not in said and "example.org" not in said


def test_a_report_that_was_closed_right_after_its_answer_is_still_told(dataset, cast, client):
    reported(client, email="reader@example.org")
    row = Problem.objects.get()
    problems.answer(cast["steward"], row, "已更正")
    problems.close(cast["steward"], row)
    mail_readers()
    mail_readers()
    assert len(mail.outbox) == 1 and "已更正" in mail.outbox[0].body
    row.refresh_from_db()
    assert row.email == ""  # nothing will be sent to it any more


def test_only_the_reporter_follows_a_report(dataset, cast, client):
    signed = Client()
    signed.force_login(cast["stranger"])
    reported(signed)
    number = Problem.objects.get().number
    assert signed.get(f"/reports/{number}").status_code == 200
    assert client.get(f"/reports/{number}").status_code == 404
    other = Client()
    other.force_login(cast["steward"])
    assert other.get(f"/reports/{number}").status_code == 404
    assert signed.get(f"/problems/{number}").status_code == 403  # a steward of another body
    assert client.get("/reports/" + "x" * 43).status_code == 404


def test_a_report_of_a_leak_reaches_operator_and_security_and_is_never_public(dataset, cast, client):
    reported(client, kind="privacy")
    row = Problem.objects.get()
    for who in ("operator", "security"):
        notice = cast[who].notices.get(template="problem.privacy")
        assert notice.url == "/stops?dataset=clinics"
    problems.answer(cast["steward"], row, "已核查", shown=True)
    row.refresh_from_db()
    assert not row.shown and row.number not in client.get("/datasets/clinics/problems").content.decode()


def test_a_report_that_is_wrong_is_said_so_and_keeps_what_was_typed(dataset, client):
    for wrong in ({"kind": "none"}, {"text": " "}, {"column": "手机"}, {"row": "11"}, {"row": "x"}, {"email": "x"}):
        given = send(client, "/datasets/clinics/problems/new", **{"kind": "wrong", "text": "留着的话", **wrong})
        assert given.status_code == 400
        assert "text" in wrong or "留着的话" in given.content.decode()
        cache.clear()
    assert Client(enforce_csrf_checks=True).post("/datasets/clinics/problems/new", {"kind": "wrong"}).status_code == 403


def test_a_report_is_handed_over_and_late_ones_reach_the_approvers_once(dataset, cast, client):
    reported(client)
    row = problems.hand_to(cast["steward"], Problem.objects.get(), cast["colleague"])
    assert [one.url for one in waiting_for(cast["colleague"])] and not waiting_for(cast["steward"])
    from gongshu.opening.handover import reports

    (held,) = reports(cast["colleague"], dataset.provider)
    held.pass_on(cast["steward"])
    assert waiting_for(cast["steward"])
    with clock.at(row.due_at):
        problems.escalate()
        problems.escalate()
    assert cast["approver"].notices.filter(template="problem.late").count() == 1


def test_no_number_is_given_twice(dataset):
    numbers = [problems.report(dataset, "wrong", f"第 {n} 件")[0].number for n in range(3)]
    Problem.objects.get(number=numbers[-1]).delete()
    numbers.append(problems.report(dataset, "wrong", "又一件")[0].number)
    assert [one[-4:] for one in numbers] == ["0001", "0002", "0003", "0004"]


def test_a_kill_after_a_mail_repeats_it_and_loses_none(dataset, monkeypatch):
    Subscription.objects.create(dataset=dataset, email="a@example.org", confirmed_at=clock.now())
    stops.stop(Shell("tester"), "clinics", "核查")
    with monkeypatch.context() as killed:
        killed.setattr("gongshu.parties.mail.crash_here", lambda point: (_ for _ in ()).throw(SystemExit()))
        with pytest.raises(SystemExit):
            mail_readers()
    mail_readers()
    mail_readers()
    assert [one.to for one in mail.outbox] == [["a@example.org"]] * 2


def test_the_news_of_a_dataset_reaches_its_own_subscribers_only_even_far_down_the_log(dataset, monkeypatch):
    monkeypatch.setattr("gongshu.opening.reader_mail.FAR", 2)
    columns = [{"name": "编号", "storage_type": "int64"}]
    other = seeding.publish("schools", "SELECT 1 AS 编号", columns, title="学校").dataset
    for one in (dataset, other):
        row = Subscription.objects.create(dataset=one, email=f"{one.name}@example.org")
        readers.confirm(row)
    for n in range(4):
        readers.rate(dataset, f"{n}" * 64, 5)
    mail_readers()
    assert Subscription.objects.filter(told__gte=3).count() == 2  # both were moved on without a mail
    stops.stop(Shell("tester"), "schools", "核查")
    mail_readers()
    mail_readers()
    assert [one.to for one in mail.outbox] == [["schools@example.org"]]
