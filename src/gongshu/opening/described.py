"""A dataset as all standards describe it: in both languages, with absolute addresses; nothing that the public may not see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min, QuerySet
from django.urls import reverse

from gongshu.opening import exports, queries, terms
from gongshu.opening.models import Dataset, Distribution, Version
from gongshu.parties.models import Organisation

ZH, EN = "zh", "en"
# what a dataset is described in for linked data: media type -> how its address ends
RDF_TYPES = {"text/turtle": "ttl", "application/ld+json": "jsonld", "application/rdf+xml": "rdf"}
Words = dict[str, str]  # a text by language, ``zh`` always


@dataclass(frozen=True)
class File:
    """A distribution; ``size`` in bytes and ``sha256`` once the file was made."""

    key: str
    label: str
    media_type: str
    url: str
    size: int | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Described:
    """What there is to say of a dataset. ``box``: west, south, east, north in degrees, when its rows are points on
    earth. ``period``: first and last day or time (ISO 8601, the city's clock) of the column of the key that tells them."""

    name: str
    url: str
    title: Words
    summary: Words
    publisher: Organisation
    publisher_url: str
    topic: terms.Term
    topic_url: str
    licence: terms.Term
    licence_url: str
    frequency: terms.Term
    keywords: list[str]
    issued: datetime
    modified: datetime
    version: int
    rows: int
    columns: list[dict[str, Any]]
    key: list[str]
    box: tuple[float, float, float, float] | None
    period: tuple[str, str] | None
    files: list[File]
    api_url: str
    openapi_url: str
    feedback_url: str
    source_note: str
    given: bool  # by society, not opened by a public body
    longitude: str
    latitude: str
    quality: float | None


def in_sight() -> QuerySet[Dataset]:
    """The visible datasets with what their description needs, in the order of their names."""
    return queries.visible().annotate(first_at=Min("versions__published_at")).order_by("name")


def with_first(datasets: list[Dataset]) -> list[Dataset]:
    """``datasets`` as rows of :func:`in_sight`: each knows when it was first published."""
    first = dict(
        Version.objects.filter(dataset__in=datasets).order_by().values_list("dataset").annotate(Min("published_at"))
    )
    for one in datasets:
        vars(one)["first_at"] = first.get(one.pk)
    return datasets


def _first(dataset: Dataset) -> datetime:
    found: datetime = vars(dataset)["first_at"]  # of in_sight
    return found


def describe(datasets: Iterable[Dataset], site: str) -> list[Described]:
    """Descriptions of ``datasets`` (rows of :func:`in_sight`) on the portal at ``site`` (no slash at its end)."""
    chosen = list(datasets)
    made: dict[tuple[int, str], Distribution] = {
        (one.version_id, one.format): one
        for one in Distribution.objects.filter(version__in=[dataset.current_id for dataset in chosen])
    }
    return [_described(dataset, site, made) for dataset in chosen]


def described(name: str, site: str) -> list[Described]:
    """The description of the dataset ``name``; nothing when it is not visible."""
    return describe(in_sight().filter(name=name), site)


def said(texts: tuple[str, str]) -> Words:
    """Chinese and English of a text; only what is there."""
    return {language: text for language, text in zip((ZH, EN), texts, strict=True) if text or language == ZH}


def _described(dataset: Dataset, site: str, made: dict[tuple[int, str], Distribution]) -> Described:
    version = dataset.current
    assert version is not None
    given = dataset.provider.kind == Organisation.Kind.SOCIETY
    name, licence = dataset.name, terms.licence(dataset.licence)

    def at(view: str, *parts: Any) -> str:
        return site + reverse(view, args=parts)

    files = []
    for one in exports.available(version):
        done = made.get((version.pk, one.key))
        files.append(
            File(
                one.key,
                one.label,
                one.content_type.partition(";")[0],
                at("download", name, one.key),
                done.size if done else None,
                done.sha256 if done else "",
            )
        )
    return Described(
        name=name,
        url=at("dataset", name),
        title=said((dataset.title, dataset.title_en)),
        summary=said((dataset.summary or dataset.title, dataset.summary_en)),
        publisher=dataset.provider,
        publisher_url=at("organisation", dataset.provider.code),
        topic=terms.topic(dataset.topic),
        topic_url=at("topic", dataset.topic),
        licence=licence,
        licence_url=licence.url or f"{site}{reverse('help')}#licence-{licence.key}",
        frequency=terms.frequency(dataset.update_frequency),
        keywords=[str(word) for word in dataset.keywords],
        issued=_first(dataset),
        modified=version.published_at,
        version=version.number,
        rows=version.rows,
        columns=version.columns,
        key=version.key,
        box=_box(version.columns, version.longitude, version.latitude),
        period=_period(version),
        files=files,
        api_url=f"{site}/api/v1/datasets/{name}/rows",
        openapi_url=at("dataset_openapi", name),
        feedback_url=at("report_new", name),
        source_note=f"社会提供。{dataset.source_note}" if given else dataset.source_note,
        given=given,
        longitude=version.longitude,
        latitude=version.latitude,
        quality=terms.quality_total(version.quality),
    )


def _box(columns: list[dict[str, Any]], longitude: str, latitude: str) -> tuple[float, float, float, float] | None:
    by_name = {column["name"]: column for column in columns}
    ends = [by_name.get(name, {}).get(end) for end in ("min", "max") for name in (longitude, latitude)]
    if not longitude or not latitude or None in ends:
        return None
    west, south, east, north = (float(str(end)) for end in ends)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return None  # some row has its place wrong, such as latitude for longitude: readers refuse such a box
    return west, south, east, north


def _period(version: Version) -> tuple[str, str] | None:
    """Only of a dataset in whose key a time stands, such as a count by day: other dates tell something of a row, not of the whole."""
    for column in version.columns:
        if column["name"] in version.key and column["storage_type"] in ("date", "timestamp"):
            ends = [str(column.get(end) or "").replace(" ", "T") for end in ("min", "max")]
            try:
                [datetime.fromisoformat(end) for end in ends]
            except ValueError:  # infinite, or a year that no calendar of ours has
                return None
            return ends[0], ends[1]
    return None
