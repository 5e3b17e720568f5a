"""What readers ask of the catalogue: datasets in sight, their freshness, what is used."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import caches
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast

from gongshu import clock
from gongshu.catalogue.models import System
from gongshu.opening import terms
from gongshu.opening.models import Dataset, ExternalDataset, Stop, Version
from gongshu.oversight import access
from gongshu.parties.models import Organisation

XLSX_ROWS = 1_048_575  # a sheet has 1,048,576 rows, one of them the header
DOWNLOAD, QUERY, VIEW = "dataset.download", "dataset.query", "dataset.view"  # actions of the access log
USE_DAYS = 30
USES_SECONDS = 300
SLACK_DAYS = 1  # a version counts as on time up to a day after its promise


@dataclass(frozen=True)
class Freshness:
    """How a dataset keeps its update promise: ``share`` of the promised time gone by, ``due`` the day it ends."""

    last: datetime
    days: int | None
    age: int
    share: float | None
    due: datetime | None
    late: bool
    kept: int
    counted: int


def visible() -> QuerySet[Dataset]:
    """The datasets that the public may see; the current version is all that is visible."""
    return Dataset.objects.filter(current__isnull=False, stopped_at=None).select_related("provider", "current")


def visible_external() -> QuerySet[ExternalDataset]:
    """The datasets of other portals that the catalogue lists; those missing for a while are still among them."""
    return ExternalDataset.objects.exclude(state=ExternalDataset.State.GONE)


def source_systems() -> QuerySet[System]:
    """The systems of departments from which something visible was opened and whose names are public."""
    return System.objects.filter(named=True, pk__in=visible().values("resource__system"))


def history(dataset: Dataset) -> QuerySet[Version]:
    """The versions that belong to the row ``dataset`` as it was read: one that came out since is not among them."""
    versions = Version.objects.filter(dataset=dataset)
    if dataset.current is None:
        return versions
    return versions.exclude(state=Version.State.PUBLISHED, number__gt=dataset.current.number)


def fingerprint() -> str:
    """Changes whenever what is visible changes: cached answers are kept by it. Each part is read from the end of an index."""
    seen = [
        model.objects.order_by(f"-{column}").exclude(**{column: None}).values_list(column, flat=True).first()
        for model, column in ((Version, "id"), (Version, "published_at"), (Version, "withdrawn_at"), (Stop, "at"), (Stop, "lifted_at"))
    ]  # fmt: skip
    return "-".join(str(value) for value in seen).replace(" ", "T")


def first_publication() -> datetime | None:
    """When the catalogue first had anything: the first publication of all, also of what went since."""
    return Version.objects.order_by("published_at").values_list("published_at", flat=True).first()


def uses(names: Iterable[str] | None = None, action: str = "") -> dict[str, int]:
    """Downloads and queries of the last 30 days by dataset name (or of one ``action`` only): of ``names`` as they are now, of
    all datasets at most five minutes old."""
    if names is not None:
        subjects = [f"dataset:{name}" for name in names]
        return _by_name(access.counts_of(subjects, [action] if action else [DOWNLOAD, QUERY], USE_DAYS))
    found: dict[str, int] | None = caches["process"].get("uses")
    if found is None:
        found = {}
        for one in (DOWNLOAD, QUERY):
            for name, number in _by_name(access.counts(one, USE_DAYS)).items():
                found[name] = found.get(name, 0) + number
        caches["process"].set("uses", found, USES_SECONDS if found else 5)  # the first uses are seen at once
    return found


def most_used(number: int) -> dict[str, int]:
    """The datasets that were used most in the last 30 days, with how often."""
    used = uses()
    return {name: used[name] for name in heapq.nlargest(number, used, key=lambda name: used[name]) if used[name]}


def _by_name(counts: dict[str, int]) -> dict[str, int]:
    return {subject.partition(":")[2]: number for subject, number in counts.items()}


def late_from(frequency: str, last: datetime) -> datetime | None:
    """From when a dataset that was updated at ``last`` is late; None when nothing was promised."""
    days = terms.frequency(frequency).days
    return None if days is None else last + timedelta(days=days + SLACK_DAYS + 1)


def freshness(dataset: Dataset, published: list[datetime] | None = None) -> Freshness:
    """The promise and how it is kept; ``published`` are the days of all versions, newest first, when known."""
    assert dataset.current is not None
    return _freshness(dataset.update_frequency, dataset.current.published_at, published)


def _freshness(frequency: str, last: datetime, published: list[datetime] | None = None) -> Freshness:
    days, now = terms.frequency(frequency).days, clock.now()
    age = max(0, (now - last).days)
    moments = published or [last]
    gaps = [(later - earlier).days for later, earlier in itertools.pairwise(moments)][:12]
    return Freshness(
        last=last,
        days=days,
        age=age,
        share=None if days is None else (now - last) / timedelta(days=days),
        due=None if days is None else last + timedelta(days=days),
        late=days is not None and age > days + SLACK_DAYS,
        kept=sum(1 for gap in gaps if days is not None and gap <= days + SLACK_DAYS),
        counted=len(gaps) if days is not None else 0,
    )


def kept_promise(frequency: str, last: datetime) -> bool | None:
    """Whether the update promise is kept; None where nothing was promised."""
    found = _freshness(frequency, last)
    return None if found.days is None else not found.late


def has_format(datasets: QuerySet[Dataset], format_key: str) -> QuerySet[Dataset]:
    """Those of ``datasets`` that can be had in the format."""
    if format_key == "xlsx":
        return datasets.filter(current__rows__lte=XLSX_ROWS)
    if format_key == "geojson":
        shaped = Cast("current__columns", TextField())
        return datasets.annotate(_columns=shaped).filter(
            Q(current__longitude__gt="") | Q(_columns__contains='"storage_type": "geometry"')
        )
    return datasets


def givers() -> list[tuple[Organisation, int]]:
    """Firms and persons who gave data, each with the number of visible datasets."""
    found = Organisation.objects.filter(kind=Organisation.Kind.SOCIETY, datasets__in=visible())
    return [(one, one.n) for one in found.annotate(n=Count("datasets", distinct=True)).order_by("-n", "name")]


def districts() -> QuerySet[Organisation]:
    """The district governments, in the order of their codes."""
    return Organisation.objects.filter(kind=Organisation.Kind.DISTRICT)


def districts_of_bodies() -> dict[str, str]:
    """The code of the district to which each body belongs (itself, or one above it), by its code; those of the city are not in it."""
    rows = {
        pk: (code, kind, parent) for pk, code, kind, parent in Organisation.objects.values_list("pk", "code", "kind", "parent")
    }  # fmt: skip
    found = {}
    for code, kind, parent in rows.values():
        above, at_kind, at = code, kind, parent
        for _step in range(len(rows)):  # no chain is longer, even in a circle
            if at_kind == Organisation.Kind.DISTRICT:
                found[code] = above
                break
            if at not in rows:
                break
            above, at_kind, at = rows[at]
    return found
