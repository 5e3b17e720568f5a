"""Kill -9 and look: a fresh process that loads everything once, then forks a publisher per round and kills it.

usage: python -m tests.killing points | python -m tests.killing random ROUNDS SEED
Every round ends with a check in a process of its own: the visible version is the old or the new one, whole.
Exit status 0 when every round held; what failed is printed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

POINTS = (
    "read raw raw.committed check protect commit public.committed serve served release released "
    "index withdraw withdrawn"
).split()
DATA = Path(os.environ["GONGSHU_DATA"])
ROWS = {"甲": 400, "乙": 700}
LET_THROUGH = 15


def publish_next() -> None:
    """What a worker does after its start: sweep, finish what was begun, then publish the file whose turn it is."""
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.actions import request_publish
    from gongshu.opening.models import Version
    from gongshu.opening.sweep import UNFINISHED, sweep
    from gongshu.tables.contract import dump_contract
    from tests.publishing import NAME, TESTER, contract, write_file

    load_kinds()
    sweep()
    if not Job.objects.filter(state__in=UNFINISHED).exists():
        mark = "甲" if Version.objects.count() % 2 == 0 else "乙"
        file = write_file(DATA / f"{mark}.csv", ROWS[mark], mark)
        request_publish(TESTER, file, dump_contract(contract()), NAME)
    limit = time.monotonic() + 30
    while Job.objects.filter(state__in=UNFINISHED).exists() and time.monotonic() < limit:
        run_one(owner_name()) or time.sleep(0.05)
    sweep()


def withdraw_newest() -> None:
    """Withdraw the current version."""
    from gongshu.opening.actions import withdraw
    from gongshu.opening.models import Dataset
    from gongshu.opening.sweep import sweep
    from tests.publishing import NAME, TESTER

    dataset = Dataset.objects.get(name=NAME)
    if dataset.current:
        withdraw(TESTER, NAME, "测试", dataset.current.number)
    sweep()


def check() -> None:
    """What is visible is whole: the row, its serving copy, its snapshot and its tag say the same."""
    import duckdb

    from gongshu.opening import store
    from gongshu.opening.models import Dataset
    from tests.publishing import NAME

    dataset = Dataset.objects.filter(name=NAME).first()
    version = dataset.current if dataset else None
    if version is None:
        return
    with duckdb.connect(str(DATA / version.serving), read_only=True) as con:
        names = con.execute("SELECT 名称, 编号 FROM rows ORDER BY 编号").fetchall()
    mark = names[0][0][0]
    assert len(names) == version.rows == ROWS[mark], "the serving copy is not whole"
    assert names == [(f"{mark}诊所{n}", n) for n in range(1, ROWS[mark] + 1)], "old and new are mixed"
    table = store.lake().public.table(NAME)
    assert table is not None
    assert str(table.metadata.refs[f"v{version.number}"].snapshot_id) == version.snapshot
    assert table.scan(snapshot_id=int(version.snapshot)).to_arrow().num_rows == version.rows


def check_progress() -> None:
    """The kills were not all that happened: publications came through between them."""
    from gongshu.opening.models import Version

    assert Version.objects.count() > 5, f"only {Version.objects.count()} versions"


def check_nothing_orphaned() -> None:
    """After a start that found nothing to do: everything on disk belongs to a row."""
    from gongshu.opening import store
    from gongshu.opening.models import Version
    from gongshu.opening.sweep import sweep
    from gongshu.oversight import heads
    from gongshu.oversight.audit import verify_log
    from tests.publishing import NAME

    check()
    assert sweep() == [], "a second sweep found something"
    published = Version.objects.filter(state="published")
    jobs = {str(job) for job in published.values_list("job", flat=True)}
    assert store.lake().public.contents() == {(NAME, job) for job in jobs}
    files = {path.relative_to(DATA).as_posix() for path in (DATA / "serving").rglob("*") if path.is_file()}
    assert files == set(published.values_list("serving", flat=True))
    for name in ("incoming", "staging"):
        assert list((DATA / name).iterdir()) == [], name
    tables = [store.lake().public.table(NAME)] if jobs else []
    for table in tables:
        assert table is not None
        used = {
            task.file.file_path.removeprefix("file://")
            for s in table.snapshots()
            for task in table.scan(snapshot_id=s.snapshot_id).plan_files()
        }
        on_disk = {str(path) for path in (DATA / "lake" / "public").rglob("*.parquet")}
        assert on_disk == used, "a data file that no snapshot names"
    heads.sign_head()
    assert verify_log().holds, verify_log().faults


def in_child(work: Callable[[], object], kill_after: float | None = None, **environment: str) -> int:
    """Run ``work`` in a fork; kill it after some seconds; returns the wait status."""
    child = begin(work, **environment)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def killed(point: str, work: Callable[[], object]) -> None:
    """Let ``work`` happen in a fork that has to die at ``point``."""
    from django.db import connection

    connection.close()  # no fork may have it from here
    status = in_child(work, GONGSHU_CRASH_AT=point)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"not killed at {point}"


def begin(work: Callable[[], object], **environment: str) -> int:
    """Begin ``work`` in a fork; returns its process id."""
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def must(work: Callable[[], None], what: str) -> None:
    """Run ``work`` in a fork that has to succeed."""
    if in_child(work) != 0:
        print("FAILED", what, flush=True)
        sys.exit(1)


def by_points() -> None:
    """Die at every named point of a publication and of a withdrawal, look, start again, look again."""
    must(publish_next, "first publication")
    for point in POINTS:
        work = withdraw_newest if point.startswith("withdraw") else publish_next
        status = in_child(work, GONGSHU_CRASH_AT=point)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            print("FAILED", point, "was never reached", flush=True)
            sys.exit(1)
        must(check, f"after the kill at {point}")
        time.sleep(1.1)  # the lease runs out
        must(publish_next, f"start after the kill at {point}")
        must(check_nothing_orphaned, f"second start after the kill at {point}")
        print(point, "held", flush=True)


def at_random(rounds: int, seed: int) -> None:
    """Die anywhere, ``rounds`` times; one publication in fifteen is let through, and tells how long one takes just now."""
    rng = random.Random(seed)
    must(publish_next, "first publication")
    usual = 0.0
    for number in range(rounds):
        if number % LET_THROUGH == 0:
            began = time.monotonic()
            must(publish_next, f"publication before round {number}")
            usual = time.monotonic() - began
        in_child(publish_next, kill_after=rng.uniform(0, usual * 1.1))
        must(check, f"round {number}")
    time.sleep(1.1)
    must(publish_next, "start after all")
    must(check_nothing_orphaned, "second start after all")
    must(check_progress, "progress")
    print(f"{rounds} rounds held, a publication takes {usual:.2f} s here", flush=True)


def prepare() -> None:
    """Set Django up, make the database, and load once, before the forks, what they all need."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "gongshu.site.settings"
    import django

    django.setup()
    from django.core.management import call_command

    def migrate() -> None:  # in a fork: no connection may be open when the others are made
        call_command("migrate", verbosity=0)

    must(migrate, "migrate")
    import ibis  # noqa: F401
    import pyiceberg.catalog.sql  # noqa: F401

    import gongshu.lake.zones
    import gongshu.opening.tasks
    import gongshu.tables.checks
    import gongshu.tables.protect
    import gongshu.tables.reading  # noqa: F401


def main() -> None:
    prepare()
    if sys.argv[1] == "points":
        by_points()
    else:
        at_random(int(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()
