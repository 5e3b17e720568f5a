"""Our row API beside Datasette (and a CKAN, where there is one) on the same table, question by question, interleaved over HTTP.

usage: python -m benchmarks.portal [--rows N] [--rounds N] [--vary] [--load] [--mixed] [--big [N]] [--ckan URL RESOURCE]

Makes the table of a million rows, loads it into Datasette 0.65 of a locked environment (SQLite, indexes, trigram search), publishes
it here through the publishing job, starts both servers (ours with two web processes) and asks every question of both in turn
over kept connections. Every answer is compared with plain DuckDB. Printed: median and fastest ms, CPU ms a question, the ratio,
CPU seconds and peak memory of each server, wrong answers, and where we are slower.

--vary   draws the values of every round anew, so that no cache answers
--load   8 connections ask for 10 rows as fast as they can: answers a second, p99
--mixed  100 clients, 5 of them with heavy questions all the time: the median of the light ones
--big    ten million rows (or N) beside one million in our own server: the ratio, and a dump of all rows with the server's memory

Nothing is left out of a server's time but the client's own parsing. On shared cores only the ratios of one run hold.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import duckdb

from benchmarks.enterprises import DISTRICTS, TAILS, table
from benchmarks.portal_load import press
from benchmarks.portal_questions import Ckan, Datasette, Draw, Ours, Question, Target, Truth, questions
from benchmarks.portal_servers import Server, datasette, gongshu, publish

DATASET, BIG = "enterprises", "enterprises-big"
GOAL_RANGE_MS, GOAL_FACETS = 60, 10
COUNTED = ("facet of 16 values", "3 facets on a date filter", "group by, average")


@dataclass
class Asked:
    """A server under questions: the connection that is kept, and what came of every question."""

    name: str
    target: Target
    truth: Truth
    connection: http.client.HTTPConnection
    server: Server | None = None
    times: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def ask(self, question: Question, *, counted: bool) -> None:
        """Ask once: the time is kept when ``counted``, else the answer is compared with the truth."""
        request = self.target.request(question)
        if request is None:
            return
        body = json.dumps(request.body).encode() if request.body is not None else None
        headers = {"Content-Type": "application/json"} if body else {}
        began = time.perf_counter()
        self.connection.request("POST" if body else "GET", request.path, body=body, headers=headers)
        response = self.connection.getresponse()
        content = response.read()
        spent = 1000 * (time.perf_counter() - began)
        if response.status != 200:
            self.wrong[question.name] = f"{response.status} {content[:120].decode(errors='replace')}"
            return
        if counted:
            self.times.setdefault(question.name, []).append(spent)
        else:
            self.judge(question, content)

    def judge(self, question: Question, content: bytes) -> None:
        """Keep what is wrong with an answer."""
        try:
            wrong = self.truth.wrong(question, self.target.read(question, content))
        except (KeyError, TypeError, ValueError) as error:
            wrong = f"an answer of another shape: {error!r}"
        if wrong:
            self.wrong[question.name] = wrong


def interleave(asked: list[Asked], rounds: int, vary: bool) -> None:
    """Every question to every server in turn; the first answers (never timed) are compared with the truth. With ``vary`` every
    round has other values, and another untimed one with yet others is compared at the end."""
    fixed = {one.name: questions(one.truth.rows, None) for one in asked}
    for number in range(len(fixed[asked[0].name])):
        for one in asked:
            one.ask(fixed[one.name][number], counted=False)
        before = [one.server.cpu() if one.server else 0 for one in asked]
        for turn in range(rounds):
            for one in asked:
                one.ask(questions(one.truth.rows, Draw(turn) if vary else None)[number], counted=True)
        for one, began in zip(asked, before, strict=True):
            used = one.server.cpu() - began if one.server else 0
            one.cpu[fixed[one.name][number].name] = 1000 * used / rounds
        if vary:
            for one in asked:
                one.ask(questions(one.truth.rows, Draw(rounds))[number], counted=False)


def report(asked: list[Asked]) -> None:
    """The table of medians, the first server being ours."""
    ours, *others = asked
    print(f"\n{'median / fastest ms, CPU ms':28}" + "".join(f"{one.name:>27}" for one in asked) + f"{'ratio':>8}")
    slower = []
    for name in [question.name for question in questions(ours.truth.rows, None)]:
        line = f"{name:28}"
        middle = {}
        for one in asked:
            times = one.times.get(name)
            if times:
                middle[one.name] = statistics.median(times)
                line += f"{middle[one.name]:10.1f} /{min(times):7.1f} {one.cpu[name]:6.0f}" + (
                    "!" if name in one.wrong else " "
                )
            else:
                line += f"{'-':>26}{'!' if name in one.wrong else ' '}"
        rivals = [middle[one.name] for one in others if one.name in middle and name not in one.wrong]
        if ours.name in middle and rivals:
            ratio = min(rivals) / middle[ours.name]
            line += f"{ratio:8.1f}"
            if ratio < 1:
                slower.append(f"{name} ({middle[ours.name]:.1f} against {min(rivals):.1f} ms)")
            if name in COUNTED and ratio < GOAL_FACETS:
                slower.append(f"{name}: {ratio:.1f} times faster, the goal is {GOAL_FACETS}")
        print(line)
    print("(ratio: the fastest of the others that answered right / ours; ! = a wrong or no answer, see below)")
    for one in asked:
        for name, wrong in one.wrong.items():
            print(f"WRONG  {one.name}: {name}: {wrong}")
        if one.server:
            print(f"{one.name}: {one.server.cpu():.1f} CPU s, {one.server.memory():.0f} MB at its peak (all processes)")
    if others:
        print("where we are slower: " + ("; ".join(slower) or "nowhere"))


def connect(server: Server) -> http.client.HTTPConnection:
    """A connection that is kept for all questions of a server."""
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)


def light_paths() -> list[str]:
    """Light questions of many values: a row by its key, ten rows of a district, a first page."""
    base = f"/api/v1/datasets/{DATASET}/rows?"
    rng = random.Random(7)
    keys = [urlencode({"id": rng.randint(1, 1_000_000)}) for _ in range(300)]
    places = [urlencode({"district": rng.choice(DISTRICTS), "id__gte": rng.randint(1, 900_000), "limit": 10, "total": 0}) for _ in range(300)]  # fmt: skip
    return [base + each for each in [*keys, *places, "limit=20"]]


def heavy_paths() -> list[str]:
    """Heavy questions of many values: facets on a date, groups, two-character words with their total, thousands of rows."""
    base = f"/api/v1/datasets/{DATASET}/"
    rng = random.Random(8)
    found = []
    for _ in range(60):
        day = f"{rng.randint(2000, 2020)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        found.append("facets?" + urlencode([("column", "district"), ("column", "industry"), ("reg_date__gte", day)]))
        found.append("groups?" + urlencode([("by", "district"), ("by", "status"), ("measure", "avg:capital_wan"), ("employees__gte", rng.randint(1, 99))]))  # fmt: skip
        found.append("rows?" + urlencode({"address__contains": f"{rng.randint(1, 2999)}号", "sort": "-capital_wan"}))
        found.append("rows?" + urlencode({"q": rng.choice(TAILS)[:2], "offset": rng.randint(0, 20000), "limit": 5000}))
    return [base + each for each in found]


def load(servers: dict[str, Server]) -> None:
    """Answers of 10 rows a second over 8 connections: one and the same, and a thousand different."""
    rng = random.Random(9)
    starts = [rng.randint(1, 990_000) for _ in range(1000)]
    ours = f"/api/v1/datasets/{DATASET}/rows?"
    plans = {
        "gongshu": (
            [ours + "limit=10"],
            [ours + urlencode({"id__gte": start, "limit": 10, "total": 0}) for start in starts],
        ),
        "datasette": (
            ["/ent/ent.json?_shape=objects&_size=10"],
            [f"/ent/ent.json?_shape=objects&_size=10&_nocount=1&_next={start}" for start in starts],
        ),
    }
    print("\n8 connections, 10 rows an answer (goal: 500 a second)")
    for name, server in servers.items():
        for what, paths in zip(("the same", "all different"), plans[name], strict=True):
            press({"port": server.port, "seconds": 1, "groups": [_group("warm", 8, paths)]})
            found = press({"port": server.port, "seconds": 6, "groups": [_group("all", 8, paths)]})["all"]
            print(f"{name:10} {what:14} {_said(found)}", flush=True)


def mixed(server: Server) -> None:
    """100 clients at once, 5 of them heavy without a pause; the light ones read a second between questions, then not at all."""
    print("\n100 clients, 5 of them heavy all the time (goal: light median 100 ms)")
    for pause, what in ((1.0, "light ones read for a second"), (0.0, "light ones never pause")):
        groups = [_group("light", 95, light_paths(), pause), _group("heavy", 5, heavy_paths())]
        found = press({"port": server.port, "seconds": 12, "groups": groups})
        for name in ("light", "heavy"):
            print(f"{what:30} {name:6} {_said(found[name])}", flush=True)


def _group(name: str, clients: int, paths: list[str], pause: float = 0.0) -> dict[str, object]:
    return {"name": name, "clients": clients, "paths": paths, "pause": pause}


def _said(found: dict[str, object]) -> str:
    return (
        "{a_second:7.1f} answers/s  median {median:6.1f} ms  p99 {p99:6.1f}  worst {worst:6.1f}  others {other}".format(
            **{**found, "other": found["other"] or "none"}
        )
    )


def dump(server: Server, name: str, rows: int, form: str) -> None:
    """All rows as a file that is made now: seconds, size, and the memory of the web process that makes and sends it."""
    connection = connect(server)
    before = server.largest()
    began = time.monotonic()
    path = f"/api/v1/datasets/{name}/dump?format={form}"
    while True:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status not in (302, 303):
            break
        response.read()
        path = response.headers["Location"]
    if response.status != 200:
        print(f"dump: {response.status} {response.read(200)!r}")
        return
    with tempfile.NamedTemporaryFile(suffix=f".{form}") as file:
        while block := response.read(1 << 20):
            file.write(block)
        file.flush()
        seconds, size = time.monotonic() - began, file.tell()
        found = _rows_of(file.name, form)
    right = "all rows" if found == rows else f"{found:,} ROWS, NOT {rows:,}"
    print(
        f"dump of {rows:,} rows as {form}: {right}, {size / 1e6:.0f} MB in {seconds:.0f} s; peak memory of the web process"
        f" {before:.0f} -> {server.largest():.0f} MB (goal: 300)",
        flush=True,
    )


def _rows_of(file: str, form: str) -> int:
    if form == "parquet":
        return int(duckdb.sql(f"SELECT count(*) FROM read_parquet('{file}')").fetchall()[0][0])
    if form == "arrow":
        import pyarrow as pa

        with pa.memory_map(file) as source:
            return sum(batch.num_rows for batch in pa.ipc.open_stream(source))
    with Path(file).open("rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b"")) - (form == "csv")


def big(rows: int, rounds: int, vary: bool) -> None:
    """The questions on ``rows`` rows beside a million, both in our server."""
    small, large = table(1_000_000), table(rows)
    with tempfile.TemporaryDirectory(prefix="gongshu-portal-") as folder, contextlib.ExitStack() as stack:
        publish(small, Path(folder), DATASET)
        publish(large, Path(folder), BIG)
        for form in ("jsonl", "csv", "arrow", "parquet"):
            with gongshu(Path(folder)) as fresh:
                dump(fresh, BIG, rows, form)
        server = stack.enter_context(gongshu(Path(folder)))
        asked = [
            Asked(f"{name}", Ours(name), Truth(str(file)), connect(server))
            for name, file in ((DATASET, small), (BIG, large))
        ]
        interleave(asked, rounds, vary)
        print(f"\n{'median ms':28}{'1,000,000 rows':>18}{f'{rows:,} rows':>18}{'times':>8}   (goal: 3 times)")
        for name, times in asked[0].times.items():
            if name in asked[1].times:
                one, ten = statistics.median(times), statistics.median(asked[1].times[name])
                print(f"{name:28}{one:18.1f}{ten:18.1f}{ten / one:8.1f}")
        for each in asked:
            for name, wrong in each.wrong.items():
                print(f"WRONG  {each.name}: {name}: {wrong}")
        print(f"peak memory of all processes {server.memory():.0f} MB")


def main() -> int:
    """Do what the command line says; 1 when an answer of ours was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--vary", action="store_true")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--big", type=int, nargs="?", const=10_000_000)
    parser.add_argument("--ckan", nargs=2, metavar=("URL", "RESOURCE"))
    chosen = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    if chosen.big:
        big(chosen.big, chosen.rounds, chosen.vary)
        return 0
    file = table(chosen.rows)
    with tempfile.TemporaryDirectory(prefix="gongshu-portal-") as folder, contextlib.ExitStack() as stack:
        publish(file, Path(folder), DATASET)
        truth = Truth(str(file))
        ours, peer = stack.enter_context(gongshu(Path(folder))), stack.enter_context(datasette(file))
        asked = [
            Asked("gongshu", Ours(DATASET), truth, connect(ours), ours),
            Asked("datasette", Datasette(), truth, connect(peer), peer),
        ]
        if chosen.ckan:
            url = urlsplit(chosen.ckan[0])
            connection = http.client.HTTPConnection(url.hostname or "127.0.0.1", url.port or 80, timeout=300)
            asked.append(Asked("ckan", Ckan(chosen.ckan[1]), truth, connection))
        else:
            print("CKAN: none is installed here (--ckan URL RESOURCE names one with the same table); it is left out")
        interleave(asked, chosen.rounds, chosen.vary)
        report(asked)
        if chosen.load:
            load({"gongshu": ours, "datasette": peer})
        if chosen.mixed:
            mixed(ours)
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if asked[0].wrong else 0


if __name__ == "__main__":
    sys.exit(main())
