"""Portals with a CKAN Action API: package_search page by page, or the older package_list and package_show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from gongshu import clock
from gongshu.federation.reading import Reading, load_json
from gongshu.tables.errors import TableError

PAGE = 100
MOST_SINGLE = 5_000  # packages that are asked for one by one at most


def read(reading: Reading) -> Iterator[dict[str, Any]]:
    """The packages of the portal. Only what changed since the last whole run, when the portal can tell and its numbers fit."""
    base = _base(reading.address)
    try:
        first = _result(reading, f"{base}/package_search?rows=1&start=0&sort=metadata_modified+desc")
    except TableError as error:
        if error.code != "bad_status":
            raise
        yield from _one_by_one(reading, base)
        return
    total, latest = _count(first), _latest(first)
    portal = re.sub(r"/api(/3)?/action$", "", base)
    if (recent := _recent(reading, base, total)) is not None:
        reading.rest_same = True
        reading.remember = {**reading.remembered, "count": total, "latest": latest or reading.since.get("latest", "")}
        yield from (_record(one, portal) for one in recent)
        return
    reading.remember = {"count": total, "latest": latest, "full_at": clock.now().isoformat()}
    seen, start = 0, 0
    while start < total:
        found = _result(reading, f"{base}/package_search?rows={PAGE}&start={start}&sort=id+asc")
        listed = found.get("results")
        if not isinstance(listed, list) or not listed:
            break
        start += len(listed)
        seen += len(listed)
        total = max(total, _count(found)) if start < total else total
        yield from (_record(one, portal) for one in listed)
    reading.whole = seen >= total


def _recent(reading: Reading, base: str, total: int) -> list[Any] | None:
    """What changed since the last whole run, newest first; None when that can't be told for sure."""
    since, before = str(reading.since.get("latest") or ""), reading.since.get("count")
    if not since or not isinstance(before, int):
        return None
    found: list[Any] = []
    last, start = "9999", 0
    while start < total:
        listed = _result(reading, f"{base}/package_search?rows={PAGE}&start={start}&sort=metadata_modified+desc").get(
            "results"
        )
        if not isinstance(listed, list) or not listed:
            return None
        for one in listed:
            modified = str(one.get("metadata_modified") or "") if isinstance(one, dict) else ""
            if not modified or modified > last:
                return None  # it doesn't sort
            if modified < since:
                start = total
                break
            last = modified
            found.append(one)
        start += len(listed)
        if len(found) > total / 2 and start < total:
            return None  # as quick to read all of it
    created = sum(1 for one in found if str(one.get("metadata_created") or "") > since)
    return found if total == before + created else None


def _one_by_one(reading: Reading, base: str) -> Iterator[dict[str, Any]]:
    names = _result(reading, f"{base}/package_list")
    if not isinstance(names, list):
        raise _strange()
    reading.remember = {"full_at": clock.now().isoformat()}
    reading.whole = len(names) <= MOST_SINGLE
    portal = re.sub(r"/api(/3)?/action$", "", base)
    for name in names[:MOST_SINGLE]:
        try:
            yield _record(_result(reading, f"{base}/package_show?id={quote(str(name)[:200], safe='')}"), portal)
        except TableError as error:
            if error.code not in ("bad_status", "catalogue_unreadable"):
                raise
            reading.whole = False
            yield {"unreadable": f"{name}: {error}"}


def _base(address: str) -> str:
    """``https://x/api/3/action`` of the address of a portal, of its API or of one of its actions."""
    plain = address.partition("?")[0].rstrip("/")
    if found := re.match(r"(.*/api(?:/3)?/action)(?:/\w+)?$", plain):
        return found.group(1)
    return f"{re.sub(r'/api(/3)?$', '', plain)}/api/3/action"


def _result(reading: Reading, url: str) -> Any:
    found = load_json(reading.ask(url).body)
    if not isinstance(found, dict) or not found.get("success") or "result" not in found:
        raise _strange()
    return found["result"]


def _strange() -> TableError:
    return TableError("catalogue_unreadable", "应答不是 CKAN 接口的样子（没有 success 与 result）；请核对地址与种类")


def _count(found: Any) -> int:
    count = found.get("count") if isinstance(found, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise _strange()
    return count


def _latest(found: dict[str, Any]) -> str:
    listed = found.get("results")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return str(first.get("metadata_modified") or "")[:40]


def _record(one: Any, portal: str) -> dict[str, Any]:
    """A package as :mod:`records` wants it; keys of ckanext-dcat, ckanext-fluent and ckanext-harvest in ``extras`` are known."""
    if not isinstance(one, dict):
        return {"unreadable": str(one)[:200]}
    listed = one.get("extras") if isinstance(one.get("extras"), list) else []
    extras = {str(each.get("key")): each.get("value") for each in listed or [] if isinstance(each, dict)}
    said = {**extras, **{key: value for key, value in one.items() if value not in (None, "", [], {})}}
    titles, notes = _languages(one, "title"), _languages(one, "notes")
    organisation = one.get("organization") if isinstance(one.get("organization"), dict) else {}
    name = str(one.get("name") or "")
    page = f"{portal}/dataset/{quote(name or str(one.get('id') or ''), safe='')}"
    refused = "private" if one.get("private") is True else ""
    if one.get("state") not in (None, "active"):
        refused = str(one["state"])
    if one.get("type") not in (None, "dataset"):
        refused = str(one["type"])
    return {
        "remote_id": one.get("id"),
        "slug": name,
        "title": titles.get("zh") or one.get("title") or name,
        "title_en": titles.get("en"),
        "summary": notes.get("zh") or one.get("notes"),
        "summary_en": notes.get("en"),
        "publisher": said.get("dcat_publisher_name") or said.get("publisher_name") or (organisation or {}).get("title") or one.get("author"),
        "keywords": _names(one.get("tags"), "display_name", "name"),
        "topics": [*_names(one.get("groups"), "name", "title", "display_name"), *_split(said.get("theme"))],
        "licence": [one.get("license_url"), one.get("license_id"), one.get("license_title")],
        "frequency": said.get("frequency") or said.get("accrual_periodicity") or said.get("update_frequency"),
        "language": said.get("language") if isinstance(said.get("language"), str) else None,
        "spatial": said.get("spatial_text") or said.get("geographic_coverage"),
        "issued": said.get("issued") or said.get("dcat_issued") or one.get("metadata_created"),
        "modified": said.get("modified") or said.get("dcat_modified") or one.get("metadata_modified"),
        # CKAN's url is where the data came from; our own portal says its page there
        "landing_page": page if name or one.get("id") else one.get("url"),
        "identifiers": [one.get("url"), *(said.get(key) for key in ("guid", "identifier", "uri", "harvest_source_url"))],
        "distributions": [_file(each) for each in one.get("resources") or [] if isinstance(each, dict)] if isinstance(one.get("resources"), list) else [],
        "columns": _columns(one.get("resources")),
        "refused": refused,
    }  # fmt: skip


def _file(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": one.get("name") or one.get("description"),
        "format": one.get("format"),
        "media_type": one.get("mimetype"),
        "url": one.get("url"),
        "size": one.get("size"),
    }


def _columns(resources: Any) -> list[str]:
    """Names of the fields, where a resource has a Table Schema (ckanext-validation)."""
    found: list[str] = []
    for one in resources if isinstance(resources, list) else []:
        schema = one.get("schema") if isinstance(one, dict) else None
        fields = schema.get("fields") if isinstance(schema, dict) else None
        found += _names(fields, "name")
    return found


def _languages(one: dict[str, Any], name: str) -> dict[str, Any]:
    translated = one.get(f"{name}_translated")
    if not isinstance(translated, dict):
        return {}
    chinese = next((value for key, value in translated.items() if str(key).startswith("zh") and value), None)
    return {"zh": chinese, "en": translated.get("en")}


def _names(listed: Any, *keys: str) -> list[str]:
    if not isinstance(listed, list):
        return []
    found = [each.get(key) if isinstance(each, dict) else each for each in listed for key in keys]
    return list(dict.fromkeys(each for each in found if isinstance(each, str) and each))


def _split(value: Any) -> list[str]:
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str)]
    return re.findall(r"[^\s\[\]\",;{}]+", value)[:20] if isinstance(value, str) else []
