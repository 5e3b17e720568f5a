"""The catalogue as other software reads it: real readers and validators on a running portal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pyshacl
import pytest
import rdflib
from django.core.cache import caches
from rdflib.compare import isomorphic

from gongshu.surfaces.standards import pages
from tests import seeding

NAME = "medical-institutions"
DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")
DCT = rdflib.Namespace("http://purl.org/dc/terms/")


def read(url: str, **headers: str) -> bytes:
    with urlopen(Request(url, headers=headers)) as answer:
        found: bytes = answer.read()
        return found


def graph(content: bytes, form: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=content, format=form)


def test_the_catalogue_says_the_same_in_every_syntax(served):
    turtle = graph(read(f"{served}/catalog.ttl"), "turtle")
    node = rdflib.URIRef(f"{served}/datasets/{NAME}")
    assert (rdflib.URIRef(f"{served}/catalog"), DCAT.dataset, node) in turtle
    assert {str(each.language) for each in turtle.objects(node, DCT.title)} >= {"zh-Hans"}
    files = [str(address) for one in turtle.objects(node, DCAT.distribution) for address in turtle.objects(one, DCAT.downloadURL)]  # fmt: skip
    assert f"{served}/datasets/{NAME}/download.csv" in files and len(files) >= 4
    for suffix, form in (("jsonld", "json-ld"), ("rdf", "xml")):
        other = graph(read(f"{served}/catalog.{suffix}"), form)
        pattern = rdflib.URIRef(f"{served}/catalog.{suffix}?page=1")  # the page's own address is the only difference
        assert len(other) == len(turtle) and (pattern, None, None) in other
    one = [graph(read(f"{served}/datasets/{NAME}.{suffix}"), form) for suffix, form in (("ttl", "turtle"), ("rdf", "xml"), ("jsonld", "json-ld"))]  # fmt: skip
    assert isomorphic(one[0], one[1]) and isomorphic(one[0], one[2])
    assert read(f"{served}/catalog", Accept="application/rdf+xml").startswith(b"<?xml")


def test_the_catalogue_tells_city_licence_and_beginning(client, db, settings):
    first = seeding.hospitals(20)
    seeding.publish("other", "SELECT 1 AS a", [seeding.column("a", "int64")])
    told = graph(client.get("/catalog.ttl").content, "turtle")
    catalogue = rdflib.URIRef("http://testserver/catalog")
    places = [str(name) for place in told.objects(catalogue, DCT.spatial) for name in told.objects(place, rdflib.SKOS.prefLabel)]  # fmt: skip
    assert set(places) == set(settings.CITY.values())
    assert [one.toPython() for one in told.objects(catalogue, DCT.issued)] == [first.published_at]
    assert not list(told.objects(catalogue, DCT.license))  # the city has declared none
    node = rdflib.URIRef(f"http://testserver/datasets/{NAME}")
    assert len(list(told.objects(node, DCT.license))) == 1
    settings.CATALOGUE_LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
    caches["process"].clear()
    told = graph(client.get("/catalog.ttl").content, "turtle")
    assert [str(one) for one in told.objects(catalogue, DCT.license)] == [settings.CATALOGUE_LICENCE]


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "ending"),
    [
        ("text/turtle", "ttl"),
        ("application/ld+json, application/json;q=0.9, */*;q=0.1", "jsonld"),
        ("application/rdf+xml, text/html;q=0.5", "rdf"),
        ("text/html;q=0.8, text/turtle;q=0.7, application/rdf+xml;q=0.9", "rdf"),
        (BROWSER, ""),
        ("*/*", ""),
        ("application/xml", ""),
        ("text/html, text/turtle", ""),
        ("text/turtle;q=0, */*", ""),
    ],
)
def test_who_asks_for_rdf_is_shown_to_it(client, db, accept, ending):
    seeding.hospitals(20)
    for ask in (client.get, client.head):
        answer = ask(f"/datasets/{NAME}", headers={"accept": accept})
        assert answer.status_code == (303 if ending else 200)
        assert "Accept" in [word.strip() for word in answer["Vary"].split(",")]
        if ending:
            assert answer["Location"] == f"/datasets/{NAME}.{ending}" and answer["Cache-Control"] == "no-cache"
            assert ask(answer["Location"]).status_code == 200
    assert client.get(f"/datasets/{NAME}/versions/1", headers={"accept": accept}).status_code == 200
    assert client.get("/datasets/none", headers={"accept": accept}).status_code == 404


def test_a_client_of_linked_data_follows_the_address_of_a_dataset(served):
    told = rdflib.Graph().parse(f"{served}/datasets/{NAME}")  # as rdflib asks, by its own Accept
    assert (rdflib.URIRef(f"{served}/datasets/{NAME}"), rdflib.RDF.type, DCAT.Dataset) in told


def test_the_official_shapes_find_nothing(served):
    folder = os.environ.get("GONGSHU_STANDARDS")
    if not folder:
        pytest.skip(
            "THE SHACL SHAPES OF DCAT-AP WERE NOT RUN: GONGSHU_STANDARDS names no folder with dcat-ap-3.0-shapes.ttl"
        )
    shapes = rdflib.Graph().parse(Path(folder) / "dcat-ap-3.0-shapes.ttl")
    conforms, _report, text = pyshacl.validate(graph(read(f"{served}/catalog.ttl"), "turtle"), shacl_graph=shapes, advanced=True)  # fmt: skip
    assert conforms, text


def test_a_catalogue_of_many_pages_is_walked_by_its_links(client, db, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    for n in range(5):
        seeding.publish(f"set-{n}", f"SELECT {n} AS a", [seeding.column("a", "int64")])
    found, address, walked = set(), "/catalog.ttl", 0
    while address:
        answer = client.get(address)
        turtle, walked = graph(answer.content, "turtle"), walked + 1
        found |= {str(each) for each in turtle.subjects(rdflib.RDF.type, DCAT.Dataset)}
        link = re.match(r"<http://testserver([^>]+)>", answer.headers.get("Link", ""))
        address = link[1] if link else ""
    assert walked == 3 and len(found) == 5
    assert client.get("/catalog.ttl?page=4").status_code == 404
    assert client.get("/catalog.ttl?page=-1").status_code == client.get("/catalog.ttl?page=x").status_code == 200


def test_what_went_is_in_no_standard(client, db):
    version = seeding.hospitals(20)
    assert NAME in client.get("/data.json").content.decode()
    version.dataset.stopped_at = version.published_at
    version.dataset.save()
    seeding.publish("other", "SELECT 1 AS a", [seeding.column("a", "int64")])
    for address in ("/data.json", "/catalog.ttl", "/sitemap-1.xml", "/feed.atom"):
        assert NAME not in client.get(address).content.decode(), address
    for ending in (".ttl", "/croissant.json", "/datapackage.json"):
        assert client.get(f"/datasets/{NAME}{ending}").status_code == 503
        assert client.get(f"/datasets/none{ending}").status_code == 404


def test_what_is_counted_by_time_tells_its_period(client, db):
    columns = [seeding.column("day", "date"), seeding.column("n", "int64"), seeding.column("until", "date")]
    select = "SELECT DATE '2025-01-01' + i::INTEGER AS day, i AS n, DATE '2030-01-01' AS until FROM range(5) AS r(i)"
    seeding.publish("by-day", select, columns, key=["day"])
    seeding.publish("until", select, columns, key=["n"])
    turtle = graph(client.get("/datasets/by-day.ttl").content, "turtle")
    assert [str(one) for one in turtle.objects(None, DCAT.startDate)] == ["2025-01-01"]
    assert [str(one) for one in turtle.objects(None, DCAT.endDate)] == ["2025-01-05"]
    told = {one["title"]: one.get("temporal") for one in client.get("/data.json").json()["dataset"]}
    assert set(told.values()) == {"2025-01-01/2025-01-05", None}
    assert '"temporalCoverage": "2025-01-01/2025-01-05"' in client.get("/datasets/by-day").content.decode()
    assert "temporalCoverage" not in client.get("/datasets/until").content.decode()


def test_data_json_has_what_dcat_us_requires(served):
    found = json.loads(read(f"{served}/data.json"))
    assert found["conformsTo"] == "https://project-open-data.cio.gov/v1.1/schema"
    required = "title description keyword modified publisher contactPoint identifier accessLevel".split()
    assert all(one.get(name) for one in found["dataset"] for name in required)
    assert {one["accessLevel"] for one in found["dataset"]} == {"public"}
    assert found["dataset"][0]["contactPoint"]["hasURL"].startswith(served)


CROISSANT = """
import json, sys
import mlcroissant
loaded = mlcroissant.Dataset(jsonld=sys.argv[1])
rows = list(loaded.records("rows"))
issues = [*loaded.metadata.issues.errors, *loaded.metadata.issues.warnings]
print(json.dumps({"issues": issues, "rows": len(rows), "codes": len({row["rows/机构代码"] for row in rows})}))
"""


def test_croissant_loads_the_records(served, tmp_path):
    """In a process of its own: the library's logging takes the streams of the process that imports it."""
    environment = {**os.environ, "HOME": str(tmp_path)}  # where it keeps what it fetched
    command = [sys.executable, "-W", "ignore", "-c", CROISSANT, f"{served}/datasets/{NAME}/croissant.json"]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert json.loads(said.splitlines()[-1]) == {"issues": [], "rows": 900, "codes": 900}


def test_a_data_package_tells_types_and_key(served):
    found = json.loads(read(f"{served}/datasets/{NAME}/datapackage.json"))
    csv = found["resources"][0]
    fields = {field["name"]: field["type"] for field in csv["schema"]["fields"]}
    assert fields["核定床位"] == "integer" and fields["机构名称"] == "string"
    assert csv["schema"]["primaryKey"] == ["机构代码"] and read(csv["path"]).count(b"\n") == 901


def test_search_engines_find_the_description_in_the_page(client, db):
    seeding.hospitals(20, title="医院</script><script>alert(1)</script>")
    html = client.get(f"/datasets/{NAME}").content.decode()
    texts = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.S)
    found = json.loads(texts[0])
    assert found["@type"] == "Dataset" and found["name"] == "医院</script><script>alert(1)</script>"
    assert "<script>alert" not in html and len(found["description"]) >= 50
    assert found["distribution"][0]["contentUrl"].endswith("download.csv")


def test_sitemaps_robots_and_the_feed_are_well_formed(served):
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "a": "http://www.w3.org/2005/Atom"}
    index = ElementTree.fromstring(read(f"{served}/sitemap.xml"))
    places = [each.text or "" for each in index.findall(".//s:loc", space)]
    assert len(places) == 2
    for place in places:
        for each in ElementTree.fromstring(read(place)).findall(".//s:loc", space):
            assert read(each.text or "")
    assert f"Sitemap: {served}/sitemap.xml" in read(f"{served}/robots.txt").decode()
    feed = ElementTree.fromstring(read(f"{served}/feed.atom"))
    assert feed.findall("a:entry", space) and "第 1 版" in (feed.find("a:entry/a:title", space).text or "")  # type: ignore[union-attr]
