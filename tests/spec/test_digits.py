"""Check digits over vectors are those of the expressions, of any text."""

from __future__ import annotations

import random

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gongshu.tables.digits import EXPRESSIONS, right_digits

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZx中🈶 "
GOOD = {"resident_id": "11010519491231002X", "credit_code": "91350100M000100Y43", "bank_card": "4111111111111111"}


@pytest.mark.parametrize("kind", sorted(EXPRESSIONS))
@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(st.one_of(st.none(), st.text(ALPHABET, min_size=14, max_size=20), st.text(max_size=30)), max_size=30)
)
def test_vectors_and_expressions_agree(kind, texts):
    chance = random.Random(len(texts))
    near = [GOOD[kind][:n] + chance.choice("0123456789AX") + GOOD[kind][n + 1 :] for n in range(len(GOOD[kind]))]
    engine = ibis.duckdb.connect()
    table = ibis.memtable({"text": [*texts, *near, GOOD[kind], "0"]}, schema={"text": "string"})
    # expressions are asked of texts of the right length only
    formed = table.text.length().between(*((15, 19) if kind == "bank_card" else (18, 18)))
    slow = (EXPRESSIONS[kind](table.text) & formed).fill_null(False)
    found = engine.to_pyarrow(table.select("text", slow=slow))
    engine.disconnect()
    fast = right_digits(found["text"].combine_chunks(), kind).tolist()
    assert fast == found["slow"].to_pylist()
    assert fast[-2]
    # a part of a longer array, and more than are looked at at once
    many = pa.concat_arrays([found["text"].combine_chunks()] * (5_000 // len(fast) + 1))
    assert right_digits(many.slice(len(fast)), kind).tolist() == (fast * (5_000 // len(fast)))
