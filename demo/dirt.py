"""The dirt of real files, sown with a seed: full-width digits, mixed dates, wrong check digits, swapped axes, doubles."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

FULL_WIDTH = str.maketrans("0123456789-.", "０１２３４５６７８９－．")
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I O Z S V
PLACEHOLDERS = ("无", "-", "待补", "/")


def full_width(text: str) -> str:
    """Digits as an input method left them."""
    return text.translate(FULL_WIDTH)


def written_date(day: date, rng: random.Random, share: float = 0.25) -> str:
    """ISO, or with probability ``share`` one of the other ways in which offices write a day."""
    if rng.random() > share:
        return day.isoformat()
    return rng.choice(
        [
            f"{day.year}/{day.month}/{day.day}",
            f"{day:%Y%m%d}",
            f"{day.year}年{day.month}月{day.day}日",
            f"{day:%Y.%m.%d}",
        ]
    )


def credit_code(rng: random.Random, division: str, *, wrong: bool = False) -> str:
    """A unified social credit code (GB 32100) that no register holds; ``wrong`` breaks its check character."""
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    body = "91" + division + "".join(rng.choices(ALPHABET, k=9))
    total = sum(ALPHABET.index(char) * weight for char, weight in zip(body, weights, strict=True))
    check = ALPHABET[(31 - total % 31) % 31]
    return body + (ALPHABET[(ALPHABET.index(check) + 5) % 31] if wrong else check)


def resident_id(rng: random.Random, division: str) -> str:
    """A resident ID number (GB 11643) of an invented division, so that nobody has it."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    body = (
        f"{division}{rng.randint(1955, 2000)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(1, 999):03d}"
    )
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]


def sow(
    rows: list[dict[str, Any]], rng: random.Random, *, numbers: str = "", blank: str = "", axes: bool = False
) -> None:
    """Dirty ``rows`` in place: some full-width ``numbers``, placeholders in ``blank``, swapped axes, doubled rows."""
    for row in rows:
        if numbers and rng.random() < 0.01 and row[numbers] not in ("", None):
            row[numbers] = full_width(str(row[numbers]))
        if blank and rng.random() < 0.02:
            row[blank] = rng.choice(PLACEHOLDERS)
        if axes and rng.random() < 0.004:
            row["经度"], row["纬度"] = row["纬度"], row["经度"]
    for _ in range(max(1, len(rows) // 300)):
        rows.insert(rng.randrange(len(rows)), dict(rng.choice(rows)))
