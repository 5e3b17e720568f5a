"""Fill the disk while private figures are asked for and computed, and while a key is rotated, and look: nothing without the other.

usage: python -m tests.filling_custody (with GONGSHU_DATA on a small disk of its own, OpenDP's environment in it); exit status 0 when
every round held. The database is on that disk too: what a full disk does to a transaction is the point.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from tests import owners

DATA = Path(os.environ["GONGSHU_DATA"])
KB = 1024
PAGE = 4 * KB
EPSILON = 0.01
# KB that are left: a request writes about 50, figures and their event 30, a rotation 40
ROOMS = (0, 16, 32, 48, 512)
KEY_ROOMS = (0, 4, 8, 16, 24, 32, 512)


def main() -> int:
    """Rounds with less and more room, before the request and in the middle of the work; then rotations."""
    steward, dataset = owners.register()
    from gongshu.custody import figures
    from tests import people

    figures.set_budget(people.person("guard", "security"), dataset, 100.0, "试磁盘写满")
    seen = {"asked": asked_without_room(steward, dataset), "kept": computed_without_room(steward, dataset)}
    for name, ends in seen.items():
        assert ends == {True, False}, (name, ends)  # some rounds failed for want of room, and some did not
    rotations()
    return 0


def asked_without_room(steward: object, dataset: object) -> set[bool]:
    """What is refused has cost nothing and is nowhere; what is not, is paid for and on record."""
    from gongshu.custody import figures
    from gongshu.custody.models import PrivateRelease
    from gongshu.jobs.models import Job
    from gongshu.tables.errors import TableError

    ends = set()
    for room in ROOMS:
        spent, asked = figures.budget_of(dataset)[1], owners.events("figures.ask")
        counts = (PrivateRelease.objects.count(), Job.objects.count())
        done = True
        with full(room):
            try:
                figures.ask_figures(steward, dataset, {"kind": "count"}, EPSILON, "年度报告")
            except TableError as error:
                assert error.code == "disk_full" and "数据未变" in str(error), error
                done = False
        ends.add(done)
        paid = figures.budget_of(dataset)[1] - spent
        assert abs(paid - EPSILON * done) < 1e-9 and owners.events("figures.ask") == asked + done, room
        assert (PrivateRelease.objects.count(), Job.objects.count()) == (counts[0] + done, counts[1] + done), room
    finish(dataset)
    return ends


def computed_without_room(steward: object, dataset: object) -> set[bool]:
    """The disk fills at each step of the work, with less and more room: in the end there are figures and their event, once, or
    the budget is back and that is on record."""
    from django.db import DatabaseError

    from gongshu.custody import figures
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one

    ends = set()
    for step, rooms in (("read", ROOMS[:1]), ("count", ROOMS)):
        for room in rooms:
            row = figures.ask_figures(steward, dataset, {"kind": "count"}, EPSILON, "年度报告")
            with full(None) as fill:
                with suppress(DatabaseError):  # the state of the job could not be kept: its lease runs out
                    run_one(
                        owner_name(),
                        only=Job.objects.get(pk=row.job),
                        watch=lambda name, _part, at=step, kb=room, fill=fill: fill(kb) if name == at else None,
                    )
                row.refresh_from_db()
                early = row.state
            finish(dataset)
            row.refresh_from_db()
            assert row.state in ("done", "failed") and (early in ("waiting", row.state)), (step, room, early, row.state)
            assert (row.state == "done") == bool(row.result), (step, room)
            ends.add(early == "done")
    return ends


def finish(dataset: object) -> None:
    """There is room again: whatever waits comes to an end; then figures, budget and log say the same."""
    from gongshu import clock
    from gongshu.custody import figures
    from gongshu.custody.models import PrivateRelease
    from gongshu.custody.tasks import settle_figures
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one
    from gongshu.oversight.audit import verify_log

    Job.objects.filter(state="running").update(lease_until=clock.now() - timedelta(seconds=1))
    while run_one(owner_name()):
        pass
    settle_figures()
    states = [(row.state, bool(row.result)) for row in PrivateRelease.objects.all()]
    assert {state for state, _told in states} <= {"done", "failed"}, states
    done = states.count(("done", True))
    assert done + states.count(("failed", False)) == len(states) == owners.events("figures.ask"), states
    assert owners.events("figures.release") == done and owners.events("figures.fail") == len(states) - done, states
    assert abs(figures.budget_of(dataset)[1] - EPSILON * done) < 1e-9
    assert not list((DATA / "staging").glob("figures-*")) and verify_log().holds


def rotations() -> None:
    """A rotation that fails leaves no key, or a key that comes on record with who made it and why."""
    from gongshu import clock
    from gongshu.custody import keys
    from gongshu.oversight import log
    from gongshu.oversight.audit import verify_log
    from gongshu.oversight.models import Event
    from gongshu.tables.errors import TableError
    from tests import people

    guard = people.person("keeper", "security")
    folder, codes = DATA / "keys", set()
    for room in KEY_ROOMS:
        before, files = len(keys.versions()), names(folder)
        with full(room):
            try:
                code, made = "", keys.rotate(guard, f"剩 {room} KB 时更换")
                assert made == before + 1
            except TableError as error:
                code = error.code
        codes.add(code)
        assert len(keys.versions()) == before + (code != "disk_full"), (room, code)
        if code == "disk_full":
            assert names(folder) == files, (room, names(folder) - files)
        with clock.at(clock.now() + timedelta(minutes=2)):
            assert keys.note_unlogged() == ([before + 1] if code == "key_unlogged" else []), (room, code)
        rotated = Event.objects.filter(action="key.rotate").order_by("-index")
        assert rotated.count() == len(keys.versions()) - 1, room
        if code != "disk_full":
            last = rotated[0]
            assert last.actor == guard.actor_id and log.details_of(last)["reason"] == f"剩 {room} KB 时更换", room
        assert not [name for name in names(folder) if name.startswith(".")], room
    assert codes == {"", "disk_full", "key_unlogged"}, codes
    assert verify_log().holds


def names(folder: Path) -> set[str]:
    """The files in a folder, but for locks, which stay."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


@contextmanager
def full(room: int | None) -> Iterator[object]:
    """The disk has ``room`` KB left (None: as much as it has, until what is yielded is called with a number). The database's
    journal is empty before, so that whatever is written needs room."""
    from django.db import connection

    filler = DATA / "filler"

    def fill(left: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with filler.open("wb") as file:
            pages = (shutil.disk_usage(DATA).free - left * KB) // PAGE
            file.write(bytes(max(0, pages) * PAGE))

    try:
        if room is not None:
            fill(room)
        yield fill
    finally:
        filler.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
