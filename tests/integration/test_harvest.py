"""Harvesting other portals: what comes in, what doesn't and why, what goes, and that nothing is lost or done twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from typer.testing import CliRunner

from gongshu import clock
from gongshu.cli import build_app
from gongshu.federation import actions, dcat, harvesting
from gongshu.federation.models import Run, Source, Trouble
from gongshu.federation.reading import load_json
from gongshu.federation.records import clean
from gongshu.federation.tasks import begin_due, end_failed
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.opening.models import ExternalDataset
from gongshu.oversight.models import Event
from gongshu.parties.models import Role
from gongshu.parties.permissions import Shell
from gongshu.tables.errors import TableError
from tests import people, seeding
from tests.portals import Portal, data_json, entry, package, portal

pytestmark = pytest.mark.django_db
ME = Shell("test")
States = ExternalDataset.State


@pytest.fixture
def other(data, settings) -> Iterator[Portal]:
    load_kinds()
    settings.OUTGOING_ALLOWED = ["127.0.0.1"]
    with portal() as found:
        yield found


def source(other: Portal, kind: str, path: str = "", **more: object) -> Source:
    values = {
        "name": "邻市开放平台",
        "kind": kind,
        "address": other.site + path,
        "every": 24,
        "grace_runs": 2,
        "grace_days": 0,
    }
    return actions.add_source(ME, str(more.pop("key", "neighbour")), values | more)


def harvest(row: Source) -> Run:
    row.refresh_from_db()
    run = actions.begin_run(ME, row)
    assert run is not None
    job = run_one(owner_name())
    assert job is not None
    end_failed()
    run.refresh_from_db()
    return run


def counts(run: Run) -> dict[str, int]:
    names = ("new", "changed", "same", "missing", "gone", "refused", "defective")
    return {name: number for name in names if (number := getattr(run, name))}


def titles(state: str = "present") -> list[str]:
    return sorted(ExternalDataset.objects.filter(state=state).values_list("title", flat=True))


def test_a_catalogue_comes_in_changes_and_goes_with_grace(other):
    row = source(other, "data_json", "/data.json")
    other.files["/data.json"] = data_json(*(entry(n) for n in range(1, 7)))
    run = harvest(row)
    assert (run.state, counts(run)) == (Run.State.DONE, {"new": 6}), run.error
    one = ExternalDataset.objects.get(remote_id="id-1")
    assert (one.topic, one.licence, one.update_frequency) == ("health", "cc-by-4.0", "monthly")
    assert one.distributions == [
        {
            "title": "文件",
            "format": "CSV",
            "media_type": "text/csv",
            "url": "https://data.neighbour.example/1.csv",
            "size": None,
        }
    ]
    assert one.name == "neighbour--lin-shi-shu-ju-1"
    assert counts(harvest(row)) == {"same": 6}  # 304
    other.files["/data.json"] = data_json(entry(1, title="改了名"), *(entry(n) for n in range(2, 6)), entry(7))
    assert counts(harvest(row)) == {"changed": 1, "same": 4, "new": 1, "missing": 1}
    assert titles("missing") == ["邻市数据 6"]
    assert ExternalDataset.objects.get(remote_id="id-1").name == one.name
    assert counts(harvest(row)) == {"same": 6, "gone": 1}
    gone = ExternalDataset.objects.get(remote_id="id-6")
    assert Client().get(gone.get_absolute_url()).status_code == 410
    other.files["/data.json"] = data_json(*(entry(n) for n in range(1, 8)))
    assert counts(harvest(row)) == {"changed": 2, "same": 5}  # the title of 1, and 6 is back under its old name
    gone.refresh_from_db()
    assert (gone.state, gone.missed_runs) == (States.PRESENT, 0)
    page = Client().get(gone.get_absolute_url()).content.decode()
    assert "来自邻市开放平台" in page
    assert 'href="https://data.neighbour.example/6.csv" rel="noopener' in page
    actions_done = list(Event.objects.filter(subject="source:neighbour").values_list("action", flat=True))
    assert actions_done.count("harvest.done") == 5
    assert "source.add" in actions_done


def test_a_run_that_fails_or_finds_suspiciously_few_deletes_nothing(other):
    row = source(other, "data_json", "/data.json", grace_runs=1)
    other.files["/data.json"] = data_json(*(entry(n) for n in range(1, 7)))
    harvest(row)
    other.files["/data.json"] = data_json(entry(1), entry(2))
    run = harvest(row)
    assert (run.note, counts(run)) == ("few", {"same": 2})
    assert len(titles()) == 6
    other.files["/data.json"] = b'{"dataset": ['
    run = harvest(row)
    assert (run.state, run.error["code"]) == (Run.State.FAILED, "catalogue_unreadable")
    other.status = 503
    assert harvest(row).state == Run.State.FAILED
    other.status = 200
    assert len(titles()) == 6
    other.files["/data.json"] = data_json(entry(1), entry(2))
    actions.confirm_fewer(ME, row)
    run_one(owner_name())
    assert len(titles()) == 2
    row.refresh_from_db()
    assert not row.fewer_confirmed


def test_defects_are_told_record_by_record_and_stop_nothing(other):
    row = source(other, "data_json", "/data.json")
    other.files["/data.json"] = data_json(
        {}, "no record", ["neither"], 7, None,
        entry(1, title=None), entry(2, identifier=None), entry(3, title=707, spatial=None), entry(3), entry(4, accessLevel="non-public"),
        entry(5, description="<p>A &amp; <i>B</i></p>" + "长" * 20_000, modified="not a day", issued="2999-01-01", landingPage="javascript:alert(1)"),
        entry(6, distribution=[{"downloadURL": "file:///etc/passwd"}, {"downloadURL": "https://x.example/a b.csv"}, "no"], keyword="one"),
        entry(7, publisher=[1], keyword={"a": 1}, theme=9, distribution={"a": 1}, license=["x"], language=[None, {}]),
        entry(8, title={"en": "Deep", "zh": "深"}, description=[["x"]]),
    )  # fmt: skip
    run = harvest(row)
    assert counts(run) == {"new": 5, "refused": 1, "defective": 8}, run.error
    told = set(Trouble.objects.filter(run=run).values_list("kind", "code"))
    assert told >= {
        ("defect", "no_identifier"), ("defect", "unreadable"), ("defect", "no_title"), ("defect", "twice"), ("refused", "not_open"),
        ("note", "not_text"), ("note", "bad_date"), ("note", "bad_address"), ("note", "too_long"),
    }  # fmt: skip
    five = ExternalDataset.objects.get(remote_id="id-5")
    assert five.summary.startswith("A & B\n")
    assert (len(five.summary), five.landing_page, five.issued) == (10_000, "", None)
    assert ExternalDataset.objects.get(remote_id="id-6").distributions[0]["url"] == "https://x.example/a%20b.csv"
    assert ExternalDataset.objects.get(remote_id="id-8").title == "深"
    other.files["/data.json"] = data_json(*(entry(n) for n in (3, 5, 6, 7)), entry(8, title=""))
    assert counts(harvest(row))["defective"] == 1
    assert ExternalDataset.objects.get(remote_id="id-8").title == "深"  # it is there, only worse: what we know stays


def test_a_ckan_portal_is_read_in_pages_then_only_its_changes(other):
    row = source(other, "ckan", grace_runs=1)
    other.packages = [package(n, f"2025-12-{1 + n % 28:02}T{n // 28:02}:00:00") for n in range(230)] + [
        package(900, "2025-01-01", private=True),
        package(901, "2025-01-01", state="draft"),
    ]
    assert counts(harvest(row)) == {"new": 230, "refused": 2}, row.runs.get().error
    found = ExternalDataset.objects.get(remote_id=package(7)["id"])
    assert (found.summary, found.name, found.topic) == ("Notes & more", "neighbour--data-7", "transport")
    assert found.landing_page == f"{other.site}/dataset/data-7"
    other.packages[3] = package(3, modified="2026-02-02T00:00:00", title="New title")
    other.packages.append(package(500, "2026-02-03T00:00:00", metadata_created="2026-02-03T00:00:00"))
    other.asked.clear()
    assert counts(harvest(row)) == {"changed": 1, "new": 1, "same": 229}
    assert len(other.asked) < 5
    del other.packages[0]
    assert counts(harvest(row)) == {"same": 230, "refused": 2, "gone": 1, "missing": 1}
    other.old = True
    with pytest.raises(TableError):
        actions.add_source(ME, "neighbour", {})
    older = source(other, "ckan", key="older")
    other.packages = [package(n, id=f"o{n}", title=f"Old {n}", name=f"o-{n}") for n in range(3)]
    assert counts(harvest(older)) == {"new": 3}


TURTLE = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix hydra: <http://www.w3.org/ns/hydra/core#> .
<https://n.example/d/%(n)s> a dcat:Dataset ; dct:identifier "%(n)s" ; dct:title "标题 %(n)s"@zh, "Title %(n)s"@en ;
  dct:publisher [ a foaf:Agent ; foaf:name "局"@zh ] ; dcat:theme <http://publications.europa.eu/resource/authority/data-theme/TRAN> ;
  dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/DAILY> ; dct:issued "2024-05-01" ;
  dct:license <http://publications.europa.eu/resource/authority/licence/CC_BY_4_0> ;
  dcat:distribution [ a dcat:Distribution ; dcat:downloadURL <https://n.example/%(n)s.csv> ; dct:format
    <http://publications.europa.eu/resource/authority/file-type/CSV> ; dcat:byteSize "120"^^<http://www.w3.org/2001/XMLSchema#decimal> ] .
<https://n.example/page> hydra:next <%(following)s> .
"""


def test_dcat_is_read_in_every_form_and_page_by_page(other):
    for n, following in ((1, "/2.ttl"), (2, "/3.ttl"), (3, "/1.ttl")):
        other.files[f"/{n}.ttl"] = (TURTLE % {"n": n, "following": other.site + following}).encode()
    row = source(other, "dcat", "/1.ttl")
    assert counts(harvest(row)) == {"new": 3}
    one = ExternalDataset.objects.get(remote_id="2")
    assert (one.title, one.title_en, one.publisher) == ("标题 2", "Title 2", "局")
    assert (one.topic, one.update_frequency, one.licence) == ("transport", "daily", "cc-by-4.0")
    assert (one.distributions[0]["format"], one.distributions[0]["size"]) == ("CSV", 120)
    graph = dcat.parse(other.files["/1.ttl"], "turtle", "https://n.example/")
    graph.update("DELETE WHERE { ?s <http://www.w3.org/ns/hydra/core#next> ?o }")
    other.files["/catalog.rdf"] = graph.serialize(format="xml", encoding="utf-8")
    other.files["/catalog.jsonld"] = graph.serialize(format="json-ld", encoding="utf-8")
    for number, (name, same) in enumerate((("rdf", "xml"), ("jsonld", "json"))):
        key = f"n-{same}"
        copy = harvest(source(other, "dcat", f"/catalog.{name}", key=key))
        # the same page is listed by the first source already
        assert counts(copy) == {"refused": 1}, (number, copy.error)
        assert copy.troubles.get().code == "listed_elsewhere"


def test_documents_that_attack_the_reader_are_refused(other):
    bomb = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&b;</rdf:RDF>'
    file = bomb.replace(b'<!ENTITY a "aaaa">', b'<!ENTITY a SYSTEM "file:///etc/passwd">')
    deep = b"<?xml version='1.0'?>" + b"<a>" * 500 + b"</a>" * 500
    for body in (
        bomb,
        file,
        deep,
        b"<!DOCTYPE html><html></html>",
        b"\x00\xff",
        b"[" * 100_000,
        b'{"@graph": []}',
        b"",
    ):
        other.files["/catalog"] = body
        Source.objects.filter(key="bad").delete()
        run = harvest(
            Source.objects.create(
                key="bad", name="坏", kind="dcat", address=f"{other.site}/catalog", portal_url=other.site
            )
        )
        assert run.state == Run.State.FAILED, body[:20]
        assert run.error["code"] in ("catalogue_unreadable", "catalogue_empty")
        run.delete()
    # a context at another address is left out, never fetched
    other.files["/catalog"] = json.dumps({
        "@context": [f"{other.site}/context.jsonld", {"@import": f"{other.site}/import.jsonld", "t": {"@id": "dct:title", "@context": f"{other.site}/inner"}}],
        "@graph": [{"@id": "https://n.example/d/9", "@type": "dcat:Dataset", "dct:identifier": "9", "dct:title": "甲", "x": {"@context": f"{other.site}/third"}}],
    }).encode()  # fmt: skip
    other.asked.clear()
    run = harvest(
        Source.objects.create(key="ld", name="好", kind="dcat", address=f"{other.site}/catalog", portal_url=other.site)
    )
    assert counts(run) == {"new": 1}, run.error
    assert other.asked == ["/catalog"]
    with pytest.raises(TableError):
        load_json(b'{"a":' * 200 + b"1" + b"}" * 200)


def test_the_citys_own_data_does_not_come_back(other, settings):
    settings.SITE_URL = "https://data.gongshu.example"
    seeding.hospitals(30)
    columns = [{"name": column["name"]} for column in seeding.Version.objects.get().columns]
    other.packages = [
        package(1, title="公输市 医疗机构名录", organization={"title": "市卫生健康委"}),
        package(2, url="https://data.gongshu.example/datasets/medical-institutions"),
        package(3, resources=[{"url": "https://data.gongshu.example/datasets/x/download.csv"}]),
        package(
            4, title="公输市医疗机构名录表", resources=[{"url": "https://x.example/a", "schema": {"fields": columns}}]
        ),
        package(
            5,
            title="公输市医疗机构名录表 2024",
            resources=[{"url": "https://x.example/a", "schema": {"fields": columns}}],
        ),
        package(6, title="公输市医疗机构名录", organization={"title": "别的机构"}),
    ]
    run = harvest(source(other, "ckan"))
    assert counts(run) == {"new": 2, "refused": 4}
    told = dict(run.troubles.values_list("remote_id", "code"))
    assert [told[package(n)["id"]] for n in range(1, 5)] == ["ours_title", "ours_address", "ours_address", "ours_alike"]
    with pytest.raises(TableError) as caught:
        actions.add_source(
            ME, "self", {"name": "自己", "kind": "dcat", "address": "https://data.gongshu.example/catalog"}
        )
    assert caught.value.code in ("own_portal", "address_unknown")


def test_a_run_killed_between_batches_goes_on_and_does_nothing_twice(other, monkeypatch):
    row = source(other, "ckan")
    other.packages = [package(n) for n in range(250)]
    run = actions.begin_run(ME, row)
    assert run is not None
    assert actions.begin_run(ME, row) is None  # one at a time
    applied = harvesting._Batch.apply

    def apply(self, items):
        if self.run.position == 200:
            raise KeyboardInterrupt  # like a power cut: nothing of the runner's tidying up for a failure happens
        applied(self, items)

    monkeypatch.setattr(harvesting._Batch, "apply", apply)
    with pytest.raises(KeyboardInterrupt):
        run_one(owner_name())
    run.refresh_from_db()
    assert (run.position, ExternalDataset.objects.count()) == (200, 200)
    monkeypatch.setattr(harvesting._Batch, "apply", applied)
    Job.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    other.status = 503  # it isn't asked again: what it said is staged
    job = run_one(owner_name())
    assert job is not None
    assert job.state == Job.State.DONE, job.error
    run.refresh_from_db()
    assert (run.state, counts(run)) == (Run.State.DONE, {"new": 250})
    assert not list(harvesting.staged_path(run).parent.iterdir())


def test_sources_are_run_when_due_paused_removed_and_watched(other):
    operator = people.person("operator", Role.OPERATOR, people.organisation())
    other.files["/data.json"] = data_json(entry(1))
    row = source(other, "data_json", "/data.json")
    begin_due()
    assert run_one(owner_name()).state == Job.State.DONE
    begin_due()
    assert run_one(owner_name()) is None  # not due before a day has passed
    actions.pause_source(operator, row, True)
    Source.objects.update(next_run_at=clock.now())
    begin_due()
    assert Run.objects.count() == 1
    actions.pause_source(operator, row, False)
    begin_due()
    assert Run.objects.count() == 2
    other.status = 500
    run_one(owner_name())
    end_failed()
    assert Run.objects.first().state == Run.State.FAILED
    with pytest.raises(TableError):
        actions.remove_source(operator, row, "")
    assert actions.remove_source(operator, row, "门户已关停") == 1
    assert Client().get(ExternalDataset.objects.get().get_absolute_url()).status_code == 410
    begin_due()
    assert Run.objects.count() == 2
    for call in (lambda: actions.begin_run(operator, row), lambda: actions.pause_source(operator, row, True)):
        with pytest.raises(TableError):
            call()
    steward = people.person("steward", Role.STEWARD, people.organisation())
    with pytest.raises(PermissionDenied):
        actions.add_source(steward, "x", {})


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"address": "http://10.0.0.1/data.json"}, "address_refused"), ({"address": "ftp://x.example/"}, "address_refused"),
        ({"kind": "x"}, "kind_wrong"), ({"name": ""}, "name_wrong"), ({"topic": "x"}, "topic_wrong"), ({"every": "5"}, "number_wrong"),
        ({"grace_runs": "0"}, "number_wrong"), ({"grace_days": "x"}, "number_wrong"), ({"portal_url": "javascript:x"}, "address_refused"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_source_is_said(other, values, code):
    with pytest.raises(TableError) as caught:
        source(other, "ckan", **values) if "kind" not in values else source(other, values["kind"])
    assert caught.value.code == code


def test_another_portal_of_our_kind_is_harvested_in_every_way(served, data, settings):
    load_kinds()
    settings.OUTGOING_ALLOWED = [served.removeprefix("http://")]
    found = {}
    for kind, path in (
        ("gongshu", ""),
        ("ckan", ""),
        ("data_json", "/data.json"),
        ("dcat", "/catalog.rdf"),
        ("dcat", "/catalog.jsonld"),
    ):
        ExternalDataset.objects.all().delete()
        row = Source.objects.create(
            key=f"n{len(found)}", name="邻市", kind=kind, address=served + path, portal_url=served
        )
        run = harvest(row)
        assert run.state == Run.State.DONE, run.error
        rows = ExternalDataset.objects.order_by("title")
        found[kind + path] = {(each.title, each.topic, each.update_frequency, each.publisher) for each in rows}
        assert all("CSV" in {one["format"] for one in each.distributions} for each in rows), kind
    assert {len(each) for each in found.values()} == {4}
    assert found["gongshu"] == found["dcat/catalog.rdf"] == found["dcat/catalog.jsonld"]
    assert {title for title, *_ in found["ckan"]} == {title for title, *_ in found["gongshu"]}


def test_the_command_tells_what_would_come(other, monkeypatch):
    other.files["/data.json"] = data_json(entry(1), {}, entry(2, accessLevel="non-public"))
    done = CliRunner().invoke(build_app(), ["harvest", f"{other.site}/data.json", "--kind", "data_json"])
    assert "能收下 1 个，不收 1 个，有缺陷 1 个" in done.output, done.output
    assert not ExternalDataset.objects.exists()
    assert CliRunner().invoke(build_app(), ["harvest", other.site, "--kind", "x"]).exit_code == 2
    assert CliRunner().invoke(build_app(), ["harvest", "http://10.0.0.1/"]).exit_code == 1


def test_portals_that_point_to_one_home_page_are_not_taken_for_one_another(other):
    home = "https://common.example/"
    other.files["/a.json"] = data_json(*(entry(n, landingPage=home) for n in range(2)))
    other.files["/b.json"] = data_json(entry(9, landingPage=home))
    assert counts(harvest(source(other, "data_json", "/a.json", key="a"))) == {"new": 2}
    assert counts(harvest(source(other, "data_json", "/b.json", key="b"))) == {"new": 1}


def test_texts_are_cleaned():
    found = clean(
        {"remote_id": 7, "title": " A\u202e\x00 B ", "summary": "<ul><li>x</li><li>y</li></ul>\n\n\n\nz &lt;b&gt;"}
    )
    assert (found.remote_id, found.title, found.summary) == ("7", "A B", "x\ny\n\nz <b>")
    hostile = {
        "remote_id": 7,
        "title": "A",
        "summary": "<p>x" + "<a b='" * 200_000,
    }  # took the old way of cutting hours
    assert clean(hostile).summary.startswith("x<a b='")
    assert (
        clean({**hostile, "summary": "<script>a < b</script>1 < 2 > 0<!-- c --><br/>end"}).summary == "1 < 2 > 0\nend"
    )


def test_the_operator_sees_and_does_everything_on_pages(other):
    people.person("operator", Role.OPERATOR, people.organisation())
    client = Client()
    client.login(username="operator", password=people.PASSWORD)
    form = {
        "key": "neighbour",
        "name": "邻市开放平台",
        "name_en": "Neighbour",
        "kind": "data_json",
        "address": f"{other.site}/data.json",
    }
    form |= {"every": "24", "grace_runs": "1", "grace_days": "0"}
    assert client.get("/federation/sources/new").status_code == 200
    answer = client.post("/federation/sources/new", form | {"address": "http://10.0.0.1/"})
    assert answer.status_code == 400
    assert "不对外的网络地址" in answer.content.decode()
    other.files["/data.json"] = data_json(*(entry(n) for n in range(4)), {}, entry(9, title="=1+1", modified="x"))
    assert client.post("/federation/sources/new", form).status_code == 302
    assert run_one(owner_name()).state == Job.State.DONE
    run = Run.objects.get()
    assert "邻市开放平台" in client.get("/federation/sources").content.decode()
    page = client.get(f"/federation/runs/{run.pk}").content.decode()
    assert "没有标识" in page
    assert "没有标识" not in client.get(f"/federation/runs/{run.pk}?kind=note").content.decode()
    lines = b"".join(client.get(f"/federation/runs/{run.pk}/records.csv")).decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert "'=1+1" in lines[2]
    public = Client()
    assert "邻市开放平台" in public.get("/portals").content.decode()
    assert "邻市数据 3" in public.get("/portals/neighbour").content.decode()
    assert set(ExternalDataset.objects.values_list("portal_en", flat=True)) == {"Neighbour"}
    assert (
        client.post("/federation/sources/neighbour/edit", form | {"name": "邻市", "name_en": "Next"}).status_code == 302
    )
    assert set(ExternalDataset.objects.values_list("portal", "portal_en")) == {("邻市", "Next")}
    row = ExternalDataset.objects.filter(state=States.PRESENT)[0]
    assert "from Next" in public.get(row.get_absolute_url(), headers={"Accept-Language": "en"}).content.decode()
    assert "/sitemap-external-1.xml" in public.get("/sitemap.xml").content.decode()
    assert row.get_absolute_url() in public.get("/sitemap-external-1.xml").content.decode()
    assert public.get("/sitemap-external-2.xml").status_code == 404
    other.files["/data.json"] = data_json(entry(1))
    assert client.post("/federation/sources/neighbour", {"act": "run"}).status_code == 302
    run_one(owner_name())
    assert "少了一半以上" in client.get("/federation/sources/neighbour").content.decode()
    for act in ("confirm", "pause", "resume"):
        assert client.post("/federation/sources/neighbour", {"act": act}).status_code == 302
        run_one(owner_name())
    assert titles() == ["邻市数据 1"]
    assert client.post("/federation/sources/neighbour", {"act": "x"}).status_code == 400
    assert client.post("/federation/sources/neighbour", {"act": "remove", "reason": ""}).status_code == 400
    assert client.post("/federation/sources/neighbour", {"act": "remove", "reason": "已经关停"}).status_code == 302
    assert public.get("/portals/neighbour").status_code == 404
    assert "已移除" in client.get("/federation/sources/neighbour").content.decode()
