"""The analysis page: its figures are those of the rows, its links show the same again, its frame may stand elsewhere."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from html import unescape
from typing import Any

import pytest

from gongshu.opening.rows import limits
from tests import seeding

pytestmark = pytest.mark.django_db
PAGE = "/datasets/medical-institutions/analysis"
ROWS = "/api/v1/datasets/medical-institutions/rows"


def rows_of(client: Any) -> list[dict[str, Any]]:
    return list(client.get(ROWS, {"limit": 1000}).json()["items"])


def table_of(text: str) -> list[list[str]]:
    """The cells of the page's table of figures."""
    table = text[text.index('class="dense pivot"') : text.index("</table>", text.index('class="dense pivot"'))]
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.S)
    return [
        [unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)]
        for line in lines
    ]


def test_one_grouping_is_counted_and_leads_to_its_rows(client):
    seeding.hospitals(400)
    counted = Counter(row["所在区"] for row in rows_of(client))
    page = client.get(PAGE, {"by": "所在区"})
    text = page.content.decode()
    head, *lines, last = table_of(text)
    assert head == ["所在区", "行数"] and last == ["全部", "400"]
    assert {name: int(n) for name, n in lines} == counted
    assert [int(n) for _name, n in lines] == sorted(counted.values(), reverse=True)
    address = unescape(re.findall(r'<a class="plain" href="([^"]*)"', text)[0])
    assert f"{lines[0][1]} 行" in client.get(address.partition("#")[0]).content.decode()
    drawn = json.loads(re.search(r'id="chart-data" type="application/json">(.*?)</script>', text)[1])
    assert drawn["labels"] == [name for name, _n in lines] and drawn["series"][0]["values"] == [
        int(n) for _, n in lines
    ]


def test_two_groupings_make_a_pivot_with_figures_of_all_rows(client):
    seeding.hospitals(600)
    every = [row for row in rows_of(client) if row["核定床位"] is not None and row["核定床位"] >= 50]
    query = {
        "by": ["所在区", "等级"],
        "function": "avg",
        "measured": "核定床位",
        "c": "核定床位",
        "o": "gte",
        "v": "50",
    }
    head, *lines, last = table_of(client.get(PAGE, query).content.decode())

    def mean(**of: str) -> str:
        mine = [row["核定床位"] for row in every if all(row[name] == value for name, value in of.items())]
        return f"{sum(mine) / len(mine):,.2f}" if mine else "—"

    assert head[-1] == "全部" and last[-1] == mean()
    for name, *cells, whole in lines:
        assert whole == mean(所在区=name)
        assert cells == [mean(所在区=name, 等级=level) for level in head[1:-1]]
    assert last[1:-1] == [mean(等级=level) for level in head[1:-1]]


def test_periods_stand_in_their_order_and_lead_to_their_days(client):
    seeding.air(2000)
    address = "/datasets/air-quality/analysis"
    rows = client.get("/api/v1/datasets/air-quality/rows", {"limit": 2000}).json()["items"]
    moment = next(name for name, value in rows[0].items() if re.match(r"\d{4}-\d\d-\d\d", str(value)))
    text = client.get(address, {"by": f"month:{moment}"}).content.decode()
    _head, *lines, _last = table_of(text)
    assert lines == [[month, f"{n:,}"] for month, n in sorted(Counter(row[moment][:7] for row in rows).items())]
    found = unescape(re.findall(r'<a class="plain" href="([^"]*)"', text)[0]).partition("?")[2].partition("#")[0]
    assert client.get(f"/api/v1/datasets/air-quality/rows?{found}&limit=1").json()["total"] == int(
        lines[0][1].replace(",", "")
    )
    first = client.get(address)  # the question that tells most of a series: by its time
    assert "按月" in first.content.decode() or "按日" in first.content.decode()


def test_the_figures_are_a_file_that_no_spreadsheet_computes(client):
    seeding.publish(
        "sums",
        "SELECT CASE WHEN i % 2 = 0 THEN '=1+1' ELSE '乙' END AS 类, CAST(i AS BIGINT) AS 数 FROM range(10) t(i)",
        [seeding.column("类"), seeding.column("数", "int64")],
    )
    query = {"by": "类", "function": "sum", "measured": "数"}
    answer = client.get("/datasets/sums/analysis", {**query, "format": "csv"})
    assert "attachment" in answer["Content-Disposition"]
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines == [["类", "sum:数"], ["乙", "25"], ["'=1+1", "20"], ["全部", "45"]]


def test_the_link_shows_the_same_again(client):
    seeding.hospitals(200)
    query = {
        "by": ["所在区", "等级"],
        "c": ["等级", "所在区"],
        "o": ["ne", "ne"],
        "v": ["一级", "鲁班区"],
        "join": "or",
        "view": "stacked",
    }
    text = client.get(PAGE, query).content.decode()
    link = unescape(re.search(r'id="share-link"[^>]*>http://testserver([^<]*)<', text)[1])
    assert table_of(client.get(link).content.decode()) == table_of(text)
    frame = unescape(unescape(re.search(r'id="share-frame"[^>]*>(.*?)</pre>', text)[1]))
    framed = client.get(re.search(r'src="http://testserver([^"]*)"', frame)[1])
    assert table_of(framed.content.decode()) == table_of(text)
    assert "frame-ancestors *" in framed["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in client.get(PAGE)["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"by": "没有"}, 200, "400"),
        ({"by": ""}, 200, "全部"),
        ({"by": "机构名称"}, 200, "只列出前 40 项"),
        ({"by": "所在区", "view": "points"}, 200, "图上"),
        ({"by": "所在区", "view": "<b>"}, 200, "所在区"),
        ({"c": "核定床位", "o": "gte", "v": "多"}, 400, "bad_parameter"),
        ({"c": "机构名称", "o": "eq", "v": "没有这家"}, 200, "没有符合条件的行"),
        ({"c": "机构名称", "o": "eq", "v": "<script>alert(1)"}, 200, "没有符合条件的行"),
        ({"by": "所在区", "function": "avg", "measured": "机构名称"}, 400, "不是数字"),
    ],
)
def test_every_address_is_a_page(client, query, status, says):
    seeding.hospitals(400)
    for address in (PAGE, f"{PAGE}/embed"):
        answer = client.get(address, query)
        assert answer.status_code == status and says in answer.content.decode()
        assert "<script>alert" not in answer.content.decode()


def test_it_is_under_the_same_limits_as_programs(client, monkeypatch):
    seeding.hospitals(50)
    gate = limits.Gate(0.2, 0.2)
    monkeypatch.setattr(limits, "gate", lambda: gate)
    answers = [client.get(PAGE, {"by": "所在区"}) for _ in range(4)]
    assert answers[0].status_code == 200 and answers[-1].status_code == 429 and int(answers[-1]["Retry-After"]) >= 1


def test_a_household_has_one_bucket():
    of = limits.address_of
    assert of("2001:db8:1:2:aaaa::1", "") == of("2001:db8:1:2:bbbb::2", "") != of("2001:db8:1:3::1", "")
    assert of("::ffff:192.0.2.7", "") == of("192.0.2.7", "") == "192.0.2.7" and of("nonsense:x", "") == "nonsense:x"


STRANGE = """SELECT * FROM (VALUES
  (CAST('nan' AS DOUBLE), DATE '2026-03-08', TIMESTAMP '2026-03-08 23:59:59.5', '甲', 1.5),
  (CAST('inf' AS DOUBLE), DATE '0044-03-15 (BC)', TIMESTAMP '2026-03-08 00:00:00', '', 2.5),
  (CAST('-inf' AS DOUBLE), DATE 'infinity', TIMESTAMP 'infinity', ' 甲 ', 4),
  (NULL, NULL, NULL, NULL, 8),
  (2.0, DATE '12026-03-08', TIMESTAMP '0001-01-01 00:00:00', repeat('长', 600), 16),
  (2.0, DATE '2026-03-31', TIMESTAMP '2026-03-31 12:00:00', 'a,b;c', CAST('nan' AS DOUBLE)),
  (-0.1, DATE '0001-01-01', TIMESTAMP '0044-03-15 (BC) 00:00:00', '=1', CAST('inf' AS DOUBLE))
) t(数, 日, 时, 类, 量)"""


@pytest.mark.parametrize(
    "by", ["数", "日", "时", "类", "year:日", "quarter:日", "month:日", "day:日", "day:时", "month:时"]
)
def test_strange_values_are_counted_once_and_lead_to_their_rows(client, by):
    kinds = {"数": "float64", "日": "date", "时": "timestamp", "类": "string", "量": "float64"}
    seeding.publish("strange", STRANGE, [seeding.column(name, kind) for name, kind in kinds.items()])
    answer = client.get("/datasets/strange/analysis", {"by": by})
    assert answer.status_code == 200
    text = answer.content.decode()
    _head, *lines, last = table_of(text)
    assert last == ["全部", "7"] and sum(int(n) for _name, n in lines) == 7
    assert len({name for name, _n in lines}) == len(lines)
    for address, name, n in re.findall(
        r'<a class="plain" href="([^"]*)">(.*?)</a></th><td class="n">(\d+)</td>', text, re.S
    ):
        question = unescape(address).partition("?")[2].partition("#")[0]
        found = client.get(f"/api/v1/datasets/strange/rows?{question}").json()
        assert found.get("total") == int(n), (name, question, found)
    for view in ("line", "bar", "stacked", "table"):
        for other in ("类", "数", "year:日"):
            page = client.get(
                "/datasets/strange/analysis", {"by": [by, other], "view": view, "function": "sum", "measured": "量"}
            )
            text = page.content.decode()
            assert page.status_code == 200, (view, other, re.findall(r'role="alert">(.*?)</div>', text, re.S))
            drawn = re.search(r'id="chart-data" type="application/json">(.*?)</script>', text)
            if drawn:
                json.loads(drawn[1], parse_constant=pytest.fail)
