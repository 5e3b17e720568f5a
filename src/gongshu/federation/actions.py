"""What the platform operator does with the portals that are harvested; each with its audit event."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from gongshu import clock, outgoing
from gongshu.federation.duplicates import is_ours
from gongshu.federation.models import Run, Source
from gongshu.federation.reading import guard
from gongshu.jobs.actions import JobConflict, enqueue
from gongshu.opening import terms
from gongshu.opening.models import ExternalDataset
from gongshu.opening.search.documents import EXTERNAL, GIVEN, OWN
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.permissions import Actor, check_may
from gongshu.tables.errors import TableError

REASON_SHORTEST, REASON_LONGEST = 4, 500
MOST_GRACE_RUNS, MOST_GRACE_DAYS = 100, 365
EDITABLE = ("name", "name_en", "kind", "address", "portal_url", "topic", "every", "grace_runs", "grace_days")


def add_source(actor: Actor, key: str, values: dict[str, Any]) -> Source:
    """Add a portal; ``values`` are those of EDITABLE. TableError when something is missing, wrong, or leads to ourselves."""
    check_may(actor, "source.manage", 0)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key) or len(key) > 40 or key in (OWN, EXTERNAL, GIVEN):
        raise TableError("key_wrong", "标识只用小写字母、数字与单个短横，最长 40 个字符")
    with transaction.atomic():
        if Source.objects.filter(key=key).exists():
            raise TableError(
                "key_taken", "标识 {key} 已经用过；移除了的来源也不让出标识，因为外部数据集的地址里有它", key=key
            )
        person = actor if isinstance(actor, Person) else None
        source = Source(key=key, created_by=person, **_checked(values))
        source.save()
        log.append(actor.actor_id, "source.add", f"source:{key}", address=source.address, kind=source.kind)
    return source


def edit_source(actor: Actor, source: Source, values: dict[str, Any]) -> None:
    """Change what is asked and how often; the next run reads everything anew when the address or the kind has changed."""
    check_may(actor, "source.manage", 0)
    checked = _checked(values)
    with transaction.atomic():
        row = _present(source)
        moved = row.address != checked["address"] or row.kind != checked["kind"]
        for name, value in checked.items():
            setattr(row, name, value)
        row.remembered = {} if moved else row.remembered
        row.save()
        named = {"portal": row.name, "portal_en": row.name_en, "portal_url": row.portal_url}
        ExternalDataset.objects.filter(source=row.key).exclude(**named).update(**named, changed_at=clock.now())
        log.append(actor.actor_id, "source.edit", f"source:{row.key}", address=row.address, kind=row.kind)


def pause_source(actor: Actor, source: Source, paused: bool) -> None:
    """Stop or take up the schedule; what is listed stays listed."""
    check_may(actor, "source.manage", 0)
    with transaction.atomic():
        row = _present(source)
        row.paused = paused
        row.next_run_at = row.next_run_at if paused else clock.now()
        row.save()
        log.append(actor.actor_id, "source.pause" if paused else "source.resume", f"source:{row.key}")


def confirm_fewer(actor: Actor, source: Source) -> Run | None:
    """Say that the portal really has so few datasets now, and begin a run that may mark the others missing."""
    check_may(actor, "source.manage", 0)
    with transaction.atomic():
        row = _present(source)
        row.fewer_confirmed = True
        row.remembered = {}
        row.save()
        log.append(actor.actor_id, "source.confirm_fewer", f"source:{row.key}")
    return begin_run(actor, source)


def begin_run(actor: Actor, source: Source) -> Run | None:
    """Begin to harvest a source now; None when a run of it goes on already. The next one follows after its interval."""
    check_may(actor, "source.manage", 0)
    job_id = uuid.uuid4()
    try:
        with transaction.atomic():
            row = _present(source)
            run = Run.objects.create(source=row, job=job_id)
            enqueue(
                actor.actor_id,
                "harvest",
                row.name,
                {"run": str(run.pk), "source": row.key},
                lock=f"harvest:{row.key}",
                job_id=job_id,
            )
            Source.objects.filter(pk=row.pk).update(next_run_at=clock.now() + timedelta(hours=row.every))
    except JobConflict:
        return None
    return run


def remove_source(actor: Actor, source: Source, reason: str) -> int:
    """Remove a portal and everything that came from it (answered with 410 from now on); how many datasets went."""
    check_may(actor, "source.manage", 0)
    said = reason.strip()
    if not REASON_SHORTEST <= len(said) <= REASON_LONGEST:
        raise TableError(
            "reason_needed", "请写明理由，{least} 到 {most} 个字", least=REASON_SHORTEST, most=REASON_LONGEST
        )
    with transaction.atomic():
        row = _present(source)
        row.removed_at = clock.now()
        row.save()
        listed = ExternalDataset.objects.filter(source=row.key).exclude(state=ExternalDataset.State.GONE)
        now = clock.now()
        gone = listed.update(state=ExternalDataset.State.GONE, missing_since=now, changed_at=now)
        log.append(actor.actor_id, "source.remove", f"source:{row.key}", reason=said, datasets=gone)
    return gone


def _present(source: Source) -> Source:
    row = Source.objects.select_for_update().get(pk=source.pk)
    if row.removed_at is not None:
        raise TableError("source_removed", "这个来源已经移除")
    return row


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a source as they may be kept; TableError for the first that is wrong."""
    found = {name: values.get(name, "") for name in EDITABLE}
    for name in ("name", "name_en", "kind", "address", "portal_url", "topic"):
        found[name] = " ".join(str(found[name]).split())
    if not 2 <= len(found["name"]) <= 200 or len(found["name_en"]) > 200:
        raise TableError("name_wrong", "请写门户的名称，2 到 200 个字")
    if found["kind"] not in Source.Kind.values:
        raise TableError("kind_wrong", "请选择目录的种类")
    address = found["address"]
    if len(address) > 500:
        raise TableError("address_refused", "网址写得不对")
    guard().check(address)
    if is_ours(address):
        raise TableError("own_portal", "这是本门户自己的地址：自己的数据已经在目录里，不用汇入")
    parts = urlsplit(address)
    found["portal_url"] = found["portal_url"] or f"{parts.scheme}://{parts.netloc}/"
    outgoing.split(found["portal_url"])
    if found["topic"] and found["topic"] not in terms.topics():
        raise TableError("topic_wrong", "没有这个专题")
    limits = {
        "every": Source.Every.values,
        "grace_runs": range(1, MOST_GRACE_RUNS + 1),
        "grace_days": range(MOST_GRACE_DAYS + 1),
    }
    for name, allowed in limits.items():
        try:
            found[name] = int(found[name])
        except (TypeError, ValueError):
            found[name] = -1
        if found[name] not in allowed:
            raise TableError("number_wrong", "“{value}”不是可选的数", value=str(values.get(name))[:20])
    return found
