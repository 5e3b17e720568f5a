"""Files of a dataset: whole, safe to open, the same each time, gone when withdrawn."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import threading

import duckdb
import openpyxl
import pytest
from django.utils import timezone

from gongshu.opening import exports, sheets
from gongshu.opening.models import Distribution, Version
from gongshu.oversight import access
from gongshu.web.streaming import FileStream
from tests import seeding

pytestmark = pytest.mark.django_db
BASE = "/datasets/medical-institutions"


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_csv_opens_in_a_spreadsheet_and_holds_no_formula(client):
    seeding.hospitals(100)
    answer = client.get(f"{BASE}/versions/1/medical-institutions.csv")
    content = body(answer)
    assert content.startswith(b"\xef\xbb\xbf")
    assert "filename*=UTF-8''%E5%85%AC" in answer["Content-Disposition"]
    assert 'filename="medical-institutions-v1.csv"' in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 100
    assert rows[0]["咨询电话"] == "'=1+1"
    assert not any(cell[:1] in tuple("=+@\t\r") for row in rows for cell in row.values())


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_every_dangerous_beginning_of_a_text_cell_is_guarded(client, start):
    text = (start + "1+1").replace("'", "''")
    seeding.publish(
        "guard", f"SELECT '{text}' AS 文, -1.5 AS 数, DATE '2020-01-01' AS 日, NULL::VARCHAR AS 空",
        [seeding.column("文"), seeding.column("数", "decimal"), seeding.column("日", "date"), seeding.column("空")],
    )  # fmt: skip
    content = body(client.get("/datasets/guard/versions/1/guard.csv")).decode("utf-8-sig")
    row = list(csv.reader(io.StringIO(content, newline="")))[1]
    assert row == [f"'{start}1+1", "-1.5", "2020-01-01", ""]


def test_xlsx_has_a_dictionary_and_no_formulas(client):
    seeding.hospitals(60)
    content = body(client.get(f"{BASE}/versions/1/medical-institutions.xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["数据 Data", "数据字典 Dictionary"]
    rows = list(book["数据 Data"].values)
    assert len(rows) == 61
    assert all(cell.data_type != "f" for row in book["数据 Data"].iter_rows() for cell in row)
    assert rows[1][10] == "=1+1"


def test_the_dictionary_of_a_workbook_is_for_readers_of_both_languages(client):
    seeding.hospitals(20)
    content = body(client.get(f"{BASE}/versions/1/medical-institutions.xlsx", headers={"Accept-Language": "en"}))
    sheet = list(openpyxl.load_workbook(io.BytesIO(content))["数据字典 Dictionary"].values)
    assert [row[0] for row in sheet[:5]] == [
        "名称 Title",
        "版本 Version",
        "提供方 Provider",
        "使用许可 Licence",
        "行数 Rows",
    ]
    headings = ("列 Column", "含义 Meaning", "类型 Type", "单位 Unit", "代码表 Codes", "空值 Nulls", "保护 Protection")
    assert sheet[6] == headings
    rows = {row[0]: dict(zip(headings, row, strict=True)) for row in sheet[7:]}
    assert any(row["含义 Meaning"].startswith("执业许可证上的第一名称") for row in rows.values())
    assert "小数 / number" in {row["类型 Type"] for row in rows.values()}


def test_xlsx_keeps_long_numbers_and_strange_dates(client):
    seeding.publish(
        "edges",
        "SELECT 9007199254740993::BIGINT AS 大数, 'NaN'::DOUBLE AS 非数, DATE '1899-12-31' AS 旧日, "
        "12345678901234567.89::DECIMAL(20,2) AS 定点, repeat('长', 40000) AS 长文, TIMESTAMP '2024-02-29 12:30:00' AS 时",
        [
            seeding.column("大数", "int64"), seeding.column("非数", "float64"), seeding.column("旧日", "date"),
            seeding.column("定点", "decimal"), seeding.column("长文"), seeding.column("时", "timestamp"),
        ],
    )  # fmt: skip
    content = body(client.get("/datasets/edges/versions/1/edges.xlsx"))
    row = list(openpyxl.load_workbook(io.BytesIO(content))["数据 Data"].values)[1]
    assert row[:4] == ("9007199254740993", None, "1899-12-31", "12345678901234567.89")
    assert len(row[4]) == sheets.CELL_LIMIT
    assert str(row[5]) == "2024-02-29 12:30:00"
    [item] = json.loads(body(client.get("/datasets/edges/versions/1/edges.json")))
    assert item["大数"] == "9007199254740993" and item["非数"] is None and item["定点"] == "12345678901234567.89"
    assert item["时"] == "2024-02-29T12:30:00+08:00" and item["旧日"] == "1899-12-31"


def test_json_geojson_and_parquet_hold_every_row(client):
    seeding.hospitals(2500)
    rows = json.loads(body(client.get(f"{BASE}/versions/1/medical-institutions.json")))
    assert len(rows) == 2500 and rows[0]["核定床位"] is None and rows[1]["医保定点"] in (True, False)
    points = json.loads(body(client.get(f"{BASE}/versions/1/medical-institutions.geojson")))
    assert points["type"] == "FeatureCollection" and len(points["features"]) == 2500
    first = points["features"][0]
    assert first["geometry"] == {"type": "Point", "coordinates": [rows[0]["经度"], rows[0]["纬度"]]}
    assert first["properties"] == rows[0]
    parquet = body(client.get(f"{BASE}/versions/1/medical-institutions.parquet"))
    assert parquet[:4] == b"PAR1"


def test_shapes_become_geojson(client):
    seeding.divisions()
    found = json.loads(body(client.get("/datasets/districts/versions/1/districts.geojson")))
    assert {f["geometry"]["type"] for f in found["features"]} == {"Polygon"}
    assert found["features"][0]["properties"] == {"区划代码": "340100", "区划名称": "鲁班区"}


def test_stable_address_leads_to_the_current_version(client):
    seeding.hospitals(20, number=1)
    seeding.hospitals(30, number=2)
    answer = client.get(f"{BASE}/download.csv")
    assert answer["Location"] == f"{BASE}/versions/2/medical-institutions.csv"
    assert body(client.get(answer["Location"])).count(b"\n") == 31
    assert client.get(f"{BASE}/download.exe").status_code == 404
    seeding.air(20)
    assert client.get("/datasets/air-quality/download.geojson").status_code == 404


def test_file_is_made_once_and_told_by_its_hash(client):
    seeding.hospitals(50)
    first = client.get(f"{BASE}/versions/1/medical-institutions.csv")
    content = body(first)
    made = Distribution.objects.get()
    assert made.sha256 == hashlib.sha256(content).hexdigest() and made.size == len(content)
    assert (
        client.get(f"{BASE}/versions/1/medical-institutions.csv", headers={"if-none-match": first["ETag"]}).status_code
        == 304
    )
    assert Distribution.objects.count() == 1
    html = client.get(BASE).content.decode()
    assert f"{round(len(content) / 1024)} KB" in html


def test_ranges_and_head(client):
    seeding.hospitals(50)
    url = f"{BASE}/versions/1/medical-institutions.csv"
    length = client.head(url)["Content-Length"]  # what reads Parquet by ranges begins with HEAD
    assert Distribution.objects.count() == 1
    whole = body(client.get(url))
    assert length == str(len(whole))
    for asked, start, end in (("bytes=0-9", 0, 10), ("bytes=10-", 10, None), ("bytes=-7", -7, None)):
        answer = client.get(url, headers={"range": asked})
        assert answer.status_code == 206 and body(answer) == whole[start:end]
    assert client.get(url, headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    assert body(client.get(url, headers={"range": "bytes=0-1,4-5"})) == whole


def test_file_streams_under_asgi(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)) * 4096)

    async def read() -> bytes:
        return b"".join([part async for part in FileStream(path, 100, 700_000, lambda: False)])

    assert asyncio.run(read()) == path.read_bytes()[100:700_100]


def test_what_i_see_as_csv(client):
    seeding.hospitals(300)
    answer = client.get(
        f"{BASE}/versions/1/selection", {"所在区": "鲁班区", "select": ["机构名称", "核定床位"], "sort": "-核定床位"}
    )
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["机构名称", "核定床位"]
    beds = [int(row[1]) for row in rows[1:] if row[1]]
    assert beds == sorted(beds, reverse=True) and 20 < len(beds) < 60
    assert client.get(f"{BASE}/versions/1/selection", {"没有": "1"}).status_code == 400


def test_selection_has_a_limit(client, monkeypatch):
    monkeypatch.setattr(exports, "SELECTION_ROWS", 10)
    seeding.hospitals(30)
    answer = client.get(f"{BASE}/versions/1/selection")
    assert answer.status_code == 413 and "10 行" in answer.content.decode()


def test_too_many_rows_for_a_sheet_is_said_clearly(client):
    version = seeding.hospitals(30)
    Version.objects.filter(pk=version.pk).update(rows=1_048_576)
    answer = client.get(f"{BASE}/versions/1/medical-institutions.xlsx")
    assert answer.status_code == 413 and "1,048,576 行放不进一张工作表" in answer.content.decode()
    assert ".xlsx" not in client.get(BASE).content.decode()


@pytest.mark.django_db(transaction=True)
def test_large_workbook_is_made_while_a_page_waits(client, monkeypatch):
    monkeypatch.setattr(exports, "SLOW_CELLS", 10)
    seeding.hospitals(3000)
    url = f"{BASE}/versions/1/medical-institutions.xlsx"
    answer = client.get(url)
    assert answer.status_code == 202 and answer["Refresh"] == "3" and "正在生成 XLSX 文件" in answer.content.decode()
    for thread in threading.enumerate():
        if thread.name.startswith("export-"):
            thread.join(30)
    assert body(client.get(url))[:2] == b"PK"


def test_withdrawn_while_its_file_is_made(client, monkeypatch):
    version = seeding.hospitals(30)

    def withdraw(*_args: object) -> None:
        Version.objects.filter(pk=version.pk).update(state="withdrawn", withdrawn_at=timezone.now())

    monkeypatch.setitem(exports._WRITERS, "csv", lambda v, engine, target, note: (target.write_bytes(b"x"), withdraw()))
    answer = client.get(f"{BASE}/versions/1/medical-institutions.csv")
    assert answer.status_code == 410
    assert not Distribution.objects.exists()


def test_missing_serving_copy_is_on_its_way(client, settings):
    version = seeding.hospitals(30)
    (settings.DATA / version.serving).unlink()
    assert client.get(BASE).status_code == 503
    assert client.get(f"{BASE}/versions/1/medical-institutions.csv").status_code == 503
    assert client.get("/api/v1/datasets/medical-institutions/rows").status_code == 503


def test_every_download_is_recorded(client, monkeypatch):
    noted: list[tuple[str, str]] = []
    monkeypatch.setattr(access, "record", lambda action, subject, **details: noted.append((action, subject)))
    seeding.hospitals(30)
    client.get(BASE)
    body(client.get(f"{BASE}/versions/1/medical-institutions.csv"))
    client.get(f"{BASE}/versions/1/selection")
    client.get("/api/v1/datasets/medical-institutions/rows")
    subject = "dataset:medical-institutions"
    assert noted == [
        ("dataset.view", subject), ("dataset.download", subject), ("dataset.download", subject), ("dataset.query", subject),
    ]  # fmt: skip


def test_published_order_is_kept(client, settings):
    version = seeding.companies(3000)
    with duckdb.connect(str(settings.DATA / version.serving), read_only=True) as con:
        wanted = [row[0] for row in con.execute("SELECT 统一社会信用代码 FROM rows").fetchall()]
    rows = json.loads(body(client.get("/datasets/company-register/versions/2/company-register.json")))
    assert [row["统一社会信用代码"] for row in rows] == wanted == sorted(wanted)
