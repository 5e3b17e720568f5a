"""The page on which a dataset is counted and measured: table, chart or map, with a link that shows the same again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.opening import analysis, charts, console, console_pages, maps, queries
from gongshu.opening.analysis import Figures
from gongshu.opening.models import Version
from gongshu.opening.pages import answers_for_data, found_version
from gongshu.opening.rows import admission, grammar, groupers, limits, tables
from gongshu.opening.rows.failures import KNOWN, failure
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.groupers import Grouper
from gongshu.opening.rows.tables import Table
from gongshu.oversight import access
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.middleware import CONTENT_SECURITY_POLICY

LIGHT_ROWS = 50_000  # fewer rows are looked through at once
FRAMED = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")


@require_safe
@answers_for_data
@public
def analysis_page(request: HttpRequest, name: str) -> HttpResponseBase:
    """Rows by one column or two: filter, group, measure; as a table, a chart or a map; ``format=csv`` for the figures."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    found = _found(request, version)
    if request.GET.get("format") == "csv" and "figures" in found:
        text = analysis.csv_file(found["figures"], list(found["form"].by), found["form"].measures[-1])
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}-v{version.number}-analysis.csv"'
        return response
    address = request.build_absolute_uri(f"{reverse('analysis', args=[name])}?{found['shared']}")
    frame = request.build_absolute_uri(f"{reverse('analysis_embed', args=[name])}?{found['shared']}")
    context = {
        **found,
        **console_pages.choices(found["form"], version),
        "address": address,
        "embed": format_html(
            '<iframe src="{}" title="{}" width="100%" height="520" loading="lazy" style="border:0"></iframe>',
            frame,
            found["title"],
        ),
    }
    return _answered(render(request, "opening/analysis.html", context, status=found["status"]), found)


@require_safe
@answers_for_data
@public
def embed_page(request: HttpRequest, name: str) -> HttpResponseBase:
    """The same drawing alone, for the frame of another site; it shows nothing but public figures and changes nothing."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    found = _found(request, version)
    found["address"] = request.build_absolute_uri(f"{reverse('analysis', args=[name])}?{found['shared']}")
    response = render(request, "opening/embed.html", found, status=found["status"])
    response["Content-Security-Policy"] = FRAMED
    return _answered(response, found)


def _answered(response: HttpResponse, found: dict[str, Any]) -> HttpResponse:
    if found.get("retry_after"):
        response["Retry-After"] = str(found["retry_after"])
    return response


def _found(request: HttpRequest, version: Version) -> dict[str, Any]:
    """What both pages show: the form as it was sent, the figures or the error, the drawing."""
    table = tables.of(version)
    form = console.read(_with_defaults(request, version), table, ["json"])
    context: dict[str, Any] = {
        "dataset": version.dataset,
        "version": version,
        "title": words.local(version.dataset, "title"),
        "provider": words.local(version.dataset.provider, "name"),
        "form": form,
        "status": 200,
    }
    peer, forwarded = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    try:
        ask = grammar.parse(_conditions(form), table)
        by = groupers.parse(form.by[:2], table)
        views = _views(table, by)
        view = request.GET.get("view", "")
        view = view if view in dict(views) else next(iter(dict(views)))
        context |= {"views": views, "view": view, "shared": analysis.share(form, view)}

        def work() -> dict[str, Any]:
            return _drawn(table, ask, form, by, view)

        address = limits.address_of(peer, forwarded)
        context |= admission.run(work, address, "", heavy=table.rows > LIGHT_ROWS)
        access.record(queries.QUERY, f"dataset:{version.dataset.name}", version=version.number, groups=len(by))
    except KNOWN as error:
        wrong = failure(error)
        context |= {"error": wrong.body["error"], "status": wrong.status, "retry_after": wrong.retry_after or ""}
        context.setdefault("views", [("table", _("表格"))])
        context.setdefault("view", "table")
        context.setdefault("shared", analysis.share(form, "table"))
    return context


def _with_defaults(request: HttpRequest, version: Version) -> Any:
    """What was sent; at the first visit the question that tells most of this dataset."""
    query = request.GET.copy()
    query["answer"] = "groups"
    if "by" not in query and (best := charts.chart(version)) is not None:
        query.setlist("by", [f"{best.period}:{best.column}" if best.period else best.column])
        if best.measure and "function" not in query:
            query["function"], query["measured"] = "avg", best.measure
    return query


def _conditions(form: console.Form) -> grammar.Words:
    """The words of the form that say which rows."""
    return [(name, values) for name, values in form.words if name not in ("by", "measure", "sort")]


def _views(table: Table, by: list[Grouper]) -> list[tuple[str, str]]:
    """The drawings that these groups can have, the best first."""
    line, bar = ("line", _("折线")), ("bar", _("条形"))
    found = [line, bar] if by and analysis.in_order(by[0]) else [bar, line]
    if len(by) > 1:
        found.append(("stacked", _("堆叠")))
    if by and by[0].column.get("semantic_type") == "division_name" and maps.divisions():
        found.append(("areas", _("分区地图")))
    if table.longitude and table.latitude:
        found.append(("points", _("点位地图")))
    return [*(found if by else found[2:]), ("table", _("表格"))]


def _drawn(table: Table, ask: Ask, form: console.Form, by: list[Grouper], view: str) -> dict[str, Any]:
    measure = form.measures[-1]
    figures = analysis.figures(table, ask, form.by[:2], measure)
    said = _said(form, by)
    found: dict[str, Any] = {
        "figures": figures,
        "said": said,
        "measure": _measure(form),
        "by": [grouper.label for grouper in by],
        "lines": _lines(table, figures, form, by),
        "heads": [head.label for head in figures.heads],
        "of_heads": [_shown(value) for value in figures.of_heads],
        "whole": _shown(figures.whole),
    }
    if view == "points":
        found["map"] = maps.points_map(table, ask)
    elif view == "areas":
        shown = {
            str(line.value): analysis.number(value) for line, value in zip(figures.lines, figures.of_lines, strict=True)
        }
        found["areas"] = maps.shaded({name: value for name, value in shown.items() if value is not None})
    elif view != "table":
        found["chart"] = {
            "kind": view,
            "labels": [line.label for line in figures.lines],
            "series": [{"name": name, "values": values} for name, values in figures.drawn],
            "description": said,
        }
    return found


def _lines(table: Table, figures: Figures, form: console.Form, by: list[Grouper]) -> list[dict[str, Any]]:
    """The lines of the table, each with the address of the rows that it stands for."""
    page = reverse("dataset", args=[table.dataset])
    kept = [(name, value) for name, values in _conditions(form) for value in values]
    lines = []
    for n, line in enumerate(figures.lines):
        own = analysis.where(by[0], line.value)
        lines.append(
            {
                "label": line.label,
                "url": f"{page}?{urlencode([*kept, *own])}#preview" if own else "",
                "cells": [_shown(value) for value in figures.cells[n]] if figures.heads else [],
                "all": _shown(figures.of_lines[n]),
            }
        )
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return str(value)


def _measure(form: console.Form) -> str:
    if form.measures == ["count"]:
        return _("行数")
    named = {"column": form.measured, "function": console_pages.FUNCTIONS[form.function]}
    return _("%(column)s的%(function)s") % named


def _said(form: console.Form, by: list[Grouper]) -> str:
    """The question in words: the title of the drawing."""
    names = {"one": by[0].label if by else "", "other": by[-1].label if by else ""}
    said = _("“%(one)s”和“%(other)s”") % names if len(by) > 1 else _("“%(one)s”") % names
    where = [f"{one.column} {grammar.OPERATORS[one.operator]} {one.value}".strip() for one in form.conditions]
    joined = _("，").join([*where, *([_("含“%(words)s”") % {"words": form.search}] if form.search else [])])
    title = _("按%(by)s的%(measure)s") % {"by": said, "measure": _measure(form)} if by else _measure(form)
    return _("%(title)s（%(where)s）") % {"title": title, "where": joined} if joined else title
