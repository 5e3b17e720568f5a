"""Who has a preview computed, and when: one job a draft, of the edition that is there; a newer edition supersedes it."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.db.models import F

from gongshu.governance import preview, protecting, quality_history
from gongshu.governance.models import Draft
from gongshu.i18n import gettext
from gongshu.jobs import actions as jobs
from gongshu.jobs.models import Job
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.permissions import check_may
from gongshu.tables.contract import load_contract

AT_ONCE = 100  # drafts looked at in one round
OPEN = (Job.State.QUEUED, Job.State.RUNNING)


def job_of(draft: Draft) -> Job | None:
    """The preview job that runs, or ran last."""
    return Job.objects.filter(pk=draft.job, kind="preview").first() if draft.job else None


def ensure(draft: Draft) -> Job | None:
    """Have the present edition computed unless it is, or is being; returns the job that tells how it stands.

    A job that was cancelled or failed is not begun again by itself: :func:`again` does that.
    """
    if draft.checked_edition == draft.edition and preview.path_of(draft, draft.edition).exists():
        return None
    job = job_of(draft)
    if draft.state != Draft.State.EDITING:
        return job
    if _carried(draft):
        return None
    if job is not None:
        stopped = job.state in (Job.State.FAILED, Job.State.CANCELLED) and job.params["edition"] == draft.edition
        if stopped or job.state in OPEN:  # one of an older edition sees by itself that it is superseded
            return job
    return _begin(draft)


def again(actor: Person, draft: Draft) -> Job | None:
    """A steward has it computed once more after it was cancelled or failed."""
    check_may(actor, "draft.edit", draft.resource.organisation)
    job = job_of(draft)
    return job if job is not None and job.state in OPEN else _begin(draft)


def checked(draft: Draft, edition: int, document: dict[str, Any], figures: dict[str, Any]) -> bool:
    """The job's last step: the file is kept, the draft has the figures; False when the edition is no longer this one."""
    preview.keep(draft, document)
    figures, run = {name: value for name, value in figures.items() if name != "run"}, figures.get("run")
    with transaction.atomic():
        current = Draft.objects.filter(pk=draft.pk, edition=edition, upload=draft.upload)
        held = bool(current.update(checked=figures, checked_edition=edition))
        if held:
            if run:
                quality_history.keep_run(draft, run)
            log.append("system", "draft.check", f"draft:{draft.id}", edition=edition, rows=figures["rows_after"])
    if held:
        preview.forget(draft, but=edition)
    else:
        preview.path_of(draft, edition).unlink(missing_ok=True)
    return held


def settle() -> None:
    """Begin the previews of drafts in which every column is decided; forget those of drafts that are over."""
    behind = Draft.objects.filter(state=Draft.State.EDITING).exclude(checked_edition=F("edition"))
    for draft in behind.select_related("resource", "upload").order_by("edited_at")[:AT_ONCE]:
        if not protecting.undecided(draft):
            ensure(draft)
    for draft in Draft.objects.filter(state=Draft.State.CLOSED).exclude(checked_edition=0).select_related("upload"):
        preview.forget(draft)
        Draft.objects.filter(pk=draft.pk, state=Draft.State.CLOSED).update(checked_edition=0)


def _carried(draft: Draft) -> bool:
    """Keep the preview of the last edition when nothing that it depends on has changed since."""
    old = preview.path_of(draft, draft.checked_edition)
    if not draft.checked_edition or not old.exists():
        return False
    if draft.checked.get("fingerprint") != preview.fingerprint(draft, load_contract(draft.contract)):
        return False
    document = json.loads(old.read_text(encoding="utf-8")) | {"edition": draft.edition}
    if not checked(draft, draft.edition, document, draft.checked):
        return False
    draft.checked_edition = draft.edition
    return True


def _begin(draft: Draft) -> Job | None:
    try:
        job = jobs.enqueue(
            "system",
            "preview",
            gettext("预览 {title}", title=draft.resource.name),
            {"draft": str(draft.id), "edition": draft.edition},
            lock=f"draft:{draft.id}",
            organisation=draft.resource.organisation_id,
        )
    except jobs.JobConflict:  # somebody else asked at the same moment
        return Job.objects.filter(lock=f"draft:{draft.id}").first()
    Draft.objects.filter(pk=draft.pk).update(job=job.pk)
    draft.job = job.pk
    return job
