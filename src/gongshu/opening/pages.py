"""The pages of datasets: list, topics, organisations, one dataset and its versions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.lake import serving
from gongshu.opening import (
    biography,
    charts,
    citations,
    column_statistics,
    described,
    descriptions,
    documents,
    exports,
    maps,
    preview,
    queries,
    readers,
    related,
    sections,
    timeline,
    usage,
)
from gongshu.opening.models import Dataset, Version
from gongshu.opening.rows import display, grammar, tables
from gongshu.opening.rows.grammar import Ask, Filter
from gongshu.opening.rows.values import BadQuestion
from gongshu.oversight import access
from gongshu.parties.models import Person
from gongshu.parties.permissions import may
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.errors import problem

PAGE = 20
PREVIEW_ROWS = 20
MOST_STATISTICS = 30  # columns whose statistics stand on the page of the dataset; all of them on a page of their own
DEEPEST = 100_000  # rows that can be paged to; further ones are in the downloads
View = Callable[..., HttpResponseBase]


def answers_for_data(view: View) -> View:
    """Say what can be wrong with a question for data as a page (or as JSON for the API)."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except BadQuestion as error:
            return problem(request, 400, str(error), _("请核对列名与筛选值；列名见数据字典。"), where=error.where)
        except exports.NoSuchFormat as error:
            return problem(
                request,
                404,
                _("没有 %(format)s 格式") % {"format": str(error).upper()},
                _("请在数据集页面选择其他格式。"),
            )
        except exports.TooManyRows as error:
            return _too_many(request, error)
        except exports.Withdrawn:
            return problem(request, 410, _("这个版本不再提供"), _("请回到数据集页面查看现行版本。"), code="withdrawn")
        except serving.CopyMissing:  # the version is published, so its copy is on its way from the lake
            return problem(
                request,
                503,
                _("这一版的服务副本正在重建"),
                _("请过一会儿再试。"),
                code="rebuilding",
                retry_after=30,
            )
        except serving.TooLarge:
            return problem(
                request,
                413,
                _("这个查询要用的内存太多"),
                _("请加上筛选条件，或下载整个文件在本地查。"),
                code="too_large",
            )
        except serving.TooSlow:
            return problem(
                request,
                503,
                _("这个查询太慢，已经停下"),
                _("请加上筛选条件，或下载整个文件在本地查。"),
                code="too_slow",
            )
        except serving.TooBusy:
            return problem(request, 429, _("同时查询的人太多"), _("请过几秒再试。"), retry_after=5)

    return answered


def _too_many(request: HttpRequest, error: Exception) -> HttpResponse:
    number = f"{int(str(error)):,}"
    if int(str(error)) > queries.XLSX_ROWS:
        return problem(
            request,
            413,
            _("%(n)s 行放不进一张工作表") % {"n": number},
            _("XLSX 一张表最多 1,048,576 行。请下载 CSV 或 Parquet，或在接口中加筛选条件。"),
            code="too_many_rows",
        )
    return problem(
        request,
        413,
        _("筛选结果超过 %(n)s 行") % {"n": number},
        _("请再加筛选条件，或在“下载”里取整个文件。"),
        code="too_many_rows",
    )


def withdrawn(request: HttpRequest, dataset: Dataset, version: Version | None) -> HttpResponse:
    """410: what was here, why it went, and what there is instead."""
    last = version or dataset.versions.filter(state=Version.State.WITHDRAWN).first()
    return problem(
        request,
        410,
        _("“%(title)s”已撤回") % {"title": words.local(dataset, "title")}
        if version is None
        else _("第 %(n)s 版已撤回") % {"n": version.number},
        _("撤回后，文件、接口与检索中都不再有它的内容。"),
        code="withdrawn",
        where={"dataset": dataset.name},
        reason=last.withdrawn_reason if last else "",
        moment=last.withdrawn_at if last else None,
        instead=reverse("dataset", args=[dataset.name]) if version is not None and dataset.current_id else None,
    )


def stopped(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """503 while an emergency stop holds; the reason is for those who deal with it."""
    return problem(
        request,
        503,
        _("“%(title)s”已紧急停止提供") % {"title": words.local(dataset, "title")},
        _("平台正在核查，查清之前，页面、文件与接口都不再给出它的内容。恢复后地址不变。"),
        code="stopped",
        where={"dataset": dataset.name},
        moment=dataset.stopped_at,
    )


def found_version(request: HttpRequest, name: str, number: int | None) -> Version | HttpResponse:
    """The version asked for (the current one without a number), or the 410 page; Http404 when there never was one."""
    dataset = get_object_or_404(Dataset.objects.select_related("provider", "current"), name=name)
    if dataset.stopped_at is not None:
        return stopped(request, dataset)
    if number is None:
        if dataset.current is None:
            if not dataset.versions.exists():
                raise Http404
            return withdrawn(request, dataset, None)
        version = dataset.current
    else:
        version = get_object_or_404(Version, dataset=dataset, number=number)
        if version.state == Version.State.WITHDRAWN:
            return withdrawn(request, dataset, version)
    version.dataset = dataset
    return version


@require_safe
@answers_for_data
@public
def dataset_page(request: HttpRequest, name: str, number: int | None = None) -> HttpResponseBase:
    """One dataset: what it is, how it came to be, its rows, its files; for a client of linked data where it is told as RDF."""
    version = found_version(request, name, number)
    if isinstance(version, HttpResponse):
        return version
    if number is None and (suffix := _rdf_preferred(request)):
        return _told_as_rdf(name, suffix)
    if redirect := _plain_filter(request, version):
        return redirect
    ask = grammar.parse(request.GET.lists(), tables.of(version))
    access.record(queries.VIEW, f"dataset:{name}", version=version.number)
    person = request.user if isinstance(request.user, Person) else None
    site = request.build_absolute_uri("/").rstrip("/")
    context = {
        **descriptions.describe(version, site),
        "machine_readable": [documents.schema_org(one) for one in described.described(name, site)],
        "opinions": (said := readers.opinions(version.dataset, person)),
        "may_withdraw": person is not None and may(person, "dataset.withdraw", version.dataset.provider),
        "may_stop": person is not None and may(person, "dataset.stop", version.dataset.provider),
        "timeline": (lines := timeline.timeline(version)),
        "related": related.related(version),
        "steps": biography.steps(version, said, lines),
        "preview": _preview(request, version, ask),
        "chart": charts.chart(version, request.GET.get("chart", "")),
        "map": maps.points_map(tables.of(version)),
        "statistics": column_statistics.of(version, version.columns[:MOST_STATISTICS]),
        "statistics_more": len(version.columns) > MOST_STATISTICS,
        "citation": citations.citation(version, site + reverse("dataset_version", args=[name, version.number])),
        "usage": usage.usage(name),
        "sections": sections.of_dataset(version.dataset),
    }
    page = render(request, "opening/dataset.html", context)
    if number is None:
        patch_vary_headers(page, ("Accept",))
    return page


def _rdf_preferred(request: HttpRequest) -> str:
    """How the address of the RDF document ends that the client would rather have than the page; empty for browsers."""
    chosen = request.get_preferred_type(["text/html", *described.RDF_TYPES])
    return described.RDF_TYPES.get(chosen or "", "")


def _told_as_rdf(name: str, suffix: str) -> HttpResponse:
    """303: the dataset is told in a document of its own (Linked Data, W3C Cool URIs 2008); kept by no cache unasked."""
    answer = HttpResponseRedirect(reverse("dataset_rdf", args=[name, suffix]))
    answer.status_code = 303
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cache-Control"] = "no-cache"
    patch_vary_headers(answer, ("Accept",))
    return answer


def _plain_filter(request: HttpRequest, version: Version) -> HttpResponse | None:
    """The filter form (column, operator, value) as the address that the API uses too."""
    column = request.GET.get("fc", "")
    if not column:
        return None
    operator = request.GET.get("fo", "contains")
    if operator not in grammar.OPERATORS or column not in {c["name"] for c in version.columns}:
        raise BadQuestion(_("没有这一列：%(name)s") % {"name": column[:40]}, parameter="fc")
    added = Filter(column, operator, (request.GET.get("fv", "") if operator != "is_null" else "1",))
    kept = [
        (key, value) for key, values in request.GET.lists() if key not in ("fc", "fo", "fv", "page") for value in values
    ]
    return HttpResponseRedirect(f"{request.path}?{urlencode([*kept, *added.pairs])}#preview")


def _preview(request: HttpRequest, version: Version, ask: Ask) -> dict[str, Any]:
    names = [name for name in ask.select if name in tables.of(version).by_name] or [c["name"] for c in version.columns][
        : preview.SHOWN
    ]
    total = display.count(version, ask)
    pages = max(1, -(-min(total, DEEPEST) // PREVIEW_ROWS))
    wanted = request.GET.get("page", "1")
    page = min(max(int(wanted), 1), pages) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 1
    first = (page - 1) * PREVIEW_ROWS
    found = display.page(version, ask, names, PREVIEW_ROWS, first)
    heads = preview.heads(version, names, *(ask.sort[0] if ask.sort else ("", False)))
    keep = [
        (key, value) for key, values in request.GET.lists() if key not in ("fc", "fo", "fv", "page") for value in values
    ]

    def address(**changes: Any) -> str:
        """This page's query with some keys changed (None: left out)."""
        pairs = [(k, v) for k, v in keep if k not in changes] + [(k, v) for k, v in changes.items() if v is not None]
        return f"{request.path}?{urlencode(pairs)}#preview"

    def without(one: Filter) -> str:
        return f"{request.path}?{urlencode([(k, v) for k, v in keep if (k, v) not in one.pairs])}#preview"

    selection = reverse("selection", args=[version.dataset.name, version.number])
    return {
        "heads": [{"column": head, "url": address(sort=head.sort)} for head in heads],
        "rows": [{"number": number, "cells": preview.cells(row, heads)} for number, row in found],
        "total": total,
        "first": first + 1 if found else 0,
        "last": first + len(found),
        "previous": address(page=page - 1) if page > 1 else "",
        "next": address(page=page + 1) if page < pages else "",
        "filters": [{"said": one.said, "url": without(one)} for one in ask.filters],
        "clear": request.path + "#preview",
        "operators": grammar.OPERATORS.items(),
        "all_columns": [{"name": c["name"], "shown": c["name"] in names} for c in version.columns],
        "shown": len(names),
        "keep": [(k, v) for k, v in keep if k != "select"],
        "keep_columns": keep,
        "csv": f"{selection}?{urlencode([(k, v) for k, v in keep if k != 'chart'])}",
    }
