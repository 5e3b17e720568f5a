"""Data given by society: offered with origin and licence, decided with reasons, checked by the platform, marked everywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client

from gongshu.governance.actions import begin, change
from gongshu.governance.models import Draft
from gongshu.jobs.runner import owner_name, run_one
from gongshu.opening import figures, offers, policies, promises, queries, reader_mail, submissions
from gongshu.opening.models import Dataset, Decision, Offer, Submission
from gongshu.oversight.models import Event
from gongshu.parties.inbox import waiting_for
from gongshu.parties.models import Membership, Organisation, Person, Role
from gongshu.tables.contract import load_contract
from gongshu.tables.errors import TableError
from tests import people
from tests.asking import send
from tests.walk import resource_of, uploaded

pytestmark = pytest.mark.django_db(transaction=True)
GIVEN = {
    "giver": "firm", "name": "观澜生态科技有限公司", "credit_code": "91310000MA1FL0000X", "contact": "林一", "email": "lin@example.org",
    "title": "河道观鸟记录", "description": "一行一次观察。", "origin": "本公司三个观察点自动相机拍摄后人工辨认。",
    "rights": "本公司采集，没有他人的权利。", "licence": "cc-by-4.0", "declared": list(offers.CHECKED),
}  # fmt: skip
BIRDS = "编号,种名,数量\n" + "".join(f"{n},白鹭,{n % 9}\n" for n in range(1, 61))


@pytest.fixture
def operator(data: Any) -> Person:
    return people.person("operator", Role.OPERATOR, people.organisation("centre", "市大数据中心"))


def code() -> str:
    """A valid unified social credit code."""
    from stdnum.cn import uscc

    base = "91310000MA1FL0000"
    return base + uscc.calc_check_digit(base)


def made(**more: Any) -> Offer:
    values = GIVEN | {"credit_code": code()} | more
    return offers.offer({k: v for k, v in values.items() if isinstance(v, str)}, set(values["declared"]))[0]


def giver(operator: Person) -> Person:
    """The contact of an accepted offer, signed in with the invitation of the mail."""
    row, link = offers.decide(operator, made(), True, "来源清楚")
    assert row.told_at is None
    reader_mail.mail_readers()
    assert link in mail.outbox[-1].body and row.reason in mail.outbox[-1].body
    reader_mail.mail_readers()  # told once
    assert len(mail.outbox) == 1
    found = re.search(r"https?://[^/]+(/\S+)", link)
    assert found
    typed = {"username": "lin", "password": people.PASSWORD, "again": people.PASSWORD}
    assert Client().post(found.group(1), typed).status_code == 302
    return Person.objects.get(username="lin")


def draft_of(person: Person) -> Draft:
    where = Organisation.objects.get(kind=Organisation.Kind.SOCIETY)
    return begin(person, uploaded(person, resource_of(person, where, "birds"), BIRDS.encode()))


def ready(person: Person, draft: Draft, **words: Any) -> Draft:
    def confirm(row: Draft, contract: Any) -> None:
        contract.topic, contract.title = "environment", "河道观鸟记录"
        contract.licence, contract.source_note = words.get("licence", "cc-by-4.0"), words.get("origin", "自动相机拍摄")
        for field in contract.fields:
            field.level, field.open_type, field.subject = 1, "unconditional", "object"
            if field.name == words.get("personal"):
                field.subject = "person"
        row.fields = {field.name: {"state": "confirmed"} for field in contract.fields}

    row = change(person, draft, draft.edition, "confirm", confirm)
    Draft.objects.filter(pk=row.pk).update(checked_edition=row.edition, checked={})
    row.refresh_from_db()
    return row


def test_an_offer_becomes_a_marked_dataset_beside_the_citys(operator):
    person = giver(operator)
    where = Organisation.objects.get(kind=Organisation.Kind.SOCIETY)
    assert Membership.objects.get(person=person).role == Role.STEWARD
    draft = draft_of(person)
    for words, wrong in (
        ({"licence": "open-unconditional"}, "given_licence"),
        ({"origin": " "}, "given_origin"),
        ({"personal": "种名"}, "given_personal"),
    ):
        draft = ready(person, draft, **words)
        assert wrong in {point.error.code for point in policies.open_points(draft, load_contract(draft.contract))}
        with pytest.raises(TableError):
            submissions.submit(person, draft, draft.edition)
    draft = ready(person, draft)
    desk = Client()
    desk.force_login(person)
    assert "由平台审核：" in desk.get(f"/drafts/{draft.pk}/submit").content.decode()
    assert 'value="cc-by-4.0" selected' in desk.get(f"/drafts/{draft.pk}/describe").content.decode()
    row = submissions.submit(person, draft, draft.edition)
    assert row.state == Submission.State.PLATFORM
    department = people.person("approver", Role.APPROVER, people.organisation())
    with pytest.raises(PermissionDenied):
        submissions.decide(department, row, Decision.Choice.APPROVE, "可以")
    row = submissions.decide(operator, row, Decision.Choice.APPROVE, "没有个人信息，许可与来源清楚")
    while (done := run_one(owner_name())) is not None:  # the pages had asked for a preview too
        assert done.state == "done", done.error
    dataset = Dataset.objects.get()
    assert dataset.provider == where
    client = Client()
    page = client.get("/datasets/birds").content.decode()
    assert "社会提供" in page
    assert "自动相机拍摄" in page
    assert "GovernmentOrganization" not in page
    assert "社会提供" in client.get("/datasets").content.decode()
    assert "社会提供。自动相机拍摄" in client.get("/datasets/birds.ttl").content.decode()
    assert figures.by_organisation() == []
    assert promises.of_bodies() == []
    assert queries.givers() == [(where, 1)]
    assert "观澜生态科技有限公司" in client.get("/give").content.decode()
    # a second version is checked by the platform again
    Draft.objects.update(state=Draft.State.CLOSED)
    again = begin(person, uploaded(person, dataset.resource, BIRDS.replace("白鹭", "苍鹭").encode(), "二.csv"))
    again = ready(person, again)
    assert submissions.submit(person, again, again.edition).state == Submission.State.PLATFORM


def test_offers_come_in_by_a_form_and_are_followed_by_a_link(operator):
    client = Client()
    form = GIVEN | {"credit_code": code()}
    for wrong in (
        {"credit_code": "91"},
        {"licence": "open-unconditional"},
        {"declared": ["own_right"]},
        {"origin": " "},
        {"giver": "x"},
        {"email": "x"},
    ):
        sent = form | wrong | {"email": wrong.get("email", f"a{len(str(wrong))}@example.org")}
        answer = send(Client(REMOTE_ADDR=f"192.0.2.{len(str(wrong))}"), "/give", **sent)
        assert answer.status_code == 400, wrong
        assert "河道观鸟记录" in answer.content.decode()
    assert send(client, "/give", **form, website="x").status_code == 302
    assert not Offer.objects.exists()
    answer = send(client, "/give", **form)
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "申请已收到" in page
    assert "lin@example.org" not in page
    row = Offer.objects.get()
    assert [one.url for one in waiting_for(operator)] == [f"/offers/{row.number}"]
    desk = Client()
    desk.login(username="operator", password=people.PASSWORD)
    assert "河道观鸟记录" in desk.get("/offers").content.decode()
    address = f"/offers/{row.number}"
    assert desk.post(address, {"choice": "accepted", "reason": ""}).status_code == 400
    assert desk.post(address, {"choice": "x", "reason": "理由"}).status_code == 400
    assert desk.post(address, {"choice": "refused", "reason": "权利不清楚"}).status_code == 302
    assert desk.post(address, {"choice": "accepted", "reason": "改主意"}).status_code == 400
    assert "权利不清楚" in client.get(answer["Location"]).content.decode()
    assert not mail.outbox
    reader_mail.mail_readers()
    assert "权利不清楚" in mail.outbox[-1].body and "/account/invitation" not in mail.outbox[-1].body
    assert not Organisation.objects.filter(kind=Organisation.Kind.SOCIETY).exists()
    assert set(Event.objects.filter(subject=f"offer:{row.number}").values_list("action", flat=True)) == {
        "offer.make",
        "offer.refused",
    }
    assert client.get("/give/no-such-secret").status_code == 404


def test_nobody_joins_an_organisation_by_writing_its_name(operator):
    people.organisation("health", "市卫生健康委")
    with pytest.raises(TableError) as caught:
        offers.decide(operator, made(name="市卫生健康委"), True, "可以")
    assert caught.value.code == "organisation_known"
    assert Offer.objects.get().state == Offer.State.OPEN
    offers.decide(operator, made(giver="person", name="老王", email="wang@example.org"), True, "可以")
    with pytest.raises(TableError):
        offers.decide(operator, made(giver="person", name="老王", email="li@example.org"), True, "可以")
    offers.decide(operator, made(giver="person", name="老王", email="wang@example.org"), True, "又一份")
    assert Organisation.objects.filter(kind=Organisation.Kind.SOCIETY).count() == 1
    with pytest.raises(PermissionDenied):
        offers.decide(people.person("steward", Role.STEWARD, people.organisation()), made(), True, "可以")
