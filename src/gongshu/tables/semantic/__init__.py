"""Semantic types (语义类型): what a column is, from its values first and its name second."""

from __future__ import annotations

from dataclasses import dataclass, replace

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import current_language, gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.semantic.evidence import Evidence, gather
from gongshu.tables.semantic.hints import hints_of
from gongshu.tables.semantic.judges import Candidate, candidates

THRESHOLD = 0.5
SURE = 0.9
PERSON_TYPES = frozenset(
    [
        "resident_id",
        "resident_id_masked",
        "person_name",
        "mobile",
        "bank_card",
        "home_address",
        "birth_date",
        "sex",
        "ethnicity",
        "passport",
        "hk_macau_permit",
        "medical_record_no",
        "diagnosis",
        "free_text_personal",
    ]
)
_PERSON_SIGNS = frozenset(
    {"resident_id", "resident_id_masked", "person_name", "medical_record_no", "passport", "sex", "birth_date"}
)
_BODY_SIGNS = frozenset({"organisation_name", "credit_code"})


@dataclass(frozen=True)
class Recognised:
    """``code`` None: none of the known types, and ``probability`` is how sure that is. ``ask``: a person should decide."""

    code: str | None
    probability: float
    evidence: tuple[str, ...]
    ask: bool
    rival: str | None = None


def type_title(code: str) -> str:
    """The name of a semantic type in the reader's language: ``resident_id`` is 居民身份证号."""
    entry = rulebook("semantic-2026/types")["types"].get(code)
    if entry is None:
        return code
    return str(entry["title" if current_language() == "zh-hans" else "title_en"])


def recognise(backend: BaseBackend, table: ir.Table, rows: int) -> tuple[dict[str, Recognised], dict[str, Evidence]]:
    """The semantic type of every column of the staged ``table`` (text and ``_row``), and the evidence that was counted."""
    evidence = gather(backend, table, rows)
    found = {name: candidates(counts, hints_of(name)) for name, counts in evidence.items()}
    found = _in_context(found, evidence)
    return {name: _decide(options) for name, options in found.items()}, evidence


def judge(counts: Evidence) -> Recognised:
    """The semantic type of a column by itself, without what the columns beside it say."""
    return _decide(candidates(counts, hints_of(counts.column)))


def _in_context(found: dict[str, list[Candidate]], evidence: dict[str, Evidence]) -> dict[str, list[Candidate]]:
    """What the other columns say: a firm's table has no dwellings, a latitude stands beside a longitude."""
    chosen = {options[0].code for options in found.values() if options and options[0].probability >= THRESHOLD}
    bodies, persons = bool(chosen & _BODY_SIGNS), bool(chosen & _PERSON_SIGNS)
    judged = {}
    for name, options in found.items():
        hints = hints_of(name)
        if bodies and options and options[0].code == "home_address" and "home_address" not in hints.types:
            said = gettext("同表有机构，看作机构地址")
            sure = 0.7 if persons else 0.9
            options = [
                replace(option, code="address", probability=sure, evidence=f"{option.evidence}，{said}")
                for option in options[:1]
            ]
        if (
            persons
            and not bodies
            and options
            and options[0].code == "date"
            and _like_births(evidence[name], hints.numbering)
        ):
            options = [
                Candidate(
                    "birth_date",
                    0.6,
                    gettext(
                        "{low} 至 {high} 年，同表有个人",
                        low=int(evidence[name].years[0]),
                        high=int(evidence[name].years[4]),
                    ),
                ),
                *options,
            ]
        if (
            not options
            and "longitude" in chosen
            and evidence[name].share("latitude_range") > 0.95
            and evidence[name].share("coordinate_fine") > 0.9
        ):
            options = [Candidate("latitude", 0.6, gettext("同表有经度，值像纬度"))]
        judged[name] = options
    return judged


def _like_births(counts: Evidence, numbering: bool) -> bool:
    if numbering or not counts.years:
        return False
    low, early, middle, late, _ = counts.years
    return low >= 1900 and early < 1975 and 1950 <= middle <= 2005 and late <= 2018 and late - early > 25


def _decide(options: list[Candidate]) -> Recognised:
    if not options or options[0].probability < THRESHOLD:
        best = options[0].probability if options else 0.0
        return Recognised(None, round(1 - best, 2), tuple(option.evidence for option in options[:1]), best > 0.3)
    first = options[0]
    rival = next(
        (option for option in options[1:] if option.probability >= THRESHOLD and option.code not in _same(first.code)),
        None,
    )
    close = rival is not None and first.probability - rival.probability < 0.1
    ask = first.probability < SURE or close
    evidence = [first.evidence]
    if rival and close and rival.evidence != first.evidence:
        evidence.append(rival.evidence)
    return Recognised(first.code, first.probability, tuple(evidence), ask, rival.code if rival and ask else None)


def _same(code: str) -> frozenset[str]:
    """Types that say the same, one more closely: no rivals."""
    groups = (
        {"date", "datetime", "birth_date"},
        {"address", "home_address"},
        {"organisation_name", "division_name", "address"},
    )
    return frozenset().union(*(group for group in groups if code in group))
