"""Other portals for tests of harvesting: a server of this process whose catalogues a test writes, in the shapes of real ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Portal:
    """``files``: body by path; ``packages``: of its CKAN; ``asked``: every address asked for; ``old``: without package_search."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.files: dict[str, bytes] = {}
        self.packages: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.old = False
        self.status = 200

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if self.status != 200:
            return self.status, b""
        if path in self.files:
            return 200, self.files[path]
        action = path.removeprefix("/api/3/action/")
        if action == "package_search" and not self.old:
            field, _, order = query.get("sort", "id asc").partition(" ")
            listed = sorted(self.packages, key=lambda each: each[field], reverse=order == "desc")
            start, rows = int(query.get("start", 0)), int(query.get("rows", 10))
            return _said({"count": len(listed), "results": listed[start : start + rows]})
        if action == "package_list":
            return _said([each["name"] for each in self.packages])
        if action == "package_show":
            found = [each for each in self.packages if each["name"] == query.get("id")]
            return _said(found[0]) if found else (404, b"{}")
        return 404, b""


def _said(result: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"success": True, "result": result}).encode()


@contextmanager
def portal() -> Iterator[Portal]:
    """A portal at a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found.asked.append(self.path)
            status, body = found.answer(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
            tag = f'"{hash(body)}"'
            if status == 200 and parts.path in found.files and self.headers.get("If-None-Match") == tag:
                status, body = 304, b""
            self.send_response(status)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Portal(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


def data_json(*datasets: Any) -> bytes:
    """A catalogue in DCAT-US; what is no record stands in it as it is."""
    return json.dumps(
        {"conformsTo": "https://project-open-data.cio.gov/v1.1/schema", "dataset": list(datasets)}
    ).encode()


def entry(number: int, **more: Any) -> dict[str, Any]:
    """A dataset of such a catalogue."""
    return {
        "identifier": f"id-{number}",
        "title": f"邻市数据 {number}",
        "description": "说明。",
        "publisher": {"name": "邻市统计局"},
        "theme": ["Health"],
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "accrualPeriodicity": "R/P1M",
        "modified": "2026-03-01",
        "landingPage": f"https://data.neighbour.example/{number}",
        "distribution": [
            {"title": "文件", "mediaType": "text/csv", "downloadURL": f"https://data.neighbour.example/{number}.csv"}
        ],
    } | more


def package(number: int, modified: str = "2026-01-01T00:00:00", **more: Any) -> dict[str, Any]:
    """A package of CKAN."""
    return {
        "id": f"{number:08}-0000-4000-8000-000000000000",
        "name": f"data-{number}",
        "title": f"Data {number}",
        "notes": "<p>Notes &amp; <b>more</b></p><script>x</script>",
        "state": "active",
        "type": "dataset",
        "private": False,
        "metadata_created": "2025-01-01T00:00:00",
        "metadata_modified": modified,
        "license_id": "cc-by",
        "organization": {"title": "Bureau"},
        "groups": [{"name": "transport"}],
        "tags": [{"name": "bus", "display_name": "bus"}],
        "resources": [{"name": "f", "format": "csv", "url": f"https://ckan.example/{number}.csv", "size": "12"}],
        "extras": [],
    } | more


def seeded() -> None:
    """A portal that was harvested, for pages: datasets present, missing and gone, a run with troubles and one that failed."""
    from gongshu import clock
    from gongshu.federation.models import Run, Source, Trouble
    from gongshu.opening.models import ExternalDataset

    now = clock.now()
    source = Source.objects.create(
        key="neighbour", name="邻市公共数据开放平台", name_en="Neighbour City open data", kind="ckan",
        address="https://data.neighbour.example/", portal_url="https://data.neighbour.example/", next_run_at=now,
    )  # fmt: skip
    for number, (title, state) in enumerate(
        [("公共自行车租赁点", "present"), ("内河航道水位", "missing"), ("旧的目录", "gone")]
    ):
        ExternalDataset.objects.create(
            source=source.key, portal=source.name, portal_url=source.portal_url, remote_id=f"r{number}", name=f"neighbour--d{number}",
            title=title, title_en=["Bicycle stations", "Water levels", "Old"][number], summary="由邻市发布的数据集的说明。" * 3,
            publisher="邻市交通局", keywords=["自行车", "交通"], topic="transport", licence="cc-by-4.0" if number else "",
            licence_said="https://www.neighbour.example/terms", update_frequency="daily", language="zh", spatial="邻市", modified=now,
            issued=now, landing_page=f"https://data.neighbour.example/dataset/d{number}", state=state,
            missing_since=None if state == "present" else now,
            distributions=[
                {"title": "全部租赁点", "format": "CSV", "media_type": "text/csv", "url": "https://data.neighbour.example/a.csv", "size": 120_000},
                {"title": "", "format": "", "media_type": "", "url": f"https://data.neighbour.example/{'long/' * 30}a", "size": None},
            ],
        )  # fmt: skip
    Run.objects.create(
        source=source, state="failed", finished_at=now,
        error={"code": "unreachable", "message": "data.neighbour.example 没有应答（timed out）", "message_en": "data.neighbour.example does not answer (timed out)"},
    )  # fmt: skip
    run = Run.objects.create(
        source=source, state="done", finished_at=now, whole=True, records=140, new=2, changed=1, same=130, missing=1, gone=1,
        refused=3, defective=2, note="few",
    )  # fmt: skip
    for position, (kind, code, field, value) in enumerate(
        [
            ("defect", "no_identifier", "", ""), ("refused", "ours_title", "title", "medical-institutions"),
            ("note", "bad_address", "landing_page", "ftp://data.neighbour.example/" + "x" * 100),
        ]
    ):  # fmt: skip
        Trouble.objects.create(
            run=run,
            position=position,
            kind=kind,
            code=code,
            field=field,
            value=value,
            title="某个数据集",
            remote_id="r",
        )


def given() -> None:
    """Data given by society, for pages: an offer that waits, one that was refused, and a dataset of a giver."""
    from gongshu.opening import offers
    from gongshu.opening.models import Offer
    from gongshu.parties.models import Organisation
    from tests import seeding

    values = {
        "giver": "person", "name": "观鸟人老王", "contact": "王一", "email": "wang@example.org", "title": "湿地观鸟记录",
        "description": "一行一次观察：日期、地点、种名、数量，2015 年至今约 3,000 行，每年更新。", "origin": "自己记的，每周末在三个固定地点。",
        "rights": "都是自己记的，没有别人的权利。", "licence": "cc-by-4.0",
    }  # fmt: skip
    offers.offer(values, set(offers.CHECKED))
    row, _secret = offers.offer(values | {"title": "网上抓来的名单", "email": "li@example.org"}, set(offers.CHECKED))
    Offer.objects.filter(pk=row.pk).update(
        state="refused", reason="来源不清楚，而且含个人信息。", decided_at=row.made_at
    )
    version = seeding.publish(
        "bird-watching",
        "SELECT CAST(i AS BIGINT) AS 编号, '白鹭' AS 种名, CAST(i % 9 AS BIGINT) AS 数量 FROM range(60) t(i)",
        [seeding.column("编号", "int64"), seeding.column("种名"), seeding.column("数量", "int64")],
        title="湿地观鸟记录", title_en="Birds seen in the wetlands", topic="environment", licence="cc-by-4.0", source_note="自己记的，每周末在三个固定地点。",
        update_frequency="yearly", quality={},
    )  # fmt: skip
    version.dataset.provider = Organisation.objects.create(code="society-1", name="观鸟人老王", kind="society")
    version.dataset.save()
