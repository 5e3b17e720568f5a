"""Tallies, steps and ends: the same answers as from the rows, whatever is asked; and what is answered from which."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.lake import serving
from gongshu.lake import tallies as written
from gongshu.opening.models import Version
from gongshu.opening.rows import answers, grammar, service, tables, tallies
from gongshu.opening.rows.kept import Kept
from tests import seeding
from tests.integration.test_rows import KINDS, SELECT
from tests.integration.test_rows_fuzz import TREES, VALUES, depth

pytestmark = pytest.mark.django_db
QUIET = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROWS = 4000
COLUMNS = [name for name in KINDS if name != "形"]
NUMBERS = ["编号", "数", "浮", "大", "limit"]


@pytest.fixture
def both(monkeypatch) -> Iterator[None]:
    """The same rows twice: ``tallied``, and ``plain`` as copies were before there were tallies."""
    limits = {"LEAST_ROWS": 100, "SHARE": 1.3, "VALUES_SHARE": 0.5, "STEPS_SHARE": 1, "ENDS": 300, "ENDS_SHARE": 1}
    for name, value in limits.items():
        monkeypatch.setattr(written, name, value)
    monkeypatch.setattr(answers, "LARGE", 100)
    monkeypatch.setattr(answers, "ANSWERS", Kept(0))
    select = SELECT.replace("range(300)", f"range({ROWS})").replace(
        "CAST(i * 37 % 101 AS DECIMAL(18, 2)) / 4", "CAST(20 + (i * 37 % 3989) * 0.001 AS DECIMAL(18, 3))"
    )
    columns = [seeding.column(name, kind) for name, kind in KINDS.items()]
    seeding.publish("tallied", select, columns, key=["编号"])
    monkeypatch.setattr(seeding, "write_tallies", lambda *_: None)
    seeding.publish("plain", select, columns, key=["编号"])
    yield
    serving.POOL.close()


def table(name: str = "tallied") -> tables.Table:
    """What can be asked."""
    return tables.of(Version.objects.select_related("dataset").get(dataset__name=name))


def of(name: str, kind: str, words: dict[str, Any]) -> Any:
    """The body of an answer but for its cursor, which tells of the dataset."""
    body = json.dumps(words, ensure_ascii=False, default=str).encode()
    reply = service.respond(service.Asked(kind, name, "POST", "", body))
    assert reply.status == 200, reply.content.decode()
    found = json.loads(reply.content)
    found.pop("next", None)
    return found


def same(kind: str, words: dict[str, Any]) -> None:
    """Both answer alike: byte for byte, but for the last digits of sums of floating numbers."""
    one, other = of("tallied", kind, words), of("plain", kind, words)
    if kind == "groups":
        for a, b in zip(one["groups"], other["groups"], strict=True):
            for name in ("sum:浮", "avg:浮"):
                if a.get(name) is not None and b.get(name) is not None:
                    assert math.isclose(a.pop(name), b.pop(name), rel_tol=1e-9)
    assert json.dumps(one) == json.dumps(other), words


FEWER = st.none() | TREES.filter(lambda tree: depth(tree) <= 5)


def selecting(tree: Any) -> dict[str, Any]:
    """The words of a condition, if any."""
    return {} if tree is None else {"filter": tree}


@QUIET
@given(
    tree=FEWER,
    by=st.lists(st.sampled_from([*COLUMNS, "year:日", "quarter:日", "month:日", "month:时"]), max_size=3, unique=True),
    measures=st.lists(
        st.just("count")
        | st.builds("{}:{}".format, st.sampled_from(["sum", "avg", "min", "max", "p50"]), st.sampled_from(NUMBERS))
        | st.builds("{}:{}".format, st.sampled_from(["min", "max"]), st.sampled_from(COLUMNS)),
        max_size=3,
        unique=True,
    ),
)
def test_groups(both, tree, by, measures):
    same("groups", selecting(tree) | {"by": by, "measure": measures, "limit": 5000})


@QUIET
@given(
    tree=FEWER,
    columns=st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4),
    most=st.integers(1, 40),
    limit=st.integers(1, 300),
)
def test_facets_and_distinct(both, tree, columns, most, limit):
    same("facets", selecting(tree) | {"column": columns, "most": most})
    same("distinct", selecting(tree) | {"column": columns[:1], "limit": limit})


BOUNDS = st.sampled_from(["lt", "lte", "gt", "gte", "eq", "between", "ne"])


@QUIET
@given(data=st.data(), down=st.booleans(), limit=st.integers(0, 120), offset=st.sampled_from([0, 0, 7, 250]))
def test_pages_in_the_order_of_a_column(both, data, down, limit, offset):
    column = data.draw(st.sampled_from([name for name in VALUES if name != "名"]))
    value = VALUES[column]
    if column == "数":
        value = st.integers(19_900, 24_100).map(lambda n: n / 1000)
    words: dict[str, Any] = {"sort": [("-" if down else "") + column], "limit": limit, "offset": offset}
    for operator in data.draw(st.lists(BOUNDS, max_size=2, unique=True)):
        pair = data.draw(st.tuples(value, value))
        words[f"{column}__{operator}"] = [str(each) for each in pair] if operator == "between" else str(pair[0])
    same("rows", words)


def test_pages_by_cursor_go_past_the_ends(both):
    found, cursor = [], None
    while True:
        words = {"sort": "-数", "数__gt": "20.5", "limit": 170, "select": "编号"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = json.loads(service.respond(service.Asked("rows", "tallied", query=urlencode(words))).content)
        found += [row["编号"] for row in page["items"]]
        if (cursor := page["next"]) is None:
            break
    whole = of("plain", "rows", {"sort": "-数", "数__gt": "20.5", "limit": 32000, "select": ["编号"]})
    assert found == [row["编号"] for row in whole["items"]] and len(found) == page["total"] > 600


def test_what_is_answered_from_which(both):
    here, there = table(), table("plain")

    def ask(**words: str) -> grammar.Ask:
        return grammar.parse([(name, [value]) for name, value in words.items()], here)

    def source(question: grammar.Ask, columns: list[str], summed: tuple[str, ...] = ()) -> str:
        assert tallies.source(there, question, columns, summed).name == serving.TABLE
        return tallies.source(here, question, columns, summed).name.partition("_")[0]

    assert source(ask(日__gte="2020-06-01"), ["名"], ("浮", "大")) == "tally"
    assert source(ask(filter='{"not": {"column": "是", "op": "eq", "value": true}}'), ["limit"]) == "tally"
    assert source(ask(), ["浮"]) == source(ask(浮__gt="1"), ["名"]) == "rows"
    assert source(ask(名__contains="新"), ["名"]) == source(ask(q="新"), ["名"]) == "rows"
    assert source(ask(), ["名"], ("编号",)) == "rows"  # a key isn't summed
    smallest = tallies.source(here, ask(), ["limit"])
    assert smallest.rows < tallies.source(here, ask(), ["日"]).rows < ROWS

    over = sum(20 + (i * 37 % 3989) / 1000 > 21.23 for i in range(ROWS) if i % 7)
    assert tallies.within(here, ask(数__gt="21.23")) == tallies.within(here, ask(数__between="21.231..1e9")) == over
    assert tallies.within(here, ask(数__gt="21.234")) is None  # within a step
    assert tallies.within(here, ask(时__gte="2020-03-01")) == ROWS - 60 * 24 + 8
    assert tallies.within(here, ask(时__gte="2020-03-01T09:30")) is None  # within a day
    assert tallies.within(here, ask(数__gt="1", 日__gt="2020-01-01")) is tallies.within(there, ask(数__gt="1")) is None


def test_small_tables_have_none():
    columns = [seeding.column(name, kind) for name, kind in KINDS.items()]
    version = seeding.publish("small", SELECT, columns, key=["编号"])
    with serving.POOL.cursor(tables.path(version)) as cursor:
        found = [
            name.partition("_")[0] for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        ]
    assert "rows" in found and not {"tally", "steps", "ends"} & set(found)
