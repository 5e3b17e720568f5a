"""Administrative divisions (行政区划) of the county level and above with the years in which each code and name was valid.

The list is that of python-stdnum (GB/T 2260 from 1980 on, after the tables of the Chinese Wikipedia), read where it is installed:
retired codes and names such as 闸北区 (310108, to 2015) and 南汇区 (310119, 2001 to 2009) are in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gongshu.rulebooks import rulebook

_PROVINCE = re.compile(r'^(\d\d) province="([^"]*)"')
_COUNTY = re.compile(r'^\s+(\d{4}) county="([^"]*)"')
_SPAN = re.compile(r"^(?:\[(\d*)-(\d*)\])?(.+)$")
_GENERAL = frozenset(
    ["市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"]
)  # stand in many prefectures, name no place


@dataclass(frozen=True)
class Division:
    """A ``code`` of six digits with the ``name`` that it had from the year ``first`` to the year ``last`` (None: before 1980, still)."""

    code: str
    name: str
    first: int | None
    last: int | None

    @property
    def retired(self) -> bool:
        """Whether it is no more."""
        return self.last is not None

    def valid_in(self, year: int) -> bool:
        """Whether it was there in that year (in a year of change both the old and the new were)."""
        return (self.first or 0) <= year <= (self.last or 9999)


@cache
def divisions() -> tuple[Division, ...]:
    """All of them, by code and then by year."""
    found, province = [], ""
    for line in (files("stdnum") / "cn" / "loc.dat").read_text(encoding="utf-8").splitlines():
        head, row = _PROVINCE.match(line), _COUNTY.match(line)
        if head:
            province = head.group(1)
        if row:
            for part in row.group(2).split(","):
                span = _SPAN.match(part.strip())
                if span:
                    first, last, name = span.groups()
                    found.append(
                        Division(
                            province + row.group(1), name, int(first) if first else None, int(last) if last else None
                        )
                    )
    return tuple(found)


def division_of(code: str, year: int | None = None) -> Division | None:
    """The division that had ``code`` in ``year``; without a year the present one, else the last that had it.

    >>> division_of("310119").name, division_of("310119").last
    ('南汇区', 2009)
    """
    having = _by_code().get(code[:6], [])
    if year is not None:
        having = [one for one in having if one.valid_in(year)]
    return max(having, key=lambda one: (one.last or 9999, one.first or 0), default=None)


def divisions_named(name: str, year: int | None = None) -> tuple[Division, ...]:
    """The divisions that are, or in ``year`` were, called ``name``; retired ones only where no present one is.

    >>> [(one.code, one.last) for one in divisions_named("闸北区")]
    [('310108', 2015)]
    """
    having = _by_name().get(name.strip(), [])
    if year is not None:
        return tuple(one for one in having if one.valid_in(year))
    return tuple([one for one in having if not one.retired] or having)


@cache
def retired_names() -> frozenset[str]:
    """Names that no division has any more."""
    return frozenset(name for name, having in _by_name().items() if all(one.retired for one in having))


@cache
def known_names() -> frozenset[str]:
    """Names of divisions, present and retired."""
    return frozenset(_by_name())


@cache
def every_name() -> frozenset[str]:
    """The known names, with those of provinces and prefectures, in full and as they are usually cut (上海, 内蒙古)."""
    book = rulebook("semantic-2026/divisions")
    names = {*book["provinces"].values(), *book["prefectures"].values()}
    bare = {name.rstrip("省市").removesuffix("自治区").removesuffix("地区") for name in names}
    return frozenset(names | {name for name in bare if len(name) > 1}) | known_names()


@cache
def _by_code() -> Mapping[str, list[Division]]:
    found = defaultdict(list)
    for one in divisions():
        found[one.code].append(one)
    return dict(found)


@cache
def _by_name() -> Mapping[str, list[Division]]:
    found = defaultdict(list)
    for one in divisions():
        if one.name not in _GENERAL:
            found[one.name].append(one)
    return dict(found)
