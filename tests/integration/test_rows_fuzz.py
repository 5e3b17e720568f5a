"""Random questions for rows: never our fault, and the same answer as plain Python gives over the same rows."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.opening.rows import service
from tests.integration.test_rows import KINDS, mixed

pytestmark = pytest.mark.django_db
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip
TEXTS = st.sampled_from(["甲", "乙", "新", "新能", "源", "ab", "AB", "Abc", "%", "_", "'", "\\", ""]) | st.text(
    max_size=4
).filter(lambda t: "\0" not in t)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "编号": st.integers(-5, 305) | st.decimals(-5, 305, places=1),
    "名": TEXTS.filter(lambda t: t.isprintable() and not any("\ud800" <= c <= "\udfff" for c in t)),
    "数": st.decimals(-1, 30, places=3),
    "浮": st.integers(-8, 800).map(lambda n: n / 64),
    "是": st.booleans(),
    "日": st.dates().map(str) | st.sampled_from(["2020-03-01", "2020-06-15"]),
    "大": st.integers(9007199254739990, 9007199255040000),
}


class Rows(list[dict[str, Any]]):
    """Rows that a failing example doesn't print."""

    def __repr__(self) -> str:
        return "the rows of mixed()"


@pytest.fixture
def rows() -> Rows:
    """The rows as Python values; NaN is null in an answer, so it is put back."""
    mixed()
    found = Rows(said(urlencode({"limit": 1000}))["items"])
    for row in found:
        row["数"] = None if row["数"] is None else Decimal(row["数"])
        row["大"] = int(row["大"])
        if row["编号"] % 11 == 0:
            row["浮"] = math.nan
    return found


def said(query: str, body: bytes = b"") -> dict[str, Any]:
    """The JSON answer; it must be 200."""
    reply = service.respond(service.Asked("rows", "mixed", "POST" if body else "GET", query, body))
    assert reply.status == 200, reply.content.decode()
    found: dict[str, Any] = json.loads(reply.content)
    return found


def compared(name: str, value: Any, wanted: Any) -> bool:
    """As the engine compares: NaN equals itself and is greater than every number; empty meets nothing."""
    if value is None:
        return False
    if isinstance(value, float) and math.isnan(value):
        return name in ("gt", "gte")
    return COMPARE[name](value, wanted)


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    column = draw(st.sampled_from(list(VALUES)))
    names = ["eq", "ne", "lt", "lte", "gt", "gte", "in", "between", "is_null"]
    name = draw(st.sampled_from(names + (["contains", "starts_with"] if column == "名" else [])))
    if name == "is_null":
        return {"column": column, "op": name, "value": draw(st.booleans())}
    if name == "in":
        return {"column": column, "op": name, "value": draw(st.lists(VALUES[column], min_size=1, max_size=30))}
    if name == "between":
        return {"column": column, "op": name, "value": draw(st.lists(VALUES[column], min_size=2, max_size=2))}
    return {"column": column, "op": name, "value": draw(VALUES[column])}


TREES = st.recursive(
    leaves(),
    lambda inner: (
        st.builds(lambda parts: {"and": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda parts: {"or": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=6,
)


def depth(tree: dict[str, Any]) -> int:
    """Joints above the deepest leaf."""
    if "column" in tree:
        return 0
    parts = tree.get("and") or tree.get("or") or [tree["not"]]
    return 1 + max(map(depth, parts))


def meets(tree: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether the row meets the conditions, in plain Python."""
    if "and" in tree:
        return all(meets(part, row) for part in tree["and"])
    if "or" in tree:
        return any(meets(part, row) for part in tree["or"])
    if "not" in tree:
        return not meets(tree["not"], row)
    value, name, wanted = row[tree["column"]], tree["op"], tree["value"]
    if name == "is_null":
        return (value is None) == wanted
    if name == "ne":
        return not compared("eq", value, wanted)
    if name == "in":
        return any(compared("eq", value, each) for each in wanted)
    if name == "between":
        return compared("gte", value, wanted[0]) and compared("lte", value, wanted[1])
    if name == "contains":
        return value is not None and wanted.lower() in value.lower()
    if name == "starts_with":
        return value is not None and value.lower().startswith(wanted.lower())
    return compared(name, value, wanted)


def order(row: dict[str, Any], column: str, down: bool) -> tuple[Any, ...]:
    """A sort key with empty cells last and NaN above all numbers."""
    value = row[column]
    if value is None:
        return (1,)
    nan = isinstance(value, float) and math.isnan(value)
    return (0, _Down((nan, 0 if nan else value)) if down else (nan, 0 if nan else value))


class _Down:
    """The other way round."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and self.value == other.value


@QUIET
@given(
    tree=TREES.filter(lambda tree: depth(tree) <= 5),
    sort=st.lists(st.tuples(st.sampled_from(list(VALUES)), st.booleans()), max_size=3, unique_by=lambda pair: pair[0]),
    limit=st.integers(1, 200),
)
def test_any_question_is_answered_as_plain_python_answers_it(rows, tree, sort, limit):
    right = [row for row in rows if meets(tree, row)]
    for column, down in reversed(sort):
        right.sort(key=lambda row: order(row, column, down))
    body = {
        "filter": tree,
        "sort": [("-" if down else "") + name for name, down in sort],
        "select": ["编号"],
        "limit": limit,
    }
    found, cursor = [], None
    for _page in range(4):
        given_words = {**body, **({"cursor": cursor} if cursor else {})}
        answer = said("", json.dumps(given_words, ensure_ascii=False, default=str).encode())
        assert answer["total"] == len(right)
        found += [row["编号"] for row in answer["items"]]
        if (cursor := answer["next"]) is None:
            break
    wanted = [row["编号"] for row in right]
    assert found == wanted[: len(found)] and (cursor is not None or len(found) == len(wanted))


NAMES = st.sampled_from(
    [
        *KINDS,
        "select",
        "sort",
        "limit",
        "offset",
        "cursor",
        "version",
        "total",
        "format",
        "shape",
        "q",
        "filter",
        "by",
        "measure",
        "column",
        "most",
        "_row_id",
        "rowid",
    ]
)
OPERATORS = st.sampled_from(
    ["", "__eq", "__ne", "__in", "__lt", "__gte", "__between", "__contains", "__starts_with", "__is_null", "__x"]
)
JUNK = st.text(max_size=20) | st.sampled_from(["NaN", "-inf", "1e400", "9" * 400, "0x10", "2020-02-30", "..", "a..b", "{}", "[[]]", '{"and":1}', "-编号", "json", "count", "p99:数", "sum:大", "\udc00"])  # fmt: skip


@QUIET
@given(
    kind=st.sampled_from(service.KINDS),
    words=st.lists(st.tuples(NAMES, OPERATORS, JUNK | NAMES | st.integers(-1, 10**6).map(str)), max_size=4),
    raw=st.binary(max_size=30),
    post=st.booleans(),
)
def test_nonsense_is_the_clients_fault(rows, kind, words, raw, post):
    pairs = [(name + suffix, value) for name, suffix, value in words]
    query = urlencode(pairs, errors="surrogatepass")
    body = json.dumps(dict(pairs)).encode() if post and pairs else raw if post else b""
    for asked in (service.Asked(kind, "mixed", query=query), service.Asked(kind, "mixed", "POST", "", body)):
        reply = service.respond(asked)
        assert reply.status in (200, 302, 303, 400, 404), (asked, reply.content[:300])
        if reply.status >= 400:
            assert json.loads(reply.content)["error"]["where"]
        else:
            assert isinstance(reply.content, bytes)


@QUIET
@given(text=st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.hex()))
def test_no_cursor_but_ours_is_taken(rows, text):
    reply = service.respond(service.Asked("rows", "mixed", query=urlencode({"cursor": text}, errors="replace")))
    assert reply.status == (400 if text else 200)
