"""What of the uploads waits for people: files that are inspected, that could not be read, or that did not come whole."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.gathering.models import Upload
from gongshu.gathering.queries import not_taken_up
from gongshu.parties.inbox import Waiting, waiting_source
from gongshu.parties.models import Person
from gongshu.parties.permissions import may

State = Upload.State
LISTED = 50


@waiting_source
def next_steps(person: Person) -> list[Waiting]:
    """The person's uploads that no draft has taken up."""
    said = {
        State.RECEIVING: (_("%(file)s 还没有传完"), _("接着传")),
        State.STORED: (_("%(file)s 已收到，还没有检视"), _("去检视")),
        State.INSPECTED: (_("%(file)s 检视好了"), _("看检视结果")),
        State.FAILED: (_("%(file)s 读不懂"), _("看原因")),
    }
    found = not_taken_up().filter(person=person, state__in=list(said))
    return [
        Waiting(
            said[State(one.state)][0] % {"file": one.filename},
            said[State(one.state)][1],
            reverse("upload", args=[one.pk]),
            one.stored_at or one.created_at,
        )
        for one in found.select_related("resource__organisation")[:LISTED]
        if may(person, "upload.make", one.resource.organisation)
    ]
