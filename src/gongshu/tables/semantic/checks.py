"""Check digits over Arrow columns of sampled values, by numpy; :mod:`.patterns` has those that whole tables are checked with.

Each function takes an array of texts (upper case, no spaces) and answers for each whether its check digit is right; a text of
another shape is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray  # of booleans, one for each value
Check = Callable[[pa.StringArray], Mask]

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _characters(values: pa.StringArray, length: int) -> np.ndarray:
    """A matrix of code points, one row a value; a value of another length or with a non-ASCII character is a row of zeros."""
    padded = values.to_numpy(zero_copy_only=False).astype(f"U{length + 1}")
    points = padded.view(np.uint32).reshape(len(values), length + 1)
    right = (points[:, length] == 0) & (points[:, :length] != 0).all(axis=1) & (points < 128).all(axis=1)
    return np.where(right[:, None], points[:, :length], 0).astype(np.int64)


def _places(characters: np.ndarray, alphabet: str) -> np.ndarray:
    """The place of each character in ``alphabet``; -1 for one that is not in it."""
    table = np.full(128, -1, dtype=np.int64)
    for place, character in enumerate(alphabet):
        table[ord(character)] = place
    found: np.ndarray = table[characters]
    return found


def _weighted(
    values: pa.StringArray, weights: Sequence[int], alphabet: str, modulus: int, wanted: int, last: str
) -> Mask:
    """Where the sum of place * weight plus the last character's place in ``last`` makes ``wanted`` modulo ``modulus``."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    characters = _characters(values, len(weights) + 1)
    body, check = _places(characters[:, :-1], alphabet), _places(characters[:, -1], last)
    right = (body >= 0).all(axis=1) & (check >= 0)
    answer: Mask = right & ((body @ np.array(weights) + check) % modulus == wanted)
    return answer


def resident_18(values: pa.StringArray) -> Mask:
    """GB 11643-1999: weights 2**(17-n) mod 11, check characters 10X98765432 by the remainder."""
    return _weighted(values, [pow(2, 17 - n, 11) for n in range(17)], "0123456789", 11, 1, "0123456789X")


def credit_code(values: pa.StringArray) -> Mask:
    """GB 32100-2015: weights 3**n mod 31 over an alphabet of 31 characters."""
    return _weighted(values, [pow(3, n, 31) for n in range(17)], USCC_ALPHABET, 31, 0, USCC_ALPHABET)


def organisation_code(values: pa.StringArray) -> Mask:
    """GB 11714-1997: weights 3 7 9 10 5 8 4 2 modulo 11; 10 is written X."""
    return _weighted(values, (3, 7, 9, 10, 5, 8, 4, 2), _ALNUM, 11, 0, "0123456789X")


def vin(values: pa.StringArray) -> Mask:
    """GB 16735-2019 (ISO 3779): the ninth character is the weighted sum of the others modulo 11; 10 is written X."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    numbers = np.full(128, -1, dtype=np.int64)
    for characters, first in (("0123456789", 0), ("ABCDEFGH", 1), ("JKLMN", 1), ("P", 7), ("R", 9), ("STUVWXYZ", 2)):
        for n, character in enumerate(characters):
            numbers[ord(character)] = first + n
    points = _characters(values, 17)
    body = numbers[points]
    weights = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])
    check = _places(points[:, 8], "0123456789X")
    answer: Mask = (body >= 0).all(axis=1) & (check >= 0) & ((body @ weights) % 11 == check)
    return answer


def luhn(values: pa.StringArray) -> Mask:
    """ISO/IEC 7812-1 annex B for 12 to 19 digits."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    digits = _places(_characters(pc.utf8_lpad(values, 19, "0"), 19), "0123456789")
    doubled = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9, 0])  # the last stands for what is no digit
    total = digits[:, 18::-2].sum(axis=1) + doubled[digits[:, 17::-2]].sum(axis=1)
    long = pc.utf8_length(values).to_numpy(zero_copy_only=False) >= 12
    answer: Mask = long & (digits >= 0).all(axis=1) & (total % 10 == 0)
    return answer


def registration_no(values: pa.StringArray) -> Mask:
    """GS 15-2006 (ISO 7064 MOD 11,10) over 15 digits."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    digits = _places(_characters(values, 15), "0123456789")
    rest = np.full(len(values), 10)
    for n in range(14):
        total = (rest + digits[:, n]) % 10
        rest = np.where(total == 0, 10, total) * 2 % 11
    answer: Mask = (digits >= 0).all(axis=1) & ((rest + digits[:, 14]) % 10 == 1)
    return answer


def e_licence(values: pa.StringArray) -> Mask:
    """GB/T 36904-2018 (ISO 7064 MOD 37,36) over type, issuer, serial, version and check, without the dots and the root."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    bare = pc.replace_substring_regex(values, "^1[.]2[.]156[.]3005[.]2[.]|[.]", "")
    longest = max(1, pc.max(pc.utf8_length(bare)).as_py())
    # zeros before the first character don't change the remainder: 36 stays 36
    places = _places(_characters(pc.utf8_lpad(bare, longest, " "), longest), _ALNUM)
    rest = np.full(len(values), 36)
    for n in range(longest - 1):
        total = (rest + places[:, n]) % 36
        rest = np.where(places[:, n] >= 0, np.where(total == 0, 36, total) * 2 % 37, rest)
    answer: Mask = (places[:, -1] >= 0) & ((rest + places[:, -1]) % 36 == 1)
    return answer


CHECKS: dict[str, Check] = {
    "resident_18": resident_18,
    "credit_code": credit_code,
    "organisation_code": organisation_code,
    "vin": vin,
    "luhn": luhn,
    "registration_no": registration_no,
    "e_licence": e_licence,
}
