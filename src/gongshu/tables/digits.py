"""Check digits of identity numbers, credit codes and bank cards: as portable expressions, and over whole vectors of texts.

A check digit by SQL cuts every text into its characters, which costs more than all other checks of a row together. In process
the texts that the engine hands out are looked at as bytes instead; the answers are the same (tests/spec/test_digits.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gongshu.tables.semantic import patterns

Valid = Callable[[ir.StringValue], ir.BooleanValue]
_AT_ONCE = 4096  # texts whose characters, as numbers, stay in the processor's cache
_NEVER = 1e6  # the value of a character that may not stand there: no sum with it is small
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"

EXPRESSIONS: Mapping[str, Valid] = {
    "resident_id": patterns.resident_18_valid,
    "credit_code": patterns.uscc_valid,
    "bank_card": patterns.luhn_valid,
}


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
    return _leaves(_CREDIT_VALUES.take(chars) @ _CREDIT_WEIGHTS, 0, 31)


def _resident(chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    total = _RESIDENT_VALUES.take(chars[:, :17]) @ _RESIDENT_WEIGHTS + _RESIDENT_LAST.take(chars[:, 17])
    return _leaves(total, 1, 11)


def _luhn(chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    total = _ONCE.take(chars[:, ::-1][:, ::2]).sum(axis=1) + _TWICE.take(chars[:, ::-1][:, 1::2]).sum(axis=1)
    return _leaves(total, 0, 10)


def _leaves(total: npt.NDArray[np.float32], rest: int, modulus: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (total < _NEVER) & (total.astype(np.int32) % modulus == rest)
    return found


_TESTS: Mapping[str, tuple[range, Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]]]] = {
    "resident_id": (range(18, 19), _resident),
    "credit_code": (range(18, 19), _credit),
    "bank_card": (range(15, 20), _luhn),
}


def right_digits(texts: pa.Array, kind: str) -> npt.NDArray[np.bool_]:
    """Which of ``texts`` are as long as a ``kind`` (a key of :data:`EXPRESSIONS`) is and have the right check digit.

    What is null, of another length, or holds a character that may not stand there is false.
    """
    if texts.null_count:
        texts = texts.fill_null("")
    found = [_tested(texts.slice(first, _AT_ONCE), *_TESTS[kind]) for first in range(0, len(texts), _AT_ONCE)]
    return np.concatenate(found) if found else np.zeros(0, bool)


def _tested(
    texts: pa.Array, lengths: range, test: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]]
) -> npt.NDArray[np.bool_]:
    """``test`` of the bytes of the texts that are as long as one of ``lengths``, all of a length at once; others are false."""
    wide = pa.types.is_large_string(texts.type)
    width, kind = (8, np.int64) if wide else (4, np.int32)
    _, places, data = texts.buffers()
    starts: npt.NDArray[np.integer] = np.frombuffer(places, kind, len(texts) + 1, texts.offset * width)
    raw = np.frombuffer(data or b"", np.uint8)
    sizes = np.diff(starts)
    found = np.zeros(len(texts), bool)
    for length in lengths:
        if (sizes == length).all():
            return test(raw[starts[0] : starts[-1]].reshape(-1, length))
        where = np.flatnonzero(sizes == length)
        if len(where):
            found[where] = test(raw[starts[where][:, None] + np.arange(length)])
    return found
