"""The servers that benchmarks.portal asks: how each gets the table, is started, and what it costs in CPU and memory."""

from __future__ import annotations

import contextlib
import csv
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import environment

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
PROCESSES = "2"
INDEXED = ("district", "industry", "status", "reg_date", "capital_wan", "uscc")
LIMITLESS = {  # the peer is measured, not its time limits
    "sql_time_limit_ms": "60000",
    "facet_time_limit_ms": "60000",
    "facet_suggest_time_limit_ms": "1",
    "suggest_facets": "off",
    "default_facet_size": "30",
    "max_returned_rows": "32000",
}


@dataclass
class Server:
    """A running server; its processes are those of ``pid`` and below."""

    name: str
    port: int
    pid: int

    def cpu(self) -> float:
        """CPU seconds that its processes have used."""
        return sum(_cpu(pid) for pid in _tree(self.pid))

    def memory(self) -> float:
        """The sum of the largest resident memory of each of its processes, in MB."""
        return sum(_peak(pid) for pid in _tree(self.pid)) / 1024

    def largest(self) -> float:
        """The largest resident memory that one of its web processes had, in MB."""
        return max(_peak(pid) for pid in _tree(self.pid) if _is_web(pid)) / 1024

    def settle(self) -> None:
        """Wait until what a start leaves to be done (the other processes, imports) no longer takes the processor."""
        for _ in range(60):
            before = self.cpu()
            time.sleep(1)
            if self.cpu() - before < 0.1:
                return


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += children.get(pid, [])
    return found


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / TICK


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _is_web(pid: int) -> bool:
    """Whether the process answers questions: what `gongshu up` starts besides (itself, the worker) makes no answer."""
    try:
        return "gongshu.cli" not in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(name: str, command: list[str], port: int, ready: str, log: Path, **more: str) -> Iterator[Server]:
    """The command's server once ``ready`` answers 200; ended with the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=ROOT)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended at once:\n{log.read_text(errors='replace')[-2000:]}")
            if _answers(port, ready):
                break
            time.sleep(0.1)
        server = Server(name, port, process.pid)
        server.settle()
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def publish(table: Path, folder: Path, name: str) -> None:
    """Publish the table as dataset ``name`` through the publishing job; prints its seconds, CPU seconds and peak memory."""
    command = [sys.executable, "-m", "benchmarks.publish", "publish", str(table), str(folder), name]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "src"})
    assert child.stdout is not None
    said = child.stdout.read().decode().strip().splitlines()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"publishing {name} failed")
    seconds = json.loads(said[-1])["seconds"]
    cpu = usage.ru_utime + usage.ru_stime
    print(f"gongshu: published {name} in {seconds:.0f} s, {cpu:.0f} CPU s, {usage.ru_maxrss / 1024:.0f} MB", flush=True)


def gongshu(folder: Path) -> contextlib.AbstractContextManager[Server]:
    """Ours, as `gongshu up` starts it, with two web processes; not limited in its rate, since all clients come from one address."""
    port = free_port()
    command = [sys.executable, "-m", "gongshu.cli", "up", "--port", str(port), "--data", str(folder)]
    settings = {"GONGSHU_PROCESSES": PROCESSES, "GONGSHU_API_RATE": "1000000"}
    return _running("gongshu", command, port, "/healthz", folder / "up.log", **settings)


def datasette(table: Path) -> contextlib.AbstractContextManager[Server]:
    """Datasette of the locked environment on an SQLite file with indexes and a trigram index of the texts."""
    home = environment("datasette")
    database = table.with_suffix("") / "ent.db"  # the file's name is the database's in its addresses
    database.parent.mkdir(exist_ok=True)
    if not database.exists():
        _load(table, database, home)
    port = free_port()
    command = [str(home / "bin/datasette"), "serve", "-i", str(database), "--port", str(port)]
    for name, value in LIMITLESS.items():
        command += ["--setting", name, value]
    return _running("datasette", command, port, "/-/versions.json", database.with_suffix(".log"))


def _load(table: Path, database: Path, home: Path) -> None:
    began = time.monotonic()
    beside = database.with_suffix(".part")
    beside.unlink(missing_ok=True)
    con = sqlite3.connect(beside)
    con.executescript(
        "PRAGMA journal_mode=off; PRAGMA synchronous=off;"
        "CREATE TABLE ent (id INTEGER PRIMARY KEY, uscc TEXT, name TEXT, district TEXT, industry TEXT, status TEXT,"
        " reg_date TEXT, capital_wan REAL, employees INTEGER, lon REAL, lat REAL, address TEXT)"
    )
    with table.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        rows = ([cell or None for cell in line] for line in lines)
        con.executemany("INSERT INTO ent VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows)
    for column in INDEXED:
        con.execute(f"CREATE INDEX ent_{column} ON ent ({column})")
    con.execute("ANALYZE")
    con.commit()
    con.close()
    enable = [str(home / "bin/sqlite-utils"), "enable-fts", str(beside), "ent", "name", "address"]
    subprocess.run([*enable, "--tokenize", "trigram"], check=True)
    beside.rename(database)
    print(f"datasette: loaded in {time.monotonic() - began:.0f} s", flush=True)
