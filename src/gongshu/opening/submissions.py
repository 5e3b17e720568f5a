"""From a draft to a version: submitting, deciding, and what becomes of the publishing job."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse

from gongshu import clock, deadlines
from gongshu.gathering import store as uploads
from gongshu.governance.models import Draft
from gongshu.i18n import gettext
from gongshu.jobs import actions as jobs
from gongshu.jobs.models import Job
from gongshu.opening import policies, store
from gongshu.opening.models import Dataset, Decision, Submission, Version
from gongshu.oversight import log
from gongshu.parties.models import Organisation, Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import Actor, check_may, people_who_may
from gongshu.tables.contract import dump_contract, load_contract
from gongshu.tables.errors import TableError

State = Submission.State
NEEDED = {State.DEPARTMENT: "submission.decide", State.PLATFORM: "submission.decide_first"}
OPEN = (State.DEPARTMENT, State.PLATFORM)


def submit(actor: Person, draft: Draft, edition: int, note: str = "") -> Submission:
    """Freeze the draft as its steward saw it (``edition``) and put it before the approvers of the organisation.

    TableError names what is still open: a field without a decision, a missing word, a risk above the threshold.
    """
    with transaction.atomic():
        row = Draft.objects.select_for_update().select_related("resource__organisation", "upload").get(pk=draft.pk)
        resource = row.resource
        check_may(actor, "submission.make", resource.organisation)
        if row.state != Draft.State.EDITING:
            raise TableError("draft_closed", "这份工作稿已经送审或结束，不能再送")
        if row.edition != edition:
            raise TableError("draft_changed", "{name}刚改过这份工作稿，请看过再送审", name=str(row.edited_by))
        contract = load_contract(row.contract)
        contract.provider = resource.organisation.name
        contract.name = resource.slug
        policies.check_submittable(row, contract)
        dataset = Dataset.objects.filter(name=resource.slug).select_related("current").first()
        now = clock.now()
        # society has no approver of its own: the platform checks every version of what it gives
        step = State.PLATFORM if resource.organisation.kind == Organisation.Kind.SOCIETY else State.DEPARTMENT
        made = Submission.objects.create(
            draft=row,
            resource=resource,
            organisation=resource.organisation,
            dataset=resource.slug,
            contract=dump_contract(contract),
            patches=list(row.patches.filter(undone_at=None).values("row", "column", "value")),
            base=dataset.current if dataset else None,
            first=dataset is None or not dataset.versions.exists(),
            risk=row.checked.get("risk") or {},
            quality=row.checked.get("quality") or {},
            note=note.strip(),
            state=step,
            submitted_by=actor,
            submitted_at=now,
            step_since=now,
            due_at=deadlines.due("opening", step, now),
        )
        row.state = Draft.State.SUBMITTED
        row.save(update_fields=["state"])
        log.append(
            actor.actor_id,
            "submission.make",
            f"submission:{made.id}",
            dataset=made.dataset,
            contract_sha256=_sha256(made.contract),
            patches=len(made.patches),
        )
        _ask(made)
    return made


def take_back(actor: Person, submission: Submission) -> None:
    """The steward takes a submission back before it is decided; the draft can be worked on again."""
    with transaction.atomic():
        row = _locked(submission)
        check_may(actor, "submission.make", row.organisation)
        if row.state not in OPEN:
            raise TableError("decided_already", "这份送审件已有决定，不能撤回")
        _back_to_draft(row, State.WITHDRAWN)
        log.append(actor.actor_id, "submission.take_back", f"submission:{row.id}", dataset=row.dataset)


def decide(actor: Actor, submission: Submission, choice: Decision.Choice, reason: str) -> Submission:
    """Approve or return at the present step. Approving the last step queues the publication, in the same transaction.

    PermissionDenied without the right, and always for one's own work. TableError when it was decided meanwhile, the reason
    is missing, or another version was published since it was submitted.
    """
    folder = None
    try:
        with transaction.atomic():
            row = _locked(submission)
            if row.state not in NEEDED:
                raise TableError("decided_already", "这份送审件已有决定，请看最新状态")
            step = State(row.state)
            check_may(actor, NEEDED[step], row.organisation)
            if not isinstance(actor, Person) or actor.pk in own_workers(row):
                raise PermissionDenied(gettext("不能审核自己做的工作：请由同机构的另一位审核人决定"))
            if not reason.strip():
                raise TableError("reason_required", "请写明理由：{what}", what=str(Decision.Choice(choice).label))
            Decision.objects.create(submission=row, step=step, choice=choice, reason=reason.strip(), by=actor)
            log.append(
                actor.actor_id,
                f"submission.{Decision.Choice(choice).value}",
                f"submission:{row.id}",
                step=step.value,
                dataset=row.dataset,
            )
            if choice == Decision.Choice.RETURN:
                _back_to_draft(row, State.RETURNED)
                _tell_steward(row, "submission.returned", reason=reason.strip())
            elif step == State.DEPARTMENT and row.first:
                row.state, row.step_since = State.PLATFORM, clock.now()
                row.due_at = deadlines.due("opening", State.PLATFORM, row.step_since)
                row.save()
                _ask(row)
            else:
                _check_base(row)
                folder = _queue(actor, row)
    except BaseException:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return row


def published(row: Submission, version: Version) -> None:
    """In the transaction of the release: the submission has its version, the draft is over, people are told."""
    row.state, row.version = State.PUBLISHED, version
    row.save(update_fields=["state", "version"])
    Draft.objects.filter(pk=row.draft_id).update(state=Draft.State.CLOSED)
    _tell_steward(row, "submission.published", number=version.number)


def settle() -> None:
    """Give drafts back whose publication failed, was cancelled, or never ended: the steward reads why and tries again."""
    for row in Submission.objects.filter(state=State.PUBLISHING).select_related("organisation", "draft__upload"):
        job = Job.objects.filter(pk=row.job).first() if row.job else None
        if job is not None and job.state not in (Job.State.FAILED, Job.State.CANCELLED):
            continue
        with transaction.atomic():
            locked = _locked(row)
            if locked.state != State.PUBLISHING:
                continue
            _back_to_draft(locked, State.FAILED)
            why = (job.error.get("message") if job else "") or gettext("作业已取消")
            log.append("system", "submission.fail", f"submission:{row.id}", dataset=row.dataset)
            _tell_steward(locked, "submission.failed", reason=why)


def _locked(submission: Submission) -> Submission:
    found = Submission.objects.select_for_update(of=("self",)).select_related(
        "organisation", "draft__upload", "resource"
    )
    return found.get(pk=submission.pk)


def own_workers(row: Submission) -> set[int]:
    """Whoever worked on what is being decided: submitted, edited, uploaded or patched it, or decided a step before."""
    return {
        row.submitted_by_id,
        row.draft.created_by_id,
        row.draft.edited_by_id,
        row.draft.upload.person_id,
        *row.draft.patches.values_list("by", flat=True),
        *row.decisions.values_list("by", flat=True),
    }


def _check_base(row: Submission) -> None:
    current = (
        Version.objects.filter(dataset__name=row.dataset, state=Version.State.PUBLISHED).order_by("-number").first()
    )
    if (current.pk if current else None) != row.base_id:
        raise TableError("base_changed", "送审之后现行版本变了，差异已不准：请退回，由数据责任人重新送审")


def _queue(actor: Person, row: Submission) -> Any:
    """Queue the publication of what was submitted; returns the folder with the file, linked or copied."""
    job_id, upload = uuid.uuid4(), row.draft.upload
    folder = store.folder("incoming") / str(job_id)
    folder.mkdir(parents=True)
    source, target = uploads.file_of(upload), folder / upload.filename
    try:
        os.link(source, target)  # the uploaded file never changes: no copy is needed on the same file system
    except OSError:
        shutil.copyfile(source, target)
    contract = load_contract(row.contract)
    job = jobs.enqueue(
        actor.actor_id,
        "publish",
        gettext("发布 {title}", title=contract.title),
        {
            "dataset": row.dataset,
            "contract": row.contract,
            "file": upload.filename,
            "sha256": upload.sha256,
            "bytes": upload.size,
            "table": row.draft.table,
            "patches": row.patches,
            "submission": str(row.id),
        },
        lock=f"dataset:{row.dataset}",
        job_id=job_id,
        organisation=row.organisation_id,
    )
    row.state, row.job = State.PUBLISHING, job.pk
    row.save(update_fields=["state", "job"])
    return folder


def _back_to_draft(row: Submission, state: Submission.State) -> None:
    row.state = state
    row.save(update_fields=["state"])
    Draft.objects.filter(pk=row.draft_id).update(state=Draft.State.EDITING)


def _ask(row: Submission) -> None:
    """Tell those who may decide the present step, less those who worked on it."""
    step = State(row.state)
    people = [one for one in people_who_may(NEEDED[step], row.organisation) if one.pk not in own_workers(row)]
    template = "submission.waits" if step == State.DEPARTMENT else "submission.waits_first"
    notify(
        people,
        template,
        reverse("submission", args=[row.id]),
        f"{template}:{row.id}",
        due_at=row.due_at,
        title=load_contract(row.contract).title,
        by=str(row.submitted_by),
    )


def _tell_steward(row: Submission, template: str, **facts: Any) -> None:
    people = {row.submitted_by_id: row.submitted_by, row.resource.maintainer_id: row.resource.maintainer}
    notify(
        people.values(),
        template,
        reverse("submission", args=[row.id]),
        f"{template}:{row.id}:{clock.now():%Y%m%d%H%M%S}",
        title=load_contract(row.contract).title,
        **facts,
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
