"""A whole installation for the browser: migrated, seeded, served as ASGI; and the system's Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "src/gongshu/web/static/gongshu/gongshu.css"
WINDOWS = [(1440, "zh-CN"), (390, "en-GB")]  # the usual one, and the narrow one with the longer words
SEED = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", verbosity=0, interactive=False)
from tests import people, registers, seeding
from gongshu.opening import search
from gongshu.opening.models import Dataset
from gongshu.jobs.models import Job
seeding.city()
from gongshu.opening import joins
from gongshu.parties.models import Organisation
district = Organisation.objects.create(code="lu-ban", name="鲁班区", name_en="Luban District", kind="district")
Organisation.objects.filter(code="civil").update(parent=district)
joins.keep_sketches()
search.rebuild()
inspector = people.person("inspector", "steward", people.organisation())
registers.drafts(inspector, {"by-mouse": "用鼠标", "by-keyboard": "用键盘", "by-eye": "用眼睛"})
people.person("operator", "operator", display_name="操作员")
people.person("answerer", "steward", Dataset.objects.get(name="company-register").provider)
for name in ("keyholder", "looker-1440-zh", "looker-390-en"):  # they change how they sign in
    people.person(name, "steward", people.organisation())
import uuid
from tests import residents
drafter = people.person("drafter", "steward", people.organisation("elderly", "市养老服务中心"))
residents.drafted(drafter, uuid.UUID(int=1), "allowances", computed=True)
residents.drafted(drafter, uuid.UUID(int=2), "allowances-waiting", computed=False)
Job.objects.create(kind="publish", title="发布 公共汽电车站点", params={"dataset": "bus-stops"}, state="running", step="protect",
                   progress=0.55, actor="operator", attempts=1)
Job.objects.create(kind="publish", title="发布 中小学校名录", params={"dataset": "schools"}, state="failed", step="check",
                   progress=0.4, actor="operator", attempts=1,
                   error={"code": "field_not_graded", "message": "列「身份证号」没有定级", "where": {"column": "身份证号"}})
from tests.walk import resource_of
uploader = people.person("uploader", "steward", people.organisation("market", "市市场监管局"))
for slug in ("businesses", "shops"):
    resource_of(uploader, people.organisation("market"), slug)
walkers = people.organisation("sports", "市体育局")
people.person("walk-approver", "approver", walkers)
resource_of(people.person("walk-steward", "steward", walkers), walkers, "sports-grounds")
people.person("guard", "security", display_name="安全员")
from gongshu.custody.models import PrivateRelease
register = Dataset.objects.get(name="company-register")
for state, result, error in (
    ("done", {"rows": [{"group": "甲区", "bin": None, "value": 1204}, {"group": "乙区", "bin": None, "value": 987}], "accuracy": 6.4}, {}),
    ("failed", {}, {"message": "还没有装好环境", "message_en": "The environment is not made yet"}),
):
    PrivateRelease.objects.create(dataset=register, version=register.current, epsilon=0.3, purpose="年度报告", state=state, result=result,
                                  error=error, asked={"kind": "count", "by": "区", "groups": ["甲区", "乙区"], "person": "代码", "most": 1})
from datetime import timedelta
from gongshu import clock
from gongshu.feedback import cases, news, reuses
from tests import asking
keeper, answerer = people.person("operator"), people.person("answerer")
with clock.at(clock.now() - timedelta(days=60)):
    late = asking.demand("每个监测点的逐时噪声", organisation=people.organisation("environment"))
cases.show(keeper, late, True)
met = asking.demand("医院的名单与地址", organisation=people.organisation("health"))
cases.answer(keeper, met, "已经开放，见下。", outcome="met", meets="medical-institutions", shown=True)
asking.demand("学校周边的午间车流", asker="firm")
question, _secret = cases.ask("question", cases.Asked("注册资本的单位是什么？", dataset=register))
cases.answer(answerer, question, "万元。", shown=True)
cases.ask("complaint", cases.Asked("有人转卖下载的数据", "附网址与截图说明。", about="violation"))
for title in ("夜间就医地图", "待核对的成果"):
    offered = reuses.Offered("application", title, f"https://example.org/{title}", "学生团队", ("company-register",), "按位置列出夜里有急诊的医院。")
    made = reuses.offer(offered)
    if title == "夜间就医地图":
        reuses.decide(keeper, made, shown=True)
news.publish(keeper, "数据需求有了专门的入口", "要的数据还没有开放，可以提需求，见 https://example.org/ask", "A door for data requests", "")
from tests import portals
portals.seeded()
portals.given()
from gongshu.oversight import access
for name, number in (("medical-institutions", 40), ("bus-stops", 9)):
    for i in range(number):
        access.record("dataset.download" if i % 3 else "dataset.query", f"dataset:{name}", version=1)
access.flush()
access.merge()
"""


@lru_cache(maxsize=1)
def chromium() -> str | None:
    """The system's Chromium, else the one that Playwright has or fetches; None when there is none to be had."""
    names = ("chromium", "chromium-browser", "google-chrome")
    if system := next((found for name in names if (found := shutil.which(name))), None):
        return system
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True)
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as w: print(w.chromium.executable_path)"
    fetched = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout.strip()
    return fetched if fetched and Path(fetched).exists() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser or the built assets these tests are left out loudly; with CI set they fail."""
    missing = (
        "no Chromium on this machine" if chromium() is None else "" if ASSETS.exists() else "the assets are not built"
    )
    for item in items:
        if "browser" in Path(str(item.fspath)).parts:
            item.add_marker(pytest.mark.browser)
            if missing and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=f"BROWSER TESTS LEFT OUT: {missing}"))


@pytest.fixture(scope="session")
def site_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the served installation."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def site(site_data: Path) -> Iterator[str]:
    """The address of the served installation."""
    data = site_data
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "GONGSHU_DATA": str(data),
        "GONGSHU_DEMO": "1",
        "GONGSHU_DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": "gongshu.site.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    environment.pop("GONGSHU_DATABASE_URL", None)
    subprocess.run([sys.executable, "-c", SEED], env=environment, check=True, cwd=ROOT)
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws",
        "gongshu.site.server:application",
    ]  # fmt: skip
    with (data / "web.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if server.poll() is not None:
            raise RuntimeError("the web server ended at once")
        try:
            urllib.request.urlopen(f"{address}/help", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the web server does not answer")


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """One Chromium for all tests; as root it runs only without its sandbox."""
    arguments = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    expect.set_options(timeout=20_000)  # other tests run beside these on the same cores
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


class Visitor:
    """A person at a window: how wide it is, light or dark, which language, with script or without."""

    def __init__(self, browser: Browser, site: str) -> None:
        self._browser, self._site = browser, site
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def page(self, *, width: int = 1440, scheme: str = "light", language: str = "zh-CN", script: bool = True) -> Page:
        """A new window."""
        context = self._browser.new_context(
            base_url=self._site,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=language,
            java_script_enabled=script,
            accept_downloads=True,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._listen(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))
        page.on("request", lambda request: self._request(request.url))
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _listen(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)

    def _failed(self, url: str, why: str) -> None:
        if "ERR_ABORTED" not in why:  # a download aborts its navigation
            self.complaints.append(f"{url}: {why}")

    def _request(self, url: str) -> None:
        if not url.startswith((self._site, "data:", "blob:")):
            self.complaints.append(f"a third party was asked: {url}")


@pytest.fixture
def visitor(chrome: Browser, site: str) -> Iterator[Visitor]:
    """Somebody who visits; complaints of the browser (policy violations, errors, foreign hosts) fail the test."""
    person = Visitor(chrome, site)
    yield person
    person.close()
    assert person.complaints == []


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Where screenshots go, when ``GONGSHU_SHOTS`` names a folder."""
    folder = os.environ.get("GONGSHU_SHOTS")
    if not folder:
        return None
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path
