"""CKAN's interface with CKAN's own client, and what other clients do by hand: harvesters, QGIS, ckanr."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import ckanapi
import pytest

from gongshu import clock
from gongshu.opening import search
from gongshu.opening.models import Dataset
from gongshu.opening.rows import limits
from gongshu.surfaces.ckan import dumping, identity
from tests import seeding

NAME = "medical-institutions"


@pytest.fixture
def city(db):
    """Five datasets of two organisations and two topics."""
    seeding.hospitals(120, keywords=["医院", "医疗"])
    for n, (topic, provider) in enumerate([("health", "health"), ("transport", "transport"), ("transport", "transport"), ("health", "civil")]):  # fmt: skip
        columns = [seeding.column("a", "int64"), seeding.column("b")]
        seeding.publish(f"set-{n}", f"SELECT {n} AS a, '甲' AS b", columns, topic=topic, provider=provider, title=f"公交{n}", days_ago=30 * (n + 1))  # fmt: skip
    search.rebuild()


@pytest.fixture
def call(client, city):
    """An action over the test client: what stands under ``result``, or the status and the error."""

    def asked(name, /, **params):
        answer = client.post(f"/api/3/action/{name}", json.dumps(params), content_type="application/json")
        body = answer.json()
        assert body["help"].endswith(f"help_show?name={name}") and body["success"] == (answer.status_code == 200)
        return body["result"] if body["success"] else (answer.status_code, body["error"]["__type"], body["error"])

    return asked


def test_identifiers_are_read_back():
    made = [identity.package(7), identity.organisation(7), *(identity.resource(7, key) for key in identity.FORMATS)]
    assert len(set(made)) == len(made) and all(identity.read(one.upper())[1] == 7 for one in made)  # type: ignore[index]
    assert identity.read("676f6e67-7368-8000-8000-00000000000g") is None and identity.read("set-1") is None


def test_ckans_own_client_reads_everything(served):
    ckan = ckanapi.RemoteCKAN(served)
    act = ckan.action
    assert act.site_read() and act.status_show()["ckan_version"].startswith("2.12")
    assert NAME in act.package_list()
    package = act.package_show(id=NAME)
    assert act.package_show(id=package["id"])["name"] == NAME and package["num_resources"] == len(package["resources"])
    for resource in package["resources"]:
        assert act.resource_show(id=resource["id"]) == resource
        assert urlopen(resource["url"]).status == 200
    csv = package["resources"][0]
    assert csv["datastore_active"] and act.datastore_info(id=csv["id"])["meta"]["count"] == 900
    found = act.datastore_search(resource_id=csv["id"], filters={"所在区": ["鲁班区", "墨斗区"]}, sort="核定床位 desc", limit=1000)  # fmt: skip
    assert found["total"] == len(found["records"]) > 0
    assert {row["所在区"] for row in found["records"]} == {"鲁班区", "墨斗区"}
    beds = [row["核定床位"] for row in found["records"] if row["核定床位"] is not None]
    assert beds == sorted(beds, reverse=True)
    with pytest.raises(ckanapi.NotFound):
        act.package_show(id="none")
    with pytest.raises(ckanapi.ValidationError, match="Unknown field: x"):
        act.datastore_search(resource_id=csv["id"], filters={"x": 1})
    assert act.package_activity_list(id=NAME)[0]["data"]["package"]["name"] == NAME
    for name in ("package_create", "datastore_upsert", "datastore_search_sql"):
        with pytest.raises(ckanapi.NotAuthorized):
            ckan.call_action(name, {"name": "x"})
    assert urlopen(f"{served}/datastore/dump/{csv['id']}").read().count(b"\n") == 901


def test_rows_in_every_form_are_the_same_rows(call):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    objects = call("datastore_search", resource_id=rid, limit=3, offset=10)["records"]
    assert [row["_id"] for row in objects] == [11, 12, 13]
    fields = [field["id"] for field in call("datastore_search", resource_id=rid, limit=0)["fields"]]
    lists = call("datastore_search", resource_id=rid, limit=3, offset=10, records_format="lists")["records"]
    assert lists == [[row[name] for name in fields] for row in objects]
    for form, comma in (("csv", ","), ("tsv", "\t")):
        text = call("datastore_search", resource_id=rid, limit=3, offset=10, records_format=form, fields="_id,机构代码")["records"]  # fmt: skip
        assert text == "".join(f"{row['_id']}{comma}{row['机构代码']}\n" for row in objects)
    assert call("datastore_search", resource_id=rid, limit=99999)["limit"] == 32000
    assert "total" not in call("datastore_search", resource_id=rid, include_total=False)


def test_distinct_rows_are_told_once_in_every_form(call):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    every = call("datastore_search", resource_id=rid, limit=1000)["records"]

    def search(fields="所在区,类别", **more):
        return call("datastore_search", resource_id=rid, distinct=True, fields=fields, **more)

    pairs = {(row["所在区"], row["类别"]) for row in every}
    found = search()
    assert {(row["所在区"], row["类别"]) for row in found["records"]} == pairs
    assert found["total"] == len(found["records"]) == len(pairs) > 10
    some = search(limit=4, offset=3, sort="类别 desc")
    assert some["total"] == len(pairs) and "total" not in search(limit=4, include_total=False)
    by_kind = search(sort="类别 desc")["records"]
    assert some["records"] == by_kind[3:7]
    kinds = [row["类别"] for row in by_kind]
    assert kinds == sorted(kinds, reverse=True)
    assert search(limit=0)["records"] == [] and search(limit=0)["total"] == len(pairs)
    assert search(limit=5, offset=999)["records"] == [] and search(limit=5, offset=999)["total"] == len(pairs)
    lists = search(records_format="lists")["records"]
    assert lists == [list(row.values()) for row in found["records"]]
    for form, comma in (("csv", ","), ("tsv", "\t")):
        assert search(records_format=form)["records"] == "".join(f"{comma.join(row)}\n" for row in lists)
    few = search(filters={"所在区": "鲁班区"}, q={"类别": "医院"})
    assert few["total"] == len([pair for pair in pairs if pair[0] == "鲁班区" and "医院" in pair[1]]) > 0
    columns = ",".join(name for name in every[0] if name != "_id")  # many more than a question of groups may have
    assert search(fields=columns, limit=1)["total"] == len({tuple(row.values())[1:] for row in every})
    assert search(fields="所在区", sort="类别")[0] == search(fields="没有")[0] == 409
    plain = call("datastore_search", resource_id=rid, distinct=True)  # with _id, every row differs
    assert plain["total"] == len(every) and [row["_id"] for row in plain["records"]] == list(range(1, 101))


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        ({"核定床位": {"gte": 10, "lt": 50}}, lambda row: row["核定床位"] is not None and 10 <= row["核定床位"] < 50),
        ({"$or": [{"所在区": "鲁班区"}, {"所在区": "墨斗区"}]}, lambda row: row["所在区"] in ("鲁班区", "墨斗区")),
        ({"核定床位": None}, lambda row: row["核定床位"] is None),
        ({"所在区": []}, lambda row: False),
        ({"核定床位": [{"lt": 5}, {"gt": 100}]}, lambda row: row["核定床位"] is not None and not 5 <= row["核定床位"] <= 100),
    ],
)  # fmt: skip
def test_filters_mean_what_ckan_means(call, filters, holds):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    every = call("datastore_search", resource_id=rid, limit=1000)["records"]
    found = call("datastore_search", resource_id=rid, limit=1000, filters=filters)["records"]
    assert found == [row for row in every if holds(row)]
    assert call("datastore_search", resource_id=rid, limit=1000, filters=json.dumps(filters))["records"] == found


@pytest.mark.parametrize(
    ("params", "status", "parameter"),
    [
        ({"filters": {"核定床位": "多"}}, 409, "filter"),
        ({"filters": [1]}, 409, "filters"),
        ({"filters": "{"}, 409, "filters"),
        ({"sort": "没有 desc"}, 409, "sort"),
        ({"sort": '机构代码"; DROP TABLE rows; --'}, 409, "sort"),
        ({"fields": "没有"}, 409, "fields"),
        ({"limit": -1}, 409, "limit"),
        ({"records_format": "xml"}, 409, "records_format"),
        ({"filters": {"核定床位": {"like": 1}}}, 409, "filters"),
        ({"q": "x" * 5000}, 409, "q"),
        ({"sort": "a" + " " * 100_000 + "b"}, 409, "sort"),
        ({"filters": json.loads('{"$and": [' * 60 + "{}" + "]}" * 60)}, 409, "filters"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_question_is_told_by_its_parameter(call, params, status, parameter):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    found = call("datastore_search", resource_id=rid, **params)
    assert found[:2] == (status, "Validation Error") and parameter in found[2]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"fq": "organization:transport"}, {"set-1", "set-2"}),
        ({"fq": "groups:(health OR culture)"}, {NAME, "set-0", "set-3"}),
        ({"fq": "(groups:transport OR organization:civil)"}, {"set-1", "set-2", "set-3"}),
        ({"fq": "groups:health -organization:health"}, {"set-3"}),
        ({"fq": "+groups:health +NOT organization:civil"}, {NAME, "set-0"}),
        ({"fq": 'tags:"医院"'}, {NAME}),
        ({"fq": "res_format:GeoJSON"}, {NAME}),
        ({"fq_list": ["groups:health", "organization:civil"]}, {"set-3"}),
        ({"fq": "state:active AND dataset_type:dataset", "q": "organization:civil"}, {"set-3"}),
        ({"fq": "metadata_modified:[NOW-45DAYS TO *]"}, {NAME, "set-0"}),
        ({"q": "公交"}, {"set-0", "set-1", "set-2", "set-3"}),
        ({"q": "title:公交1"}, {"set-1"}),
        ({"q": "*:*", "fq": "name:set-2"}, {"set-2"}),
    ],
)  # fmt: skip
def test_packages_are_found_as_harvesters_ask(call, params, names):
    found = call("package_search", rows=100, **params)
    assert {one["name"] for one in found["results"]} == names and found["count"] == len(names)


def test_a_harvest_walks_all_pages_once(client, city):
    """As ckanext-harvest does: by GET, sorted by identifier, until an empty page; no page may repeat."""
    since = (clock.now() - timedelta(days=200)).strftime("%Y-%m-%dT%H:%M:%SZ")
    seen, start = [], 0
    while True:
        words = {"rows": 2, "start": start, "sort": "id asc", "fq": f"metadata_modified:[{since} TO *]"}
        page = client.get(f"/api/3/action/package_search?{urlencode(words)}").json()["result"]["results"]
        if not page:
            break
        seen += [one["id"] for one in page]
        start += 2
    assert len(seen) == 5 and seen == sorted(set(seen))


@pytest.mark.parametrize("fq", ["(", "groups:", "a:b", "name:[1 TO 2]", "metadata_modified:[x TO *]", "(" * 50 + "name:a" + ")" * 50, "x" * 5000])  # fmt: skip
def test_a_search_that_cannot_be_read_is_told_so(call, fq):
    assert call("package_search", fq=fq)[:2] == (409, "Search Error")


def test_a_search_has_limits(call):
    assert call("package_search", fq_list=["name:a"] * 30)[:2] == (409, "Validation Error")


def test_facets_count_what_was_found(call):
    found = call("package_search", rows=0, fq="groups:transport", **{"facet.field": '["organization", "groups", "res_format", "x"]'})  # fmt: skip
    assert found["results"] == [] and found["facets"]["organization"] == {"transport": 2}
    assert found["facets"]["groups"] == {"transport": 2} and found["facets"]["res_format"]["CSV"] == 2
    assert found["search_facets"]["organization"]["items"][0]["display_name"] == "市交通委"


def test_organisations_topics_and_the_rest(call):
    assert call("organization_list") == ["civil", "health", "transport"]
    full = call("organization_list", all_fields=True)
    assert {one["name"]: one["package_count"] for one in full} == {"civil": 1, "health": 2, "transport": 2}
    assert len(call("organization_show", id="transport", include_datasets=True)["packages"]) == 2
    assert call("organization_show", id=full[0]["id"])["name"] == "civil"
    assert len(call("group_package_show", id="transport")) == 2
    assert {one["name"] for one in call("group_list", all_fields=True)} >= {"health", "transport"}
    assert call("group_show", id="none")[:2] == (404, "Not Found Error")
    assert call("tag_list") == ["医疗", "医院"] and call("tag_list", query="疗") == ["医疗"]
    assert {"id", "title", "url"} <= set(call("license_list")[0])
    assert call("package_autocomplete", q="公交2")[0]["name"] == "set-2"
    assert call("resource_search", query="format:GeoJSON")["count"] == 1
    assert call("resource_view_list", id="x") == [] and "Rows" in call("help_show", name="datastore_search")
    assert len(call("recently_changed_packages_activity_list")) == len(call("current_package_list_with_resources")) == 5


def test_requests_as_odd_clients_send_them(client, city):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    address = f"/api/action/datastore_search?resource_id={rid}&limit=1"
    for answer in (
        client.post(address),  # ckanr: POST with the parameters in the address
        client.get(address),
        client.post("/api/action/datastore_search", {"resource_id": rid, "limit": 1}),  # a form
        client.post(address, headers={"authorization": "no-such-token", "x-ckan-api-key": "no-such-token"}),
        client.post("/api/action/datastore_search", json.dumps({"resource_id": rid, "limit": 1}), content_type="application/x-www-form-urlencoded"),
    ):  # fmt: skip
        assert answer.status_code == 200 and len(answer.json()["result"]["records"]) == 1
    assert client.post("/api/action/package_list", "{", content_type="application/json").status_code == 409
    unknown = client.get("/api/3/action/nope")
    assert unknown.status_code == 400 and unknown.json() == "Bad request: Action name not known: nope"
    assert client.get("/api/3").json() == client.get("/api/3/").json() == {"version": 3}
    assert client.get(f"/datastore/dump/{rid}?format=ods").status_code == 409


def test_what_is_stopped_or_gone_gives_nothing(client, city, monkeypatch):
    dataset = Dataset.objects.get(name=NAME)
    rid = identity.resource(dataset.pk, "csv")
    gate = limits.Gate(0.2, 0.2)
    monkeypatch.setattr(limits, "gate", lambda: gate)
    answers = [client.get(f"/api/3/action/datastore_search?resource_id={rid}") for _ in range(4)]
    assert answers[-1].status_code == 429 and answers[-1]["Retry-After"]
    monkeypatch.undo()
    dataset.stopped_at = clock.now()
    dataset.save()
    assert client.get(f"/api/3/action/datastore_search?resource_id={rid}").status_code == 503
    assert client.get(f"/api/3/action/package_show?id={NAME}").status_code == 404
    assert NAME not in client.get("/api/3/action/package_list").json()["result"]


def test_no_redirect_and_no_session_stand_in_the_way(served):
    request = Request(f"{served}/api/action/package_list", b"{}", {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        assert answer.url == f"{served}/api/action/package_list" and "Set-Cookie" not in answer.headers
    with pytest.raises(HTTPError) as error:
        urlopen(Request(f"{served}/api/action/package_show", b'{"id": "none"}', {"Content-Type": "application/json"}))
    assert error.value.code == 404 and json.load(error.value)["error"]["__type"] == "Not Found Error"


def test_activities_are_the_versions_of_what_is_in_sight(call):
    listed = call("recently_changed_packages_activity_list")
    assert [one["data"]["package"]["name"] for one in listed][-1] == "set-3" and len(listed) == 5
    assert len({one["id"] for one in listed}) == 5 and {one["activity_type"] for one in listed} == {"new package"}
    for action, which, names in (
        ("package_activity_list", "set-1", ["set-1"]),
        ("group_activity_list", "transport", ["set-1", "set-2"]),
        ("organization_activity_list", "civil", ["set-3"]),
    ):
        assert [one["data"]["package"]["name"] for one in call(action, id=which)] == names
        assert call(action, id="none")[0] == 404
    assert call("recently_changed_packages_activity_list", limit=2, offset=1) == listed[1:3]
    Dataset.objects.filter(name="set-1").update(stopped_at=clock.now())
    assert len(call("group_activity_list", id="transport")) == 1


@pytest.fixture
def ask(call, settings):
    """A question in SQL about the hospitals, where it is switched on; ``T`` stands for the table."""
    settings.CKAN_SQL = True
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    return lambda said: call("datastore_search_sql", sql=said.replace(" T", f' "{rid}"', 1))


def test_sql_answers_as_the_rows_do(call, ask):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    rows = call("datastore_search", resource_id=rid, limit=1000)["records"]
    whole = ask("SELECT * FROM T")
    assert whole["records"] == rows and whole["fields"][0] == {"id": "_id", "type": "int8"}
    assert {one["id"]: one["type"] for one in whole["fields"]}["核定床位"] == "int8"
    some = ask("SELECT t.机构代码, 核定床位 * 2 AS 双 FROM T AS t WHERE t.核定床位 >= 10 AND 所在区 IN ('鲁班区', '墨斗区') ORDER BY 双 DESC, 机构代码 LIMIT 3 OFFSET 1")  # fmt: skip
    held = [row for row in rows if (row["核定床位"] or 0) >= 10 and row["所在区"] in ("鲁班区", "墨斗区")]
    held.sort(key=lambda row: (-row["核定床位"], row["机构代码"]))
    assert some["records"] == [{"机构代码": row["机构代码"], "双": row["核定床位"] * 2} for row in held[1:4]]
    groups = ask(
        "SELECT 所在区, count(*), avg(核定床位)::numeric FROM T GROUP BY 1 HAVING count(*) > 1 ORDER BY count(*) DESC, 1;"
    )
    numbers = {row["所在区"]: row["count"] for row in groups["records"]}
    assert numbers == {name: sum(1 for row in rows if row["所在区"] == name) for name in numbers} and len(numbers) > 3
    assert ask("SELECT count(*) n FROM T WHERE 机构名称 ILIKE '%医院%' OR _id = 1")["records"][0]["n"] > 1
    assert ask("SELECT DISTINCT upper(所在区) u FROM T")["records"]
    total = ask("SELECT sum(核定床位), max(机构代码) FROM T AS rows")
    assert total["records"][0]["sum"] == sum(row["核定床位"] or 0 for row in rows)
    assert [one["type"] for one in total["fields"]] == ["numeric", "text"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("SELECT * FROM T; SELECT 1", 409),
        ("DELETE FROM T", 409),
        ("COPY T TO '/tmp/x'", 409),
        ("SELECT * FROM read_csv('/etc/passwd')", 403),
        ("SELECT * FROM '/etc/passwd'", 404),
        ("SELECT * FROM duckdb_settings()", 403),
        ("SELECT * FROM information_schema.tables", 403),
        ("SELECT getenv('HOME') FROM T", 403),
        ("SELECT pg_read_file('x') FROM T", 403),
        ("SELECT current_setting('x') FROM T", 403),
        ("SELECT * FROM T, T AS b", 403),
        ("SELECT * FROM T WHERE 核定床位 = (SELECT 1)", 403),
        ("SELECT * FROM (SELECT 1) AS b", 403),
        ("WITH a AS (SELECT 1) SELECT * FROM T", 403),
        ("SELECT * FROM T UNION SELECT 1", 409),
        ("SELECT * FROM T LIMIT (1 + 1)", 409),
        ("SELECT rowid FROM T", 409),
        ("SELECT b.机构代码 FROM T", 409),
        ("SELECT 没有 FROM T", 409),
        ("SELECT 机构名称::integer FROM T", 409),
        ("SELECT 机构代码, 机构代码 FROM T", 409),
        ("SELECT * INTO x FROM T", 403),
        ("SELECT * FROM T FOR UPDATE", 403),
        ("SELECT row_number() OVER () FROM T", 403),
        ("SELECT 1", 409),
        ("SELECT " + "(" * 1900 + "1" + ")" * 1900 + " FROM T", 409),
        ("x" * 5000, 409),
        ("", 409),
    ],
)  # fmt: skip
def test_what_is_not_a_plain_select_is_refused(ask, said, status):
    assert ask(said)[0] == status


def test_sql_asks_nothing_that_went_or_is_off(ask, settings):
    Dataset.objects.filter(name=NAME).update(stopped_at=clock.now())
    assert ask("SELECT * FROM T")[0] == 503
    settings.CKAN_SQL = False
    assert ask("SELECT * FROM T")[0] == 403


def test_a_dump_in_xml_holds_the_same(client, city, monkeypatch):
    columns = [
        seeding.column(name, kind)
        for name, kind in (
            ("编号", "int64"), ("名 称", "string"), ("2026<年>", "float64"), ("名_称", "string"), ("日", "timestamp"), ("是", "boolean"),
        )
    ]  # fmt: skip
    select = """SELECT i AS 编号, CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '<甲>&"乙"' || chr(13) || chr(10) || '丙' WHEN 2 THEN '' ELSE chr(1) || ' ]]>' END
        AS "名 称", CASE i WHEN 2 THEN 'nan'::DOUBLE ELSE i / 2 END AS "2026<年>", 'x' || i AS 名_称,
        TIMESTAMP '2026-01-01 08:00:00' AS 日, i % 2 = 0 AS 是 FROM range(9) AS r(i)"""
    seeding.publish("odd", select, columns, key=["编号"])
    rid = identity.resource(Dataset.objects.get(name="odd").pk, "csv")
    monkeypatch.setattr(dumping, "PART", 4)
    answer = client.get(f"/datastore/dump/{rid}", {"format": "xml"})
    assert answer["Content-Type"] == "text/xml; charset=utf-8" and ".xml" in answer["Content-Disposition"]
    body = b"".join(answer)
    told = json.loads(b"".join(client.get(f"/datastore/dump/{rid}", {"format": "json"})))
    rows = ElementTree.fromstring(body).findall("row")
    assert [[one.tag for one in row] for row in rows] == [["编号", "名_称_2", "_2026_年_", "名_称", "日", "是"]] * 9
    assert [one.get("name") for one in rows[0]] == [None, "名 称", "2026<年>", None, None, None]
    nil = "{http://www.w3.org/2001/XMLSchema-instance}nil"
    found = [[int(row.get("_id")), *(None if one.get(nil) else one.text or "" for one in row)] for row in rows]
    same = {True: "true", False: "false"}
    expected = [
        [row[0], *(None if cell is None else same[cell] if isinstance(cell, bool) else str(cell) for cell in row[1:])]
        for row in told["records"]
    ]
    assert found == [[cell.replace("\x01", "\ufffd") if isinstance(cell, str) else cell for cell in row] for row in expected]  # fmt: skip
    some = {"format": "xml", "fields": "编号,_id", "limit": 2, "offset": 1, "sort": "编号 desc", "bom": "true"}
    body = b"".join(client.get(f"/datastore/dump/{rid}", some)).decode()
    assert body.startswith("\ufeff<data ") and body.count("<row ") == 2
    assert [row.get("_id") for row in ElementTree.fromstring(body.removeprefix("\ufeff"))] == ["8", "7"]
    none = b"".join(client.get(f"/datastore/dump/{rid}", {"format": "xml", "q": "没有这样的词"}))
    assert len(ElementTree.fromstring(none)) == 0


def test_a_dump_holds_what_was_asked_for(client, call, monkeypatch):
    rid = identity.resource(Dataset.objects.get(name=NAME).pk, "csv")
    monkeypatch.setattr(dumping, "PART", 4)  # so that there are many parts
    asked = {"filters": json.dumps({"所在区": "鲁班区"}), "sort": "核定床位 desc", "fields": "_id,机构代码,核定床位"}
    found = call("datastore_search", resource_id=rid, limit=1000, **asked)
    assert len(found["records"]) > 14

    def dump(**more):
        answer = client.get(f"/datastore/dump/{rid}", asked | more)
        return b"".join(answer).decode() if answer.status_code == 200 else answer.status_code

    told = json.loads(dump(format="json"))
    assert told["fields"] == found["fields"]
    assert told["records"] == [[row[one["id"]] for one in found["fields"]] for row in found["records"]]
    lines = dump().splitlines()
    assert lines[0] == "_id,机构代码,核定床位" and len(lines) == len(found["records"]) + 1
    assert dump(format="tsv", limit=10, offset=3).splitlines()[1:] == [one.replace(",", "\t") for one in lines[4:14]]
    assert dump(bom="true").startswith("\ufeff_id") and dump(limit=0) == lines[0] + "\n"
    assert json.loads(dump(format="json", q="没有这样的词"))["records"] == []
    assert [dump(format="ods"), dump(fields="没有"), dump(limit="x"), dump(distinct="true")] == [409] * 4
    assert client.get(f"/datastore/dump/{rid}").status_code == 302
    assert client.get("/datastore/dump/none", {"limit": 1}).status_code == 404
