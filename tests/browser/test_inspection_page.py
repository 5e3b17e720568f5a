"""The inspection page in a browser: a draft settled by mouse and by keyboard, and pages that anybody can use."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look


def open_draft(page: Page, name: str) -> str:
    """Sign in as the steward and come to the draft of ``name`` from what waits; returns its address."""
    page.goto("/account/login")
    page.locator("input[name=login]").fill("inspector")
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.locator("main form[action='/account/login'] button[type=submit]").click()
    page.wait_for_url("**/workbench")
    page.goto("/account/inbox")
    page.locator("main tr", has_text=name).locator("a[href^='/drafts/']").click()
    page.wait_for_url("**/drafts/*")
    return page.url


def test_two_clicks_settle_a_draft(visitor: Visitor) -> None:
    page = visitor.page()
    open_draft(page, "用鼠标")
    page.get_by_role("button", name="确认全部 4 条提议").click()
    expect(page.get_by_role("status")).to_contain_text("还有 1 列要你判断")
    page.get_by_role("button", name="固定电话，1 级 无条件开放").click()
    expect(page.locator(".stick")).to_contain_text("5 列都有了判断")
    expect(page.get_by_role("link", name="选择保护方式").last).to_be_visible()


def test_a_draft_is_settled_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page()
    open_draft(page, "用键盘")
    page.keyboard.press("j")
    expect(page.get_by_role("button", name="手机号，4 级 非开放")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**#columns")
    expect(page.get_by_text("要你判断", exact=True)).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".stick")).to_contain_text("5 列都有了判断")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/protect")


def test_a_cell_is_corrected_without_script(visitor: Visitor) -> None:
    page = visitor.page(script=False)
    open_draft(page, "用眼睛")
    page.get_by_role("link", name="校验码不符").click()
    expect(page.locator("td.bad")).to_have_count(3)
    page.get_by_role("link", name="改正第 5 行").click()
    page.get_by_label("改为").fill("91310101MA1000005K")
    page.get_by_label("理由（必填）").fill("查过执照")
    page.get_by_role("button", name="改正这一格").click()
    expect(page.get_by_role("status")).to_contain_text("已改正第 5 行")
    page.locator("#patches summary").click()
    page.get_by_role("button", name="全部撤销").click()
    expect(page.get_by_role("status")).to_contain_text("已撤销 1 处")


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_are_accessible_and_fit(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    page, tail = visitor.page(width=width, language=language), f"{width}-{language[:2]}"
    address = open_draft(page, "用眼睛")
    wrong = look(page, shots, f"inspect-{tail}")
    page.locator("#rows td.bad a").first.click()
    wrong += look(page, shots, f"inspect-cell-{tail}")
    page.goto(f"{address}?order=file")
    wrong += look(page, shots, f"inspect-file-order-{tail}")
    page.goto(f"{address}/fields/2")
    wrong += look(page, shots, f"inspect-field-{tail}")
    assert not wrong, "\n".join(wrong)
