"""Catalogues in DCAT-US 1.1 (Project Open Data): one JSON file, mostly /data.json; also the older bare list of datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gongshu.federation.reading import Reading, load_json
from gongshu.tables.errors import TableError


def read(reading: Reading) -> Iterator[dict[str, Any]]:
    """The datasets of the file; nothing when it is the same as last time."""
    answer = reading.document("application/json")
    if answer is None:
        return
    yield from datasets(load_json(answer.body))


def datasets(found: Any) -> Iterator[dict[str, Any]]:
    """The datasets of a catalogue in JSON; TableError ``catalogue_unreadable`` when it has no list of them."""
    listed = found.get("dataset", found.get("datasets")) if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise TableError("catalogue_unreadable", "这个 JSON 里没有 dataset 列表；请核对地址与种类")
    yield from map(_record, listed)


def _record(one: Any) -> dict[str, Any]:
    if not isinstance(one, dict):
        return {"unreadable": str(one)[:200]}
    publisher = one.get("publisher")
    # an empty dict or a list in place of a record is told by its missing identifier
    files = one.get("distribution")
    level = str(one.get("accessLevel") or "public")
    return {
        "remote_id": one.get("identifier") or one.get("@id"),
        "title": one.get("title"),
        "summary": one.get("description"),
        "publisher": publisher.get("name") if isinstance(publisher, dict) else publisher,
        "keywords": one.get("keyword"),
        "topics": one.get("theme"),
        "licence": one.get("license"),
        "frequency": one.get("accrualPeriodicity"),
        "language": "、".join(str(each) for each in one["language"][:3]) if isinstance(one.get("language"), list) else one.get("language"),
        "spatial": one.get("spatial") if isinstance(one.get("spatial"), str) and not one["spatial"].lstrip().startswith("{") else None,
        "issued": one.get("issued"),
        "modified": None if str(one.get("modified") or "").startswith("R/") else one.get("modified"),
        "landing_page": one.get("landingPage") or _web(one.get("identifier")) or _web(one.get("@id")),
        "identifiers": [one.get("identifier"), one.get("@id"), one.get("landingPage")],
        "distributions": [_file(each) for each in files if isinstance(each, dict)] if isinstance(files, list) else [],
        "refused": level if level.strip().lower() == "non-public" else "",
    }  # fmt: skip


def _web(value: Any) -> str | None:
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else None


def _file(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": one.get("title") or one.get("description"),
        "format": one.get("format"),
        "media_type": one.get("mediaType"),
        "url": one.get("downloadURL") or one.get("accessURL"),
        "size": one.get("byteSize"),
    }
