"""The interface to rows: every operator against plain Python, pages across a new version, every kind of answer and error."""

from __future__ import annotations

import json
import operator
from collections import Counter
from decimal import Decimal
from statistics import fmean
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from gongshu.lake import serving
from gongshu.opening import stops
from gongshu.opening.models import Version
from gongshu.opening.rows import answers, dumps, finding, formats, grammar, limits, service, tables
from gongshu.opening.rows.kept import Kept
from gongshu.parties.actions import make_token
from gongshu.parties.models import Role
from tests import people, seeding

pytestmark = pytest.mark.django_db
HOSPITALS = "/api/v1/datasets/medical-institutions/"
MIXED = "/api/v1/datasets/mixed/"
SELECT = """SELECT CAST(i AS BIGINT) AS 编号, CASE WHEN i % 5 = 0 THEN NULL ELSE ['甲', '乙', 'Abc', 'ABD', '新能源', '新'][1 + i % 6] END AS 名,
    CASE WHEN i % 7 = 0 THEN NULL ELSE CAST(i * 37 % 101 AS DECIMAL(18, 2)) / 4 END AS 数,
    CASE WHEN i % 11 = 0 THEN 'NaN'::DOUBLE WHEN i % 13 = 0 THEN NULL ELSE (i * 29 % 97) / 8.0 END AS 浮, i % 3 = 0 AS 是,
    DATE '2020-01-01' + CAST(i * 17 % 400 AS INTEGER) AS 日, TIMESTAMP '2020-01-01 08:00:00' + INTERVAL 1 HOUR * i AS 时,
    9007199254740000 + CAST(i AS BIGINT) * 1000 AS 大, i % 4 AS "limit", '{"type":"Point","coordinates":[121,31]}' AS 形
    FROM range(300) t(i)"""
KINDS = {
    "编号": "int64", "名": "string", "数": "decimal", "浮": "float64", "是": "boolean", "日": "date", "时": "timestamp",
    "大": "int64", "limit": "int64", "形": "geometry",
}  # fmt: skip


def mixed(number: int = 1, select: str = SELECT, key: list[str] | None = None, **more: Any) -> Version:
    """Every storage type, with empty cells, NaN, numbers beyond 2^53 and a column called like a word of ours."""
    columns = [seeding.column(name, kind) for name, kind in KINDS.items()]
    select = select.replace("CAST(i * 37 % 101 AS DECIMAL(18, 2)) / 4", "CAST((i * 37 % 101) * 0.25 AS DECIMAL(18, 2))")
    return seeding.publish("mixed", select, columns, number=number, key=key, **more)


def ask(client: Any, address: str, **words: Any) -> Any:
    """The JSON answer to a question; it must be 200."""
    answer = client.get(address, words)
    assert answer.status_code == 200, answer.content.decode()
    return json.loads(answer.content)


def everything(client: Any) -> list[dict[str, Any]]:
    """All rows, as Python values that compare."""
    rows = ask(client, MIXED + "rows", limit=1000)["items"]
    for row in rows:
        row["数"] = None if row["数"] is None else Decimal(row["数"])
        row["大"] = int(row["大"])
    return rows


OPERATORS = {"eq": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
VALUES: list[tuple[str, str, Any]] = [
    ("编号", "150", 150), ("编号", "150.5", 150.5), ("编号", "1e30", 10**30), ("编号", "-1e30", -(10**30)),
    ("名", "乙", "乙"), ("数", "12.5", Decimal("12.5")), ("数", "12.501", Decimal("12.501")), ("数", "1e20", Decimal(10**20)),
    ("浮", "6.125", 6.125), ("日", "2020-08-01", "2020-08-01"), ("时", "2020-01-06T08:00", "2020-01-06T08:00:00+08:00"),
    ("时", "2020-01-06T00:00Z", "2020-01-06T08:00:00+08:00"), ("大", "9007199254840000", 9007199254840000), ("limit", "2", 2),
]  # fmt: skip


def test_values_are_those_of_the_table(client):
    mixed()
    first, *_rest = ask(client, MIXED + "rows", limit=12)["items"]
    assert first == {
        "编号": 0, "名": None, "数": None, "浮": None, "是": True, "日": "2020-01-01", "时": "2020-01-01T08:00:00+08:00",
        "大": 9007199254740000, "limit": 0, "形": {"type": "Point", "coordinates": [121, 31]},
    }  # fmt: skip
    assert ask(client, MIXED + "rows", 编号=299)["items"][0]["大"] == "9007199255039000"
    arrays = ask(client, MIXED + "rows", shape="arrays", limit=2, select=["数", "_row_id", "编号"])
    assert arrays["columns"] == ["数", "_row_id", "编号"] and arrays["items"] == [[None, 1, 0], ["9.25", 2, 1]]


@pytest.mark.parametrize("name", list(OPERATORS))
def test_comparisons(client, name):
    mixed()
    rows = everything(client)
    for column, text, value in VALUES:
        found = ask(client, MIXED + "rows", limit=1000, select="编号", **{f"{column}__{name}": text})
        right = [row["编号"] for row in rows if row[column] is not None and OPERATORS[name](row[column], value)]
        if column == "浮" and name in ("gt", "gte"):  # NaN is greater than every number
            right = sorted([*right, *(i for i in range(300) if i % 11 == 0)])
        assert [row["编号"] for row in found["items"]] == right, (column, name, text)
        assert found["total"] == len(right)


def test_other_operators(client):
    mixed()
    rows = everything(client)

    def right(hit: Any) -> list[int]:
        return [row["编号"] for row in rows if hit(row)]

    questions = {
        "名__ne=乙": lambda r: r["名"] != "乙",
        "名__in=乙&名__in=甲": lambda r: r["名"] in ("甲", "乙"),
        "数__in=12.5&数__in=1.25&数__in=0.001": lambda r: r["数"] in (Decimal("12.5"), Decimal("1.25")),
        "日__between=2020-02-01..2020-03-01": lambda r: "2020-02-01" <= r["日"] <= "2020-03-01",
        "编号__between=9.5..11": lambda r: r["编号"] in (10, 11),
        "名__contains=AB": lambda r: "ab" in (r["名"] or "").lower(),
        "名__starts_with=aB": lambda r: (r["名"] or "").lower().startswith("ab"),
        "名__contains=a.c": lambda r: False,
        "名__contains=(b": lambda r: False,
        "名__contains=b$": lambda r: False,
        "名__starts_with=新": lambda r: (r["名"] or "").startswith("新"),
        "名__is_null=1": lambda r: r["名"] is None,
        "名__is_null=0": lambda r: r["名"] is not None,
        "形__is_null=0": lambda r: True,
        "是=1": lambda r: r["是"],
        "是=否": lambda r: not r["是"],
        "limit__eq=3": lambda r: r["limit"] == 3,
        "编号__gte=10&编号__lt=20&名=甲": lambda r: 10 <= r["编号"] < 20 and r["名"] == "甲",
        "q=新能": lambda r: "新能" in (r["名"] or ""),
        "q=源": lambda r: "源" in (r["名"] or ""),
        "q=abc": lambda r: "abc" in (r["名"] or "").lower(),
        "q=新+源": lambda r: r["名"] == "新能源",
        "编号__contains=15": lambda r: "15" in str(r["编号"]),
        "名__contains=%25": lambda r: False,
    }
    for question, hit in questions.items():
        found = client.get(f"{MIXED}rows?limit=1000&{quote(question, safe='=&+%')}").json()
        assert [row["编号"] for row in found["items"]] == right(hit), question
    many = client.post(
        MIXED + "rows", {"编号__in": list(range(0, 600, 2)), "limit": 1000, "数__in": [str(n / 4) for n in range(40)]},
        content_type="application/json",
    )  # fmt: skip
    wanted = {Decimal(n) / 4 for n in range(40)}
    assert [row["编号"] for row in many.json()["items"]] == right(lambda r: r["编号"] % 2 == 0 and r["数"] in wanted)


def test_trees_of_conditions(client):
    mixed()
    rows = everything(client)
    tree = {
        "or": [
            {
                "and": [
                    {"column": "编号", "op": "lt", "value": 50},
                    {"not": {"column": "名", "op": "eq", "value": "乙"}},
                ]
            },
            {"column": "数", "op": "between", "value": [20, 25.25]},
            {"column": "名", "op": "in", "value": ["新"]},
        ]
    }

    def hit(row: dict[str, Any]) -> bool:
        first = row["编号"] < 50 and row["名"] != "乙"
        return first or (row["数"] is not None and 20 <= row["数"] <= Decimal("25.25")) or row["名"] == "新"

    right = [row["编号"] for row in rows if hit(row)]
    by_get = ask(client, MIXED + "rows", filter=json.dumps(tree), limit=1000)
    assert [row["编号"] for row in by_get["items"]] == right
    body = {"filter": {"not": tree}, "limit": 1000, "total": False, "select": ["编号"], "sort": ["-编号"]}
    by_post = client.post(MIXED + "rows", body, content_type="application/json").json()
    assert [row["编号"] for row in by_post["items"]] == [n for n in range(299, -1, -1) if n not in right]
    assert "total" not in by_post


@pytest.mark.parametrize(
    "sort", [[], ["编号"], ["-名"], ["数", "-是"], ["-浮", "日"], ["-时"], ["是", "名", "-数", "大"]]
)
def test_pages_by_cursor_are_the_whole(client, sort):
    mixed()
    words = {"sort": sort, "select": "编号", "名__ne": "甲"}
    whole = [row["编号"] for row in ask(client, MIXED + "rows", limit=1000, **words)["items"]]
    assert len(whole) == len(set(whole)) > 200
    found, cursor = [], None
    while True:
        page = ask(client, MIXED + "rows", limit=37, **words, **({"cursor": cursor} if cursor else {}))
        assert page["total"] == len(whole)
        found += [row["编号"] for row in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert found == whole
    assert [r["编号"] for r in ask(client, MIXED + "rows", limit=5, offset=200, **words)["items"]] == whole[200:205]


def test_a_cursor_goes_on_in_its_version(client):
    mixed()
    first = ask(client, MIXED + "rows", limit=100, sort="-编号")
    old = Version.objects.get(dataset__name="mixed")
    mixed(2, SELECT.replace("range(300)", "range(500)"))
    second = ask(client, MIXED + "rows", limit=300, sort="-编号", cursor=first["next"])
    assert second["version"] == 1 and [row["编号"] for row in second["items"]] == list(range(199, -1, -1))
    assert second["next"] is None and second["total"] == 300
    assert ask(client, MIXED + "rows")["total"] == 500 and ask(client, MIXED + "rows", version=1)["total"] == 300
    other = client.get(MIXED + "rows", {"sort": "编号", "cursor": first["next"]})
    assert other.status_code == 400 and other.json()["error"]["code"] == "bad_cursor"
    mixing = client.get(MIXED + "rows", {"sort": "-编号", "cursor": first["next"], "version": 2})
    assert mixing.json()["error"]["where"]["parameter"] == "version"
    Version.objects.filter(pk=old.pk).update(state=Version.State.WITHDRAWN, withdrawn_reason="有误")
    gone = client.get(MIXED + "rows", {"sort": "-编号", "cursor": first["next"]})
    assert gone.status_code == 410 and gone.json()["error"]["code"] == "withdrawn"
    assert client.get(MIXED + "rows", {"version": 1}).status_code == 410
    assert client.get(MIXED + "rows", {"version": 3}).status_code == 404


def test_row_id_is_the_key_or_the_place(client):
    seeding.hospitals(30)
    ids = [row["_row_id"] for row in ask(client, HOSPITALS + "rows", select="_row_id", limit=30)["items"]]
    seeding.hospitals(40, number=2)
    again = ask(client, HOSPITALS + "rows", select=["_row_id", "机构代码"], sort="-机构代码", limit=30, offset=10)[
        "items"
    ]
    assert len(set(ids)) == 30 and sorted(row["_row_id"] for row in again) == sorted(ids)
    assert "_row_id" not in ask(client, HOSPITALS + "rows", limit=1)["items"][0]


def test_distinct_facets_and_groups(client):
    mixed()
    rows = everything(client)
    names = [row["名"] for row in rows]
    answer = ask(client, MIXED + "distinct", column="名", 编号__lt=200)
    assert answer == {"version": 1, "column": "名", "values": [*sorted(set(filter(None, names))), None], "count": 7}
    assert ask(client, MIXED + "distinct", column="名", limit=2, offset=1)["values"] == ["Abc", "乙"]

    found = ask(client, MIXED + "facets", column=["名", "是"], most=3, 编号__gte=100)
    assert found["total"] == 200
    counts: dict[Any, int] = {}
    for name in names[100:]:
        counts[name] = counts.get(name, 0) + 1
    best = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] is None, pair[0] or ""))[:3]
    assert [(v["value"], v["count"]) for v in found["facets"][0]["values"]] == best
    assert found["facets"][0]["others"] == 200 - sum(n for _value, n in best)
    assert sum(v["count"] for v in found["facets"][1]["values"]) == 200

    measures = ["count", "sum:数", "avg:编号", "min:日", "max:大", "p50:编号", "sum:大"]
    groups = ask(client, MIXED + "groups", by=["是", "limit"], measure=measures, sort="-count", limit=50)["groups"]
    assert len(groups) == 8 and [g["count"] for g in groups] == sorted((g["count"] for g in groups), reverse=True)
    for group in groups:
        mine = [row for row in rows if all(row[name] == value for name, value in group["by"].items())]
        assert group["count"] == len(mine)
        assert Decimal(group["sum:数"]) == sum(row["数"] or 0 for row in mine)
        assert group["avg:编号"] == pytest.approx(fmean(row["编号"] for row in mine))
        assert group["min:日"] == min(row["日"] for row in mine) and int(group["max:大"]) == max(r["大"] for r in mine)
        assert group["sum:大"] == str(sum(row["大"] for row in mine))
    whole = ask(client, MIXED + "groups", measure=["count", "p90:编号"])
    assert (
        whole["groups"] == [{"by": {}, "count": 300, "p90:编号": pytest.approx(269.1)}] and "approximate" not in whole
    )


def test_groups_of_periods(client):
    mixed()
    rows = everything(client)
    quarter = {f"{n:02d}": f"Q{(n - 1) // 3 + 1}" for n in range(1, 13)}
    of = {
        "year": lambda day: day[:4],
        "quarter": lambda day: f"{day[:4]}-{quarter[day[5:7]]}",
        "month": lambda day: day[:7],
        "day": lambda day: day[:10],
    }
    for period, name in [(period, name) for period in of for name in ("日", "时")]:
        by = f"{period}:{name}"
        groups = ask(client, MIXED + "groups", by=by, measure="count", sort=by, limit=400)["groups"]
        counted = Counter(of[period](row[name]) for row in rows)
        assert [(group["by"][by], group["count"]) for group in groups] == sorted(counted.items())


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("rows", {"没有": 1}, "没有"), ("rows", {"select": "没有"}, "select"), ("rows", {"sort": "没有"}, "sort"), ("rows", {"sort": "形"}, "sort"),
    ("rows", {"sort": ["编号", "名", "数", "浮", "是"]}, "sort"), ("rows", {"编号": "x"}, "编号"), ("rows", {"编号__like": "x"}, "编号__like"),
    ("rows", {"数__gt": "NaN"}, "数__gt"), ("rows", {"数__gt": "1e999999999"}, "数__gt"), ("rows", {"日": "2020-13-01"}, "日"), ("rows", {"时": "昨天"}, "时"),
    ("rows", {"名": "长" * 501}, "名"), ("rows", {"名": "a\0b"}, "名"), ("rows", {"名__in": ["x"] * 1001}, "名__in"), ("rows", {"名__between": "1"}, "名__between"),
    ("rows", {"形": "1"}, "形"), ("rows", {"名__is_null": "也许"}, "名__is_null"), ("rows", {"limit": 32001}, "limit"), ("rows", {"limit": "-1"}, "limit"),
    ("rows", {"offset": "1e3"}, "offset"), ("rows", {"version": "x"}, "version"), ("rows", {"cursor": "abc"}, "cursor"), ("rows", {"cursor": "好"}, "cursor"),
    ("rows", {"format": "xml"}, "format"), ("rows", {"shape": "table"}, "shape"), ("rows", {"q": "字" * 501}, "q"), ("rows", {"column": "名"}, "column"),
    ("rows", {"filter": "x"}, "filter"), ("rows", {"filter": "[1]"}, "filter"), ("rows", {"filter": "{}"}, "filter"), ("rows", {"filter": '{"and":[]}'}, "filter"),
    ("rows", {"filter": '{"column":"没有","value":1}'}, "filter"), ("rows", {"filter": '{"column":"编号","op":"like","value":1}'}, "filter"),
    ("rows", {"filter": '{"column":"编号","value":"x"}'}, "filter"), ("rows", {"filter": '{"column":"编号"}'}, "filter"),
    ("rows", {"filter": '{"column":"编号","value":{"a":1}}'}, "filter"), ("rows", {"filter": '{"column":"编号","value":[1,2]}'}, "filter"),
    ("rows", {"filter": '{"column":"编号","value":1,"x":2}'}, "filter"), ("rows", {"filter": '{"not":' * 6 + '{"column":"编号","value":1}' + "}" * 6}, "filter"),
    ("rows", {"filter": "[" * 100_000}, "filter"), ("rows", {"filter": json.dumps({"or": [{"column": "编号", "value": 1}] * 101})}, "filter"),
    ("distinct", {}, "column"), ("distinct", {"column": "形"}, "column"), ("distinct", {"column": "名", "sort": "名"}, "sort"), ("facets", {"column": ["名"] * 2 + ["没有"]}, "column"),
    ("groups", {"by": "没有"}, "by"), ("groups", {"by": "month:名"}, "by"), ("groups", {"by": "week:日"}, "by"), ("groups", {"by": ["编号", "名", "数", "浮", "是"]}, "by"), ("groups", {"measure": "median:数"}, "measure"),
    ("groups", {"measure": "sum:名"}, "measure"), ("groups", {"measure": "p0:数"}, "measure"), ("groups", {"by": "名", "sort": "数"}, "sort"),
]  # fmt: skip


def test_errors_name_their_field(client):
    mixed()
    for kind, words, parameter in BAD:
        query = urlencode(words, doseq=True)
        reply = service.respond(service.Asked(kind, "mixed", query=query))
        error = json.loads(reply.content)["error"]
        assert reply.status == 400 and error["where"]["parameter"] == parameter, (kind, words, error)
        assert error["code"] in ("bad_parameter", "bad_cursor") and error["message"]
    for body in (
        b"{",
        b"[]",
        b'{"limit": null}',
        b'{"\\u7f16\\u53f7": {"a": 1}}',
        b"[" * 100_000,
        b'{"sort": [1, null]}',
    ):
        assert client.post(MIXED + "rows", body, content_type="application/json").status_code == 400, body
    assert client.post(MIXED + "rows", b" " * 1_100_000, content_type="application/json").status_code == 413
    assert client.put(MIXED + "rows").status_code == 405
    english = client.get(MIXED + "rows", {"没有": 1}, headers={"accept-language": "en"}).json()["error"]["message"]
    assert "没有这一列" not in english


def test_names_and_values_can_not_reach_beyond_their_place(client):
    """Names are taken only from the version, values are bound: nothing in a question is ever SQL."""
    mixed()
    evil = [
        "'; DROP TABLE rows; --",
        '" OR 1=1 --',
        "read_csv('/etc/passwd')",
        "$p0",
        "rowid",
        "_ordinal",
        "${x}",
        "%s",
        "\\",
    ]
    for text in evil:
        for words in ({text: "1"}, {"sort": text}, {"select": text}, {f"{text}__gt": "1"}):
            assert client.get(MIXED + "rows", words).status_code == 400, words
        for column in ("名", "名__contains", "名__starts_with", "q", "名__gt", "名__in"):
            found = client.get(MIXED + "rows", {column: text, "total": 1})
            assert found.status_code == 200 and (column == "名__gt" or found.json()["total"] == 0), (column, text)
        assert client.get(MIXED + "groups", {"by": text}).status_code == 400
        assert client.get(MIXED + "groups", {"measure": f"sum:{text}"}).status_code == 400


def test_dropped_columns_do_not_exist(client):
    """The copy holds published columns only: a dropped one is unknown to every word."""
    version = seeding.hospitals(20)
    assert version.dropped == 1
    known = set(serving.column_types(finding.current("medical-institutions")[1].path))
    assert known == {column["name"] for column in version.columns}
    for kind, words in (
        ("rows", {"身份证号": "1"}),
        ("rows", {"sort": "身份证号"}),
        ("facets", {"column": "身份证号"}),
        ("groups", {"by": "身份证号"}),
    ):
        assert client.get(HOSPITALS + kind, words).status_code == 400


def test_caches_are_told(client):
    mixed()
    answer = client.get(MIXED + "rows", {"名": "乙"})
    assert answer["Cache-Control"] == "public, no-cache" and answer["X-Total-Count"]
    again = client.get(MIXED + "rows", {"名": "乙"}, headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304 and again.content == b"" and again["ETag"] == answer["ETag"]
    assert client.get(MIXED + "rows", {"名": "甲"}, headers={"if-none-match": answer["ETag"]}).status_code == 200
    assert "immutable" in client.get(MIXED + "rows", {"version": 1})["Cache-Control"]
    mixed(2)
    assert client.get(MIXED + "rows", {"名": "乙"}, headers={"if-none-match": answer["ETag"]}).status_code == 200


def test_a_stop_holds_at_once_even_for_what_is_cached(client):
    version = mixed()
    fixed = client.get(MIXED + "rows", {"version": 1})
    guard = people.person("guard", Role.SECURITY, version.dataset.provider)
    stops.stop(guard, "mixed", "核查")
    for words in ({}, {"version": 1}):
        answer = client.get(MIXED + "rows", words, headers={"if-none-match": fixed["ETag"]})
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "stopped"


@pytest.mark.parametrize("key", ["编号", "名"])
def test_sorted_pages_of_large_tables_are_found_by_their_keys(client, monkeypatch, key):
    select = SELECT.replace(
        "CASE WHEN i % 5 = 0 THEN NULL ELSE ['甲', '乙', 'Abc', 'ABD', '新能源', '新'][1 + i % 6] END",
        "'名' || (i * 7)",
    )
    mixed(select=select, key=[key])
    questions: list[dict[str, Any]] = [
        {"sort": "-数", "limit": 7}, {"sort": ["浮", "-日"], "limit": 7, "offset": 290}, {"sort": "日", "编号__gt": 40, "limit": 20},
        {"sort": "-limit", "limit": 5, "shape": "arrays"}, {"sort": "数", "编号__gt": 1000}, {"sort": "数", "limit": 0},
        {"sort": "-日", "select": ["日", "_row_id"], "limit": 3},
    ]  # fmt: skip
    plain = [pages(client, **question) for question in questions]
    found: list[int] = []
    monkeypatch.setattr(answers, "LARGE", 100)
    monkeypatch.setattr(answers, "_apart", lambda *a, real=answers._apart: found.append(1) or real(*a))
    monkeypatch.setattr(answers, "ANSWERS", Kept())
    assert [pages(client, **question) for question in questions] == plain
    assert len(found) >= len(questions) - 1


def pages(client: Any, **question: Any) -> list[Any]:
    """The first pages of an answer."""
    found = [ask(client, MIXED + "rows", **question)]
    while found[-1]["next"] and len(found) < 4:
        cursor = {"cursor": found[-1]["next"]}
        found.append(ask(client, MIXED + "rows", **{k: v for k, v in question.items() if k != "offset"}, **cursor))
    return [(one["total"], one["items"]) for one in found]


def test_a_dump_breaks_off_when_the_dataset_is_stopped(monkeypatch):
    version = mixed()
    monkeypatch.setattr(dumps, "ASK_SECONDS", 0)
    monkeypatch.setattr(formats, "LINES", 50)
    table = tables.of(version)
    pieces = dumps.stream(table, grammar.Ask(), "jsonl", "")
    assert next(pieces)
    stops.stop(people.person("guard", Role.SECURITY, version.dataset.provider), "mixed", "核查")
    with pytest.raises(finding.StoppedError):
        list(pieces)


def test_a_read_token_is_known_by_its_holder():
    holder = people.person("reader", Role.SECURITY)
    _token, secret = make_token(holder, "脚本", ["read"], 30)
    _other, upload = make_token(holder, "上传", ["upload"], 30)
    readers = limits.Readers()
    assert readers.holder(f"Bearer {secret}") == "reader" and readers.holder(f"bearer {secret}") == "reader"
    assert readers.holder(f"Bearer {upload}") == "" and readers.holder("Bearer x") == ""


def test_answers_are_kept_but_not_more_than_there_is_room_for():
    kept, made = Kept(most=3000, largest=1000), []

    def make(size: int) -> bytes:
        made.append(size)
        return bytes(size)

    for _twice in range(2):
        kept.get("a", lambda: make(500))
    assert made == [500]
    for name in "bcd":
        kept.get(name, lambda: make(600))
    kept.get("a", lambda: make(500))  # went, as the one that was used longest ago
    kept.get("large", lambda: make(1001))
    kept.get("large", lambda: make(1001))
    assert made == [500, 600, 600, 600, 500, 1001, 1001]
