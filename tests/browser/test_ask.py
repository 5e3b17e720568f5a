"""Questions and answers in a browser, also without script: what is asked, followed, answered, supported, checked, told."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look, sign_in

PUBLIC = {
    "ask": "/ask",
    "demand-new": "/ask/demand?q=医院",
    "complaint-new": "/ask/complaint",
    "question-new": "/datasets/company-register/questions/new",
    "questions": "/datasets/company-register/questions",
    "demands": "/demands",
    "answering": "/answering",
    "reuses": "/reuses",
    "reuse-new": "/reuses/new?dataset=company-register",
    "news": "/news",
    "report-row": "/datasets/company-register/problems/new?row=2",
}
DESK = {"cases": "/cases", "complaints": "/complaints", "reuse-checks": "/reuses/checks", "news-new": "/news/new"}


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_are_accessible_and_fit(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    page, tail, wrong = visitor.page(width=width, language=language), f"{width}-{language[:2]}", []
    for name, address in PUBLIC.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    page.goto("/demands")
    for number, address in enumerate([one.get_attribute("href") for one in page.locator(".dsl .name a").all()][:2]):
        page.goto(address or "")
        wrong += look(page, shots, f"demand-{number}-{tail}")
    page.goto("/news")
    page.locator(".dsl .name a").first.click()
    wrong += look(page, shots, f"news-one-{tail}")
    sign_in(page)
    for name, address in DESK.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    for name, address in (("case", "/cases?place=none"), ("complaint", "/complaints")):
        page.goto(address)
        page.locator("tbody th a").first.click()
        wrong += look(page, shots, f"{name}-{tail}")
    assert not wrong, "\n".join(wrong)


def ask(page: Page, title: str) -> str:
    """Ask for data as somebody who reads the page; returns the asker's address."""
    page.goto("/")
    page.get_by_role("link", name="提数据需求").click()
    page.locator("input[name=title]").fill(title)
    page.locator("textarea[name=text]").fill("全市的，按月")
    page.locator("textarea[name=purpose]").fill("做地图")
    page.get_by_label("个人用户").check()
    page.wait_for_timeout(3100)  # nobody writes faster
    page.get_by_role("button", name="提交需求").click()
    page.wait_for_url("**/asked/**")
    return page.url.partition("?")[0]


@pytest.mark.parametrize("script", [True, False])
def test_a_demand_is_asked_answered_and_judged(visitor: Visitor, script: bool, shots: Path | None) -> None:
    page = visitor.page(script=script)
    mine = ask(page, f"医疗机构的停车位{script} <b>x</b>")
    expect(page.locator("main")).to_contain_text("还剩 15 个工作日")
    number = (page.locator("h1 .mono").text_content() or "").strip()
    worker = visitor.page(script=script)
    worker.goto(f"/account/login?next=/cases/{number}")
    worker.locator("input[name=login]").fill("operator")
    worker.locator("input[name=password]").fill(people.PASSWORD)
    worker.locator("main form[action='/account/login'] button[type=submit]").click()
    worker.wait_for_url(f"**/cases/{number}")
    worker.get_by_role("button", name="公开", exact=True).click()
    reader = visitor.page(script=script)
    reader.goto(f"/demands/{number}")
    reader.get_by_role("button", name="我也需要").click()
    expect(reader.locator("#support")).to_contain_text("您已支持")
    worker.get_by_role("radio", name="已有数据满足").check()
    worker.locator("input[name=meets]").fill("medical-institutions")
    worker.locator("textarea[name=answer]").fill("已经开放")
    worker.get_by_role("button", name="答复", exact=True).click()
    expect(worker.locator(".said")).to_contain_text("已答复")
    page.goto(mine)
    if script and shots:
        page.screenshot(path=shots / "asked.png", full_page=True)
    page.get_by_role("button", name="满意", exact=True).click()
    expect(page.locator("main")).to_contain_text("您满意")


def test_what_is_there_already_shows_while_one_writes(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/ask/demand")
    page.locator("input[name=title]").press_sequentially("医疗机构", delay=20)
    expect(page.locator("#matches")).to_contain_text("公输市医疗机构名录")
    plain = visitor.page(script=False)
    plain.goto("/ask/demand")
    plain.locator("input[name=title]").fill("医疗机构")
    plain.get_by_role("button", name="先看看").click()
    expect(plain.locator("#matches")).to_contain_text("公输市医疗机构名录")
    expect(plain.locator("select[name=organisation]")).to_have_value("health")
