"""Datasets beside each other: what can be joined, what is alike, and the graph of all of it."""

from __future__ import annotations

import random

import pytest

from gongshu.catalogue.models import System
from gongshu.opening import joins, search
from gongshu.opening.models import Join, Version
from tests import people, seeding, walk


def hashes(values: range) -> tuple[int, ...]:
    return tuple(sorted(random.Random(value).getrandbits(64) for value in values)[: joins.KEPT])


@pytest.mark.parametrize(
    ("mine", "other", "share"),
    [(range(100), range(50, 400), 0.5), (range(20_000), range(10_000, 40_000), 0.5), (range(8_000), range(200_000), 1.0), (range(60_000), range(15_000), 0.25)],
)  # fmt: skip
def test_the_share_of_values_is_within_its_margin(mine, other, share):
    """Twice the margin, since it holds for 95 % only; exact of small columns."""
    found = joins.containment(hashes(mine), len(mine), hashes(other), len(other))
    assert found is not None and abs(found.share - share) <= 2 * found.margin + 1e-9
    assert (found.sample == 0) == (len(mine) <= joins.KEPT and len(other) <= joins.KEPT)


def test_too_few_values_in_common_range_say_nothing():
    assert joins.containment(hashes(range(40)), 40, hashes(range(2_000_000, 2_060_000)), 60_000) is None


@pytest.fixture
def city(db):
    made = [seeding.hospitals(300), seeding.companies(3000), seeding.bus_stops(200), seeding.divisions()]
    while joins.keep_sketches():
        pass
    return {one.dataset.name: one for one in made}


def test_joins_are_found_from_the_rows_of_public_columns(city):
    found = {(one.left.column, one.right.version.dataset.name, one.right.column): one for one in joins.joinable(city["medical-institutions"])}  # fmt: skip
    assert (
        found["所在区", "districts", "区划名称"].share == 1.0 and found["所在区", "districts", "区划名称"].sample == 0
    )
    assert found["所在区", "bus-stops", "所在区"].share == 1.0
    assert not any("法定代表人" in key for key in found) and not Version.objects.filter(sketched=False, dataset__current__isnull=False, number=2)  # fmt: skip
    assert joins.keep_sketches() == 0
    city["districts"].dataset.current = None
    city["districts"].dataset.save()
    assert ("所在区", "districts", "区划名称") not in {(one.left.column, one.right.version.dataset.name, one.right.column) for one in joins.joinable(city["medical-institutions"])}  # fmt: skip


def test_a_new_version_is_compared_anew(city):
    version = seeding.hospitals(100, number=2)
    assert joins.keep_sketches() == 1
    assert not Join.objects.filter(left__version=city["medical-institutions"]).exists()
    assert joins.joinable(version).filter(right__version__dataset__name="districts").get().share == 1.0


def test_columns_that_come_or_go_while_a_new_one_is_compared(city, monkeypatch):
    """The comparing is done before the transaction, so that in a large portal nobody waits for it."""
    compare, others = joins._likely, [lambda: joins.sketch(city["bus-stops"])]

    def meanwhile(*given):
        found = compare(*given)
        if others:
            others.pop()()
        return found

    monkeypatch.setattr(joins, "_likely", meanwhile)
    version = seeding.hospitals(100, number=2)
    joins.sketch(version)
    found = {(one.left.column, one.right.version.dataset.name): one.share for one in joins.joinable(version)}
    assert found["所在区", "bus-stops"] == 1.0 and found["所在区", "districts"] == 1.0
    assert Join.objects.filter(right__version=version, left__version=city["bus-stops"]).exists()


def test_the_page_of_a_dataset_leads_on(client, city):
    html = client.get("/datasets/medical-institutions").content.decode()
    assert "可以关联" in html and "公输市行政区划" in html and "区划名称" in html and "100%" in html
    assert "/datasets/medical-institutions/graph" in html


def test_the_graph_is_walked_from_node_to_node(client, city):
    def around(node: str, **more: int):
        answer = client.get("/api/v1/graph", {"node": node, **more})
        assert answer.status_code == 200, answer.content
        return answer.json()

    start = around("")
    assert {"topic:health", "organisation:market"} <= {one["node"]["id"] for one in start["edges"]}
    found = around("dataset:medical-institutions")
    kinds = {one["kind"] for one in found["edges"]}
    assert {"provided_by", "in_topic", "joinable", "has_field"} <= kinds
    joined = next(one for one in found["edges"] if one["node"]["id"] == "dataset:districts")
    assert joined["columns"] == ["所在区", "区划名称"] and joined["share"] == 1.0 and joined["margin"] == 0
    page = around("dataset:medical-institutions", limit=3, offset=2)
    assert page["edges"] == found["edges"][2:5] and page["count"] == found["count"]
    field = around("field:medical-institutions/所在区")
    assert {"field_of", "means", "joinable"} == {one["kind"] for one in field["edges"]}
    element = around("element:division_name")
    assert element["count"] == 4 and {one["kind"] for one in element["edges"]} == {"same_element"}
    for one in [*start["edges"], *found["edges"], *element["edges"]]:
        around(one["node"]["id"])
    for wrong in (
        "dataset:nothing",
        "dataset:a\0b",
        "element:\0",
        "what:ever",
        "field:districts/nothing",
        "element:nothing",
        "use:1",
        "portal:x",
        "topic:nothing",
        "organisation:nobody",
    ):
        status = 400 if "\0" in wrong else 404
        assert client.get("/api/v1/graph", {"node": wrong}).status_code == status
        assert client.get("/graph", {"node": wrong}).status_code == status


def test_a_system_is_a_source_in_the_graph_when_its_name_is_public(client, db):
    where = people.organisation()
    steward, approver = people.person("steward", "steward", where), people.person("approver", "approver", where)
    walk.approved(walk.submitted(steward, where, "clinics"), approver, people.person("operator", "operator"))
    search.rebuild()
    system = System.objects.get()

    def edges(node: str) -> list[tuple[str, str]]:
        found = client.get("/api/v1/graph", {"node": node}).json()["edges"]
        return [(one["kind"], one["node"]["id"]) for one in found]

    node = f"system:{system.pk}"
    assert node not in str(edges("dataset:clinics")) + str(edges(f"organisation:{where.code}"))
    assert client.get("/api/v1/graph", {"node": node}).status_code == 404
    assert system.name not in client.get("/datasets/clinics").content.decode()
    client.force_login(steward)
    assert client.post(f"/systems/{system.pk}/name", {"named": "1"}).status_code == 302
    assert "不再公开" in client.get("/systems").content.decode()
    assert ("comes_from", node) in edges("dataset:clinics")
    assert ("runs", node) in edges(f"organisation:{where.code}")
    assert edges(node) == [("run_by", f"organisation:{where.code}"), ("source_of", "dataset:clinics")]
    assert system.name in client.get("/datasets/clinics").content.decode()
    assert client.post(f"/systems/{system.pk}/name", {"named": "0"}).status_code == 302
    assert client.get("/api/v1/graph", {"node": node}).status_code == 404


def test_the_graph_is_a_page_with_a_table(client, city):
    html = client.get("/datasets/medical-institutions/graph").content.decode()
    assert "所在区 = 区划名称" in html and "可以关联" in html and 'data-graph="graph-data"' in html
    assert client.get("/graph").status_code == 200
    city["districts"].dataset.stopped_at = city["districts"].published_at
    city["districts"].dataset.save()
    assert "区划名称" not in client.get("/datasets/medical-institutions/graph").content.decode()
    assert client.get("/datasets/districts/graph").status_code == 404
