"""Publications beside one another and beside readers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_two_datasets_are_published_at_once_beside_a_reader_of_a_third(tmp_path: Path) -> None:
    environment = {**os.environ, "GONGSHU_DATA": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(
        [sys.executable, "-m", "tests.at_once"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr[-5000:]
