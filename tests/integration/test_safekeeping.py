"""Nothing lost: backup, restore and upgrade, each command in a process of its own, as an operator runs them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs

ROOT = Path(__file__).resolve().parents[2]
POSTGRES = bool(os.environ.get("GONGSHU_TEST_POSTGRES"))


class Machine:
    """A data folder with its settings, and commands that run on it."""

    def __init__(self, folder: Path, *, sqlite: bool = False, **settings: str) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GONGSHU_")}
        self.environment = {**kept, "PYTHONPATH": str(ROOT / "src"), "GONGSHU_DATA": str(folder), **settings}
        if POSTGRES and not sqlite:
            from tests.conftest import server

            for option in ("DATABASE", "CATALOG"):
                name = f"{option.lower()}_{os.urandom(4).hex()}"
                server.psql(f"CREATE DATABASE {name}")
                self.environment[f"GONGSHU_{option}_URL"] = server.get_uri(name)

    def run(self, module: str, *arguments: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def gongshu(self, *arguments: str, code: int = 0, **environment: str) -> str:
        return self.run("gongshu.cli", *arguments, code=code, **environment)

    def facts(self) -> tuple[dict[str, Any], int]:
        found, sessions = json.loads(self.run("tests.safekeeping", "facts"))
        return found, sessions


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A running installation, built once; its settings hold a secret."""
    machine = Machine(tmp_path_factory.mktemp("city"))
    (machine.folder / "settings.env").write_text(
        "# GONGSHU_S3_SECRET=old-planted\nGONGSHU_CITY=墨城\nGONGSHU_S3_SECRET=planted-secret\nMAIL_PASSWORD=planted-too\n",
        encoding="utf-8",
    )
    machine.run("tests.safekeeping", "build")
    return machine


@pytest.fixture(scope="module")
def backed_up(city: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("backups") / "city.tar.zst"
    said = city.gongshu("backup", str(target))
    assert "GONGSHU_S3_SECRET" in said
    assert "planted" not in said
    return target


@pytest.fixture(scope="module")
def as_it_was(city: Machine, backed_up: Path) -> tuple[dict[str, Any], int]:
    return city.facts()


def _content(archive: Path) -> bytes:
    with archive.open("rb") as file, pa.CompressedInputStream(file, "zstd") as stream:
        return bytes(stream.read())


def test_a_restore_on_an_empty_machine_gives_the_same(
    as_it_was: tuple[dict[str, Any], int], backed_up: Path, tmp_path: Path
) -> None:
    there = Machine(tmp_path / "new")
    said = there.gongshu("restore", str(backed_up))
    assert "缺密钥 protect.key" in said
    assert "日志完好" in said
    before, sessions = as_it_was
    before = dict(before)
    after, sessions_after = there.facts()
    assert sessions == 1
    assert sessions_after == 0, "a session is a way in: it ends"
    assert len(before["copies"]) == 2
    kept = len(after["events"])
    before["events"] = before["events"][:kept]  # the backup's own event came after it
    assert {name: value for name, value in after.items() if name != "heads"} == {
        name: value for name, value in before.items() if name != "heads"
    }
    assert [head for head in after["heads"] if head in before["heads"]], "the old key's heads are there"
    assert "墨城" in (there.folder / "settings.env").read_text(encoding="utf-8")
    there.gongshu(
        "worker", "--until-idle"
    )  # the upload that waited is published here, the unmerged accesses are merged
    after, _ = there.facts()
    assert "other v1" in after["copies"]
    assert "日志完好" in there.gongshu("audit", "verify")


def test_the_archive_holds_no_key_and_no_secret(city: Machine, backed_up: Path) -> None:
    content = _content(backed_up)
    keys = list((city.folder / "keys").glob("*.key"))
    assert len(keys) >= 3
    for key in keys:
        text = key.read_bytes().strip()
        assert text not in content
        assert bytes.fromhex(text.decode()) not in content
    assert b"planted" not in content
    assert backed_up.stat().st_mode & 0o077 == 0


def test_keys_put_back_first_are_used(city: Machine, backed_up: Path, tmp_path: Path) -> None:
    there = Machine(tmp_path / "new")
    shutil.copytree(city.folder / "keys", there.folder / "keys")
    assert "缺密钥" not in there.gongshu("restore", str(backed_up))
    assert (there.folder / "log" / "public.key").read_text() == (city.folder / "log" / "public.key").read_text()


@pytest.mark.skipif(not POSTGRES, reason="the other kind of database needs PostgreSQL")
def test_from_postgresql_to_sqlite(as_it_was: tuple[dict[str, Any], int], backed_up: Path, tmp_path: Path) -> None:
    there = Machine(tmp_path / "new", sqlite=True)
    assert "postgresql → sqlite" in there.gongshu("restore", str(backed_up))
    assert there.facts()[0]["copies"] == as_it_was[0]["copies"]


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """An installation that changes while it is backed up."""
    machine = Machine(tmp_path_factory.mktemp("moving"))
    machine.run("tests.safekeeping", "build")
    return machine


def test_a_backup_is_whole_whatever_happens_meanwhile(moving: Machine, tmp_path: Path) -> None:
    moving.run("tests.safekeeping", "races", str(tmp_path))
    for name in ("publish-after", "withdraw-after"):  # every copy that a row speaks of is made again from the lake
        Machine(tmp_path / f"from-{name}").gongshu("restore", str(tmp_path / name))


def test_a_backup_beside_a_busy_worker(moving: Machine, tmp_path: Path) -> None:
    there = Machine(tmp_path / "there")
    moving.run("tests.safekeeping", "busy", str(tmp_path / "b"))
    there.gongshu("restore", str(tmp_path / "b"))


def test_memory_does_not_grow_with_the_data(moving: Machine, tmp_path: Path) -> None:
    assert int(moving.run("tests.safekeeping", "memory", str(tmp_path / "b"))) < 64


def test_what_the_lake_had_lost_before_is_named_and_the_rest_is_kept(moving: Machine, tmp_path: Path) -> None:
    lost = next((moving.folder / "lake" / "raw").rglob("*.parquet"))
    lost.unlink()
    assert lost.name in moving.gongshu("backup", str(tmp_path / "b"), code=1)
    there = Machine(tmp_path / "there")
    said = there.gongshu("restore", str(tmp_path / "b"), code=1)
    assert lost.name in said
    assert "日志完好" in said


def test_a_killed_backup_leaves_nothing_that_looks_like_one(city: Machine, tmp_path: Path) -> None:
    target = tmp_path / "b.tar.zst"
    city.gongshu("backup", str(target), code=-signal.SIGKILL, GONGSHU_CRASH_AT="backup")
    assert not target.exists()
    city.gongshu("backup", str(target))
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert "已存在" in city.gongshu("backup", str(target), code=1)


def test_a_killed_restore_is_refused_and_begun_anew(
    as_it_was: tuple[dict[str, Any], int], backed_up: Path, tmp_path: Path
) -> None:
    there = Machine(tmp_path / "new")
    for point in ("restore.rows", "restore.lake"):
        there.gongshu("restore", str(backed_up), code=-signal.SIGKILL, GONGSHU_CRASH_AT=point)
    assert "没有完成的恢复" in there.gongshu("audit", "verify", code=1)
    there.gongshu("restore", str(backed_up))
    assert there.facts()[0]["copies"] == as_it_was[0]["copies"]


def test_a_damaged_backup_restores_nothing(backed_up: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "b"
    content = bytearray(backed_up.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = os.urandom(200)
    damaged.write_bytes(content)
    there = Machine(tmp_path / "new")
    assert "损坏" in there.gongshu("restore", str(damaged), code=1)
    assert not there.folder.exists()


def test_an_upgrade_backs_up_migrates_and_rebuilds(city: Machine, tmp_path: Path) -> None:
    here, there = Machine(tmp_path / "here"), Machine(tmp_path / "there")
    here.run("tests.safekeeping", "build")
    here.run("tests.safekeeping", "migrate_back")
    shutil.rmtree(here.folder / "serving")
    with (here.folder / "running.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as `gongshu up` does
        assert "正在使用" in here.gongshu("upgrade", code=1)
    said = here.gongshu("upgrade")
    assert "opening.0004_submissions_and_readers" in said
    assert "重建 2 份服务副本" in said
    (before,) = (here.folder / "backups").iterdir()
    assert "重建 2 份服务副本" in there.gongshu("restore", str(before))  # of the old schema, into this one


@pytest.fixture
def buckets() -> Iterator[dict[str, str]]:
    """Two buckets of an S3 server in this process; the settings that point there."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    files = fs.S3FileSystem(
        access_key="k", secret_key="s", region="us-east-1", endpoint_override=endpoint, allow_bucket_creation=True
    )
    for name in ("one", "two"):
        files.create_dir(name)
    yield {"GONGSHU_S3_ENDPOINT": endpoint, "GONGSHU_S3_KEY": "k", "GONGSHU_S3_SECRET": "s"}
    server.stop()


def test_a_lake_in_s3(buckets: dict[str, str], tmp_path: Path) -> None:
    here = Machine(tmp_path / "here", GONGSHU_LAKE_URL="s3://one/lake", **buckets)
    here.run("tests.safekeeping", "build")
    here.gongshu("backup", str(tmp_path / "b"))
    there = Machine(tmp_path / "there", GONGSHU_LAKE_URL="s3://one/lake", **buckets)
    assert "湖的位置不是空的" in there.gongshu("restore", str(tmp_path / "b"), code=1)
    there.environment["GONGSHU_LAKE_URL"] = "s3://two/elsewhere"
    there.gongshu("restore", str(tmp_path / "b"))
    before, after = here.facts()[0], there.facts()[0]
    assert (after["copies"], after["lake"], after["raw"]) == (before["copies"], before["lake"], before["raw"])
