"""Code lists (代码表) by name and version, with the codes that a version has no more. As data in the rulebook ``codes-2026``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gongshu.i18n import gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.semantic.divisions import divisions, every_name

DIVISIONS = "行政区划"  # GB/T 2260; a version is a year
DIVISION_NAMES = "行政区划名称"  # present and retired, in full and as they are usually cut


@dataclass(frozen=True)
class CodeList:
    """``codes``: code -> title; ``retired``: codes that were in an earlier version -> since when they are no more (may be empty)."""

    name: str
    version: str
    codes: Mapping[str, str]
    retired: Mapping[str, str] = field(default_factory=dict)


def code_list(name: str, version: str | None = None) -> CodeList:
    """The list ``name``; without ``version`` its newest. ValueError, in words, for one that is not there."""
    if name == DIVISIONS:
        return _divisions(version)
    if name == DIVISION_NAMES:
        return CodeList(DIVISION_NAMES, "", {one: one for one in sorted(every_name())})
    lists = rulebook("codes-2026/lists")["lists"]
    if name not in lists:
        known = gettext("、").join([*lists, DIVISIONS, DIVISION_NAMES])
        raise ValueError(gettext("没有代码表「{name}」，有的是：{known}", name=name, known=known))
    versions = lists[name]["versions"]
    chosen = version or max(versions)
    if chosen not in versions:
        known = gettext("、").join(sorted(versions))
        raise ValueError(
            gettext("代码表「{name}」没有 {version} 版，有的是：{known}", name=name, version=chosen, known=known)
        )
    found = versions[chosen]
    return CodeList(name, chosen, dict(found["codes"]), dict(found.get("retired", {})))


def _divisions(version: str | None) -> CodeList:
    """Those that were valid in the year ``version``, or are now; the others that ever were are retired (or not yet there)."""
    if version is not None and not (version.isascii() and version.isdigit() and len(version) == 4):
        raise ValueError(gettext("「{name}」的版本是年份，不是「{version}」", name=DIVISIONS, version=version))
    codes, retired = {}, {}
    for one in divisions():
        now = not one.retired if version is None else one.valid_in(int(version))
        if now:
            codes[one.code] = one.name
        elif one.last is not None and (version is None or one.last < int(version)):
            retired[one.code] = str(one.last)
    return CodeList(
        DIVISIONS, version or "", codes, {code: year for code, year in retired.items() if code not in codes}
    )
