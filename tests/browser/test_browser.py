"""What a person meets in a browser: pages anybody can read at any width, journeys of few clicks, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests import people
from tests.browser.conftest import WINDOWS, Visitor

PUBLIC = {
    "home": "/",
    "list": "/datasets",
    "results": "/datasets?q=医院",
    "nothing-found": "/datasets?q=zzzz",
    "dataset": "/datasets/medical-institutions",
    "evidence": "/datasets/company-register#step-protect",
    "filtered": "/datasets/medical-institutions?所在区=鲁班区&sort=-核定床位",
    "old-version": "/datasets/company-register/versions/1",
    "series": "/datasets/air-quality",
    "shapes": "/datasets/districts",
    "topics": "/topics",
    "topic": "/topics/health",
    "empty-topic": "/topics/culture",
    "chosen": "/datasets?topic=health&format=csv&freshness=on_time",
    "districts": "/districts",
    "district": "/districts/lu-ban",
    "graph": "/graph",
    "graph-dataset": "/datasets/medical-institutions/graph",
    "graph-field": "/graph?node=field:medical-institutions/所在区",
    "organisations": "/organisations",
    "organisation": "/organisations/transport",
    "api": "/api/",
    "console": "/datasets/medical-institutions/api?c=所在区&o=eq&v=鲁班区&sort=核定床位&order=down",
    "console-groups": "/datasets/company-register/api?answer=groups",
    "console-wrong": "/datasets/medical-institutions/api?c=核定床位&o=gte&v=多",
    "analysis": "/datasets/medical-institutions/analysis?by=所在区&by=等级&view=stacked",
    "analysis-map": "/datasets/medical-institutions/analysis?by=所在区&view=areas&function=avg&measured=核定床位",
    "analysis-points": "/datasets/medical-institutions/analysis?view=points&c=所在区&o=eq&v=鲁班区",
    "embedded": "/datasets/air-quality/analysis/embed",
    "columns": "/datasets/company-register/columns",
    "statistics": "/statistics",
    "self-assessment": "/statistics/self-assessment",
    "rules": "/rules",
    "help": "/help",
    "login": "/account/login",
    "not-found": "/nothing-here",
    "bad-question": "/datasets/medical-institutions?x=1",
}
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def sign_in(page: Page) -> None:
    page.goto("/account/login")
    page.locator("input[name=login]").fill("operator")
    page.locator("input[name=password]").fill(people.PASSWORD)
    page.locator("main form[action='/account/login'] button[type=submit]").click()
    page.wait_for_url("**/workbench")


def look(page: Page, shots: Path | None, name: str) -> list[str]:
    """What is wrong with the page as it stands: axe's findings in the light and (for contrast) in the dark, and sideways
    scrolling."""
    page.wait_for_load_state("load")
    wrong = []
    for scheme, wanted in (
        ("light", {"type": "tag", "values": EVERYTHING}),
        ("dark", {"type": "rule", "values": ["color-contrast"]}),
    ):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for one in Axe().run(page, options={"runOnly": wanted, "resultTypes": ["violations"]}).response["violations"]:
            nodes = [f"{node['target']} {node.get('failureSummary', '')[:160]}" for node in one["nodes"][:3]]
            wrong.append(f"{name} {scheme}: {one['id']}: {nodes}")
        if shots:
            page.screenshot(path=shots / f"{name}-{scheme}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*wrong, f"{name}: scrolls sideways by {wide} px"] if wide > 0 else wrong


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_every_page_is_accessible_and_fits(visitor: Visitor, width: int, language: str, shots: Path | None) -> None:
    page = visitor.page(width=width, language=language)
    wrong = []
    for name, address in PUBLIC.items():
        page.goto(address)
        wrong += look(page, shots, f"{name}-{width}-{language[:2]}")
    sign_in(page)
    wrong += look(page, shots, f"workbench-{width}-{language[:2]}")
    page.locator("#jobs th a").first.click()
    wrong += look(page, shots, f"job-{width}-{language[:2]}")
    assert not wrong, "\n".join(wrong)


WIDE = """async () => {
    for (let frame = 0; frame < 4; frame++) await new Promise(requestAnimationFrame);  // charts follow the window
    return document.documentElement.scrollWidth - document.documentElement.clientWidth;
}"""
BUDGET = """async () => {
    const shifts = await new Promise(done => {
        new PerformanceObserver(list => done(list.getEntries())).observe({type: "layout-shift", buffered: true});
        setTimeout(() => done([]), 100);
    });
    const loaded = performance.getEntriesByType("resource").filter(one => !/chart|graph/.test(one.name));
    return {
        shift: shifts.filter(one => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0),
        bytes: performance.getEntriesByType("navigation")[0].encodedBodySize + loaded.reduce((sum, one) => sum + one.encodedBodySize, 0),
        requests: loaded.length,
        blocking: loaded.filter(one => one.renderBlockingStatus === "blocking" && !one.name.includes(".css")).reduce((sum, one) => sum + one.encodedBodySize, 0),
        elements: document.getElementsByTagName("*").length,
    };
}"""


def test_pages_keep_a_budget_and_fit_every_width(visitor: Visitor) -> None:
    """What Lighthouse counts without a clock: at most 100 KB without charts, 10 requests, 3,000 elements, nothing that moves
    while the page loads (CLS 0.1, web.dev/articles/cls), 1 KB of script (the choice of dark or light) before the first picture;
    nothing scrolls sideways, down to 320 px (WCAG 2.2, 1.4.10)."""
    page, wrong = visitor.page(width=390), []
    for name, address in PUBLIC.items():
        page.set_viewport_size({"width": 390, "height": 900})
        page.goto(address)
        found = page.evaluate(BUDGET)
        limits = {"bytes": 100 * 1024, "requests": 10, "elements": 3000, "shift": 0.1, "blocking": 1024}
        wrong += [f"{name}: {found[key]} {key}" for key, most in limits.items() if found[key] > most]
        for width in (320, 768, 1024, 2560):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate(WIDE)
            wrong += [f"{name}: scrolls sideways by {wide} px at {width}"] if wide > 0 else []
    assert not wrong, "\n".join(wrong)


def test_question_to_file_in_three_clicks(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/")
    page.locator("main input[name=q]").fill("哪里有夜间急诊的医院")
    page.get_by_role("button", name="找数据").click()  # 1
    page.get_by_role("link", name="公输市医疗机构名录").first.click()  # 2
    with page.expect_download() as download:
        page.get_by_role("link", name="下载 CSV").first.click()  # 3
    path = download.value.path()
    assert download.value.suggested_filename == "公输市医疗机构名录.csv"
    assert Path(path).read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("script", [True, False])
def test_preview_is_sorted_filtered_and_paged_with_and_without_script(visitor: Visitor, script: bool) -> None:
    page = visitor.page(script=script)
    page.goto("/datasets/medical-institutions")
    page.locator("#preview").get_by_role("link", name="下一页").click()
    expect(page.locator("#preview")).to_contain_text("第 21–40 行")
    page.locator("#preview thead").get_by_role("link", name="核定床位").click()
    expect(page.locator("#preview th[aria-sort=ascending]")).to_have_count(1)
    page.locator("#preview summary", has_text="筛选").click()
    page.locator("#preview select[name=fc]").select_option("所在区")
    page.locator("#preview select[name=fo]").select_option("eq")
    page.locator("#preview input[name=fv]").fill("榫卯区")
    page.get_by_role("button", name="加上这个筛选").click()
    expect(page.locator("#preview .chip")).to_contain_text("所在区 等于 榫卯区")
    assert "%E6%89%80%E5%9C%A8%E5%8C%BA=" in page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="下载眼前这些").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) > 100 and all("榫卯区" in line for line in lines[1:])


@pytest.mark.parametrize("script", [True, False])
def test_each_step_of_the_flow_opens_its_evidence(visitor: Visitor, script: bool) -> None:
    page = visitor.page(script=script)
    page.goto("/datasets/company-register")
    expect(page.locator("#step-check")).to_be_visible()
    for step in ("gather", "catalogue", "classify", "protect", "release", "use", "account"):
        page.locator(f".flow .{step} a.beam").click()
        expect(page.locator(f"#step-{step}")).to_be_visible()
        expect(page.locator("#step-check")).to_be_hidden()


def test_chart_is_drawn_and_follows_the_theme(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/datasets/medical-institutions")
    expect(page.locator("#chart .chart svg")).to_be_visible()
    before = page.locator("#chart .chart svg").inner_html()
    page.locator(".me [data-theme-switch]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_timeout(300)
    assert page.locator("#chart .chart svg").inner_html() != before
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator("#chart-column").select_option("类别")
    page.wait_for_url("**chart=*")
    expect(page.locator("#chart h2")).to_contain_text("类别")


NAMES = """() => {
    const box = document.querySelector(".graph svg").getBoundingClientRect();
    const names = [...document.querySelectorAll(".graph svg text")]
        .map(one => ({said: one.textContent, at: one.getBoundingClientRect()})).filter(one => one.at.width && one.at.top > box.top + 36);
    const wrong = names.filter(({at}) => at.left < box.left || at.right > box.right || at.bottom > box.bottom).map(one => one.said);
    names.forEach(({said, at}, n) => names.slice(n + 1).forEach(other => {
        const wide = Math.min(at.right, other.at.right) - Math.max(at.left, other.at.left);
        const high = Math.min(at.bottom, other.at.bottom) - Math.max(at.top, other.at.top);
        if (wide > 1 && high > 2) wrong.push(`${said} / ${other.said}`);
    }));
    const nodes = JSON.parse(document.getElementById("graph-data").textContent).nodes;
    return {wrong, names: names.length, nodes: nodes.length, columns: nodes.filter(one => one.kind === 2).length};
}"""  # without the legend above


def test_names_of_the_graph_stand_apart(visitor: Visitor) -> None:
    page = visitor.page(width=1440)
    for width in (1440, 390):  # the drawing follows the window
        for name in ("graph", "graph-dataset"):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(PUBLIC[name])
            expect(page.locator(".graph svg")).to_be_visible()
            found = page.evaluate(NAMES)
            shown = found["nodes"] - (found["columns"] if width == 390 else 0)
            assert found["wrong"] == [] and found["names"] == shown > 5, (name, width, found)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_function("document.querySelector('[data-graph]').dataset.width > 1000")
    assert page.evaluate(NAMES)["wrong"] == []


def test_language_switch_stays_on_the_page(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/datasets/medical-institutions?sort=-核定床位")
    page.locator(".me").get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_contain_text("Medical institutions of Gongshu City")
    expect(page.locator("th[aria-sort=descending]")).to_have_count(1)
    page.goto("/")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_list_filters_in_place_and_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page()
    page.goto("/datasets")
    page.locator("#facets").get_by_role("link", name="医疗健康").click()
    expect(page.locator("#found .results li")).to_have_count(1)
    assert "topic=health" in page.url
    page.go_back()
    expect(page.locator("#found .results li")).to_have_count(5)
    page.keyboard.press("Tab")
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_menu_of_a_phone_works_without_script(visitor: Visitor) -> None:
    page = visitor.page(width=390, script=False)
    page.goto("/")
    page.locator(".menu > summary").click()
    page.locator(".menu").get_by_role("link", name="专题").click()
    expect(page.locator("h1")).to_contain_text("按专题找")


def test_job_page_updates_itself_and_can_be_stopped(visitor: Visitor) -> None:
    page = visitor.page()
    sign_in(page)
    page.get_by_role("link", name="发布 公共汽电车站点").click()
    with page.expect_response(lambda response: "/jobs/" in response.url and "hx-request" in response.request.headers):
        pass
    page.get_by_role("button", name="取消作业").click()
    expect(page.locator("#job")).to_contain_text("正在停下")


def test_a_page_on_paper_is_read_without_what_is_pressed(visitor: Visitor) -> None:
    page = visitor.page(width=794)
    page.goto("/datasets/medical-institutions")
    page.emulate_media(media="print")
    title = page.locator("h1").bounding_box()
    assert title and title["height"] < 60  # in a line or two, whatever stood beside it
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    for gone in (".top nav", "main form", ".foot", ".acts", ".toc"):
        assert page.locator(gone).count() and not page.locator(gone).first.is_visible(), gone
