"""The interface to one dataset as an OpenAPI 3.1 document: its own columns as parameters and as the schema of its rows.

Titles, types and examples come from what is published of the columns (dictionary, most frequent values, ends), nothing else.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from gongshu.opening.models import Version
from gongshu.opening.openapi_columns import EQUAL, ORDERED, TEXT, Schema, examples, filters, told
from gongshu.opening.rows.groupers import DATED, PERIODS
from gongshu.opening.rows.measures import MOST as MOST_MEASURES
from gongshu.opening.rows.values import NUMERIC
from gongshu.opening.rows.wanted import CONTENT_TYPES, LIMIT, MOST_FACETS, MOST_GROUPERS, MOST_ROWS, STREAMS
from gongshu.web import words

ERRORS = {
    "400": "bad_parameter",
    "404": "not_found",
    "410": "withdrawn",
    "413": "too_large",
    "429": "too_many_requests",
    "503": "unavailable",
}


def document(version: Version, site: str) -> Schema:
    """The document of the version's dataset on the installation at ``site``."""
    dataset = version.dataset
    columns = version.columns
    base = f"/api/v1/datasets/{dataset.name}"
    keys = [*filters(columns), "filter", "q", "version"]
    shared: list[Schema] = [{"$ref": f"#/components/parameters/{key}"} for key in keys]
    plain = [column["name"] for column in columns if column["storage_type"] != "geometry"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": words.local(dataset, "title"),
            "summary": words.local(dataset, "summary") or words.local(dataset, "title"),
            "description": _description(version),
            "version": str(version.number),
        },
        "servers": [{"url": site}],
        "externalDocs": {"url": f"{site}/datasets/{dataset.name}/api", "description": _("用点选来写查询")},
        "paths": {
            f"{base}/rows": {
                "get": _operation(
                    "rows", _("行"), [*shared, *_paging(columns), *_forms(version)], _rows_answers(version)
                ),
                "post": _post(_rows_answers(version)),
            },
            f"{base}/distinct": {
                "get": _operation(
                    "distinct",
                    _("一列有哪些不同的值"),
                    [*shared, _one_column(plain), *_slice()],
                    {"application/json": _reference("Distinct")},
                )
            },
            f"{base}/facets": {
                "get": _operation(
                    "facets",
                    _("几列最多的值各有多少行"),
                    [*shared, _columns("column", plain, MOST_FACETS, required=True), _most()],
                    {"application/json": _reference("Facets")},
                )
            },
            f"{base}/groups": {
                "get": _operation(
                    "groups",
                    _("分组计数与度量"),
                    [
                        *shared,
                        _columns("by", [*plain, *_periods(columns)], MOST_GROUPERS),
                        _measures(columns),
                        _group_sort(),
                        *_slice(),
                    ],
                    {"application/json": _reference("Groups")},
                )
            },
            f"{base}/dump": {
                "get": _operation(
                    "dump",
                    _("全部符合条件的行，边读边发"),
                    [*shared, *_chosen(columns), _format(_streams(version), "csv", required=True)],
                    {_media(key): {} for key in _streams(version)},
                )
            },
        },
        "components": {
            "parameters": filters(columns) | _shared(columns),
            "schemas": _schemas(version),
            "responses": {code: _error(code) for code in ERRORS} | {"414": {"description": _("地址太长：改用 POST")}},
            "headers": {
                "Retry-After": {"description": _("过几秒再来"), "schema": {"type": "integer", "minimum": 0}},
            },
        },
    }


def _description(version: Version) -> str:
    lines = [
        _("第 %(n)s 版，%(rows)s 行。不用密钥。") % {"n": version.number, "rows": f"{version.rows:,}"},
        _("筛选：列=值 或 列__比较=值，可写多个，须同时满足；filter 是条件的树（and、or、not）；q 在文字列里找词。"),
        _("翻页：把回答的 next 作为 cursor 再问；它记着版本，翻页途中有新版本也不会错行。"),
        _("数值：大于 2^53 的整数与定点小数写成文本；时间为 ISO 8601，东八区；几何图形为 GeoJSON。"),
    ]
    return "\n\n".join(lines)


def _operation(name: str, summary: str, parameters: list[Schema], contents: dict[str, Schema]) -> Schema:
    return {"operationId": name, "summary": summary, "parameters": parameters, "responses": _responses(contents)}


def _post(contents: dict[str, Schema]) -> Schema:
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Question"}}}}
    return {
        "operationId": "rows_by_body",
        "summary": _("行；长的查询写在 JSON 里"),
        "requestBody": body,
        "responses": _responses(contents),
    }


def _responses(contents: dict[str, Schema]) -> Schema:
    return {
        "200": {"description": _("回答"), "content": contents},
        **{code: {"$ref": f"#/components/responses/{code}"} for code in (*ERRORS, "414")},
    }


def _rows_answers(version: Version) -> dict[str, Schema]:
    return {"application/json": _reference("Rows")} | {_media(key): {} for key in _formats(version) if key != "json"}


def _formats(version: Version) -> list[str]:
    """The formats of an answer: GeoJSON where the rows have a place."""
    spatial = bool(version.longitude or any(c["storage_type"] == "geometry" for c in version.columns))
    return [key for key in CONTENT_TYPES if key != "geojson" or spatial]


def _streams(version: Version) -> list[str]:
    return [key for key in _formats(version) if key in STREAMS]


def _media(key: str) -> str:
    return CONTENT_TYPES[key].partition(";")[0]


def _reference(name: str) -> Schema:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def _error(code: str) -> Schema:
    said = {
        "400": _("查询不对；where 写着是哪个参数、哪一列"),
        "404": _("没有这个数据集或这一版"),
        "410": _("已撤回；message 里有理由"),
        "413": _("一次要得太多：减小 limit、少取几列，或用 dump"),
        "429": _("请求太频繁；过 Retry-After 秒再来"),
        "503": _("太慢、太忙或紧急停止；code 说是哪一种"),
    }
    found: Schema = {"description": said[code], "content": {"application/json": _reference("Error")}}
    if code in ("429", "503"):
        found["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return found


# parameters that are no columns


def _query(name: str, schema: Schema, description: str, **more: Any) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description, **more}


def _shared(columns: list[dict[str, Any]]) -> dict[str, Schema]:
    first = next((c for c in columns if examples(c)), None)
    example = {"column": first["name"], "op": "eq", "value": examples(first)[0]} if first else None
    tree: Schema = {
        "name": "filter",
        "in": "query",
        "description": _("条件的树，写成 JSON；最多五层、一百个条件"),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Filter"}}},
    }
    if example:
        tree["content"]["application/json"]["example"] = {"not": example}
    return {
        "filter": tree,
        "q": _query("q", {"type": "string", "maxLength": 500}, _("在文字列里找这些词，空格隔开，都要有")),
        "version": _query(
            "version", {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, _("哪一版；不写是现行的一版")
        ),
    }


def _chosen(columns: list[dict[str, Any]]) -> list[Schema]:
    names = [column["name"] for column in columns]
    plain = [column["name"] for column in columns if column["storage_type"] != "geometry"]
    return [
        _query(
            "select", {"type": "array", "items": {"enum": [*names, "_row_id"]}}, _("只要这些列；_row_id 是行的标识")
        ),
        _query(
            "sort",
            {"type": "array", "items": {"enum": [*plain, *(f"-{name}" for name in plain)]}, "maxItems": 4},
            _("按这些列排序；前面加 - 为从大到小"),
        ),
    ]


def _paging(columns: list[dict[str, Any]]) -> list[Schema]:
    return [
        *_chosen(columns),
        *_slice(),
        _query("cursor", {"type": "string", "maxLength": 8000}, _("上一页的 next")),
        _query("total", {"enum": [0, 1]}, _("0：不数一共多少行，快一些")),
    ]


def _slice() -> list[Schema]:
    return [
        _query("limit", {"type": "integer", "minimum": 0, "maximum": MOST_ROWS, "default": LIMIT}, _("最多几项")),
        _query("offset", {"type": "integer", "minimum": 0, "maximum": 10_000_000}, _("从第几项开始，0 为第一项")),
    ]


def _forms(version: Version) -> list[Schema]:
    shape = _query("shape", {"enum": ["objects", "arrays"], "default": "objects"}, _("JSON 的一行是对象还是数组"))
    return [_format(_formats(version), "json"), shape]


def _format(keys: list[str], default: str, *, required: bool = False) -> Schema:
    more = {"required": True, "example": default} if required else {}
    return _query("format", {"enum": keys} if required else {"enum": keys, "default": default}, _("回答的格式"), **more)


def _one_column(names: list[str]) -> Schema:
    return _query("column", {"enum": names}, _("哪一列"), required=True)


def _columns(word: str, names: list[str], most: int, *, required: bool = False) -> Schema:
    meaning = _("哪些列，可写多次") if word == "column" else _("按哪些列分组，可写多次")
    schema = {"type": "array", "items": {"enum": names}, "maxItems": most} | ({"minItems": 1} if required else {})
    return _query(word, schema, meaning, **({"required": True} if required else {}))


def _periods(columns: list[dict[str, Any]]) -> list[str]:
    dated = [column["name"] for column in columns if column["storage_type"] in DATED]
    return [f"{period}:{name}" for name in dated for period in PERIODS]


def _most() -> Schema:
    return _query("most", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}, _("每列最多几个值"))


def _measures(columns: list[dict[str, Any]]) -> Schema:
    known = ["count"]
    for column in columns:
        kind = column["storage_type"]
        functions = ["min", "max"] if kind != "geometry" else []
        functions += ["sum", "avg", "p10", "p50", "p90"] if kind in NUMERIC else []
        known += [f"{function}:{column['name']}" for function in functions]
    return _query(
        "measure",
        {"type": "array", "items": {"type": "string", "examples": known[:6]}, "maxItems": MOST_MEASURES},
        _("每组的度量：count，sum:列、avg:列、min:列、max:列，p90:列 为百分位数（行多时是近似值）"),
        example=["count"],
    )


def _group_sort() -> Schema:
    return _query(
        "sort",
        {"type": "array", "items": {"type": "string"}, "maxItems": 4},
        _("按 by 或 measure 里的项排序；前面加 - 为从大到小"),
        example=["-count"],
    )


# what comes back


def _schemas(version: Version) -> dict[str, Schema]:
    row = {column["name"]: told(column) for column in version.columns}
    number: Schema = {"type": "integer", "minimum": 0}
    value = {"type": ["string", "number", "boolean", "null"]}
    return {
        "Row": {"type": "object", "properties": row},
        "Rows": {
            "type": "object",
            "required": ["version", "items", "next"],
            "properties": {
                "version": number,
                "total": number | {"description": _("一共多少行符合条件；total=0 时没有")},
                "columns": {"type": "array", "items": {"type": "string"}},
                "items": {
                    "type": "array",
                    "items": {"anyOf": [{"$ref": "#/components/schemas/Row"}, {"type": "array"}]},
                },
                "next": {"type": ["string", "null"], "description": _("下一页的 cursor；没有下一页时是 null")},
            },
        },
        "Distinct": _object(
            version=number, column={"type": "string"}, values={"type": "array", "items": value}, count=number
        ),
        "Facets": _object(
            version=number,
            total=number,
            facets={
                "type": "array",
                "items": _object(
                    column={"type": "string"},
                    values={"type": "array", "items": _object(value=value, count=number)},
                    others=number | {"description": _("没有列出的值一共有多少行")},
                ),
            },
        ),
        "Groups": _object(
            version=number,
            groups={"type": "array", "items": _object(by={"type": "object"})},
        ),
        "Filter": _tree(version.columns),
        "Question": _question(version.columns),
        "Error": _object(
            error=_object(code={"type": "string"}, message={"type": "string"}, where={"type": "object"}),
        ),
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": [*properties], "properties": properties}


def _tree(columns: list[dict[str, Any]]) -> Schema:
    operators = [*EQUAL, *ORDERED, *TEXT, "is_null"]
    one = {"type": ["string", "number", "boolean"]}
    leaf = {
        "type": "object",
        "required": ["column"],
        "additionalProperties": False,
        "properties": {
            "column": {"enum": [column["name"] for column in columns]},
            "op": {"enum": operators, "default": "eq"},
            "value": {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 1000}]},
        },
    }
    again = {"$ref": "#/components/schemas/Filter"}

    def branch(joint: str, parts: Schema) -> Schema:
        return _object(**{joint: parts}) | {"additionalProperties": False}

    many = {"type": "array", "items": again, "minItems": 1}
    return {"oneOf": [leaf, branch("and", many), branch("or", many), branch("not", again)]}


def _question(columns: list[dict[str, Any]]) -> Schema:
    """The words of the query string as a JSON object; lists for what may be repeated."""
    properties: Schema = {}
    for one in filters(columns).values():
        schema = one["schema"]
        if one["name"].endswith("__between"):
            schema = {"anyOf": [schema, {"type": "array", "minItems": 2, "maxItems": 2}]}
        properties[one["name"]] = schema
    for one in [*_shared(columns).values(), *_paging(columns)]:
        name = one["name"]
        properties[name] = {"$ref": "#/components/schemas/Filter"} if name == "filter" else one["schema"]
    properties["format"] = {"enum": ["json"]}
    properties["shape"] = {"enum": ["objects", "arrays"]}
    return {"type": "object", "properties": properties, "additionalProperties": False}
