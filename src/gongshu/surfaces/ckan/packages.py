"""Datasets, files, organisations, topics and licences in CKAN's words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gongshu.opening import terms
from gongshu.opening.described import ZH, Described, File
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation
from gongshu.surfaces.ckan import identity

OPEN = ("open-unconditional", "cc-by-4.0", "cc0-1.0", "odc-by-1.0", "mit", "wtfpl")


def package(dataset: Dataset, one: Described) -> dict[str, Any]:
    """``package_show`` of a dataset."""
    found = identity.package(dataset.pk)
    return {
        "id": found,
        "name": one.name,
        "title": one.title[ZH],
        "notes": one.summary[ZH],
        "title_translated": one.title,
        "notes_translated": one.summary,
        "type": "dataset",
        "state": "active",
        "private": False,
        "isopen": one.licence.key in OPEN,
        "url": one.url,
        "version": str(one.version),
        "author": one.publisher.name,
        "author_email": None,
        "maintainer": one.publisher.name,
        "maintainer_email": None,
        "creator_user_id": None,
        "license_id": one.licence.key,
        "license_title": str(one.licence.entry.get("zh", one.licence.key)),
        "license_url": one.licence_url,
        "metadata_created": moment(one.issued),
        "metadata_modified": moment(one.modified),
        "owner_org": identity.organisation(one.publisher.pk),
        "organization": organisation(one.publisher),
        "groups": [group(one.topic)],
        "tags": [tag(word) for word in one.keywords],
        "num_tags": len(one.keywords),
        "resources": [resource(dataset.pk, one, file, place) for place, file in enumerate(one.files)],
        "num_resources": len(one.files),
        "extras": [{"key": key, "value": value} for key, value in _extras(one).items()],
        "relationships_as_subject": [],
        "relationships_as_object": [],
    }


def resource(number: int, one: Described, file: File, place: int) -> dict[str, Any]:
    """``resource_show`` of a file; the rows can be asked for under the CSV."""
    return {
        "id": identity.resource(number, file.key),
        "package_id": identity.package(number),
        "name": f"{one.title[ZH]}.{file.key}",
        "description": f"{one.title[ZH]} · {file.label}",
        "format": file.label,
        "mimetype": file.media_type,
        "mimetype_inner": None,
        "url": file.url,
        "url_type": "datastore" if file.key == "csv" else None,
        "datastore_active": file.key == "csv",
        "size": file.size,
        "hash": f"sha256:{file.sha256}" if file.sha256 else "",
        "created": moment(one.issued),
        "last_modified": moment(one.modified),
        "metadata_modified": moment(one.modified),
        "position": place,
        "state": "active",
        "resource_type": "api" if file.key == "csv" else "file",
        "cache_url": None,
        "cache_last_updated": None,
    }


def organisation(body: Organisation, packages: int | None = None) -> dict[str, Any]:
    """``organization_show`` without its datasets."""
    found: dict[str, Any] = {
        "id": identity.organisation(body.pk),
        "name": body.code,
        "title": body.name,
        "display_name": body.name,
        "description": body.name_en,
        "type": "organization",
        "is_organization": True,
        "approval_status": "approved",
        "state": "active",
        "image_url": "",
        "image_display_url": "",
    }
    return found if packages is None else found | {"package_count": packages}


def group(topic: terms.Term, packages: int | None = None) -> dict[str, Any]:
    """``group_show`` of a topic without its datasets."""
    title = str(topic.entry.get("zh", topic.key))
    found: dict[str, Any] = {
        "id": topic.key,
        "name": topic.key,
        "title": title,
        "display_name": title,
        "description": str(topic.entry.get("zh_note", "")),
        "image_display_url": "",
    }
    if packages is None:
        return found
    more = {"package_count": packages, "type": "group", "is_organization": False, "state": "active", "image_url": ""}
    return found | more


def tag(word: str) -> dict[str, Any]:
    """A keyword."""
    return {"id": word, "name": word, "display_name": word, "state": "active", "vocabulary_id": None}


def licences() -> list[dict[str, Any]]:
    """``license_list``."""
    return [
        {
            "id": one.key,
            "title": str(one.entry.get("zh", one.key)),
            "url": one.url,
            "status": "active",
            "is_generic": False,
            "od_conformance": "approved" if one.url else "not reviewed",
            "osd_conformance": "not reviewed",
            "domain_data": True,
            "domain_content": False,
            "domain_software": False,
            "family": "",
            "maintainer": "",
        }
        for one in terms.licences().values()
    ]


def moment(at: datetime) -> str:
    """A time as CKAN writes it: UTC without saying so."""
    return at.replace(tzinfo=None).isoformat(timespec="microseconds")


def packages(datasets: Iterable[Dataset], described: Iterable[Described]) -> list[dict[str, Any]]:
    """Several, in their order."""
    return [package(dataset, one) for dataset, one in zip(datasets, described, strict=True)]


def _extras(one: Described) -> dict[str, str]:
    found = {
        "update_frequency": one.frequency.key,
        "rows": str(one.rows),
        "api": one.api_url,
        "openapi": one.openapi_url,
    }
    if one.quality is not None:
        found["quality"] = f"{one.quality:.1f}"
    if one.box:
        west, south, east, north = one.box
        corners = f"[{west}, {south}], [{east}, {south}], [{east}, {north}], [{west}, {north}], [{west}, {south}]"
        found["spatial"] = f'{{"type": "Polygon", "coordinates": [[{corners}]]}}'
    return found
