"""What of the questions and answers waits for people: cases to be answered, what was made with the data to be looked at."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.feedback.models import Reuse
from gongshu.feedback.permissions import COMPLAINT, visible_to
from gongshu.feedback.policies import OPEN
from gongshu.parties.inbox import Waiting, waiting_source
from gongshu.parties.models import Person
from gongshu.parties.permissions import may


@waiting_source
def cases(person: Person) -> list[Waiting]:
    """Open cases of this person's organisations; what nobody has yet waits for the platform operator."""
    places = list(person.memberships.filter(ended=None).values_list("organisation", flat=True))
    found = visible_to(person).filter(state__in=OPEN)
    rows = [
        row
        for row in found.filter(organisation__in=places) | found.filter(organisation=None)
        if may(person, "case.answer", row.organisation or 0)
    ]
    return [
        Waiting(
            _("答复%(kind)s %(number)s：%(title)s")
            % {"kind": _(row.get_kind_display()), "number": row.number, "title": row.title},
            _("去办理"),
            reverse("case", args=[row.number]),
            row.since,
            row.due_at,
        )
        for row in rows
    ]


@waiting_source
def complaints(person: Person) -> list[Waiting]:
    """Complaints that this person may handle; their words stay on their own page."""
    if not may(person, COMPLAINT):
        return []
    return [
        Waiting(
            _("办理投诉举报 %(number)s") % {"number": row.number},
            _("去办理"),
            reverse("complaint", args=[row.number]),
            row.since,
            row.due_at,
        )
        for row in visible_to(person, complaints=True).filter(state__in=OPEN)
    ]


@waiting_source
def reuses(person: Person) -> list[Waiting]:
    """What was made with the data, to be looked at by the platform operator."""
    if not may(person, "reuse.check"):
        return []
    return [
        Waiting(
            _("核对应用成果《%(title)s》") % {"title": row.title},
            _("去核对"),
            reverse("reuse_checks"),
            row.offered_at,
            row.due_at,
        )
        for row in Reuse.objects.filter(state=Reuse.State.WAITING)
    ]
