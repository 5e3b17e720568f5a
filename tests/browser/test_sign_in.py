"""Signing in in a real browser: a passkey made and used, a code of an authenticator app, and pages that anybody can use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import hotp_value
from playwright.sync_api import Browser, Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look

PAGES = {
    "account": "/account/",
    "password": "/account/password",
    "sessions": "/account/sessions",
    "authenticator": "/account/authenticator",
    "passkeys": "/account/passkeys",
    "passkey-new": "/account/passkeys/new",
    "recovery-codes": "/account/recovery-codes",
    "recovery-codes-new": "/account/recovery-codes/new",
    "passkey-confirm": "/account/confirm/passkey",
    "confirm": "/account/confirm",
    "confirm-code": "/account/confirm/code",
    "logout": "/account/logout",
}
OUTSIDE = {
    "reset": "/account/reset",
    "reset-sent": "/account/reset/sent",
    "reset-bad": "/account/reset/1-x",
    "reset-done": "/account/reset/done",
    "signup": "/account/signup",
    "inactive": "/account/inactive",
}


@pytest.fixture
def at_localhost(chrome: Browser, site: str) -> Iterator[Visitor]:
    """A visitor who uses the host name: browsers give no passkeys to IP addresses."""
    person = Visitor(chrome, site.replace("127.0.0.1", "localhost"))
    yield person
    person.close()
    assert person.complaints == []


def with_authenticator(page: Page) -> Page:
    """The page, on a device with a fingerprint reader."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def give_password(page: Page, account: str) -> None:
    page.goto("/account/login")
    page.get_by_label("账号或电子邮箱").fill(account)
    page.get_by_label("密码").fill(people.PASSWORD)
    page.keyboard.press("Enter")


def test_a_passkey_is_added_and_signs_in_alone_and_as_the_second_step(at_localhost: Visitor) -> None:
    page = with_authenticator(at_localhost.page())
    give_password(page, "keyholder")
    page.wait_for_url("**/workbench")
    page.goto("/account/")
    page.get_by_role("link", name="添加通行密钥").click()
    page.get_by_label("密码").fill(people.PASSWORD)  # who changes how they sign in shows again who they are
    page.keyboard.press("Enter")
    page.get_by_label("名称").fill("办公室的电脑")
    page.get_by_role("button", name="添加").press("Enter")
    expect(page.get_by_role("heading", name="恢复码")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)
    page.goto("/account/passkeys")
    expect(page.locator(".rows")).to_contain_text("办公室的电脑")
    expect(page.locator(".rows")).to_contain_text("可直接登录")

    page.locator(".top .me").get_by_role("button", name="退出").click()
    page.goto("/account/login?next=/account/sessions")
    page.get_by_role("button", name="用通行密钥登录").click()
    page.wait_for_url("**/account/sessions")

    page.locator(".top .me").get_by_role("button", name="退出").click()
    give_password(page, "keyholder")
    expect(page.get_by_role("heading", name="第二步验证")).to_be_visible()
    page.get_by_role("button", name="用通行密钥").click()
    page.wait_for_url("**/workbench")


def test_who_declines_is_told_what_to_do(at_localhost: Visitor, visitor: Visitor) -> None:
    page = at_localhost.page()
    page.goto("/account/login")
    page.evaluate(
        "() => { navigator.credentials.get = async () => { throw new DOMException('no', 'NotAllowedError') } }"
    )
    page.get_by_role("button", name="用通行密钥登录").click()
    expect(page.locator("form[data-passkey] [role=alert]")).to_contain_text("请再试一次")
    by_number = visitor.page()
    by_number.goto("/account/login")
    by_number.get_by_role("button", name="用通行密钥登录").click()
    expect(by_number.locator("form[data-passkey] [role=alert]")).to_contain_text("localhost")
    without_script = visitor.page(script=False)
    without_script.goto("/account/login")
    expect(without_script.get_by_role("button", name="用通行密钥登录")).to_be_hidden()


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_pages_of_the_account_are_accessible_and_fit(
    at_localhost: Visitor, width: int, language: str, shots: Path | None
) -> None:
    page = with_authenticator(at_localhost.page(width=width, language=language))
    tail, wrong = f"{width}-{language[:2]}", []
    for name, address in OUTSIDE.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    account = f"looker-{tail}".lower()
    page.goto("/account/login")
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=password]").fill("wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]:visible")
    wrong += look(page, shots, f"login-wrong-{tail}")
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/workbench")
    page.goto("/account/authenticator")
    wrong += look(page, shots, f"confirm-password-{tail}")
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/authenticator")
    wrong += look(page, shots, f"authenticator-{tail}")
    secret = page.locator("main .mono").inner_text()
    page.locator("input[name=code]").fill(f"{hotp_value(secret, int(time.time()) // 30):06}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/recovery-codes")
    page.goto("/account/passkeys/new")
    page.locator("form[data-passkey] button").click()
    page.wait_for_url("**/account/")
    for name, address in PAGES.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    page.goto("/account/passkeys")
    for name in ("edit", "remove"):
        page.locator(f".rows a[href$={name}]").click()
        wrong += look(page, shots, f"passkey-{name}-{tail}")
        page.go_back()
    page.goto("/account/logout")
    page.locator("main form button").click()
    page.goto("/account/login")
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/login/code")
    wrong += look(page, shots, f"code-{tail}")
    assert not wrong, "\n".join(wrong)
