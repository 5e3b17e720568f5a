"""What readers ask of the catalogue: datasets in sight, by topic, provider and freshness; the city's flow; what is used."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import caches
from django.db.models import Count, Max, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from gongshu import clock
from gongshu.opening import terms
from gongshu.opening.models import Dataset, ExternalDataset, Stop, Version
from gongshu.oversight import access
from gongshu.parties.models import Organisation

XLSX_ROWS = 1_048_575  # a sheet has 1,048,576 rows, one of them the header
DOWNLOAD, QUERY, VIEW = "dataset.download", "dataset.query", "dataset.view"  # actions of the access log
USE_DAYS = 30
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


def history(dataset: Dataset) -> QuerySet[Version]:
    """The versions that belong to the row ``dataset`` as it was read: one that came out since is not among them."""
    versions = Version.objects.filter(dataset=dataset)
    if dataset.current is None:
        return versions
    return versions.exclude(state=Version.State.PUBLISHED, number__gt=dataset.current.number)


def fingerprint() -> str:
    """Changes whenever what is visible changes: cached answers are kept by it."""
    seen = Version.objects.aggregate(Max("id"), Max("published_at"), Max("withdrawn_at"), Count("id"))
    seen |= Stop.objects.aggregate(Max("at"), Max("lifted_at"))
    return "-".join(str(value) for value in seen.values()).replace(" ", "T")


def uses(action: str = "") -> dict[str, int]:
    """Downloads and queries of the last 30 days by dataset name (or of one ``action`` only); half a minute old at most."""
    key = f"uses:{action}"
    found: dict[str, int] | None = caches["process"].get(key)
    if found is None:
        found = {}
        for one in (action,) if action else (DOWNLOAD, QUERY):
            for subject, number in access.counts(one, USE_DAYS).items():
                name = subject.partition(":")[2]
                found[name] = found.get(name, 0) + number
        caches["process"].set(key, found, 30)
    return found


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


def by_topic() -> list[dict[str, Any]]:
    """Every topic of the rulebook with the number of its datasets, then topics that only datasets know."""
    numbers = dict(visible().values_list("topic").annotate(n=Count("id")).order_by())
    known = terms.topics()
    found = [{"term": term, "number": numbers.get(key, 0)} for key, term in known.items()]
    return found + [{"term": terms.topic(key), "number": n} for key, n in sorted(numbers.items()) if key not in known]


def by_organisation() -> list[dict[str, Any]]:
    """Every public body that provides something visible: how many datasets and rows, how many keep their promise, last update.

    Givers of society are not among them: they owe nobody an update.
    """
    found: dict[int, dict[str, Any]] = {}
    # plain values: whole rows of a thousand versions with their columns and contracts would take a third of a second
    facts = ("provider", "update_frequency", "current__published_at", "current__rows", "current__quality__total")
    bodies = visible().exclude(provider__kind=Organisation.Kind.SOCIETY)
    providers = Organisation.objects.filter(datasets__in=bodies).in_bulk()
    for provider, frequency, last, rows, quality in bodies.order_by().values_list(*facts):
        row = found.setdefault(
            provider,
            {
                "organisation": providers[provider],
                "number": 0,
                "rows": 0,
                "promised": 0,
                "on_time": 0,
                "last": None,
                "scores": [],
            },
        )
        kept = _freshness(frequency, last)
        row["number"] += 1
        row["rows"] += rows
        row["promised"] += kept.days is not None
        row["on_time"] += kept.days is not None and not kept.late
        row["last"] = max(row["last"] or kept.last, kept.last)
        if quality is not None:
            row["scores"].append(quality)
    for row in found.values():
        row["share"] = row["on_time"] / row["promised"] if row["promised"] else None
        row["quality"] = sum(row["scores"]) / len(row["scores"]) if row["scores"] else None
    return sorted(found.values(), key=lambda row: (-row["number"], row["organisation"].name))


def givers() -> list[tuple[Organisation, int]]:
    """Firms and persons who gave data, each with the number of visible datasets."""
    found = Organisation.objects.filter(kind=Organisation.Kind.SOCIETY, datasets__in=visible())
    return [(one, one.n) for one in found.annotate(n=Count("datasets", distinct=True)).order_by("-n", "name")]


def districts() -> QuerySet[Organisation]:
    """District governments that provide something visible."""
    return Organisation.objects.filter(kind=Organisation.Kind.DISTRICT, datasets__in=visible()).distinct()


def city_flow() -> dict[str, Any]:
    """How many datasets reached each step of the flow, with what there is to say of the step; counted from the rows of
    versions, kept until a version appears or goes."""
    key = f"flow:{fingerprint()}"
    found: dict[str, Any] | None = caches["process"].get(key)
    if found is None:
        found = _count_flow()
        caches["process"].set(key, found, 600)
    used = uses()
    names = set(visible().values_list("name", flat=True))
    return {**found, "used": len(names & set(used)), "uses": sum(used.values())}


def _count_flow() -> dict[str, Any]:
    counted: dict[str, Any] = {
        "gathered": 0, "rows": 0, "catalogued": 0, "columns": 0, "classified": 0, "personal": 0, "checked": 0,
        "quality": None, "protected": 0, "dropped": 0, "treated": 0, "open": 0, "withdrawn": 0, "today": 0,
    }  # fmt: skip
    scores = []
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    counted["gathered"] = Dataset.objects.filter(versions__isnull=False).distinct().count()
    counted["withdrawn"] = Dataset.objects.filter(versions__isnull=False, current__isnull=True).distinct().count()
    counted["today"] = Version.objects.filter(published_at__gte=today).count()
    fields = ("rows", "columns", "dropped", "quality", "dataset__summary")
    for rows, columns, dropped, quality, summary in (
        Version.objects.filter(pk__in=visible().values("current")).values_list(*fields).iterator(chunk_size=200)
    ):
        counted["open"] += 1
        counted["rows"] += rows
        counted["columns"] += len(columns)
        counted["catalogued"] += bool(summary) and all(c.get("description") or c.get("title") for c in columns)
        counted["classified"] += all(c.get("level") for c in columns)
        counted["personal"] += any((c.get("level") or 1) > 1 for c in columns) or dropped > 0
        treated = sum(1 for c in columns if (c.get("protection") or {}).get("method", "keep") != "keep")
        counted["dropped"] += dropped
        counted["treated"] += treated
        if quality.get("total") is not None:
            counted["checked"] += 1
            scores.append(quality["total"])
        counted["protected"] += 1  # nothing is released past this step: no grade, no publication
    counted["quality"] = sum(scores) / len(scores) if scores else None
    return counted
