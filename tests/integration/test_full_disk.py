"""A disk that is full in the middle of a publication: a clear message, the old version, no leftovers, and it works again after."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.lake import gram_building, grams
from gongshu.opening import rebuilding, store
from gongshu.opening.models import Dataset
from gongshu.opening.sweep import sweep
from gongshu.oversight import access, log
from gongshu.oversight.models import Event
from gongshu.tables.errors import TableError, storage_error
from tests import seeding
from tests.publishing import NAME, ask, publish, write_file

pytestmark = pytest.mark.django_db(transaction=True)
MB = 1024**2
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system lets no file of this process grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)


@pytest.fixture
def disk(data: Path, settings: Any) -> Iterator[Path]:
    """The data folder on a small disk of its own."""
    place = data / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    settings.DATA = place
    settings.LAKE_URL = str(place / "lake")
    try:
        yield place
    finally:
        store.lake().close()
        subprocess.run(["umount", "-l", str(place)], check=True)


def _files(folder: Path) -> set[str]:
    """All files but those that change by themselves: of the access log, of the index, and a lake table's own history."""
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    changing = ("spool", "index")
    return {str(path) for path in found if path.parts[0] not in changing and not path.name.endswith(".metadata.json")}


def _wide_file(path: Path, rows: int) -> Path:
    """Clinics with numbers of their own that no compression makes smaller."""
    file = write_file(path, rows, "乙")
    head, *lines = file.read_text(encoding="gb18030").splitlines()
    cells = [line.split(",") for line in lines]
    text = "\n".join([head, *(",".join([*row[:6], os.urandom(40).hex(), row[7]]) for row in cells)])
    path.write_text(text + "\n", encoding="gb18030")
    return path


def _check_refused(job: Job, code: str, step: str) -> None:
    job.refresh_from_db()
    assert (job.state, job.error["code"]) == ("failed", code)
    assert job.step == step
    assert job.error["where"] == {"folder": str(store.folder("staging").parent)}
    assert "数据未变" in job.error["message"]
    assert "再重新发起" in job.error["message"]
    version = Dataset.objects.get(name=NAME).current
    assert version is not None
    assert version.number == 1


@pytest.mark.parametrize(("wide", "step"), [(True, "read"), (False, "protect")], ids=["reading", "serving copy"])
def test_a_file_larger_than_the_system_allows(data: Path, wide: bool, step: str) -> None:
    publish(write_file(data / "old.csv", 60, "甲"))
    file = _wide_file(data / "new.csv", 60_000) if wide else write_file(data / "new.csv", 60_000, "乙")
    before = _files(data)
    job = ask(file)
    with largest_file(2 * MB):
        done = run_one(owner_name(), only=job)
    assert done is not None
    _check_refused(done, "disk_limit", step)
    assert _files(data) == before
    assert sweep() == []
    assert publish(file).result["version"] == 2


def test_a_disk_that_fills_up_at_any_step(disk: Path, tmp_path: Path) -> None:
    publish(write_file(tmp_path / "old.csv", 60, "甲"))
    file = _wide_file(tmp_path / "new.csv", 40_000)
    steps = set()
    for room in range(1, 40):
        job = ask(file)
        before = _files(disk)
        filler = disk / "filler"
        free = shutil.disk_usage(disk).free
        with filler.open("wb") as filling:
            filling.write(bytes(max(0, free - room * MB)))
        done = run_one(owner_name(), only=job)
        filler.unlink()
        assert done is not None
        if done.state == "done":
            break
        _check_refused(done, "disk_full", done.step)
        steps.add(done.step)
        assert _files(disk) == {name for name in before if not name.startswith("incoming/")}
    assert steps >= {"read", "raw", "protect", "commit"}
    assert Dataset.objects.get(name=NAME).current.number == 2
    assert sweep() == []


def test_a_full_disk_refuses_the_file_itself(disk: Path, tmp_path: Path) -> None:
    publish(write_file(tmp_path / "old.csv", 60, "甲"))
    file = _wide_file(tmp_path / "new.csv", 40_000)
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - MB))
    before = _files(disk)
    with pytest.raises(TableError) as caught:
        ask(file)
    assert caught.value.code == "disk_full"
    assert _files(disk) == before
    assert not Job.objects.filter(state="queued").exists()


def test_accesses_wait_until_there_is_room(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_owner", os.getpid())  # no thread of its own: the test says when to write
    monkeypatch.setattr(access, "_thread", threading.current_thread())
    access.flush()
    access.merge()
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free))
    for n in range(3):
        access.record("dataset.view", f"dataset:{NAME}", version=n)
        with pytest.raises(OSError, match="No space"):
            access.flush()
    assert not list((disk / "spool").iterdir())
    monkeypatch.setattr(access, "MOST_KEPT", 2)
    with pytest.raises(OSError, match="No space"):
        access.flush()
    filler.unlink()
    access.flush()
    assert access.merge() == 2 and access.merge() == 0
    kept = Event.objects.filter(action="dataset.view").order_by("index")
    assert [log.details_of(one)["version"] for one in kept] == [1, 2]


def test_grams_wait_for_room_and_leave_nothing(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the system stops in the middle is tried again an hour later; a disk that is nearly full isn't tried."""
    monkeypatch.setattr(gram_building, "FEWEST_ROWS", 10)
    monkeypatch.setattr(rebuilding, "_later", {})
    select = "SELECT i AS 号, '名' || i || '甲乙丙丁' || (i * 7919) AS 名 FROM range(20000) t(i)"
    version = seeding.publish("long", select, [seeding.column("号", "int64"), seeding.column("名", "string")])
    copy = disk / version.serving
    with largest_file(200 * 1024):
        assert not rebuilding.build_grams()
    assert not list((disk / "staging").glob("grams-*"))
    assert not rebuilding.build_grams() and not grams.path_of(copy).exists()
    rebuilding._later.clear()
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - copy.stat().st_size // 2))
    assert not rebuilding.build_grams() and not grams.path_of(copy).exists()
    filler.unlink()
    assert rebuilding.build_grams() and grams.path_of(copy).is_file()


def test_private_figures_and_keys_lose_nothing(opendp: None, data: Path, disk: Path) -> None:
    (disk / "environments").mkdir()
    for made in (data / "environments").iterdir():
        (disk / "environments" / made.name).symlink_to(made.resolve())
    environment = {**os.environ, "GONGSHU_DATA": str(disk), "GONGSHU_LEASE_SECONDS": "5"}
    environment.pop("GONGSHU_DATABASE_URL", None)  # a full disk of PostgreSQL's is for its own tests
    command = [sys.executable, "-m", "tests.filling_custody"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_other_errors_are_no_full_disk(tmp_path: Path) -> None:
    assert storage_error(ValueError("No such thing"), tmp_path) is None
    assert storage_error(FileNotFoundError(2, "No such file"), tmp_path) is None
    told = storage_error(RuntimeError("IO Error: Could not write: No space left on device"), tmp_path)
    assert told is not None
    assert told.code == "disk_full"
    assert "磁盘写满了" in told.text("zh-hans")
    assert str(tmp_path) in told.text("en")
