"""Demo accounts: from this machine only, in demo mode only; serving for real refuses them, and debug mode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from demo.history import PEOPLE
from django.test import Client

from gongshu.cli.demo import PASSWORD, _accounts
from gongshu.parties.models import Person

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db
SIGN_IN = {"login": "operator", "password": PASSWORD}


def _signs_in(**request: Any) -> bool:
    client = Client()
    answer = client.post("/account/login", SIGN_IN, **request)
    return answer.status_code == 302


def test_a_demo_account_signs_in_from_this_machine(settings: Any) -> None:
    settings.DEMO = True
    _accounts()
    assert _signs_in(REMOTE_ADDR="127.0.0.1")
    assert _signs_in(REMOTE_ADDR="::1")


@pytest.mark.parametrize(
    "request_",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
    ],
)
def test_a_demo_account_signs_in_from_nowhere_else(settings: Any, request_: dict[str, str]) -> None:
    settings.DEMO = True
    _accounts()
    assert not _signs_in(**request_)


def test_outside_demo_mode_a_demo_account_is_no_account_and_its_session_ends(settings: Any) -> None:
    settings.DEMO = True
    _accounts()
    client = Client()
    client.post("/account/login", SIGN_IN, REMOTE_ADDR="127.0.0.1")
    assert client.get("/workbench").status_code == 200
    settings.DEMO = False
    assert client.get("/workbench").status_code == 302
    assert not _signs_in(REMOTE_ADDR="127.0.0.1")


def test_the_demo_writes_its_accounts_once(settings: Any) -> None:
    _accounts()
    _accounts()
    assert Person.objects.filter(is_demo=True).count() == len(PEOPLE) + 1  # and who gives data


def _run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGSHU_")}
    return subprocess.run(
        [sys.executable, "-m", "gongshu.cli", *command],
        cwd=ROOT,
        env={**clean, "GONGSHU_DATA": str(folder), "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("name", ["GONGSHU_DEBUG", "GONGSHU_DEMO"])
def test_up_refuses_debug_and_demo_mode(tmp_path: Path, name: str) -> None:
    run = _run(tmp_path, "up", **{name: "1"})
    assert run.returncode == 1
    assert name in run.stderr


def test_up_refuses_a_data_folder_with_demo_accounts(tmp_path: Path) -> None:
    script = (
        "from gongshu.cli.environment import start_django; start_django(demo=True);"
        "from gongshu.cli.serve import prepare; from gongshu.cli.demo import _accounts; prepare(); _accounts()"
    )
    environment = {
        **os.environ,
        "GONGSHU_DATA": str(tmp_path),
        "PYTHONPATH": str(ROOT / "src"),
        "GONGSHU_DATABASE_URL": "",
    }
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=120)
    run = _run(tmp_path, "up")
    assert run.returncode == 1
    assert "演示账号" in run.stderr
    assert "demo accounts" in run.stderr


def test_reset_deletes_nothing_that_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    run = _run(tmp_path, "demo", "--reset", "--data", str(tmp_path))
    assert run.returncode == 1
    assert (tmp_path / "thesis.txt").exists()


def test_doctor_finds_what_is_wrong_and_says_how_to_mend_it(tmp_path: Path) -> None:
    run = _run(tmp_path, "doctor")
    assert run.returncode == 1
    assert "迁移" in run.stdout
    assert "gongshu up" in run.stdout


def test_a_whole_life_on_the_command_line(tmp_path: Path) -> None:
    from gongshu.tables.contract import dump_contract
    from tests.publishing import contract, write_file

    folder = tmp_path / "data"
    file = write_file(tmp_path / "a.csv", 30, "甲")
    (tmp_path / "c.odcs.yaml").write_text(dump_contract(contract()), encoding="utf-8")
    script = "from gongshu.cli.environment import start_django; start_django(); from gongshu.cli.serve import prepare; prepare()"
    environment = {
        **os.environ,
        "GONGSHU_DATA": str(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "GONGSHU_DATABASE_URL": "",
    }
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=120)
    publish = ("publish", str(file), "--contract", str(tmp_path / "c.odcs.yaml"), "--dataset", "clinics")
    done = _run(folder, *publish)
    assert (done.returncode, "第 1 版" in done.stdout) == (0, True), done.stderr
    assert "第 2 版" in _run(folder, *publish).stdout
    (tmp_path / "bad.csv").write_bytes(os.urandom(5000))
    bad = _run(folder, "publish", str(tmp_path / "bad.csv"), *publish[2:])
    assert bad.returncode == 1
    assert "错误" in bad.stderr
    assert "Error" in bad.stderr
    assert _run(folder, "withdraw", "clinics", "--reason", "测试").returncode == 0
    verified = _run(folder, "audit", "verify")
    assert (verified.returncode, "日志完好" in verified.stdout) == (0, True), verified.stderr
