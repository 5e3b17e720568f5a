"""The parts of a contract's YAML: entries of the right kind or a TableError that names the place."""

from __future__ import annotations

from typing import Any

from gongshu.tables.errors import TableError


def custom_properties(entry: dict[str, Any], place: str) -> dict[str, Any]:
    found = {}
    for item in list_of(entry, "customProperties", f"{place}.customProperties"):
        pair = is_mapping(item, f"{place}.customProperties")
        found[text_at(pair, "property", f"{place}.customProperties.property")] = pair.get("value")
    return found


def wrong(place: str, expected: str) -> TableError:
    return TableError(
        "contract_invalid", "契约的「{place}」应为：{expected}。", where={"place": place}, expected=expected
    )


def missing(place: str) -> TableError:
    return TableError("contract_missing", "契约缺「{place}」。", where={"place": place})


def is_mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(place, "mapping")
    return value


def mapping_of(entry: dict[str, Any], key: str, place: str) -> dict[str, Any]:
    value = entry.get(key)
    return {} if value is None else is_mapping(value, place)


def list_of(entry: dict[str, Any], key: str, place: str) -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(place, "list")
    return value


def text_of(value: Any, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong(place, "text")
    return str(value)


def text_at(entry: dict[str, Any], key: str, place: str) -> str:
    value = entry.get(key)
    return "" if value is None else text_of(value, place)


def flag_at(entry: dict[str, Any], key: str, place: str) -> bool:
    value = entry.get(key)
    if value is not None and not isinstance(value, bool):
        raise wrong(place, "true, false")
    return bool(value)


def number_at(entry: dict[str, Any], key: str, place: str) -> float | None:
    value = entry.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise wrong(place, "number")
    return None if value is None else float(value)


def level_at(custom: dict[str, Any], place: str) -> int | None:
    value = custom.get("level")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 6):
        raise wrong(place, "1..6")
    return value


def one_of(entry: dict[str, Any], key: str, allowed: tuple[str, ...], place: str) -> str | None:
    value = entry.get(key)
    if value is None:
        return None
    if value not in allowed:
        raise wrong(place, ", ".join(allowed))
    return str(value)


def properties(**values: Any) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items() if value not in (None, "", {}, [])]


def full(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry without what is not set."""
    return {key: value for key, value in entry.items() if value not in (None, "", {}, [])}
