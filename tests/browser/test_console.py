"""A question put together with clicks, with script and without; the code it gives is copied."""

from __future__ import annotations

import json
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor


@pytest.mark.parametrize("script", [True, False])
def test_clicks_become_a_question_that_the_interface_answers(visitor: Visitor, site: str, script: bool) -> None:
    page = visitor.page(script=script)
    page.goto("/datasets/medical-institutions")
    page.get_by_role("link", name="用点选来写查询").click()
    for number, (column, operator, value) in enumerate((("所在区", "eq", "榫卯区"), ("核定床位", "gte", "100"))):
        line = page.locator(".ask .line").nth(number)
        line.locator("select[name=c]").select_option(column)
        line.locator("select[name=o]").select_option(operator)
        line.locator("input[name=v]").fill(value)
        page.get_by_role("button", name="加一个条件").click()
    page.locator("select[name=sort]").select_option("核定床位")
    page.locator("select[name=order]").select_option("down")
    page.get_by_role("button", name="看结果").click()
    shown = page.locator("#answer-title ~ .s, .tools .s").first.inner_text()
    address = page.locator(".code-box a", has_text="打开").get_attribute("href")
    with urllib.request.urlopen(site + str(address)) as answer:
        found = json.load(answer)
    assert f"共 {found['total']} 行符合" in shown and found["total"] > 10
    beds = [row["核定床位"] for row in found["items"]]
    assert beds == sorted(beds, reverse=True) and beds[-1] >= 100
    assert {row["所在区"] for row in found["items"]} == {"榫卯区"}
    expect(page.locator("#code-client")).to_contain_text('所在区="榫卯区"')
    page.get_by_role("button", name="去掉 所在区").click()
    expect(page.locator("#code-client")).not_to_contain_text("榫卯区")
    copy = page.locator("[data-copy=code-client]")
    if script:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        copy.click()
        expect(copy).to_have_text("已复制")
        assert "核定床位__gte=100" in page.evaluate("navigator.clipboard.readText()")
    else:
        expect(copy).to_be_hidden()
    page.get_by_label("分组统计").check()
    page.get_by_role("button", name="看结果").click()
    expect(page.locator("#code-url")).to_contain_text("/groups?核定床位__gte=100&by=")
