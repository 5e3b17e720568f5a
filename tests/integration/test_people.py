"""Organisations, invitations, leaving with hand-over, tokens."""

from __future__ import annotations

import re
from concurrent.futures import Future
from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied

from gongshu import clock
from gongshu.oversight.models import Event
from gongshu.parties import actions, handover, people_pages
from gongshu.parties.mail import send_later
from gongshu.parties.models import Invitation, Organisation, Person, Role, Token
from gongshu.parties.permissions import PERMISSIONS, Scope, may, organisations_where
from gongshu.tables.errors import TableError
from tests import people

pytestmark = pytest.mark.django_db


def invited(role: Role = Role.STEWARD) -> tuple[Invitation, str]:
    health = people.organisation()
    return actions.invite(people.person("approver", "approver", health), health, role, "Wang@Example.org", "王一")


def test_an_invitation_makes_a_person_with_a_role_once():
    invitation, secret = invited()
    assert invitation.email == "wang@example.org" and secret not in repr(vars(invitation))
    person = actions.accept_invitation(secret, "wang", people.PASSWORD)
    assert may(person, "upload.make", people.organisation()) and not may(person, "submission.decide")
    with pytest.raises(TableError, match="失效"):
        actions.accept_invitation(secret, "wang2", people.PASSWORD)
    assert secret not in "".join(Event.objects.values_list("body", flat=True))


def test_a_revoked_or_late_invitation_is_over():
    invitation, secret = invited()
    actions.revoke_invitation(people.person("approver"), invitation)
    with pytest.raises(TableError, match="失效"):
        actions.accept_invitation(secret, "wang", people.PASSWORD)
    _, secret = invited()
    with clock.at(clock.now() + timedelta(days=9)), pytest.raises(TableError, match="失效"):
        actions.accept_invitation(secret, "wang", people.PASSWORD)


@pytest.mark.parametrize(
    ("username", "password"),
    [("wang", "short"), ("", people.PASSWORD), ("a b", people.PASSWORD), ("Approver", people.PASSWORD)],
)
def test_a_wrong_account_leaves_the_invitation_open(username, password):
    _, secret = invited()
    with pytest.raises(TableError):
        actions.accept_invitation(secret, username, password)
    assert actions.accept_invitation(secret, "wang", people.PASSWORD).is_active


def test_nobody_gives_more_than_the_own_right():
    health, other = people.organisation(), people.organisation("civil", "市民政局")
    approver = people.person("approver", "approver", health)
    for role in set(Role) - set(actions.GIVEN_BY[Role.APPROVER]):
        with pytest.raises(PermissionDenied):
            actions.invite(approver, health, role, "x@example.org", "甲")
    with pytest.raises(PermissionDenied):
        actions.invite(approver, other, Role.STEWARD, "x@example.org", "甲")
    actions.invite(people.person("operator", "operator"), other, Role.OPERATOR, "x@example.org", "甲")


def test_the_invitation_by_page_and_mail(client, monkeypatch):
    sent: list[Future[None]] = []
    monkeypatch.setattr(people_pages, "send_later", lambda message: sent.append(send_later(message)))
    health = people.organisation()
    client.force_login(people.person("approver", "approver", health))
    page = client.post("/account/people/health", {"display_name": "王一", "email": "w@example.org", "role": "steward"})
    link = re.search(r"/account/invitation/[\w-]+", page.content.decode())
    sent[0].result(timeout=30)
    assert link and mail.outbox[0].to == ["w@example.org"] and link[0] in mail.outbox[0].body
    client.logout()
    assert "王一" not in client.get(link[0] + "x").content.decode()
    typed = {"username": "wang", "password": people.PASSWORD, "again": people.PASSWORD}
    assert "两次" in client.post(link[0], typed | {"again": "other"}).content.decode()
    assert client.post(link[0], typed)["Location"] == "/workbench"
    assert client.get("/workbench").status_code == 200
    assert client.get(link[0]).status_code == 410


def test_leaving_needs_a_successor_for_what_is_held_and_ends_the_account(monkeypatch):
    health = people.organisation()
    leaving, other = people.person("leaving", "steward", health), people.person("other", "steward", health)
    stranger = people.person("stranger", "auditor")
    given: list[Person] = []
    holding = handover.Holding("数据资源", ["诊所名录"], "upload.make", given.append)
    monkeypatch.setattr(handover, "_sources", [lambda person, where: [holding] if person == leaving else []])
    approver = people.person("approver", "approver", health)
    _, secret = actions.make_token(leaving, "程序", ["upload"], 30)
    for successor in (None, stranger, leaving):
        with pytest.raises(TableError):
            actions.leave(approver, leaving, health, successor)
    assert may(leaving, "upload.make", health)
    actions.leave(approver, leaving, health, other)
    leaving.refresh_from_db()
    assert given == [other] and not leaving.is_active and not may(leaving, "workbench.see")
    assert actions.person_with_token(secret, "upload") is None
    assert other.notices.get().template == "handover.received"
    assert leaving.memberships.get().ended is not None


def test_the_credit_code_of_an_organisation_is_checked(client):
    operator = people.person("operator", "operator")
    wrong = Organisation(code="a", name="甲局", credit_code="91310000MA1K0D3R70")
    with pytest.raises(TableError, match="校验位"):
        actions.save_organisation(operator, wrong)
    actions.save_organisation(operator, Organisation(code="a", name="甲局", credit_code="91350100m000100y43"))
    with pytest.raises(TableError, match="已登记过"):
        actions.save_organisation(operator, Organisation(code="b", name="乙局", credit_code="91350100M000100Y43"))
    above = Organisation.objects.get(code="a")
    above.parent = above
    with pytest.raises(TableError, match="上级"):
        actions.save_organisation(operator, above)


def test_a_token_acts_within_its_scope_until_it_ends():
    person = people.person("steward", "steward", people.organisation())
    token, secret = actions.make_token(person, "夜间上传", ["upload"], 30)
    assert secret not in repr(vars(token)) and actions.person_with_token(secret, "upload") == person
    assert actions.person_with_token(secret, "read") is None and actions.person_with_token("x", "upload") is None
    with clock.at(clock.now() + timedelta(days=31)):
        assert actions.person_with_token(secret, "upload") is None
    with pytest.raises(PermissionDenied):
        actions.revoke_token(people.person("other"), token)
    actions.revoke_token(person, token)
    assert actions.person_with_token(secret, "upload") is None
    for scopes, days in (([], 10), (["all"], 10), (["read"], 0), (["read"], 9999)):
        with pytest.raises(TableError):
            actions.make_token(person, "x", scopes, days)


def test_tokens_on_the_page_are_shown_once_and_belong_to_their_person(client):
    person = people.person("steward", "steward", people.organisation())
    client.force_login(person)
    shown = client.post("/account/tokens", {"name": "夜间", "scopes": "upload", "days": "30"}).content.decode()
    secret = re.search(r"gongshu_[\w-]{20,}", shown)
    assert secret and secret[0] not in client.get("/account/tokens").content.decode()
    others, _ = actions.make_token(people.person("other"), "别人的", ["read"], 3)
    assert client.post("/account/tokens", {"revoke": others.pk}).status_code == 404
    assert client.post("/account/tokens", {"revoke": Token.objects.get(person=person).pk}).status_code == 302


def test_the_table_names_known_roles_and_is_shown(client):
    html = client.get("/account/permissions").content.decode()
    for row in PERMISSIONS.values():
        assert row.code in html
        assert len(dict(row.holders)) == len(row.holders), row.code  # a role stands once in a row
    steward = people.person("steward", "steward", people.organisation())
    assert organisations_where(steward, "upload.make") == [people.organisation().pk]
    assert organisations_where(people.person("operator", "operator"), "job.see") is None
    assert dict(PERMISSIONS["dataset.stop"].holders)[Role.OPERATOR] == Scope.PLATFORM
