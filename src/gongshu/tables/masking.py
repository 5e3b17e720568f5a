"""Masks (遮盖): part of a value behind stars, by places or by what the value is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from gongshu.tables.keyed import choice
from gongshu.tables.storage import normalise


def mask(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """Keep the first and last characters, a star for each other; a value no longer than what would be kept is all stars.

    With ``kind`` what is usual for such a value is kept: ``phone`` the area of a landline, or the first three and last four of
    a mobile; ``person_name`` the first character; ``resident_id`` division and year of birth; ``bank_card`` the last four;
    ``email`` the domain; ``plate`` province and letter; ``ip`` the first two numbers. What is no such value is all stars.
    """
    text = values.cast("string")
    if "kind" in params:
        clean = normalise(text)
        return _KINDS[choice(params, "kind", _KINDS)](clean)
    first, last = int(params.get("keep_first", 0)), int(params.get("keep_last", 0))
    if first < 0 or last < 0:
        raise ValueError("keep_first, keep_last >= 0")
    return _ends(text, first, last)


def _stars(length: ir.IntegerValue) -> ir.StringValue:
    return ibis.literal("*").repeat(length)


def _ends(text: ir.StringValue, first: int, last: int) -> ir.StringValue:
    length = text.length()
    masked = _stars(length - first - last)
    if first:
        masked = text.substr(0, first) + masked
    if last:
        masked = masked + text.right(last)
    return (length > first + last).ifelse(masked, _stars(length))


def _phone(text: ir.StringValue) -> ir.Value:
    digits = text.re_replace("[^0-9]", "")
    area = text.re_extract(r"^((?:\(?(?:\+?86[- ]?)?0(?:10|2[0-9]|[3-9][0-9]{2})\)?[- ]?))[0-9]{7,8}", 1)
    number = digits.right(11)
    mobile = text.re_search(r"^(?:\+?86)?[- ]?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}$")
    return ibis.cases(
        (mobile, number.substr(0, 3) + "****" + number.right(4)),
        (area != "", area + _stars(text.length() - area.length())),
        else_=_stars(text.length()),
    )


def _resident_id(text: ir.StringValue) -> ir.Value:
    return ibis.cases(
        (text.re_search("^[0-9]{17}[0-9Xx]$"), text.substr(0, 10) + "********"),
        (text.re_search("^[0-9]{15}$"), text.substr(0, 8) + "*******"),
        else_=_stars(text.length()),
    )


def _bank_card(text: ir.StringValue) -> ir.Value:
    return text.re_search("^[0-9]([ -]?[0-9]){11,18}$").ifelse(_ends(text, 0, 4), _stars(text.length()))


def _email(text: ir.StringValue) -> ir.Value:
    domain = text.re_extract(r"^[^@\s]+(@[^@\s]+\.[^@\s]+)$", 1)
    return (domain != "").ifelse("***" + domain, _stars(text.length()))


def _plate(text: ir.StringValue) -> ir.Value:
    return text.re_search("^[一-鿿][A-Za-z]").ifelse(_ends(text, 2, 0), _stars(text.length()))


def _ip(text: ir.StringValue) -> ir.Value:
    kept = text.re_extract(r"^([0-9]{1,3}\.[0-9]{1,3}\.)[0-9]{1,3}\.[0-9]{1,3}$", 1)
    return (kept != "").ifelse(kept + "*.*", _stars(text.length()))


_KINDS: dict[str, Callable[[ir.StringValue], ir.Value]] = {
    "phone": _phone,
    "person_name": lambda text: _ends(text, 1, 0),
    "resident_id": _resident_id,
    "bank_card": _bank_card,
    "email": _email,
    "plate": _plate,
    "ip": _ip,
}
KINDS = tuple(_KINDS)
