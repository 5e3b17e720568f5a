"""Numbers whose check digit is wrong because letters and digits that look alike were mixed up: what was meant, where that is clear."""

from __future__ import annotations

import unicodedata

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_USCC_MEANT = str.maketrans("IOSZ", "1052")
_DIGITS_MEANT = str.maketrans("IOLSZB", "101528")
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999


def repaired(kind: str, value: str | None) -> str | None:
    """The number that ``value`` stands for when only look-alike letters are undone and the check digit is right then; else None.

    ``kind``: resident_id or credit_code. Digits are never guessed: there is one reading, or none.
    """
    text = "".join(unicodedata.normalize("NFKC", value or "").upper().split()).replace("-", "")
    if len(text) != 18:
        return None
    if kind == "credit_code":
        meant = text.translate(_USCC_MEANT)
        right = meant != text and _credit_code(meant)
    elif kind == "resident_id":
        meant = text[:17].translate(_DIGITS_MEANT) + text[17].translate(_DIGITS_MEANT)
        right = meant != text and _resident_id(meant)
    else:
        return None
    return meant if right else None


def _credit_code(text: str) -> bool:
    """GB 32100-2015: weights 3**i mod 31, check 31 - (sum mod 31)."""
    if any(one not in _USCC for one in text):
        return False
    return (sum(_USCC.index(one) * pow(3, n, 31) for n, one in enumerate(text[:17])) + _USCC.index(text[17])) % 31 == 0


def _resident_id(text: str) -> bool:
    """GB 11643-1999, ISO 7064 MOD 11-2."""
    if not (text[:17].isascii() and text[:17].isdigit()):
        return False
    total = sum(int(one) * weight for one, weight in zip(text, _RESIDENT_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == text[17]
