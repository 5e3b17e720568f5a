"""The addresses of OGC API - Features below ``/ogc``."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu import clock
from gongshu.opening import queries
from gongshu.opening.described import ZH, Described, describe, in_sight
from gongshu.opening.rows import finding, grammar
from gongshu.opening.rows.failures import KNOWN, failure
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import BadQuestion
from gongshu.oversight import access
from gongshu.surfaces.ogc import crs, items, times
from gongshu.surfaces.requests import client_of, open_to_all, site_of
from gongshu.web import words
from gongshu.web.access import public

LIMIT, MOST = 100, 10_000
LISTED = 1000
CONFORMS = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
]
OWN = ("limit", "offset", "bbox", "bbox-crs", "crs", "datetime", "f", "lang")
GEOJSON, JSON, OPENAPI = "application/geo+json", "application/json", "application/vnd.oai.openapi+json;version=3.0"
PLAIN = {"int64": "integer", "float64": "number", "decimal": "string", "boolean": "boolean"}


@require_safe
@public
def landing(request: HttpRequest) -> HttpResponse:
    """What this is and where to go on."""
    here = _at(request, "ogc")
    return _answer(
        {
            "title": _("公共数据要素服务"),
            "description": _("有位置的数据集，每个是一个要素集合。"),
            "links": [
                _link(here, "self", JSON),
                _link(_at(request, "ogc_openapi"), "service-desc", OPENAPI),
                _link(request.build_absolute_uri(reverse("api_page")), "service-doc", "text/html"),
                _link(_at(request, "ogc_conformance"), "conformance", JSON),
                _link(_at(request, "ogc_collections"), "data", JSON),
            ],
        }
    )


@require_safe
@public
def conformance(request: HttpRequest) -> HttpResponse:
    """The parts of the standard that are kept."""
    return _answer({"conformsTo": CONFORMS})


@require_safe
@public
def collections(request: HttpRequest) -> HttpResponse:
    """All collections."""
    shown = describe(queries.has_format(in_sight(), "geojson")[:LISTED], site_of(request))
    links = [_link(_at(request, "ogc_collections"), "self", JSON)]
    return _answer(
        {"links": links, "crs": list(crs.KNOWN), "collections": [_collection(request, one) for one in shown]}
    )


@require_safe
@public
def collection(request: HttpRequest, name: str) -> HttpResponse:
    """One collection."""
    found = describe(queries.has_format(in_sight().filter(name=name), "geojson"), site_of(request))
    return _answer(_collection(request, found[0])) if found else _no_such()


@require_safe
@public
def feature_page(request: HttpRequest, name: str) -> HttpResponse:
    """Features of a collection."""
    try:
        table = _table(name)
        if table is None:
            return _no_such()
        limit, offset = min(_number(request, "limit", LIMIT), MOST), _number(request, "offset", 0)
        if not limit:
            raise BadQuestion(_("limit 至少是 1"), parameter="limit")
        system = _system(request, "crs")
        box = _box(request)
        conditions = [(key, values) for key, values in request.GET.lists() if key not in OWN]
        wrong = next((key for key, _values in conditions if key in grammar.RESERVED and key not in table.by_name), None)
        if wrong:
            raise BadQuestion(_("这里不用参数“%(name)s”") % {"name": wrong}, parameter=wrong)
        ask = times.during(grammar.parse(conditions, table), table, request.GET.get("datetime", ""))
        found = items.page(table, ask, box, limit, offset, client_of(request))
    except KNOWN as error:
        return _refused(error)
    access.record(queries.QUERY, f"dataset:{name}", version=table.number, filters=len(ask.filters), limit=limit)
    here = request.build_absolute_uri()
    links = [_link(here, "self", GEOJSON), _link(_at(request, "ogc_collection", name), "collection", JSON)]
    pairs = [(key, value) for key, values in request.GET.lists() for value in values if key != "offset"]
    base = _at(request, "ogc_items", name)
    if found.more:
        links.append(_link(f"{base}?{urlencode([*pairs, ('offset', str(offset + limit))])}", "next", GEOJSON))
    if offset:
        links.append(_link(f"{base}?{urlencode([*pairs, ('offset', str(max(0, offset - limit)))])}", "prev", GEOJSON))
    body = {
        "type": "FeatureCollection",
        "timeStamp": clock.now().isoformat().replace("+00:00", "Z"),
        "numberMatched": found.matched,
        "numberReturned": len(found.features),
        "features": [items.in_system(one, system) for one in found.features],
        "links": links,
    }
    return _answer(body, GEOJSON, system)


@require_safe
@public
def feature(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """One feature."""
    try:
        table = _table(name)
        system = _system(request, "crs")
        found = items.one(table, key, client_of(request)) if table is not None else None
    except BadQuestion as error:  # no such key: of another type
        return _refused(error) if error.where.get("parameter") == "crs" else _no_such()
    except KNOWN as error:
        return _refused(error)
    if table is None or found is None:
        return _no_such()
    links = [
        _link(request.build_absolute_uri(), "self", GEOJSON),
        _link(_at(request, "ogc_collection", name), "collection", JSON),
    ]
    return _answer(items.in_system(found, system) | {"links": links}, GEOJSON, system)


@require_safe
@public
def openapi(request: HttpRequest) -> HttpResponse:
    """The interface as OpenAPI 3.0."""
    name = {"name": "collectionId", "in": "path", "required": True, "schema": {"type": "string"}}
    system = {"name": "crs", "in": "query", "schema": {"type": "string", "format": "uri", "enum": list(crs.KNOWN)}}
    paging: list[dict[str, Any]] = [
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}},
        {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}},
        {"name": "bbox", "in": "query", "style": "form", "explode": False, "schema": {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}},
        {**system, "name": "bbox-crs"},
        {"name": "datetime", "in": "query", "schema": {"type": "string"}},
    ]  # fmt: skip

    def path(summary: str, kind: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
        ok = {"description": "OK", "content": {kind: {"schema": {"type": "object"}}}}
        wrong = {"description": "Error", "content": {JSON: {"schema": {"type": "object"}}}}
        return {"get": {"summary": summary, "parameters": parameters, "responses": {"200": ok, "default": wrong}}}

    key = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Gongshu OGC API - Features", "version": "1.0"},
        "servers": [{"url": _at(request, "ogc").rstrip("/")}],
        "paths": {
            "/": path("Landing page", JSON, []),
            "/conformance": path("Conformance classes", JSON, []),
            "/collections": path("Collections", JSON, []),
            "/collections/{collectionId}": path("A collection", JSON, [name]),
            "/collections/{collectionId}/items": path("Features", GEOJSON, [name, *paging, system]),
            "/collections/{collectionId}/items/{featureId}": path("A feature", GEOJSON, [name, key, system]),
        },
    }
    return _answer(document, OPENAPI)


def _collection(request: HttpRequest, one: Described) -> dict[str, Any]:
    title = one.title.get("en" if words.english() else ZH, one.title[ZH])
    found: dict[str, Any] = {
        "id": one.name,
        "title": title,
        "description": one.summary.get("en" if words.english() else ZH, one.summary[ZH]),
        "itemType": "feature",
        "crs": list(crs.KNOWN),
        "storageCrs": crs.CRS84,
        "links": [
            _link(_at(request, "ogc_collection", one.name), "self", JSON),
            _link(_at(request, "ogc_items", one.name), "items", GEOJSON, title),
            _link(one.url, "describedby", "text/html"),
            _link(one.licence_url, "license", "text/html"),
        ],
    }
    if one.box:
        found["extent"] = {"spatial": {"bbox": [list(one.box)], "crs": crs.CRS84}}
    if interval := times.interval(one.columns):
        found.setdefault("extent", {})["temporal"] = {"interval": [interval], "trs": times.GREGORIAN}
    return found


def _table(name: str) -> Table | None:
    table = finding.current(name)[1]
    return table if table.spatial else None


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise BadQuestion(_("%(name)s 要写不小于 0 的整数") % {"name": name}, parameter=name)
    return int(text)


def _system(request: HttpRequest, name: str) -> str:
    text = request.GET.get(name, "")
    found = crs.of(text) if text else crs.CRS84
    if found is None:
        raise BadQuestion(_("没有这个坐标参考系：%(name)s") % {"name": text[:100]}, parameter=name)
    return found


def _box(request: HttpRequest) -> items.Box | None:
    text = request.GET.get("bbox", "")
    if not text:
        return None
    try:
        ends = [float(part) for part in text.split(",")]
    except ValueError:
        ends = []
    if len(ends) == 6:  # heights say nothing here
        ends = [ends[0], ends[1], ends[3], ends[4]]
    if len(ends) != 4 or not all(map(math.isfinite, ends)):
        raise BadQuestion(_("bbox 要写四个数：最小与最大的两个坐标"), parameter="bbox")
    west, south, east, north = crs.degrees(tuple(ends), _system(request, "bbox-crs"))
    if south > north or west > east:
        raise BadQuestion(_("bbox 的最小坐标大于最大坐标"), parameter="bbox")
    return west, south, east, north


def _refused(error: Exception) -> HttpResponse:
    found = failure(error)
    response = _answer({"code": found.body["error"]["code"], "description": found.message}, status=found.status)
    if found.retry_after is not None:
        response["Retry-After"] = str(found.retry_after)
    return response


def _no_such() -> HttpResponse:
    return _answer({"code": "not_found", "description": _("没有这个要素或集合")}, status=404)


def _answer(body: dict[str, Any], kind: str = JSON, system: str = "", status: int = 200) -> HttpResponse:
    options = {"ensure_ascii": False}
    response = JsonResponse(body, status=status, json_dumps_params=options, content_type=kind)
    if system:
        response["Content-Crs"] = f"<{system}>"
    return open_to_all(response)


def _link(href: str, rel: str, kind: str, title: str = "") -> dict[str, str]:
    return {"href": href, "rel": rel, "type": kind} | ({"title": title} if title else {})


def _at(request: HttpRequest, view: str, *parts: str) -> str:
    return request.build_absolute_uri(reverse(view, args=parts))
