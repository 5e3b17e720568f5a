"""The before and after of a submission for whoever decides on it."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from gongshu.governance import figures, preview
from gongshu.governance.models import Draft
from gongshu.governance.sample import sample
from gongshu.opening.models import Submission
from gongshu.oversight import access
from gongshu.parties.permissions import may, person_of
from gongshu.tables.contract import load_contract
from gongshu.tables.identifiers import beyond_limits

register = template.Library()


@register.inclusion_tag("opening/submission_sample_tables.html", takes_context=True)
def submission_sample(context: dict[str, Any], row: Submission) -> dict[str, Any]:
    """Both sides for who may see the uploads of the organisation, the public side alone for everybody else here.

    Only while the submission waits: afterwards the draft may be another one, and the sample of a published version is gone.
    """
    draft, request = row.draft, context["request"]
    if not _waits(row):
        return {"document": None}
    document = preview.read(draft)
    if document is None:
        return {"document": None, "missing": True}
    person = person_of(request)
    both = may(person, "upload.see", row.organisation)
    plain = both and "plain" in request.GET
    if plain:
        access.record("upload.see", f"draft:{draft.id}", person=person.actor_id, submission=str(row.pk))
    number = request.GET.get("set", "0")
    shown = sample(document, int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0, plain)
    here = reverse("submission", args=[row.pk])
    turned = bool(shown.following) or "set" in request.GET
    return {
        "document": document,
        "checked": draft.checked,
        "sample": shown,
        "only_after": not both,
        "veil_url": f"{here}?plain=1&set={number if number.isdigit() else 0}",
        "next_url": f"{here}?set={shown.following}" if turned else "",
    }


@register.inclusion_tag("governance/protect_figures.html")
def submission_figures(row: Submission) -> dict[str, Any]:
    """The risk, the groups, and, while the submission waits, what is lost and what other ways would bring: no data value."""
    after = row.risk.get("after")
    found: dict[str, Any] = {
        "risk": row.risk,
        "groups": figures.groups(row.risk),
        "refused": beyond_limits(after),
        "limits": figures.limits_in_words(after),
    }
    document = preview.read(row.draft) if _waits(row) else None
    if document:
        found["lost"] = figures.losses(row.draft.checked, document["means"])
        found["cost"] = figures.cost(row.draft.checked)
        found["ways"] = figures.ways(document["variants"], load_contract(row.contract))
    return found


def _waits(row: Submission) -> bool:
    return row.state in ("department", "platform") and row.draft.state == Draft.State.SUBMITTED
