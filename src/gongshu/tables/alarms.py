"""A figure against those of earlier runs: whether it is an outlier, told by medians, which no single odd run can move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from gongshu.rulebooks import rulebook

RULEBOOK = "quality-2024/alarms"


@dataclass(frozen=True)
class Outlier:
    """``value`` is unlike the ``runs`` before it, whose middle is ``usual``; ``score``: by how many deviations, with its sign."""

    value: float
    usual: float
    score: float
    runs: int


def outlier(before: Sequence[float], value: float) -> Outlier | None:
    """Whether ``value`` is unlike those of the runs ``before`` it; None when it is not, or when they are too few to say.

    The modified z-score 0.6745 (x - median) / MAD, an outlier beyond 3.5; where MAD is 0, (x - median) / (1.253314 mean absolute
    deviation) (B. Iglewicz and D. C. Hoaglin, How to Detect and Handle Outliers, ASQC 1993, pp. 11-13). Where all before were the
    same, any other figure is one. Figures nearer to the middle than the rulebook's least change are none.
    """
    book = rulebook(RULEBOOK)
    if len(before) < book["least_runs"]:
        return None
    usual = median(before)
    away = value - usual
    if abs(away) < book["least_change"]:
        return None
    spread = median(abs(each - usual) for each in before) / 0.6745
    spread = spread or 1.253314 * mean(abs(each - usual) for each in before)
    score = away / spread if spread else float("inf") if away > 0 else float("-inf")
    return Outlier(value, usual, score, len(before)) if abs(score) > book["beyond"] else None
