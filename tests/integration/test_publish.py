"""D2, C4: a file becomes an immutable version; what is dropped is nowhere on the public side."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from django.test import Client

from gongshu import clock
from gongshu.jobs import actions as jobs
from gongshu.jobs.actions import JobConflict
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.lake import grams, serving, tallies
from gongshu.opening import store
from gongshu.opening.actions import request_publish, withdraw
from gongshu.opening.models import Dataset, Version
from gongshu.opening.sweep import sweep
from gongshu.opening.tasks import keep_copies
from gongshu.oversight import access, heads
from gongshu.oversight.audit import verify_log
from gongshu.oversight.models import Event
from gongshu.tables.contract import Field, Protection, dump_contract, load_contract
from gongshu.tables.errors import TableError
from tests.publishing import KEYED, NAME, SECRET, TESTER, contract, publish, write_file

pytestmark = pytest.mark.django_db(transaction=True)


def _rows(version: Version, data: Path) -> list[tuple[Any, ...]]:
    copy = data / f"looked-at-{version.number}.duckdb"  # the pages hold the file open with their own settings
    shutil.copy(data / version.serving, copy)
    try:
        with duckdb.connect(str(copy), read_only=True) as con:
            return con.execute("SELECT * FROM rows").fetchall()
    finally:
        copy.unlink()


def _state(data: Path) -> dict[str, str]:
    """Every file of the data folder but the database, with its hash."""
    files = [
        path for path in data.rglob("*") if path.is_file() and "log" not in path.parts and "keys" not in path.parts
    ]
    return {str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_file_becomes_a_version_that_is_read_back(data: Path) -> None:
    job = publish(write_file(data / "in.csv", 60, "甲"))
    assert (job.state, job.result["version"], job.result["rows"]) == ("done", 1, 60)
    version = Dataset.objects.get(name=NAME).current
    assert version is not None
    assert [column["name"] for column in version.columns] == "编号 名称 床位 登记日期 经度 纬度 内部编号".split()
    assert version.dropped == 1
    first = _rows(version, data)[0]
    assert first[:4] == (1, "甲诊所1", 1, "2019")
    assert (version.longitude, version.latitude) == ("经度", "纬度")
    beds = next(column for column in version.columns if column["name"] == "床位")
    assert (beds["nulls"], beds["distinct"], beds["min"], beds["max"]) == (0, 50, "0", "49")
    assert sum(beds["histogram"]) == 60


def test_the_lake_holds_the_version_as_a_tag(data: Path) -> None:
    publish(write_file(data / "in.csv", 60, "甲"))
    version = Version.objects.get()
    table = store.lake().public.table(NAME)
    assert table is not None
    assert str(table.metadata.refs["v1"].snapshot_id) == version.snapshot
    assert table.scan(snapshot_id=int(version.snapshot)).to_arrow().num_rows == 60
    raw = store.lake().raw.table(NAME)
    assert raw is not None
    assert SECRET in str(raw.scan().to_arrow().to_pydict())


def test_the_serving_copy_holds_what_the_lake_holds(data: Path) -> None:
    publish(write_file(data / "in.csv", 60, "甲"))
    version = Version.objects.get()
    table = store.lake().public.table(NAME)
    assert table is not None
    lake_rows = table.scan(snapshot_id=int(version.snapshot)).to_arrow().to_pylist()
    assert [tuple(row.values()) for row in lake_rows] == _rows(version, data)


def test_a_second_publication_is_version_2_and_the_first_stays_as_it_was(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    before = _rows(Version.objects.get(number=1), data)
    job = publish(write_file(data / "b.csv", 80, "乙"))
    assert job.result["version"] == 2
    assert _rows(Version.objects.get(number=1), data) == before
    current = Dataset.objects.get().current
    assert current is not None
    assert (current.number, current.rows) == (2, 80)


def test_a_column_may_change_its_type_between_versions(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    changed = contract()
    changed.fields[2].storage_type = "string"
    assert publish(write_file(data / "b.csv", 60, "乙"), changed).state == "done"
    table = store.lake().public.table(NAME)
    assert table is not None
    for version, kind in ((1, int), (2, str)):
        snapshot = int(Version.objects.get(number=version).snapshot)
        assert isinstance(table.scan(snapshot_id=snapshot).to_arrow()["床位"][0].as_py(), kind)


def test_a_planted_secret_is_nowhere_on_the_public_side(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    publish(write_file(data / "b.csv", 80, "乙"))
    heads.sign_head()
    _look_in_every_answer()
    access.flush()
    access.merge()
    shutil.rmtree(data / "lake" / "raw")
    for name in ("a.csv", "b.csv", "raw.catalog.sqlite3"):
        (data / name).unlink(missing_ok=True)  # with PostgreSQL the catalog is not here
    for version in Version.objects.all():
        assert SECRET not in str(_rows(version, data))
        assert KEYED not in str(_rows(version, data))
    table = store.lake().public.table(NAME)
    assert table is not None
    for snapshot in table.snapshots():
        assert SECRET not in str(table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().to_pydict())
    for path in data.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            content = path.read_bytes()
            for secret in (SECRET, KEYED):
                assert secret.encode() not in content, path
    texts = [event.body for event in Event.objects.all()] + [caplog.text]
    texts += [
        str(row)
        for row in [
            *Version.objects.values(),
            *Job.objects.values("result", "error", "params"),
            *Dataset.objects.values(),
        ]
    ]
    for text in texts:
        assert SECRET not in text
        assert KEYED not in text


def _look_in_every_answer() -> None:
    """Pages, files of every format and version, the REST interface, search: what anybody can ask for."""
    client = Client()
    dataset = f"/datasets/{NAME}"
    asked = [
        "/", "/datasets", dataset, f"{dataset}?lang=en",
        f"/api/v1/datasets/{NAME}", f"/api/v1/datasets/{NAME}/rows?limit=1000",
        "/api/v1/openapi.json",
    ]  # fmt: skip
    for number in (1, 2):
        asked.append(f"{dataset}/versions/{number}")
        asked += [
            f"{dataset}/versions/{number}/{NAME}.{kind}" for kind in ("csv", "xlsx", "json", "parquet", "geojson")
        ]
    for planted in (SECRET, KEYED):
        assert client.get(f"/api/v1/datasets?q={planted}").json()["count"] == 0, "the index knows it"
    for address in asked:
        answer = client.get(address)
        assert answer.status_code == 200, address
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        told = content
        if address.endswith("xlsx"):
            with zipfile.ZipFile(io.BytesIO(content)) as book:
                told = b"".join(book.read(part) for part in book.namelist())
        if address.endswith("parquet"):
            told = str(pq.read_table(io.BytesIO(content)).to_pydict()).encode()
        assert SECRET.encode() not in told, address
        assert KEYED.encode() not in told, address


def test_every_publication_is_in_the_log(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    actions = list(Event.objects.filter(subject=f"dataset:{NAME}").values_list("action", flat=True))
    assert actions == ["file.store", "version.publish"]
    heads.sign_head()
    assert verify_log().holds


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda made: made.fields.pop(), "column_not_in_contract"),
        (lambda made: setattr(made.fields[0], "name", "别名"), "column_not_in_contract"),
        (lambda made: setattr(made.fields[0], "level", None), "field_not_graded"),
        (lambda made: setattr(made.fields[7], "protection", Protection("keep")), "field_not_open"),
        (lambda made: setattr(made, "title", ""), "contract_incomplete"),
        (lambda made: setattr(made, "topic", "a/b"), "topic_unknown"),
    ],
)
def test_what_must_not_be_public_is_refused_and_nothing_changes(data: Path, change: Any, code: str) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    before = _state(data)
    file = write_file(data / "b.csv", 80, "乙")
    made = contract()
    change(made)
    job = publish(file, made)
    assert (job.state, job.error.get("code")) == ("failed", code)
    file.unlink()
    after = _state(data)
    assert {name for name in after if name not in before or after[name] != before[name]} <= _tables_of(after)
    current = Dataset.objects.get().current
    assert current is not None
    assert current.number == 1


def _tables_of(state: dict[str, str]) -> set[str]:
    """Catalogs may be rewritten by a commit that was taken back; data files may not."""
    return {name for name in state if name.endswith("sqlite3") or "/metadata/" in name}


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, b"PK\x03\x04broken"])
def test_bad_files_are_refused_in_both_languages_and_change_nothing(data: Path, content: bytes) -> None:
    file = data / "bad.csv"
    file.write_bytes(content)
    job = publish(file)
    assert job.state == "failed"
    assert job.error["message"]
    assert job.error["message_en"]
    assert not Dataset.objects.exists()
    assert sweep() == []


def test_one_publication_of_a_dataset_at_a_time(data: Path) -> None:
    file = write_file(data / "a.csv", 10, "甲")
    request_publish(TESTER, file, dump_contract(contract()), NAME)
    with pytest.raises(JobConflict):
        request_publish(TESTER, file, dump_contract(contract()), NAME)
    assert len(list((data / "incoming").iterdir())) == 1


def test_a_queued_job_is_cancelled_at_once_and_leaves_nothing(data: Path) -> None:
    job = request_publish(TESTER, write_file(data / "a.csv", 10, "甲"), dump_contract(contract()), NAME)
    jobs.request_cancel("tester", job)
    assert run_one(owner_name()) is None
    sweep()
    assert list((data / "incoming").iterdir()) == []


def test_a_running_job_stops_at_its_next_step(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    job = request_publish(TESTER, write_file(data / "b.csv", 10, "乙"), dump_contract(contract()), NAME)
    done = run_one(owner_name(), only=job, watch=lambda step, _: step == "check" and jobs.request_cancel("tester", job))
    assert done is not None
    assert done.state == "cancelled"
    current = Dataset.objects.get().current
    assert current is not None
    assert current.number == 1
    assert sweep() == []


def test_a_worker_whose_lease_was_taken_touches_nothing(data: Path) -> None:
    job = request_publish(TESTER, write_file(data / "a.csv", 60, "甲"), dump_contract(contract()), NAME)
    done = run_one(
        owner_name(), only=job, watch=lambda step, _: step == "serve" and Job.objects.update(lease_owner="another")
    )
    assert done is not None
    assert (done.state, done.lease_owner) == ("running", "another")
    assert not Dataset.objects.exists()


def test_withdrawing_deletes_everything_public_and_keeps_the_record(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    publish(write_file(data / "b.csv", 80, "乙"))
    withdraw(TESTER, NAME, "坐标有误")
    dataset = Dataset.objects.get()
    assert dataset.current is None
    assert [version.state for version in dataset.versions.all()] == ["withdrawn", "withdrawn"]
    assert list((data / "serving").rglob("*.duckdb")) == []
    assert list((data / "lake" / "public").rglob("*.parquet")) == []
    assert Event.objects.filter(action="version.withdraw").count() == 2
    assert sweep() == []


def test_withdrawing_the_newest_version_brings_back_the_one_before(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    publish(write_file(data / "b.csv", 80, "乙"))
    withdraw(TESTER, NAME, "坐标有误", 2)
    current = Dataset.objects.get().current
    assert current is not None
    assert (current.number, len(_rows(current, data))) == (1, 60)
    table = store.lake().public.table(NAME)
    assert table is not None
    assert table.scan().to_arrow().num_rows == 60
    assert publish(write_file(data / "c.csv", 90, "丙")).result["version"] == 3


def test_withdrawing_without_a_reason_is_refused(data: Path) -> None:
    publish(write_file(data / "a.csv", 60, "甲"))
    with pytest.raises(TableError) as refused:
        withdraw(TESTER, NAME, "  ")
    assert refused.value.code == "reason_required"


def test_a_file_beyond_the_limit_is_refused_before_it_is_taken_in(data: Path, settings: Any) -> None:
    settings.UPLOAD_LIMIT = 100
    with pytest.raises(TableError) as refused:
        request_publish(TESTER, write_file(data / "a.csv", 60, "甲"), dump_contract(contract()), NAME)
    assert refused.value.code == "file_too_large"
    assert not Job.objects.exists()


def test_rows_stand_in_the_order_of_the_key_whatever_the_order_of_the_file(data: Path) -> None:
    file = write_file(data / "a.csv", 300, "甲")
    head, *lines = file.read_text(encoding="gb18030").splitlines()
    file.write_text("\n".join([head, *lines[150:], *lines[:150]]) + "\n", encoding="gb18030")
    publish(file)
    assert [row[0] for row in _rows(Version.objects.get(), data)] == list(range(1, 301))


def test_a_contract_that_names_only_what_it_must_gives_pages_that_open(data: Path) -> None:
    made = contract(topic="", licence="", update_frequency="", summary="", title_en="", keywords=[])
    assert publish(write_file(data / "a.csv", 60, "甲"), made).state == "done"
    client = Client()
    for address in (
        "/",
        "/datasets",
        f"/datasets/{NAME}",
        f"/datasets/{NAME}?lang=en",
        "/topics",
        "/topics/other",
        "/organisations",
    ):
        assert client.get(address).status_code == 200, address


def test_persons_who_could_be_singled_out_are_not_published(data: Path) -> None:
    """rules.md R2: the released rows themselves are measured, whatever a draft said of them before."""
    file = data / "people.csv"
    lines = [f"{n},{'男女'[n % 2]},19{50 + n % 40}-0{n % 9 + 1}-11,{'南北'[n % 2]}山区,{n * 10}" for n in range(300)]
    file.write_text("\n".join(["编号,性别,出生日期,所在区,补贴金额", *lines]), encoding="utf-8")
    made = contract(
        fields=[
            Field("编号", "int64", title="编号", level=1, open_type="unconditional", primary_key=True),
            *(
                Field(name, kind, title=name, level=2, open_type="unconditional", semantic_type=code, subject="person")
                for name, kind, code in (
                    ("性别", "string", "sex"),
                    ("出生日期", "date", "birth_date"),
                    ("所在区", "string", "division_name"),
                    ("补贴金额", "int64", "amount"),
                )
            ),
        ],
        rules=[],
    )
    job = publish(file, made)
    assert (job.state, job.error["code"]) == ("failed", "risk_too_high")
    assert "出生日期" in job.error["message"] and "50" in job.error["message"], job.error
    assert not Dataset.objects.filter(name=NAME, current__isnull=False).exists()


def test_a_clock_that_was_set_back_changes_no_order(data: Path, client: Client) -> None:
    publish(write_file(data / "in.csv", 60, "甲"))
    with clock.at(clock.now() - timedelta(days=3)):
        job = publish(write_file(data / "in.csv", 61, "乙"))
        assert (job.state, job.result["version"]) == ("done", 2)
        access.record("dataset.view", f"dataset:{NAME}")
        access.flush()
        access.merge()
        assert heads.sign_head() is not None
        for path in ("", "/versions", "/api"):
            assert client.get(f"/datasets/{NAME}{path}").status_code == 200
        answer = client.get(f"/api/v1/datasets/{NAME}/rows?limit=1").content
        assert b'"version":2' in answer.replace(b" ", b"")
    assert [row.number for row in Version.objects.order_by("-number")] == [2, 1]
    assert verify_log().holds


def test_a_lost_serving_copy_is_made_again_by_the_worker(
    data: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LEAST_ROWS": 20, "SHARE": 1, "VALUES_SHARE": 1, "STEPS_SHARE": 1, "ENDS_SHARE": 1}.items():
        monkeypatch.setattr(tallies, name, value)
    publish(write_file(data / "in.csv", 60, "甲"))
    version = Version.objects.get()
    before, beside, rows = _rows(version, data), _beside(version, data), f"/api/v1/datasets/{NAME}/rows"
    public = {column["name"] for column in version.columns}
    assert {name.partition("_")[0] for name in beside} >= {"rows", "tally", "ends"}
    listed = {column for columns, _rows in beside.values() for column in columns if not column.startswith("_n")}
    assert listed == public, "nothing but what is published"
    assert client.get(rows).status_code == 200
    (data / version.serving).unlink()
    told = grams.path_of(data / version.serving)  # ordinals of the copy that was lost
    told.write_bytes(b"")
    lost = client.get(rows, {"limit": 1})
    assert lost.status_code == 503 and lost.json()["error"]["code"] == "rebuilding" and lost["Retry-After"]
    keep_copies()
    assert _rows(version, data) == before and _beside(version, data) == beside and not told.exists()
    assert client.get(rows, {"limit": 1}).json()["total"] == 60


def _beside(version: Version, data: Path) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Every table of the serving copy: its columns and rows."""
    found = {}
    with serving.POOL.cursor(data / version.serving) as con:
        for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            result = con.execute(f"FROM {name} ORDER BY ALL")
            found[name] = ([column[0] for column in result.description], result.fetchall())
    return found


def test_a_reader_of_all_rows_has_little_memory_and_leaves_no_second_name(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(write_file(data / "in.csv", 60, "甲"))
    version = Dataset.objects.get(name=NAME).current
    assert version is not None
    copy, folder = data / version.serving, (data / version.serving).parent

    def reads() -> tuple[int, str]:
        with serving.POOL.cursor(copy, bulk=serving.BULK_MEMORY) as cursor:
            assert list(folder.iterdir()) == [copy], "the second name is gone as soon as the file is open"
            limit = cursor.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
            return cursor.execute("SELECT count(*) FROM rows").fetchall()[0][0], limit

    with serving.POOL.cursor(copy) as cursor:
        usual = cursor.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
        rows, little = reads()
    assert rows == 60 and little == "30.5 MiB" != usual
    with monkeypatch.context() as plain:
        plain.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(PermissionError()))
        assert reads() == (60, usual), "where files can't have a second name, the usual instance reads"
    left = folder / f"{copy.stem}-0123{copy.suffix}"
    left.hardlink_to(copy)  # killed between the link and its end
    assert [Path(name).name for name in sweep()] == [left.name] and reads()[0] == 60
    copy.unlink()
    with pytest.raises(serving.CopyMissing):
        reads()


def test_places_declared_in_another_system_are_published_in_wgs_84(client: Client, data: Path, tmp_path: Path) -> None:
    """GCJ-02 as it came, WGS-84 in every format and interface, and the page says so."""
    made = contract(coordinate_system="GCJ-02")
    path = tmp_path / "places.csv"
    head = "编号,名称,床位,登记日期,经度,纬度,内部编号,负责人手机\n"
    path.write_text(head + "1,甲,3,2019-01-01,116.410244,39.916404,a,\n2,乙,4,2019-01-01,,,b,\n", encoding="utf-8")
    assert publish(path, made).state == "done"
    rows = client.get("/api/v1/datasets/clinics/rows").json()["items"]
    assert (rows[0]["经度"], rows[0]["纬度"]) == (pytest.approx(116.404, abs=2e-6), pytest.approx(39.915, abs=2e-6))
    assert rows[1]["经度"] is None
    (feature,) = client.get("/ogc/collections/clinics/items", {"编号": "1"}).json()["features"]
    assert feature["geometry"]["coordinates"] == [rows[0]["经度"], rows[0]["纬度"]]
    near = client.get("/ogc/collections/clinics/items", {"bbox": "116.4039,39.9149,116.4041,39.9151"}).json()
    assert near["numberMatched"] == 1
    assert "由 GCJ-02 换算" in client.get("/datasets/clinics").content.decode()
    assert load_contract(Version.objects.get().contract).coordinate_system == "GCJ-02"
