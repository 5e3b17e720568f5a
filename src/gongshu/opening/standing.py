"""What the opening says of a resource: its draft, its submissions, the version that is out and whether its promise is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu import clock
from gongshu.catalogue.models import Resource
from gongshu.catalogue.standing import Standing, Trace, standing_source, trace_source
from gongshu.governance.models import Draft
from gongshu.opening import submissions, terms
from gongshu.opening.models import Dataset, Submission, Version
from gongshu.opening.queries import SLACK_DAYS
from gongshu.parties.models import Person
from gongshu.parties.permissions import may

LISTED = 20


@standing_source
def drafts(resources: Sequence[Resource]) -> dict[int, Standing]:
    """Drafts being prepared."""
    found = Draft.objects.filter(state=Draft.State.EDITING, resource__in=resources).only(
        "id", "resource_id", "edited_at"
    )
    return {
        one.resource_id: Standing("confirming", one.edited_at, _("继续准备"), reverse("draft", args=[one.pk]))
        for one in found
    }


@standing_source
def in_review(resources: Sequence[Resource]) -> dict[int, Standing]:
    """Submissions before their approvers, or being published."""
    states = [*submissions.OPEN, Submission.State.PUBLISHING]
    found = Submission.objects.filter(state__in=states, resource__in=resources)
    return {
        one.resource_id: Standing("submitted", one.submitted_at, _("看送审件"), reverse("submission", args=[one.pk]))
        for one in found.only("id", "resource_id", "submitted_at")
    }


@standing_source
def out(resources: Sequence[Resource]) -> dict[int, Standing]:
    """The version that is out, late when the promised update has not come."""
    found = Dataset.objects.filter(resource__in=resources, current__isnull=False).select_related("current")
    made = {}
    for one in found:
        assert one.current is not None
        days = terms.frequency(one.update_frequency).days
        due = one.current.published_at + timedelta(days=days + SLACK_DAYS) if days else None
        stage = "late" if due and clock.now() > due else "open"
        address = reverse("dataset", args=[one.name])
        assert one.resource_id is not None
        made[one.resource_id] = Standing(
            stage, one.current.published_at, _("看数据集"), address, one.current.number, due
        )
    return made


@trace_source
def history(resource: Resource, person: Person) -> list[Trace]:
    """The open draft, the submissions as far as the person may see them, the versions."""
    made = [
        Trace(
            one.edited_at,
            _("工作稿"),
            str(one.get_state_display()),
            str(one.edited_by),
            reverse("draft", args=[one.pk]),
        )
        for one in resource.drafts.filter(state=Draft.State.EDITING).select_related("edited_by")
    ]
    if may(person, "submission.see", resource.organisation):
        made += [
            Trace(
                one.submitted_at,
                _("送审"),
                str(one.get_state_display()),
                str(one.submitted_by),
                reverse("submission", args=[one.pk]),
            )
            for one in Submission.objects.filter(resource=resource).select_related("submitted_by")[:LISTED]
        ]
    made += [
        Trace(
            one.published_at,
            _("第 %(n)s 版") % {"n": one.number},
            _(one.get_state_display()),
            "",
            reverse("dataset_version", args=[one.dataset.name, one.number]),
        )
        for one in Version.objects.filter(dataset__resource=resource).select_related("dataset")[:LISTED]
    ]
    return made
