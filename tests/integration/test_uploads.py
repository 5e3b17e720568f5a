"""Files on their way in: pieces, limits, broken connections, full disks, names and contents that mean harm."""

from __future__ import annotations

import hashlib
import json
import resource as system
import shutil
import subprocess
import zipfile
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gongshu import clock
from gongshu.gathering import api, receiving, store, tasks
from gongshu.gathering.models import Upload
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.oversight.models import Event
from gongshu.parties.actions import make_token
from gongshu.parties.inbox import waiting_for
from gongshu.parties.models import Person
from gongshu.tables.errors import TableError
from tests import people
from tests.walk import CLINICS, resource_of

pytestmark = pytest.mark.django_db(transaction=True)
GBK = CLINICS.encode("gbk")


@pytest.fixture
def steward(data: Path) -> Person:
    load_kinds()
    return people.person("steward", "steward", people.organisation())


@pytest.fixture
def resource(steward: Person) -> Any:
    return resource_of(steward, people.organisation())


@pytest.fixture
def web(steward: Person) -> Client:
    client = Client()
    client.force_login(steward)
    return client


def begin(web: Client, resource: Any, content: bytes, name: str = "诊所.csv") -> dict[str, Any]:
    address = f"/resources/{resource.pk}/upload/start?name={name}&size={len(content)}"
    return web.post(address, content[:1000], content_type="application/octet-stream").json()


def put(web: Client, state: dict[str, Any], offset: int, piece: bytes) -> Any:
    address = f"/uploads/{state['id']}/pieces?offset={offset}"
    return web.put(address, piece, content_type="application/octet-stream")


def test_a_file_in_pieces_is_whole_and_inspected(web, resource):
    state = begin(web, resource, GBK)
    assert put(web, state, 0, GBK[:500]).json()["received"] == 500
    again = begin(web, resource, GBK)  # the browser was closed: choosing the same file goes on with it
    assert (again["id"], again["received"]) == (state["id"], 500)
    assert begin(web, resource, b"x" * len(GBK))["id"] != state["id"]  # another file of the same name and size
    wrong = put(web, state, 0, GBK[:500])
    assert (wrong.status_code, wrong.json()["error"]["where"]["received"]) == (409, 500)
    done = put(web, state, 500, GBK[500:]).json()
    assert (done["state"], done["sha256"]) == ("inspecting", hashlib.sha256(GBK).hexdigest())
    upload = Upload.objects.get(pk=state["id"])
    assert store.file_of(upload).read_bytes() == GBK and not store.part_of(upload).exists()
    assert web.get(f"/uploads/{upload.pk}")["Refresh"] == "5"
    assert run_one(owner_name()).state == "done"
    page = web.get(f"/uploads/{upload.pk}").content.decode()
    assert "GBK" in page and "60 行" in page and f"/uploads/{upload.pk}/begin" in page
    resource.refresh_from_db()
    assert [item["name"] for item in resource.items] == ["编号", "名称", "床位"]
    assert put(web, state, len(GBK), b"x").status_code == 400
    told = json.dumps([event.body for event in Event.objects.filter(subject=f"upload:{upload.pk}")], default=str)
    assert "诊所" not in told


def test_a_plain_form_works_without_script(web, resource):
    answer = web.post(f"/resources/{resource.pk}/upload/file", {"file": SimpleUploadedFile("诊所.csv", GBK)})
    upload = Upload.objects.get()
    assert answer["Location"] == f"/uploads/{upload.pk}" and upload.state == "inspecting"
    assert store.file_of(upload).read_bytes() == GBK and not list(store.arriving().iterdir())
    assert web.post(f"/resources/{resource.pk}/upload/file").status_code == 400


def test_a_form_from_elsewhere_is_refused(steward, resource):
    client = Client(enforce_csrf_checks=True)
    client.force_login(steward)
    file = SimpleUploadedFile("a.csv", GBK)
    assert client.post(f"/resources/{resource.pk}/upload/file", {"file": file}).status_code == 403
    address = f"/resources/{resource.pk}/upload/start?name=a.csv&size=9"
    assert client.post(address, b"x", content_type="application/octet-stream").status_code == 403
    assert not Upload.objects.exists()


def test_limits_are_told(web, resource, settings, monkeypatch):
    settings.UPLOAD_LIMIT = 4 * 1024**2
    assert begin(web, resource, b"x" * (5 * 1024**2))["error"]["code"] == "file_too_large"
    settings.UPLOAD_QUOTA = 3 * 1024**2
    assert "id" in begin(web, resource, b"x" * (2 * 1024**2))
    assert begin(web, resource, b"y" * (2 * 1024**2), "b.csv")["error"]["code"] == "quota_exceeded"
    monkeypatch.setattr(receiving, "RESERVE", 10**18)
    assert begin(web, resource, b"z")["error"]["code"] == "disk_short"
    monkeypatch.undo()
    settings.UPLOAD_QUOTA = 10**9
    for n in range(9):
        begin(web, resource, b"z", f"{n}.csv")
    assert begin(web, resource, b"z", "last.csv")["error"]["code"] == "too_many_unfinished"
    assert begin(web, resource, b"")["error"]["code"] == "empty_file"
    state = Upload.objects.order_by("created_at").first()
    assert put(web, {"id": state.pk}, 0, b"x" * (2 * 1024**2 + 1)).json()["error"]["code"] == "piece_too_long"
    state.refresh_from_db()
    assert (state.received, store.part_of(state).stat().st_size) == (0, 0)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\数据\\诊所.csv", "诊所.csv"),
        ("..hidden.csv", "hidden.csv"),
        ("a\x00b\n\u202ec.csv", "abc.csv"),
        ("e\u0301.csv", "\u00e9.csv"),
        ('a<b>"|?*.csv', "a_b_____.csv"),
    ],
)
def test_names_are_cleaned(given, kept):
    assert receiving.clean_name(given) == kept


@pytest.mark.parametrize("given", ["", "...", "/", " \t ", "长" * 100])
def test_names_that_are_none_are_refused(given):
    with pytest.raises(TableError):
        receiving.clean_name(given)


def test_two_windows_cannot_write_at_once(steward, resource):
    upload = receiving.start(steward, resource, "a.csv", 10)

    def blocks():
        with pytest.raises(receiving.BusyError):
            receiving.receive(steward, upload, 0, [b"zzzzz"])
        yield b"abcde"

    assert receiving.receive(steward, upload, 0, blocks()).received == 5
    assert store.part_of(upload).read_bytes() == b"abcde"


def test_what_a_killed_server_wrote_does_not_count(steward, resource):
    upload = receiving.start(steward, resource, "a.csv", len(GBK))
    receiving.receive(steward, upload, 0, [GBK[:100]])
    with store.part_of(upload).open("ab") as part:
        part.write(b"half a piece")
    row = receiving.receive(steward, upload, 100, [GBK[100:]])
    assert row.sha256 == hashlib.sha256(GBK).hexdigest()
    # killed after the last piece was counted, and after the file was put in its place: an empty piece settles it
    for moved in (False, True):
        other = receiving.start(steward, resource, "b.csv", len(GBK))
        target = store.file_of(other) if moved else store.part_of(other)
        store.part_of(other).write_bytes(GBK)
        store.part_of(other).replace(target)
        Upload.objects.filter(pk=other.pk).update(received=len(GBK))
        assert receiving.receive(steward, other, len(GBK), []).state == "inspecting"


def test_only_its_owner_sends_pieces_and_strangers_see_nothing(web, resource, client):
    state = begin(web, resource, GBK)
    client.force_login(people.person("colleague", "steward", people.organisation()))
    assert put(client, state, 0, GBK).status_code == 403
    client.force_login(people.person("far", "steward", people.organisation("civil", "市民政局")))
    for address in (f"/uploads/{state['id']}", f"/uploads/{state['id']}/state", f"/resources/{resource.pk}/upload"):
        assert client.get(address).status_code == 403


def test_what_nobody_goes_on_with_is_swept(steward, resource, monkeypatch):
    upload = receiving.start(steward, resource, "a.csv", 10)
    receiving.sweep()
    assert store.folder_of(upload).exists()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=8))
    receiving.sweep()
    upload.refresh_from_db()
    assert upload.state == "discarded" and not store.folder_of(upload).exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"\x7fELF\x02\x01\x01" + bytes(200), "ELF"),
        ("a.csv", b"<html><script>alert(1)</script><table></table>", "HTML"),
        ("a.csv", b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aa">]><l>&a;</l>', "XML"),
        ("a.pdf", b"%PDF-1.7\n" + bytes(100), "PDF"),
    ],
)
def test_what_is_no_data_fails_with_its_reason(web, resource, name, content, said):
    state = begin(web, resource, content, name)
    put(web, state, 0, content)
    assert run_one(owner_name()).state == "done"
    page = web.get(f"/uploads/{state['id']}").content.decode()
    assert said in page and "读不懂" in page and "<script>alert" not in page
    assert web.get(f"/uploads/{state['id']}/file").status_code == 404


def test_scripts_in_names_headers_and_sheets_are_text(web, resource):
    content = b"<script>alert(1)</script>,b\n" + b"<img src=x onerror=alert(2)>,1\n" * 30
    state = begin(web, resource, content, "%3Cscript%3Ealert(3)%3C%2Fscript%3E.csv")
    put(web, state, 0, content)
    run_one(owner_name())
    for address in (
        f"/uploads/{state['id']}",
        f"/resources/{resource.pk}",
        f"/resources/{resource.pk}/upload",
        "/workbench",
    ):
        page = web.get(address).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page, address


def test_a_person_says_how_to_read_and_can_stop(web, resource, steward):
    content = "甲;乙\n1;2\n3;4\n".encode("gbk")
    state = begin(web, resource, content)
    put(web, state, 0, content)
    run_one(owner_name())
    address = f"/uploads/{state['id']}"
    wrong = web.post(f"{address}/inspect", {"header_rows": "x", "encoding": "gb18030"})
    assert wrong.status_code == 400 and 'value="x"' in wrong.content.decode()
    web.post(f"{address}/inspect", {"encoding": "gb18030", "delimiter": "semicolon", "no_header": "1"})
    upload = Upload.objects.get(pk=state["id"])
    assert upload.reading == {"encoding": "gb18030", "delimiter": ";", "no_header": True}
    assert web.post(f"{address}/discard").status_code == 302
    upload.refresh_from_db()
    assert upload.state == "inspecting"  # not while it is being inspected
    web.post(f"{address}/cancel")
    upload.refresh_from_db()
    assert upload.state == "stored" and "开始检视" in web.get(address).content.decode()
    assert [one.url for one in waiting_for(steward)] == [address]
    web.post(f"{address}/discard")
    assert web.get(address).status_code == 404 and not store.folder_of(upload).exists()
    assert not Job.objects.filter(state="running").exists()


def test_a_program_uploads_with_a_token(steward, resource, client):
    _, secret = make_token(steward, "同步程序", ["upload"], 30)
    _, narrow = make_token(steward, "只读", ["read"], 30)
    ask = {"resource": resource.slug, "filename": "诊所.csv", "size": len(GBK)}

    def call(method: str, address: str, body: Any, token: str = secret) -> Any:
        kind = "application/json" if isinstance(body, str) else "application/octet-stream"
        headers = {"Authorization": f"Bearer {token}"}
        return getattr(client, method)(f"/api/v1/uploads{address}", body, content_type=kind, headers=headers)

    for token in (narrow, "gs_none"):
        assert call("post", "", json.dumps(ask), token).status_code == 401
    assert call("post", "", json.dumps(ask | {"resource": "none"})).status_code == 404
    assert call("post", "", json.dumps(ask | {"size": 0})).json()["error"]["code"] == "empty_file"
    begun = call("post", "", json.dumps(ask))
    assert begun.status_code == 201
    address = f"/{begun.json()['id']}"
    assert call("put", f"{address}/pieces?offset=0", GBK[:300]).json()["received"] == 300
    assert call("put", f"{address}/pieces?offset=7", GBK[:300]).json()["error"]["where"] == {"received": 300}
    assert call("put", f"{address}/pieces?offset=300", GBK[300:]).json()["state"] == "inspecting"
    run_one(owner_name())
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get(f"/api/v1/uploads{address}", headers=headers).json()["state"] == "inspected"
    other = people.person("far", "steward", people.organisation("civil", "市民政局"))
    _, foreign = make_token(other, "别家", ["upload"], 30)
    assert call("post", "", json.dumps(ask), foreign).status_code == 404
    assert client.get(f"/api/v1/uploads{address}", headers={"Authorization": f"Bearer {foreign}"}).status_code == 404


def test_a_program_that_asks_too_often_is_told(steward, resource, client, monkeypatch):
    monkeypatch.setitem(api.LIMITS, "pieces", "1/m/key")
    _, secret = make_token(steward, "同步程序", ["upload"], 30)
    ask = json.dumps({"resource": resource.code, "filename": "a.csv", "size": 9})
    headers = {"Authorization": f"Bearer {secret}"}
    codes = [
        client.post("/api/v1/uploads", ask, content_type="application/json", headers=headers).status_code
        for _ in range(2)
    ]
    assert codes == [201, 429]


def test_a_full_disk_is_told_and_the_upload_goes_on_when_there_is_room(web, resource, settings, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        settings.DATA = disk
        monkeypatch.setattr(receiving, "RESERVE", 0)
        content = CLINICS.encode() + b"61,x,1\n" * 700_000
        state = begin(web, resource, content)
        assert put(web, state, 0, content[: 1024**2]).json()["received"] == 1024**2
        (disk / "others").write_bytes(bytes(4 * 1024**2))
        full = put(web, state, 1024**2, content[1024**2 :])
        assert (full.status_code, full.json()["error"]["code"]) == (507, "disk_full")
        assert full.json()["error"]["where"]["received"] == 1024**2
        upload = Upload.objects.get(pk=state["id"])
        assert store.part_of(upload).stat().st_size == 1024**2
        form = {"file": SimpleUploadedFile("b.csv", content)}
        refused = web.post(f"/resources/{resource.pk}/upload/file", form)
        assert refused.status_code == 507 and "磁盘" in refused.content.decode()
        (disk / "others").unlink()
        done = put(web, state, 1024**2, content[1024**2 :]).json()
        assert done["sha256"] == hashlib.sha256(content).hexdigest()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_worker_killed_in_the_inspection_is_followed_by_another(web, resource, settings, monkeypatch):
    state = begin(web, resource, GBK)
    put(web, state, 0, GBK)

    class PowerCut(BaseException):
        pass

    def cut(point: str) -> None:
        if point == "inspected":
            raise PowerCut

    monkeypatch.setattr(tasks, "crash_here", cut)
    with monkeypatch.context() as dead:
        dead.setattr(shutil, "rmtree", lambda *_, **__: None)  # a dead process cleans nothing up
        dead.setattr("gongshu.jobs.runner.actions.beat", lambda *_: True)
        settings.LEASE_SECONDS = 0.001
        with pytest.raises(PowerCut):
            run_one(owner_name())
    upload = Upload.objects.get(pk=state["id"])
    assert upload.state == "inspecting" and list(store.folder_of(upload).glob("inspecting-*"))
    assert not store.report_of(upload).exists()
    monkeypatch.undo()
    settings.LEASE_SECONDS = 60
    done = run_one(owner_name())
    assert done is not None and (done.state, done.attempts) == ("done", 2)
    upload.refresh_from_db()
    assert upload.state == "inspected" and not list(store.folder_of(upload).glob("inspecting-*"))


def workbook(path: Path, sheet: bytes) -> bytes:
    """A workbook whose only sheet is this XML."""
    book = openpyxl.Workbook()
    book.active.append(["甲"])
    book.save(path / "plain.xlsx")
    with (
        zipfile.ZipFile(path / "plain.xlsx") as plain,
        zipfile.ZipFile(path / "made.xlsx", "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in plain.namelist():
            made.writestr(name, sheet if "sheet1" in name else plain.read(name))
    return (path / "made.xlsx").read_bytes()


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
)
ROW = b'<row r="1"><c r="A1" t="inlineStr"><is><t>%s</t></is></c></row>'


def zip_bomb(path: Path) -> bytes:
    with zipfile.ZipFile(path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(64 * 1024**2))
    return (path / "bomb.zip").read_bytes()


def entities(path: Path) -> bytes:
    return workbook(path, LAUGHS + SHEET % (ROW % b"&j;"))


def sheet_bomb(path: Path) -> bytes:
    return workbook(path, SHEET % (ROW % (b"a" * 64 * 1024**2)))


def peak() -> int:
    """The most memory this process held, in KB."""
    return system.getrusage(system.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("make", [zip_bomb, entities, sheet_bomb])
def test_bombs_end_as_a_clear_failure(web, resource, tmp_path, make):
    content = make(tmp_path)
    state = begin(web, resource, content, "bomb.xlsx")
    put(web, state, 0, content)
    before = peak()
    done = run_one(owner_name())
    assert done is not None and done.state == "done"  # the worker lives
    upload = Upload.objects.get(pk=state["id"])
    assert upload.state == "failed" and upload.error["message"]
    assert peak() - before < 400 * 1024
    assert upload.error["message"] in unescape(web.get(f"/uploads/{upload.pk}").content.decode())
