"""The actions by their names: each takes its parameters and gives what stands under ``result``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from tantivy import Occur, Query

from gongshu import __version__
from gongshu.opening import exports, figures, queries, search, terms
from gongshu.opening.described import describe, in_sight, with_first
from gongshu.opening.models import Dataset, Version
from gongshu.opening.search.documents import OWN
from gongshu.opening.search.matching import phrase
from gongshu.parties.models import Organisation
from gongshu.surfaces.ckan import datastore, identity, packages, searching, sql
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
    text = search.plain(_said(call, "q")[:200])
    either = Query.boolean_query([(Occur.Should, phrase("title", text)), (Occur.Should, phrase("keywords", text))])
    wanted = search.Wanted(filters={"source": OWN}, order="name", limit=min(number(call.params, "limit", 10), 100), condition=either)  # fmt: skip
    return [
        {"name": one.name, "title": one.title, "match_field": "title", "match_displayed": one.title}
        for one in search.ask(wanted).datasets
    ]


def current_package_list_with_resources(call: Call) -> list[dict[str, Any]]:
    """Datasets, the latest first."""
    limit = min(number(call.params, "limit", 100), MOST)
    page = number(call.params, "page", 1) or 1
    start = number(call.params, "offset", (page - 1) * limit)
    return _listed(call, "updated", start, limit)


def _listed(call: Call, order: str, start: int, limit: int, **filters: str) -> list[dict[str, Any]]:
    wanted = search.Wanted(filters={"source": OWN, **filters}, order=order, offset=start, limit=limit)
    return _packages(with_first(search.ask(wanted).datasets), call)


def _bodies() -> list[tuple[Organisation, int]]:
    """Who provides something, with how many datasets."""
    counts = figures.numbers("provider")
    return [(one, counts[one.code]) for one in Organisation.objects.filter(code__in=counts)]


def _body(text: str) -> tuple[Organisation, int]:
    """Who provides something, by identifier or code; NotFound."""
    known = identity.read(text)
    wanted = known[1] if known and known[0] == identity.ORGANISATION else 0
    found = next((one for one in _bodies() if text == one[0].code or one[0].pk == wanted), None)
    if found is None:
        raise NotFound
    return found


def organization_list(call: Call) -> list[Any]:
    """Organisations that provide something: their codes, or all of them."""
    by_name = "title" in str(call.params.get("sort", ""))
    found = sorted(_bodies(), key=lambda one: one[0].name if by_name else one[0].code)
    if wanted := call.params.get("organizations"):
        codes = wanted if isinstance(wanted, list) else str(wanted).split(",")
        found = [one for one in found if one[0].code in codes]
    if _flag(call, "all_fields"):
        return [packages.organisation(body, n) for body, n in found[_slice(call)]]
    return [body.code for body, _n in found[_slice(call)]]


def organization_show(call: Call) -> dict[str, Any]:
    """An organisation, with some of its datasets when they are asked for."""
    body, n = _body(_said(call, "id"))
    found = packages.organisation(body, n) | {"users": [], "tags": [], "extras": [], "groups": []}
    if _flag(call, "include_datasets"):
        found["packages"] = _listed(call, "name", 0, MOST, provider=body.code)
    return found


def _topic_counts() -> dict[str, int]:
    return figures.numbers("topic")


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
    return _listed(call, "name", 0, min(number(call.params, "limit", MOST), MOST), topic=_said(call, "id"))


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
    filters, condition = {"source": OWN}, None
    if field in ("name", "description"):
        condition = phrase("title", search.plain(text[:200]))
    elif field == "format":
        filters["format"] = text.lower()
    among = search.ask(search.Wanted(filters=filters, order="name", limit=MOST, condition=condition)).datasets
    listed = [file for one in _packages(with_first(among), call) for file in one["resources"]]
    found = [file for file in listed if text.lower() in str(file[field]).lower()]
    chosen = found[_slice(call)]
    return {"count": len(found), "results": chosen}


def resource_view_list(call: Call) -> list[Any]:
    """Views are pages of ours: none here."""
    return []


def tag_list(call: Call) -> list[str]:
    """Keywords."""
    text = str(call.params.get("query") or "")
    return sorted(word for word in figures.numbers("tag") if text in word)


def license_list(call: Call) -> list[dict[str, Any]]:
    """Licences."""
    return packages.licences()


def datastore_search(call: Call) -> dict[str, Any]:
    """Rows of a table."""
    return datastore.search(call.params, call.client)


def datastore_info(call: Call) -> dict[str, Any]:
    """Fields of a table."""
    return datastore.info(call.params)


def datastore_search_sql(call: Call) -> dict[str, Any]:
    """Rows by one SELECT on one table, where the portal lets it."""
    return sql.search(call.params, call.client)


def recently_changed_packages_activity_list(call: Call) -> list[dict[str, Any]]:
    """Versions that were published last, of all datasets."""
    return _activities(call, Q())


def package_activity_list(call: Call) -> list[dict[str, Any]]:
    """Versions of a dataset, the latest first."""
    return _activities(call, Q(dataset=_dataset(_said(call, "id"))))


def group_activity_list(call: Call) -> list[dict[str, Any]]:
    """Versions of the datasets of a topic, the latest first."""
    key = _said(call, "id")
    if key not in terms.topics() and key not in _topic_counts():
        raise NotFound
    return _activities(call, Q(dataset__topic=key))


def organization_activity_list(call: Call) -> list[dict[str, Any]]:
    """Versions of the datasets of an organisation, the latest first."""
    return _activities(call, Q(dataset__provider=_body(_said(call, "id"))[0]))


def _activities(call: Call, which: Q) -> list[dict[str, Any]]:
    """Publications of visible datasets as CKAN's activities."""
    start, limit = number(call.params, "offset", 0), min(number(call.params, "limit", 31), 100)
    versions = Version.objects.filter(which, dataset__in=queries.visible()).order_by("-published_at", "-pk")
    return [
        {
            "id": str(version.job),
            "timestamp": packages.moment(version.published_at),
            "object_id": identity.package(version.dataset_id),
            "activity_type": "new package" if version.number == 1 else "changed package",
            "user_id": None,
            "data": {
                "package": {
                    "id": identity.package(version.dataset_id),
                    "name": version.dataset.name,
                    "title": version.dataset.title,
                    "version": str(version.number),
                }
            },
        }
        for version in versions.select_related("dataset").only(
            "job", "number", "published_at", "dataset__name", "dataset__title"
        )[start : start + limit]
    ]


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
    datastore_info, datastore_search_sql, recently_changed_packages_activity_list, package_activity_list, group_activity_list,
    organization_activity_list, help_show,
)  # fmt: skip
_WRITING = (
    "package_create package_update package_patch package_delete resource_create resource_update resource_patch "
    "resource_delete datastore_create datastore_upsert datastore_delete organization_create "
    "organization_update group_create user_create user_list user_show api_token_create"
).split()
ACTIONS: dict[str, Callable[[Call], Any]] = {one.__name__: one for one in _READING} | dict.fromkeys(_WRITING, _refused)
