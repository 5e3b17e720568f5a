"""From a stored file to a visible version, beside a bare DuckDB copy of the same CSV to Parquet, interleaved.

usage: python -m benchmarks.publish [FILE.csv] [ROUNDS]    (without FILE a million rows, 164 MB, are made in the temp folder)
Prints seconds, CPU seconds and peak memory of each, and the ratio. Goal: at most 8 times the bare copy, 700 MB.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.enterprises import table

ROOT = Path(__file__).resolve().parent.parent
TYPES = {
    "id": "int64",
    "reg_date": "date",
    "capital_wan": "float64",
    "employees": "int64",
    "lon": "float64",
    "lat": "float64",
}


def copy(file: str, folder: str) -> None:
    """The peer: one COPY statement."""
    import duckdb

    began = time.monotonic()
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{file}')) TO '{folder}/copy.parquet' (FORMAT parquet, COMPRESSION zstd)")
    print(json.dumps({"seconds": time.monotonic() - began}))


def publish(file: str, folder: str, name: str = "enterprises") -> None:
    """Us: the publishing job of a worker, from the stored file to the visible version of dataset ``name``."""
    os.environ |= {"GONGSHU_DATA": folder, "DJANGO_SETTINGS_MODULE": "gongshu.site.settings"}
    import django

    django.setup()
    from django.core.management import call_command

    from gongshu.jobs.runner import owner_name, run_one
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.actions import request_publish
    from gongshu.opening.sweep import sweep
    from gongshu.parties.permissions import Shell
    from gongshu.tables.contract import Contract, Field, Rule, dump_contract

    call_command("migrate", verbosity=0)
    load_kinds()
    sweep()  # as a worker does when it starts
    with Path(file).open(encoding="utf-8") as head:
        names = head.readline().strip().split(",")
    fields = [
        Field(n, TYPES.get(n, "string"), title=n, level=1, open_type="unconditional", primary_key=n == "id")
        for n in names
    ]
    rules = [
        *(Rule(f"{n}.not_null", "not_null", n, (n,), dimension="020100") for n in ("id", "uscc", "name", "district")),
        Rule("id.unique", "unique", "id", ("id",), dimension="030400"),
        Rule("employees.range", "range", "employees", ("employees",), {"min": 0, "max": 1000000}, "030100"),
        Rule("lon.range", "range", "lon", ("lon",), {"min": 120.8, "max": 122.2}, "030100"),
        Rule("lat.range", "range", "lat", ("lat",), {"min": 30.6, "max": 31.9}, "030100"),
        Rule("uscc.check_digit", "check_digit", "uscc", ("uscc",), {"type": "credit_code"}, "030100"),
    ]
    contract = Contract(name, title="企业", provider="市市场监管局", topic="market", fields=fields, rules=rules)
    job = request_publish(Shell("benchmark"), Path(file), dump_contract(contract), name)
    steps: list[tuple[str, float, int]] = []
    began = time.monotonic()
    done = run_one(
        owner_name(), only=job, watch=lambda step, _: steps.append((step, time.monotonic() - began, _peak()))
    )
    seconds = time.monotonic() - began
    assert done is not None
    assert done.state == "done", done.error
    print(json.dumps({"seconds": seconds, "steps": [(step, round(at, 2), peak) for step, at, peak in steps]}))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measured(what: str, file: Path) -> dict[str, float]:
    """Run one of the two in a process of its own; seconds as it says, CPU seconds and peak MB as the system says."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.publish", what, str(file), folder]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "src"})
        assert child.stdout is not None
        answer = json.loads(child.stdout.read())
        _, status, usage = os.wait4(child.pid, 0)
        assert status == 0, f"{what} failed"
    return answer | {"cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024}


def main() -> None:
    if sys.argv[1:2] in (["copy"], ["publish"]):
        {"copy": copy, "publish": publish}[sys.argv[1]](*sys.argv[2:])
        return
    file = Path(sys.argv[1]) if sys.argv[1:] else table(1_000_000)
    rounds = int(sys.argv[2]) if sys.argv[2:] else 3
    runs: dict[str, list[dict[str, float]]] = {"copy": [], "publish": []}
    for _ in range(rounds):
        for what, found in runs.items():
            found.append(measured(what, file))
            print(
                what,
                {name: value if name == "steps" else round(value, 2) for name, value in found[-1].items()},
                flush=True,
            )
    middle = {
        what: {name: statistics.median(run[name] for run in found) for name in ("seconds", "cpu", "mb")}
        for what, found in runs.items()
    }
    ratio = middle["publish"]["seconds"] / middle["copy"]["seconds"]
    print(f"file {file.stat().st_size / 1e6:.0f} MB, median of {rounds}")
    for what, values in middle.items():
        print(f"{what:8} {values['seconds']:6.2f} s  {values['cpu']:6.2f} CPU s  {values['mb']:5.0f} MB")
    print(f"ratio {ratio:.1f} (goal 8), memory {middle['publish']['mb']:.0f} MB (goal 700)")


if __name__ == "__main__":
    main()
