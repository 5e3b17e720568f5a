"""The pages of datasets: list, topics, organisations, one dataset and its versions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.lake import serving
from gongshu.opening import (
    biography,
    cards,
    charts,
    described,
    descriptions,
    documents,
    exports,
    maps,
    preview,
    queries,
    readers,
    search,
    sections,
    terms,
    timeline,
)
from gongshu.opening.models import Dataset, Version
from gongshu.opening.rows import display, grammar, tables
from gongshu.opening.rows.grammar import Ask, Filter
from gongshu.opening.rows.values import BadQuestion
from gongshu.oversight import access
from gongshu.parties.models import Organisation, Person
from gongshu.parties.permissions import may
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.errors import problem

PAGE = 20
PREVIEW_ROWS = 20
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
@public
def dataset_list(request: HttpRequest) -> HttpResponse:
    """Search, filters with counts, order, pages; everything is in the address."""
    question = request.GET.get("q", "").strip()[:200]
    base = queries.visible()
    ranked: list[int] | None = None
    meant = ""
    if question:
        found = search.answer(question, base)
        ranked, meant = found.ids, found.meant
        base = base.filter(id__in=ranked)
    chosen = {key: request.GET.get(key, "") for key in FACETS}
    datasets = _filtered(base, chosen)
    order = request.GET.get("sort") or ("best" if question else "updated")
    ordered = _ordered(datasets, order, ranked)
    page = Paginator(ordered, PAGE).get_page(request.GET.get("page"))
    used = queries.uses()
    listed = queries.visible().in_bulk(list(page.object_list))
    context = {
        "question": question,
        "meant": meant,
        "marked": search.words_of(meant or question) if question else [],
        "facets": [_facet(request, key, base, chosen) for key in FACETS],
        "chosen": any(chosen.values()),
        "page": page,
        "total": page.paginator.count,
        "cards": [cards.card(listed[pk], used) for pk in page.object_list if pk in listed],
        "order": order,
        "orders": _orders(question),
        "examples": _examples(),
    }
    return render(request, "opening/list.html", context)


@require_safe
@public
def suggest(request: HttpRequest) -> HttpResponse:
    """What the words typed so far may become: options of the search box."""
    found = search.suggestions(request.GET.get("q", "")[:100])
    said = [{"title": title, "url": reverse("dataset", args=[name])} for title, name in found]
    return JsonResponse({"suggestions": said}, json_dumps_params={"ensure_ascii": False})


FACETS = ("topic", "provider", "format", "open", "frequency")


def _conditions(chosen: dict[str, str]) -> dict[str, Q]:
    lookups = {"topic": "topic", "provider": "provider__code", "open": "open_type", "frequency": "update_frequency"}
    return {key: Q(**{lookup: chosen[key]}) for key, lookup in lookups.items() if chosen.get(key)}


def _filtered(base: QuerySet[Dataset], chosen: dict[str, str], *, without: str = "") -> QuerySet[Dataset]:
    found = base
    for key, condition in _conditions(chosen).items():
        if key != without:
            found = found.filter(condition)
    if chosen.get("format") and without != "format":
        found = queries.has_format(found, chosen["format"])
    return found


def _facet(request: HttpRequest, key: str, base: QuerySet[Dataset], chosen: dict[str, str]) -> dict[str, Any]:
    """The values of a filter with the numbers they would leave, the other filters kept."""
    among = _filtered(base, chosen, without=key)
    titles = {
        "topic": _("专题"),
        "provider": _("提供方"),
        "format": _("格式"),
        "open": _("开放属性"),
        "frequency": _("更新频率"),
    }
    if key == "format":
        counted = [
            (one.key, one.label, queries.has_format(among, one.key).count())
            for one in exports.FORMATS.values()
            if one.listed
        ]
        counted = [one for one in counted if one[2]]
    else:
        field = {"topic": "topic", "provider": "provider__code", "open": "open_type", "frequency": "update_frequency"}[
            key
        ]
        numbers = list(among.values_list(field).annotate(n=Count("id")).order_by("-n", field))
        names = _names(key)
        counted = [(value, str(names.get(value, value)), n) for value, n in numbers]
    options = []
    for value, label, number in counted:
        current = chosen[key] == value
        pairs = [(k, v) for k, v in request.GET.items() if k not in (key, "page")] + ([] if current else [(key, value)])
        options.append({"label": label, "number": number, "current": current, "url": f"?{urlencode(pairs)}"})
    return {"key": key, "title": titles[key], "options": options, "chosen": chosen[key]}


def _names(key: str) -> dict[str, Any]:
    if key == "provider":
        return {one.code: words.local(one, "name") for one in Organisation.objects.all()}
    if key == "open":
        return dict(words.OPEN_TYPES)
    known = terms.topics() if key == "topic" else terms.frequencies()
    return {value: term.name for value, term in known.items()}


def _orders(question: str) -> list[tuple[str, str]]:
    found = [("updated", _("最近更新")), ("used", _("最常用")), ("title", _("名称")), ("rows", _("行数多"))]
    return [("best", _("最相关")), *found] if question else found


def _ordered(datasets: QuerySet[Dataset], order: str, ranked: list[int] | None) -> list[int]:
    if order == "best" and ranked is not None:
        left = set(datasets.values_list("id", flat=True))
        return [pk for pk in ranked if pk in left]
    if order == "used":
        used = queries.uses()
        names = datasets.order_by("-current__published_at").values_list("id", "name")
        return [pk for pk, _name in sorted(names, key=lambda each: -used.get(each[1], 0))]
    by = {"title": "title", "rows": "-current__rows"}.get(order, "-current__published_at")
    return list(datasets.order_by(by, "name").values_list("id", flat=True))


def _examples() -> list[str]:
    """Searches to begin with: topics that have something."""
    return [one["term"].name for one in queries.by_topic() if one["number"]][:5]


@require_safe
@public
def topic_list(request: HttpRequest) -> HttpResponse:
    """Every topic, with what is in it."""
    used = queries.uses()
    found = queries.by_topic()
    for one in found:
        latest = queries.visible().filter(topic=one["term"].key).order_by("-current__published_at")[:3]
        one["cards"] = [cards.card(dataset, used) for dataset in latest]
    return render(request, "opening/topics.html", {"topics": found})


@require_safe
@public
def topic_page(request: HttpRequest, key: str) -> HttpResponse:
    """One topic: its datasets."""
    term = terms.topic(key)
    datasets = queries.visible().filter(topic=key).order_by("-current__published_at")
    if not term.entry and not datasets:
        raise Http404
    used = queries.uses()
    page = Paginator(datasets, PAGE).get_page(request.GET.get("page"))
    context = {"term": term, "page": page, "cards": [cards.card(each, used) for each in page.object_list]}
    return render(request, "opening/topic.html", context)


@require_safe
@public
def organisation_list(request: HttpRequest) -> HttpResponse:
    """Who opens what, and who keeps the promise."""
    return render(request, "opening/organisations.html", {"organisations": organisation_rows()})


def organisation_rows() -> list[dict[str, Any]]:
    """The table of providers, with names and addresses in the reader's language."""
    found = queries.by_organisation()
    for row in found:
        row["name"] = words.local(row["organisation"], "name")
        row["url"] = reverse("organisation", args=[row["organisation"].code])
    return found


@require_safe
@public
def organisation_page(request: HttpRequest, code: str) -> HttpResponse:
    """One provider: its datasets and how it keeps its promises."""
    organisation = get_object_or_404(Organisation, code=code)
    row = next((one for one in queries.by_organisation() if one["organisation"].pk == organisation.pk), None)
    datasets = queries.visible().filter(provider=organisation).order_by("-current__published_at")
    used = queries.uses()
    page = Paginator(datasets, PAGE).get_page(request.GET.get("page"))
    context = {
        "organisation": organisation,
        "name": words.local(organisation, "name"),
        "row": row,
        "page": page,
        "cards": [cards.card(each, used) for each in page.object_list],
        "sections": sections.of_organisation(organisation),
    }
    return render(request, "opening/organisation.html", context)


@require_safe
@answers_for_data
@public
def dataset_page(request: HttpRequest, name: str, number: int | None = None) -> HttpResponseBase:
    """One dataset: what it is, how it came to be, its rows, its files."""
    version = found_version(request, name, number)
    if isinstance(version, HttpResponse):
        return version
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
        "steps": biography.steps(version, said, lines),
        "preview": _preview(request, version, ask),
        "chart": charts.chart(version, request.GET.get("chart", "")),
        "map": maps.points_map(tables.of(version)),
        "sections": sections.of_dataset(version.dataset),
    }
    return render(request, "opening/dataset.html", context)


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
    page = min(max(int(wanted), 1), pages) if wanted.isdigit() and len(wanted) < 10 else 1
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
