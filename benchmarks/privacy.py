"""k, l and t of a million rows beside pyCANON, and anonymisation beside anjana.

usage: python -m benchmarks.privacy [ROWS] [--adult FOLDER]
``--adult``: a folder with ARX's ``adult.csv`` (or ``arx_adult.csv``) and its hierarchies ``adult_hierarchy_*.csv``; without it
a generated table of as many rows and hierarchies of the same shape is anonymised. Both sides read before the clock starts;
interpreters and imports are not counted. Goal: at least 20 times less CPU, at no more loss.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.environments import environment

ROOT = Path(__file__).resolve().parent.parent
QUASI, SENSITIVE = ["sex", "born", "district", "education"], "cause"
K, SUPPRESS = 10, 0.05


def main(rows: int = 1_000_000, adult: str | None = None) -> int:
    """Run both comparisons and print them; 1 when a goal is missed or an answer differs."""
    peer = environment("privacy") / "bin/python"
    with tempfile.TemporaryDirectory(prefix="gongshu-privacy-") as name:
        folder = Path(name)
        good = [_measures(peer, folder, rows), _anonymisation(peer, folder, Path(adult) if adult else None)]
    return 0 if all(good) else 1


def _measures(peer: Path, folder: Path, rows: int) -> bool:
    import duckdb

    file = folder / "people.parquet"
    duckdb.sql(
        f"COPY (SELECT ['m','f'][1 + i % 2] sex, 1950 + (hash(i) % 50)::INT born, 'district ' || (hash(i + 1) % 16) district, "
        f"'level ' || (hash(i + 2) % 5) education, 'cause ' || (hash(i + 3) % 12) cause FROM range({rows}) t(i)) TO '{file}'"
    )
    plan = {"quasi": QUASI, "sensitive": SENSITIVE}
    ours, theirs = _ours("measure", file, plan), _theirs(peer, "measure", file, plan)
    print(f"k, l and t of {rows:,} rows, {len(QUASI)} quasi-identifiers")
    return _compare(ours, theirs, "pyCANON", [(name, ours[name], theirs[name]) for name in "klt"])


def _anonymisation(peer: Path, folder: Path, adult: Path | None) -> bool:
    table, ladders = (
        (_adult(adult) if adult else _made(folder)) if adult is None or adult.is_dir() else sys.exit("no folder")
    )
    plan = {"k": K, "suppress": SUPPRESS, "hierarchies": ladders}
    ours, theirs = _ours("anonymise", table, plan), _theirs(peer, "anonymise", table, plan)
    theirs["loss"] = _loss(table, ladders, theirs)
    nodes = f"{ours['checked']} of {ours['nodes']} nodes looked at"
    print(f"\nk = {K} for {table.name}, {len(ladders)} quasi-identifiers, {nodes}")
    for said, one in (("ours", ours), ("anjana", theirs)):
        print(f"{said:>8}: loss {one['loss']:.4f}, {one['suppressed']} rows left out, rungs {one['rungs']}")
    print(
        f"   parts: {ours['parts']} groups, loss {ours['parts_loss']:.4f}, none left out, {ours['parts_cpu']:.2f} CPU s"
    )
    return _compare(ours, theirs, "anjana", []) and ours["loss"] <= theirs["loss"] + 1e-6


def _compare(ours: dict[str, Any], theirs: dict[str, Any], name: str, same: list[tuple[str, float, float]]) -> bool:
    for said, one in (("ours", ours), (name, theirs)):
        print(f"{said:>8}: {one['seconds']:.2f} s, {one['cpu']:.2f} CPU s, {one['memory']:.0f} MB")
    ratio = theirs["cpu"] / ours["cpu"]
    equal = all(abs(a - b) < 1e-5 for _, a, b in same)
    print(
        f"   ratio: {ratio:.1f} x less CPU" + "".join(f", {what} = {a}" for what, a, _ in same),
        "" if equal else "DIFFER",
    )
    return equal and ratio >= 20


def _ours(task: str, file: Path, plan: dict[str, Any]) -> dict[str, Any]:
    return _told([sys.executable, "-m", "benchmarks.privacy", "--ours", task, str(file), json.dumps(plan)])


def _theirs(peer: Path, task: str, file: Path, plan: dict[str, Any]) -> dict[str, Any]:
    return _told([str(peer), str(ROOT / "benchmarks/privacy_peer.py"), task, str(file), json.dumps(plan)])


def _told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(task: str, file: str, said: str) -> None:
    """Our side, in a process of its own; prints JSON as the peer does."""
    import ibis

    from gongshu.tables.anonymise import anonymise
    from gongshu.tables.anonymity import anonymity
    from gongshu.tables.contract import Protection
    from gongshu.tables.mondrian import partition

    plan, engine = json.loads(said), ibis.duckdb.connect(threads=2)
    engine.to_pyarrow(ibis.memtable({"a": [1]}).count())  # Ibis imports as it goes
    if task == "measure":
        table = engine.create_table("people", engine.read_parquet(file))
        wall, cpu = time.perf_counter(), time.process_time()
        found = anonymity(engine, table, plan["quasi"], [plan["sensitive"]])
        answer: dict[str, Any] = {"k": found.k, "l": found.l[plan["sensitive"]], "t": found.t[plan["sensitive"]]}
    else:
        table = engine.create_table("people", engine.read_csv(file, delim=";", all_varchar=True))
        ladders = {
            name: [
                Protection("drop")
                if len(set(rung)) == 1
                else Protection("generalise_map", {"map": dict(zip(rungs[0], rung, strict=True))})
                if at
                else Protection()
                for at, rung in enumerate(rungs)
            ]
            for name, rungs in plan["hierarchies"].items()
        }
        wall, cpu = time.perf_counter(), time.process_time()
        best = anonymise(engine, table, ladders, plan["k"], suppress=plan["suppress"])
        rungs = {name: ladder.index(best.protections[name]) for name, ladder in ladders.items()}
        answer = {"rungs": rungs, "suppressed": best.suppressed, "loss": best.loss}
        answer |= {"nodes": best.nodes, "checked": best.checked}
    spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if task == "anonymise":  # beside it, not in the comparison: the peers have none
        cpu = time.process_time()
        parts = partition(engine, table, list(ladders), {"k": plan["k"]})
        answer |= {"parts": parts.groups, "parts_loss": parts.loss, "parts_cpu": time.process_time() - cpu}
    print(json.dumps(answer | spent | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _loss(table: Path, ladders: dict[str, list[list[str]]], found: dict[str, Any]) -> float:
    """The loss metric of gongshu.tables.anonymise for the rungs that the peer chose."""
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    losses = []
    for name, rungs in ladders.items():
        wider = dict(zip(rungs[0], rungs[found["rungs"][name]], strict=True))
        values = {row[name] for row in rows}
        alike = {value: sum(wider[other] == wider[value] for other in values) for value in values}
        losses.append(sum((alike[row[name]] - 1) / (len(values) - 1) for row in rows) / len(rows))
    gone = found["suppressed"] / len(rows)
    return sum(losses) / len(losses) * (1 - gone) + gone


def _adult(folder: Path) -> tuple[Path, dict[str, list[list[str]]]]:
    table = next(path for path in (folder / "adult.csv", folder / "arx_adult.csv") if path.exists())
    ladders = {}
    for file in sorted(folder.glob("adult_hierarchy_*.csv")):
        name = file.stem.removeprefix("adult_hierarchy_")
        if name != "salary-class":
            ladders[name] = _ladder(list(csv.reader(file.open(encoding="utf-8"), delimiter=";")), table, name)
    return table, ladders


def _ladder(rows: list[list[str]], table: Path, name: str) -> list[list[str]]:
    with table.open(encoding="utf-8") as file:
        present = {row[name] for row in csv.DictReader(file, delimiter=";")}
    return [list(rung) for rung in zip(*(row for row in rows if row[0] in present), strict=True)]


def _made(folder: Path) -> tuple[Path, dict[str, list[list[str]]]]:
    chance, table = random.Random(5), folder / "made.csv"
    widths = {
        "age": (73, (5, 10, 20)),
        "place": (41, (6,)),
        "work": (14, (4,)),
        "school": (16, (3, 8)),
        "kind": (7, (3,)),
    }
    ladders = {
        name: [[f"{name}{n}" for n in range(number)]]
        + [[f"{name}{n // width}/{width}" for n in range(number)] for width in steps]
        + [["*"] * number]
        for name, (number, steps) in widths.items()
    }
    with table.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(ladders)
        for _ in range(30_000):
            out.writerow([rungs[0][int(len(rungs[0]) * chance.random() ** 2)] for rungs in ladders.values()])
    return table, ladders


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        ours(*sys.argv[2:5])
        sys.exit()
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    sys.exit(main(*numbers, adult=sys.argv[sys.argv.index("--adult") + 1] if "--adult" in sys.argv else None))
