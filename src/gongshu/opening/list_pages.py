"""Lists of datasets: all of them with filters, topics, organisations, districts; and what the search box proposes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.opening import cards, exports, figures, queries, search, sections, terms
from gongshu.opening.models import ExternalDataset
from gongshu.opening.rows import limits
from gongshu.opening.search.documents import GIVEN, OWN, UNJUDGED, bands
from gongshu.opening.search.matching import FRESHNESS
from gongshu.parties.models import Organisation
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.errors import problem

PAGE = 20
DEEPEST_PAGE = 5000
FACETS = ("topic", "provider", "district", "open", "format", "frequency", "quality", "freshness", "region", "source")
SHOWN = 12  # values of a facet that are shown at once
MOST_VALUES = 200  # that are shown at all
NEAR_TOPICS = 3
View = Callable[..., HttpResponse]


def needs_index(view: View) -> View:
    """Say so while the index is being made anew."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except search.IndexMissing:
            return problem(
                request,
                503,
                _("检索索引正在重建"),
                _("数据集的页面、文件与接口照常；列表与检索请过几分钟再来。"),
                code="index_missing",
                retry_after=60,
            )

    return answered


@require_safe
@needs_index
@public
def dataset_list(request: HttpRequest) -> HttpResponse:
    """Search, filters with counts, order, pages; everything is in the address."""
    question = request.GET.get("q", "").strip()[:200]
    chosen = {key: value for key in FACETS if (value := request.GET.get(key, "").replace("\0", "")[:200])}
    order = request.GET.get("sort") or ("best" if question else "updated")
    known = [key for key, _label in _orders(question)]
    order = order if order in known else known[0]
    number = page_number(request)
    wanted = search.Wanted(question, chosen, order, PAGE * (number - 1), PAGE, FACETS)
    found = search.ask(wanted)
    if found.count and not found.items and number > 1:  # past the end
        number = -(-found.count // PAGE)
        found = search.ask(search.Wanted(question, chosen, order, PAGE * (number - 1), PAGE, FACETS))
    facets = [_facet(request, key, found.facets[key], chosen.get(key, "")) for key in FACETS]
    context = {
        "question": question,
        "meant": found.meant,
        "loose": found.loose and bool(found.items),
        "marked": search.words_of(found.meant or question) if question else [],
        "facets": [facet for facet in facets if _tells(facet, found.count)],
        "chips": [chip for facet in facets for chip in facet["chips"]],
        "clear": _address(_said(request, *FACETS)),
        "page": _pages(found.count, number),
        "total": found.count,
        "cards": cards.cards(found.items),
        "order": order,
        "orders": _orders(question),
    }
    if not found.items:
        context |= {"examples": _examples(), "near": _near(question), "demand": _demand(question)}
    return render(request, "opening/list.html", context)


@require_safe
@public
def suggest(request: HttpRequest) -> HttpResponse:
    """What the words typed so far may become: options of the search box."""
    seconds = limits.gate().take(
        limits.address_of(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")),
        request.headers.get("Authorization", ""),
    )
    if seconds:
        response = JsonResponse({"suggestions": []}, status=429)
        response["Retry-After"] = str(seconds)
        return response
    try:
        found = search.suggestions(request.GET.get("q", "")[:100])
    except search.IndexMissing:
        found = []
    said = [{"title": title, "url": url} for title, url in found]
    return JsonResponse({"suggestions": said}, json_dumps_params={"ensure_ascii": False})


def _tells(facet: dict[str, Any], total: int) -> bool:
    """Whether choosing a value of the facet would leave anything out."""
    return bool(facet["chosen"]) or any(option["number"] != total for option in facet["options"])


def page_number(request: HttpRequest) -> int:
    """The page that is asked for, within what can be paged to."""
    said = request.GET.get("page", "1")
    return min(max(1, int(said)), DEEPEST_PAGE) if said.isascii() and said.isdigit() and len(said) < 10 else 1


def _pages(count: int, number: int) -> Page[int]:
    """The page ``number`` of so many, for the pager; the datasets themselves are not in it."""
    return Paginator(range(count), PAGE).get_page(number)


def _said(request: HttpRequest, *without: str) -> list[tuple[str, str]]:
    """The parameters of the address, without some of them and without the page."""
    return [(key, str(value)) for key, value in request.GET.items() if key not in (*without, "page")]


def _address(pairs: list[tuple[str, str]]) -> str:
    return f"?{urlencode(pairs)}"


def _facet(request: HttpRequest, key: str, counted: dict[str, int], chosen: str) -> dict[str, Any]:
    """The values of a filter with the numbers they would leave, the other filters kept."""
    labels = _labels(key, list(counted) + ([chosen] if chosen else []))
    order = _fixed(key)
    values = [value for value in order if value in counted] if order else list(counted)
    if chosen and chosen not in values:
        values.insert(0, chosen)
    options, chips = [], []
    rest = _said(request, key)
    for value in values[:MOST_VALUES]:
        current = value == chosen
        url = _address(rest if current else [*rest, (key, value)])
        options.append(
            {"label": labels.get(value, value), "number": counted.get(value, 0), "current": current, "url": url}
        )
        if current:
            chips.append({"title": _titles()[key], "label": labels.get(value, value), "url": url})
    return {"key": key, "title": _titles()[key], "options": options[:SHOWN], "more": options[SHOWN:], "chosen": chosen, "chips": chips}  # fmt: skip


def _titles() -> dict[str, str]:
    return {
        "topic": _("专题"),
        "provider": _("提供方"),
        "district": _("所属区"),
        "open": _("开放属性"),
        "format": _("格式"),
        "frequency": _("更新频率"),
        "quality": _("质量"),
        "freshness": _("更新"),
        "region": _("涉及地区"),
        "source": _("来源"),
    }


def _fixed(key: str) -> list[str]:
    """The order of a facet whose values have one."""
    if key == "frequency":
        return list(terms.frequencies())
    if key == "quality":
        return [*map(str, bands()), UNJUDGED]
    return list(FRESHNESS) if key == "freshness" else []


def _labels(key: str, values: list[str]) -> dict[str, str]:
    if key in ("provider", "district"):
        return {one.code: words.local(one, "name") for one in Organisation.objects.filter(code__in=values)}
    if key == "source":
        named = ExternalDataset.objects.filter(source__in=values).values("source", "portal", "portal_en").distinct()
        return {**{one["source"]: words.local(one, "portal") for one in named}, OWN: _("本平台"), GIVEN: _("社会提供")}
    if key == "open":
        return {value: str(word) for value, word in words.OPEN_TYPES.items()}
    if key == "format":
        return {one.key: one.label for one in exports.FORMATS.values()}
    if key == "freshness":
        return {"on_time": _("按时"), "late": _("超期"), "none": _("没有承诺")}
    if key == "quality":
        return _bands()
    if key == "region":
        return {}
    known = terms.topics() if key == "topic" else terms.frequencies()
    return {value: known[value].name if value in known else terms.topic(value).name for value in values}


def _bands() -> dict[str, str]:
    found, above = {UNJUDGED: _("未评")}, None
    for low in bands():
        found[str(low)] = _("%(low)s 以上") % {"low": low} if above is None else _("%(low)s 到 %(high)s") % {"low": low, "high": above}  # fmt: skip
        above = low
    return found


def _orders(question: str) -> list[tuple[str, str]]:
    found = [("updated", _("最近更新")), ("used", _("最常用")), ("title", _("名称")), ("rows", _("行数多"))]
    return [("best", _("最相关")), *found] if question else found


def _examples() -> list[str]:
    """Searches to begin with: topics that have something."""
    return [one["term"].name for one in figures.by_topic() if one["number"]][:5]


def _near(question: str) -> list[dict[str, Any]]:
    """Topics whose name or note shares most characters with a question that nothing answers."""
    signs = set("".join(search.words_of(question))) if question else set()
    ranked = []
    for one in figures.by_topic():
        shared = len(signs & set(search.plain(f"{one['term'].name}{one['term'].note}")))
        if shared and one["number"]:
            ranked.append((-shared, -one["number"], one["term"].key, one))
    return [one for _shared, _number, _key, one in sorted(ranked, key=lambda each: each[:3])[:NEAR_TOPICS]]


def _demand(question: str) -> str:
    """The address of the form that asks for data which is not open."""
    return f"{reverse('demand_new')}{_address([('q', question)]) if question else ''}"


def _listed(request: HttpRequest, **filters: str) -> dict[str, Any]:
    """A page of the city's datasets with these filters, the latest first."""
    number = page_number(request)
    found = search.ask(search.Wanted("", {"source": OWN, **filters}, "updated", PAGE * (number - 1), PAGE))
    return {"page": _pages(found.count, number), "cards": cards.cards(found.items)}


@require_safe
@needs_index
@public
def topic_list(request: HttpRequest) -> HttpResponse:
    """Every topic, with what is in it."""
    found = figures.by_topic()
    for one in found:
        wanted = search.Wanted("", {"source": OWN, "topic": one["term"].key}, "updated", limit=3)
        one["cards"] = cards.cards(search.ask(wanted).items) if one["number"] else []
    return render(request, "opening/topics.html", {"topics": found})


@require_safe
@needs_index
@public
def topic_page(request: HttpRequest, key: str) -> HttpResponse:
    """One topic: its datasets."""
    term = terms.topic(key)
    listed = _listed(request, topic=key)
    if not term.entry and not listed["cards"]:
        raise Http404
    return render(request, "opening/topic.html", {"term": term, **listed})


@require_safe
@needs_index
@public
def organisation_list(request: HttpRequest) -> HttpResponse:
    """Who opens what, and who keeps the promise."""
    context = {"organisations": organisation_rows(), "districts": queries.districts().exists()}
    return render(request, "opening/organisations.html", context)


def organisation_rows() -> list[dict[str, Any]]:
    """The table of providers, with names and addresses in the reader's language."""
    found = figures.by_organisation()
    for row in found:
        row["name"] = words.local(row["organisation"], "name")
        row["url"] = reverse("organisation", args=[row["organisation"].code])
    return found


@require_safe
@needs_index
@public
def organisation_page(request: HttpRequest, code: str) -> HttpResponse:
    """One provider: its datasets and how it keeps its promises."""
    organisation = get_object_or_404(Organisation, code=code)
    district = Organisation.objects.filter(code=queries.districts_of_bodies().get(code, "")).first()
    context = {
        "organisation": organisation,
        "name": words.local(organisation, "name"),
        "row": next((one for one in figures.by_organisation() if one["organisation"].pk == organisation.pk), None),
        "district": district,
        "district_name": words.local(district, "name") if district else "",
        **_listed(request, provider=code),
        "sections": sections.of_organisation(organisation),
    }
    return render(request, "opening/organisation.html", context)


@require_safe
@needs_index
@public
def district_list(request: HttpRequest) -> HttpResponse:
    """Every district: what it and its bodies opened."""
    numbers = figures.numbers("district")
    rows = [
        {
            "name": words.local(one, "name"),
            "url": reverse("district", args=[one.code]),
            "number": numbers.get(one.code, 0),
        }
        for one in queries.districts()
    ]
    return render(request, "opening/districts.html", {"districts": rows})


@require_safe
@needs_index
@public
def district_page(request: HttpRequest, code: str) -> HttpResponse:
    """One district: its bodies, how they keep their promises, and their datasets."""
    district = get_object_or_404(Organisation, code=code, kind=Organisation.Kind.DISTRICT)
    of = queries.districts_of_bodies()
    rows = [row for row in organisation_rows() if of.get(row["organisation"].code) == code]
    context = {"name": words.local(district, "name"), "organisations": rows, **_listed(request, district=code)}
    return render(request, "opening/district.html", context)
