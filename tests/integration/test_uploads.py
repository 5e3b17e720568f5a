"""Files on their way in: pieces, limits, broken connections, full disks, names and contents that mean harm."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gongshu import clock
from gongshu.gathering import receiving, store
from gongshu.gathering.models import Upload
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.oversight.models import Event
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
