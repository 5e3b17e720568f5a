"""The words of the interface as its description (OpenAPI) says them."""

from __future__ import annotations

from typing import Any

from gongshu.opening.rows.wanted import CONTENT_TYPES, DEEPEST, LIMIT, MOST_ROWS


def _number(default: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": most, "default": default}


_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "q": (_TEXT, "words that must all stand in the text columns of a row"),
    "filter": (_TEXT, "a JSON tree of conditions"),
    "select": (_TEXTS, "only these columns; _row_id is the identity of a row"),
    "sort": (_TEXTS, "up to four columns; -column for descending"),
    "limit": (_number(LIMIT, MOST_ROWS), "how many at most"),
    "offset": (_number(0, DEEPEST), "where to begin; a cursor goes deeper at no cost"),
    "cursor": (_TEXT, "`next` of the page before; goes on in the same version"),
    "version": (_number(0, 2**31 - 1), "number of a version; the current one, when not said"),
    "total": ({"type": "integer", "enum": [0, 1], "default": 1}, "0 leaves the number of all rows out"),
    "format": ({"type": "string", "enum": list(CONTENT_TYPES), "default": "json"}, "also by the Accept header"),
    "shape": ({"type": "string", "enum": ["objects", "arrays"], "default": "objects"}, "of the rows in JSON"),
    "column": (_TEXTS, "the column, or up to ten for facets"),
    "most": (_number(20, 1000), "how many values of each column"),
    "by": (_TEXTS, "up to four columns that make the groups; year:column, quarter:, month:, day: of a date"),
    "measure": (_TEXTS, "count, sum:column, avg:column, min:column, max:column, p90:column (a percentile)"),
}
SHARED = ("q", "filter", "version")
OF_KIND = {
    "rows": ("select", "sort", "limit", "offset", "cursor", "total", "format", "shape"),
    "distinct": ("column", "limit", "offset"),
    "facets": ("column", "most"),
    "groups": ("by", "measure", "sort", "limit", "offset"),
    "dump": ("select", "sort", "format"),
}
NEEDED = {("distinct", "column"), ("facets", "column")}


def of_kind(kind: str) -> tuple[str, ...]:
    """The words that a kind of question heeds."""
    return (*SHARED, *OF_KIND[kind])


def parameters(kind: str) -> list[dict[str, Any]]:
    """The words of a kind of question as OpenAPI parameters."""
    return [
        {
            "name": name,
            "in": "query",
            "required": (kind, name) in NEEDED,
            "schema": WORDS[name][0],
            "description": WORDS[name][1],
        }
        for name in of_kind(kind)
    ]


def described(kind: str, method: str) -> dict[str, Any]:
    """What an operation's description has besides: its words, as parameters (GET) or as a body (POST)."""
    if method == "GET":
        return {"parameters": parameters(kind)}
    body = {
        "type": "object",
        "properties": {name: WORDS[name][0] for name in of_kind(kind)},
        "additionalProperties": True,
    }
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": body}}}}
