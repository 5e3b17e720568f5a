"""The questions of benchmarks.portal: what each asks, how each server is asked, and whether it answered right.

The truth of every answer is a plain DuckDB query on the same CSV. A question's values are those of the peers' measurements, or
drawn anew for every round, so that no cache can answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import duckdb

from benchmarks.enterprises import DISTRICTS, HEADS, INDUSTRIES, ROADS, TAILS

TEXTS = "uscc name district industry status address".split()
OPERATORS = {"=": "", ">": "gt", ">=": "gte", "contains": "contains"}


@dataclass(frozen=True)
class Question:
    """What is asked: conditions (column, operator, value) that all hold, a word of the text search, an order, a page of rows,
    or counts by facet or group."""

    name: str
    conditions: tuple[tuple[str, str, Any], ...] = ()
    word: str = ""
    order: str = ""  # a column; its largest come first
    limit: int = 100
    offset: int = 0
    facets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    average: str = ""


@dataclass
class Answer:
    """What came back, in one shape for all servers."""

    total: int | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    groups: dict[tuple[str, ...], tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    path: str
    body: dict[str, Any] | None = None


class Target(Protocol):
    """How one server is asked."""

    def request(self, question: Question) -> Request | None:
        """The request of the question; None when the server has no way to ask it."""

    def read(self, question: Question, content: bytes) -> Answer:
        """The answer of its body."""


@dataclass(frozen=True)
class Draw:
    """The values of a round: no two rounds (of up to fifteen) have the same ones."""

    round: int

    def choose(self, options: Sequence[str]) -> str:
        """One of the options, another in every round."""
        return random.Random(options[0]).sample(options, len(options))[self.round % len(options)]

    def number(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, another in every round."""
        size = min(high - low + 1, 1000)
        return random.Random(low * 31 + high).sample(range(low, high + 1), size)[self.round % size]


def questions(rows: int, draw: Draw | None) -> list[Question]:
    """All questions on a table of ``rows`` rows, with the peers' values, or with those of a round."""

    def value(fixed: str, options: Sequence[str]) -> str:
        return draw.choose(options) if draw else fixed

    def number(fixed: int, low: int, high: int) -> int:
        return draw.number(low, high) if draw else fixed

    district = value("浦东新区", DISTRICTS)
    day = f"{number(2020, 2005, 2023)}-{number(1, 1, 12):02d}-{number(1, 1, 28):02d}"
    house = f"{value('世纪大道', ROADS)}{number(88, 11, 2999)}号"
    signs = [head for head in HEADS if len(head) == 1]
    common = [tail[i : i + 3] for tail in TAILS for i in range(len(tail) - 2)]  # in some 67,000 rows of a million
    rare = [f"{head}{tail}" for head in signs for tail in TAILS]  # in some 2,000
    pairs = [tail[i : i + 2] for tail in TAILS for i in range(len(tail) - 1)]
    staff = (("employees", ">=", number(0, 2, 60)),) if draw else ()
    return [
        Question("first 100 rows", limit=number(100, 80, 120)),
        Question("one row by its key", (("id", "=", number(rows * 765432 // 1_000_000, 1, rows)),)),
        Question(
            "two equalities, total", (("district", "=", district), ("industry", "=", value("金融业", INDUSTRIES)))
        ),
        Question("range, sorted", (("capital_wan", ">", number(5000, 3000, 9000)),), order="capital_wan"),
        Question("part of an address", (("address", "contains", house),)),
        Question("search, a common word", word=value("新能源", common), limit=number(100, 80, 120)),
        Question("search, a rare word", word=value("浦新能源", rare)),
        Question("search and a district", (("district", "=", district),), word=value("生物医药", common[::-1])),
        Question("search, two characters", word=value("物流", pairs)),
        Question("search, one character", word=value("龙", signs)),
        Question("row 900,000", offset=number(rows * 9 // 10, rows * 8 // 10, rows - 200)),
        Question("facet of 16 values", staff, facets=("district",)),
        Question("3 facets on a date filter", (("reg_date", ">=", day),), facets=("district", "industry", "status")),
        Question("group by, average", staff, groups=("district", "status"), average="capital_wan"),
        Question("32,000 rows", limit=number(32000, 31000, 32000)),
    ]


class Ours:
    """Our row API."""

    def __init__(self, dataset: str) -> None:
        self._base = f"/api/v1/datasets/{dataset}"

    def request(self, question: Question) -> Request:
        pairs: list[tuple[str, Any]] = [
            (f"{column}__{OPERATORS[operator]}".removesuffix("__"), value)
            for column, operator, value in question.conditions
        ]
        if question.word:
            pairs.append(("q", question.word))
        if question.facets:
            return self._at("facets", pairs + [("column", name) for name in question.facets] + [("most", 30)])
        if question.groups:
            measures = [("measure", "count"), ("measure", f"avg:{question.average}"), ("limit", 1000)]
            return self._at("groups", pairs + [("by", name) for name in question.groups] + measures)
        if question.order:
            pairs.append(("sort", f"-{question.order}"))
        if question.offset:
            pairs.append(("offset", question.offset))
        return self._at("rows", [*pairs, ("limit", question.limit)])

    def read(self, question: Question, content: bytes) -> Answer:
        found = json.loads(content)
        if question.facets:
            counts = {
                one["column"]: {each["value"]: each["count"] for each in one["values"]} for one in found["facets"]
            }
            return Answer(counts=counts)
        if question.groups:
            groups = {
                tuple(each["by"][name] for name in question.groups): (each["count"], each[f"avg:{question.average}"])
                for each in found["groups"]
            }
            return Answer(groups=groups)
        return Answer(found["total"], found["items"])

    def _at(self, what: str, pairs: list[tuple[str, Any]]) -> Request:
        return Request(f"{self._base}/{what}?{urlencode(pairs)}")


class Datasette:
    """Datasette's JSON: tables by its parameters, groups by SQL, since it has no other way."""

    def request(self, question: Question) -> Request | None:
        if question.groups:
            where = " AND ".join(f"{column} {operator} {value}" for column, operator, value in question.conditions)
            names = ", ".join(question.groups)
            sql = f"SELECT {names}, count(*) n, avg({question.average}) a FROM ent WHERE {where or 'true'} GROUP BY {names}"
            return Request("/ent.json?_shape=objects&sql=" + quote(sql))
        if question.conditions and question.conditions[0][:2] == ("id", "="):
            return Request(f"/ent/ent/{question.conditions[0][2]}.json?_shape=objects")
        words = {"=": "{}", ">": "{}__gt", ">=": "{}__gte", "contains": "{}__contains"}
        pairs: list[tuple[str, Any]] = [
            (words[operator].format(column), value) for column, operator, value in question.conditions
        ]
        if question.word:
            pairs.append(("_search", question.word))
        if question.order:
            pairs.append(("_sort_desc", question.order))
        if question.offset:
            pairs.append(("_next", question.offset))  # no offset there; by the key of the row before
        pairs += [("_facet", name) for name in question.facets]
        pairs += [("_shape", "objects"), ("_size", 0 if question.facets else question.limit)]
        return Request(f"/ent/ent.json?{urlencode(pairs)}")

    def read(self, question: Question, content: bytes) -> Answer:
        found = json.loads(content)
        if question.groups:
            groups = {tuple(each[name] for name in question.groups): (each["n"], each["a"]) for each in found["rows"]}
            return Answer(groups=groups)
        if question.facets:
            counts = {
                name: {each["value"]: each["count"] for each in facet["results"]}
                for name, facet in found["facet_results"].items()
            }
            return Answer(counts=counts)
        return Answer(found.get("filtered_table_rows_count", len(found["rows"])), found["rows"])


class Ckan:
    """CKAN's DataStore: rows by datastore_search, facets and groups by datastore_search_sql."""

    def __init__(self, resource: str) -> None:
        self._resource = resource

    def request(self, question: Question) -> Request:
        filters: dict[str, Any] = {}
        clauses = []
        for column, operator, value in question.conditions:
            filters[column] = value if operator == "=" else {OPERATORS[operator]: value}
            right = f"'%{value}%'" if operator == "contains" else f"'{value}'"
            clauses.append(f"{column} {'LIKE' if operator == 'contains' else operator} {right}")
        source = f'"{self._resource}" WHERE {" AND ".join(clauses) or "true"}'
        if question.facets:
            sets = ", ".join(f"({name})" for name in question.facets)
            names = ", ".join(question.facets)
            return self._sql(f"SELECT {names}, count(*) n FROM {source} GROUP BY GROUPING SETS ({sets})")
        if question.groups:
            names = ", ".join(question.groups)
            return self._sql(f"SELECT {names}, count(*) n, avg({question.average}) a FROM {source} GROUP BY {names}")
        if any(operator == "contains" for _column, operator, _value in question.conditions):
            return self._sql(f"SELECT * FROM {source} LIMIT {question.limit}")
        body: dict[str, Any] = {"resource_id": self._resource, "limit": question.limit, "filters": filters}
        if question.word:
            body["q"] = question.word
        if question.order:
            body["sort"] = f"{question.order} desc"
        if question.offset:
            body["offset"] = question.offset
        return Request("/api/3/action/datastore_search", body)

    def read(self, question: Question, content: bytes) -> Answer:
        found = json.loads(content)["result"]
        rows = found["records"]
        if question.facets:
            counts: dict[str, dict[str, int]] = {name: {} for name in question.facets}
            for each in rows:
                name = next(name for name in question.facets if each[name] is not None)
                counts[name][each[name]] = int(each["n"])
            return Answer(counts=counts)
        if question.groups:
            groups = {
                tuple(each[name] for name in question.groups): (int(each["n"]), float(each["a"])) for each in rows
            }
            return Answer(groups=groups)
        return Answer(found.get("total"), rows)

    @staticmethod
    def _sql(text: str) -> Request:
        return Request("/api/3/action/datastore_search_sql", {"sql": text})


class Truth:
    """The table in DuckDB, in memory."""

    def __init__(self, table: str) -> None:
        self._con = duckdb.connect()
        types = "{'reg_date': 'DATE', 'capital_wan': 'DOUBLE', 'lon': 'DOUBLE', 'lat': 'DOUBLE'}"
        self._con.execute(f"CREATE TABLE ent AS SELECT * FROM read_csv('{table}', types={types})")
        self.rows = int(self._one("SELECT count(*) FROM ent", [])[0])

    def wrong(self, question: Question, answer: Answer) -> str:
        """What is wrong with the answer; empty when it is right."""
        where, values = self._where(question)
        if question.facets:
            return self._wrong_counts(question, answer, where, values)
        if question.groups:
            return self._wrong_groups(question, answer, where, values)
        total = int(self._one(f"SELECT count(*) FROM ent WHERE {where}", values)[0])
        if answer.total is not None and answer.total != total:
            return f"total {answer.total:,}, not {total:,}"
        expected = max(0, min(question.limit, total - question.offset))
        if len(answer.rows) != expected:
            return f"{len(answer.rows)} rows, not {expected}"
        ids = [int(row["id"]) for row in answer.rows]
        among = f"SELECT count(*) FROM ent WHERE {where} AND id IN (SELECT unnest(?::BIGINT[]))"
        if int(self._one(among, [*values, ids])[0]) != expected:
            return "rows that don't answer the question, or twice the same"
        if question.offset and min(ids) <= question.offset:
            return f"begins with row {min(ids)}"
        if question.order:
            best = f"SELECT {question.order} FROM ent WHERE {where} ORDER BY 1 DESC LIMIT {question.limit}"
            if [float(row[question.order]) for row in answer.rows] != [
                value for (value,) in self._con.execute(best, values).fetchall()
            ]:
                return "not the largest in order"
        return ""

    def _where(self, question: Question) -> tuple[str, list[Any]]:
        clauses, values = ["true"], []
        for column, operator, value in question.conditions:
            clauses.append(f"contains({column}, ?)" if operator == "contains" else f"{column} {operator} ?")
            values.append(value)
        if question.word:
            clauses.append("(" + " OR ".join(f"contains({name}, ?)" for name in TEXTS) + ")")
            values += [question.word] * len(TEXTS)
        return " AND ".join(clauses), values

    def _wrong_counts(self, question: Question, answer: Answer, where: str, values: list[Any]) -> str:
        for name in question.facets:
            right = dict(
                self._con.execute(f"SELECT {name}, count(*) FROM ent WHERE {where} GROUP BY 1", values).fetchall()
            )
            if answer.counts.get(name) != right:
                return f"counts of {name} are not right"
        return ""

    def _wrong_groups(self, question: Question, answer: Answer, where: str, values: list[Any]) -> str:
        names = ", ".join(question.groups)
        query = f"SELECT {names}, count(*), avg({question.average}) FROM ent WHERE {where} GROUP BY ALL"
        right = {row[:-2]: row[-2:] for row in self._con.execute(query, values).fetchall()}
        if answer.groups.keys() != right.keys():
            return f"{len(answer.groups)} groups, not {len(right)}"
        for key, (number, average) in right.items():
            if answer.groups[key][0] != number or abs(answer.groups[key][1] - average) > 1e-6 * abs(average):
                return f"{key}: {answer.groups[key]}, not {(number, average)}"
        return ""

    def _one(self, query: str, values: list[Any]) -> Any:
        return self._con.execute(query, values).fetchall()[0]
