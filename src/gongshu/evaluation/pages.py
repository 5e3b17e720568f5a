"""Pages that account for the portal: its statistics, its score of itself, the rules that it works by."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu import clock
from gongshu.evaluation import evidence, self_assessment, statistics
from gongshu.evaluation.statistics import Facts
from gongshu.opening import cards, queries, terms
from gongshu.opening.list_pages import page_number
from gongshu.parties.models import Organisation
from gongshu.rulebooks import every_rulebook
from gongshu.web import words
from gongshu.web.access import public

MOST_USED = 10


@require_safe
@public
def statistics_page(request: HttpRequest) -> HttpResponse:
    """What is open, how it grows, how good and fresh it is, how it is used."""
    facts = statistics.facts()
    growth, uses = statistics.growth(), statistics.uses()
    used = queries.uses()
    best = sorted(used, key=lambda name: (-used[name], name))[: 3 * MOST_USED]
    shown = {one.name: one for one in queries.visible().filter(name__in=best)}
    context = {
        "facts": facts,
        "score": facts.scores[0] / facts.scores[1] if facts.scores[1] else None,
        "on_time": facts.fresh[0] / (facts.fresh[0] + facts.fresh[1]) if facts.fresh[0] + facts.fresh[1] else None,
        "described": facts.described / facts.columns if facts.columns else None,
        "breakdowns": _breakdowns(facts),
        "growth": growth,
        "growth_chart": _chart(
            _("每月末已开放的数据集"), [m for m, _v, _t in growth], [("", [t for _m, _v, t in growth])], "line"
        ),
        "uses": uses,
        "use_chart": _chart(
            _("每月的浏览、下载与查询"),
            [one[0] for one in uses],
            [(name, [one[n] for one in uses]) for n, name in enumerate((_("浏览"), _("下载"), _("查询")), 1)],
            "stacked",
        ),
        "popular": [cards.card(shown[name], used) for name in best if name in shown][:MOST_USED],
        "now": clock.now(),
    }
    return render(request, "evaluation/statistics.html", context)


@require_safe
@public
def statistics_json(request: HttpRequest) -> HttpResponse:
    """The same for programs."""
    facts = statistics.facts()
    providers = Organisation.objects.in_bulk(list(facts.by_provider))
    on_time, late, without = facts.fresh
    found = {
        "as_of": clock.now().isoformat(),
        "datasets": facts.datasets,
        "rows": facts.rows,
        "columns": facts.columns,
        "external_datasets": facts.external,
        "by_topic": facts.by_topic,
        "by_open_type": facts.by_open_type,
        "by_licence": facts.by_licence,
        "by_update_frequency": facts.by_frequency,
        "by_organisation": {providers[key].code: n for key, n in facts.by_provider.items()},
        "quality": {"mean": facts.scores[0] / facts.scores[1] if facts.scores[1] else None, "scored": facts.scores[1]},
        "freshness": {"on_time": on_time, "late": late, "no_promise": without},
        "months": [
            {
                "month": month,
                "versions": versions,
                "datasets": total,
                "views": views,
                "downloads": downloads,
                "queries": asked,
            }
            for (month, versions, total), (_month, views, downloads, asked) in zip(
                statistics.growth(), statistics.uses(), strict=True
            )
        ],
    }
    response = JsonResponse(found, json_dumps_params={"ensure_ascii": False})
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
@public
def assessment_page(request: HttpRequest) -> HttpResponse:
    """The portal's score of itself by the 17 items, each with its way of counting and the page of its evidence."""
    total, dimensions = self_assessment.assessment()
    rows = [
        {
            "name": _said(dimension.entry, ""),
            "score": dimension.score,
            "items": [
                {
                    "name": _said(item.entry, ""),
                    "counts": _said(item.entry, "_counts"),
                    "a": item.a,
                    "b": item.b,
                    "score": item.score,
                    "url": reverse("self_assessment_evidence", args=[item.entry["key"]]),
                }
                for item in dimension.items
            ],
        }
        for dimension in dimensions
    ]
    context = {
        "total": total,
        "dimensions": rows,
        "source": every_rulebook()[self_assessment.RULEBOOK]["source"],
        "now": clock.now(),
    }
    return render(request, "evaluation/assessment.html", context)


@require_safe
@public
def evidence_page(request: HttpRequest, key: str) -> HttpResponse:
    """What one item is counted from: every thing behind A and B, with the page that shows it."""
    item = next((one for dimension in self_assessment.assessment()[1] for one in dimension.items if one.entry["key"] == key), None)  # fmt: skip
    if item is None:
        raise Http404
    lines, page = evidence.page(key, page_number(request))
    context = {
        "name": _said(item.entry, ""),
        "counts": _said(item.entry, "_counts"),
        "item": item,
        "lines": lines,
        "page": page,
        "where": reverse(item.entry["page"]),
        "now": clock.now(),
    }
    return render(request, "evaluation/evidence.html", context)


@require_safe
@public
def rules_page(request: HttpRequest) -> HttpResponse:
    """Every rulebook in force, with what it rests on and since when."""
    rows = [
        {"name": name, "source": " ".join(str(book["source"]).split()), "effective": book["effective"]}
        for name, book in every_rulebook().items()
    ]
    return render(request, "evaluation/rules.html", {"rows": rows})


def _said(entry: dict[str, Any], part: str) -> str:
    language = "en" if get_language() == "en" else "zh"
    return str(entry[f"{language}{part}"])


def _chart(said: str, labels: list[str], series: list[tuple[str, list[Any]]], kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "labels": labels,
        "series": [{"name": name, "values": values} for name, values in series],
        "description": said,
    }


def _breakdowns(facts: Facts) -> list[dict[str, Any]]:
    """Tables of the datasets by what they are, each line with the list that it counts."""
    providers = Organisation.objects.in_bulk(list(facts.by_provider))
    on_time, late, without = facts.fresh
    topics = [(terms.topic(key).name, n, reverse("topic", args=[key])) for key, n in facts.by_topic.items()]
    own = [
        (words.local(providers[key], "name"), n, reverse("organisation", args=[providers[key].code]))
        for key, n in facts.by_provider.items()
    ]
    open_types = [
        (str(words.OPEN_TYPES.get(key, key)), n, _listed("open", key)) for key, n in facts.by_open_type.items()
    ]
    frequencies = [(terms.frequency(key).name, n, _listed("frequency", key)) for key, n in facts.by_frequency.items()]
    licences = [(terms.licence(key).name, n, "") for key, n in facts.by_licence.items()]
    bands = [
        (_("%(low)s 分以上") % {"low": low} if low else _("60 分以下"), n, "")
        for low, n in sorted(((low, n) for low, n in facts.quality.items() if low is not None), reverse=True)
    ]
    bands += [(_("没有规则"), facts.quality[None], "")] if facts.quality.get(None) else []
    fresh = [(_("按时"), on_time, ""), (_("超期"), late, ""), (_("没有承诺"), without, "")]
    return [
        {"title": title, "lines": rows if in_order else sorted(rows, key=lambda row: (-row[1], row[0]))}
        for title, rows, in_order in (
            (_("专题"), topics, False),
            (_("提供方"), own, False),
            (_("开放属性"), open_types, False),
            (_("更新频率"), frequencies, False),
            (_("使用许可"), licences, False),
            (_("质量分"), bands, True),
            (_("更新承诺"), [row for row in fresh if row[1]], True),
        )
    ]


def _listed(facet: str, key: str) -> str:
    return f"{reverse('datasets')}?{facet}={key}"
