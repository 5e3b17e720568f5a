"""Check digits of identity numbers, credit codes and bank cards: as portable expressions, and for DuckDB over whole vectors.

A check digit by SQL cuts every text into its characters, which costs more than all other checks of a row together. In process
the vectors of the engine are looked at as bytes instead; the answers are the same (tests/spec/test_digits.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis.backends import BaseBackend

from gongshu.tables.semantic import patterns

Valid = Callable[[ir.StringValue], ir.BooleanValue]
_NEVER = 1e6  # the value of a character that may not stand there: no sum with it is small
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"

EXPRESSIONS: Mapping[str, Valid] = {
    "resident_id": patterns.resident_18_valid,
    "credit_code": patterns.uscc_valid,
    "bank_card": patterns.luhn_valid,
}


def valid_digits(backend: BaseBackend) -> Mapping[str, Valid]:
    """For each type with a check digit how to test it on this engine."""
    return _VECTORS if backend.name == "duckdb" else EXPRESSIONS


def _table(values: Mapping[str, float]) -> npt.NDArray[np.float32]:
    table = np.full(256, _NEVER, np.float32)
    for char, value in values.items():
        table[ord(char)] = value
    return table


_DIGITS = {str(n): float(n) for n in range(10)}
_CREDIT_VALUES = _table({char: float(n) for n, char in enumerate(_CREDIT)})
_CREDIT_WEIGHTS = np.array([pow(3, n, 31) for n in range(17)] + [1], np.float32)
_RESIDENT_VALUES = _table(_DIGITS)
_RESIDENT_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], np.float32)
_RESIDENT_LAST = _table(_DIGITS | {"X": 10.0})
_ONCE = _table(_DIGITS)
_TWICE = _table({str(n): float(2 * n // 10 + 2 * n % 10) for n in range(10)})


def _credit(chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    total = _CREDIT_VALUES[chars] @ _CREDIT_WEIGHTS
    found: npt.NDArray[np.bool_] = (total < _NEVER) & (total % 31 == 0)
    return found


def _resident(chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    total = _RESIDENT_VALUES[chars[:, :17]] @ _RESIDENT_WEIGHTS + _RESIDENT_LAST[chars[:, 17]]
    found: npt.NDArray[np.bool_] = (total < _NEVER) & (total % 11 == 1)
    return found


def _luhn(chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    total = _ONCE[chars[:, ::-1][:, ::2]].sum(axis=1) + _TWICE[chars[:, ::-1][:, 1::2]].sum(axis=1)
    found: npt.NDArray[np.bool_] = (total < _NEVER) & (total % 10 == 0)
    return found


def _tested(
    texts: pa.Array, lengths: range, test: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]]
) -> pa.Array:
    """``test`` of the bytes of the texts that are as long as one of ``lengths``, all of a length at once; others are false."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not len(texts):
        return pa.array([], pa.bool_())
    wide = pa.types.is_large_string(texts.type)
    width, kind = (8, np.int64) if wide else (4, np.int32)
    _, places, data = texts.buffers()
    starts: npt.NDArray[np.integer] = np.frombuffer(places, kind, len(texts) + 1, texts.offset * width)
    raw = np.frombuffer(data or b"", np.uint8)
    sizes = np.diff(starts)
    found = np.zeros(len(texts), bool)
    for length in lengths:
        if (sizes == length).all():
            found = test(raw[starts[0] : starts[-1]].reshape(-1, length))
            break
        where = np.flatnonzero(sizes == length)
        if len(where):
            found[where] = test(raw[starts[where][:, None] + np.arange(length)])
    return pa.array(found)


# Ibis reads the types of the columns from these annotations; what comes in and goes out are Arrow arrays of them


@ibis.udf.scalar.pyarrow
def gongshu_credit_code(text: str) -> bool:
    return _tested(text, range(18, 19), _credit)  # type: ignore[arg-type, no-any-return]


@ibis.udf.scalar.pyarrow
def gongshu_resident_id(text: str) -> bool:
    return _tested(text, range(18, 19), _resident)  # type: ignore[arg-type, no-any-return]


@ibis.udf.scalar.pyarrow
def gongshu_bank_card(text: str) -> bool:
    return _tested(text, range(15, 20), _luhn)  # type: ignore[arg-type, no-any-return]


_VECTORS: Mapping[str, Valid] = {
    "resident_id": gongshu_resident_id,
    "credit_code": gongshu_credit_code,
    "bank_card": gongshu_bank_card,
}
