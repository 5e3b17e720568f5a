"""Signing in holds: lock-out by account in the database, no word about who exists, codes that count once, no way round."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.test import Client
from typer.testing import CliRunner

from gongshu.cli import build_app
from gongshu.oversight.models import Event
from gongshu.parties.adapters import FactorAdapter
from gongshu.parties.models import Person
from tests import people

pytestmark = pytest.mark.django_db
LOGIN = "/account/login"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TRIES = 5


def _try(client: Client, login: str, password: str = "wrong", **more: Any) -> Any:
    return client.post(LOGIN, {"login": login, "password": password}, **more)


def _notices(answer: Any) -> str:
    return "".join(re.findall(r'role="alert">(.*?)</div>', answer.content.decode(), re.S))


def _actions() -> list[str]:
    return list(Event.objects.values_list("action", flat=True))


def _with_totp(username: str, **more: Any) -> Person:
    person = people.person(username, "steward", **more)
    data = {"secret": FactorAdapter().encrypt(SECRET)}
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data=data)
    return person


def _code(steps: int = 0) -> str:
    return totp.format_hotp_value(totp.hotp_value(SECRET, int(time.time()) // 30 + steps))


def test_by_username_and_by_email_and_out_again(client: Client) -> None:
    people.person("chen", "steward", email="chen@example.org")
    for name in ("chen", "chen@example.org", "CHEN"):
        assert _try(client, name, people.PASSWORD)["Location"] == "/workbench"
        assert client.get("/workbench").status_code == 200
        assert client.post("/account/logout").status_code == 302
        assert client.get("/workbench").status_code == 302
    assert _actions() == ["person.sign_in", "person.sign_out"] * 3
    assert '"method":"password"' in Event.objects.earliest("index").body


def test_five_failures_lock_the_account_by_all_its_names_and_no_other() -> None:
    people.person("chen", "steward", email="chen@example.org")
    people.person("zhou", "steward")
    for i in range(TRIES):
        assert "账号或密码不对" in _notices(_try(Client(), ("chen", "Chen", "chen@example.org")[i % 3]))
    locked = _try(Client(), "chen", people.PASSWORD)
    assert locked.status_code == 200
    assert "十五分钟" in _notices(locked) and "通行密钥" in _notices(locked) and "重设" in _notices(locked)
    _try(Client(), "chen@example.org", people.PASSWORD)
    assert _try(Client(), "zhou", people.PASSWORD).status_code == 302
    assert _actions().count("person.sign_in_failed") == TRIES
    assert _actions().count("person.lock_out") == 1


def test_the_lock_is_kept_in_the_database_and_ends(monkeypatch: Any) -> None:
    from django.db import connection

    people.person("chen", "steward")
    for _ in range(TRIES):
        _try(Client(), "chen")
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM cache WHERE cache_key LIKE %s", ["%login_failed%"])
        assert cursor.fetchone()[0] >= 1
    real = time.time
    monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", lambda: real() + 15 * 60 + 1)
    assert _try(Client(), "chen", people.PASSWORD).status_code == 302


def test_nobody_learns_which_accounts_exist() -> None:
    people.person("chen", "steward", email="chen@example.org")
    assert _notices(_try(Client(), "chen")) == _notices(_try(Client(), "nobody"))
    known = Client().post("/account/reset", {"email": "chen@example.org"}, follow=True)
    unknown = Client().post("/account/reset", {"email": "nobody@example.org"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain
    strip = re.compile(r'value="\w{64}"')
    assert strip.sub("", known.content.decode()) == strip.sub("", unknown.content.decode())
    for _ in range(TRIES + 1):
        locked = _try(Client(), "nobody")
    assert "十五分钟" in _notices(locked)
    said = " ".join(Event.objects.values_list("body", flat=True))
    assert "nobody" not in said and "chen" not in said  # what was typed is in the log as a keyed hash


def test_an_unknown_account_takes_as_long_as_a_wrong_password(monkeypatch: Any) -> None:
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    people.person("chen", "steward")
    hashed = []
    real = PBKDF2PasswordHasher.encode
    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", lambda self, *a, **k: hashed.append(1) or real(self, *a, **k))
    _try(Client(), "chen")
    known, hashed[:] = len(hashed), []
    _try(Client(), "nobody")
    assert len(hashed) == known == 1


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example/", "https:evil.example", "javascript:alert(1)", "\\\\evil.example"],
)
def test_nobody_is_sent_to_another_site(client: Client, address: str) -> None:
    people.person("chen", "steward")
    answer = client.post(LOGIN, {"login": "chen", "password": people.PASSWORD, "next": address})
    assert answer["Location"] == "/workbench"
    assert client.post("/account/logout", {"next": address})["Location"] == "/"
    assert _try(client, "chen", people.PASSWORD)["Location"] == "/workbench"
    assert client.get(LOGIN, {"next": address})["Location"] == "/workbench"


def test_where_one_wanted_to_go_is_kept(client: Client) -> None:
    people.person("chen", "steward")
    page = client.get("/account/sessions", follow=True)
    assert '<input type="hidden" name="next" value="/account/sessions">' in page.content.decode()
    answer = client.post(LOGIN, {"login": "chen", "password": people.PASSWORD, "next": "/account/sessions"})
    assert answer["Location"] == "/account/sessions"


@pytest.mark.parametrize("address", [LOGIN, "/account/logout", "/account/reset", "/account/login/passkey"])
def test_forms_from_elsewhere_are_refused(address: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(address, {"login": "chen", "password": "x"}).status_code == 403


def test_a_code_counts_once_even_within_the_tolerance(client: Client) -> None:
    _with_totp("chen")
    assert _try(client, "chen", people.PASSWORD)["Location"] == "/account/login/code"
    assert client.get("/workbench").status_code == 302, "the first step alone is no session"
    code = _code(1)  # of a clock half a minute ahead: it is good for a minute and a half
    assert client.post("/account/login/code", {"code": code})["Location"] == "/workbench"
    from django.core.cache import cache

    for key in (f"allauth.mfa.totp.used?user={Person.objects.get().pk}&code={code}",):
        cache.delete(key)  # allauth's own mark, which goes after one period
    again = Client()
    _try(again, "chen", people.PASSWORD)
    answer = again.post("/account/login/code", {"code": code})
    assert answer.status_code == 200 and "已经用过" in answer.content.decode()
    assert again.get("/workbench").status_code == 302
    assert '"method":"password+totp"' in Event.objects.get(action="person.sign_in").body


def test_guessing_codes_locks_too(client: Client) -> None:
    _with_totp("chen")
    _try(client, "chen", people.PASSWORD)
    for _ in range(TRIES):
        client.post("/account/login/code", {"code": "000000"})
    answer = client.post("/account/login/code", {"code": _code()})
    assert answer.status_code == 200 and "十五分钟" in answer.content.decode()
    assert _actions() == ["person.factor_add", *["person.sign_in_failed"] * TRIES, "person.lock_out"]


def test_secrets_of_factors_are_encrypted(client: Client) -> None:
    people.person("chen", "steward")
    _try(client, "chen", people.PASSWORD)
    assert client.get("/account/authenticator")["Location"].startswith("/account/confirm")
    answer = client.post("/account/confirm?next=/account/authenticator", {"password": people.PASSWORD}, follow=True)
    secret = answer.context["form"].secret
    assert secret in answer.content.decode()
    code = totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))
    assert client.post("/account/authenticator", {"code": code})["Location"] == "/account/recovery-codes"
    kept = {one.type: one.data for one in Authenticator.objects.all()}
    assert secret not in str(kept) and FactorAdapter().decrypt(kept["totp"]["secret"]) == secret
    codes = re.findall(r"<li>(\d{8})</li>", client.get("/account/recovery-codes").content.decode())
    assert len(codes) == 10
    assert _actions() == ["person.sign_in", "person.factor_add", "person.factor_add"]
    other = Client()
    _try(other, "chen", people.PASSWORD)
    assert other.post("/account/login/code", {"code": codes[0]}).status_code == 302
    third = Client()
    _try(third, "chen", people.PASSWORD)
    assert third.post("/account/login/code", {"code": codes[0]}).status_code == 200, "a recovery code works once"
    assert client.post("/account/authenticator/remove").status_code == 302
    assert not Authenticator.objects.exists()
    assert _actions()[-2:] == ["person.factor_remove"] * 2


@pytest.mark.parametrize("place", ["/account/passkeys/new", "/account/authenticator", "/account/recovery-codes/new"])
def test_ways_to_sign_in_change_only_after_confirming(client: Client, place: str) -> None:
    people.person("chen", "steward")
    _try(client, "chen", people.PASSWORD)
    assert client.get(place)["Location"].startswith("/account/confirm")
    assert client.post(place, {"credential": "{}"})["Location"].startswith("/account/confirm")


def test_a_demo_account_comes_in_from_nowhere_else_by_any_step(settings: Any) -> None:
    settings.DEMO = True
    person = _with_totp("demo", is_demo=True)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    first = Client()
    assert _try(first, "demo", people.PASSWORD)["Location"] == "/account/login/code"
    answer = first.post("/account/login/code", {"code": _code()}, **elsewhere)
    assert answer["Location"] == LOGIN
    assert "只能在本机" in first.get(LOGIN).content.decode()
    assert first.get("/workbench").status_code == 302
    # by passkey: the step after the authenticator's answer was found right
    from allauth.account.models import Login
    from allauth.mfa.webauthn.internal import flows
    from django.contrib.messages.middleware import MessageMiddleware
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.test import RequestFactory

    for place, goes_to in ((elsewhere, LOGIN), ({}, "/workbench")):
        request = RequestFactory().post("/account/login/passkey", **place)
        for middleware in (SessionMiddleware, MessageMiddleware):
            middleware(lambda _: None).process_request(request)  # type: ignore[arg-type]
        from allauth.core import context
        from django.contrib.auth.models import AnonymousUser

        request.user = AnonymousUser()  # type: ignore[assignment]
        key = Authenticator(user=person, type=Authenticator.Type.WEBAUTHN, data={"name": "x"})
        key.save()
        with context.request_context(request):
            response = flows.perform_passwordless_login(request, key, Login(user=person))
        assert response["Location"] == goes_to


def test_a_forged_answer_of_a_passkey_signs_nobody_in(client: Client) -> None:
    people.person("chen", "steward")
    options = client.get("/account/login/passkey", headers={"accept": "application/json"}).json()
    assert options["request_options"]["publicKey"]["userVerification"] == "required"
    for forged in (
        "{}",
        "[]",
        "x",
        '{"response": {"userHandle": "MQ"}}',
        '{"id": "a", "rawId": "a", "type": "public-key"}',
    ):
        assert client.post("/account/login/passkey", {"credential": forged})["Location"] == LOGIN
    assert client.get("/workbench").status_code == 302


def test_the_password_is_reset_by_mail_once_and_every_session_ends(settings: Any) -> None:
    people.person("chen", "steward", email="chen@example.org")
    inside = Client()
    _try(inside, "chen", people.PASSWORD)
    for _ in range(TRIES):
        _try(Client(), "chen")
    client = Client()
    client.post("/account/reset", {"email": "chen@example.org"}, headers={"host": "127.0.0.1"})
    limit = time.monotonic() + 10
    while not mail.outbox and time.monotonic() < limit:
        time.sleep(0.05)
    (message,) = mail.outbox
    assert "重设密码" in message.subject and "chen" in message.body
    link = re.search(rf"{settings.SITE_URL}(/account/reset/\S+)", message.body)
    assert link
    form = client.get(link[1], follow=True)
    address = form.redirect_chain[-1][0]
    assert "set-password" in address
    weak = client.post(address, {"password1": "short", "password2": "short"})
    assert weak.status_code == 200 and "aria-invalid" in weak.content.decode()
    new = "another long passphrase"
    assert client.post(address, {"password1": new, "password2": new})["Location"] == "/account/reset/done"
    assert inside.get("/workbench").status_code == 302, "other sessions end"
    assert "已用过" in client.get(link[1]).content.decode()
    assert _try(Client(), "chen", new).status_code == 302, "the lock-out ends with the reset"
    assert "person.password_reset" in _actions()


def test_a_mail_server_that_is_away_breaks_no_page_and_is_in_the_log(
    client: Client, settings: Any, caplog: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    people.person("chen", "steward", email="chen@example.org")
    assert client.post("/account/reset", {"email": "chen@example.org"})["Location"] == "/account/reset/sent"
    limit = time.monotonic() + 10
    while "邮件没有发出" not in caplog.text and time.monotonic() < limit:
        time.sleep(0.05)
    assert "邮件没有发出" in caplog.text and "chen@example.org" not in caplog.text


def test_changing_the_password_ends_the_other_sessions() -> None:
    people.person("chen", "steward")
    here, there = Client(), Client()
    for one in (here, there):
        _try(one, "chen", people.PASSWORD)
    new = "another long passphrase"
    fields = {"oldpassword": people.PASSWORD, "password1": new, "password2": new}
    assert "现在的密码不对" in here.post("/account/password", fields | {"oldpassword": "x"}).content.decode()
    assert here.post("/account/password", fields)["Location"] == "/account/"
    assert here.get("/workbench").status_code == 200
    assert there.get("/workbench").status_code == 302
    assert "person.password_change" in _actions()


def test_the_list_of_sessions_signs_out_the_others() -> None:
    people.person("chen", "steward")
    here, there = Client(headers={"user-agent": "Here/1"}), Client(headers={"user-agent": "<script>There"})
    for one in (here, there):
        _try(one, "chen", people.PASSWORD)
    html = here.get("/account/sessions").content.decode()
    assert "Here/1" in html and "&lt;script&gt;There" in html
    assert here.post("/account/sessions")["Location"] == "/account/sessions"
    assert here.get("/workbench").status_code == 200
    assert there.get("/workbench").status_code == 302
    assert '"number":1' in Event.objects.get(action="person.sessions_end").body


def test_a_session_ends_after_twelve_hours_and_its_cookie_is_out_of_reach(client: Client, settings: Any) -> None:
    people.person("chen", "steward")
    answer = _try(client, "chen", people.PASSWORD)
    cookie = answer.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["max-age"]
    assert client.session.get_expiry_age() == settings.SESSION_COOKIE_AGE == 12 * 3600


def test_sign_up_is_closed_and_a_closed_account_says_so(client: Client) -> None:
    assert "邀请" in client.get("/account/signup").content.decode()
    fields = {"username": "x", "email": "x@example.org", "password1": "long enough 12", "password2": "long enough 12"}
    assert "邀请" in client.post("/account/signup", fields).content.decode()
    assert not Person.objects.exists()
    people.person("gone", "steward", is_active=False)
    assert _try(client, "gone", people.PASSWORD)["Location"] == "/account/inactive"
    assert "账号或密码不对" in _notices(_try(client, "gone"))


def test_too_many_requests_are_answered_in_our_words(client: Client) -> None:
    for _ in range(31):
        answer = client.post(LOGIN, {})
    assert answer.status_code == 429 and answer["Retry-After"] == "60"
    assert "请等一分钟" in answer.content.decode()


def test_another_persons_passkey_is_not_there(client: Client) -> None:
    other = people.person("zhou", "steward")
    key = Authenticator.objects.create(user=other, type=Authenticator.Type.WEBAUTHN, data={"name": "x"})
    people.person("chen", "steward")
    _try(client, "chen", people.PASSWORD)
    client.post("/account/confirm?next=/account/", {"password": people.PASSWORD})
    for what in ("edit", "remove"):
        assert client.post(f"/account/passkeys/{key.pk}/{what}", {"name": "y"}).status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_factors_of_a_lost_key_are_refused_in_words_and_recovered(settings: Any, tmp_path: Path) -> None:
    """A restore without the keys: the password alone doesn't sign in, and no page breaks."""
    _with_totp("chen")
    code = _code()
    settings.DATA = tmp_path
    client = Client()
    assert _try(client, "chen", people.PASSWORD)["Location"] == "/account/login/code"
    answer = client.post("/account/login/code", {"code": code})
    assert answer.status_code == 200 and "密钥换过" in answer.content.decode()
    assert client.get("/workbench").status_code == 302
    operator, chen = people.person("operator", "operator"), Person.objects.get(username="chen")
    desk = Client()
    desk.force_login(operator)
    where = f"/account/people/{chen.memberships.get().organisation.code}/chen/factors"
    assert "当面确认" in desk.get(where).content.decode()
    assert desk.post(where).status_code == 302
    assert _try(Client(), "chen", people.PASSWORD)["Location"] == "/workbench"
    assert chen.notices.get().template == "factors.removed"
    assert "person.factors_remove" in _actions()
    own = f"/account/people/{operator.memberships.get().organisation.code}/operator/factors"
    assert desk.post(own).status_code == 400


def test_the_first_operator_comes_in_from_the_shell(settings: Any) -> None:
    run = CliRunner()
    asked = ["invite", "lin@example.org", "--name", "林可", "--organisation", "市数据局"]
    assert run.invoke(build_app(), [*asked, "--role", "king"]).exit_code == 2
    answer = run.invoke(build_app(), asked)
    link = re.search(rf"{settings.SITE_URL}(/account/invitation/\S+)", answer.output)
    assert answer.exit_code == 0 and link, answer.output
    client = Client()
    assert "平台邀请您" in client.get(link[1]).content.decode()
    client.post(link[1], {"username": "lin", "password": people.PASSWORD, "again": people.PASSWORD})
    assert client.get("/account/people").status_code == 200
    _with_totp("chen")
    assert "1 个验证方式" in run.invoke(build_app(), ["remove-factors", "chen"]).output
    assert not Authenticator.objects.exists()
