"""Generalisation (概化): a value becomes a wider one that more rows share; what cannot be read becomes null."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from gongshu.rulebooks import rulebook
from gongshu.tables.keyed import choice
from gongshu.tables.microaggregate import finite
from gongshu.tables.semantic.parts import address_parts
from gongshu.tables.storage import normalise, typed

# a province, a prefecture and a county at the beginning of an address or a full division name
_PROVINCE = r"(?:(?:北京|天津|上海|重庆)市?|[^省市区县州盟旗]{2,3}省|内蒙古(?:自治区)?|(?:广西壮族|西藏|宁夏回族|新疆维吾尔)自治区|(?:香港|澳门)特别行政区)"
_MUNICIPALITY = r"(?:(?:北京|天津|上海|重庆)市?(?:市辖区|县)?)"
_CITY = rf"(?:{_MUNICIPALITY}|(?:{_PROVINCE})?[^省市区县州盟旗]{{2,10}}?(?:市|自治州|盟|地区))"
_DISTRICT = rf"(?:(?:{_CITY})?[^省市区县旗]{{1,14}}?(?:新区|自治县|自治旗|林区|特区|区|县|市|旗))"
_PREFIXES = {"province": rf"^({_PROVINCE})", "city": rf"^({_CITY})", "district": rf"^({_DISTRICT})"}
_DIGITS = {"province": 2, "city": 4, "district": 6}
_CODE = r"^[0-9]{6}(?:[0-9]{3}){0,2}$"
MOST_MAPPED = 1000  # entries of a map: each becomes a branch of the query
DATES = ("day", "month", "quarter", "half", "year", "decade")
ADDRESSES = ("road", "street")
INDUSTRIES = {"group": 3, "division": 2, "section": 0}  # digits that stay
INDUSTRY = "semantic-2026/industry"


def date(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """``2019-07-08``, ``2019-07``, ``2019-Q3``, ``2019-H2``, ``2019``, or ``[2010,2020)``; null for what is no date."""
    to = choice(params, "to", DATES)
    days = typed(values, "date") if values.type().is_string() else values
    if values.type().is_string():
        days = days.fill_null(typed(values, "timestamp").cast("date"))
    year = days.year().cast("string")
    if to == "day":
        return days.cast("date").cast("string")
    if to == "year":
        return year
    if to == "decade":
        first = days.year() - days.year() % 10
        return "[" + first.cast("string") + "," + (first + 10).cast("string") + ")"
    if to == "half":
        return year + "-H" + (days.month() > 6).ifelse("2", "1")
    if to == "quarter":
        return year + "-Q" + days.quarter().cast("string")
    return year + "-" + days.month().cast("string").lpad(2, "0")


def number(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """The interval that holds the number, as text: ``[20,30)`` for 27 and a ``width`` of 10; or between ``edges``: ``<18``,
    ``[18,60)``, ``≥60``."""
    numbers = finite(typed(values, "float64") if values.type().is_string() else values)
    if "edges" in params:
        return _between(numbers, [Decimal(str(edge)) for edge in params["edges"]])
    width = Decimal(str(params["width"]))
    if not width.is_finite() or width <= 0:
        raise ValueError("width > 0")
    digits = max(0, -int(width.as_tuple().exponent))
    # beyond these a floor is no whole number any more, or a decimal does not hold it
    numbers = (numbers.abs() < 1e15).ifelse(numbers, ibis.null("float64"))
    numbers = ((numbers / float(width)).abs() < 1e18).ifelse(numbers, ibis.null("float64"))
    # rounded before the floor, so that 0.3 / 0.1 falls into [0.3,0.4) and not into [0.2,0.3)
    lower = (numbers / float(width)).round(9).floor() * float(width)
    kind = f"decimal(38, {digits})"
    return "[" + lower.try_cast(kind).cast("string") + "," + (lower + float(width)).try_cast(kind).cast("string") + ")"


def _between(numbers: ir.NumericValue, edges: list[Decimal]) -> ir.Value:
    if not edges or any(not edge.is_finite() for edge in edges) or sorted(set(edges)) != edges:
        raise ValueError("edges: 18, 60 ...")
    branches = [(numbers < float(edges[0]), f"<{edges[0]}")]
    branches += [(numbers < float(high), f"[{low},{high})") for low, high in itertools.pairwise(edges)]
    return ibis.cases((numbers.isnull(), ibis.null("string")), *branches, else_=f"≥{edges[-1]}")


def division(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """A division code with zeros after the level, or a name or address cut after it; null when neither is recognised."""
    to = choice(params, "to", _DIGITS)
    text = normalise(values.cast("string"))
    kept = _DIGITS[to]
    code = text.substr(0, kept) + ibis.literal("0").repeat(text.length() - kept)
    name = text.re_extract(_PREFIXES[to], 1)
    return text.re_search(_CODE).ifelse(code, name.nullif(""))


def address(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """An address without number and house (``to`` road), or its division down to street or town (``to`` street); null where
    that isn't in it."""
    parts = address_parts(values.cast("string"))
    if choice(params, "to", ADDRESSES) == "street":
        return parts["division"]
    return (parts["road"].notnull()).ifelse(parts["division"].fill_null("") + parts["road"], ibis.null("string"))


def industry(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """A code of GB/T 4754 cut to its ``to`` section (C), division (C27) or group (C271), with the letter; a code that is wider
    already stays, null for what is none."""
    digits = INDUSTRIES[choice(params, "to", INDUSTRIES)]
    text = normalise(values.cast("string")).upper()
    number = text.re_extract(r"^[A-T]?([0-9]{2,4})$", 1)
    group = number.substr(0, 2)
    branches = [
        (group.between(str(low).zfill(2), str(high).zfill(2)), section)
        for section, (low, high) in rulebook(INDUSTRY)["sections"].items()
    ]
    section = text.re_search("^[A-T]$").ifelse(text, ibis.cases(*branches, else_=ibis.null("string")))
    return section + number.substr(0, digits) if digits else section


def mapped(values: ir.Value, params: Mapping[str, Any]) -> ir.Value:
    """The wider value that ``map`` gives for a value (a hierarchy as a table: occupations, causes, products); null for others."""
    return ibis.literal(_wider(params), type="map<string, string>").get(values.cast("string"))


def mapped_values(values: pa.Array, params: Mapping[str, Any]) -> pa.Array:
    """The same of texts that are at hand: distinct values, each once."""
    wider = _wider(params)
    return pa.array([wider.get(value) for value in values.to_pylist()], pa.string())


def _wider(params: Mapping[str, Any]) -> dict[str, str]:
    wider = {str(value): str(to) for value, to in dict(params["map"]).items()}
    if not 0 < len(wider) <= MOST_MAPPED:
        raise ValueError(f"map: 1 .. {MOST_MAPPED}")
    return wider
