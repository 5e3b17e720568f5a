"""What of the opening waits for people: decisions, reports of readers, updates that were promised."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.opening import promises, submissions
from gongshu.opening.models import Offer, Problem, Submission
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


@waiting_source
def offered(person: Person) -> list[Waiting]:
    """Offers of data that this person may decide."""
    if not may(person, "offer.decide", 0):
        return []
    return [
        Waiting(
            _("答复提供《%(title)s》的申请") % {"title": row.title},
            _("去决定"),
            reverse("offer", args=[row.number]),
            row.made_at,
            row.due_at,
        )
        for row in Offer.objects.filter(state=Offer.State.OPEN)
    ]


@waiting_source
def reports(person: Person) -> list[Waiting]:
    """Reports of readers that this person is asked to answer: her own, and those that nobody has."""
    found = Problem.objects.filter(state=Problem.State.OPEN).select_related("dataset__provider", "assignee")
    found = found.filter(Q(assignee=person) | Q(assignee=None) | Q(assignee__is_active=False))
    return [
        Waiting(
            _("答复《%(title)s》的问题报告 %(number)s") % {"title": row.dataset.title, "number": row.number},
            _("去答复"),
            reverse("problem", args=[row.number]),
            row.reported_at,
            row.due_at,
        )
        for row in found
        if may(person, "problem.answer", row.dataset.provider)
    ]


@waiting_source
def updates(person: Person) -> list[Waiting]:
    """Datasets of this maintainer whose promised update is near or late."""
    return [
        Waiting(
            _("更新《%(title)s》") % {"title": one.dataset.title},
            _("去更新"),
            reverse("upload_new", args=[one.dataset.resource_id]),
            promises.since(one),
            one.due,
        )
        for one in promises.of_maintainer(person)
        if may(person, "upload.make", one.dataset.provider)
    ]
