"""What uploads say of a resource: where it stands, and what came."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.catalogue.models import Resource
from gongshu.catalogue.standing import Standing, Trace, standing_source, trace_source
from gongshu.gathering import queries
from gongshu.gathering.models import Upload
from gongshu.parties.models import Person
from gongshu.parties.permissions import may

LISTED = 20
State = Upload.State
STAGES = {
    State.RECEIVING: "uploaded",
    State.STORED: "uploaded",
    State.FAILED: "uploaded",
    State.INSPECTING: "inspecting",
    State.INSPECTED: "confirming",
}


@standing_source
def uploads(resources: Sequence[Resource]) -> dict[int, Standing]:
    """The latest upload of each resource that no draft has taken up."""
    found = queries.not_taken_up().filter(resource__in=resources)
    verbs = {
        State.RECEIVING: _("接着传"),
        State.STORED: _("去检视"),
        State.FAILED: _("看哪里读不懂"),
        State.INSPECTING: _("看进度"),
        State.INSPECTED: _("看检视结果"),
    }
    return {
        one.resource_id: Standing(
            STAGES[State(one.state)], one.created_at, verbs[State(one.state)], reverse("upload", args=[one.pk])
        )
        for one in found.order_by("created_at")
    }


@trace_source
def files(resource: Resource, person: Person) -> list[Trace]:
    """The files that came, for those who may see raw data."""
    if not may(person, "upload.see", resource.organisation):
        return []
    return [
        Trace(
            one.created_at,
            _("文件 %(name)s") % {"name": one.filename},
            str(one.get_state_display()),
            str(one.person),
            "" if one.state == State.DISCARDED else reverse("upload", args=[one.pk]),
        )
        for one in resource.uploads.select_related("person")[:LISTED]
    ]
