"""The human page of the REST interface, made from its OpenAPI document."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from gongshu.opening import queries
from gongshu.surfaces.rest import api
from gongshu.web.access import public

TITLES = {
    "List and search datasets": gettext_lazy("列出与查找数据集"),
    "One dataset": gettext_lazy("一个数据集"),
    "Rows of a dataset": gettext_lazy("数据集的行"),
    "Values of a column": gettext_lazy("一列的取值"),
    "Facets of a dataset": gettext_lazy("各取值的行数"),
    "Groups of rows": gettext_lazy("分组统计"),
    "All rows": gettext_lazy("全部的行"),
    "The graph around a node": gettext_lazy("数据图谱：一项与谁相连"),
}
PARAMETERS = {
    "node": gettext_lazy(
        "类别:标识，如 dataset:标识、field:标识/列名、element:数据含义、organisation:代码、topic:标识；不写为整个目录"
    ),
    "q": gettext_lazy("要找什么：词或一句话，中文或英文"),
    "topic": gettext_lazy("专题的标识"),
    "provider": gettext_lazy("机构的代码"),
    "format": gettext_lazy("格式；读行时也可用 Accept 头说"),
    "limit": gettext_lazy("最多几项"),
    "offset": gettext_lazy("从第几项开始，0 为第一项"),
    "name": gettext_lazy("数据集的标识"),
    "sort": gettext_lazy("按哪一列排序，可写四列；前面加 - 为从大到小"),
    "select": gettext_lazy("只要这些列，可写多次；_row_id 为行的标识"),
    "filter": gettext_lazy("条件的 JSON 树：and、or、not，最多 5 层、100 个条件"),
    "cursor": gettext_lazy("上一页的 next；一直在同一版里往下翻"),
    "version": gettext_lazy("版本号；不写为现行版"),
    "total": gettext_lazy("0 为不数总行数，更快"),
    "shape": gettext_lazy("JSON 里一行写成对象还是数组"),
    "column": gettext_lazy("哪一列；facets 可写多次"),
    "most": gettext_lazy("每列最多几个取值"),
    "by": gettext_lazy("按哪几列分组，最多四列"),
    "measure": gettext_lazy("count、sum:列、avg:列、min:列、max:列、p90:列（百分位）"),
}

PROTOCOLS = [
    ("CKAN Action API", "/api/3/action/package_search?q=", gettext_lazy("为 CKAN 写的软件直接可用（读的部分）：ckanapi、frictionless、QGIS、收割程序")),
    ("DCAT-AP 3", "/catalog.ttl", gettext_lazy("目录的 RDF：Turtle、JSON-LD、RDF/XML，一百个数据集一页")),
    ("DCAT-US 1.1", "/data.json", gettext_lazy("整个目录一份 JSON")),
    ("OGC API - Features", "/ogc/", gettext_lazy("有位置的数据集是要素集合：QGIS、GDAL、ArcGIS；WGS 84、CGCS2000、Web 墨卡托")),
    ("Model Context Protocol", "/mcp", gettext_lazy("人工智能助手查找、读懂、查询数据（只读）")),
    ("Atom", "/feed.atom", gettext_lazy("新发布的数据集；每个数据集另有自己的")),
    ("Sitemap", "/sitemap.xml", gettext_lazy("给搜索引擎；数据集网页里另有 schema.org 说明")),
]  # fmt: skip


@require_safe
@public
def api_page(request: HttpRequest) -> HttpResponse:
    """What can be called, with examples that work on this installation."""
    site = request.build_absolute_uri("/").rstrip("/")
    example = queries.visible().order_by("-current__published_at").first()
    name = example.name if example else "…"
    column = example.current.columns[0]["name"] if example and example.current else "…"
    operations = []
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, operation in methods.items():
            if "get" not in methods or method != "post":  # POST takes the words of GET as JSON
                operations.append(_operation(path, method, operation, site, name, column))
    context = {"operations": operations, "protocols": PROTOCOLS, "site": site, "errors": _errors()}
    return render(request, "surfaces/api.html", context)


def _operation(path: str, method: str, operation: dict[str, Any], site: str, name: str, column: str) -> dict[str, Any]:
    parameters = [
        {
            "name": one["name"],
            "required": one.get("required", False),
            "type": _type(one["schema"]),
            "default": one["schema"].get("default"),
            "meaning": PARAMETERS.get(one["name"], one["schema"].get("description", "")),
        }
        for one in operation.get("parameters", [])
    ]
    url = site + path.replace("{name}", name)
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "title": TITLES.get(operation["summary"], operation["summary"]),
        "parameters": parameters,
        "filters": path.endswith(("/rows", "/distinct", "/facets", "/groups", "/dump")),
        "example": f'curl "{url}{_example(parameters, column)}"',
    }


def _example(parameters: list[dict[str, Any]], column: str) -> str:
    """A query string that works."""
    names = {one["name"] for one in parameters}
    if "column" in names or "by" in names:
        return "?" + urlencode({"column" if "column" in names else "by": column})
    if names >= {"format", "select"} and "limit" not in names:
        return "?format=csv"
    return "?limit=2" if "limit" in names else ""


def _type(schema: dict[str, Any]) -> str:
    kind = str(schema.get("type", ""))
    limits = [f"{word} {schema[key]:,}" for key, word in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([kind, *limits])


def _errors() -> list[tuple[int, str, str]]:
    return [
        (400, "bad_parameter", _("参数不对；where 里写着是哪一个")),
        (404, "not_found", _("没有这个数据集")),
        (410, "withdrawn", _("已撤回；message 里有理由")),
        (413, "too_large", _("一次给不了这么多；请减小 limit、少取几列，或取全部")),
        (429, "too_many_requests", _("请求太频繁；过 Retry-After 秒再来")),
        (503, "too_slow", _("查询超过时限；请加筛选条件")),
        (503, "too_busy", _("同时查询太多；过 Retry-After 秒再来")),
    ]
