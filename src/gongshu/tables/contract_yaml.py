"""ODCS v3.1.0 YAML in and out. Which ODCS key holds what:

name, id, version, status; description.purpose = summary; domain = topic; team.name = provider; support[0].channel =
contact; tags = keywords; slaProperties frequency = update promise; schema[0].properties = fields (businessName = title,
logicalType and physicalType = storage type, required, unique, primaryKey, description, classification = level, quality);
everything that ODCS has no word for is a customProperty.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import yaml

from gongshu.tables.contract import (
    FREQUENCIES,
    METHODS,
    OPEN_TYPES,
    SUBJECTS,
    Contract,
    Field,
    Protection,
    Rule,
)
from gongshu.tables.errors import TableError

MAX_BYTES = 4 * 2**20  # a contract of 10,000 columns takes some 3 MB
ENGINE = "gongshu"
LOGICAL = {
    "string": "string",
    "int64": "integer",
    "float64": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "geometry": "string",  # GeoJSON; ODCS wants nested properties of an object
}
STORAGE = {"string": "string", "integer": "int64", "number": "float64", "boolean": "boolean", "date": "date"}
STORAGE |= {"timestamp": "timestamp", "time": "time", "object": "string", "array": "string"}
# ODCS knows seven dimensions; ours are the codes of DB31/T 1523-2024, kept beside in a customProperty
DIMENSIONS = {"01": "conformity", "02": "completeness", "03": "accuracy", "04": "consistency", "05": "timeliness"}
DIMENSIONS |= {"0303": "uniqueness", "0304": "uniqueness"}
STABLE_ID = re.compile(r"^[A-Za-z0-9_-]+$")


def read(source: str | Path) -> Contract:
    """The contract in a file or in YAML text; see :func:`gongshu.tables.contract.load_contract`."""
    document = _parse(source)
    if document.get("kind", "DataContract") != "DataContract":
        raise _wrong("kind", "DataContract")
    api = str(document.get("apiVersion", ""))
    if not api.startswith("v3."):
        raise TableError(
            "contract_version",
            "契约应为 ODCS v3 的 YAML，apiVersion 写的是「{value}」。",
            where={"place": "apiVersion", "value": api},
        )
    about = _mapping(document, "description", "description")
    custom = _custom(document, "customProperties")
    schemas = _list(document, "schema", "schema")
    if len(schemas) != 1:
        raise TableError(
            "contract_tables",
            "一份契约说一张表，这里的 schema 有 {count} 张。",
            where={"place": "schema"},
            count=len(schemas),
        )
    table = _is_mapping(schemas[0], "schema[0]")
    support = _list(document, "support", "support")
    keywords = [_text_of(tag, "tags") for tag in _list(document, "tags", "tags")]
    contract = Contract(
        name=_text(document, "name", "name") or _text(table, "name", "schema[0].name"),
        id=_text(document, "id", "id"),
        version=_text(document, "version", "version") or "1.0.0",
        status=_text(document, "status", "status") or "draft",
        title=_text(custom, "title", "title"),
        title_en=_text(custom, "titleEn", "titleEn"),
        summary=_text(about, "purpose", "description.purpose"),
        summary_en=_text(custom, "summaryEn", "summaryEn"),
        provider=_text(_mapping(document, "team", "team"), "name", "team.name"),
        contact=_text(_is_mapping(support[0], "support[0]"), "channel", "support[0].channel") if support else "",
        topic=_text(document, "domain", "domain"),
        licence=_text(custom, "licence", "licence"),
        update_frequency=_frequency(document),
        keywords=keywords,
        level=_level(custom, "level"),
        open_type=_one_of(custom, "openType", OPEN_TYPES, "openType"),
        synthetic=_flag(custom, "synthetic", "synthetic"),
        suppress_small_groups=_flag(custom, "suppressSmallGroups", "suppressSmallGroups"),
        sample_share=_number(custom, "sampleShare", "sampleShare"),
        source_note=_text(custom, "sourceNote", "sourceNote"),
        source_note_en=_text(custom, "sourceNoteEn", "sourceNoteEn"),
        reading=_mapping(custom, "reading", "reading"),
    )
    if not contract.name:
        raise _missing("name")
    for number, entry in enumerate(_list(table, "properties", "schema[0].properties"), 1):
        found, rules = _field(_is_mapping(entry, f"schema[0].properties[{number}]"), number)
        contract.fields.append(found)
        contract.rules.extend(rules)
    _unique_names(contract.fields)
    for number, entry in enumerate(_list(table, "quality", "schema[0].quality"), 1):
        contract.rules.append(_rule(_is_mapping(entry, f"quality[{number}]"), None, f"table-{number}"))
    return contract


def write(contract: Contract) -> str:
    """The contract as YAML text; see :func:`gongshu.tables.contract.dump_contract`."""
    by_column: dict[str, list[Rule]] = {}
    names = {field.name for field in contract.fields}
    for rule in contract.rules:
        by_column.setdefault(rule.column if rule.column in names else "", []).append(rule)
    document: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": _identifier(contract.id or contract.name),
        "name": contract.name,
        "version": contract.version,
        "status": contract.status,
        "domain": contract.topic,
        "tags": list(contract.keywords),
        "description": _full({"purpose": contract.summary}),
        "team": _full({"name": contract.provider}),
        "support": [{"channel": contract.contact}] if contract.contact else [],
        "slaProperties": [{"property": "frequency", "value": contract.update_frequency}]
        if contract.update_frequency
        else [],
        "customProperties": _properties(
            title=contract.title,
            titleEn=contract.title_en,
            summaryEn=contract.summary_en,
            licence=contract.licence,
            level=contract.level,
            openType=contract.open_type,
            synthetic=contract.synthetic or None,
            suppressSmallGroups=contract.suppress_small_groups or None,
            sampleShare=contract.sample_share,
            sourceNote=contract.source_note,
            sourceNoteEn=contract.source_note_en,
            reading=contract.reading,
        ),
        "schema": [
            _full(
                {
                    "name": contract.name,
                    "logicalType": "object",
                    "businessName": contract.title,
                    "properties": [_write_field(field, by_column.get(field.name, [])) for field in contract.fields],
                    "quality": [_write_rule(rule) for rule in by_column.get("", [])],
                }
            )
        ],
    }
    return yaml.dump(_full(document), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# reading ---------------------------------------------------------------------------------------------------------


class _Loader(yaml.composer.Composer, _Parser):  # type: ignore[misc, valid-type]
    """Safe YAML without aliases (a few lines of which can stand for gigabytes) and without repeated keys.

    Scanned and parsed by libyaml where PyYAML has it (three times as fast), composed here.
    """

    def __init__(self, stream: Any) -> None:
        _Parser.__init__(self, stream)
        yaml.composer.Composer.__init__(self)  # type: ignore[no-untyped-call]

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"repeated key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# 2026-01-02 stays the text that was written: no field of a contract is a date, and codes may look like one
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parse(source: str | Path) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if isinstance(source, Path) or "\n" not in source:
        path = Path(source)
        where["file"] = path.name
        try:
            size = path.stat().st_size
            text = path.read_text(encoding="utf-8-sig") if size <= MAX_BYTES else ""
        except OSError as error:
            raise TableError("contract_unreadable", "读不到契约文件「{file}」。", where=where) from error
        except UnicodeDecodeError as error:
            raise TableError("contract_encoding", "契约文件「{file}」不是 UTF-8。", where=where) from error
    else:
        text = source
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise TableError(
            "contract_too_large", "契约有 {size} 字节，上限是 {limit} 字节。", where=where, size=size, limit=MAX_BYTES
        )
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark:
            where |= {"line": mark.line + 1, "column": mark.column + 1}
            message = "契约的 YAML 第 {line} 行第 {column} 列写错了：{problem}。"
            raise TableError("contract_yaml", message, where=where, problem=error.problem or "") from error
        raise TableError(
            "contract_yaml", "契约不是 YAML：{problem}。", where=where, problem=error.problem or ""
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TableError(
            "contract_yaml", "契约不是 YAML：{problem}。", where=where, problem=type(error).__name__
        ) from error
    if not isinstance(document, dict):
        raise TableError("contract_yaml", "契约不是 YAML：{problem}。", where=where, problem="no mapping")
    return document


def _field(entry: dict[str, Any], number: int) -> tuple[Field, list[Rule]]:
    name = _text(entry, "name", f"schema[0].properties[{number}].name")
    if not name:
        raise _missing(f"schema[0].properties[{number}].name")
    custom = _custom(entry, name)
    protection = _mapping(custom, "protection", f"{name}.protection")
    logical = _text(entry, "logicalType", f"{name}.logicalType") or "string"
    if logical not in STORAGE:
        raise _wrong(f"{name}.logicalType", ", ".join(STORAGE))
    physical = _text(entry, "physicalType", f"{name}.physicalType")
    field = Field(
        name=name,
        storage_type=physical if LOGICAL.get(physical) == logical else STORAGE[logical],
        title=_text(entry, "businessName", f"{name}.businessName"),
        title_en=_text(custom, "titleEn", f"{name}.titleEn"),
        description=_text(entry, "description", f"{name}.description"),
        description_en=_text(custom, "descriptionEn", f"{name}.descriptionEn"),
        unit=_text(custom, "unit", f"{name}.unit"),
        required=_flag(entry, "required", f"{name}.required"),
        unique=_flag(entry, "unique", f"{name}.unique"),
        primary_key=_flag(entry, "primaryKey", f"{name}.primaryKey"),
        semantic_type=_text(custom, "semanticType", f"{name}.semanticType") or None,
        probability=_number(custom, "probability", f"{name}.probability"),
        level=_level(custom, f"{name}.level"),
        open_type=_one_of(custom, "openType", OPEN_TYPES, f"{name}.openType"),
        subject=_one_of(custom, "subject", SUBJECTS, f"{name}.subject"),
        codes=_codes(custom, name),
        protection=Protection(
            method=_one_of(protection, "method", METHODS, f"{name}.protection.method") or "keep",
            params=_mapping(protection, "params", f"{name}.protection.params"),
        ),
    )
    rules = [
        _rule(_is_mapping(rule, f"{name}.quality[{n}]"), name, f"c{number}-{n}")
        for n, rule in enumerate(_list(entry, "quality", f"{name}.quality"), 1)
    ]
    return field, rules


def _rule(entry: dict[str, Any], column: str | None, fallback: str) -> Rule:
    place = f"{column or 'schema[0]'}.quality"
    custom = _custom(entry, place)
    identifier = _text(custom, "ruleId", f"{place}.ruleId") or _text(entry, "id", f"{place}.id") or fallback
    severity = _one_of(entry, "severity", ("error", "warning", "info"), f"{place}.severity") or "error"
    code = _text(custom, "dimensionCode", f"{place}.dimensionCode")
    if entry.get("type") == "custom" and entry.get("engine") == ENGINE:
        body = _mapping(entry, "implementation", f"{place}.implementation")
        kind = _text(body, "kind", f"{place}.implementation.kind")
        if not kind:
            raise _missing(f"{place}.implementation.kind")
        columns = tuple(_text_of(name, f"{place}.columns") for name in _list(body, "columns", f"{place}.columns"))
        params = _mapping(body, "params", f"{place}.implementation.params")
        own = _text(body, "column", f"{place}.implementation.column") or None
        return Rule(identifier, kind, column or own, columns, params, code, severity)
    library = _library_rule(entry)
    if library:
        kind, params, own_code = library
        return Rule(identifier, kind, column, (), params, code or own_code, severity)
    return Rule(identifier, "foreign", column, (), entry, code, severity)


def _library_rule(entry: dict[str, Any]) -> tuple[str, dict[str, Any], str] | None:
    """The kind, params and DB31/T 1523 code that an ODCS library metric with ``mustBe: 0`` comes to."""
    if entry.get("type", "library") != "library" or entry.get("mustBe") != 0:
        return None
    arguments = entry.get("arguments") or {}
    if not isinstance(arguments, dict):
        return None
    metric = entry.get("metric")
    if metric in ("nullValues", "missingValues") and not arguments:
        return "not_null", {}, "020100"
    if metric == "duplicateValues" and not arguments:
        return "unique", {}, "030400"
    if metric == "invalidValues" and isinstance(arguments.get("validValues"), list):
        return "in_set", {"values": [str(value) for value in arguments["validValues"]]}, "010500"
    if metric == "invalidValues" and isinstance(arguments.get("pattern"), str):
        return "pattern", {"pattern": arguments["pattern"]}, "010102"
    return None


def _frequency(document: dict[str, Any]) -> str:
    for entry in _list(document, "slaProperties", "slaProperties"):
        promise = _is_mapping(entry, "slaProperties")
        if promise.get("property") == "frequency":
            return _one_of(promise, "value", FREQUENCIES, "slaProperties.frequency") or ""
    return ""


def _codes(custom: dict[str, Any], name: str) -> dict[str, str]:
    codes = _mapping(custom, "codes", f"{name}.codes")
    for code in codes:
        if not isinstance(code, str):
            message = "契约的「{place}」里，代码 {value} 要加引号，写成文字：不加引号会丢掉前导零。"
            raise TableError("contract_code", message, where={"place": f"{name}.codes", "value": str(code)})
    return {code: _text_of(meaning, f"{name}.codes") for code, meaning in codes.items()}


def _unique_names(fields: list[Field]) -> None:
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            raise TableError("contract_repeated", "契约里字段「{place}」写了两次。", where={"place": field.name})
        seen.add(field.name)


def _custom(entry: dict[str, Any], place: str) -> dict[str, Any]:
    found = {}
    for item in _list(entry, "customProperties", f"{place}.customProperties"):
        pair = _is_mapping(item, f"{place}.customProperties")
        found[_text(pair, "property", f"{place}.customProperties.property")] = pair.get("value")
    return found


def _wrong(place: str, expected: str) -> TableError:
    return TableError(
        "contract_invalid", "契约的「{place}」应为：{expected}。", where={"place": place}, expected=expected
    )


def _missing(place: str) -> TableError:
    return TableError("contract_missing", "契约缺「{place}」。", where={"place": place})


def _is_mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(place, "mapping")
    return value


def _mapping(entry: dict[str, Any], key: str, place: str) -> dict[str, Any]:
    value = entry.get(key)
    return {} if value is None else _is_mapping(value, place)


def _list(entry: dict[str, Any], key: str, place: str) -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(place, "list")
    return value


def _text_of(value: Any, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(place, "text")
    return str(value)


def _text(entry: dict[str, Any], key: str, place: str) -> str:
    value = entry.get(key)
    return "" if value is None else _text_of(value, place)


def _flag(entry: dict[str, Any], key: str, place: str) -> bool:
    value = entry.get(key)
    if value is not None and not isinstance(value, bool):
        raise _wrong(place, "true, false")
    return bool(value)


def _number(entry: dict[str, Any], key: str, place: str) -> float | None:
    value = entry.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise _wrong(place, "number")
    return None if value is None else float(value)


def _level(custom: dict[str, Any], place: str) -> int | None:
    value = custom.get("level")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 6):
        raise _wrong(place, "1..6")
    return value


def _one_of(entry: dict[str, Any], key: str, allowed: tuple[str, ...], place: str) -> str | None:
    value = entry.get(key)
    if value is None:
        return None
    if value not in allowed:
        raise _wrong(place, ", ".join(allowed))
    return str(value)


# writing ---------------------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Block style with indented lists, which people edit more easily; no aliases (the reader refuses them)."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _identifier(text: str) -> str:
    """ODCS identifiers are ASCII: any other text gets a UUID, always the same one."""
    return text if STABLE_ID.match(text) else str(uuid.uuid5(uuid.NAMESPACE_URL, f"gongshu:{text}"))


def _write_field(field: Field, rules: list[Rule]) -> dict[str, Any]:
    protection = {
        "method": field.protection.method,
        **({"params": field.protection.params} if field.protection.params else {}),
    }
    return _full(
        {
            "name": field.name,
            "businessName": field.title,
            "logicalType": LOGICAL.get(field.storage_type, "string"),
            "physicalType": field.storage_type,
            "description": field.description,
            "required": field.required or None,
            "unique": field.unique or None,
            "primaryKey": field.primary_key or None,
            "customProperties": _properties(
                titleEn=field.title_en,
                descriptionEn=field.description_en,
                semanticType=field.semantic_type,
                probability=field.probability,
                level=field.level,
                openType=field.open_type,
                subject=field.subject,
                unit=field.unit,
                codes=field.codes,
                protection=protection if field.protection != Protection() else None,
            ),
            "quality": [_write_rule(rule) for rule in rules],
        }
    )


def _write_rule(rule: Rule) -> dict[str, Any]:
    if rule.kind == "foreign":
        return dict(rule.params)
    stable = STABLE_ID.match(rule.id)
    dimension = DIMENSIONS.get(rule.dimension[:4]) or DIMENSIONS.get(rule.dimension[:2])
    body = _full({"kind": rule.kind, "column": rule.column, "columns": list(rule.columns), "params": rule.params})
    return _full(
        {
            "id": rule.id if stable else None,
            "type": "custom",
            "engine": ENGINE,
            "implementation": body,
            "dimension": dimension,
            "severity": rule.severity,
            "customProperties": _properties(dimensionCode=rule.dimension, ruleId="" if stable else rule.id),
        }
    )


def _properties(**values: Any) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items() if value not in (None, "", {}, [])]


def _full(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry without what is not set."""
    return {key: value for key, value in entry.items() if value not in (None, "", {}, [])}
