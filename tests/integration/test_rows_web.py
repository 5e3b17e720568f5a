"""The interface to rows on a real server: formats read back by real libraries, dumps, limits, clients that go away, lost copies."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import openpyxl
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows import lanes, limits, service
from gongshu.opening.rows.web import Rows
from tests import seeding

SEED = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", verbosity=0, interactive=False)
from tests import seeding
seeding.hospitals(3000)
seeding.divisions()
"""
HOSPITALS = "/api/v1/datasets/medical-institutions"


class Server:
    """A running site with a data folder of its own."""

    def __init__(self, data: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data = data
        self._environment = {
            **os.environ,
            **settings,
            "GONGSHU_DATA": str(data),
            "DJANGO_SETTINGS_MODULE": "gongshu.site.settings",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self._environment.pop("GONGSHU_DATABASE_URL", None)

    def run(self, script: str) -> None:
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=self._environment, check=True)

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "granian", "gongshu.site.server:application", "--interface", "asginl"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        process = subprocess.Popen(command, env=self._environment)
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                self.get("/healthz")
                return process
            except OSError:
                time.sleep(0.1)
        process.kill()
        raise TimeoutError("the server does not answer")

    def get(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        connection.close()
        return found

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("site"), GONGSHU_API_RATE="1000", GONGSHU_HOSTS="127.0.0.1")
    server.run(SEED)
    process = server.start()
    yield server
    process.terminate()
    process.wait(10)


def ask(site: Server, kind: str = "rows", **words: Any) -> tuple[int, Any, bytes]:
    return site.get(f"{HOSPITALS}/{kind}?{urlencode(words, doseq=True)}")


def test_answers_carry_what_every_answer_carries(site):
    status, rows, body = ask(site, limit=2)
    assert status == 200 and len(json.loads(body)["items"]) == 2
    _status, page, _html = site.get("/datasets")
    for name in (
        "Content-Security-Policy",
        "Permissions-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
    ):
        assert rows[name] == page[name], name
    assert rows["Access-Control-Allow-Origin"] == "*" and "Set-Cookie" not in rows
    assert site.get(f"{HOSPITALS}/rows", "HEAD")[2] == b""
    assert site.get(f"{HOSPITALS}/rows", "OPTIONS")[0] == 204
    assert site.get(f"{HOSPITALS}/rows", "DELETE")[0] == 405
    assert site.get(f"{HOSPITALS}/rows", Host="evil.example")[0] == 400
    assert ask(site, 没有=1)[0] == 400
    again = site.get(f"{HOSPITALS}/rows?limit=2", If_None_Match=rows["ETag"])
    assert again[0] == 304 and again[2] == b""
    posted = site.get(f"{HOSPITALS}/rows", "POST", json.dumps({"limit": 2}))
    assert json.loads(posted[2])["items"] == json.loads(body)["items"]
    assert site.get(f"{HOSPITALS}/rows", "POST", "x" * 1_100_000)[0] == 413


def test_a_page_in_every_format(site):
    items = json.loads(ask(site, limit=50, sort="-核定床位")[2])["items"]
    pages = {
        kind: ask(site, limit=50, sort="-核定床位", format=kind)
        for kind in ("jsonl", "csv", "arrow", "parquet", "xlsx", "geojson")
    }
    for _status, headers, _body in pages.values():
        assert headers["X-Total-Count"] == "3000" and 'rel="next"' in headers["Link"]
    assert [json.loads(line) for line in pages["jsonl"][2].splitlines()] == items
    table = pa.ipc.open_stream(pages["arrow"][2]).read_all()
    assert table.column("机构代码").to_pylist() == [row["机构代码"] for row in items]
    assert pq.read_table(io.BytesIO(pages["parquet"][2])).equals(table)
    frame = pandas.read_csv(io.BytesIO(pages["csv"][2]))
    assert list(frame["核定床位"].astype("Int64")) == [row["核定床位"] for row in items]
    sheet = list(openpyxl.load_workbook(io.BytesIO(pages["xlsx"][2])).active.values)
    assert sheet[0] == tuple(items[0]) and [row[0] for row in sheet[1:]] == [row["机构代码"] for row in items]
    _meta, _ids, shapes, _fields = pyogrio.raw.read(io.BytesIO(pages["geojson"][2]))
    assert len(shapes) == 50 and shapes[0] is not None
    assert site.get("/api/v1/datasets/districts/rows?format=geojson")[0] == 200
    by_header = site.get(f"{HOSPITALS}/rows?limit=3", Accept="text/csv, */*;q=0.1")
    assert by_header[1]["Content-Type"].startswith("text/csv")
    following = pages["jsonl"][1]["Link"].partition(";")[0].strip("<>")
    assert json.loads(site.get(following)[2].splitlines()[0])["机构代码"] not in {row["机构代码"] for row in items}


def test_csv_cells_survive_and_compute_nothing(site):
    text = ask(site, limit=3000, format="csv", select=["机构代码", "咨询电话"])[2].decode("utf-8-sig")
    frame = pandas.read_csv(io.StringIO(text), dtype=str)
    assert set(frame["咨询电话"].str[:2]) == {"'=", "02"}


def test_pages_are_packed_for_who_takes_it_and_have_an_etag_of_their_own(site):
    address = f"{HOSPITALS}/rows?limit=200"
    plain, packed = site.get(address), site.get(address, Accept_Encoding="gzip")
    assert packed[1]["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain[1]
    assert gzip.decompress(packed[2]) == plain[2] and len(packed[2]) * 3 < len(plain[2])
    tags = [answer[1]["ETag"] for answer in (plain, packed)]
    assert tags[0] != tags[1] and "Accept-Encoding" in packed[1]["Vary"]
    for tag in tags:
        known = site.get(address, If_None_Match=tag, Accept_Encoding="gzip")
        assert known[0] == 304 and known[1]["ETag"] == tag
    assert "Content-Encoding" not in site.get(f"{HOSPITALS}/rows?limit=1", Accept_Encoding="gzip, *;q=0")[1]


def test_an_assistant_finds_reads_and_counts_by_mcp(site):
    from mcp import Client

    async def walk() -> dict[str, Any]:
        async with Client(site.url("/mcp")) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            found = await client.call_tool("search_datasets", {"question": "医疗机构"})
            about = await client.call_tool("describe_dataset", {"name": "medical-institutions"})
            leaf = {"column": "所在区", "op": "eq", "value": "鲁班区"}
            asked = {"name": "medical-institutions", "filter": leaf, "limit": 3, "sort": ["-核定床位"]}
            rows = await client.call_tool("query_rows", asked)
            counts = await client.call_tool("count_rows", {"name": "medical-institutions", "by": ["所在区"]})
            wrong = await client.call_tool("query_rows", {"name": "medical-institutions", "select": ["没有"]})
            none = await client.call_tool("describe_dataset", {"name": "none"})
            return {"tools": tools, "found": found, "about": about, "rows": rows, "counts": counts, "wrong": wrong, "none": none}  # fmt: skip

    said = asyncio.run(walk())
    assert set(said["tools"]) == {"search_datasets", "describe_dataset", "query_rows", "count_rows"}
    assert all(tool.annotations.read_only_hint for tool in said["tools"].values())
    assert said["found"].structured_content["result"][0]["name"] == "medical-institutions"
    columns = {column["name"] for column in said["about"].structured_content["columns"]}
    assert {"机构名称", "核定床位"} <= columns
    assert said["about"].structured_content["page"] == site.url("/datasets/medical-institutions")
    rows = said["rows"].structured_content
    assert len(rows["items"]) == 3 and {row["所在区"] for row in rows["items"]} == {"鲁班区"}
    assert rows["total"] == json.loads(ask(site, 所在区="鲁班区", limit=1)[2])["total"]
    assert sum(group["count"] for group in said["counts"].structured_content["groups"]) == 3000
    assert said["wrong"].is_error and "bad_parameter" in said["wrong"].content[0].text and said["none"].is_error
    assert site.get("/mcp", "POST", "{}", Host="evil.example")[0] == 400
    assert site.get("/mcp", "POST", "{}", Content_Type="application/json")[1]["X-Content-Type-Options"] == "nosniff"
    assert site.get("/mcp", "POST", "x" * 300_000, Content_Type="application/json")[0] in (400, 413)


def test_dumps_are_streams_of_all_rows(site):
    right = json.loads(ask(site, limit=3000, 所在区="鲁班区")[2])["items"]
    codes = [row["机构代码"] for row in right]

    def dump(kind: str, **headers: str) -> tuple[int, Any, bytes]:
        return site.get(f"{HOSPITALS}/dump?{urlencode({'format': kind, '所在区': '鲁班区'})}", **headers)

    assert [json.loads(line) for line in dump("jsonl")[2].splitlines()] == right
    status, headers, packed = dump("jsonl", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == dump("jsonl")[2]
    zipped = dump("csv", Accept_Encoding="zstd, gzip;q=0.5")
    assert zipped[1]["Content-Encoding"] == "zstd"
    assert pa.input_stream(io.BytesIO(zipped[2]), compression="zstd").read() == dump("csv")[2]
    assert pa.ipc.open_stream(dump("arrow")[2]).read_all().column("机构代码").to_pylist() == codes
    assert pq.read_table(io.BytesIO(dump("parquet")[2])).column("机构代码").to_pylist() == codes
    assert dump("xlsx")[0] == 400 and ask(site, "dump", format="csv", limit=3)[0] == 400
    for kind in ("csv", "jsonl", "arrow", "parquet"):
        status, headers, _body = ask(site, "dump", format=kind)
        assert status == 302 and headers["Location"].endswith(f"/versions/1/medical-institutions.{kind}")
        status, headers, whole = site.get(headers["Location"])
        assert status == 200 and headers["Accept-Ranges"] == "bytes" and len(whole) == int(headers["Content-Length"])
    rest = site.get(
        f"/datasets/medical-institutions/versions/1/medical-institutions.{kind}",
        Range="bytes=100-",
        If_Range=headers["ETag"],
    )
    assert rest[0] == 206 and rest[2] == whole[100:]
    old = site.get(
        f"/datasets/medical-institutions/versions/1/medical-institutions.{kind}", Range="bytes=100-", If_Range='"other"'
    )
    assert old[0] == 200 and old[2] == whole


def test_parquet_is_read_in_place_by_those_who_analyse(site):
    """The link that stays, over HTTP ranges: DuckDB, pandas, pyarrow."""
    url = site.url("/datasets/medical-institutions/download.parquet")
    frame = pandas.read_parquet(url)
    assert len(frame) == 3000
    extension = pytest.importorskip("duckdb_extension_httpfs")
    folder = Path(str(extension.__file__)).parent
    file = next(folder.rglob("httpfs.duckdb_extension*"))
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as engine:
        engine.execute(f"LOAD '{file}'")
        found = engine.sql(f"SELECT count(*), max(机构代码) FROM read_parquet('{url}')").fetchall()
    assert found == [(3000, "H002999")]


def test_parquet_of_shapes_is_geoparquet(site):
    content = site.get("/datasets/districts/versions/1/districts.parquet")[2]
    table = pq.read_table(io.BytesIO(content))
    about = json.loads(table.schema.metadata[b"geo"])
    assert about["primary_column"] == "边界" and about["columns"]["边界"]["encoding"] == "WKB"
    shapes = shapely.from_wkb(table.column("边界").to_pylist())
    assert len(shapes) == 8 and all(shape.geom_type == "Polygon" for shape in shapes)


def test_a_client_that_asks_too_often_is_told_when_to_come_again():
    buckets = limits.Buckets(1)
    assert [buckets.take("a") for _ in range(10)] == [0] * 10
    buckets.take("a", 40)  # what overdraws a bucket is paid off before the next question
    assert 38 <= buckets.take("a") <= 41 and buckets.take("b") == 0
    assert limits.Readers().holder("Basic x") == ""


def test_heavy_questions_stand_back_and_full_lanes_say_so():
    async def both() -> tuple[int, int, str]:
        heavy = lanes.Lane("heavy", 1, 0, heavy=True)
        hold = threading.Event()
        first = asyncio.ensure_future(
            heavy.run(lambda: (hold.wait(5), os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))[1])
        )
        await asyncio.sleep(0.05)
        try:
            await heavy.run(int)
        except serving.TooBusy:
            said = "busy"
        hold.set()
        light = await lanes.Lane("light", 1, 1).run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return await first, light, said

    heavy, light, said = asyncio.run(both())
    assert said == "busy" and (sys.platform != "linux" or heavy == serving.NICE > light)


def test_what_nobody_waits_for_any_more_makes_room_in_its_lane():
    async def three() -> tuple[list[str], str]:
        lane, hold, did = lanes.Lane("one", 1, 1), threading.Event(), []
        first = asyncio.ensure_future(lane.run(hold.wait, 5))
        second = asyncio.ensure_future(lane.run(did.append, "second"))
        await asyncio.sleep(0)
        with pytest.raises(serving.TooBusy):
            await lane.run(did.append, "third")
        second.cancel()
        await asyncio.wait([second])
        fourth = asyncio.ensure_future(lane.run(did.append, "fourth"))
        await asyncio.sleep(0)
        hold.set()
        await asyncio.gather(first, fourth)
        with pytest.raises(ZeroDivisionError):
            await lane.run(lambda: 1 // 0)
        return did, await lane.run(lambda: threading.current_thread().name)

    assert asyncio.run(three()) == (["fourth"], "one")
    assert lanes.Lane("other", 1, 0).wait(int, "7") == 7


@pytest.mark.django_db
def test_a_query_ends_with_its_client(settings):
    version = seeding.hospitals(2000)
    watch = serving.Watch()
    query = exp.select("count(*)").from_("rows a, rows b, rows c").where("a.经度 + b.经度 + c.经度 > 10")
    threading.Timer(0.2, watch.end).start()
    began = time.monotonic()
    with serving.watched(watch), pytest.raises(serving.TooSlow):
        serving.read(settings.DATA / version.serving, query, seconds=120)
    assert time.monotonic() - began < 60  # long before its own end
    with serving.watched(watch), pytest.raises(serving.TooSlow):  # what was waiting isn't begun any more
        serving.read(settings.DATA / version.serving, exp.select("1"))


@pytest.mark.django_db
def test_answers_that_are_too_large_say_what_to_do(monkeypatch):
    seeding.hospitals(300)
    from gongshu.opening.rows import answers

    monkeypatch.setattr(answers, "ANSWER_BYTES", 1000)
    for kind in ("json", "csv", "arrow"):
        reply = service.respond(service.Asked("rows", "medical-institutions", query=f"format={kind}"))
        error = json.loads(reply.content)["error"]
        assert reply.status == 413 and error["code"] == "too_large" and "dump" in error["message"]


def test_a_copy_that_is_lost_under_load_comes_back(site):
    """Requests go on while the file is taken away and put back: they are answered rightly or told to come again."""
    copy = next((site.data / "serving" / "medical-institutions").glob("*.duckdb"))
    content, seen, stop = copy.read_bytes(), [], threading.Event()

    def client(number: int) -> None:
        while not stop.is_set():
            status, _headers, body = ask(site, 核定床位__gte=number, limit=5)
            seen.append((status, json.loads(body)["total"] if status == 200 else json.loads(body)["error"]["code"]))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()

    def until(status: int) -> None:
        """Wait until a request that was asked from now on is answered so."""
        begun, limit = len(seen) + len(threads), time.monotonic() + 20
        while time.monotonic() < limit and status not in {one for one, _what in seen[begun:]}:
            time.sleep(0.01)

    for _round in range(3):
        until(200)
        copy.unlink()
        until(503)
        beside = copy.with_suffix(".new")
        beside.write_bytes(content)
        beside.rename(copy)
    until(200)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for status, _what in seen} == {200, 503}
    assert {what for status, what in seen if status == 503} == {"rebuilding"}
    right = {json.loads(ask(site, 核定床位__gte=n, limit=5)[2])["total"] for n in range(4)}
    assert {what for status, what in seen if status == 200} == right


def test_the_application_hands_on_what_is_not_its_own():
    async def others(scope: Any, _receive: Any, _send: Any) -> None:
        handed.append(scope["path"])

    handed: list[str] = []
    paths = ["/", "/api/v1/datasets", "/api/v1/datasets/x", "/api/v1/datasets/x/rows/", "/api/v1/datasets/ü/rows"]
    for path in paths:
        asyncio.run(Rows(others)({"type": "http", "path": path}, None, None))  # type: ignore[arg-type]
    asyncio.run(Rows(others)({"type": "websocket", "path": "/api/v1/datasets/x/rows"}, None, None))  # type: ignore[arg-type]
    assert handed == [*paths, "/api/v1/datasets/x/rows"]
