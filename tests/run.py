"""What `./gongshu test` runs: lint, format, types, floors, templates, then every test. Arguments go to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent
STEPS = {
    "ruff": [str(BIN / "ruff"), "check", "."],
    "ruff format": [str(BIN / "ruff"), "format", "--check", "."],
    "mypy": [PYTHON, "-m", "mypy"],
    "floors": [str(BIN / "lint-imports")],
    "templates": [str(BIN / "djlint"), "src", "--lint", "--quiet"],
}


def main() -> int:
    """Run the steps; the first failure of a lint step is told at the end, so that one run shows all."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GONGSHU_DATA": "",
    }
    failed = []
    for name, command in [] if sys.argv[1:] else STEPS.items():
        began = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        print(f"{name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
        if code:
            failed.append(name)
    code = subprocess.run([PYTHON, "-m", "pytest", *sys.argv[1:]], cwd=ROOT, env=environment).returncode
    if code == 0 and not sys.argv[1:]:
        print("the same on PostgreSQL:", flush=True)
        # kills and full disks are the same on both: they are about files and jobs
        left_out = [f"--ignore=tests/integration/test_{name}.py" for name in ("kill", "full_disk", "at_once")]
        again = [PYTHON, "-m", "pytest", "tests/integration", *left_out]
        code = subprocess.run(again, cwd=ROOT, env={**environment, "GONGSHU_TEST_POSTGRES": "1"}).returncode
    if failed:
        print("FAILED before the tests: " + ", ".join(failed))
    return code or (1 if failed else 0)


if __name__ == "__main__":
    sys.exit(main())
