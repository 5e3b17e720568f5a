"""Kill -9 a worker that computes private figures, and whoever rotates a key, and look: paid for once, on record once.

usage: python -m tests.killing_custody (with GONGSHU_DATA set, OpenDP's environment in it); exit status 0 when every point held.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from tests import owners
from tests.killing import killed

POINTS = ("read", "count", "figures.keep", "figures.kept")


def main() -> int:
    """Each point once, on figures of their own; then a rotation that is killed between its file and its event."""
    steward, dataset = owners.register()
    from gongshu.custody import figures

    for done, point in enumerate(POINTS, 1):
        row = figures.ask_figures(steward, dataset, {"kind": "count"}, 0.2, "年度报告")
        killed(point, work)
        work()
        row.refresh_from_db()
        assert row.state == "done", (point, row.state, row.error)
        assert abs(figures.budget_of(dataset)[1] - 0.2 * done) < 1e-9, point
        assert owners.events("figures.release") == owners.events("figures.ask") == done, point
    rotations()
    return 0


def rotations() -> None:
    """A key without an event is put on record, once."""
    from gongshu import clock
    from gongshu.custody import keys
    from gongshu.oversight.audit import verify_log
    from tests import people

    guard = people.person("guard", "security")
    killed("key.added", lambda: keys.rotate(guard, "每年更换"))
    assert [one.number for one in keys.versions()] == [2, 1] and owners.events("key.rotate") == 0
    assert keys.note_unlogged() == []  # it may still be on its way
    with clock.at(clock.now() + timedelta(minutes=2)):
        assert keys.note_unlogged() == [2] and keys.note_unlogged() == []
    assert keys.rotate(guard, "再换一次") == 3
    assert owners.events("key.rotate") == 2 and verify_log().holds


def work() -> None:
    """A worker that finds the lease of the killed one run out."""
    from gongshu import clock
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one

    Job.objects.filter(state="running").update(lease_until=clock.now() - timedelta(seconds=1))
    while run_one(owner_name()):
        pass


if __name__ == "__main__":
    sys.exit(main())
