"""The portal without a mouse: every control is reached by Tab, is seen when it has the focus, and lets go of it again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor

PAGES = {
    "home": "/",
    "results": "/datasets?q=医院",
    "dataset": "/datasets/medical-institutions",
    "console": "/datasets/medical-institutions/api?c=所在区&o=eq&v=鲁班区",
    "analysis": "/datasets/medical-institutions/analysis?by=所在区",
    "ask": "/ask/demand",
    "report": "/datasets/medical-institutions/problems/new",
    "statistics": "/statistics/self-assessment",
    "topics": "/topics",
}
MOST = 600
# controls that can be seen and have a place in the order of Tab; of a group of radio buttons only one has
CONTROLS = """() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
  const own = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const all = [...document.querySelectorAll(own)].filter((e) => shown(e) && !e.disabled && e.tabIndex >= 0);
  const radios = new Set();
  const kept = all.filter((e) => {
    if (e.type !== "radio") return true;
    const first = !radios.has(e.name);
    radios.add(e.name);
    return first;
  });
  kept.forEach((e, n) => (e.dataset.walked = n));
  return kept.length;
}"""
FOCUSED = """() => new Promise((done) => requestAnimationFrame(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return done(null);
  const outlined = (each) => {
    const style = getComputedStyle(each);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const marked = outlined(e) || (e.closest("form:focus-within, label:focus-within, .search") && [e.parentElement, e.closest("form")].some((each) => each && outlined(each)));
  const box = e.getBoundingClientRect();
  const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const group = e.type === "radio" ? document.querySelector(`input[type=radio][name="${e.name}"]`) : e;
  done({ id: group.dataset.walked ?? "", what: e.outerHTML.slice(0, 120), marked: Boolean(marked), within });
}))"""
WALKS = [(name, 1440) for name in PAGES] + [(name, 390) for name in ("home", "dataset", "ask")]


@pytest.mark.parametrize(("name", "width"), WALKS)
def test_every_control_is_reached_and_seen(visitor: Visitor, name: str, width: int) -> None:
    page = visitor.page(width=width)
    page.goto(PAGES[name])
    page.wait_for_load_state("networkidle")
    number = page.evaluate(CONTROLS)
    reached, wrong = walked(page)
    assert not wrong, wrong[:5]
    missed = sorted(set(map(str, range(number))) - reached, key=int)
    told = [
        page.locator(f'[data-walked="{one}"]').first.evaluate("e => e.outerHTML.slice(0, 160)") for one in missed[:5]
    ]
    assert not missed, told


def walked(page: Page) -> tuple[set[str], list[str]]:
    """The numbers of the controls that Tab came to, until it left the page, and what was wrong with the focus."""
    reached: set[str] = set()
    wrong: list[str] = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:
            return reached, wrong
        if at["id"] in reached and at["id"] == "0":
            return reached, wrong
        if not at["marked"]:
            wrong.append(f"no mark of the focus: {at['what']}")
        if not at["within"]:
            wrong.append(f"the focus can't be seen: {at['what']}")
        reached.add(at["id"])
    return reached, [*wrong, "Tab never leaves the page"]


def test_from_a_question_to_a_file_and_a_chart_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link: straight to what the page is about
    expect(page.locator("#main")).to_be_focused()
    until(page, "input[name=q]")
    page.keyboard.type("医疗机构")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/datasets\?q="))
    until(page, "main a[href='/datasets/medical-institutions']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/datasets/medical-institutions")
    until(page, "main a.go[download]")
    with page.expect_download() as downloading:
        page.keyboard.press("Enter")
    assert downloading.value.suggested_filename.endswith(".csv")
    until(page, "a[href$='/analysis']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/analysis")
    until(page, "select[name=by]")
    before = page.locator("select[name=by]").first.input_value()
    page.keyboard.press("ArrowDown")
    assert page.locator("select[name=by]").first.input_value() != before
    until(page, "form#ask button.go")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/analysis\?.*by="))
    expect(page.locator("table.pivot tbody tr").first).to_be_visible()


def until(page: Page, selector: str) -> None:
    """Tab on until the control has the focus."""
    for _ in range(MOST):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {selector}")
