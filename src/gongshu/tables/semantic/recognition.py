"""Recognition (识别): what a column is, from its values first, its name second, and what stands beside it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.rulebooks import rulebook
from gongshu.tables.semantic.context import in_context
from gongshu.tables.semantic.evidence import Evidence, drawn, gather
from gongshu.tables.semantic.hints import hints_of
from gongshu.tables.semantic.judges import Candidate, candidates

THRESHOLD = 0.5
SURE = 0.9


@dataclass(frozen=True)
class Recognised:
    """``code`` None: none of the known types, and ``probability`` is how sure that is. ``ask``: a person should decide."""

    code: str | None
    probability: float
    evidence: tuple[str, ...]
    ask: bool
    rival: str | None = None


def recognise(
    backend: BaseBackend, table: ir.Table, rows: int, *, full: bool = False, sample: ir.Table | None = None
) -> tuple[dict[str, Recognised], dict[str, Evidence]]:
    """The semantic type of every column of the staged ``table`` (text and ``_row``), and the evidence that was counted.

    ``full``: look at every row instead of a sample of :data:`.evidence.SAMPLE_ROWS`.
    ``sample``: what :func:`.evidence.drawn` would draw, where another scan has handed it out.
    """
    some = drawn(backend, table, rows) if sample is None else sample
    evidence: dict[str, Evidence] = {}
    found: dict[str, list[Candidate]] = {}
    for name, counts in gather(backend, table if full else some, rows, full=full):
        found[name] = candidates(counts, hints_of(name))
        counts.settle()
        evidence[name] = counts
    judged = in_context(backend, some, rows, found, evidence)
    return {name: _decide(options) for name, options in judged.items()}, evidence


def judge(counts: Evidence) -> Recognised:
    """The semantic type of a column by itself, without what the columns beside it say."""
    return _decide(candidates(counts, hints_of(counts.column)))


def calibrated(said: float) -> float:
    """How probable it is that a judge who says ``said`` is right, by the curve of the rulebook."""
    points = rulebook("semantic-2026/calibration")["points"]
    for (low, at_low), (high, at_high) in itertools.pairwise(points):
        if said <= high:
            return round(float(at_low + (at_high - at_low) * (said - low) / (high - low)), 2)
    return 0.99


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
    probability = calibrated(first.probability)
    if rival and close and rival.evidence != first.evidence:
        evidence.append(rival.evidence)
    return Recognised(first.code, probability, tuple(evidence), ask, rival.code if rival and ask else None)


def _same(code: str) -> frozenset[str]:
    """Types that say the same, one more closely: no rivals."""
    groups = (
        {"date", "datetime", "birth_date", "year", "year_month", "time_of_day"},
        {"address", "home_address"},
        {"resident_id", "driving_licence", "social_security_no", "taxpayer_no"},
        {"diagnosis", "icd_code"},
        {"medical_record_no", "medical_insurance_no", "social_security_no"},
        {"industry_name", "organisation_name"},
        {"credit_code", "taxpayer_no"},
        {"organisation_name", "division_name", "address"},
    )
    return frozenset().union(*(group for group in groups if code in group))
