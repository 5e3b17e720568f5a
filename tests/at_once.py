"""Two workers publish two datasets at once, then a new version of a third, which is read all the while.

usage: python -m tests.at_once    (GONGSHU_DATA names an empty folder)
Exit status 0 when every answer was the old or the new version, whole, and all three stand at the end; else what was wrong
is printed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from django.test.utils import setup_test_environment

from tests.killing import begin, must, prepare

DATA = Path(os.environ["GONGSHU_DATA"])
READ, ROWS = "third", {1: ("甲", 400), 2: ("乙", 700)}
BESIDE = ("first", "second")
BESIDE_ROWS = 20_000


def ask_for(name: str, mark: str, rows: int) -> None:
    """Ask for a publication that a worker carries out."""
    from tests.publishing import ask, contract, write_file

    ask(write_file(DATA / f"{name}-{mark}.csv", rows, mark), contract(name=name, title=name))


def work() -> None:
    """A worker that ends when nothing waits."""
    from gongshu.jobs.worker import work as carry_out

    carry_out(threading.Event(), until_idle=True)


def first_version() -> None:
    """What readers see before."""
    ask_for(READ, *ROWS[1])
    work()


def three_jobs() -> None:
    """What the workers find."""
    for name in BESIDE:
        ask_for(name, "丙", BESIDE_ROWS)
    ask_for(READ, *ROWS[2])


def read() -> None:
    """Read the third dataset until its new version is there and all jobs are done; every answer must be whole."""
    from django.test import Client

    from gongshu.jobs.models import Job

    client, seen, together = Client(), [], 0
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        answer = client.get(f"/api/v1/datasets/{READ}/rows", {"limit": 1000, "sort": "编号"}).json()
        number = answer["version"]
        mark, rows = ROWS[number]
        names = [row["名称"] for row in answer["items"]]
        assert answer["total"] == rows, f"version {number} with {answer['total']} rows"
        assert names == [f"{mark}诊所{n}" for n in range(1, rows + 1)], f"version {number} holds other rows"
        about = client.get(f"/api/v1/datasets/{READ}").json()
        assert about["rows"] == ROWS[len(about["versions"])][1], "rows and versions differ"
        found = {item["name"]: item["rows"] for item in client.get("/api/v1/datasets").json()["items"]}
        assert all(found.get(name, BESIDE_ROWS) == BESIDE_ROWS for name in BESIDE), found
        seen.append(number)
        together = max(together, Job.objects.filter(state="running").count())
        if not Job.objects.filter(state__in=("queued", "running")).exists():
            break
    assert {1, 2} == set(seen), f"seen: {set(seen)}"
    assert seen == sorted(seen), "the old version came back"
    assert together == 2, "the workers did not work at once"
    assert set(found) == {*BESIDE, READ}
    states = list(Job.objects.values_list("state", flat=True))
    assert states == ["done"] * 4, states


def nothing_left() -> None:
    """The lake and the log are whole."""
    from gongshu.opening import store
    from gongshu.opening.sweep import sweep
    from gongshu.oversight.audit import verify_log

    assert sweep() == []
    for name in BESIDE:
        table = store.lake().public.table(name)
        assert table is not None
        assert table.scan().to_arrow().num_rows == BESIDE_ROWS
    assert verify_log().holds, verify_log().faults


def main() -> None:
    prepare()
    setup_test_environment()
    must(first_version, "first version")
    must(three_jobs, "asking")
    children = [begin(work), begin(work), begin(read)]
    ended = [os.waitpid(child, 0)[1] for child in children]
    if any(ended):
        print("FAILED workers and reader", ended, flush=True)
        sys.exit(1)
    must(nothing_left, "the end")
    print("held", flush=True)


if __name__ == "__main__":
    main()
