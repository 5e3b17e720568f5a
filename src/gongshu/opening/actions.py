"""What changes what the public sees: asking for a publication, releasing it, withdrawing."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from gongshu import clock
from gongshu.i18n import gettext
from gongshu.jobs import actions as jobs
from gongshu.jobs.models import Job
from gongshu.jobs.runner import crash_here
from gongshu.lake import grams
from gongshu.opening import store, submissions, terms
from gongshu.opening.models import Dataset, IndexTask, Submission, Version
from gongshu.oversight import log
from gongshu.parties.actions import ensure_organisation
from gongshu.parties.models import Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import Actor, check_may
from gongshu.tables.contract import Contract, load_contract
from gongshu.tables.errors import TableError, storage_error


@dataclass
class Built:
    """What the publishing job made of a file, before anybody can see it."""

    job: str
    number: int
    rows: int
    columns: list[dict[str, Any]]
    dropped: int
    key: list[str]
    quality: dict[str, Any]
    reading: dict[str, Any]
    snapshot: str
    raw_snapshot: str
    serving: str
    longitude: str = ""
    latitude: str = ""
    made: list[Path] = field(default_factory=list)


def request_publish(actor: Actor, file: Path, contract_text: str, name: str) -> Job:
    """Take in ``file`` under ``contract_text`` for the dataset ``name`` and queue the job that publishes it.

    The shell's way, without a submission. TableError when the contract can't be read or the file isn't there; JobConflict
    when the dataset is being published. The file is copied first, so that the job doesn't depend on it.
    """
    check_may(actor, "dataset.publish_directly")
    contract = load_contract(contract_text)
    if not file.is_file():
        raise TableError("not_found", "没有这个文件：{file}", where={"file": str(file)})
    if file.stat().st_size > settings.UPLOAD_LIMIT:
        raise TableError(
            "file_too_large",
            "文件 {size} 字节，超过上限 {limit} 字节（设置 GONGSHU_UPLOAD_LIMIT）",
            where={"file": file.name},
            size=file.stat().st_size,
            limit=settings.UPLOAD_LIMIT,
        )
    job_id = uuid.uuid4()
    folder = store.folder("incoming") / str(job_id)
    try:
        with store.held(folder):
            digest, size = _take_in(file, folder / file.name)
            with transaction.atomic():
                job = jobs.enqueue(
                    actor.actor_id,
                    "publish",
                    gettext("发布 {title}", title=contract.title or name),
                    {"dataset": name, "contract": contract_text, "file": file.name, "sha256": digest, "bytes": size},
                    lock=f"dataset:{name}",
                    job_id=job_id,
                )
                log.append(actor.actor_id, "file.store", f"dataset:{name}", sha256=digest, bytes=size, job=str(job_id))
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if told := storage_error(error, settings.DATA):
            raise told from error
        raise
    return job


def release(
    actor: str, name: str, contract: Contract, contract_text: str, built: Built, submission: str | None = None
) -> Version:
    """Make the built version the current one: one transaction with its event and the index's outbox row.

    The publishing job's last step: the right was checked when the job was asked for, by the shell or by the approval of
    ``submission``, which must still be the one that waits for this very job.
    """
    with transaction.atomic():
        done = Version.objects.filter(job=built.job).first()
        if done:
            return done
        approved = Submission.objects.select_for_update().filter(pk=submission).first() if submission else None
        if submission and (
            approved is None or approved.state != Submission.State.PUBLISHING or str(approved.job) != built.job
        ):
            raise TableError("submission_over", "这份送审件已不在发布中，没有发布")
        provider = approved.organisation if approved else ensure_organisation(actor, contract.provider)
        described = {
            "title": contract.title,
            "title_en": contract.title_en,
            "summary": contract.summary,
            "summary_en": contract.summary_en,
            "provider": provider,
            "topic": contract.topic or terms.default_topic(),
            "licence": contract.licence or terms.default_licence(),
            "update_frequency": contract.update_frequency or "irregular",
            "keywords": contract.keywords,
            "level": max((column["level"] for column in built.columns), default=1),
            "open_type": "unconditional",
            "synthetic": contract.synthetic,
            "source_note": contract.source_note,
            "source_note_en": contract.source_note_en,
        }
        if approved:
            described["resource"] = approved.resource
        dataset, _ = Dataset.objects.select_for_update().update_or_create(name=name, defaults=described)
        version = Version.objects.create(
            dataset=dataset,
            number=built.number,
            rows=built.rows,
            columns=built.columns,
            dropped=built.dropped,
            key=built.key,
            longitude=built.longitude,
            latitude=built.latitude,
            quality=built.quality,
            reading=built.reading,
            contract=contract_text,
            snapshot=built.snapshot,
            raw_snapshot=built.raw_snapshot,
            job=built.job,
            serving=built.serving,
            published_at=clock.now(),
        )
        dataset.current = version
        dataset.save(update_fields=["current"])
        if approved:
            submissions.published(approved, version)
        tell_subscribers(dataset, "dataset.updated", f"v{version.number}", number=version.number)
        IndexTask.objects.create(dataset=dataset)
        log.append(
            actor,
            "version.publish",
            f"dataset:{name}",
            version=built.number,
            rows=built.rows,
            snapshot=built.snapshot,
            contract_sha256=hashlib.sha256(contract_text.encode()).hexdigest(),
        )
    return version


def withdraw(actor: Actor, name: str, reason: str, number: int | None = None) -> list[Version]:
    """Take one version, or all of them, out of sight (410) and delete what was made of them.

    TableError without a reason, for an unknown dataset or version. The newest version left, if any, becomes current.
    """
    if not reason.strip():
        raise TableError("reason_required", "撤回要写明理由：--reason")
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().filter(name=name).first()
        if dataset is None:
            raise TableError("dataset_unknown", "没有数据集「{dataset}」", where={"dataset": name})
        check_may(actor, "dataset.withdraw", dataset.provider)
        chosen = dataset.versions.filter(state=Version.State.PUBLISHED)
        versions = list(chosen.filter(number=number) if number else chosen)
        if not versions:
            raise TableError("version_unknown", "数据集「{dataset}」没有可撤回的版本", where={"dataset": name})
        for version in versions:
            version.state, version.withdrawn_reason = Version.State.WITHDRAWN, reason.strip()
            version.withdrawn_at = clock.now()
            version.save()
            log.append(actor.actor_id, "version.withdraw", f"dataset:{name}", version=version.number)
        dataset.current = dataset.versions.filter(state=Version.State.PUBLISHED).order_by("-number").first()
        dataset.save(update_fields=["current"])
        IndexTask.objects.create(dataset=dataset)
        told = "dataset.withdrawn" if dataset.current is None else "version.withdrawn"
        number = versions[0].number
        tell_subscribers(dataset, told, f"w{number}", number=number, reason=reason.strip())
    crash_here("withdraw")
    for version in versions:
        delete_public(version)
    return versions


def tell_subscribers(dataset: Dataset, template: str, what: str, **facts: Any) -> None:
    """Tell who subscribed; call it in the transaction of what happened."""
    people = Person.objects.filter(subscriptions__dataset=dataset, subscriptions__confirmed_at__isnull=False)
    address = reverse("dataset", args=[dataset.name])
    notify(people, template, address, f"{template}:{dataset.name}:{what}", title=dataset.title, **facts)


def delete_public(version: Version) -> None:
    """Delete everything public that was made of a withdrawn version; done twice it does nothing."""
    name = version.dataset.name
    copy = store.folder("serving").parent / version.serving
    copy.unlink(missing_ok=True)
    grams.path_of(copy).unlink(missing_ok=True)
    for made in version.distributions.all():
        (store.folder("exports").parent / made.path).unlink(missing_ok=True)
    version.distributions.all().delete()
    crash_here("withdrawn")
    store.lake().public.forget(name, str(version.job))


def _take_in(source: Path, target: Path) -> tuple[str, int]:
    """Copy ``source`` durably; returns its SHA-256 in hex and its size in bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("wb") as writing:
        while block := reading.read(4 * 1024 * 1024):
            digest.update(block)
            writing.write(block)
            size += len(block)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest(), size
