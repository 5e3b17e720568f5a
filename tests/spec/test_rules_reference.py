"""Every row-local rule and the key against plain Python, on any cells (Hypothesis): counts, rows, three states."""

from __future__ import annotations

import re
from datetime import date
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.rulebooks import rulebook
from gongshu.tables import check_wide, checks, long_form, masks
from gongshu.tables.checks import run_checks
from gongshu.tables.contract import Field, Rule

BOOK = rulebook("default-2026/placeholders")
PLACEHOLDERS = {str(value).upper() for value in BOOK["values"]}
SPACES = " \t\n\r\f\v\u3000\u00a0\ufeff\u200b"
CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "　", "无", "N/A", "000", "12", "１２", " 12 ", "-3", "3.5", "99999", "a", "A", "ａ", "abc", "ab c"]
    ),
    st.sampled_from(["2024-02-29", "2023-02-29", "2024/2/9", "20240301", "2024-01-01", "x2024-01-01"]),
    st.text("ab１2 　-无🈶é\u00a0", max_size=5),
    st.text(max_size=6).filter(lambda text: "\x00" not in text),
)


def clean(text: str | None) -> str:
    """Half width and trimmed, as the rules see a cell."""
    half = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text or "")
    if any(c in SPACES or 0xFF01 <= ord(c) <= 0xFF5E for c in (text or "")):
        half = half.replace("\u3000", " ").replace("\u00a0", " ").replace("\ufeff", " ").replace("\u200b", " ")
        return half.strip(" \t\n\r\f\v")
    return half


def filled(text: str | None) -> bool:
    value = clean(text)
    return value != "" and value.upper() not in PLACEHOLDERS and not re.fullmatch("0{3,}", value)


def number(text: str | None) -> int | None:
    value = clean(text)
    return int(value) if filled(text) and re.fullmatch(r"[+-]?[0-9]{1,18}", value) else None


def day(text: str | None) -> date | None:
    found = re.fullmatch(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})|([0-9]{4})([0-9]{2})([0-9]{2})", clean(text))
    if not found or not filled(text):
        return None
    try:
        return date(*(int(part) for part in found.groups() if part))
    except ValueError:
        return None


def expected(rule: Rule, cells: list[str | None]) -> tuple[set[int], set[int], set[int]]:
    """Rows that are asked, that fail, that can't be told."""
    asked: set[int] = set()
    failed: set[int] = set()
    unknown: set[int] = set()
    for row, text in enumerate(cells, 1):
        value = clean(text)
        if rule.kind == "not_null":
            asked.add(row)
            if value == "":
                failed.add(row)
        elif rule.kind == "range":
            found = number(text)
            if found is not None:
                asked.add(row)
                if not -5 <= found <= 100:
                    failed.add(row)
            elif filled(text):
                unknown.add(row)
        elif value:
            right = {
                "pattern": lambda v=value: re.search("^[a-z]+$", v),
                "in_set": lambda v=value: v in ("12", "a", "abc"),
                "length": lambda v=value: 2 <= len(v) <= 3,
                "type": lambda t=text: number(t) is not None,
                "date_format": lambda v=value, t=text: re.search("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", v) and day(t),
            }[rule.kind]()
            # what reads like a placeholder but is as the rule wants it is right; else it is nothing that the rule speaks of
            if right or filled(text):
                asked.add(row)
            if not right and filled(text):
                failed.add(row)
    return asked, failed, unknown


RULES = [
    Rule("not_null", "not_null", "甲"),
    Rule("pattern", "pattern", "甲", (), {"pattern": "^[a-z]+$"}),
    Rule("in_set", "in_set", "甲", (), {"values": ["12", "a", "abc"]}),
    Rule("length", "length", "甲", (), {"min": 2, "max": 3}),
    Rule("type", "type", "乙"),
    Rule("range", "range", "乙", (), {"min": -5, "max": 100}),
    Rule("date_format", "date_format", "甲", (), {"form": "2019-07-08"}),
]


@settings(max_examples=20, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=12))
def test_rules_are_what_plain_python_says(duckdb_engine, tmp_path_factory, cells):
    table = _table({"甲": cells, "乙": cells})
    fields = [Field("甲"), Field("乙", "int64")]
    path = tmp_path_factory.mktemp("mask") / "mask.parquet"
    runs = [run_checks(duckdb_engine, table, fields, RULES)]
    with patch.object(checks, "MANY_ROWS", 0):  # as a large table is looked at
        runs.append(run_checks(duckdb_engine, table, fields, RULES))
        runs.append(run_checks(duckdb_engine, table, fields, RULES, mask=path))
    wide = path.with_name("wide.parquet")
    with patch.object(long_form, "WIDE", 1), patch.object(check_wide, "FEWEST", 1):  # as a wide one is
        runs.append(run_checks(duckdb_engine, table, fields, RULES, mask=wide))
    for run in runs:
        for result in run.results:
            asked, failed, unknown = expected(result.rule, cells)
            assert (result.rule.id, result.checked, result.unknown) == (result.rule.id, len(asked), len(unknown))
            assert (result.rule.id, result.rows) == (result.rule.id, sorted(failed))
            assert result.state == ("fail" if failed else "pass" if asked else "not_evaluable")
    for rule in RULES:
        for mask in (path, wide):
            kept = [row for some in masks.rows_of(mask, rule.id, rule.column) for row in some]
            assert kept == sorted(expected(rule, cells)[1])


@settings(max_examples=40, deadline=None)
@given(cells=st.lists(st.tuples(CELLS, st.sampled_from(["x", "X", "y", None])), min_size=1, max_size=12))
def test_keys_are_what_plain_python_says(duckdb_engine, cells):
    table = _table({"甲": [a for a, _ in cells], "乙": [b for _, b in cells]})
    result = run_checks(
        duckdb_engine, table, [Field("甲"), Field("乙")], [Rule("u", "unique", None, ("甲", "乙"))]
    ).results[0]
    groups: dict[tuple[str, str], list[int]] = {}
    for row, (a, b) in enumerate(cells, 1):
        if filled(a) and filled(b):
            groups.setdefault((upper(a), upper(b)), []).append(row)
    repeated = [rows for rows in groups.values() if len(rows) > 1]
    assert result.checked == sum(map(len, groups.values()))
    assert (result.groups, result.failed) == (len(repeated), sum(len(rows) - 1 for rows in repeated))
    assert result.rows == sorted(row for rows in repeated for row in rows)


def upper(text: str | None) -> str:
    """As engines do it: a character for a character (ß stays)."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in clean(text))


def _table(columns):
    import ibis

    rows = len(next(iter(columns.values())))
    data = {"_row": pa.array(range(1, rows + 1), pa.int64())}
    data |= {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return ibis.memtable(pa.table(data))
