"""The page on which a dataset is asked with clicks, and its description for programs."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.opening import console, openapi
from gongshu.opening.models import Version
from gongshu.opening.pages import answers_for_data, found_version
from gongshu.opening.rows import admission, grammar, groupers, limits, service, tables
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import NUMERIC
from gongshu.opening.rows.wanted import CONTENT_TYPES
from gongshu.opening.snippets import snippets
from gongshu.web import words
from gongshu.web.access import public

SHOWN = 10
LONGEST = 200  # characters of a cell
SPARE = 1  # empty lines for further conditions
FUNCTIONS = {
    "count": gettext_lazy("只数行"),
    "sum": gettext_lazy("合计"),
    "avg": gettext_lazy("平均"),
    "min": gettext_lazy("最小"),
    "max": gettext_lazy("最大"),
    "p50": gettext_lazy("中位数"),
    "p90": gettext_lazy("第 90 百分位"),
}
LABELS = {"json": "JSON", "jsonl": "JSON Lines", "csv": "CSV", "arrow": "Arrow", "parquet": "Parquet", "xlsx": "XLSX", "geojson": "GeoJSON"}  # fmt: skip


@require_safe
@answers_for_data
@public
def console_page(request: HttpRequest, name: str) -> HttpResponseBase:
    """A question put together by clicks: its address, its code in four languages, the first rows of its answer."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    table = tables.of(version)
    formats = [key for key in CONTENT_TYPES if key != "geojson" or table.spatial]
    form = console.read(request.GET, table, formats)
    site = request.build_absolute_uri("/").rstrip("/")
    peer, forwarded = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    status, answer = _answer(form, table, limits.address_of(peer, forwarded))
    context = {
        "dataset": version.dataset,
        "version": version,
        "title": words.local(version.dataset, "title"),
        "form": form,
        "kinds": [("rows", _("逐行")), ("facets", _("各值的行数")), ("groups", _("分组统计"))],
        **choices(form, version),
        "plain": [column for column in _columns(version) if column["kind"] != "geometry"],
        "formats": [(key, LABELS[key]) for key in formats],
        "readable": _readable(form, table, site),
        "url": f"/api/v1/datasets/{name}/{form.answer}?{form.query}",
        "snippets": snippets(form, table, site),
        "openapi": reverse("dataset_openapi", args=[name]),
        "errors": _errors(),
        "rate": f"{settings.API_RATE:g}",
        "token_rate": f"{settings.API_TOKEN_RATE:g}",
        "burst": limits.BURST_SECONDS,
        "heavy": limits.HEAVY,
        "heads": _heads(answer),
        **answer,
    }
    response = render(request, "opening/console.html", context, status=status)
    if answer.get("retry_after"):
        response["Retry-After"] = answer["retry_after"]
    return response


@require_safe
@answers_for_data
@public
def openapi_document(request: HttpRequest, name: str) -> HttpResponseBase:
    """The interface to one dataset as OpenAPI 3.1."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    site = request.build_absolute_uri("/").rstrip("/")
    found = openapi.document(version, site)
    response = JsonResponse(found, json_dumps_params={"ensure_ascii": False})
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "no-cache"
    return response


def choices(form: console.Form, version: Version) -> dict[str, Any]:
    """What the fields of a form of conditions, groupings and measures are filled with."""
    columns = _columns(version)
    return {
        "conditions": _lines(form),
        "operators": grammar.OPERATORS.items(),
        "columns": columns,
        "groupings": groupers.choices(tables.of(version)),
        "numeric": [column for column in columns if column["kind"] in NUMERIC],
        "functions": FUNCTIONS.items(),
    }


def _lines(form: console.Form) -> list[dict[str, Any]]:
    lines = [{"number": n, "condition": one, "filled": True} for n, one in enumerate(form.conditions)]
    if len(lines) < console.MOST_CONDITIONS:
        lines += [{"number": len(lines), "condition": console.Condition(), "filled": False}] * SPARE
    return lines


def _columns(version: Version) -> list[dict[str, Any]]:
    found = []
    for column in version.columns:
        title = words.local(column, "title")
        found.append(
            {
                "name": column["name"],
                "title": title if title != column["name"] else "",
                "kind": column["storage_type"],
                "type": words.STORAGE.get(column["storage_type"], column["storage_type"]),
            }
        )
    return found


def _readable(form: console.Form, table: Table, site: str) -> str:
    """The address as a person reads it: nothing encoded but what would break it."""
    pairs = [f"{name}={value}" for name, values in form.words for value in values]
    query = "&".join(
        pair.replace("%", "%25").replace("&", "%26").replace("+", "%2B").replace("#", "%23") for pair in pairs
    )
    return f"{site}/api/v1/datasets/{table.dataset}/{form.answer}" + (f"?{query}" if query else "")


def _answer(form: console.Form, table: Table, address: str) -> tuple[int, dict[str, Any]]:
    """The status of the page, and the first rows of the answer (``names``, ``lines``) or the ``error``."""
    query = form.query
    if form.answer == "rows":  # the first few as JSON, whatever is asked for; said last, a word wins
        query += f"&limit={min(SHOWN, int(form.limit))}&format=json&shape=arrays"
    elif form.answer == "groups":
        query += f"&limit={SHOWN}"
    asked = service.Asked(form.answer, table.dataset, query=query, headers={"accept-language": get_language() or ""})
    reply = admission.ask(asked, address)
    found = json.loads(reply.content)
    if reply.status != 200:
        return reply.status, {"error": found["error"], "retry_after": reply.headers.get("Retry-After", "")}
    if form.answer == "facets":
        return 200, {
            "names": [_("列"), _("值"), _("行数")],
            "lines": [
                [_cell(one["column"]), _cell(each["value"]), _cell(each["count"])]
                for one in found["facets"]
                for each in one["values"][:SHOWN]
            ],
        }
    if form.answer == "groups":
        return 200, {
            "names": [*form.by, *form.measures],
            "lines": [
                [_cell(value) for value in (*each["by"].values(), *(each[name] for name in form.measures))]
                for each in found["groups"]
            ],
        }
    return 200, {
        "names": found["columns"],
        "lines": [[_cell(value) for value in line] for line in found["items"]],
        "total": found["total"],
    }


def _heads(answer: dict[str, Any]) -> list[dict[str, str]]:
    """The names of the columns of the answer, those of numbers set to the right as they are."""
    lines = answer.get("lines") or []
    return [
        {"text": name, "css": "n" if any(line[n]["css"] == "n" for line in lines) else ""}
        for n, name in enumerate(answer.get("names", []))
    ]


def _cell(value: Any) -> dict[str, str]:
    """A value of the answer as it is shown; ``css`` sets numbers to the right."""
    if value is None:
        return {"text": _("空"), "css": "q"}
    if isinstance(value, bool):
        return {"text": _("是") if value else _("否"), "css": "text"}
    if isinstance(value, int | float):
        return {"text": f"{value:,}" if isinstance(value, int) and abs(value) > 9999 else str(value), "css": "n"}
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return {"text": text[:LONGEST], "css": "long" if len(text) > 40 else "text"}


def _errors() -> list[tuple[int, str, str]]:
    return [
        (400, "bad_parameter", _("查询不对：where 里写着是哪个参数、哪一列。改了再问。")),
        (404, "not_found", _("没有这个数据集或这一版。")),
        (410, "withdrawn", _("已撤回，理由在 message 里。不会再有，请停止调用。")),
        (413, "too_large", _("一次要得太多：减小 limit、用 select 少取几列，或用 dump 取全部。")),
        (414, "", _("地址太长：改用 POST，JSON 里写同样的词。")),
        (429, "too_many_requests", _("问得太频繁：等 Retry-After 秒。要取全部请用 dump 或下载文件。")),
        (503, "too_busy", _("同时查询的人太多：等 Retry-After 秒再问。")),
        (503, "rebuilding", _("这台服务器上的副本正在重建：等几秒再问。")),
        (503, "too_slow", _("超过时限，已经停下：加筛选条件，或下载整个文件在本地查。")),
        (503, "stopped", _("紧急停止，平台正在核查；恢复后地址不变。")),
    ]
