"""What of the opening somebody who leaves answers for: reports of readers that are not closed."""

from __future__ import annotations

from gongshu.opening.models import Problem
from gongshu.parties.handover import Holding, holding_source
from gongshu.parties.models import Organisation, Person


@holding_source
def reports(person: Person, organisation: Organisation) -> list[Holding]:
    """The open reports on the organisation's datasets that wait for this person."""
    held = Problem.objects.filter(assignee=person, dataset__provider=organisation).exclude(state=Problem.State.CLOSED)

    def pass_on(successor: Person) -> None:
        held.update(assignee=successor)

    titles = [f"{row.number} {row.dataset.title}" for row in held.select_related("dataset")]
    return [Holding("问题报告", titles, "problem.answer", pass_on)]
