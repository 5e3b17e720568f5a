"""Kill -9 a worker in the middle of a preview, and look: the next one finishes it, and nothing is left of the first.

usage: python -m tests.killing_preview (with GONGSHU_DATA set); exit status 0 when every point held.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from tests.killing import killed

POINTS = ("read", "check", "protect", "risk", "compare", "keep", "preview.kept")


def main() -> int:
    """Each point once, on the next edition of one draft."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests import people, walk
    from tests.residents import residents

    call_command("migrate", verbosity=0)
    where = people.organisation()
    steward = people.person("steward", "steward", where)
    from gongshu.governance.actions import begin

    draft = begin(steward, walk.uploaded(steward, walk.resource_of(steward, where, "allowances"), residents(80)))
    for point in POINTS:
        draft = _next_edition(draft, steward)
        killed(point, _work)
        _check(draft.pk, finished=False)
        _work()
        _check(draft.pk, finished=True)
    return 0


def _next_edition(draft: Any, steward: Any) -> Any:
    from gongshu.governance import checking
    from gongshu.governance.actions import change
    from gongshu.tables.contract import Protection

    def other(row: Any, contract: Any) -> None:
        width = 100 + row.edition
        contract.fields[-1].protection = Protection("generalise_number", {"width": width})

    changed = change(steward, draft, draft.edition, "protect", other)
    assert checking.ensure(changed) is not None
    return changed


def _work() -> None:
    from gongshu import clock
    from gongshu.jobs.models import Job
    from gongshu.jobs.runner import owner_name, run_one

    Job.objects.filter(state="running").update(lease_until=clock.now() - timedelta(seconds=1))
    while run_one(owner_name()):
        pass


def _check(key: Any, *, finished: bool) -> None:
    """The row and the file tell of the same edition, or there is neither; half a file never shows."""
    from gongshu.governance import preview
    from gongshu.governance.models import Draft

    draft = Draft.objects.select_related("upload").get(pk=key)
    found = preview.read(draft)
    if not finished:
        assert found is None, "a preview shows that was not finished"
        return
    assert found is not None and found["edition"] == draft.edition
    left = [path.name for path in preview.path_of(draft, 0).parent.glob("preview*")]
    assert left == [preview.path_of(draft, draft.edition).name], left


if __name__ == "__main__":
    sys.exit(main())
