"""The actions by their names: each takes its parameters and gives what stands under ``result``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from gongshu import __version__
from gongshu.opening import exports, queries, terms
from gongshu.opening.described import describe, in_sight
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation
from gongshu.surfaces.ckan import datastore, identity, packages, searching
from gongshu.surfaces.ckan.errors import Invalid, NotAuthorized, NotFound
from gongshu.surfaces.ckan.searching import number

CKAN = "2.12.0"  # whose behaviour clients may expect
MOST = 1000


@dataclass(frozen=True)
class Call:
    """A question: ``client`` is the address and the Authorization of who asks."""

    params: dict[str, Any]
    site: str
    client: tuple[str, str]


def _said(call: Call, *names: str) -> str:
    for name in names:
        if call.params.get(name) not in (None, ""):
            return str(call.params[name])
    raise Invalid(**{names[0]: ["Missing value"]})


def _flag(call: Call, name: str, default: bool = False) -> bool:
    said = call.params.get(name)
    return default if said is None else str(said).lower() in ("true", "1", "yes")


def _slice(call: Call, default: int = MOST) -> slice:
    start = number(call.params, "offset", 0)
    return slice(start, start + min(number(call.params, "limit", default), MOST))


def _dataset(text: str) -> Dataset:
    found = identity.read(text)
    known = Q(pk=found[1]) if found and found[0] == identity.PACKAGE else Q(name=text)
    dataset = in_sight().filter(known).first()
    if dataset is None:
        raise NotFound
    return dataset


def _packages(datasets: list[Dataset], call: Call) -> list[dict[str, Any]]:
    return packages.packages(datasets, describe(datasets, call.site))


def status_show(call: Call) -> dict[str, Any]:
    """What this is."""
    return {
        "ckan_version": CKAN,
        "site_url": call.site,
        "site_title": "公数 Gongshu",
        "site_description": "",
        "locale_default": "zh_Hans_CN",
        "error_emails_to": None,
        "extensions": ["datastore"],
        "gongshu_version": __version__,
    }


def site_read(call: Call) -> bool:
    """Whether the portal may be read: yes."""
    return True


def package_list(call: Call) -> list[str]:
    """Names of the datasets."""
    return list(queries.visible().order_by("name").values_list("name", flat=True)[_slice(call, 10**6)])


def package_show(call: Call) -> dict[str, Any]:
    """A dataset by its identifier or its name."""
    return _packages([_dataset(_said(call, "id", "name_or_id"))], call)[0]


def package_search(call: Call) -> dict[str, Any]:
    """Datasets that answer a question."""
    return searching.package_search(call.params, call.site)


def package_autocomplete(call: Call) -> list[dict[str, Any]]:
    """Datasets whose name or title holds the text."""
    text = _said(call, "q")
    found = queries.visible().filter(Q(title__icontains=text) | Q(name__icontains=text)).order_by("name")
    limit = min(number(call.params, "limit", 10), 100)
    return [
        {"name": one.name, "title": one.title, "match_field": "title", "match_displayed": one.title}
        for one in found[:limit]
    ]


def current_package_list_with_resources(call: Call) -> list[dict[str, Any]]:
    """Datasets, the latest first."""
    limit = min(number(call.params, "limit", 100), MOST)
    page = number(call.params, "page", 1) or 1
    start = number(call.params, "offset", (page - 1) * limit)
    return _packages(list(in_sight().order_by("-current__published_at", "name")[start : start + limit]), call)


def _bodies() -> Any:
    return Organisation.objects.annotate(n=Count("datasets", filter=Q(datasets__in=queries.visible()))).filter(n__gt=0)


def organization_list(call: Call) -> list[Any]:
    """Organisations that provide something: their codes, or all of them."""
    found = _bodies().order_by("name" if "title" in str(call.params.get("sort", "")) else "code")
    if wanted := call.params.get("organizations"):
        found = found.filter(code__in=wanted if isinstance(wanted, list) else str(wanted).split(","))
    if _flag(call, "all_fields"):
        return [packages.organisation(one, one.n) for one in found[_slice(call)]]
    return [one.code for one in found[_slice(call)]]


def organization_show(call: Call) -> dict[str, Any]:
    """An organisation, with some of its datasets when they are asked for."""
    text = _said(call, "id")
    known = identity.read(text)
    key = Q(pk=known[1]) if known and known[0] == identity.ORGANISATION else Q(code=text)
    body = _bodies().filter(key).first()
    if body is None:
        raise NotFound
    found = packages.organisation(body, body.n) | {"users": [], "tags": [], "extras": [], "groups": []}
    if _flag(call, "include_datasets"):
        found["packages"] = _packages(list(in_sight().filter(provider=body)[:MOST]), call)
    return found


def _topic_counts() -> dict[str, int]:
    return dict(queries.visible().order_by().values_list("topic").annotate(n=Count("id")))


def group_list(call: Call) -> list[Any]:
    """Topics: their keys, or all of them."""
    counts = _topic_counts()
    keys = list(dict.fromkeys([*terms.topics(), *counts]))[_slice(call)]
    if _flag(call, "all_fields"):
        return [packages.group(terms.topic(key), counts.get(key, 0)) for key in keys]
    return keys


def group_show(call: Call) -> dict[str, Any]:
    """A topic."""
    key, counts = _said(call, "id"), _topic_counts()
    if key not in counts and key not in terms.topics():
        raise NotFound
    found = packages.group(terms.topic(key), counts.get(key, 0)) | {"users": [], "tags": [], "extras": [], "groups": []}
    if _flag(call, "include_datasets"):
        found["packages"] = group_package_show(call)
    return found


def group_package_show(call: Call) -> list[dict[str, Any]]:
    """Datasets of a topic."""
    found = in_sight().filter(topic=_said(call, "id"))
    return _packages(list(found[: min(number(call.params, "limit", MOST), MOST)]), call)


def resource_show(call: Call) -> dict[str, Any]:
    """A file."""
    name, key = datastore.dataset_of(_said(call, "id"))
    found = _packages([_dataset(name)], call)[0]["resources"]
    wanted = next((one for one in found if one["id"] == _said(call, "id").lower()), None)
    if wanted is None or key not in exports.FORMATS:
        raise NotFound("Resource was not found.")
    file: dict[str, Any] = wanted
    return file


def resource_search(call: Call) -> dict[str, Any]:
    """Files by one word on a field: ``name:``, ``format:``, ``url:``, ``description:``."""
    said = call.params.get("query")
    field, mark, text = str(said[0] if isinstance(said, list) and said else said or "").partition(":")
    if not mark or field not in ("name", "format", "url", "description"):
        raise Invalid(query=["Must be <field>:<value> with a field of a resource"])
    among = in_sight()
    if field in ("name", "description"):
        among = among.filter(title__icontains=text)
    elif field == "format":
        among = queries.has_format(among, text.lower()) if text.lower() in exports.FORMATS else among.none()
    listed = [file for one in _packages(list(among[:MOST]), call) for file in one["resources"]]
    found = [file for file in listed if text.lower() in str(file[field]).lower()]
    chosen = found[_slice(call)]
    return {"count": len(found), "results": chosen}


def resource_view_list(call: Call) -> list[Any]:
    """Views are pages of ours: none here."""
    return []


def tag_list(call: Call) -> list[str]:
    """Keywords."""
    text = str(call.params.get("query") or "")
    words = {word for words in queries.visible().values_list("keywords", flat=True) for word in words}
    return sorted(word for word in words if text in word)


def license_list(call: Call) -> list[dict[str, Any]]:
    """Licences."""
    return packages.licences()


def datastore_search(call: Call) -> dict[str, Any]:
    """Rows of a table."""
    return datastore.search(call.params, call.client)


def datastore_info(call: Call) -> dict[str, Any]:
    """Fields of a table."""
    return datastore.info(call.params)


def recently_changed_packages_activity_list(call: Call) -> list[dict[str, Any]]:
    """What was published last."""
    latest = in_sight().order_by("-current__published_at")[: min(number(call.params, "limit", 31), 100)]
    found = []
    for one in _packages(list(latest), call):
        kind = "new package" if one["metadata_created"] == one["metadata_modified"] else "changed package"
        found.append(
            {
                "id": f"{one['id']}-v{one['version']}",
                "timestamp": one["metadata_modified"],
                "object_id": one["id"],
                "activity_type": kind,
                "user_id": None,
                "data": {"package": {"id": one["id"], "name": one["name"], "title": one["title"]}},
            }
        )
    return found


def help_show(call: Call) -> str:
    """What an action does."""
    name = _said(call, "name")
    if name not in ACTIONS:
        raise NotFound(f"Action '{name[:80]}' not found")
    return (ACTIONS[name].__doc__ or "").strip()


def _refused(call: Call) -> None:
    raise NotAuthorized("Access denied: writing goes through the approvals of this portal, not through this interface")


_READING: tuple[Callable[[Call], Any], ...] = (
    status_show, site_read, package_list, package_show, package_search, package_autocomplete,
    current_package_list_with_resources, organization_list, organization_show, group_list, group_show,
    group_package_show, resource_show, resource_search, resource_view_list, tag_list, license_list, datastore_search,
    datastore_info, recently_changed_packages_activity_list, help_show,
)  # fmt: skip
_WRITING = (
    "package_create package_update package_patch package_delete resource_create resource_update resource_patch "
    "resource_delete datastore_create datastore_upsert datastore_delete datastore_search_sql organization_create "
    "organization_update group_create user_create user_list user_show api_token_create"
).split()
ACTIONS: dict[str, Callable[[Call], Any]] = {one.__name__: one for one in _READING} | dict.fromkeys(_WRITING, _refused)
