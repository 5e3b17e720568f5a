"""What was made with the data: anybody offers it, the platform operator looks at it before the public does."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.urls import reverse

from gongshu import clock, deadlines
from gongshu.feedback.models import Reuse
from gongshu.feedback.permissions import holding
from gongshu.feedback.policies import NOTE_LIMIT, TEXT_LIMIT, TITLE_LIMIT, text_within
from gongshu.opening.queries import visible
from gongshu.opening.readers import READER, address_of
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import check_may
from gongshu.tables.errors import TableError

MOST_DATASETS, ADDRESS_LIMIT, MAKER_LIMIT = 10, 500, 120


@dataclass(frozen=True)
class Offered:
    """What somebody wrote of their work; ``datasets`` are names or addresses of datasets."""

    kind: str
    title: str
    address: str
    maker: str
    datasets: tuple[str, ...]
    text: str = ""
    email: str = ""


def offer(offered: Offered, *, person: Person | None = None, language: str = "zh-hans") -> Reuse:
    """Take an offer in; TableError for what is missing, too long, no web address, no dataset, or offered before."""
    if offered.kind not in Reuse.Kind.values:
        raise TableError("kind_required", "请选择类别")
    names = dict.fromkeys(one.strip().rstrip("/").rpartition("/")[2] for one in offered.datasets if one.strip())
    datasets = list(visible().filter(name__in=names))
    if not datasets or len(datasets) < len(names):
        unknown = next((name for name in names if name not in {one.name for one in datasets}), "")
        raise TableError("dataset_unknown", "没有数据集「{dataset}」", where={"dataset": unknown[:80]})
    if len(datasets) > MOST_DATASETS:
        raise TableError("datasets_many", "数据集请不超过 {limit} 个", limit=MOST_DATASETS)
    address = offered.address.strip()
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        raise TableError("address_wrong", "这不是一个网址，应以 http:// 或 https:// 开头") from None
    if len(address) > ADDRESS_LIMIT:
        raise TableError("text_long", "说明请不超过 {limit} 字", limit=ADDRESS_LIMIT)
    now = clock.now()
    with transaction.atomic():
        if Reuse.objects.filter(address=address).exclude(state=Reuse.State.REFUSED).exists():
            raise TableError("said_already", "同样的内容已经收到过，不用再提交")
        made = Reuse.objects.create(
            kind=offered.kind,
            title=text_within(offered.title, TITLE_LIMIT, missing="请写名称"),
            address=address,
            maker=text_within(offered.maker, MAKER_LIMIT, missing="请写制作方"),
            text=text_within(offered.text, TEXT_LIMIT),
            person=person,
            email=address_of(offered.email) if offered.email.strip() else "",
            language=language,
            offered_at=now,
            due_at=deadlines.due("reuse", "check", now),
        )
        made.datasets.set(datasets)
        log.append(person.actor_id if person else READER, "reuse.offer", f"reuse:{made.pk}")
        _tell_checkers(made)
    return made


def decide(actor: Person, reuse: Reuse, *, shown: bool, reason: str = "") -> Reuse:
    """Show an offer to the public, or refuse or take it down with the reason."""
    check_may(actor, "reuse.check")
    with transaction.atomic():
        row = Reuse.objects.select_for_update(of=("self",)).select_related("person").get(pk=reuse.pk)
        row.reason = text_within(reason, NOTE_LIMIT, missing="" if shown else "请写不采用的理由")
        row.state = Reuse.State.SHOWN if shown else Reuse.State.REFUSED
        row.decided_by, row.decided_at = actor, clock.now()
        row.save()
        log.append(actor.actor_id, "reuse.show" if shown else "reuse.refuse", f"reuse:{row.pk}")
        if row.person:
            template = "reuse.shown" if shown else "reuse.refused"
            key = f"{template}:{row.pk}:{row.decided_at:%Y%m%d%H%M%S}"
            notify([row.person], template, reverse("reuses"), key, title=row.title, reason=row.reason)
    return row


def _tell_checkers(row: Reuse) -> None:
    url = reverse("reuse_checks")
    notify(holding("reuse.check"), "reuse.offered", url, f"reuse.offered:{row.pk}", due_at=row.due_at, title=row.title)
