"""The JSON Schema (2020-12) of the inspect document: a stable interface, keys may be added."""

from __future__ import annotations

from typing import Any

from gongshu.tables.contract import OPEN_TYPES, SUBJECTS

FORMATS = ("csv", "tsv", "xlsx", "xls", "json", "jsonl", "geojson", "parquet", "shapefile")


def inspect_schema() -> dict[str, Any]:
    """The schema that ``gongshu inspect --json-schema`` prints and every document of ``--json`` obeys."""
    text, count, texts = (
        {"type": "string"},
        {"type": "integer", "minimum": 0},
        {"type": "array", "items": {"type": "string"}},
    )
    maybe = {"type": ["string", "null"]}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    rows = {"type": "array", "items": {"type": "integer", "minimum": 1}}
    plain = {"type": ["string", "number", "boolean", "null", "object", "array"]}
    grade = {
        "level": {"type": "integer", "minimum": 1, "maximum": 6},
        "open_type": {"enum": list(OPEN_TYPES)},
        "subject": {"enum": list(SUBJECTS)},
        "why": text,
    }
    severity = {"enum": ["error", "warning", "info"]}
    error = _object(code=text, message=text, message_en=text, where={"type": "object"}, optional=("message_en",))
    column = _object(
        name=text,
        storage_type=text,
        semantic_type=maybe,
        probability=share,
        evidence=texts,
        ask={"type": "boolean"},
        rival=maybe,
        **grade,
        nulls=count,
        distinct=count,
        min=plain,
        max=plain,
        top={"type": "array", "items": {"type": "array", "prefixItems": [plain, count], "minItems": 2, "maxItems": 2}},
        optional=("ask", "rival", "why"),
    )
    rule = _object(
        id=text,
        column=maybe,
        columns=texts,
        kind=text,
        params={"type": "object"},
        dimension={"type": "string", "pattern": "^([0-9]{6})?$"},
        severity=severity,
        evidence=text,
        optional=("severity", "evidence"),
    )
    finding = _object(
        rule=text,
        column=maybe,
        kind=text,
        severity=severity,
        message=text,
        rows_total=count,
        rows=rows,
        examples=texts,
        optional=("examples",),
    )
    scores = _object(
        profile=text,
        total={"type": ["number", "null"], "minimum": 0, "maximum": 100},
        dimensions={"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100}},
        indicators={"type": "object", "additionalProperties": _object(a=count, b=count, value=share, weight=share)},
        optional=("indicators",),
    )
    risk = _object(
        quasi_identifiers=texts,
        k=count,
        unique_share=share,
        rows=count,
        groups=count,
        unique_rows=count,
        prosecutor_max=share,
        prosecutor_mean=share,
        optional=("rows", "groups", "unique_rows", "prosecutor_max", "prosecutor_mean"),
    )
    table = _object(
        name=text,
        header_rows=rows,
        skipped_rows={"type": "array", "items": _object(row={"type": "integer"}, why=text)},
        rows=count,
        quarantined={"type": "array", "items": _object(row={"type": "integer"}, column=maybe, value=maybe, why=text)},
        quarantined_total=count,
        **grade,
        crs=maybe,
        columns={"type": "array", "items": column},
        rules={"type": "array", "items": rule},
        findings={"type": "array", "items": finding},
        scores=scores,
        risk={"anyOf": [{"type": "null"}, risk]},
        optional=("crs", "why"),
    )
    file = _object(
        path=text,
        format={"enum": [*FORMATS, None]},
        encoding=maybe,
        error={"anyOf": [{"type": "null"}, error]},
        notes=texts,
        tables={"type": "array", "items": table},
        optional=("notes",),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gongshu inspect --json",
        **_object(gongshu=text, files={"type": "array", "items": file}),
    }


def _object(*, optional: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object with all of ``properties`` required but the ``optional`` ones; further keys are allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }
