"""The REST interface: shapes, filters, errors, its own description, and what a request must never import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import duckdb
import pytest
from openapi_spec_validator import validate
from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening import search
from tests import seeding

pytestmark = pytest.mark.django_db
ROWS = "/api/v1/datasets/medical-institutions/rows"


def test_list_counts_and_pages(client):
    assert client.get("/api/v1/datasets").json() == {"count": 0, "items": []}
    seeding.hospitals(50)
    seeding.air(40)
    search.rebuild()
    found = client.get("/api/v1/datasets", {"limit": 1}).json()
    assert found["count"] == 2 and len(found["items"]) == 1
    assert found["items"][0]["name"] == "medical-institutions" and found["items"][0]["rows"] == 50
    assert client.get("/api/v1/datasets", {"limit": 1, "offset": 1}).json()["items"][0]["name"] == "air-quality"
    assert client.get("/api/v1/datasets", {"q": "空气"}).json()["items"][0]["title_en"] == "Hourly air quality"
    assert client.get("/api/v1/datasets", {"topic": "health"}).json()["count"] == 1
    assert client.get("/api/v1/datasets", {"format": "geojson", "provider": "environment"}).json()["count"] == 0


def test_one_dataset_tells_everything_public(client):
    seeding.hospitals(50)
    found = client.get("/api/v1/datasets/medical-institutions").json()
    assert [c["name"] for c in found["columns"]][:2] == ["机构代码", "机构名称"]
    assert found["columns"][10]["protection"]["method"] == "mask"
    assert {d["format"] for d in found["distributions"]} == {"csv", "xlsx", "json", "geojson", "parquet"}
    assert found["versions"][0]["state"] == "published" and found["quality"] == 97.2 and found["dropped_columns"] == 1


def test_rows_filter_sort_and_page(client):
    seeding.hospitals(400)
    answer = client.get(
        ROWS,
        {
            "所在区": "鲁班区",
            "核定床位__gte": "100",
            "sort": "-核定床位",
            "limit": 3,
            "select": ["机构代码", "核定床位"],
        },
    )
    found = answer.json()
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert found["total"] > len(found["items"]) == 3
    assert [*found["items"][0]] == ["机构代码", "核定床位"]
    beds = [row["核定床位"] for row in found["items"]]
    assert beds == sorted(beds, reverse=True) and beds[-1] >= 100
    rest = client.get(
        ROWS, {"所在区": "鲁班区", "核定床位__gte": "100", "sort": "-核定床位", "limit": 3, "offset": 3}
    ).json()
    assert rest["items"][0]["核定床位"] <= beds[-1]
    assert client.get(ROWS, {"核定床位__is_null": "1"}).json()["total"] == 9
    assert client.get(ROWS, {"机构名称__contains": "医院", "limit": 0}).json()["items"] == []


@pytest.mark.parametrize(
    ("url", "query", "status", "code"),
    [
        ("/api/v1/datasets/none", {}, 404, "not_found"),
        ("/api/v1/datasets/none/rows", {}, 404, "not_found"),
        ("/api/v1/nothing", {}, 404, "not_found"),
        ("/api/v1/datasets", {"limit": "-1"}, 400, "bad_parameter"),
        ("/api/v1/datasets", {"limit": "x"}, 400, "bad_parameter"),
        (ROWS, {"limit": "100000"}, 400, "bad_parameter"),
        (ROWS, {"没有": "1"}, 400, "bad_parameter"),
        (ROWS, {"sort": "没有"}, 400, "bad_parameter"),
        (ROWS, {"核定床位__gte": "多"}, 400, "bad_parameter"),
    ],
)  # fmt: skip
def test_errors_have_one_shape(client, url, query, status, code):
    seeding.hospitals(20)
    answer = client.get(url, query)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code and error["message"] and isinstance(error["where"], dict)


def test_description_is_valid_openapi(client):
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    assert set(document["paths"]) == {
        "/api/v1/datasets", "/api/v1/datasets/{name}", "/api/v1/datasets/{name}/rows",
        "/api/v1/datasets/{name}/distinct", "/api/v1/datasets/{name}/facets", "/api/v1/datasets/{name}/groups",
        "/api/v1/datasets/{name}/dump",
        "/api/v1/datasets/{name}/versions/{number}/difference",
        "/api/v1/graph",
        "/api/v1/uploads",
        "/api/v1/uploads/{upload_id}",
        "/api/v1/uploads/{upload_id}/pieces",
    }  # fmt: skip


def test_human_page_names_every_parameter(client):
    html = client.get("/api/").content.decode()
    for operations in client.get("/api/v1/openapi.json").json()["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert f">{parameter['name']}<" in html


SEED = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests import seeding
seeding.hospitals(50)
"""
ASK = """
import sys
import gongshu.site.asgi
from django.test import Client
client = Client(headers={"host": "localhost"})
base = "/datasets/medical-institutions"
for address in ("/", "/datasets?q=x", base, base + "?sort=-x", base + "/versions/1/medical-institutions.csv",
                base + "/versions/1/medical-institutions.xlsx", base + "/versions/1/medical-institutions.json",
                "/api/v1" + base, "/api/v1" + base + "/rows", "/api/", "/nothing"):
    answer = client.get(address)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code in (200, 400, 404), (address, answer.status_code)
print([name for name in ("pyiceberg", "ibis") if name in sys.modules])
"""


def test_requests_never_import_the_lake_or_ibis(tmp_path):
    """A fresh process answers every kind of request; what it imported is looked at."""
    environment = {
        **os.environ,
        "GONGSHU_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "gongshu.site.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "GONGSHU_DEBUG": "1",  # without a manifest of the assets
    }
    environment.pop("GONGSHU_DATABASE_URL", None)

    def run(script: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", script]
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    run(SEED)
    assert run(ASK) == "[]"


def test_slow_query_is_interrupted_and_told(client, monkeypatch, settings):
    version = seeding.hospitals(2000)
    query = exp.select("count(*)").from_("rows a, rows b, rows c").where("a.经度 + b.经度 + c.经度 > 10")
    with pytest.raises(serving.TooSlow):
        serving.read(settings.DATA / version.serving, query, seconds=0.3)

    def slow(*_args: object, **_more: object) -> None:
        raise serving.TooSlow

    monkeypatch.setattr(serving, "read", slow)
    answer = client.get(ROWS.replace("rows", "facets"), {"column": "所在区"})
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "too_slow"
    assert client.get("/datasets/medical-institutions").status_code == 503


def test_too_many_queries_at_once_are_sent_away(client, monkeypatch, settings):
    version = seeding.hospitals(20)
    monkeypatch.setattr(serving, "WAIT_SECONDS", 0.05)
    pool = serving.Pool()
    pool._running = threading.Semaphore(1)
    monkeypatch.setattr(serving, "POOL", pool)
    with pool.cursor(settings.DATA / version.serving):
        answer = client.get(ROWS)
        assert answer.status_code == 503 and answer["Retry-After"] == "5"
        assert client.get("/datasets/medical-institutions").status_code == 429
    assert client.get(ROWS).status_code == 200


def test_pool_is_bounded_and_lets_go_of_removed_files(settings, tmp_path):
    version = seeding.hospitals(20)
    source = settings.DATA / version.serving
    pool = serving.Pool(files=3)
    paths = []
    for i in range(6):
        paths.append(tmp_path / f"{i}.duckdb")
        paths[-1].write_bytes(source.read_bytes())
        with pool.cursor(paths[-1]) as cursor:
            assert cursor.execute("SELECT count(*) FROM rows").fetchall() == [(20,)]
    assert len(pool._copies) == 3
    paths[-1].unlink()
    with pytest.raises(serving.CopyMissing), pool.cursor(paths[-1]):
        pass
    assert (paths[-1], False) not in pool._copies
    pool.close()


def test_serving_copy_can_not_reach_other_files(settings):
    version = seeding.hospitals(20)

    with serving.POOL.cursor(settings.DATA / version.serving) as cursor:
        for statement in (
            "SELECT * FROM read_csv('/etc/passwd')",
            "ATTACH 'x.db'",
            "INSTALL httpfs",
            "SET threads=4",
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(statement)
        with pytest.raises(duckdb.Error):
            cursor.execute("DELETE FROM rows")


def test_json_of_rows_equals_json_of_the_file(client):
    seeding.companies(200)
    rows = client.get("/api/v1/datasets/company-register/rows", {"limit": 1000}).json()["items"]
    content = b"".join(client.get("/datasets/company-register/versions/2/company-register.json").streaming_content)
    assert rows == json.loads(content)
