"""Nothing lost: kill -9 anywhere leaves the old or the new version, and nothing orphaned after the next start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "how", [["points"], ["random", "100", "20260122"]], ids=["at every point", "100 times at random"]
)
def test_kill_9_leaves_the_old_or_the_new_version(how: list[str], tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GONGSHU_DATA": str(tmp_path),
        "GONGSHU_LEASE_SECONDS": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    run = subprocess.run(
        [sys.executable, "-m", "tests.killing", *how],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 0, run.stdout + run.stderr[-5000:]
