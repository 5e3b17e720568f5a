"""From evidence and hints to a semantic type with a probability: one small judge for each type.

A judge answers the probability that the column holds its type and the evidence in words, or nothing. The numbers are ours
(default): a form that few other things have (a check digit) counts much, one that many have (eight digits) needs the name.
"""

from __future__ import annotations

from dataclasses import dataclass

from gongshu.tables.semantic import judges_persons, judges_places, judges_things
from gongshu.tables.semantic.evidence import Evidence
from gongshu.tables.semantic.hints import Hints
from gongshu.tables.semantic.judging import by_form
from gongshu.tables.semantic.types import Judge, derived, semantic_types

_CHECKED = {"resident_id", "credit_code", "mobile"}  # the values speak louder than the name
JUDGES: dict[str, Judge] = {**judges_persons.JUDGES, **judges_places.JUDGES, **judges_things.JUDGES}


@dataclass(frozen=True)
class Candidate:
    """A type that a column may hold."""

    code: str
    probability: float
    evidence: str


def candidates(evidence: Evidence, hints: Hints) -> list[Candidate]:
    """The types that the column may hold, the likeliest first."""
    if not evidence.filled:
        return []
    found = []
    for code, judge in _judges().items():
        if code in hints.against and code not in _CHECKED:
            continue
        answer = judge(evidence, code in hints.types, hints)
        if answer:
            found.append(Candidate(code, round(min(answer[0], 0.99), 2), answer[1]))
    return sorted(found, key=lambda candidate: -candidate.probability)


@derived
def _judges() -> dict[str, Judge]:
    return {code: kind.judge or by_form(kind) for code, kind in semantic_types().items()}
