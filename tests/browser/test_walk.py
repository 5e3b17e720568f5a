"""The journeys of the product walked in a real browser: a messy file to a submitted dataset, an approval by keyboard alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import people
from tests.browser.conftest import ROOT, Visitor

WORKER = """
import signal, sys, threading
import django
django.setup()
from gongshu.jobs.worker import work
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
work(stop)
"""
MOST_CLICKS = 15


@pytest.fixture(scope="module")
def worker(site: str, site_data: Path) -> Iterator[None]:
    """The installation's worker, at work while this module runs; no other browser test runs beside it."""
    environment = os.environ | {
        "GONGSHU_DATA": str(site_data),
        "DJANGO_SETTINGS_MODULE": "gongshu.site.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    environment.pop("GONGSHU_DATABASE_URL", None)
    process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, cwd=ROOT)
    yield
    process.terminate()
    process.wait(60)


def messy(folder: Path) -> Path:
    """What an office hands in: GBK, a title above the header, 合计 below, full-width digits, a doubled number, phones of persons."""
    lines = ["社区体育场地一览表,,,,,", "编号,名称,区,面积,开放日期,负责人手机"]
    for n in range(1, 121):
        area = f"{200 + n}".translate(str.maketrans("0123456789", "０１２３４５６７８９")) if n % 30 == 0 else 200 + n
        day = f"2019/{n % 12 + 1}/{n % 27 + 1}" if n % 4 else f"2019年{n % 12 + 1}月{n % 27 + 1}日"
        lines.append(f"T{min(n, 119):04d},公输{n}号体育服务有限公司,榫卯区,{area},{day},139{n * 7919 % 10**8:08d}")
    lines.append("合计,,,31260,,")
    file = folder / "体育场地.csv"
    file.write_bytes("\r\n".join(lines).encode("gbk"))
    return file


class Hand:
    """A person who clicks, and counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1


def sign_in(page: Page, account: str) -> None:
    page.goto("/account/login")
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/workbench")


def picture(page: Page, shots: Path | None, name: str) -> None:
    if shots is not None:
        page.screenshot(path=shots / f"walk-{name}.png", full_page=True)


def test_a_messy_file_is_submitted_approved_by_keyboard_and_read(
    visitor: Visitor, worker: None, tmp_path: Path, shots: Path | None
) -> None:
    steward = visitor.page()
    sign_in(steward, "walk-steward")
    hand = Hand(steward)
    hand.click(steward.get_by_role("navigation", name="工作台导航").get_by_role("link", name="数据资源"))
    hand.click(steward.get_by_role("link", name="上传 资源 sports-grounds"))
    steward.locator("input[type=file]").set_input_files(messy(tmp_path))
    hand.clicks += 1  # the choosing
    hand.click(steward.get_by_role("button", name="上传并检视"))
    begin = steward.get_by_role("button", name="看各列与问题")
    begin.wait_for(timeout=60_000)
    picture(steward, shots, "1-inspected")
    hand.click(begin)
    steward.wait_for_url("**/drafts/*")
    picture(steward, shots, "2-columns")
    while steward.locator("tr.ask2 button").count():
        hand.click(steward.locator("tr.ask2 button").first)
    hand.click(steward.locator(".stick button.go"))
    for _ in range(3):
        accept = steward.get_by_role("button", name="接受这个问题")
        if not accept.count():
            break
        steward.get_by_label("接受这个问题的理由").fill("源系统如此，下一版更正")
        hand.click(accept)
    picture(steward, shots, "3-decided")
    hand.click(steward.locator(".stick .go"))
    steward.wait_for_url("**/protect")
    steward.get_by_role("heading", name="处理后").wait_for(timeout=60_000)
    picture(steward, shots, "4-protect")
    hand.click(steward.get_by_role("link", name="下一步"))
    steward.wait_for_url("**/describe")
    steward.locator("select[name=topic]").select_option(index=1)
    hand.click(steward.locator("button.go"))
    steward.wait_for_url("**/submit")
    picture(steward, shots, "5-submit")
    hand.click(steward.locator("main form button.go"))
    steward.wait_for_url("**/submissions/*")
    assert hand.clicks <= MOST_CLICKS, hand.clicks
    submission = steward.url

    approver = visitor.page()
    sign_in(approver, "walk-approver")
    approver.goto(submission)
    picture(approver, shots, "6-decide")
    keys = approver.keyboard
    keys.press("1")
    keys.type("列、级别与保护都核对过")
    keys.press("Control+Enter")
    approver.wait_for_url("**/submissions")
    operator = visitor.page()
    sign_in(operator, "operator")
    operator.goto(submission)
    assert "13900007919" not in operator.content()  # sees no data values
    operator.keyboard.press("d")
    operator.keyboard.type("可以开放")
    operator.keyboard.press("Control+Enter")
    operator.wait_for_url("**/submissions")

    reader = visitor.page()
    for _ in range(60):
        if reader.goto("/datasets/sports-grounds").status == 200:  # type: ignore[union-attr]
            break
        reader.wait_for_timeout(500)
    expect(reader.get_by_role("heading", level=1)).to_have_text("资源 sports-grounds")
    assert "负责人手机" not in reader.locator("#preview").inner_text()
    picture(reader, shots, "7-read")
