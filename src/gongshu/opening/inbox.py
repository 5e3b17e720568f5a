"""What of the opening waits for people: decisions."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.opening import submissions
from gongshu.opening.models import Submission
from gongshu.parties.inbox import Waiting, waiting_source
from gongshu.parties.models import Person
from gongshu.parties.permissions import may
from gongshu.tables.contract import load_contract


@waiting_source
def decisions(person: Person) -> list[Waiting]:
    """Submissions that this person may decide."""
    found = Submission.objects.filter(state__in=submissions.OPEN).select_related("organisation", "draft__upload")
    return [
        Waiting(
            _("审核《%(title)s》") % {"title": load_contract(row.contract).title},
            _("去决定"),
            reverse("submission", args=[row.id]),
            row.step_since,
            row.due_at,
        )
        for row in found
        if may(person, submissions.NEEDED[Submission.State(row.state)], row.organisation)
        and person.pk not in submissions.own_workers(row)
    ]
