"""Column statistics of large tables against plain Python: exact also where the hashes of different values are the same."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.tables import nearly_unique, statistics

VALUES = st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "b", "上海", "7", "-12", "３"]), st.text(max_size=3)))


def by_length(values):
    """A poor hash: texts as long as each other have the same."""
    return values.cast("string").length().cast("uint64")


@settings(max_examples=25, deadline=None)
@given(values=VALUES)
def test_a_column_is_counted_as_plain_python_counts_it(duckdb_engine, values):
    values = [None if value is None else value.replace("\x00", "") for value in values]
    filled = Counter(value for value in values if value)
    top = sorted(((value, n) for value, n in filled.items() if n > 1), key=lambda one: (-one[1], one[0].encode()))
    table = ibis.memtable(pa.table({"甲": pa.array(values, pa.string())}))
    for share, hashed in ((2.0, nearly_unique.engine_hash), (2.0, by_length), (-1.0, by_length)):
        with patch.object(nearly_unique, "MOST_REPEATED", share), patch.object(nearly_unique, "engine_hash", hashed):
            found = statistics._of_column(duckdb_engine, table, "甲", "int64", len(values))
        assert (found.nulls, found.distinct) == (len(values) - filled.total(), len(filled))
        assert found.top == top[: statistics.TOP]
        numbers = [n for n in map(_number, filled) if n is not None]
        assert (found.minimum, found.maximum) == ((min(numbers), max(numbers)) if numbers else (None, None))


def _number(text: str) -> int | None:
    known = {"7": 7, "-12": -12, "３": 3}
    return known.get(text, int(text) if text.isascii() and text.isdigit() else None)
