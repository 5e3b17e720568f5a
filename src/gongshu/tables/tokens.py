"""Tokens (令牌化): values of the same form that only the holder of the key can turn back, one for each value.

A value's form is the class of each of its characters: digits stay digits, Latin letters and Han characters stay such, and
whatever else there is (hyphens, spaces) stays as it is and where it is. All texts of one form are numbered, and FF1
(:mod:`gongshu.tables.ff1`) in radix 2 permutes the numbers, again and again until it lands among them (cycle walking, Black and
Rogaway 2002). Under one key the same value is the same token in every column and file.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gongshu.tables.ff1 import FF1, LEAST_DOMAIN, Numbers

FORMS = ("characters", "resident_id")
AT_ONCE = 200_000  # values, so that memory stays bounded
LONGEST = 256  # characters of a value; longer ones are no identifiers and get no token
# first code point and number of characters of each class; 0 is what stays
_CLASSES = ((0, 0), (ord("0"), 10), (ord("A"), 26), (ord("a"), 26), (0x4E00, 20992))
_CHECK = 5  # the last place of a resident ID: 0-9 or X
_RADICES = np.array([1, *(size for _, size in _CLASSES[1:]), 11])
_STARTS = np.array([0, *(start for start, _ in _CLASSES[1:]), ord("0")])
Codes = npt.NDArray[np.uint32]


def tokens(values: pa.Array, key: bytes, form: str = "characters") -> pa.Array:
    """The token of each text of ``values``; null for null, for texts of fewer than a million of their form (too easily
    guessed: five digits) and for those longer than 256 characters.

    ``form`` ``resident_id``: of 18 characters the last may be X, and texts that are no such number get no token.
    """
    return _permuted(values, key, form, forward=True)


def untokened(values: pa.Array, key: bytes, form: str = "characters") -> pa.Array:
    """What :func:`tokens` made ``values`` of; null where it makes no such token."""
    return _permuted(values, key, form, forward=False)


@dataclass(frozen=True)
class _Form:
    """Texts of one form: the class of each character that changes, where they stand, how many texts there are."""

    classes: npt.NDArray[np.int64]
    places: npt.NDArray[np.intp]

    @property
    def radices(self) -> npt.NDArray[np.int64]:
        return _RADICES[self.classes]

    @property
    def domain(self) -> int:
        return math.prod(int(one) for one in self.radices)


def _permuted(values: pa.Array, key: bytes, form: str, *, forward: bool) -> pa.Array:
    if form not in FORMS:
        raise ValueError(f"form={form}")
    parts = [
        _of_part(values.slice(start, AT_ONCE), key, form, forward) for start in range(0, max(len(values), 1), AT_ONCE)
    ]
    return pa.concat_arrays(parts)


def _of_part(values: pa.Array, key: bytes, form: str, forward: bool) -> pa.Array:
    lengths = pc.fill_null(pc.utf8_length(values), 0).to_numpy(zero_copy_only=False)
    ended = pc.fill_null(pc.ends_with(values, "\0"), False).to_numpy(zero_copy_only=False)
    lengths = np.where(ended, 0, lengths)  # NumPy cuts off zero characters at the end
    found = np.full(len(values), None, dtype=np.object_)
    for length in np.unique(lengths):
        if 0 < length <= LONGEST:
            rows = np.flatnonzero(lengths == length)
            texts = np.array(values.take(pa.array(rows)).to_pylist(), dtype=f"U{length}")
            codes = texts.view(np.uint32).reshape(len(rows), int(length))
            for group, of in _forms(codes, form):
                made = _of_form(codes[group], of, key, form, forward)
                if made is not None:
                    found[rows[group]] = np.ascontiguousarray(made).view(f"U{length}").ravel()
    return pa.array(found, pa.string())


def _forms(codes: Codes, form: str) -> list[tuple[npt.NDArray[np.intp], _Form]]:
    """Which rows have which form."""
    classes = np.zeros(codes.shape, dtype=np.uint8)
    for number, (start, size) in enumerate(_CLASSES[1:], 1):
        classes[(codes >= start) & (codes < start + size)] = number
    if form == "resident_id":
        if codes.shape[1] != 18:
            return []
        ok = (classes[:, :17] == 1).all(axis=1) & ((classes[:, 17] == 1) | (codes[:, 17] == ord("X")))
        pattern = np.array([1] * 17 + [_CHECK])
        return [(np.flatnonzero(ok), _Form(pattern, np.arange(18)))] if ok.any() else []
    # what stays tells forms apart as well: two texts of one form differ in what is permuted only
    told = np.where(classes == 0, codes.astype(np.int64) + 8, classes)
    patterns, which = np.unique(told, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    bounds = np.flatnonzero(np.diff(which.ravel()[order])) + 1
    groups = np.split(order, bounds)
    found = []
    for group, pattern in zip(groups, patterns, strict=True):
        places = np.flatnonzero(pattern < 8)
        found.append((group, _Form(pattern[places], places)))
    return found


def _of_form(codes: Codes, of: _Form, key: bytes, form: str, forward: bool) -> Codes | None:
    if of.domain < LEAST_DOMAIN:
        return None
    numbers = _numbered(codes, of)
    label = "".join("_0AaH"[one] if one < _CHECK else "X" for one in of.classes)
    aes = hmac.new(key, f"gongshu tokenise {label}".encode(), hashlib.sha256).digest()
    bits = (of.domain - 1).bit_length()
    cipher = FF1(aes, 2, bits)
    out = numbers.copy()
    waiting = np.arange(len(numbers))
    while len(waiting):
        high, low = out[waiting] >> _same(out, cipher.last), out[waiting] & _same(out, 2**cipher.last - 1)
        high, low = (cipher.encrypt if forward else cipher.decrypt)(high, low)
        out[waiting] = (high.astype(out.dtype) << _same(out, cipher.last)) | low.astype(out.dtype)
        waiting = waiting[np.asarray(out[waiting] >= _same(out, of.domain), dtype=bool)]
    return _written(codes, out, of)


def _same(like: Numbers, number: int) -> Any:
    return np.uint64(number) if like.dtype == np.uint64 else number


def _numbered(codes: Codes, of: _Form) -> Numbers:
    """The number of each text among those of its form."""
    small = of.domain <= 2**62
    total: Numbers = np.zeros(len(codes), dtype=np.uint64 if small else np.object_)
    for place, kind, radix in zip(of.places, of.classes, of.radices, strict=True):
        character = codes[:, place].astype(np.int64)
        numeral = (
            np.where(character == ord("X"), 10, character - _STARTS[kind])
            if kind == _CHECK
            else character - _STARTS[kind]
        )
        total = total * _same(total, int(radix)) + numeral.astype(np.uint64).astype(total.dtype)
    return total


def _written(codes: Codes, numbers: Numbers, of: _Form) -> Codes:
    """The texts of ``numbers``, with what stays in ``codes``."""
    made, rest = codes.copy(), numbers
    for place, kind, radix in reversed(list(zip(of.places, of.classes, of.radices, strict=True))):
        numeral = (rest % _same(rest, int(radix))).astype(np.int64)
        rest = rest // _same(rest, int(radix))
        character = numeral + _STARTS[kind]
        made[:, place] = np.where(numeral == 10, ord("X"), character) if kind == _CHECK else character
    return made
