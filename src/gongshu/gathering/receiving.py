"""Taking a file in, piece by piece: resumable, within limits, whole or not at all.

What has come is kept in ``part`` beside where the whole file will lie; the row's ``received`` says how much of it counts.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q, Sum, Value
from django.db.models.functions import Greatest

from gongshu import clock
from gongshu.catalogue.models import Resource
from gongshu.disk import sync_folder
from gongshu.gathering import store
from gongshu.gathering.actions import inspect
from gongshu.gathering.models import Upload
from gongshu.jobs.runner import crash_here
from gongshu.oversight import log
from gongshu.parties.models import Organisation, Person
from gongshu.parties.permissions import check_may
from gongshu.tables.errors import TableError, storage_error

State = Upload.State
RESERVE = 256 * 1024**2  # bytes of disk that an upload leaves to the rest of the platform
MOST_UNFINISHED = 10  # unfinished uploads of one person
UNFINISHED_DAYS = 7
NAME_BYTES = 200  # of a file name in UTF-8; file systems take 255, and the reader's staging adds nothing to it
BLOCK = 1024**2
_FORBIDDEN = re.compile(r"[/\\:*?\"<>|\x00-\x1f\x7f]")


class OffsetError(Exception):
    """A piece does not follow what has come so far; ``expected`` says where to go on."""

    def __init__(self, expected: int) -> None:
        super().__init__(expected)
        self.expected = expected


class BusyError(Exception):
    """Another connection is writing to the same upload at this moment."""


def clean_name(given: str) -> str:
    """The name of a file as people see it: NFC, its last part only, no control characters. TableError when nothing is left.

    It never becomes a path on disk but for the reader's own copy in a folder of its own.
    """
    name = unicodedata.normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(sign for sign in name if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = _FORBIDDEN.sub("_", name).strip().lstrip(".").strip()
    if not name:
        raise TableError("filename_wrong", "文件名不能为空，也不能只有点和空白：请改名后再传")
    if len(name.encode()) > NAME_BYTES:
        raise TableError("filename_long", "文件名太长（最多 {most} 字节）：请改短后再传", most=NAME_BYTES)
    return name


def start(actor: Person, resource: Resource, filename: str, size: int) -> Upload:
    """A new upload of ``size`` bytes that waits for its first piece. TableError when a limit would be broken."""
    organisation = resource.organisation
    check_may(actor, "upload.make", organisation)
    name = clean_name(filename)
    if size <= 0:
        raise TableError("empty_file", "文件是空的（0 字节）。请检查导出是否成功。")
    if size > settings.UPLOAD_LIMIT:
        raise TableError(
            "file_too_large",
            "文件有 {size} MB，超过单个文件的上限 {limit} MB：请分成几个文件，或请平台运营放宽",
            size=_mb(size),
            limit=_mb(settings.UPLOAD_LIMIT),
        )
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=organisation.pk)  # two at once must not pass the quota together
        mine = Upload.objects.filter(person=actor, state=State.RECEIVING).count()
        if mine >= MOST_UNFINISHED:
            raise TableError(
                "too_many_unfinished", "您有 {n} 个没传完的文件：请先传完或放弃其中一些", n=mine, most=MOST_UNFINISHED
            )
        used = used_by(organisation)
        if used + size > settings.UPLOAD_QUOTA:
            raise TableError(
                "quota_exceeded",
                "本机构已存 {used} MB，加上这个文件超过配额 {quota} MB：请丢弃不用的文件，或请平台运营放宽",
                used=_mb(used),
                quota=_mb(settings.UPLOAD_QUOTA),
            )
        free = shutil.disk_usage(settings.DATA).free - _promised()
        if size + RESERVE > free:
            raise TableError(
                "disk_short",
                "服务器磁盘只剩 {free} MB 可用，装不下这个 {size} MB 的文件：请联系平台运营腾出空间",
                free=max(_mb(free - RESERVE), 0),
                size=_mb(size),
            )
        upload = Upload.objects.create(resource=resource, person=actor, filename=name, size=size)
        log.append(
            actor.actor_id, "upload.begin", f"upload:{upload.id}", resource=resource.code, bytes=size
        )  # the name may tell of people: it stays out of the log
    folder = store.folder_of(upload)
    folder.mkdir(parents=True)
    store.part_of(upload).touch()
    return upload


def used_by(organisation: Organisation) -> int:
    """Bytes that the uploads of ``organisation`` take or were promised."""
    kept = Upload.objects.filter(resource__organisation=organisation).exclude(state=State.DISCARDED)
    return int(kept.aggregate(total=Sum("size"))["total"] or 0)


def unfinished(actor: Person, resource: Resource) -> list[Upload]:
    """The person's uploads of ``resource`` that can be gone on with, the latest first."""
    return list(Upload.objects.filter(person=actor, resource=resource, state=State.RECEIVING))


def find_unfinished(actor: Person, resource: Resource, filename: str, size: int, head: bytes) -> Upload | None:
    """The person's unfinished upload of the very same file: same name, size and, as far as it came, same first bytes."""
    name = clean_name(filename)
    for upload in unfinished(actor, resource):
        if (upload.filename, upload.size) != (name, size):
            continue
        known = min(len(head), upload.received)
        try:
            with store.part_of(upload).open("rb") as part:
                if part.read(known) == head[:known]:
                    return upload
        except FileNotFoundError:
            continue
    return None


def receive(actor: Person, upload: Upload, offset: int, blocks: Iterable[bytes]) -> Upload:
    """Add a piece that begins at ``offset``; with the last one the file is whole and its inspection is asked for.

    OffsetError when it doesn't follow what has come, BusyError when another connection is writing, TableError when the disk
    is full (``disk_full``: the piece doesn't count, go on later) or the piece is longer than the file.
    """
    _check_own(actor, upload)
    try:
        with _only_writer(upload):
            row = Upload.objects.get(pk=upload.pk)
            if row.state != State.RECEIVING:
                raise TableError("upload_not_open", "这个文件已经收完，或已放弃")
            if row.received != offset:
                raise OffsetError(row.received)
            length = _write(row, offset, blocks) if offset < row.size else 0
            crash_here("piece-written")
            Upload.objects.filter(pk=row.pk, state=State.RECEIVING, received=offset).update(received=offset + length)
            row.received = offset + length
            whole = row.received == row.size
            if whole:
                _finish(actor, row)
    except FileNotFoundError as error:  # it was given up in another window meanwhile
        raise TableError("upload_not_open", "这个文件已经收完，或已放弃") from error
    except OSError as error:
        told = storage_error(error, settings.DATA)
        if told is None:
            raise
        raise TableError(
            told.code, "服务器磁盘写满了，这一段没有收下：已收到的都在，请联系平台运营腾出空间后接着传"
        ) from error
    return inspect(actor, row) if whole else row


def sweep() -> None:
    """Discard uploads that nobody went on with for a week, and what killed processes left of plain forms."""
    old = clock.now() - timedelta(days=UNFINISHED_DAYS)
    for upload in Upload.objects.filter(state=State.RECEIVING, created_at__lt=old):
        part = store.part_of(upload)
        if part.exists() and part.stat().st_mtime > old.timestamp():
            continue
        with transaction.atomic():
            if Upload.objects.filter(pk=upload.pk, state=State.RECEIVING).update(state=State.DISCARDED):
                log.append("system", "upload.expire", f"upload:{upload.id}")
        shutil.rmtree(store.folder_of(upload), ignore_errors=True)
    for spooled in store.arriving().glob("*"):  # of a process that was killed
        if spooled.stat().st_mtime < (clock.now() - timedelta(days=1)).timestamp():
            spooled.unlink(missing_ok=True)


def _check_own(actor: Person, upload: Upload) -> None:
    check_may(actor, "upload.make", upload.resource.organisation)
    if upload.person_id != actor.pk:
        raise PermissionDenied


@contextmanager
def _only_writer(upload: Upload) -> Iterator[None]:
    """Hold the upload's lock file: two tabs, or two processes, never write at once."""
    folder = store.folder_of(upload)
    if not folder.is_dir():
        raise TableError("upload_not_open", "这个文件已经收完，或已放弃")
    with (folder / "lock").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError from None
        yield


def _write(row: Upload, offset: int, blocks: Iterable[bytes]) -> int:
    """Write the piece and bring it to the disk; what doesn't fit leaves nothing behind that counts."""
    length = 0
    with store.part_of(row).open("r+b") as part:
        try:
            part.truncate(offset)  # what a killed attempt wrote beyond it doesn't count
            part.seek(offset)
            for block in blocks:
                length += len(block)
                if offset + length > row.size:
                    raise TableError("piece_too_long", "传来的内容比说好的文件大：请重新选择文件")
                part.write(block)
            part.flush()
            os.fsync(part.fileno())
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell; the row's count holds anyway
                part.truncate(offset)
            raise
    return length


def _finish(actor: Person, row: Upload) -> None:
    """The file is whole: hash it, put it in its place, say so."""
    part, digest = store.part_of(row), hashlib.sha256()
    if not part.exists():  # a process was killed between the two steps below
        part = store.file_of(row)
    with part.open("rb") as whole:
        while block := whole.read(BLOCK):
            digest.update(block)
    part.replace(store.file_of(row))
    sync_folder(store.folder_of(row))
    crash_here("file-placed")
    with transaction.atomic():
        row.state, row.sha256, row.stored_at = State.STORED, digest.hexdigest(), clock.now()
        row.save(update_fields=["state", "sha256", "stored_at"])
        log.append(actor.actor_id, "upload.store", f"upload:{row.id}", sha256=row.sha256, bytes=row.size)


def _promised() -> int:
    """Bytes that are still to come of uploads begun."""
    left = Greatest(F("size") - F("received"), Value(0))
    return int(Upload.objects.filter(Q(state=State.RECEIVING)).aggregate(total=Sum(left))["total"] or 0)


def _mb(octets: int) -> int:
    return octets // 1024**2
