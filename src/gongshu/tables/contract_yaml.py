"""ODCS v3.1.0 YAML in and out. Which ODCS key holds what:

name, id, version, status; description.purpose = summary; domain = topic; team.name = provider; support[0].channel =
contact; tags = keywords; slaProperties frequency = update promise; schema[0].properties = fields (businessName = title,
logicalType and physicalType = storage type, required, unique, primaryKey, description, classification = level, quality);
everything that ODCS has no word for is a customProperty.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from gongshu.tables.contract import (
    COORDINATE_SYSTEMS,
    FREQUENCIES,
    METHODS,
    OPEN_TYPES,
    SUBJECTS,
    Contract,
    Field,
    Protection,
    Rule,
)
from gongshu.tables.contract_parts import (
    custom_properties,
    flag_at,
    full,
    is_mapping,
    level_at,
    list_of,
    mapping_of,
    missing,
    number_at,
    one_of,
    properties,
    text_at,
    text_of,
    wrong,
)
from gongshu.tables.contract_quality import STABLE_ID, read_rule, write_rule
from gongshu.tables.errors import TableError

MAX_BYTES = 4 * 2**20  # a contract of 10,000 columns takes some 3 MB
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


def read(source: str | Path) -> Contract:
    """The contract in a file or in YAML text; see :func:`gongshu.tables.contract.load_contract`."""
    document = _parse(source)
    if document.get("kind", "DataContract") != "DataContract":
        raise wrong("kind", "DataContract")
    api = str(document.get("apiVersion", ""))
    if not api.startswith("v3."):
        raise TableError(
            "contract_version",
            "契约应为 ODCS v3 的 YAML，apiVersion 写的是「{value}」。",
            where={"place": "apiVersion", "value": api},
        )
    about = mapping_of(document, "description", "description")
    custom = custom_properties(document, "customProperties")
    schemas = list_of(document, "schema", "schema")
    if len(schemas) != 1:
        raise TableError(
            "contract_tables",
            "一份契约说一张表，这里的 schema 有 {count} 张。",
            where={"place": "schema"},
            count=len(schemas),
        )
    table = is_mapping(schemas[0], "schema[0]")
    support = list_of(document, "support", "support")
    keywords = [text_of(tag, "tags") for tag in list_of(document, "tags", "tags")]
    contract = Contract(
        name=text_at(document, "name", "name") or text_at(table, "name", "schema[0].name"),
        id=text_at(document, "id", "id"),
        version=text_at(document, "version", "version") or "1.0.0",
        status=text_at(document, "status", "status") or "draft",
        title=text_at(custom, "title", "title"),
        title_en=text_at(custom, "titleEn", "titleEn"),
        summary=text_at(about, "purpose", "description.purpose"),
        summary_en=text_at(custom, "summaryEn", "summaryEn"),
        provider=text_at(mapping_of(document, "team", "team"), "name", "team.name"),
        contact=text_at(is_mapping(support[0], "support[0]"), "channel", "support[0].channel") if support else "",
        topic=text_at(document, "domain", "domain"),
        licence=text_at(custom, "licence", "licence"),
        update_frequency=_frequency(document),
        keywords=keywords,
        level=level_at(custom, "level"),
        open_type=one_of(custom, "openType", OPEN_TYPES, "openType"),
        synthetic=flag_at(custom, "synthetic", "synthetic"),
        suppress_small_groups=flag_at(custom, "suppressSmallGroups", "suppressSmallGroups"),
        sample_share=number_at(custom, "sampleShare", "sampleShare"),
        coordinate_system=one_of(custom, "coordinateSystem", COORDINATE_SYSTEMS, "coordinateSystem") or "",
        source_note=text_at(custom, "sourceNote", "sourceNote"),
        source_note_en=text_at(custom, "sourceNoteEn", "sourceNoteEn"),
        reading=mapping_of(custom, "reading", "reading"),
    )
    if not contract.name:
        raise missing("name")
    for number, entry in enumerate(list_of(table, "properties", "schema[0].properties"), 1):
        found, rules = _field(is_mapping(entry, f"schema[0].properties[{number}]"), number)
        contract.fields.append(found)
        contract.rules.extend(rules)
    _unique_names(contract.fields)
    for number, entry in enumerate(list_of(table, "quality", "schema[0].quality"), 1):
        contract.rules.append(read_rule(is_mapping(entry, f"quality[{number}]"), None, f"table-{number}"))
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
        "description": full({"purpose": contract.summary}),
        "team": full({"name": contract.provider}),
        "support": [{"channel": contract.contact}] if contract.contact else [],
        "slaProperties": [{"property": "frequency", "value": contract.update_frequency}]
        if contract.update_frequency
        else [],
        "customProperties": properties(
            title=contract.title,
            titleEn=contract.title_en,
            summaryEn=contract.summary_en,
            licence=contract.licence,
            level=contract.level,
            openType=contract.open_type,
            synthetic=contract.synthetic or None,
            suppressSmallGroups=contract.suppress_small_groups or None,
            sampleShare=contract.sample_share,
            coordinateSystem=contract.coordinate_system or None,
            sourceNote=contract.source_note,
            sourceNoteEn=contract.source_note_en,
            reading=contract.reading,
        ),
        "schema": [
            full(
                {
                    "name": contract.name,
                    "logicalType": "object",
                    "businessName": contract.title,
                    "properties": [_write_field(field, by_column.get(field.name, [])) for field in contract.fields],
                    "quality": [write_rule(rule) for rule in by_column.get("", [])],
                }
            )
        ],
    }
    return yaml.dump(full(document), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


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
    name = text_at(entry, "name", f"schema[0].properties[{number}].name")
    if not name:
        raise missing(f"schema[0].properties[{number}].name")
    custom = custom_properties(entry, name)
    protection = mapping_of(custom, "protection", f"{name}.protection")
    logical = text_at(entry, "logicalType", f"{name}.logicalType") or "string"
    if logical not in STORAGE:
        raise wrong(f"{name}.logicalType", ", ".join(STORAGE))
    physical = text_at(entry, "physicalType", f"{name}.physicalType")
    field = Field(
        name=name,
        storage_type=physical if LOGICAL.get(physical) == logical else STORAGE[logical],
        title=text_at(entry, "businessName", f"{name}.businessName"),
        title_en=text_at(custom, "titleEn", f"{name}.titleEn"),
        description=text_at(entry, "description", f"{name}.description"),
        description_en=text_at(custom, "descriptionEn", f"{name}.descriptionEn"),
        unit=text_at(custom, "unit", f"{name}.unit"),
        required=flag_at(entry, "required", f"{name}.required"),
        unique=flag_at(entry, "unique", f"{name}.unique"),
        primary_key=flag_at(entry, "primaryKey", f"{name}.primaryKey"),
        semantic_type=text_at(custom, "semanticType", f"{name}.semanticType") or None,
        probability=number_at(custom, "probability", f"{name}.probability"),
        level=level_at(custom, f"{name}.level"),
        open_type=one_of(custom, "openType", OPEN_TYPES, f"{name}.openType"),
        subject=one_of(custom, "subject", SUBJECTS, f"{name}.subject"),
        codes=_codes(custom, name),
        protection=Protection(
            method=one_of(protection, "method", METHODS, f"{name}.protection.method") or "keep",
            params=mapping_of(protection, "params", f"{name}.protection.params"),
        ),
    )
    rules = [
        read_rule(is_mapping(rule, f"{name}.quality[{n}]"), name, f"c{number}-{n}")
        for n, rule in enumerate(list_of(entry, "quality", f"{name}.quality"), 1)
    ]
    return field, rules


def _frequency(document: dict[str, Any]) -> str:
    for entry in list_of(document, "slaProperties", "slaProperties"):
        promise = is_mapping(entry, "slaProperties")
        if promise.get("property") == "frequency":
            return one_of(promise, "value", FREQUENCIES, "slaProperties.frequency") or ""
    return ""


def _codes(custom: dict[str, Any], name: str) -> dict[str, str]:
    codes = mapping_of(custom, "codes", f"{name}.codes")
    for code in codes:
        if not isinstance(code, str):
            message = "契约的「{place}」里，代码 {value} 要加引号，写成文字：不加引号会丢掉前导零。"
            raise TableError("contract_code", message, where={"place": f"{name}.codes", "value": str(code)})
    return {code: text_of(meaning, f"{name}.codes") for code, meaning in codes.items()}


def _unique_names(fields: list[Field]) -> None:
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            raise TableError("contract_repeated", "契约里字段「{place}」写了两次。", where={"place": field.name})
        seen.add(field.name)


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
    return full(
        {
            "name": field.name,
            "businessName": field.title,
            "logicalType": LOGICAL.get(field.storage_type, "string"),
            "physicalType": field.storage_type,
            "description": field.description,
            "required": field.required or None,
            "unique": field.unique or None,
            "primaryKey": field.primary_key or None,
            "customProperties": properties(
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
            "quality": [write_rule(rule, placed=True) for rule in rules],
        }
    )
