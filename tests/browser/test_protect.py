"""The steward's pages after the inspection, in a browser: at any width, in both languages, with and without script."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look

COMPUTED, WAITING = (f"/drafts/{uuid.UUID(int=number)}" for number in (1, 2))


def sign_in(page: Page) -> None:
    page.goto("/account/login")
    page.locator("input[name=login]").fill("drafter")
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.locator("main form[action='/account/login'] button[type=submit]").click()
    page.wait_for_url("**/workbench")


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_are_accessible_and_fit(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    page = visitor.page(width=width, language=language)
    sign_in(page)
    wrong = []
    for name in ("protect", "describe", "submit"):
        page.goto(f"{COMPUTED}/{name}")
        wrong += look(page, shots, f"steward-{name}-{width}-{language[:2]}")
    page.goto(f"{WAITING}/protect")
    wrong += look(page, shots, f"steward-waiting-{width}-{language[:2]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("script", [True, False])
def test_the_veil_the_sets_and_the_words(visitor: Visitor, script: bool) -> None:
    page = visitor.page(script=script)
    sign_in(page)
    page.goto(f"{COMPUTED}/protect")
    before = page.get_by_role("group", name="处理前")
    expect(before.get_by_text("13700000001")).to_have_count(0)
    page.get_by_role("link", name="查看会留记录").click()
    expect(page.get_by_role("group", name="处理前").get_by_text("13700000001")).to_be_visible()
    page.get_by_role("link", name="下一组").click()
    page.get_by_role("link", name="下一步：写说明").click()
    page.get_by_role("textbox", name="所在区的说明").fill("登记的居住地" + ("" if script else "。"))
    page.get_by_role("button", name="保存说明，去送审").click()
    expect(page.get_by_role("heading", name="可以送审了")).to_be_visible()
    expect(page.get_by_role("button", name="送审第 1 版")).to_be_enabled()
