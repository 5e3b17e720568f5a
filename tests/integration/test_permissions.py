"""Every page and endpoint, with every role and an outsider, object by object: who is not in the table is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from gongshu.federation.models import Run, Source
from gongshu.jobs.models import Job
from gongshu.opening import offers
from gongshu.opening.models import ExternalDataset
from gongshu.parties.models import Organisation, Person, Role
from gongshu.parties.permissions import PERMISSIONS, may
from gongshu.web.access import PUBLIC, SIGNED_IN
from tests import people

pytestmark = pytest.mark.django_db
# allauth's views stand under /account/ with rules of their own, tested in test_sign_in; the API's table is its own
OTHERS = ("account_", "mfa_", "usersessions_", "login", "logout", "api:")


@dataclass
class Place:
    """Where an address with arguments leads: to a thing of the first organisation, and to the same of another."""

    mine: dict[str, Any]
    other: dict[str, Any] | None = None
    missing: bool = False  # nothing is behind the address for those who may, either

    def without_thing(self) -> Place:
        """The same place, where even those who may find nothing."""
        return Place(self.mine, self.other, missing=True)


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, f"{prefix}{one.namespace}:" if one.namespace else prefix)
        else:
            yield prefix + (one.name or str(one.pattern)), one


PAGES = {name: one for name, one in patterns() if not name.startswith(OTHERS)}


def test_every_page_says_who_may_open_it():
    for name, one in PAGES.items():
        needed = getattr(one.callback, "needs", None)
        assert needed in (PUBLIC, SIGNED_IN) or needed in PERMISSIONS, f"{name} has no mark of web.access"


@pytest.fixture
def city(data) -> dict[str, Any]:
    """Two organisations with the same things, and somebody of every role in the first."""
    health, civil = people.organisation(), people.organisation("civil", "市民政局")
    roles = {role.value: people.person(role.value, role, health) for role in Role}
    return {"mine": health, "other": civil, "people": roles | {"nobody": people.person("nobody")}}


def external(key: str) -> str:
    """The name of a dataset of another portal."""
    row = ExternalDataset.objects.create(
        source=key, portal="邻市", portal_url="https://data.example.org/", remote_id="1", name=f"{key}--1", title="外部"
    )
    return row.name


def harvested() -> dict[str, Place]:
    """The pages of a portal that is harvested: the platform's own, so of no organisation."""
    source = Source.objects.create(
        key="neighbour", name="邻市", kind="ckan", address="https://x.example/", portal_url="https://x.example/"
    )
    key, run = Place({"key": source.key}), Place({"run_id": Run.objects.create(source=source).pk})
    return {"portal": key, "source": key, "source_edit": key, "harvest_run": run, "harvest_run_csv": run}


def offered() -> str:
    """The number of an offer of data."""
    values = {
        "giver": "person",
        "title": "观鸟记录",
        "description": "一行一次",
        "origin": "自己记的",
        "rights": "自己的",
        "licence": "cc0-1.0",
    }
    values |= {"name": "老王", "contact": "王", "email": "wang@example.org"}
    return offers.offer(values, set(offers.CHECKED))[0].number


def places(city: dict[str, Any]) -> dict[str, Place]:
    """The things behind every address that has arguments; a new address must be added here."""
    from tests.walk import things  # made by the actions of their people

    mine, other = things(city["mine"], "mine"), things(city["other"], "other")

    def job(where: Organisation) -> dict[str, Any]:
        return {"job_id": Job.objects.create(kind="none", title="甲", actor="x", organisation=where.pk).pk}

    def both(name: str, key: str) -> Place:
        return Place({name: mine[key]}, {name: other[key]})

    drafts = "draft protect preview_again describe submit confirm_fields answer_field patch_cell apply_repairs undo_patch accept_finding columns_csv draft_contract"
    dataset = {"name": mine["dataset"]}
    version = dataset | {"number": 1}
    return {name: both("draft_id", "draft") for name in drafts.split()} | {
        "finding_csv": both("draft_id", "draft").without_thing(),
        "begin_draft": both("upload_id", "upload"),
        "override_field": Place({"draft_id": mine["draft"], "number": 1}, {"draft_id": other["draft"], "number": 1}),
        "job": Place(job(city["mine"]), job(city["other"])),
        "cancel_job": Place(job(city["mine"]), job(city["other"])),
        "submission": both("submission_id", "submission"),
        "decide": both("submission_id", "submission"),
        "take_back": both("submission_id", "submission"),
        "people": Place({"code": "health"}, {"code": "civil"}),
        "organisation_edit": Place({"code": "health"}, {"code": "civil"}),
        "leave": Place(
            {"code": "health", "username": mine["steward"]}, {"code": "civil", "username": other["steward"]}
        ),
        "remove_factors": Place(
            {"code": "health", "username": mine["steward"]}, {"code": "civil", "username": other["steward"]}
        ),
        "uninvite": both("invitation_id", "invitation"),
        "invitation": Place({"secret": "no-such-secret"}),
        **{name: both("resource_id", "resource") for name in ("resource", "resource_edit")},
        **{name: both("resource_id", "resource") for name in ("upload_new", "upload_file", "upload_start")},
        **{
            f"upload{tail}": both("upload_id", "upload")
            for tail in ("", "_state", "_piece", "_inspect", "_cancel", "_discard")
        },
        "protect": both("draft_id", "draft"),
        "preview_again": both("draft_id", "draft"),
        "describe": both("draft_id", "draft"),
        "submit": both("draft_id", "draft"),
        "dataset": Place(dataset),
        "dataset_version": Place(version),
        "download": Place(dataset | {"format_key": "csv"}),
        "download_version": Place(version | {"again": mine["dataset"], "format_key": "csv"}),
        "selection": Place(version),
        "columns": Place(dataset),
        "columns_version": Place(version),
        "citation": Place(version | {"form": "bib"}),
        "console": Place(dataset),
        "analysis": Place(dataset),
        "analysis_embed": Place(dataset),
        "dataset_openapi": Place(dataset),
        "catalogue_as": Place({"suffix": "ttl"}),
        "dataset_rdf": Place(dataset | {"suffix": "jsonld"}),
        "croissant": Place(dataset),
        "datapackage": Place(dataset),
        "sitemap": Place({"number": 0}),
        "sitemap_external": Place({"number": 1}),
        "system_name": both("system_id", "system"),
        "ckan_action": Place({"name": "package_list"}),
        "ckan_action_unversioned": Place({"name": "package_list"}),
        "ckan_dump": Place({"resource": "no-such-resource"}),
        "ogc_collection": Place(dataset),
        "ogc_items": Place(dataset),
        "ogc_item": Place(dataset | {"key": "1"}),
        "versions": Place(dataset),
        "version_difference": Place(version),
        "feed": Place(dataset),
        "withdraw": Place(dataset, {"name": other["dataset"]}),
        "figures": Place(dataset, {"name": other["dataset"]}),
        "subscribe": Place(dataset),
        "rate": Place(dataset),
        "problem_reports": Place(dataset),
        "report_new": Place(dataset),
        "subscription": Place({"secret": "no-such-secret"}),
        "report": Place({"key": mine["report"]}),
        "problem": both("number", "problem"),
        "asked": Place({"key": mine["asked"]}),
        "demand": Place({"number": mine["demand"]}),
        "demand_support": Place({"number": mine["demand"]}),
        "case": both("number", "demand"),
        "complaint": Place({"number": mine["complaint"]}),
        "questions": Place(dataset),
        "question_new": Place(dataset),
        "news_page": Place({"number": mine["news"]}),
        "news_edit": Place({"number": mine["news"]}),
        "external": Place({"name": external("mine")}),
        "dataset_graph": Place(dataset),
        **harvested(),
        "offer": Place({"number": offered()}),
        "given_offer": Place({"secret": "no-such-secret"}),
        "topic": Place({"key": "health"}),
        "self_assessment_evidence": Place({"key": "standards"}),
        "organisation": Place({"code": "health"}),
        "district": Place({"code": district()}),
    }


def district() -> str:
    """The code of a district."""
    found, _made = Organisation.objects.get_or_create(code="lu-ban", defaults={"name": "鲁班区", "kind": "district"})
    return found.code


def answer(person: Person | None, name: str, place: dict[str, Any]) -> int:
    """The status for ``person`` (None: nobody is signed in); -1 is a way to the sign-in page. Whatever it changed is undone."""
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person)
    address = reverse(name, kwargs=place)
    with transaction.atomic():
        given = client.get(address)
        if given.status_code == 405:
            given = client.post(address)
        if given.streaming:  # read to its end: closing it would close the connection of the test's transaction
            list(given.streaming_content)
        transaction.set_rollback(True)
    to_sign_in = given.status_code == 302 and given["Location"].startswith("/account/login")
    return -1 if to_sign_in else given.status_code


def test_every_page_with_every_role_and_an_outsider(city):
    known = places(city)
    wrong = []
    for name, one in PAGES.items():
        needed = one.callback.needs
        arguments = bool(one.pattern.converters)
        assert not arguments or name in known, f"{name}: say in places() what stands behind it"
        place = known.get(name, Place({}))
        targets = [(city["mine"], place.mine)] + ([(city["other"], place.other)] if place.other else [])
        for organisation, where in targets:
            for who, person in [*city["people"].items(), ("outsider", None)]:
                status = answer(person, name, where)
                if needed == PUBLIC:
                    right = status not in (-1, 403, 500)
                elif person is None:
                    right = status == -1
                elif needed == SIGNED_IN:
                    right = status not in (-1, 403, 500)
                else:
                    scope = organisation if arguments else None
                    allowed = may(person, needed, scope)
                    right = (
                        (status not in (-1, 403, 500) and (status != 404 or place.missing))
                        if allowed
                        else status in (403, 404)
                    )
                if not right:
                    wrong.append(f"{name} {needed} {organisation.code} {who}: {status}")
    assert not wrong, "\n".join(wrong)


def test_an_unknown_thing_is_not_found(city):
    client = Client()
    client.force_login(city["people"]["approver"])
    assert client.get(f"/submissions/{uuid.uuid4()}").status_code == 404
    assert client.get("/account/people/nowhere").status_code == 404
