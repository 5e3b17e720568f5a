"""What changes uploads: taking a file in, having it inspected, discarding it."""

from __future__ import annotations

import shutil
from typing import Any

from django.db import transaction

from gongshu.catalogue.models import Resource
from gongshu.gathering import store
from gongshu.gathering.models import Upload
from gongshu.i18n import gettext
from gongshu.jobs import actions as jobs
from gongshu.jobs.models import Job
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.permissions import check_may
from gongshu.tables.contract import load_contract
from gongshu.tables.errors import TableError

State = Upload.State
READY = (State.STORED, State.INSPECTED, State.FAILED)


def inspect(actor: Person, upload: Upload, reading: dict[str, Any] | None = None) -> Upload:
    """Have a stored file inspected, again when ``reading`` (options of the reader, by a person) changed. TableError when it isn't whole."""
    check_may(actor, "upload.make", upload.resource.organisation)
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        if row.state not in READY:
            raise TableError("upload_not_ready", "文件还没有收完，或正在检视")
        if reading is not None:
            row.reading = reading
        job = jobs.enqueue(
            actor.actor_id,
            "inspect",
            gettext("检视 {file}", file=row.filename),
            {"upload": str(row.id)},
            lock=f"upload:{row.id}",
            organisation=row.resource.organisation_id,
        )
        row.state, row.job, row.error = State.INSPECTING, job.pk, {}
        row.save(update_fields=["state", "job", "error", "reading"])
        log.append(actor.actor_id, "upload.inspect", f"upload:{row.id}", job=str(job.pk))
    return row


def inspected(upload: Upload, error: dict[str, Any] | None) -> None:
    """The inspecting job's last step: the report is in its place, or the file could not be read."""
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        row.state, row.error = (State.FAILED, error) if error else (State.INSPECTED, {})
        row.save(update_fields=["state", "error"])
        if not error:
            _fill_items(row)
        log.append("system", f"upload.{row.state}", f"upload:{row.id}", code=(error or {}).get("code"))


def _fill_items(upload: Upload) -> None:
    """The resource's data items are those of its last file, when that holds a single table; nobody's edit is touched."""
    if store.contract_of(upload, 1).exists():
        return
    contract = load_contract(store.contract_of(upload, 0).read_text(encoding="utf-8"))
    items = [
        {"name": each.name, "storage_type": each.storage_type, "title": each.title or each.name}
        for each in contract.fields
    ]
    Resource.objects.filter(pk=upload.resource_id).update(items=items)


def settle() -> None:
    """Give back the uploads whose inspection ended without an answer."""
    for upload in Upload.objects.filter(state=State.INSPECTING):
        job = Job.objects.filter(pk=upload.job).first() if upload.job else None
        if job is None or job.state in (Job.State.FAILED, Job.State.CANCELLED):
            error = job.error if job else {}
            if Upload.objects.filter(pk=upload.pk, state=State.INSPECTING, job=upload.job).update(
                state=State.FAILED if error else State.STORED, error=error
            ):
                with transaction.atomic():
                    log.append("system", "upload.settle", f"upload:{upload.id}", code=error.get("code"))


def discard(actor: Person, upload: Upload) -> None:
    """Delete a file that no draft uses; its row stays on record."""
    check_may(actor, "upload.make", upload.resource.organisation)
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        if row.state == State.INSPECTING:
            raise TableError("upload_inspecting", "文件正在检视，请先停止检视，再丢弃")
        if row.drafts.exists():
            raise TableError("upload_used", "工作稿在用这个文件，不能丢弃")
        row.state = State.DISCARDED
        row.save(update_fields=["state"])
        log.append(actor.actor_id, "upload.discard", f"upload:{row.id}")
    shutil.rmtree(store.folder_of(upload), ignore_errors=True)
