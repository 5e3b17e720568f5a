"""One run: the catalogue is read into a staged file, then applied in batches, then what was not in it is marked missing.

Killed at any line it goes on where it was: a staged file that is whole is not read again, each batch with its numbers and the
position in the file is one transaction.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pypinyin
from django.conf import settings
from django.db import transaction
from django.db.models import F

from gongshu import clock
from gongshu.federation import reading as readings
from gongshu.federation.duplicates import Known
from gongshu.federation.models import Run, Source, Trouble
from gongshu.federation.reading import Reading
from gongshu.federation.records import Defect, Note, NotOpen, Record, clean, moment_of
from gongshu.jobs.runner import LeaseLost
from gongshu.opening.models import Dataset, ExternalDataset
from gongshu.oversight import log
from gongshu.tables.errors import TableError

BATCH = 100
FEW = 0.5  # a run that misses more than this share of what was there deletes nothing
MOST_TROUBLES = 5_000  # kept of a run
MOST_STAGED = 1024**3  # bytes
KEPT_RUNS = 30
Item = Record | Defect


def staged_path(run: Run) -> Path:
    """Where the catalogue that a run has read waits to be applied."""
    folder: Path = settings.DATA / "harvest"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{run.pk}.jsonl"


def read_items(reading: Reading) -> Iterator[Item]:
    """The cleaned records of a source, and what is wrong with those that can't be listed."""
    for found in readings.records(reading):
        if "unreadable" in found:
            yield Defect(Note("unreadable", "", str(found["unreadable"])[:300]))
            continue
        try:
            yield clean(found)
        except Defect as defect:
            yield defect
        except (TypeError, ValueError, AttributeError, KeyError) as error:  # a shape that no reader foresaw
            yield Defect(Note("unreadable", "", f"{type(error).__name__}: {error}"[:300]))


def stage(run: Run, source: Source, step: Callable[[int], None]) -> int:
    """Read the catalogue into the staged file, unless an attempt before has; how many records. TableError when it can't be read."""
    path = staged_path(run)
    if (done := path.with_suffix(".json")).exists() and path.exists():
        return int(json.loads(done.read_text(encoding="utf-8"))["records"])
    # what an attempt before applied has been seen at an earlier moment than this one
    zero = dict.fromkeys(("position", "records", "new", "changed", "same", "refused", "defective"), 0)
    with transaction.atomic():
        Trouble.objects.filter(run=run).delete()
        Run.objects.filter(pk=run.pk).update(state=Run.State.RUNNING, at=clock.now(), **zero)
    run.refresh_from_db()
    reading = Reading(source.kind, source.address, source.remembered, step=step)
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for item in read_items(reading):
            number += 1
            file.write(json.dumps(_staged(item), ensure_ascii=False) + "\n")
            if file.tell() > MOST_STAGED:
                reading.whole = False
                break
        file.flush()
        os.fsync(file.fileno())
    outcome = {name: getattr(reading, name) for name in ("unchanged", "rest_same", "whole", "remember")}
    outcome["records"] = number
    half = done.with_suffix(".half")
    half.write_text(json.dumps(outcome), encoding="utf-8")
    half.replace(done)
    return number


def _staged(item: Item) -> dict[str, Any]:
    if isinstance(item, Record):
        return {"record": item.as_json()}
    return {
        "defect": asdict(item.note),
        "id": item.remote_id,
        "title": item.title,
        "open": not isinstance(item, NotOpen),
    }


def _unstaged(line: str) -> Item:
    found = json.loads(line)
    if "record" in found:
        return Record.of(found["record"])
    kind = Defect if found["open"] else NotOpen
    return kind(Note(**found["defect"]), found["id"], found["title"])


def apply(run: Run, source: Source, step: Callable[[int], None]) -> None:
    """Bring the catalogue up to the staged records, batch by batch from where the run is."""
    known = Known(source.key)
    with staged_path(run).open(encoding="utf-8") as file:
        for _ in islice(file, run.position):
            pass
        while lines := list(islice(file, BATCH)):
            step(run.position)
            with transaction.atomic():
                _check_held(run, source)
                _Batch(run, source, known).apply([_unstaged(line) for line in lines])
            run.refresh_from_db()


def _check_held(run: Run, source: Source) -> None:
    """In the transaction of a batch: another worker has not gone on meanwhile, and nobody has removed the source."""
    if Source.objects.select_for_update().get(pk=source.pk).removed_at is not None:
        raise TableError("source_removed", "这个来源已经移除")
    if Run.objects.select_for_update().get(pk=run.pk).position != run.position:
        raise LeaseLost


class _Batch:
    """Some records of a run, applied in the transaction of the caller."""

    def __init__(self, run: Run, source: Source, known: Known) -> None:
        self.run, self.source, self.known = run, source, known
        self.counts: dict[str, int] = {}
        self.troubles: list[Trouble] = []
        self.seen: list[int] = []  # rows that are as they were

    def apply(self, items: list[Item]) -> None:
        ids = [item.remote_id for item in items if item.remote_id]
        rows = {row.remote_id: row for row in ExternalDataset.objects.filter(source=self.source.key, remote_id__in=ids)}
        before = {remote_id: row.last_seen for remote_id, row in rows.items()}
        handled: set[str] = set()
        for position, item in enumerate(items, self.run.position):
            twice = item.remote_id in handled or before.get(item.remote_id, self.run.at - timedelta(1)) >= self.run.at
            if isinstance(item, Record) and twice:
                item = Defect(Note("twice", "remote_id"), item.remote_id, item.title)
            if item.remote_id:
                handled.add(item.remote_id)
            self._one(position, item, rows.get(item.remote_id), twice)
        ExternalDataset.objects.filter(pk__in=self.seen).update(last_seen=self.run.at)
        room = MOST_TROUBLES - Trouble.objects.filter(run=self.run).count()
        Trouble.objects.bulk_create(self.troubles[: max(0, room)])
        changes = {name: F(name) + n for name, n in self.counts.items()}
        Run.objects.filter(pk=self.run.pk).update(
            position=F("position") + len(items), records=F("records") + len(items), **changes
        )
        if touched := {name: n for name, n in self.counts.items() if name in ("new", "changed", "refused")}:
            log.append("system", "harvest.batch", f"source:{self.source.key}", run=str(self.run.pk), **touched)

    def _one(self, position: int, item: Item, row: ExternalDataset | None, twice: bool) -> None:
        if isinstance(item, Defect):
            kind = Trouble.Kind.REFUSED if isinstance(item, NotOpen) else Trouble.Kind.DEFECT
            self._count("refused" if isinstance(item, NotOpen) else "defective")
            self._trouble(position, kind, item.remote_id, item.title, item.note)
            if row is not None and not twice and isinstance(item, NotOpen):
                self._leave(row)
            elif row is not None and row.state == ExternalDataset.State.PRESENT:
                self.seen.append(row.pk)  # it is there, only worse than it was: what we know of it stays
            return
        if note := self.known.refusal(item):
            self._count("refused")
            self._trouble(position, Trouble.Kind.REFUSED, item.remote_id, item.title, note)
            if row is not None:
                self._leave(row)
            return
        for note in item.notes:
            self._trouble(position, Trouble.Kind.NOTE, item.remote_id, item.title, note)
        values = _values(item, self.source)
        if row is None:
            now = self.run.at
            ExternalDataset.objects.create(
                source=self.source.key,
                remote_id=item.remote_id,
                name=_name(self.source.key, item),
                first_seen=now,
                last_seen=now,
                changed_at=clock.now(),
                **values,
            )
            self._count("new")
        elif row.state != ExternalDataset.State.PRESENT or any(
            getattr(row, name) != value for name, value in values.items()
        ):
            for name, value in values.items():
                setattr(row, name, value)
            row.state, row.missing_since, row.missed_runs = ExternalDataset.State.PRESENT, None, 0
            row.last_seen, row.changed_at = self.run.at, clock.now()
            row.save()
            self._count("changed")
        else:
            self.seen.append(row.pk)
            self._count("same")

    def _leave(self, row: ExternalDataset) -> None:
        """What may not be listed any more goes at once."""
        row.last_seen = self.run.at
        if row.state != ExternalDataset.State.GONE:
            row.state, row.missing_since, row.changed_at = ExternalDataset.State.GONE, clock.now(), clock.now()
        row.save()

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _trouble(self, position: int, kind: str, remote_id: str, title: str, note: Note) -> None:
        self.troubles.append(
            Trouble(
                run=self.run, position=position, kind=kind, remote_id=remote_id[:500], title=title[:300],
                code=note.code, field=note.field[:60], value=note.value[:300],
            )
        )  # fmt: skip


def settle(run: Run, source: Source) -> None:
    """Mark what was not in the catalogue as missing, then gone after the grace; end the run. One transaction."""
    path = staged_path(run)
    outcome = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        _check_held(run, source)
        source.refresh_from_db()
        rows = ExternalDataset.objects.filter(source=source.key)
        if outcome["unchanged"] or outcome["rest_same"]:
            same = rows.filter(state=ExternalDataset.State.PRESENT, last_seen__lt=run.at).update(last_seen=run.at)
            run.same += same
            run.records += same
        run.whole = outcome["whole"]
        run.note = _note(run, source, outcome)
        if not run.note:
            run.missing, run.gone = _missing(rows, run, source)
            source.remembered, source.fewer_confirmed = outcome["remember"], False
        run.state, run.finished_at = Run.State.DONE, clock.now()
        run.save()
        source.save()
        numbers = {
            name: getattr(run, name) for name in ("new", "changed", "same", "missing", "gone", "refused", "defective")
        }
        log.append("system", "harvest.done", f"source:{source.key}", run=str(run.pk), note=run.note, **numbers)
        old = Run.objects.filter(source=source).order_by("-at").values_list("pk", flat=True)[KEPT_RUNS:]
        Run.objects.filter(pk__in=list(old)).delete()
    tidy(run)


def tidy(run: Run) -> None:
    """Remove the staged files of a run that has ended."""
    path = staged_path(run)
    for each in (path, path.with_suffix(".json"), path.with_suffix(".half")):
        each.unlink(missing_ok=True)


def _note(run: Run, source: Source, outcome: dict[str, Any]) -> str:
    """Why nothing may be marked missing; "" when it may."""
    if not outcome["whole"]:
        return "cut"
    there = ExternalDataset.objects.filter(
        source=source.key, state=ExternalDataset.State.PRESENT, first_seen__lt=run.at
    )
    lost = there.filter(last_seen__lt=run.at).count()
    if lost > FEW * there.count() and not source.fewer_confirmed:
        return "few"
    return ""


def _missing(rows: Any, run: Run, source: Source) -> tuple[int, int]:
    now, states = clock.now(), ExternalDataset.State
    rows.filter(state=states.MISSING, last_seen__lt=run.at).update(missed_runs=F("missed_runs") + 1)
    newly = rows.filter(state=states.PRESENT, last_seen__lt=run.at).update(
        state=states.MISSING, missing_since=now, missed_runs=1, changed_at=now
    )
    gone = rows.filter(
        state=states.MISSING,
        missed_runs__gte=source.grace_runs,
        missing_since__lte=now - timedelta(days=source.grace_days),
    ).update(state=states.GONE, changed_at=now)
    return newly, gone


def _values(record: Record, source: Source) -> dict[str, Any]:
    """The fields of the row that a record and its source decide."""
    return {
        "portal": source.name,
        "portal_en": source.name_en,
        "portal_url": source.portal_url,
        "title": record.title,
        "title_en": record.title_en,
        "summary": record.summary,
        "summary_en": record.summary_en,
        "publisher": record.publisher,
        "keywords": record.keywords,
        "topic": record.topic or source.topic,
        "licence": record.licence,
        "licence_said": record.licence_said,
        "update_frequency": record.frequency,
        "language": record.language,
        "spatial": record.spatial,
        "issued": moment_of(record.issued),
        "modified": moment_of(record.modified),
        "landing_page": record.landing_page,
        "distributions": record.distributions,
        "sha256": record.fingerprint,
    }


def _name(key: str, record: Record) -> str:
    """A name that no dataset has: the key of the source, ``--``, and what is readable of the record's own name or title."""
    spelt = " ".join(pypinyin.lazy_pinyin(record.title_en or record.title)[:12])
    slug = record.slug or re.sub(r"[^a-z0-9]+", "-", spelt.lower()).strip("-")[:50].strip("-") or "dataset"
    first = name = f"{key}--{slug}"
    number = 1
    while ExternalDataset.objects.filter(name=name).exists() or Dataset.objects.filter(name=name).exists():
        number += 1
        name = f"{first}-{number}"
    return name
