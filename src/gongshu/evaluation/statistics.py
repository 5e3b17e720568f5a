"""Statistics of the whole portal: what is open, how it grows, how good and how fresh it is, how it is used."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import caches
from django.db.models import Max, Q
from django.utils import timezone

from gongshu import clock
from gongshu.opening import queries, terms
from gongshu.opening.models import Dataset, ExternalDataset, Version
from gongshu.oversight import access

KEPT_SECONDS = 600
BANDS = ((95, 101), (85, 95), (60, 85), (0, 60))  # quality scores, from and below
MONTHS = 12


@dataclass(frozen=True)
class Facts:
    """Counted over the visible datasets. ``columns``: all public ones; of them ``typed`` have a semantic type or a code list and
    ``described`` a title or a description. ``by_*``: datasets by key. ``quality``: datasets by the lower end of their band, None
    without a score; ``scores``: the scores themselves, their sum and number. ``fresh``: on time, late, without a promise."""

    datasets: int
    rows: int
    columns: int
    typed: int
    described: int
    by_topic: dict[str, int]
    by_open_type: dict[str, int]
    by_licence: dict[str, int]
    by_frequency: dict[str, int]
    by_provider: dict[int, int]
    quality: dict[int | None, int]
    scores: tuple[float, int]
    fresh: tuple[int, int, int]
    complete: int
    responsible: int
    external: int


def facts() -> Facts:
    """As of the last publication or withdrawal; kept for ten minutes at most."""
    key = f"facts:{queries.fingerprint()}"
    found: Facts | None = caches["process"].get(key)
    if found is None:
        found = _facts()
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def _facts() -> Facts:
    counted: dict[str, Counter[Any]] = {
        name: Counter() for name in ("topic", "open", "licence", "frequency", "provider", "quality", "fresh")
    }
    datasets = rows = columns = typed = described = complete = responsible = 0
    total, scored = 0.0, 0
    fields = (
        "topic", "open_type", "licence", "update_frequency", "provider", "resource__maintainer", "current__published_at",
        "current__rows", "current__columns", "current__quality__total",
    )  # fmt: skip
    for topic, kind, licence, frequency, provider, maintainer, last, n, own, score in (
        queries.visible().order_by().values_list(*fields).iterator(chunk_size=500)
    ):
        datasets += 1
        rows += n
        columns += len(own)
        typed += sum(map(is_typed, own))
        described += sum(map(is_described, own))
        responsible += maintainer is not None
        for name, value in (
            ("topic", topic),
            ("open", kind),
            ("licence", licence),
            ("frequency", frequency),
            ("provider", provider),
        ):
            counted[name][value] += 1
        counted["quality"][None if score is None else next(low for low, high in BANDS if low <= score < high)] += 1
        if score is not None:
            total, scored = total + score, scored + 1
        kept = queries.kept_promise(frequency, last)
        counted["fresh"][kept] += 1
        complete += is_complete(licence, frequency, own)
    return Facts(
        datasets, rows, columns, typed, described, dict(counted["topic"]), dict(counted["open"]), dict(counted["licence"]),
        dict(counted["frequency"]), dict(counted["provider"]), dict(counted["quality"]), (total, scored),
        (counted["fresh"][True], counted["fresh"][False], counted["fresh"][None]), complete, responsible,
        ExternalDataset.objects.exclude(state=ExternalDataset.State.GONE).count(),
    )  # fmt: skip


def is_typed(column: dict[str, Any]) -> bool:
    """Whether it is known what the values of a public column are: by a semantic type or a code list."""
    return bool(column.get("semantic_type") or column.get("codes"))


def is_described(column: dict[str, Any]) -> bool:
    """Whether a public column has a title or a description."""
    return bool(column.get("title") or column.get("description"))


def is_complete(licence: str, frequency: str, columns: list[dict[str, Any]]) -> bool:
    """Whether a dataset has a licence, a promise of updates, and every column described."""
    return (
        licence in terms.licences() and terms.frequency(frequency).days is not None and all(map(is_described, columns))
    )


def growth() -> list[tuple[str, int, int]]:
    """Month, versions published in it, datasets that were open at its end; the last twelve months with this one. A dataset that
    was withdrawn, or is stopped now, counts until then."""
    months = _months()
    versions: Counter[str] = Counter()
    first: dict[int, str] = {}
    for dataset, moment in Version.objects.order_by("published_at").values_list("dataset", "published_at").iterator():
        versions[month := _month(moment)] += 1
        first.setdefault(dataset, month)
    begun = Counter(first.values())
    closed = Dataset.objects.filter(Q(current=None) | Q(stopped_at__isnull=False), versions__isnull=False)
    for stopped, withdrawn in closed.annotate(last=Max("versions__withdrawn_at")).values_list("stopped_at", "last"):
        if ended := stopped or withdrawn:
            begun[_month(ended)] -= 1
    before = sum(n for month, n in begun.items() if month < months[0])
    running = itertools.accumulate((begun[month] for month in months), initial=before)
    return [
        (month, versions[month], total) for month, total in zip(months, itertools.islice(running, 1, None), strict=True)
    ]


def uses() -> list[tuple[str, int, int, int]]:
    """Month, views, downloads, queries of all datasets; the last twelve months with this one."""
    counted = access.by_month("dataset.", 31 * (MONTHS + 1))

    def number(action: str, month: str) -> int:
        return counted.get((action, month), 0)

    return [
        (month, number(queries.VIEW, month), number(queries.DOWNLOAD, month), number(queries.QUERY, month))
        for month in _months()
    ]


def districts() -> tuple[int, int]:
    """Districts that open data, and all of them."""
    return len(open_districts()), queries.districts().count()


def open_districts() -> set[str]:
    """Codes of the districts of which the government, or a body below it, opens data."""
    belongs = queries.districts_of_bodies()
    codes = queries.visible().order_by().values_list("provider__code", flat=True).distinct()
    return {belongs[code] for code in codes if code in belongs}


def _month(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m")


def _months() -> list[str]:
    day = timezone.localdate(clock.now()).replace(day=1)
    found = [day]
    while len(found) < MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return [each.strftime("%Y-%m") for each in reversed(found)]
