"""The security officer's pages, the steward's of private figures and of grading by impact, for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look


def sign_in(page: Page, name: str) -> None:
    page.goto("/account/login")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.locator("main form[action='/account/login'] button[type=submit]").click()
    page.wait_for_url("**/workbench")


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_are_accessible_and_fit(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    tail, wrong = f"{width}-{language[:2]}", []
    page = visitor.page(width=width, language=language)
    sign_in(page, "guard")
    for name, address in (
        ("keys", "/custody/keys"),
        ("reverse", "/custody/keys/reverse"),
        ("budget", "/custody/figures/company-register"),
    ):
        page.goto(address)
        wrong += look(page, shots, f"custody-{name}-{tail}")
    page = visitor.page(width=width, language=language)
    sign_in(page, "answerer")
    for name, address in (("figures-list", "/custody/figures"), ("figures", "/custody/figures/company-register")):
        page.goto(address)
        wrong += look(page, shots, f"custody-{name}-{tail}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_a_field_is_graded_by_its_impact(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    page, tail = visitor.page(width=width, language=language), f"{width}-{language[:2]}"
    sign_in(page, "inspector")
    page.goto("/resources")
    page.get_by_role("link", name="用眼睛").first.click()
    page.locator("a[href^='/drafts/']").first.click()
    page.locator("a[href$='/fields/2']").first.click()
    page.locator("form details summary").first.click()
    page.locator("input[name=impact-individual][value=serious]").check()
    page.locator("button[value=grade]").click()
    expect(page.locator("input[name=level][value='3']")).to_be_checked()
    assert not look(page, shots, f"grading-impact-{tail}")
