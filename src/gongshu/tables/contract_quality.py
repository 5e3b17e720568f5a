"""Quality rules in ODCS 3.1 YAML: the metrics of its library, SQL, and our own kinds as ``custom`` of the engine ``gongshu``.

Library metrics: nullValues and missingValues (not null), invalidValues (code list or pattern), duplicateValues (unique, beyond
the first row of a value), rowCount; with the operators mustBe... on rows or percent. What a metric can't say is written as ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gongshu.tables.contract import Rule
from gongshu.tables.contract_parts import (
    custom_properties,
    full,
    list_of,
    mapping_of,
    missing,
    one_of,
    properties,
    text_at,
    text_of,
    wrong,
)
from gongshu.tables.errors import TableError
from gongshu.tables.thresholds import OPERATORS, problem_of

ENGINE = "gongshu"
# ODCS knows seven dimensions; ours are the codes of DB31/T 1523-2024, kept beside in a customProperty
DIMENSIONS = {"01": "conformity", "02": "completeness", "03": "accuracy", "04": "consistency", "05": "timeliness"}
DIMENSIONS |= {"0303": "uniqueness", "0304": "uniqueness"}
STABLE_ID = re.compile(r"^[A-Za-z0-9_-]+$")
METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
_CODES = {"not_null": "020100", "unique": "030400", "in_set": "010500", "pattern": "010102", "row_count": "020200"}
_CODES |= {"sql": "030100", "length": "010103", "range": "010400"}


def read_rule(entry: dict[str, Any], column: str | None, fallback: str) -> Rule:
    """A ``quality`` entry of a column, or of the table (``column`` None). TableError for operators that mean nothing."""
    place = f"{column or 'schema[0]'}.quality"
    custom = custom_properties(entry, place)
    identifier = text_at(custom, "ruleId", f"{place}.ruleId") or text_at(entry, "id", f"{place}.id") or fallback
    severity = one_of(entry, "severity", ("error", "warning", "info"), f"{place}.severity") or "error"
    code = text_at(custom, "dimensionCode", f"{place}.dimensionCode")
    if entry.get("type") == "custom" and entry.get("engine") == ENGINE:
        body = mapping_of(entry, "implementation", f"{place}.implementation")
        kind = text_at(body, "kind", f"{place}.implementation.kind")
        if not kind:
            raise missing(f"{place}.implementation.kind")
        columns = tuple(text_of(name, f"{place}.columns") for name in list_of(body, "columns", f"{place}.columns"))
        params = mapping_of(body, "params", f"{place}.implementation.params")
        own = text_at(body, "column", f"{place}.implementation.column") or None
        return Rule(identifier, kind, column or own, columns, params, code, severity)
    known = _library_rule(entry, place) or _sql_rule(entry, place)
    if known is None:
        return Rule(identifier, "foreign", column, (), entry, code, severity)
    kind, columns, params = known
    if kind == "row_count":
        column = None
    return Rule(identifier, kind, None if columns else column, columns, params, code or _CODES[kind], severity)


Known = tuple[str, tuple[str, ...], dict[str, Any]]


def _library_rule(entry: dict[str, Any], place: str) -> Known | None:
    metric = entry.get("metric")
    if entry.get("type", "library") != "library" or metric is None:
        return None
    if metric not in METRICS:
        raise wrong(f"{place}.metric", ", ".join(METRICS))
    arguments = mapping_of(entry, "arguments", f"{place}.arguments")
    must = _must(entry, place)
    params: dict[str, Any] = {} if metric != "rowCount" and must == {"mustBe": 0} else {"must": must}
    if entry.get("unit", "rows") != "rows":
        params["unit"] = entry["unit"]
    if metric == "rowCount":
        return "row_count", (), params
    if metric in ("nullValues", "missingValues"):
        also = [
            str(value)
            for value in list_of(arguments, "missingValues", f"{place}.missingValues")
            if value not in (None, "")
        ]
        return "not_null", (), {**params, **({"missing": also} if also else {})}
    if metric == "duplicateValues":
        named = list_of(arguments, "properties", f"{place}.arguments.properties")
        return "unique", tuple(text_of(name, f"{place}.arguments.properties") for name in named), params
    if isinstance(arguments.get("validValues"), list):
        return "in_set", (), {**params, "values": [str(value) for value in arguments["validValues"]]}
    if isinstance(arguments.get("pattern"), str):
        return "pattern", (), {**params, "pattern": arguments["pattern"]}
    raise wrong(f"{place}.arguments", "validValues, pattern")


def _sql_rule(entry: dict[str, Any], place: str) -> Known | None:
    if entry.get("type") != "sql":
        return None
    query = text_at(entry, "query", f"{place}.query")
    if not query:
        raise missing(f"{place}.query")
    return "sql", (), {"query": query, "must": _must(entry, place)}


def _must(entry: Mapping[str, Any], place: str) -> dict[str, Any]:
    must = {name: entry[name] for name in entry if str(name).startswith("must")}
    if problem := problem_of(must, entry.get("unit", "rows")):
        raise TableError("contract_quality", "契约的「{place}」：{problem}。", where={"place": place}, problem=problem)
    return must


def write_rule(rule: Rule, placed: bool = False) -> dict[str, Any]:
    """The ``quality`` entry of a rule; the same comes back from :func:`read_rule`. ``placed``: it stands at its column."""
    if rule.kind == "foreign":
        return dict(rule.params)
    stable = STABLE_ID.match(rule.id)
    dimension = DIMENSIONS.get(rule.dimension[:4]) or DIMENSIONS.get(rule.dimension[:2])
    code = "" if rule.dimension == _CODES.get(rule.kind) else rule.dimension
    library = _as_library(rule) if placed == (rule.column is not None) else None
    body = full({"kind": rule.kind, "column": rule.column, "columns": list(rule.columns), "params": rule.params})
    return full(
        {
            "id": rule.id if stable else None,
            **(library or {"type": "custom", "engine": ENGINE, "implementation": body}),
            "dimension": dimension,
            "severity": rule.severity,
            "customProperties": properties(
                dimensionCode=code if library else rule.dimension, ruleId="" if stable else rule.id
            ),
        }
    )


def _as_library(rule: Rule) -> dict[str, Any] | None:
    """The rule as a metric of the library or SQL, where that says all of it."""
    rest = {name: value for name, value in rule.params.items() if name not in ("must", "unit")}
    must = rule.params.get("must", {} if rule.kind in ("row_count", "sql") else {"mustBe": 0})
    if not isinstance(must, Mapping) or not must or not all(name in OPERATORS for name in must) or not rule.dimension:
        return None
    end = {**must, **({"unit": rule.params["unit"]} if "unit" in rule.params else {})}
    alone = rule.column is not None and not rule.columns
    if rule.kind == "not_null" and alone and not rest:
        return {"metric": "nullValues", **end}
    if rule.kind == "unique" and not rest and (alone or (rule.column is None and rule.columns)):
        arguments = {"arguments": {"properties": list(rule.columns)}} if rule.columns else {}
        return {"metric": "duplicateValues", **arguments, **end}
    if rule.kind == "in_set" and alone and list(rest) == ["values"] and all(isinstance(v, str) for v in rest["values"]):
        return {"metric": "invalidValues", "arguments": {"validValues": list(rest["values"])}, **end}
    if rule.kind == "pattern" and alone and list(rest) == ["pattern"]:
        return {"metric": "invalidValues", "arguments": {"pattern": rest["pattern"]}, **end}
    if rule.kind == "row_count" and not rest and rule.column is None and not rule.columns:
        return {"metric": "rowCount", **end}
    if rule.kind == "sql" and list(rest) == ["query"] and "unit" not in end:
        return {"type": "sql", "query": rest["query"], **must}
    return None
