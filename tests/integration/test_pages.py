"""The portal's pages: what they say, in both languages, without script, and what they must never let through."""

from __future__ import annotations

import gzip
import logging
import re
import shutil
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from gongshu import web
from gongshu.jobs.models import Job
from gongshu.opening import search
from gongshu.opening.models import Dataset, IndexTask, Version
from gongshu.web.logs import WithoutSecrets
from tests import people, seeding

pytestmark = pytest.mark.django_db
PAGES = (
    "/",
    "/datasets",
    "/topics",
    "/topics/health",
    "/organisations",
    "/organisations/health",
    "/api/",
    "/help",
    "/account/login",
)


def test_pages_answer_with_nothing_published(client):
    for page in ("/", "/datasets", "/topics", "/organisations", "/api/", "/help", "/account/login"):
        answer = client.get(page)
        assert answer.status_code == 200, page
    assert "还没有开放的数据集" in client.get("/datasets").content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_answers_in_both_languages(client, language):
    seeding.hospitals(200)
    for page in (*PAGES, "/datasets/medical-institutions", "/datasets/medical-institutions/versions/1"):
        answer = client.get(page, {"lang": language})
        assert answer.status_code == 200, page
        assert answer["Content-Language"] == language
        assert f'<html lang="{"en" if language == "en" else "zh-Hans"}"' in answer.content.decode()


def test_language_is_remembered_and_read_from_the_browser(client):
    assert client.get("/")["Content-Language"] == "zh-hans"
    assert client.get("/", headers={"accept-language": "en-GB,en;q=0.9"})["Content-Language"] == "en"
    assert client.get("/", headers={"accept-language": "fr,zh;q=0.5"})["Content-Language"] == "zh-hans"
    client.get("/?lang=en")
    assert client.get("/help")["Content-Language"] == "en"
    assert client.get("/help?lang=xx")["Content-Language"] == "en"


def test_strict_headers_on_every_answer(client):
    for page in ("/", "/nothing", "/api/v1/datasets"):
        answer = client.get(page)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "camera=()" in answer["Permissions-Policy"]


def test_pages_hold_no_inline_script_or_style(client):
    seeding.hospitals(100)
    for page in (*PAGES, "/datasets/medical-institutions", "/nothing"):
        html = client.get(page).content.decode()
        assert not re.search(r"\sstyle=", html), page
        assert not re.search(r"\son[a-z]+=", html), page
        assert all(
            'src="' in tag or 'type="application/json"' in tag or 'type="application/ld+json"' in tag
            for tag in re.findall(r"<script[^>]*>", html)
        ), page
        assert not re.search(
            r'(src|href)="https?://(?!testserver)(?!creativecommons|opendatacommons|opensource)', html
        ), page


def test_dataset_page_tells_what_the_version_is(client):
    seeding.hospitals(1000)
    html = client.get("/datasets/medical-institutions").content.decode()
    for said in (
        "公输市医疗机构名录", "市卫生健康委", "合成数据", "1,000 行", "97.2", "六个维度", "承诺每月", "数据字典", "执业地址所在的区",
        "1 列不公开", "遮盖，留前 4 位、后 3 位", "坐标落在相邻的区", "公共数据开放许可（无条件）", "1,000 个值", "机构代码", "主键",
        'id="step-gather"', 'id="step-account"', "/api/v1\\", "download", "<svg", "在哪里",
    ):  # fmt: skip
        assert said in html, said


def test_values_are_escaped_everywhere(client):
    evil = "<script>alert(1)</script>\"'&{{7*7}}"
    quoted = evil.replace("'", "''")
    seeding.publish(
        "evil",
        f"SELECT '{quoted}' || (i % 3) AS \"<b>列\", '{quoted}' AS 文 FROM range(30) t(i)",
        [seeding.column("<b>列", description=evil, codes={"1": evil}), seeding.column("文")],
        title=evil,
        summary=evil,
        quality={
            "total": 50.0,
            "rules": 1,
            "findings": [{"kind": "x", "column": "<b>列", "message": evil, "rows_total": 1}],
        },
    )
    for page in (
        "/",
        "/datasets",
        "/datasets/evil",
        "/datasets/evil?chart=%3Cb%3E%E5%88%97",
        "/topics",
        "/datasets?q=<script>",
    ):
        html = client.get(page).content.decode()
        assert "<script>alert" not in html, page
        assert "<b>列" not in html, page


def test_preview_pages_sorts_filters_and_chooses_columns(client):
    seeding.hospitals(300)
    base = "/datasets/medical-institutions"
    html = client.get(base, {"page": "2"}).content.decode()
    assert "第 21–40 行，共 300 行" in html
    html = client.get(base, {"sort": "-核定床位", "select": ["机构名称", "核定床位"]}).content.decode()
    assert 'aria-sort="descending"' in html and "选择列 2 / 11" in html
    beds = [int(n.replace(",", "")) for n in re.findall(r'<td class="n">([\d,]+)</td></tr>', html)][:20]
    assert beds == sorted(beds, reverse=True)
    answer = client.get(base, {"fc": "所在区", "fo": "eq", "fv": "鲁班区"})
    assert answer.status_code == 302
    html = client.get(answer["Location"].split("#")[0]).content.decode()
    assert "所在区 等于 鲁班区" in html
    assert "没有符合筛选的行" in client.get(base, {"所在区": "无此区"}).content.decode()


@pytest.mark.parametrize(
    "query", [{"没有的列": "1"}, {"核定床位": "abc"}, {"sort": "x"}, {"登记日期__gte": "昨天"}, {"fc": "x", "fv": "1"}]
)
def test_wrong_questions_say_what_is_wrong(client, query):
    seeding.hospitals(50)
    answer = client.get("/datasets/medical-institutions", query)
    assert answer.status_code == 400
    assert "whoops" in answer.content.decode()


def test_column_names_can_not_carry_sql(client):
    seeding.publish(
        "odd", """SELECT i AS "a""; DROP TABLE rows; --", 'x' AS "列 b" FROM range(5) t(i)""",
        [seeding.column('a"; DROP TABLE rows; --', "int64"), seeding.column("列 b")],
    )  # fmt: skip
    answer = client.get("/datasets/odd", {'a"; DROP TABLE rows; --__gte': "3", "sort": '-a"; DROP TABLE rows; --'})
    assert answer.status_code == 200
    assert "共 2 行" in answer.content.decode()
    assert client.get("/datasets/odd", {"列 b": "x' OR '1'='1"}).content.decode().count("没有符合筛选的行") == 1


def test_list_filters_with_counts_and_sorts(client):
    seeding.hospitals(100)
    seeding.air(40)
    seeding.divisions()
    html = client.get("/datasets").content.decode()
    assert "3 个数据集" in html
    html = client.get("/datasets", {"topic": "health"}).content.decode()
    assert "1 个数据集" in html and "医疗机构名录" in html and "空气质量" not in html
    html = client.get("/datasets", {"format": "geojson", "sort": "rows"}).content.decode()
    assert "2 个数据集" in html
    assert html.index("医疗机构名录") < html.index("行政区划")
    assert "没有找到" in client.get("/datasets", {"topic": "culture"}).content.decode()


@pytest.mark.parametrize(
    "question", ["医", "医院", "醫療機構", "哪里有急诊", "Medical", "床位", "ＨＯＳＰＩＴＡＬ institutions 医院"]
)
def test_search_finds_short_words_sentences_and_traditional_characters(client, question):
    seeding.hospitals(50)
    seeding.air(40)
    search.rebuild()
    html = re.sub("</?mark>", "", client.get("/datasets", {"q": question}).content.decode())
    assert "公输市医疗机构名录" in html


def test_search_without_an_index_asks_the_database(client, settings):
    seeding.hospitals(50)
    shutil.rmtree(settings.DATA / "index", ignore_errors=True)
    html = re.sub("</?mark>", "", client.get("/datasets", {"q": "医疗"}).content.decode())
    assert "公输市医疗机构名录" in html


def test_index_follows_the_outbox_and_forgets_what_is_withdrawn():
    version = seeding.hospitals(20)
    search.rebuild()

    def found():
        return [one.pk for one in search.ask(search.Wanted("医院")).items]

    assert found() == [version.dataset_id]
    dataset = version.dataset
    dataset.current = None
    dataset.save()
    IndexTask.objects.create(dataset=dataset)
    assert search.index_pending() == 1
    assert found() == []
    assert search.index_pending() == 0


def _withdraw(version: Version) -> None:
    version.state, version.withdrawn_at, version.withdrawn_reason = (
        Version.State.WITHDRAWN,
        timezone.now(),
        "误发了内部字段",
    )
    version.save()


def test_withdrawn_is_gone_with_its_reason(client):
    first, second = seeding.hospitals(30, number=1), seeding.hospitals(30, number=2)
    _withdraw(first)
    answer = client.get("/datasets/medical-institutions/versions/1")
    assert answer.status_code == 410 and "误发了内部字段" in answer.content.decode()
    assert client.get("/datasets/medical-institutions").status_code == 200
    _withdraw(second)
    Dataset.objects.update(current=None)
    for page in ("", "/versions/2", "/download.csv", "/versions/2/medical-institutions.csv", "/versions/2/selection"):
        assert client.get(f"/datasets/medical-institutions{page}").status_code == 410, page
    assert client.get("/api/v1/datasets/medical-institutions").status_code == 410
    assert "医疗机构名录" not in client.get("/").content.decode()


def test_error_pages_are_in_our_hand(client, settings):
    settings.DEBUG = False
    for page in (
        "/nothing",
        "/datasets/nothing",
        "/datasets/nothing/versions/1",
        "/topics/nothing",
        "/organisations/no",
    ):
        answer = client.get(page)
        assert answer.status_code == 404 and "whoops" in answer.content.decode(), page
    client.raise_request_exception = False
    seeding.hospitals(30)
    Version.objects.update(columns=[{"name": "x"}])
    answer = client.get("/datasets/medical-institutions")
    assert answer.status_code == 500 and "平台出了差错" in answer.content.decode()


@pytest.mark.parametrize("query", ["&".join(["a=1"] * 1001), "q=%00&provider=%00"])
def test_addresses_that_no_reader_takes_are_refused_not_failures(client, query):
    for path in ("/datasets", "/", "/api/v1/datasets"):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == 400, path
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    seeding.hospitals(30)
    for page, asked in (("/api", {"drop": "²"}), ("", {"page": "²"}), ("/analysis", {"drop": "²"})):
        assert client.get(f"/datasets/medical-institutions{page}", asked).status_code == 200, page


def test_workbench_needs_a_person_and_shows_jobs(client):
    job = Job.objects.create(
        id=uuid.uuid4(),
        kind="publish",
        title="发布 <甲>",
        params={"dataset": "a"},
        state="running",
        step="check",
        progress=0.4,
        actor="x",
    )
    for page in ("/workbench", f"/jobs/{job.pk}"):
        assert client.get(page)["Location"].startswith("/account/login")
    person = people.person("auditor", "auditor")
    client.force_login(person)
    html = client.get("/workbench").content.decode()
    assert "发布 &lt;甲&gt;" in html and "质量检核" in html and "取消作业" not in html
    assert client.post(f"/jobs/{job.pk}/cancel").status_code == 403
    people.person("auditor", "operator")
    assert "取消作业" in client.get("/workbench").content.decode()
    answer = client.get(f"/jobs/{job.pk}")
    assert answer["Refresh"] == "5" and "进行中" in answer.content.decode()
    assert client.post(f"/jobs/{job.pk}/cancel").status_code == 302
    job.refresh_from_db()
    assert job.cancel_requested
    assert client.post("/account/logout").status_code == 302
    assert client.get("/workbench").status_code == 302


def test_secrets_of_addresses_stay_out_of_the_logs():
    record = logging.LogRecord(
        "django.request", 30, "", 0, "%s: %s", ("Bad Request", "/asked/SECRET-0123456789abc"), None
    )
    plain = logging.LogRecord("django.request", 30, "", 0, "%s: %s", ("Not Found", "/asked/20261122-0007"), None)
    assert all(map(WithoutSecrets().filter, (record, plain)))
    assert record.getMessage() == "Bad Request: /asked/…" and plain.getMessage().endswith("20261122-0007")
    handler = settings.LOGGING["handlers"]["console"]
    assert handler["filters"] == ["secrets"]  # every line of ours goes through it


def test_what_somebody_signed_in_reads_is_for_no_shared_cache(client):
    assert "Cache-Control" not in client.get("/datasets").headers
    client.force_login(people.person("steward", "steward", people.organisation()))
    for page in ("/datasets", "/cases", "/graph"):
        answer = client.get(page)
        assert answer.headers["Cache-Control"].startswith("private") or "no-store" in answer.headers["Cache-Control"]
        assert "Cookie" in answer.headers["Vary"]


def test_sign_in(client):
    people.person("worker", "steward")
    answer = client.post("/account/login", {"login": "worker", "password": "wrong"})
    assert "账号或密码不对" in answer.content.decode()
    assert client.post("/account/login", {"login": "worker", "password": people.PASSWORD})["Location"] == "/workbench"


def test_series_is_told_by_its_mean_and_wrong_coordinates_stay_off_the_map(client):
    seeding.air(4000)
    html = client.get("/datasets/air-quality").content.decode()
    assert "各“时间”的平均“AQI”" in html and "画平均值" in html
    seeding.divisions()
    seeding.publish(
        "points",
        "SELECT i AS 号, CASE WHEN i < 3 THEN 0.0 ELSE 118.6 + i / 1000.0 END AS 经度, CASE WHEN i < 3 THEN 0.0 ELSE 31.4 END AS 纬度 FROM range(300) t(i)",
        [seeding.column("号", "int64"), seeding.column("经度", "float64"), seeding.column("纬度", "float64")],
        key=["号"],
        longitude="经度",
        latitude="纬度",
    )
    html = client.get("/datasets/points").content.decode()
    assert "图上 297 行" in html and "另有 3 行没有坐标或在图外" in html and 'class="area"' in html


def test_a_finding_never_reads_as_a_perfect_score(client):
    finding = {"kind": "range", "column": "AQI", "severity": "error", "message": "x", "rows_total": 1}
    seeding.air(40)
    Version.objects.update(
        quality={"total": 100.0, "rules": 3, "profile": "p", "dimensions": {}, "findings": [finding]}
    )
    html = client.get("/datasets/air-quality").content.decode()
    assert "质量 99.9，问题 1 类" in html


def test_home_map_counts_rows_that_have_a_place(client):
    seeding.divisions()
    seeding.hospitals(200)
    html = client.get("/").content.decode()
    assert "按 1 个有坐标的数据集" in html and "鲁班区 " in html


def test_health(client):
    assert client.get("/healthz").content == b"ok"


def test_pages_are_packed_for_browsers_that_take_it(client):
    seeding.hospitals(100)
    plain = client.get("/datasets/medical-institutions")
    packed = client.get("/datasets/medical-institutions", HTTP_ACCEPT_ENCODING="br, gzip")
    assert "Content-Encoding" not in plain and "Accept-Encoding" in plain["Vary"]
    assert packed["Content-Encoding"] == "gzip" and int(packed["Content-Length"]) == len(packed.content)
    assert "诊所" in gzip.decompress(packed.content).decode() and 4 * len(packed.content) < len(plain.content)
    refused = client.get("/datasets/medical-institutions", HTTP_ACCEPT_ENCODING="gzip;q=0, identity")
    assert "Content-Encoding" not in refused


PUBLIC = ("/", "/datasets", "/datasets?q=医院", "/datasets/medical-institutions", "/datasets/medical-institutions/analysis",
          "/datasets/medical-institutions/columns", "/topics", "/organisations", "/help", "/api/")  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_page_and_what_it_loads_weigh_little(client, address):
    """At most 100 KB go over the wire for a page with its style and its scripts, without the library of the charts."""
    seeding.hospitals(300)
    seeding.divisions()
    page = client.get(address, HTTP_ACCEPT_ENCODING="gzip")
    text = gzip.decompress(page.content).decode()
    loaded = re.findall(r'(?:src|href)="[^"]*?/(gongshu/[\w.-]+\.(?:css|js|svg))"', text)
    assert loaded, text[:500]
    static = Path(web.__file__).parent / "static"
    weight = len(page.content)
    for name in {re.sub(r"\.[0-9a-f]{12}(?=\.)", "", one) for one in loaded} - {"gongshu/chart.js"}:
        weight += len(gzip.compress((static / name).read_bytes()))
    assert weight <= 100 * 1024, f"{address}: {weight} bytes"
    assert text.count("<") < 6000  # elements that a phone has to lay out
