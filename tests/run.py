"""What `./gongshu test` runs: lint, format, types, floors, templates, then every test, in processes side by side. Arguments go to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
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

SAME_BACKUPS = (  # whatever the database: tested once
    "the_archive_holds_no_key_and_no_secret",
    "keys_put_back_first_are_used",
    "a_backup_is_whole_whatever_happens_meanwhile",
    "memory_does_not_grow_with_the_data",
    "what_the_lake_had_lost_before_is_named_and_the_rest_is_kept",
    "a_killed_backup_leaves_nothing_that_looks_like_one",
    "a_killed_restore_is_refused_and_begun_anew",
    "a_damaged_backup_restores_nothing",
    "a_lake_in_s3",
)
KILLS = [f"tests/integration/test_{name}.py" for name in ("kill", "full_disk", "at_once")]
BACKUPS = "tests/integration/test_safekeeping.py"
# their server stands on SQLite
SERVED = [f"tests/integration/test_{name}.py" for name in ("client", "standards", "frictionless")]
# Processes side by side fill the time in which a browser, a subprocess or a disk is waited for. Kills and full disks are about
# files and jobs: they are left out on PostgreSQL, and so are the backups but for what a database matters to.
TESTS: dict[str, tuple[list[str], dict[str, str]]] = {
    "in a browser and units": (["tests/browser", "tests/unit"], {}),
    "spec, on two engines": (["tests/spec"], {}),
    "kills, full disks and backups": ([*KILLS, BACKUPS], {}),
    "integration, SQLite": (["tests/integration", *(f"--ignore={name}" for name in (*KILLS, BACKUPS))], {}),
    "integration, PostgreSQL": (
        ["tests/integration"]
        + [f"--ignore={name}" for name in (*KILLS, *SERVED)]
        + [f"--deselect={BACKUPS}::test_{name}" for name in SAME_BACKUPS],
        {"GONGSHU_TEST_POSTGRES": "1"},
    ),
}


def main() -> int:
    """Run the steps; the first failure of a lint step is told at the end, so that one run shows all."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GONGSHU_DATA": "",
    }
    pytest = [PYTHON, "-m", "pytest"]
    if sys.argv[1:]:
        return subprocess.run([*pytest, *sys.argv[1:]], cwd=ROOT, env=environment).returncode
    failed = []
    for name, command in STEPS.items():
        began = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        print(f"{name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
        if code:
            failed.append(name)
    began, running = time.monotonic(), {}
    for name, (what, more) in TESTS.items():
        log = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
        command = [*pytest, *what, "-o", f"cache_dir=.pytest_cache/{len(running)}"]
        running[name] = (
            subprocess.Popen(command, cwd=ROOT, env=environment | more, stdout=log, stderr=subprocess.STDOUT),
            log,
        )
    while running:
        time.sleep(0.5)
        for name in [name for name, (process, _) in running.items() if process.poll() is not None]:
            process, log = running.pop(name)
            log.seek(0)
            ok = "ok" if process.returncode == 0 else "FAILED"
            print(f"{log.read().decode(errors='replace')}{name}: {ok} ({time.monotonic() - began:.0f} s)", flush=True)
            if process.returncode:
                failed.append(name)
    if failed:
        print("FAILED: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
