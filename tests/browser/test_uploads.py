"""A GBK file sent in pieces by a real browser, broken off and gone on with; and the pages around it for everybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import ROOT, WINDOWS, Visitor
from tests.browser.test_browser import look

WORK = """
import django
django.setup()
import threading
from gongshu.jobs.worker import work
work(threading.Event(), until_idle=True)
"""
MB = 1024**2


@pytest.fixture
def inspect_now(site_data: Path) -> object:
    """What the worker of the installation does when it is asked."""

    def run() -> None:
        environment = {
            **os.environ,
            "GONGSHU_DATA": str(site_data),
            "DJANGO_SETTINGS_MODULE": "gongshu.site.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        }
        environment.pop("GONGSHU_DATABASE_URL", None)
        subprocess.run([sys.executable, "-c", WORK], env=environment, check=True, cwd=ROOT)

    return run


def sign_in(page: Page, account: str = "uploader") -> None:
    page.goto("/account/login")
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/workbench")


def test_a_file_is_broken_off_and_gone_on_with(visitor: Visitor, inspect_now, tmp_path: Path) -> None:
    file = tmp_path / "企业登记.csv"
    rows = "".join(f"{n},公输市第{n}号企业有限公司,{n % 97}.5\n" for n in range(300_000))
    file.write_bytes(("编号,名称,注册资本\n" + rows).encode("gbk"))
    assert file.stat().st_size > 8 * MB
    page = visitor.page()
    sign_in(page)
    page.goto("/resources")
    page.locator("tr", has_text="businesses").get_by_role("link", name="上传").click()
    page.set_input_files("input[type=file]", file)
    sent: list[str] = []

    def break_off(route) -> None:  # the second piece never arrives
        sent.append(route.request.url)
        route.continue_() if len(sent) == 1 else route.abort()

    page.route("**/pieces*", break_off)
    page.get_by_role("button", name="上传并检视").click()
    expect(page.locator("[data-status]")).to_contain_text("自动重试")
    visitor.complaints.clear()  # the broken connection itself
    page.unroute("**/pieces*")

    page.goto("/workbench")  # the browser was closed
    page.get_by_role("link", name="接着传").first.click()
    page.get_by_role("link", name="选同一个文件接着传").click()
    expect(page.locator("table")).to_contain_text("企业登记.csv")
    again: list[str] = []
    page.on("request", lambda request: again.append(request.url) if "pieces" in request.url else None)
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="上传并检视").click()
    page.wait_for_url("**/uploads/*")
    assert f"offset={4 * MB}" in again[0] and not any("offset=0" in url for url in again)
    expect(page.get_by_role("heading", name="正在检视")).to_be_visible()
    inspect_now()
    expect(page.locator(".facts")).to_contain_text("300,000 行")
    expect(page.locator(".facts")).to_contain_text("GBK")
    page.get_by_role("button", name="看各列与问题").click()
    page.wait_for_url("**/drafts/*")
    visitor.complaints.clear()


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_pages_are_accessible_and_fit(
    visitor: Visitor, inspect_now, width: int, language: str, shots: Path | None, tmp_path: Path
) -> None:
    tail, wrong = f"{width}-{language[:2]}", []
    page = visitor.page(width=width, language=language)
    sign_in(page)
    page.goto("/resources")
    described, filled = (
        page.locator("tr", has_text=slug).locator("th a").get_attribute("href") for slug in ("businesses", "shops")
    )
    for name, address in {
        "resources": "/resources",
        "resource-new": "/resources/new",
        "systems": "/systems",
        "resource": described,
        "resource-edit": f"{described}/edit",
        "upload-new": f"{filled}/upload",
    }.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{tail}")
    page.goto("/resources/new")
    page.locator("input[name=name]").fill("试")
    page.locator("input[name=slug]").fill("businesses")
    page.locator("textarea[name=summary]").fill("<script>alert(1)</script>")
    page.locator("select[name=category]").select_option("department")
    page.locator("form.form button[type=submit]").click()
    assert page.locator("[role=alert]").is_visible()
    wrong += look(page, shots, f"resource-wrong-{tail}")
    for name, content in (("good.csv", "甲,乙\n1,2\n".encode("gbk")), ("bad.csv", b"\x7fELF" + bytes(99))):
        page.goto(f"{filled}/upload")
        page.set_input_files("input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": content})
        page.locator("[data-go]").click()
        page.wait_for_url("**/uploads/*")
        wrong += look(page, shots, f"upload-inspecting-{tail}")
        address = page.url
        page.goto("about:blank")  # the page would refresh by itself in the middle of our own look
        inspect_now()
        page.goto(address)
        page.locator("details").last.locator("summary").click() if name == "good.csv" else None
        wrong += look(page, shots, f"upload-{name[:-4]}-{tail}")
    assert not wrong, "\n".join(wrong)
