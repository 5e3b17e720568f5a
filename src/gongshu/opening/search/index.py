"""The index on disk: one indexer writes it from the outbox, every web process reads it and reloads it by itself.

A lost index, or one of an older shape, is made anew from the database: at once by whoever asks while the portal is small,
else by the worker's next turn; until then lists answer that it is being made.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import tantivy
from django.conf import settings
from django.db.models import Min, Q, QuerySet

from gongshu.opening.models import Dataset, ExternalDataset, IndexTask
from gongshu.opening.search import documents
from gongshu.opening.search.documents import term
from gongshu.parties.models import Organisation

logger = logging.getLogger("gongshu.search")
SMALL = 1000  # datasets of a portal whose index is made within the question that misses it (about a second)
OVERLAP = timedelta(hours=1)
LOOKED_AT = 1000  # datasets of other portals that are looked up at once
HEAP = 50_000_000  # bytes that the writer may hold
_lock = threading.Lock()
_opened: dict[str, Any] = {}


class IndexMissing(Exception):
    """There is no index to ask; it is being made."""


def index_pending() -> int:
    """Bring the index up to the outbox; returns how many datasets were looked at. Safe to call from any process."""
    if not _readable():
        return rebuild()  # lost, broken, or of an older shape
    with _writing():
        tasks = list(IndexTask.objects.values_list("id", "dataset_id"))
        chosen = {dataset_id for _, dataset_id in tasks}
        external = _changed()
        if chosen or external:
            _write(_folder(), Dataset.objects.filter(id__in=chosen), ExternalDataset.objects.filter(pk__in=external))
            IndexTask.objects.filter(id__in=[task for task, _ in tasks]).delete()
    return len(chosen) + len(external)


def note_organisation(instance: Organisation, created: bool, **_signal: Any) -> None:
    """Ask for the datasets of an organisation that was changed to be indexed anew, since its names are searched with them. Runs
    in the transaction of the change."""
    if not created:
        provided = Dataset.objects.filter(provider=instance, current__isnull=False).values_list("pk", flat=True)
        IndexTask.objects.bulk_create(IndexTask(dataset_id=pk) for pk in provided)


def rebuild() -> int:
    """Write the whole index anew from the database, beside the old one, which answers until it is done; returns the number
    of datasets in it."""
    with _writing():
        return _rebuild()


def searcher() -> tantivy.Searcher:
    """The index as it was committed last; IndexMissing when there is none and the portal is too large to wait for it."""
    try:
        return _reader().searcher()
    except (OSError, ValueError) as error:
        if Dataset.objects.count() > SMALL:
            logger.warning("the search index cannot be read, the worker makes it anew: %s", error)
            raise IndexMissing from error
        with _writing():
            if not _readable():  # else another process was quicker
                _rebuild()
        return _reader().searcher()


def _readable() -> bool:
    try:
        _reader()
    except (OSError, ValueError):
        return False
    return True


def _rebuild() -> int:
    tasks = list(IndexTask.objects.values_list("id", flat=True))
    folder = _folder()
    beside = folder.parent / "next"
    shutil.rmtree(beside, ignore_errors=True)
    number = _write(beside, Dataset.objects.all(), ExternalDataset.objects.all())
    before = folder.parent / "before"
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    beside.rename(folder)
    for old in folder.parent.iterdir():
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    IndexTask.objects.filter(id__in=tasks).delete()
    return number


def in_sight(query: tantivy.Query) -> tantivy.Query:
    """``query`` without the datasets that were stopped or withdrawn since the index saw them: the outbox has them, so that none
    is counted for the moments until the index follows."""
    gone = Q(current__isnull=True) | Q(stopped_at__isnull=False)
    pending = Dataset.objects.filter(gone, pk__in=IndexTask.objects.values("dataset")).values_list("pk", flat=True)
    keys = [documents.key_of(documents.OWN, pk) for pk in pending]
    return query.and_must_not_match(tantivy.Query.term_set_query(documents.schema(), "key", keys)) if keys else query


def _folder() -> Path:
    path: Path = settings.DATA / "index" / str(documents.SHAPE)
    return path


@contextmanager
def _writing() -> Iterator[None]:
    """Only one indexer at a time, over all processes."""
    settings.DATA.mkdir(parents=True, exist_ok=True)
    with (settings.DATA / "index.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _changed() -> list[int]:
    """Datasets of other portals that were changed since the index saw them; looked for from an hour before the last one it
    knows, since a transaction may have taken its time."""
    index = _reader().searcher()
    known = index.aggregate(term("external", 1), {"last": {"max": {"field": "changed"}}})["last"]["value"] or 0
    since = datetime.fromtimestamp(known / 1_000_000, UTC) - OVERLAP if known else datetime.min.replace(tzinfo=UTC)
    rows = ExternalDataset.objects.filter(changed_at__gte=since).values_list("pk", "changed_at", "state")
    listed, found = rows.iterator(chunk_size=LOOKED_AT), []
    while some := list(islice(listed, LOOKED_AT)):
        seen = _seen(index, [pk for pk, _changed_at, _state in some])
        for pk, changed, state in some:
            gone = state == ExternalDataset.State.GONE
            if (gone and pk in seen) or (not gone and seen.get(pk) != int(changed.timestamp() * 1_000_000)):
                found.append(pk)
    return found


def _seen(index: tantivy.Searcher, ids: list[int]) -> dict[int, int | None]:
    """When those of these external datasets that the index holds were changed, as it knows them."""
    keys = [documents.key_of(documents.EXTERNAL, pk) for pk in ids]
    hits = index.search(tantivy.Query.term_set_query(documents.schema(), "key", keys), len(keys), count=False).hits
    addresses = [address for _score, address in hits]
    held, changed = (index.fast_field_values(field, addresses) for field in ("id", "changed"))
    return {int(pk or 0): at for pk, at in zip(held, changed, strict=True)}


def _write(folder: Path, chosen: QuerySet[Dataset], external: QuerySet[ExternalDataset]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    writer = tantivy.Index(documents.schema(), path=str(folder)).writer(heap_size=HEAP, num_threads=1)
    number = 0
    known = chosen.select_related("provider", "current").defer("current__contract")
    for dataset in known.annotate(first_at=Min("versions__published_at")).iterator(chunk_size=200):
        writer.delete_documents_by_term("key", documents.key_of(documents.OWN, dataset.pk))
        if dataset.current is not None and dataset.stopped_at is None:
            writer.add_document(documents.document(dataset))
            number += 1
    for row in external.iterator(chunk_size=200):
        writer.delete_documents_by_term("key", documents.key_of(documents.EXTERNAL, row.pk))
        if row.state != ExternalDataset.State.GONE:
            writer.add_document(documents.external_document(row))
            number += 1
    writer.commit()
    writer.wait_merging_threads()
    return number


def _reader() -> tantivy.Index:
    """The index of this process, reloaded when the indexer has committed since."""
    with _lock:
        path = str(_folder())
        stamp = (_folder() / "meta.json").stat()
        folder = _folder().stat().st_ino
        mark = (stamp.st_ino, stamp.st_mtime_ns)
        if _opened.get("path") != (path, folder) or "index" not in _opened:
            _opened.update(path=(path, folder), index=tantivy.Index.open(path), mark=mark)
        elif _opened["mark"] != mark:
            _opened["index"].reload()
            _opened["mark"] = mark
        found: tantivy.Index = _opened["index"]
        return found
