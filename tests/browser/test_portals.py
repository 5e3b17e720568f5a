"""The pages of harvested portals and of data given by society: the public's and the operator's, at both widths, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look, sign_in

PUBLIC = {
    "portals": "/portals",
    "portal": "/portals/neighbour",
    "external": "/external/neighbour--d0",
    "external-missing": "/external/neighbour--d1",
    "external-gone": "/external/neighbour--d2",
    "give": "/give",
    "given": "/datasets/bird-watching",
    "giver": "/organisations/society-1",
}
OPERATOR = {
    "sources": "/federation/sources",
    "source-new": "/federation/sources/new",
    "source": "/federation/sources/neighbour",
    "source-edit": "/federation/sources/neighbour/edit",
    "offers": "/offers",
}


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_are_accessible_and_fit(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    page, wrong, tail = visitor.page(width=width, language=language), [], f"{width}-{language[:2]}"
    for name, address in PUBLIC.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    sign_in(page)
    for name, address in OPERATOR.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    page.goto("/federation/sources/neighbour")
    page.locator("#runs a").first.click()
    page.wait_for_url("**/federation/runs/*")
    wrong += look(page, shots, f"run-{tail}")
    page.goto("/offers")
    page.locator("main table a").first.click()
    page.wait_for_url("**/offers/*")
    wrong += look(page, shots, f"offer-{tail}")
    assert not wrong, "\n".join(wrong)


def test_a_portal_of_the_inner_network_is_refused_in_words(visitor: Visitor) -> None:
    page = visitor.page()
    sign_in(page)
    page.goto("/federation/sources/new")
    page.locator("input[name=key]").fill("inner")
    page.locator("input[name=name]").fill("内网的门户")
    page.locator("input[name=address]").fill("http://127.0.0.1:9/catalog.ttl")
    page.get_by_role("button", name="添加并汇入").click()
    expect(page.get_by_role("alert")).to_contain_text("GONGSHU_OUTGOING_ALLOWED")
    expect(page.locator("input[name=name]")).to_have_value("内网的门户")


def test_data_is_offered_and_followed(visitor: Visitor) -> None:
    page = visitor.page(width=390)
    page.goto("/give")
    page.locator("input[name=giver][value=person]").check()
    for name, text in (
        ("name", "植物爱好者"),
        ("contact", "李一"),
        ("email", "li1@example.org"),
        ("title", "行道树名录"),
    ):
        page.locator(f"input[name={name}]").fill(text)
    for name in ("description", "origin", "rights"):
        page.locator(f"textarea[name={name}]").fill("自己记的。")
    page.locator("input[name=licence]").first.check()
    for one in page.locator("input[name=declared]").all():
        one.check()
    page.wait_for_timeout(3100)  # nobody writes faster
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_role("status")).to_contain_text("申请已收到")
    expect(page.get_by_role("main")).not_to_contain_text("li1@example.org")
