"""Readers in a browser, also without script: subscribe, rate, report a problem, see what changed; and who answers them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look, sign_in

PUBLIC = {
    "subscribe": "/datasets/bus-stops/subscribe",
    "subscribe-sent": "/datasets/bus-stops/subscribe?sent=1",
    "subscription-over": "/subscriptions/nothing",
    "rate": "/datasets/bus-stops/rate",
    "report-new": "/datasets/company-register/problems/new",
    "problem-reports": "/datasets/company-register/problems",
    "versions": "/datasets/company-register/versions",
    "difference": "/datasets/company-register/versions/2/difference",
}


def report(page: Page, text: str) -> str:
    """Report a problem of the company register; returns the address of the reporter."""
    page.goto("/datasets/company-register")
    page.locator("main").get_by_role("link", name="报告问题", exact=True).click()
    page.get_by_label("数据不对").check()
    page.locator("textarea[name=text]").fill(text)
    page.wait_for_timeout(3100)  # nobody writes faster
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/reports/**")
    return page.url.partition("?")[0]


@pytest.mark.parametrize("script", [True, False])
def test_a_report_is_made_answered_and_judged(visitor: Visitor, script: bool) -> None:
    page = visitor.page(script=script)
    mine = report(page, f"第三行的名称写错了 <b>x</b> {script}")
    number = (page.locator("h1 .mono").text_content() or "").strip()
    expect(page.locator("main")).to_contain_text("还剩 10 个工作日")
    worker = visitor.page(script=script)
    worker.goto(f"/account/login?next=/problems/{number}")
    worker.locator("input[name=login]").fill("answerer")
    worker.locator("input[name=password]").fill(people.PASSWORD)
    worker.locator("main form[action='/account/login'] button[type=submit]").click()
    worker.wait_for_url(f"**/problems/{number}")
    worker.locator("textarea[name=answer]").fill("已改正，见下一版")
    worker.get_by_role("button", name="答复", exact=True).click()
    expect(worker.locator(".said")).to_contain_text("已答复")
    page.goto(mine)
    page.get_by_role("button", name="解决了", exact=True).click()
    expect(page.locator("main")).to_contain_text("您满意")


def test_on_a_phone_a_row_is_reported_from_its_number_and_statistics_fit(visitor: Visitor) -> None:
    page = visitor.page(width=390)
    page.goto("/datasets/company-register")
    page.get_by_role("link", name="报告第 3 行的问题").click()
    expect(page.locator("input[name=row]")).to_have_value("3")
    page.goto("/datasets/company-register/columns")
    table = page.locator(".tw:has(table.statistics)")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_rating_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page(script=False)
    page.goto("/datasets/bus-stops/rate")
    page.locator("input[name=stars]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/datasets/bus-stops#rating")
    expect(page.locator("#rating")).to_contain_text("人评分")


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_of_readers_are_accessible_and_fit(
    visitor: Visitor, width: int, language: str, shots: Path | None
) -> None:
    page, wrong = visitor.page(width=width), []
    mine = report(page, f"{width} {language}：第三行的名称写错了")
    number = (page.locator("h1 .mono").text_content() or "").strip()
    page = visitor.page(width=width, language=language)
    for name, address in {**PUBLIC, "report": mine, "dataset-read": "/datasets/company-register"}.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{width}-{language[:2]}")
    sign_in(page)
    inside = {
        "problems": "/problems",
        "problem": f"/problems/{number}",
        "promises": "/promises",
        "withdraw": "/datasets/company-register/withdraw",
    }
    for name, address in inside.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{width}-{language[:2]}")
    assert not wrong, "\n".join(wrong)
