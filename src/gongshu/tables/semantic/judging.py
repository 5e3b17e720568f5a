"""What the judges share: shares as probabilities, counts as words, and the judge of types whose form speaks for itself."""

from __future__ import annotations

import math

from gongshu.i18n import gettext
from gongshu.tables.semantic.evidence import Evidence
from gongshu.tables.semantic.hints import Hints
from gongshu.tables.semantic.types import Judge, SemanticType

Answer = tuple[float, str] | None


def scale(share: float, low: float, high: float, at_low: float, at_high: float) -> float:
    """``share`` between ``low`` and ``high`` as a probability between ``at_low`` and ``at_high``."""
    part = min(1.0, max(0.0, (share - low) / (high - low)))
    return at_low + part * (at_high - at_low)


def percent(share: float) -> str:
    """A share in words: 99.97 % is not all of them."""
    return "100%" if share >= 1 else f"{min(share * 100, 99.9):.1f}".removesuffix(".0") + "%"


def counts(evidence: Evidence, hits: int) -> str:
    """``hits`` of the filled cells, and whether they are of a sample."""
    text = f"{hits:,} / {evidence.filled:,}"
    return gettext("抽样 {counts}", counts=text) if evidence.sampled else text


def beyond_chance(right: int, of: int, chance: float) -> float:
    """The share of right check digits less those that arbitrary values have: 0 for arbitrary ones, 1 where all are right."""
    return max(0.0, (right / of - chance) / (1 - chance)) if of else 0.0


def no_chance(right: int, of: int, chance: float, accident: float = 0.005) -> bool:
    """Whether so many right check digits are more than arbitrary values have: by the binomial tail for a few (less than ``accident``), else five deviations.

    Three right of four are one accident in 270 where one in ten passes by chance; two of two are one in a hundred, no proof.
    """
    if of <= 30:
        tail = sum(math.comb(of, n) * chance**n * (1 - chance) ** (of - n) for n in range(right, of + 1))
        return right >= 3 and tail < accident
    return right >= 4 and right - of * chance >= 5 * math.sqrt(of * chance * (1 - chance))


def by_form(kind: SemanticType) -> Judge:
    """The judge of a declared type without one of its own: shares of its form, its check digit, its known values."""

    def judge(e: Evidence, hint: bool, hints: Hints) -> Answer:
        if (kind.unnamed is None and not hint) or (kind.numbering and hints.numbering and not hint):
            return None
        if kind.pattern is None and not kind.dictionary:
            return None
        share = e.share(kind.code)
        said = (
            gettext("取值是{title}的常用值 {share}", title=kind.name, share=percent(share))
            if kind.dictionary
            else gettext("{title}格式 {share}", title=kind.name, share=percent(share))
        )
        if hint and kind.codes and share < kind.low:
            coded = share + e.share(f"{kind.code}?")
            if coded >= 0.75:
                return min(0.9, kind.named), gettext(
                    "{title}代码 {share}",
                    title=kind.name,
                    share=percent(min(1.0, coded)),
                )
        if kind.check is not None:
            right = e.hits(f"{kind.code}!")
            valid = beyond_chance(right, e.hits(kind.code), kind.chance)
            said = gettext("校验位通过 {counts}", counts=counts(e, right))
            if valid < (0.4 if hint else 0.7):
                # the name and the form together, though the check digits are wrong
                return (0.6, said) if hint and share >= 0.9 else None
            if not hint and kind.chance**right > 0.01:  # one right check digit may be an accident
                return None
            share *= valid
        if share < kind.low:
            return None
        if kind.dictionary and not hint and not _various(e):
            return None
        sure = kind.named if hint else kind.unnamed or 0.0
        return scale(share, kind.low, 0.95, 0.55, sure), said

    return judge


def _various(e: Evidence) -> bool:
    """More than one value, or too few cells to ask that."""
    return e.distinct > 1
