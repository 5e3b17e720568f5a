"""What pages ask of the harvested portals."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from gongshu import clock
from gongshu.federation.models import Run, Source, Trouble
from gongshu.federation.words import FIELDS, TROUBLES
from gongshu.governance import cells
from gongshu.opening.models import ExternalDataset


@dataclass(frozen=True)
class State:
    """How a source stands: ``present`` and ``missing`` datasets, its last run, the last one that came to its end, late or not."""

    source: Source
    present: int
    missing: int
    last: Run | None
    whole: Run | None
    late: bool

    @property
    def checked_at(self) -> datetime | None:
        """When the catalogue was last read to its end."""
        return self.whole.finished_at if self.whole else None


def sources() -> list[State]:
    """Every source that was not removed, by name."""
    numbers: dict[str, dict[str, int]] = {}
    for key, state, n in ExternalDataset.objects.values_list("source", "state").annotate(n=Count("pk")).order_by():
        numbers.setdefault(key, {})[state] = n
    return [_state(one, numbers.get(one.key, {})) for one in Source.objects.filter(removed_at=None)]


def state_of(source: Source) -> State:
    """One of them."""
    rows = ExternalDataset.objects.filter(source=source.key).values_list("state").annotate(n=Count("pk")).order_by()
    return _state(source, dict(rows))


def _state(source: Source, numbers: dict[str, int]) -> State:
    runs = Run.objects.filter(source=source).order_by("-at")
    whole = runs.filter(state=Run.State.DONE, whole=True).first()
    since = whole.finished_at if whole and whole.finished_at else source.created_at
    return State(
        source=source,
        present=numbers.get(ExternalDataset.State.PRESENT, 0),
        missing=numbers.get(ExternalDataset.State.MISSING, 0),
        last=runs.first(),
        whole=whole,
        late=not source.paused and clock.now() - since > timedelta(hours=2 * source.every),
    )


def troubles_csv(run: Run) -> Iterator[str]:
    """The troubles of a run as lines of CSV, for a spreadsheet."""
    head = ["position", "kind", "remote_id", "title", "code", "meaning", "field", "value"]
    yield "\ufeff" + _line(head)
    for row in Trouble.objects.filter(run=run).iterator(chunk_size=500):
        said: list[Any] = [row.position + 1, row.kind, row.remote_id, row.title, row.code]
        yield _line([*said, str(TROUBLES.get(row.code, row.code)), str(FIELDS.get(row.field, row.field)), row.value])


def _line(texts: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([cells.guarded(str(each)) for each in texts])
    return line.getvalue()
