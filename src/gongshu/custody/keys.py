"""The keys of protection, and turning tokens back: the security officer's alone, each time with a reason and on record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from gongshu import clock
from gongshu.custody.changes import change
from gongshu.jobs.runner import crash_here
from gongshu.opening.models import Dataset, Version
from gongshu.oversight import log
from gongshu.oversight.models import Event
from gongshu.parties.models import Person, Role
from gongshu.parties.permissions import Actor, check_may
from gongshu.seals.keys import add_key, fingerprints, forget_note, note_of, read_or_make_keys
from gongshu.tables.errors import TableError, storage_error

PURPOSE = "protect"
SUBJECT = f"key:{PURPOSE}"
KEYED = ("keyed_hash", "tokenise", "noise", "shuffle")
REASON_SHORTEST, REASON_LONGEST = 4, log.TEXT_LIMIT  # the log is where it is kept
SETTLED = timedelta(minutes=1)  # a rotation takes milliseconds
MOST_TOKENS = 100  # at a time: a few people are looked up, a table is never turned back
_CHOOSES = (Role.STEWARD, Role.APPROVER)


@dataclass(frozen=True)
class KeyVersion:
    """A version of the key: what tells it from others, since when it is there, in how many published versions it was used."""

    number: int
    fingerprint: str
    since: datetime
    used: int
    current: bool


def versions() -> list[KeyVersion]:
    """The versions of the key of protection, the newest first."""
    folder = settings.DATA / "keys"
    numbers = sorted(read_or_make_keys(folder, PURPOSE), reverse=True)
    known, used = fingerprints(folder), _used()
    found = []
    for number in numbers:
        mark = known[_name(number)]
        found.append(KeyVersion(number, mark, _since(folder, number), used.get(number, 0), number == numbers[0]))
    return found


def _name(number: int) -> str:
    return PURPOSE if number == 1 else f"{PURPOSE}-{number}"


def _since(folder: Path, number: int) -> datetime:
    return datetime.fromtimestamp((folder / f"{_name(number)}.key").stat().st_mtime, clock.now().tzinfo)


def rotate(actor: Actor, reason: str) -> int:
    """Make a new version of the key, used by whatever is published from now on; returns its number. What was published stays as
    it is, and its tokens are turned back with the version that made them.

    TableError without a reason; ``disk_full`` where no key could be made; ``key_unlogged`` where the log could not have it yet:
    the key is there, and who made it and why is put on record as soon as there is room (:func:`note_unlogged`).
    """
    check_may(actor, "key.rotate")
    said, folder = _reason(reason), settings.DATA / "keys"
    number = 0
    try:
        with transaction.atomic():
            number = add_key(folder, PURPOSE, json.dumps({"actor": actor.actor_id, "reason": said}, ensure_ascii=False))
            crash_here("key.added")
            log.append(actor.actor_id, "key.rotate", SUBJECT, version=number, reason=said)
    except (DatabaseError, OSError) as error:
        if number:
            raise TableError(
                "key_unlogged",
                "第 {version} 版密钥已启用，但没能写进审计日志（多半是磁盘满了）。谁换的、为什么，已经记下，写得进时自动补记；不要再换一次。",
                version=number,
            ) from error
        if told := storage_error(error, settings.DATA):
            raise told from error
        raise
    forget_note(folder, PURPOSE, number)
    return number


def note_unlogged() -> list[int]:
    """Put on record the versions of the key that have been there for a minute without an event, with who made them and why: they
    were killed before the log had it, or the disk was full. Returns their numbers."""
    long_ago = clock.now() - SETTLED
    folder = settings.DATA / "keys"
    there = {
        number for number in read_or_make_keys(folder, PURPOSE) if number > 1 and _since(folder, number) < long_ago
    }
    if not there:
        return []
    with transaction.atomic():
        rotations = Event.objects.filter(subject=SUBJECT, action="key.rotate")
        missing = sorted(there - {int(log.details_of(one)["version"]) for one in rotations})
        for number in missing:
            said = note_of(folder, PURPOSE, number)
            note = json.loads(said) if said else {"actor": "system", "reason": "中断的更换，补记"}
            log.append(note["actor"], "key.rotate", SUBJECT, version=number, reason=note["reason"], late=True)
    for number in there:
        forget_note(folder, PURPOSE, number)
    return missing


def tokenised(version: Version) -> list[str]:
    """The columns of a published version whose tokens can be turned back."""
    return [one["name"] for one in version.columns if one["protection"]["method"] == "tokenise"]


def reverse_tokens(actor: Actor, version: Version, column: str, tokens: list[str], reason: str) -> list[str | None]:
    """What the tokens of a column of a published version stand for; None where one can be none. On record before it is told:
    who, of which dataset, how many, a digest of the tokens, and why.

    PermissionDenied for whoever ever chose or approved protections of that organisation. TableError without a reason, for more
    than a hundred tokens at a time, for a column that holds none.
    """
    provider = version.dataset.provider
    check_may(actor, "token.reverse", provider)
    if isinstance(actor, Person) and actor.memberships.filter(organisation=provider, role__in=_CHOOSES).exists():
        raise PermissionDenied(_("您曾为这个机构选过或审过保护方式，不能还原它的代号：请另一位安全员来做"))
    said = _reason(reason)
    known = next((one for one in version.columns if one["name"] == column), None)
    if known is None or column not in tokenised(version):
        raise TableError("no_tokens", "列「{column}」没有换成可还原的代号", where={"column": column})
    wanted = [one.strip() for one in tokens if one.strip()]
    if not 0 < len(wanted) <= MOST_TOKENS:
        raise TableError("too_many_tokens", "一次还原 1 到 {most} 个代号", most=MOST_TOKENS)
    protection = known["protection"]
    ring = read_or_make_keys(settings.DATA / "keys", PURPOSE)
    number = int(protection.get("key_version", 1))
    if number not in ring:
        raise TableError("key_unknown", "没有第 {version} 版脱敏密钥。", version=number)
    with change():
        log.append(
            actor.actor_id,
            "token.reverse",
            f"dataset:{version.dataset.name}",
            version=version.number,
            column=column,
            key_version=number,
            number=len(wanted),
            tokens=sha256("\n".join(wanted).encode()).hexdigest(),
            reason=said,
        )
    import pyarrow as pa  # late: most pages never need it

    from gongshu.tables.tokens import untokened

    form = protection["params"].get("form", "characters")
    found: list[str | None] = untokened(pa.array(wanted, pa.string()), ring[number], form).to_pylist()
    return found


def _used() -> dict[int, int]:
    counts: dict[int, int] = {}
    for columns in Version.objects.values_list("columns", flat=True).iterator():
        methods = [one.get("protection") or {} for one in columns]
        for number in {int(one.get("key_version", 1)) for one in methods if one.get("method") in KEYED}:
            counts[number] = counts.get(number, 0) + 1
    return counts


def _reason(text: str) -> str:
    said = text.strip()[:REASON_LONGEST]
    if len(said) < REASON_SHORTEST:
        raise TableError("reason_required", "请写明理由：{what}", what=_("为什么需要，依据什么"))
    return said


def with_tokens() -> list[tuple[Dataset, Version, list[str]]]:
    """The datasets whose current version holds tokens that can be turned back, and in which columns."""
    found: list[tuple[Dataset, Version, list[str]]] = []
    for dataset in Dataset.objects.exclude(current=None).select_related("current", "provider").order_by("name"):
        version: Any = dataset.current
        if columns := tokenised(version):
            found.append((dataset, version, columns))
    return found
