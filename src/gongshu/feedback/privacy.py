"""What must not stand in words that become public: numbers and addresses that lead to a person."""

from __future__ import annotations

import re
from functools import lru_cache

from gongshu.rulebooks import rulebook
from gongshu.tables.errors import TableError

_RESIDENT = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{16}[\dXx](?![0-9A-Za-z])")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_WEIGHTS, _CHECKS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"  # GB 11643-1999, 4.2


def check_no_person(text: str) -> None:
    """TableError when ``text`` holds a mobile number, a resident ID number that checks, or an e-mail address."""
    plain = re.sub(r"(?<=\d)[\s-](?=\d)", "", text)
    if _mobile().search(plain):
        raise TableError("personal_written", "这里写的会公开，请去掉其中的手机号")
    if any(_checks(found.group().upper()) for found in _RESIDENT.finditer(plain)):
        raise TableError("personal_written", "这里写的会公开，请去掉其中的身份证号")
    if _EMAIL.search(text):
        raise TableError("personal_written", "这里写的会公开，请去掉其中的邮箱；要收答复，填在“邮箱”一栏，那里不公开")


@lru_cache(maxsize=1)
def _mobile() -> re.Pattern[str]:
    segments = "|".join(str(one) for one in rulebook("semantic-2026/values")["mobile_segments"])
    return re.compile(rf"(?<![0-9A-Za-z])(\+?86)?({segments})\d{{8}}(?!\d)")


def _checks(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return _CHECKS[total % 11] == number[17]
