"""Kill -9 a worker that computes private figures, and whoever rotates a key, and look: paid for once, on record once.

usage: python -m tests.killing_custody (with GONGSHU_DATA set, OpenDP's environment in it); exit status 0 when every point held.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from tests.killing import killed

POINTS = ("read", "count", "figures.keep", "figures.kept")


def main() -> int:
    """Each point once, on figures of their own; then a rotation that is killed between its file and its event."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests import people

    call_command("migrate", verbosity=0)
    from gongshu.custody import figures
    from gongshu.jobs.worker import load_kinds
    from gongshu.opening.models import Dataset
    from tests.integration.test_custody import register

    load_kinds()
    register("owners", "编号", "法人证件号", ids=[f"31010419900307{n:04d}" for n in range(60)])
    dataset = Dataset.objects.get(name="owners")
    steward = people.person("steward", "steward", dataset.provider)
    for done, point in enumerate(POINTS, 1):
        row = figures.ask_figures(steward, dataset, {"kind": "count"}, 0.2, "年度报告")
        killed(point, work)
        work()
        row.refresh_from_db()
        assert row.state == "done", (point, row.state, row.error)
        assert abs(figures.budget_of(dataset)[1] - 0.2 * done) < 1e-9, point
        assert events("figures.release") == events("figures.ask") == done, point
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
    assert [one.number for one in keys.versions()] == [2, 1] and events("key.rotate") == 0
    assert keys.note_unlogged() == []  # it may still be on its way
    with clock.at(clock.now() + timedelta(minutes=2)):
        assert keys.note_unlogged() == [2] and keys.note_unlogged() == []
    assert keys.rotate(guard, "再换一次") == 3
    assert events("key.rotate") == 2 and verify_log().holds


def work() -> None:
    """A worker that finds the lease of the killed one run out."""
    from gongshu import clock
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one

    Job.objects.filter(state="running").update(lease_until=clock.now() - timedelta(seconds=1))
    while run_one(owner_name()):
        pass


def events(action: str) -> int:
    """How many events of the log say so."""
    from gongshu.oversight.models import Event

    return Event.objects.filter(action=action).count()


if __name__ == "__main__":
    sys.exit(main())
