"""OGC API - Features as GDAL (which QGIS reads through) and OWSLib read it."""

from __future__ import annotations

import math

import pyogrio
import pytest
from owslib.ogcapi.features import Features

from gongshu.surfaces.ogc import crs, items
from tests import seeding

NAME = "medical-institutions"
ITEMS = f"/ogc/collections/{NAME}/items"


@pytest.fixture
def city(db):
    seeding.hospitals(300)
    seeding.divisions()


def test_gdal_reads_all_features(served):
    source = f"OAPIF:{served}/ogc/"
    assert NAME in {name for name, _kind in pyogrio.list_layers(source)}
    info, _index, shapes, values = pyogrio.raw.read(source, layer=NAME)
    assert len(shapes) == 900 and "机构名称" in list(info["fields"])
    _info, _index, some, _values = pyogrio.raw.read(source, layer=NAME, bbox=(-179, -89, 179, 89), max_features=10)
    assert len(some) == 10 and len(values) == len(info["fields"])


def test_owslib_walks_the_pages(served):
    service = Features(f"{served}/ogc/")
    assert NAME in service.feature_collections() and service.collection(NAME)["itemType"] == "feature"
    assert any(one.endswith("conf/crs") for one in service.conformance()["conformsTo"])
    first = service.collection_items(NAME, limit=400)
    rest = service.collection_items(NAME, limit=400, offset=400)
    assert first["numberMatched"] == 900 and first["numberReturned"] == 400
    names = [one["id"] for page in (first, rest) for one in page["features"]]
    assert len(set(names)) == 800
    one = service.collection_item(NAME, names[7])
    assert one["properties"] == first["features"][7]["properties"] and one["id"] == names[7]
    assert service.api()["openapi"].startswith("3.0")


def test_a_box_finds_what_lies_in_it_in_every_system(client, city):
    every = client.get(ITEMS, {"limit": 1000}).json()["features"]
    places = [one["geometry"]["coordinates"] for one in every if one["geometry"]]
    west, east = sorted(x for x, _y in places)[len(places) // 4], sorted(x for x, _y in places)[3 * len(places) // 4]
    south, north = min(y for _x, y in places), sorted(y for _x, y in places)[len(places) // 2]
    inside = sum(west <= x <= east and south <= y <= north for x, y in places)
    assert 0 < inside < len(places)
    (left, low), (right, high) = (crs._to_mercator(x, y) for x, y in ((west, south), (east, north)))
    for box, system in (
        (f"{west},{south},{east},{north}", ""),
        (f"{west},{south},0,{east},{north},99", crs.CRS84),
        (f"{south},{west},{north},{east}", f"{crs.EPSG}4326"),
        (f"{south},{west},{north},{east}", "[EPSG:4490]"),
        (f"{left - 0.01},{low - 0.01},{right + 0.01},{high + 0.01}", f"{crs.EPSG}3857"),
    ):
        words = {"bbox": box, "limit": 1} | ({"bbox-crs": system} if system else {})
        assert client.get(ITEMS, words).json()["numberMatched"] == inside, system


def test_answers_in_other_systems(client, city):
    words = {"limit": 5}
    (x, y) = client.get(ITEMS, words).json()["features"][0]["geometry"]["coordinates"]
    swapped = client.get(ITEMS, words | {"crs": f"{crs.EPSG}4490"})
    assert swapped.json()["features"][0]["geometry"]["coordinates"] == [y, x]
    assert swapped["Content-Crs"] == f"<{crs.EPSG}4490>"
    metres = client.get(ITEMS, words | {"crs": f"{crs.EPSG}3857"}).json()["features"][0]["geometry"]["coordinates"]
    assert metres[0] == pytest.approx(x * 111319.49079327358, abs=0.01)  # EPSG Guidance Note 7-2
    assert math.isclose(crs._from_mercator(*metres)[1], y, abs_tol=1e-7)
    shape = client.get("/ogc/collections/districts/items", {"limit": 1}).json()["features"][0]["geometry"]
    other = client.get("/ogc/collections/districts/items", {"limit": 1, "crs": f"{crs.EPSG}4326"}).json()
    ring, turned = shape["coordinates"][0], other["features"][0]["geometry"]["coordinates"][0]
    assert [[b, a] for a, b in ring] == turned


def test_shapes_are_found_by_a_box_too(client, city):
    every = client.get("/ogc/collections/districts/items").json()
    assert every["numberMatched"] == every["numberReturned"] == 8
    x, y = every["features"][0]["geometry"]["coordinates"][0][0]
    near = client.get("/ogc/collections/districts/items", {"bbox": f"{x},{y},{x},{y}"}).json()
    assert 1 <= near["numberMatched"] < 8
    assert client.get("/ogc/collections/districts/items", {"bbox": "0,0,1,1"}).json()["numberMatched"] == 0


def test_too_many_shapes_for_a_box_are_refused_not_cut(client, city, monkeypatch):
    monkeypatch.setattr(items, "MOST_SHAPES", 3)
    assert client.get("/ogc/collections/districts/items", {"bbox": "0,0,180,90"}).status_code == 413


def test_conditions_pages_and_links(client, city):
    page = client.get(ITEMS, {"所在区": "鲁班区", "limit": 2}).json()
    assert {one["properties"]["所在区"] for one in page["features"]} == {"鲁班区"}
    links = {one["rel"]: one["href"] for one in page["links"]}
    following = client.get(links["next"].removeprefix("http://testserver")).json()
    assert {one["id"] for one in following["features"]}.isdisjoint(one["id"] for one in page["features"])
    assert {one["rel"] for one in following["links"]} >= {"self", "prev", "collection"}


@pytest.fixture
def moments(db):
    rows = [
        ("a", "2026-01-01 08:00:00", 121.0),
        ("b", "2026-01-01 23:59:59", 121.1),
        ("c", "2026-02-03 00:00:00", 121.2),
    ]
    select = " UNION ALL ".join(f"SELECT '{k}' AS k, TIMESTAMP '{t}' AS at, {x} AS x, 31.0 AS y" for k, t, x in [*rows, ("d", "2027-01-01", 200.0)])  # fmt: skip
    select += " UNION ALL SELECT 'e', NULL, 121.0, 31.0"
    columns = [
        seeding.column("k"),
        seeding.column("at", "timestamp"),
        seeding.column("x", "float64"),
        seeding.column("y", "float64"),
    ]
    seeding.publish("moments", select, columns, key=["k"], longitude="x", latitude="y")


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ("2026-01-01", "ab"),
        ("2026-01-01T08:00:00+08:00", "a"),
        ("2026-01-01T00:00:00Z", "a"),
        ("2026-01-01T12:00:00Z/2026-02-02T16:00:00Z", "bc"),
        ("../2026-01-31", "ab"),
        ("2026-01-02/..", "cd"),
        ("2026-02-03/", "cd"),
        ("2026-03-01/2026-03-31", ""),
    ],
)
def test_a_time_finds_what_was_then(client, moments, said, keys):
    found = client.get("/ogc/collections/moments/items", {"datetime": said}).json()
    assert "".join(sorted(one["id"] for one in found["features"])) == keys and found["numberMatched"] == len(keys)


def test_a_collection_tells_its_times_and_only_a_box_on_earth(client, moments):
    extent = client.get("/ogc/collections/moments").json()["extent"]
    assert extent["temporal"]["interval"] == [["2026-01-01T08:00:00+08:00", "2027-01-01T00:00:00+08:00"]]
    assert "spatial" not in extent  # a row stands at 200 degrees
    seeding.divisions()
    every = client.get("/ogc/collections/districts/items").json()["numberMatched"]
    assert client.get("/ogc/collections/districts/items", {"datetime": "1900-01-01"}).json()["numberMatched"] == every


@pytest.mark.parametrize(
    "query",
    ["datetime=then", "datetime=..", "datetime=../..", "datetime=2026-02-01/2026-01-01", "datetime=2026-01-01/2026-01-02/..",
     "limit=0", "limit=x", "bbox=1,2,3", "bbox=a,b,c,d", "bbox=1,2,nan,4", "bbox=3,3,1,1", "crs=EPSG:9999", "nope=1",
     "bbox=1,2,3,4&bbox-crs=x", "q=1", "cursor=x", "offset=-1"],
)  # fmt: skip
def test_a_wrong_parameter_is_told(client, city, query):
    answer = client.get(f"{ITEMS}?{query}")
    assert answer.status_code == 400 and answer.json()["description"]


def test_what_is_not_there(client, city):
    seeding.publish("plain", "SELECT 1 AS a", [seeding.column("a", "int64")])
    for address in ("/ogc/collections/none", "/ogc/collections/plain", "/ogc/collections/none/items", "/ogc/collections/plain/items", f"{ITEMS}/nope", f"{ITEMS}/a/b"):  # fmt: skip
        assert client.get(address).status_code == 404, address
    listed = {one["id"] for one in client.get("/ogc/collections").json()["collections"]}
    assert listed == {NAME, "districts"}
    for address in ("/ogc/", "/ogc/conformance", "/ogc/api"):
        assert client.get(address).status_code == 200
