"""A column in the OpenAPI document of its dataset: the conditions that can be put on it, and how its values come back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from gongshu.opening.rows.grammar import RESERVED
from gongshu.opening.rows.values import SAFE_INTEGER
from gongshu.web import words

Schema = dict[str, Any]
EXAMPLES = 3
EQUAL = ("eq", "ne", "in")
ORDERED = ("lt", "lte", "gt", "gte", "between")
TEXT = ("contains", "starts_with")


def filters(columns: list[dict[str, Any]]) -> dict[str, Schema]:
    """Every condition on every column, by a key of its own (names of columns are no keys in OpenAPI)."""
    found = {}
    for number, column in enumerate(columns, 1):
        for operator in _operators(column):
            found[f"c{number}_{operator}"] = _filter(column, operator)
    return found


def _operators(column: dict[str, Any]) -> tuple[str, ...]:
    kind = column["storage_type"]
    if kind == "geometry":
        return ("is_null",)
    if kind == "boolean":
        return ("eq", "ne", "is_null")
    return (*EQUAL, *(TEXT if kind == "string" else ORDERED), "is_null")


def _filter(column: dict[str, Any], operator: str) -> Schema:
    title = words.local(column, "title") or column["name"]
    meanings = {
        "eq": _("%(title)s等于"), "ne": _("%(title)s不等于"), "in": _("%(title)s是其中之一，可写多次"),
        "lt": _("%(title)s小于"), "lte": _("%(title)s不大于"), "gt": _("%(title)s大于"), "gte": _("%(title)s不小于"),
        "between": _("%(title)s介于两个值之间，写成 小..大，两端都算"),
        "contains": _("%(title)s包含"), "starts_with": _("%(title)s的开头是"),
        "is_null": _("1：%(title)s为空；0：不为空"),
    }  # fmt: skip
    published = examples(column)
    schema, example = _asked(column), published[0] if published else None
    if operator == "in":
        schema, example = {"type": "array", "items": _asked(column), "minItems": 1, "maxItems": 1000}, published or None
    elif operator == "between":
        schema = {"type": "string", "pattern": r"\.\."}
        example = None if column.get("min") is None else f"{_written(column, 'min')}..{_written(column, 'max')}"
    elif operator == "is_null":
        schema, example = {"enum": [0, 1]}, 1
    elif operator in TEXT:
        schema = {"type": "string", "maxLength": 500}
    plain = operator == "eq" and column["name"] not in RESERVED
    found = {
        "name": column["name"] if plain else f"{column['name']}__{operator}",
        "in": "query",
        "description": meanings[operator] % {"title": title},
        "schema": schema,
    }
    return found if example is None else found | {"example": example}


def _asked(column: dict[str, Any]) -> Schema:
    """The schema of a value in a question."""
    kind = column["storage_type"]
    if kind in ("date", "time"):
        return {"type": "string", "format": kind}
    if kind == "timestamp":
        return {"type": "string", "format": "date-time"}
    types = {"int64": "integer", "float64": "number", "decimal": "number", "boolean": "boolean"}
    return {"type": types[kind]} if kind in types else {"type": "string", "maxLength": 500}


def told(column: dict[str, Any]) -> Schema:
    """The schema of a value in an answer; any may be null."""
    kind = column["storage_type"]
    found: Schema = {"type": ["string", "null"]}
    if kind == "int64":
        ends = [str(column.get(end) or "0") for end in ("min", "max")]
        small = all(end.lstrip("-").isdigit() and abs(int(end)) <= SAFE_INTEGER for end in ends)
        found = {"type": ["integer", "null"] if small else ["integer", "string", "null"]}
    elif kind in ("float64", "boolean"):
        found = {"type": ["number" if kind == "float64" else "boolean", "null"]}
    elif kind == "geometry":
        found = {"type": ["object", "null"]}
    elif kind == "date":
        found["format"] = "date"
    elif kind == "timestamp":
        found["format"] = "date-time"
    title, meaning = words.local(column, "title"), words.local(column, "description")
    unit = _("单位：%(unit)s") % {"unit": column["unit"]} if column.get("unit") else ""
    codes = _("、").join(f"{code}={name}" for code, name in list((column.get("codes") or {}).items())[:20])
    described = " ".join(filter(None, (meaning, unit, codes)))
    found |= {"title": title} if title else {}
    found |= {"description": described} if described else {}
    published = examples(column)
    return found | ({"examples": published} if published and kind not in ("decimal", "timestamp", "time") else {})


def examples(column: dict[str, Any]) -> list[Any]:
    """Published values of the column: its most frequent ones, else its ends."""
    kind = column["storage_type"]
    if kind == "geometry":
        return []
    values = [value for value, _number in column.get("top") or [] if value is not None][:EXAMPLES]
    values = values or [column[end] for end in ("min", "max") if column.get(end) is not None]
    return [
        found for found in (_example(kind, value) for value in dict.fromkeys(map(str, values))) if found is not None
    ]


def _example(kind: str, text: str) -> Any:
    try:
        if kind == "int64":
            return int(text)
        if kind == "float64":
            return float(text)
    except ValueError:
        return None
    if kind == "boolean":
        return text.lower() in ("true", "1")
    return text[:500].replace(" ", "T", 1) if kind == "timestamp" else text[:500]


def _written(column: dict[str, Any], end: str) -> str:
    text = str(column[end])
    return text.replace(" ", "T", 1) if column["storage_type"] == "timestamp" else text
