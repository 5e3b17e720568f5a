"""Rows found by the grams of their columns: the same answers as when every row is looked through."""

from __future__ import annotations

import fcntl
import json
import random
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import numpy as np
import pytest
from django.conf import settings as site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongshu.lake import gram_building, grams
from gongshu.opening import actions as opening
from gongshu.opening import rebuilding, store
from gongshu.opening.models import Version
from gongshu.opening.rows import answers, marked, service, tables
from gongshu.opening.rows.kept import Kept
from gongshu.opening.rows.service import Asked
from gongshu.opening.sweep import sweep
from tests import seeding

SIGNS = "甲乙丙aAbB1 .é\U0001f600"  # with and without case, of one to four bytes
ROWS = 3000
pytestmark = pytest.mark.django_db


def cells(seed: int, empty: float = 0.1) -> list[str | None]:
    """Texts of a few signs, so that they repeat themselves and each other."""
    rng = random.Random(seed)
    made = ["".join(rng.choices(SIGNS, k=rng.randint(0, 12))) for _ in range(ROWS)]
    return [None if rng.random() < empty else text for text in made]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grams also for small tables, in many runs, asked for in many slices."""
    for name, number in {"FEWEST_ROWS": 10, "FEWEST_VALUES": 50, "RUN": 4000}.items():
        monkeypatch.setattr(gram_building, name, number)
    monkeypatch.setattr(rebuilding, "_later", {})
    monkeypatch.setattr(grams, "MOST", 700)
    monkeypatch.setattr(marked, "FEW", 40)
    monkeypatch.setattr(marked, "WINDOW", 500)
    monkeypatch.setattr(answers, "NEAR", 150)


@pytest.fixture
def register(small: None) -> Version:
    """Two columns of texts, one of codes, one of three values, one of numbers."""
    names, places = cells(1), cells(2)
    rows = [
        {
            "号": n,
            "名": names[n],
            "址": places[n],
            "码": f"A{n * 7919 % 10007:05d}b",
            "类": ["甲级", "乙 A", None][n % 3],
        }
        for n in range(ROWS)
    ]
    file = Path(site.DATA) / "register.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    kinds = {"号": "int64", "名": "string", "址": "string", "码": "string", "类": "string"}
    types = ", ".join(f"'{name}': '{'BIGINT' if kind == 'int64' else 'VARCHAR'}'" for name, kind in kinds.items())
    columns = [seeding.column(name, kind) for name, kind in kinds.items()]
    version = seeding.publish("register", f"FROM read_json('{file}', columns={{{types}}})", columns, key=["号"])
    assert rebuilding.build_grams() and not rebuilding.build_grams()
    return version


def body(question: list[tuple[str, Any]]) -> dict[str, Any]:
    """The answer to a question that was never asked before."""
    answers.ANSWERS = Kept()
    reply = service.respond(Asked("rows", "register", "GET", urlencode(question), b"", {}))
    assert reply.status == 200, reply.content
    found: dict[str, Any] = json.loads(reply.content)
    return found


WORDS = st.text(SIGNS.replace(" ", "") + "级A0", min_size=1, max_size=6)
QUESTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("q"), WORDS),
        st.tuples(st.sampled_from(["名__contains", "址__contains", "码__contains"]), WORDS),
        st.tuples(st.just("号__gte"), st.integers(-5, ROWS)),
        st.tuples(st.just("类"), st.sampled_from(["甲级", "无"])),
        st.tuples(st.just("limit"), st.integers(0, 60)),
        st.tuples(st.just("offset"), st.integers(0, 300)),
        st.tuples(st.just("select"), st.sampled_from(["号", "_row_id", "名"])),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda pair: pair[0],
)


def test_grams_change_no_answer(register, monkeypatch):
    used: list[int] = []
    monkeypatch.setattr(answers.marked, "find", lambda *a, real=marked.find: used.append(1) or real(*a))

    @settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(QUESTIONS)
    def ask(question: list[tuple[str, Any]]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(marked, "is_marked", lambda table, ask: False)
            looked_through = body(question)
        assert body(question) == looked_through

    ask()
    assert len(used) > 60


def test_pages_go_on_behind_the_last_row(register):
    question: list[tuple[str, Any]] = [("q", "甲"), ("limit", 500), ("select", "号")]
    page = body(question)
    numbers = [row["号"] for row in page["items"]]
    while page["next"]:
        page = body([*question, ("cursor", page["next"])])
        numbers += [row["号"] for row in page["items"]]
    rows = body([("limit", ROWS)])["items"]
    wanted = [row["号"] for row in rows if any("甲" in (row[name] or "") for name in ("名", "址", "类"))]
    assert numbers == wanted and len(wanted) > 1000


def test_what_has_case_beyond_ascii_is_looked_for_in_every_row(register):
    table = tables.of(register)
    ask = answers.Ask(words=("é",))
    assert not marked.is_marked(table, ask) and marked.is_marked(table, answers.Ask(words=("甲A",)))
    assert body([("q", "É")])["total"] == body([("q", "é")])["total"] > 100


def test_until_the_grams_are_there_every_row_is_looked_through(register):
    question: list[tuple[str, Any]] = [("q", "甲A"), ("limit", 7)]
    found = body(question)
    path = grams.path_of(tables.path(register))
    path.unlink()
    assert not marked.is_marked(tables.of(register), answers.Ask(words=("甲A",)))
    assert body(question) == found
    rebuilding.build_grams()
    assert path.is_file() and marked.is_marked(tables.of(register), answers.Ask(words=("甲A",)))


def test_grams_go_with_their_copy(register):
    """A withdrawn version leaves nothing; the sweep removes grams of no version and leaves those of one alone."""
    path = grams.path_of(tables.path(register))
    stray = path.with_name(f"v9-{uuid.uuid4()}.grams")
    stray.write_bytes(b"")
    sweep()
    assert path.is_file() and not stray.exists()
    opening.delete_public(register)
    assert not path.exists() and not tables.path(register).exists()


@pytest.mark.parametrize("signs", [SIGNS, "".join(map(chr, range(0x4E00, 0x4E00 + 20_000)))])
def test_every_word_is_found_where_it_stands(tmp_path, monkeypatch, small, signs):
    """Of few and of so many different characters that their grams need all the bits of a number."""
    monkeypatch.setattr(gram_building, "RUN", 200_000)
    rng = random.Random(5)
    texts = ["".join(rng.choices(signs, k=rng.randint(1, 30))) for _ in range(5000)]
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as con:
        con.execute("CREATE TABLE rows AS SELECT unnest(CAST($texts AS VARCHAR[])) AS t", {"texts": texts})
    gram_building.build(tmp_path / "copy.duckdb", tmp_path / "copy.grams")
    with duckdb.connect(str(tmp_path / "copy.grams"), read_only=True) as con:
        known = grams.contents(con)["t"]
        for _ in range(60):
            text = rng.choice(texts)
            start = rng.randrange(len(text))
            word = text[start : start + rng.randint(1, 11)]
            if not grams.can_find(word):
                continue
            marks = np.zeros(len(texts), np.bool_)
            grams.mark(con, known, word, marks)
            folded = word.lower()
            assert marks.tolist() == [folded in "".join(c.lower() if c.isascii() else c for c in t) for t in texts]


def test_short_of_memory_the_rows_are_looked_through(tmp_path, monkeypatch, small):
    monkeypatch.setattr(gram_building, "_sorted", lambda cells: (_ for _ in ()).throw(MemoryError()))
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as con:
        con.execute("CREATE TABLE rows AS SELECT '名' || i AS t FROM range(2000) r(i)")
    gram_building.build(tmp_path / "copy.duckdb", tmp_path / "copy.grams")
    with duckdb.connect(str(tmp_path / "copy.grams"), read_only=True) as con:
        assert grams.contents(con) == {}


def test_what_is_nearly_everywhere_is_looked_for_in_parts(register, monkeypatch):
    wide: list[int] = []

    def execute(cursor: Any, sql: str, values: dict[str, Any], real: Any = grams.execute) -> Any:
        if values.get("high", ROWS) - values.get("low", 0) > 400:
            wide.append(1)
            raise duckdb.OutOfMemoryException("too many grams")
        return real(cursor, sql, values)

    questions: list[list[tuple[str, Any]]] = [[("q", word), ("limit", 50)] for word in ("甲", "甲乙", "甲乙丙1")]
    found = [body(question) for question in questions]
    monkeypatch.setattr(grams, "execute", execute)
    assert [body(question) for question in questions] == found and wide


def test_damaged_grams_are_made_again_and_the_rows_looked_through(register):
    question: list[tuple[str, Any]] = [("q", "甲乙"), ("limit", 5)]
    found = body(question)
    path = grams.path_of(tables.path(register))
    whole = path.read_bytes()
    parts = {
        "no database": b"x" * 50_000,
        "a half": whole[: len(whole) // 2],
        "other bytes": bytes(b ^ 255 if i > 20_000 and i % 500 == 0 else b for i, b in enumerate(whole)),
    }
    for what, damaged in parts.items():
        path.unlink(missing_ok=True)
        path.write_bytes(damaged)
        assert body(question) == found and not path.exists(), what
    assert rebuilding.build_grams() and body(question) == found
    assert path.is_file()


def test_one_worker_at_a_time_makes_them(register):
    path = grams.path_of(tables.path(register))
    path.unlink()
    with (store.folder("staging") / "grams.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not rebuilding.build_grams() and not path.exists()
    assert rebuilding.build_grams() and path.is_file()


def test_a_version_withdrawn_while_they_are_made_leaves_none(register, monkeypatch):
    path = grams.path_of(tables.path(register))
    path.unlink()

    def build(copy: Path, target: Path, real: Any = rebuilding.build) -> None:
        real(copy, target)
        opening.delete_public(register)

    monkeypatch.setattr(rebuilding, "build", build)
    rebuilding.build_grams()
    assert not path.exists() and not tables.path(register).exists()
