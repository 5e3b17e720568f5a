"""The REST interface to datasets, version 1: list, one dataset, its rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, Query, Router, Schema

from gongshu.opening import exports, history, queries, search
from gongshu.opening.models import Dataset, Version
from gongshu.opening.rows import service, words
from gongshu.opening.rows.finding import StoppedError, WithdrawnError
from gongshu.opening.search.documents import OWN
from gongshu.oversight import access

router = Router(tags=["datasets"])
MOST = 1000


class ListItem(Schema):
    """A dataset in a list."""

    name: str
    title: str
    title_en: str
    summary: str
    summary_en: str
    provider: str
    topic: str
    licence: str
    update_frequency: str
    open_type: str
    level: int
    synthetic: bool
    rows: int
    version: int
    updated_at: datetime
    quality: float | None = Field(None, description="0..100")
    url: str


class ListAnswer(Schema):
    """A page of datasets; ``count`` is the number of all that match."""

    count: int
    items: list[ListItem]


class ColumnAnswer(Schema):
    """A public column."""

    name: str
    storage_type: str
    title: str = ""
    title_en: str = ""
    description: str = ""
    description_en: str = ""
    unit: str = ""
    semantic_type: str | None = None
    level: int | None = None
    codes: dict[str, str] = {}
    protection: dict[str, Any] = {}
    nulls: int | None = None
    distinct: int | None = None
    min: str | None = None
    max: str | None = None


class DistributionAnswer(Schema):
    """A file of the current version: size and hash once it was made."""

    format: str
    media_type: str
    url: str
    size: int | None = None
    sha256: str | None = None


class VersionAnswer(Schema):
    """A version; a withdrawn one keeps its number and its reason."""

    number: int
    state: str
    rows: int
    published_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_reason: str = ""


class DatasetAnswer(ListItem):
    """A dataset with its dictionary, quality, files and versions."""

    keywords: list[str]
    source_note: str
    key: list[str]
    dropped_columns: int
    columns: list[ColumnAnswer]
    quality_details: dict[str, Any]
    distributions: list[DistributionAnswer]
    versions: list[VersionAnswer]


class RowsAnswer(Schema):
    """Rows: `total` is the number of all that match, `next` the cursor of the next page."""

    version: int
    total: int | None = None
    columns: list[str] | None = Field(None, description="with shape=arrays")
    items: list[dict[str, Any] | list[Any]]
    next: str | None = None


class DistinctAnswer(Schema):
    """The values of a column, in their order; `count` is the number of all."""

    version: int
    column: str
    values: list[Any]
    count: int


class FacetAnswer(Schema):
    """The most frequent values of a column; `others` is the number of rows with other values."""

    column: str
    values: list[dict[str, Any]]
    others: int


class FacetsAnswer(Schema):
    """Facets of the rows that match; `total` is their number."""

    version: int
    total: int
    facets: list[FacetAnswer]


class GroupsAnswer(Schema):
    """Groups: `by` and every measure by its name; `approximate` when a percentile is estimated."""

    version: int
    approximate: bool = False
    groups: list[dict[str, Any]]


class ErrorBody(Schema):
    """What was wrong and where."""

    code: str
    message: str
    where: dict[str, Any] = {}


class ErrorAnswer(Schema):
    """The shape of every error."""

    error: ErrorBody


class ListQuestion(Schema):
    """What to list."""

    q: str = Field("", max_length=200, description="words or a plain question; Chinese or English")
    topic: str = Field("", description="key of a topic")
    provider: str = Field("", description="code of an organisation")
    format: str = Field("", description="csv, xlsx, json, geojson or parquet")
    limit: int = Field(20, ge=0, le=MOST)
    offset: int = Field(0, ge=0)


class DifferenceQuestion(Schema):
    """Against which version."""

    before: int = Field(0, ge=0, alias="with", description="a version number; the one before, when not said")


ERRORS = dict.fromkeys((400, 404, 410, 413, 429, 503), ErrorAnswer)
FILTERS = (
    "Filters are parameters named after columns: `column=value` (equal), `column__OP=value` with OP one of eq, ne, in, lt, "
    "lte, gt, gte, between (`a..b`), contains, starts_with, is_null (1 or 0). `filter` is a JSON tree of them: "
    '`{"or": [{"column": "a", "op": "gte", "value": 5}, {"not": {"column": "b", "value": "x"}}]}`. Integers beyond 2^53 and '
    "decimals are strings, times are ISO 8601 at +08:00, geometry is GeoJSON. POST takes a JSON body of the same words."
)


@router.get(
    "/datasets",
    response={200: ListAnswer, 400: ErrorAnswer, 503: ErrorAnswer},
    summary="List and search datasets",
    url_name="api_datasets",
)
def list_datasets(request: HttpRequest, question: Query[ListQuestion]) -> dict[str, Any]:
    """Datasets that match, best first when ``q`` is given, else the latest first."""
    filters = {"source": OWN, "topic": question.topic, "provider": question.provider, "format": question.format}
    found = search.ask(search.Wanted(question.q, filters, offset=question.offset, limit=question.limit))
    return {"count": found.count, "items": [_item(request, each) for each in found.datasets]}


@router.get(
    "/datasets/{slug:name}", response={200: DatasetAnswer, **ERRORS}, summary="One dataset", url_name="api_dataset"
)
def one_dataset(request: HttpRequest, name: str) -> dict[str, Any]:
    """The dataset with columns, quality, distributions and versions."""
    version = _current(name)
    dataset = version.dataset
    made = {one.format: one for one in version.distributions.all()}
    return {
        **_item(request, dataset),
        "keywords": dataset.keywords,
        "source_note": dataset.source_note,
        "key": version.key,
        "dropped_columns": version.dropped,
        "columns": [_column(column) for column in version.columns],
        "quality_details": version.quality,
        "distributions": [
            {
                "format": one.key,
                "media_type": one.content_type,
                "url": request.build_absolute_uri(reverse("download", args=[name, one.key])),
                "size": made[one.key].size if one.key in made else None,
                "sha256": made[one.key].sha256 if one.key in made else None,
            }
            for one in exports.available(version)
        ],
        "versions": queries.history(dataset),
    }


def _through(kind: str) -> Callable[[HttpRequest, str], HttpResponse]:
    """A view that answers as :mod:`gongshu.opening.rows.web` does where no middleware runs."""

    def view(request: HttpRequest, name: str) -> HttpResponse:
        headers = {header.lower(): value for header, value in request.headers.items()}
        given = request.body if request.method == "POST" else b""
        asked = service.Asked(kind, name, str(request.method), request.META.get("QUERY_STRING", ""), given, headers)
        reply = service.respond(asked)
        return HttpResponse(reply.content, status=reply.status, headers=reply.headers)

    return view


for _kind, _answer, _summary in (
    ("rows", RowsAnswer, "Rows of a dataset"),
    ("distinct", DistinctAnswer, "Values of a column"),
    ("facets", FacetsAnswer, "Facets of a dataset"),
    ("groups", GroupsAnswer, "Groups of rows"),
    ("dump", None, "All rows"),
):
    for _method in ("GET", "POST"):
        router.add_api_operation(
            f"/datasets/{{slug:name}}/{_kind}",
            [_method],
            _through(_kind),
            response={200: _answer, **ERRORS} if _answer else ERRORS,
            summary=_summary,
            description=FILTERS,
            operation_id=f"{_method.lower()}_{_kind}",
            openapi_extra=words.described(_kind, _method),
            url_name=f"api_{_kind}",
        )


@router.get(
    "/datasets/{slug:name}/versions/{int:number}/difference",
    response={200: dict[str, Any], **ERRORS},
    summary="What a version changed",
    url_name="api_difference",
)
def difference(request: HttpRequest, name: str, number: int, question: Query[DifferenceQuestion]) -> dict[str, Any]:
    """Columns, words and rows that differ from the version ``with`` (the one before, when not said) to ``number``."""
    after = _published(name, number)
    earlier = _published(name, question.before) if question.before else history.previous(after)
    if earlier is None or earlier.pk == after.pk:
        raise Http404
    access.record(queries.QUERY, f"dataset:{name}", version=number, before=earlier.number)
    return history.as_json(history.version_difference(earlier, after))


def _published(name: str, number: int) -> Version:
    """A version that is out; the errors of :func:`_current` for what isn't."""
    dataset = _current(name).dataset
    version = Version.objects.filter(dataset=dataset, number=number).first()
    if version is None:
        raise Http404
    if version.state == Version.State.WITHDRAWN:
        raise WithdrawnError(name, version.withdrawn_reason)
    version.dataset = dataset
    return version


def _current(name: str) -> Version:
    dataset = Dataset.objects.select_related("provider", "current").filter(name=name).first()
    if dataset is None:
        raise Http404
    if dataset.stopped_at is not None:
        raise StoppedError(name)
    if dataset.current is None:
        last = dataset.versions.filter(state=Version.State.WITHDRAWN).first()
        if last is None:
            raise Http404
        raise WithdrawnError(name, last.withdrawn_reason)
    dataset.current.dataset = dataset
    return dataset.current


def _item(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    version = dataset.current
    assert version is not None
    return {
        "name": dataset.name,
        "title": dataset.title,
        "title_en": dataset.title_en,
        "summary": dataset.summary,
        "summary_en": dataset.summary_en,
        "provider": dataset.provider.name,
        "topic": dataset.topic,
        "licence": dataset.licence,
        "update_frequency": dataset.update_frequency,
        "open_type": dataset.open_type,
        "level": dataset.level,
        "synthetic": dataset.synthetic,
        "rows": version.rows,
        "version": version.number,
        "updated_at": version.published_at,
        "quality": version.quality.get("total"),
        "url": request.build_absolute_uri(reverse("dataset", args=[dataset.name])),
    }


def _column(column: dict[str, Any]) -> dict[str, Any]:
    empty = {
        "title": "",
        "title_en": "",
        "description": "",
        "description_en": "",
        "unit": "",
        "codes": {},
        "protection": {},
    }
    ends = {end: None if column.get(end) is None else str(column[end]) for end in ("min", "max")}
    return {**empty, **{key: value for key, value in column.items() if value is not None}, **ends}
