"""The twelve checks of a register beside Great Expectations, pandera, datacontract-cli and SQL written by hand.

usage: python -m benchmarks.quality [ROWS] [--rounds N] [--without PEER,PEER]
4 not null, 1 unique, 2 patterns, 1 code list, 1 range, 1 date format, 1 comparison of two dates, 1 check digit, over one Parquet
file. Each side runs in a process of its own, all of them in turn in each round, first on 200 rows, so that nobody's imports are
counted; then its CPU seconds and its peak memory are taken, and the medians are printed. Ours also writes which row failed
which check, and, as ``ours, all``, counts column statistics and recognises semantic types. The floor is one SELECT and one
GROUP BY in DuckDB; our counts must be the floor's. Goals: 1.3 and 2.5 times the floor; 400 MB for a million rows, 700 MB for ten.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.environments import environment
from benchmarks.registry import CODE, CODE_FORM, INDUSTRIES, PHONE_FORM, WEIGHTS, table

ROOT = Path(__file__).resolve().parent.parent
PEERS = {"Great Expectations": "quality_gx", "pandera": "quality_pandera", "datacontract-cli": "quality_datacontract"}
WARM = 200
MEMORY = {1_000_000: 400, 10_000_000: 700}  # MB
Counts = dict[str, int]


def main(rows: int = 1_000_000, rounds: int = 3, without: tuple[str, ...] = ()) -> int:
    """Run all sides in turn and print them; 1 when a goal is missed or a count differs."""
    peers = {name: environment(lock) / "bin/python" for name, lock in PEERS.items() if name not in without}
    files = [str(table(WARM)), str(table(rows))]
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for name in ("floor", "ours", "ours, all", *peers):
            own = [sys.executable, "-m", "benchmarks.quality", "--side", name]
            command = own if name not in peers else [str(peers[name]), str(ROOT / "benchmarks/quality_peer.py"), name]
            found.setdefault(name, []).append(_told([*command, *files]))
    print(f"{rows:,} rows, twelve checks, medians of {rounds}")
    floor = _median(found["floor"], "cpu")
    for name, each in found.items():
        cpu, memory = _median(each, "cpu"), _median(each, "memory")
        print(
            f"{name:>20}: {cpu:7.2f} CPU s, {cpu / floor:5.2f} x the floor, {memory:6.0f} MB, {_median(each, 'seconds'):6.1f} s"
        )
    for name in peers:
        ratio = _median(found[name], "cpu") / _median(found["ours"], "cpu")
        print(f"ours takes {ratio:.1f} x less CPU than {name}")
    counts, ours = found["floor"][0]["counts"], found["ours"][0]["counts"]
    print("counts: the floor's" if counts == ours else f"counts DIFFER: {counts} {ours}")
    limit = MEMORY.get(rows, 10**6)
    goals = [
        counts == ours,
        _median(found["ours"], "cpu") <= 1.3 * floor,
        _median(found["ours, all"], "cpu") <= 2.5 * floor,
        max(_median(found[name], "memory") for name in ("ours", "ours, all")) <= limit,
    ]
    print("goals (counts, 1.3 x, 2.5 x, memory):", *("met" if good else "MISSED" for good in goals))
    return 0 if all(goals) else 1


def _median(each: list[dict[str, Any]], what: str) -> float:
    return statistics.median(one[what] for one in each)


def _told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak() -> float:
    """The most memory that this process held since it began, in MB; what its parent held before is not in it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def side(name: str, warm: str, file: str) -> None:
    """One of our own sides; prints JSON as the peers do."""
    with tempfile.TemporaryDirectory(prefix="gongshu-quality-") as folder:
        run = _floor(Path(folder)) if name == "floor" else _ours(Path(folder), everything=name == "ours, all")
        run(warm)
        wall, cpu = time.perf_counter(), time.process_time()
        counts = run(file)
        spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    memory = peak()
    print(json.dumps({"counts": counts, **spent, "memory": memory}))


def _floor(folder: Path) -> Callable[[str], Counts]:
    import duckdb

    engine = duckdb.connect(config={"threads": 2, "memory_limit": "512MB", "temp_directory": str(folder)})
    total = "+".join(f"(strpos('{CODE}', uscc[{n + 1}]) - 1) * {weight}" for n, weight in enumerate(WEIGHTS))
    industries = ",".join(map(repr, INDUSTRIES))
    wrong = {
        "name": "ent_name IS NULL",
        "code": "uscc IS NULL",
        "address": "address IS NULL",
        "id": "legal_id IS NULL",
        "phone": f"NOT regexp_matches(phone, '{PHONE_FORM}')",
        "form": f"NOT regexp_matches(uscc, '{CODE_FORM}')",
        "industry": f"industry NOT IN ({industries})",
        "capital": "NOT capital BETWEEN 0 AND 1e8",
        "date": "try_cast(reg_date AS date) IS NULL OR reg_date[5] <> '-'",
        "order": "try_cast(approve_date AS date) < try_cast(reg_date AS date)",
        "digit": f"length(uscc) = 18 AND strpos('{CODE}', uscc[18]) - 1 <> (31 - ({total}) % 31) % 31",
    }

    def run(file: str) -> Counts:
        sums = ", ".join(f'count(*) FILTER ({test}) AS "{name}"' for name, test in wrong.items())
        row = engine.execute(f"SELECT {sums} FROM '{file}'").fetchone()
        repeated = engine.execute(
            f"SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) n FROM '{file}' WHERE uscc IS NOT NULL GROUP BY uscc HAVING n > 1)"
        ).fetchone()
        assert row and repeated
        return {**dict(zip(wrong, row, strict=True)), "unique": repeated[0]}

    return run


def _ours(folder: Path, everything: bool) -> Callable[[str], Counts]:
    from gongshu.tables.checks import run_checks
    from gongshu.tables.contract import Field, Rule
    from gongshu.tables.engine import connect
    from gongshu.tables.model import ROW
    from gongshu.tables.survey import survey

    kinds = {"ent_id": "int64", "reg_date": "date", "approve_date": "date", "capital": "float64"}
    rules = [
        Rule("name", "not_null", "ent_name"),
        Rule("code", "not_null", "uscc"),
        Rule("address", "not_null", "address"),
        Rule("id", "not_null", "legal_id"),
        Rule("phone", "pattern", "phone", (), {"pattern": PHONE_FORM}),
        Rule("form", "pattern", "uscc", (), {"pattern": CODE_FORM}),
        Rule("industry", "in_set", "industry", (), {"values": list(INDUSTRIES)}),
        Rule("capital", "range", "capital", (), {"min": 0, "max": 1e8}),
        Rule("date", "date_format", "reg_date", (), {"form": "2019-07-08"}),
        Rule("order", "cross_field", None, ("reg_date", "approve_date"), {"operator": "<="}),
        Rule("digit", "check_digit", "uscc", (), {"type": "credit_code"}),
        Rule("unique", "unique", "uscc", (), {"count": "all_rows"}),
    ]

    def run(file: str) -> Counts:
        # an engine each time, as every file gets one: what the warm-up counted is not kept
        engine = connect(folder / "engine", "220MB", 2)
        rows = engine.read_parquet(file, file_row_number=True).rename({ROW: "file_row_number"})
        types = {name: kinds.get(name, "string") for name in rows.columns if name != ROW}
        fields = [Field(name, kind) for name, kind in types.items()]
        mask = folder / "mask.parquet"
        if everything:
            found = survey(engine, rows, fields, rules, mask=mask).quality
        else:
            found = run_checks(engine, rows, fields, rules, mask=mask)
        engine.disconnect()
        return {result.rule.id: result.failed for result in found.results}

    return run


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        side(*sys.argv[2:5])
        sys.exit()
    numbers = [int(one) for one in sys.argv[1:2] if one.isdigit()]
    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 3
    left_out = sys.argv[sys.argv.index("--without") + 1] if "--without" in sys.argv else ""
    sys.exit(main(*numbers, rounds=rounds, without=tuple(filter(None, left_out.split(",")))))
