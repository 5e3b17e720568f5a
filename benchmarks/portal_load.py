"""Many clients at once, for benchmarks.portal: keep-alive HTTP over asyncio in a process of its own.

usage: python -m benchmarks.portal_load PLAN.json    (made by benchmarks.portal; prints one JSON line)
A plan: port, seconds, and groups of clients, each with a name, a number, its paths and the seconds it reads between questions.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def press(plan: dict[str, Any]) -> dict[str, Any]:
    """Carry out the plan in another process; by group: answers, other statuses, answers a second, median, p99 and worst ms."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(plan, file)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.portal_load", file.name]
        said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    found: dict[str, Any] = json.loads(said)
    return found


async def _client(
    port: int, group: dict[str, Any], until: float, seed: int, times: list[float], other: list[int]
) -> None:
    rng = random.Random(seed)
    paths, pause = group["paths"], group["pause"]
    await asyncio.sleep(rng.random() * max(pause, 0.05))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        began = time.monotonic()
        writer.write(f"GET {rng.choice(paths)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode())
        status, closes = await _answer(reader)
        if status == 200:
            times.append(time.monotonic() - began)
        else:
            other.append(status)
            await asyncio.sleep(0.2)
        if closes:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if pause:
            await asyncio.sleep(pause * (0.5 + rng.random()))
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of one whole answer, and whether the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    closes = b"connection: close" in head
    if b"transfer-encoding: chunked" in head:
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        await reader.readexactly(int(length.split(b":")[1]))
    return status, closes


async def _carry_out(plan: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + plan["seconds"]
    found, clients = {}, []
    for group in plan["groups"]:
        times: list[float] = []
        other: list[int] = []
        found[group["name"]] = (times, other)
        for number in range(group["clients"]):
            clients.append(_client(plan["port"], group, until, len(clients) + number, times, other))
    await asyncio.gather(*clients)
    return {name: _summary(times, other, plan["seconds"]) for name, (times, other) in found.items()}


def _summary(times: list[float], other: list[int], seconds: float) -> dict[str, Any]:
    ordered = sorted(times) or [0.0]

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return {
        "answers": len(times),
        "other": {status: other.count(status) for status in set(other)},
        "a_second": round(len(times) / seconds, 1),
        "median": at(0.5),
        "p99": at(0.99),
        "worst": round(1000 * ordered[-1], 1),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_carry_out(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))))
