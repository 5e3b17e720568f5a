"""What the columns say together: a firm's table has no dwellings, a latitude stands beside a longitude, an ID tells a birthday."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.semantic.evidence import Evidence, sample
from gongshu.tables.semantic.hints import hints_of
from gongshu.tables.semantic.judges import Candidate
from gongshu.tables.semantic.judging import percent
from gongshu.tables.semantic.parts import resident_birth, resident_sex
from gongshu.tables.semantic.systems import with_systems
from gongshu.tables.semantic.types import LEVELS
from gongshu.tables.storage import normalise, typed

THRESHOLD = 0.5
MOST_COMPARED = 12  # columns that are held against an ID
Found = dict[str, list[Candidate]]


def in_context(
    backend: BaseBackend, table: ir.Table, rows: int, found: Found, evidence: Mapping[str, Evidence]
) -> Found:
    """The candidates of each column, with what the columns beside it say."""
    chosen = {options[0].code for options in found.values() if options and options[0].probability >= THRESHOLD}
    signs = rulebook(LEVELS)
    bodies, persons = bool(chosen & set(signs["body_signs"])), bool(chosen & set(signs["person_signs"]))
    judged = {name: _of_bodies(options, name, bodies, persons) for name, options in found.items()}
    if "resident_id" in chosen:
        judged = _told_by_ids(backend, sample(table, rows), judged, evidence)
    if persons and not bodies:
        judged = {name: _born(options, evidence[name], name) for name, options in judged.items()}
    if "longitude" in chosen:
        judged = {name: _beside_longitude(options, evidence[name]) for name, options in judged.items()}
        judged = with_systems(backend, sample(table, rows), judged)
    return judged


def _of_bodies(options: list[Candidate], name: str, bodies: bool, persons: bool) -> list[Candidate]:
    if not bodies or not options or options[0].code != "home_address" or "home_address" in hints_of(name).types:
        return options
    first = options[0]
    said = gettext("{evidence}，同表有机构，看作机构地址", evidence=first.evidence)
    return [replace(first, code="address", probability=0.7 if persons else 0.9, evidence=said)]


def _born(options: list[Candidate], counts: Evidence, name: str) -> list[Candidate]:
    if not options or options[0].code != "date" or hints_of(name).numbering or not counts.years:
        return options
    low, early, middle, late, high = counts.years
    if not (low >= 1900 and early < 1975 and 1950 <= middle <= 2005 and late <= 2018 and late - early > 25):
        return options
    return [
        Candidate("birth_date", 0.6, gettext("{low} 至 {high} 年，同表有个人", low=int(low), high=int(high))),
        *options,
    ]


def _beside_longitude(options: list[Candidate], counts: Evidence) -> list[Candidate]:
    if options or counts.share("latitude_range") <= 0.95 or counts.share("coordinate_fine") <= 0.9:
        return options
    return [Candidate("latitude", 0.6, gettext("同表有经度，值像纬度"))]


def _told_by_ids(backend: BaseBackend, table: ir.Table, found: Found, evidence: Mapping[str, Evidence]) -> Found:
    """Dates that are the birthdays in the IDs of their rows, and codes that are the sexes."""
    ids = next(name for name, options in found.items() if options and options[0].code == "resident_id")
    dates = [name for name, options in found.items() if _is(options, "date", "datetime", "birth_date")][:MOST_COMPARED]
    codes = [name for name in found if name != ids and _may_be_sex(found[name], evidence[name])][:MOST_COMPARED]
    if not dates and not codes:
        return found
    text = {f"c{n}": table[name] for n, name in enumerate([ids, *dates, *codes])}
    table = table.select(**text)
    # each computed once, as a column: said again for each count they would make a query of a megabyte
    values = {
        f"v{n}": typed(table[f"c{n}"], "date") if n <= len(dates) else normalise(table[f"c{n}"])
        for n in range(1, len(dates) + len(codes) + 1)
    }
    table = table.select(birth=resident_birth(table.c0), sex=resident_sex(table.c0), **values)
    counted: dict[str, ir.Scalar] = {}
    for n in range(1, len(values) + 1):
        value = table[f"v{n}"]
        same = value == (table.birth if n <= len(dates) else table.sex)
        both = table.birth.notnull() & value.notnull()
        counted |= {f"both{n}": both.sum(), f"same{n}": (both & same).sum()}
    row = backend.to_pyarrow(table.aggregate(**counted)).to_pylist()[0]
    judged = dict(found)
    for n, name in enumerate([*dates, *codes], 1):
        both, same = int(row[f"both{n}"] or 0), int(row[f"same{n}"] or 0)
        if both < 5 or same < 0.8 * both:
            continue
        code = "birth_date" if n <= len(dates) else "sex"
        said = (
            gettext("与同一行身份证号中的生日相同 {share}", share=percent(same / both))
            if code == "birth_date"
            else gettext("与同一行身份证号中的性别位相同 {share}", share=percent(same / both))
        )
        judged[name] = [Candidate(code, 0.99, said), *(one for one in found[name] if one.code != code)]
    return judged


def _is(options: list[Candidate], *codes: str) -> bool:
    return bool(options) and options[0].code in codes


def _may_be_sex(options: list[Candidate], counts: Evidence) -> bool:
    return not options and 1 < counts.distinct <= 5 and counts.share("sex_code") > 0.9
