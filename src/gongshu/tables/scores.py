"""Scores (评分) of a quality run by DB31/T 1523-2024 or GB/T 36344-2018: a weighted tree of indicators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from gongshu.rulebooks import rulebook
from gongshu.tables.contract import Rule


class Counted(Protocol):
    """A rule with what it counted, e.g. :class:`gongshu.tables.check_results.Result`."""

    @property
    def rule(self) -> Rule: ...
    @property
    def checked(self) -> int: ...
    @property
    def failed(self) -> int: ...


def score(results: Iterable[Counted], profile: str = "db31-t-1523-2024") -> dict[str, Any]:
    """``{"profile", "rulebook", "total", "dimensions", "indicators"}``: total and dimensions 0..100, rounded to a tenth.

    Results of one indicator are pooled (A and B summed); information is left out. An indicator that nothing was counted for is
    not applicable: the weights of its siblings are normalised to 1 without it (the standards leave B = 0 open). ``indicators``:
    code -> ``{"a", "b", "value", "weight"}``: A, B and X as the standard of the profile defines them, and the share that the
    indicator's own counts have in the total once the weights are normalised. ``total`` is None when nothing was counted.
    """
    book = rulebook(f"quality-2024/{profile}")
    tree: dict[str, dict[str, Any]] = book["indicators"]
    passed: dict[str, int] = {}
    asked: dict[str, int] = {}
    for result in results:
        code = result.rule.dimension
        if code in tree and result.checked and result.rule.severity != "info":
            asked[code] = asked.get(code, 0) + result.checked
            passed[code] = passed.get(code, 0) + result.checked - result.failed
    # good: share of what is right, for the weighted sums; children before parents
    good = {code: passed[code] / asked[code] for code in asked}
    for code in sorted(tree, key=lambda code: -_depth(code, tree)):
        children = {
            child: good[child] for child, entry in tree.items() if entry.get("parent") == code and child in good
        }
        own = [(good[code], 1.0)] if code in good else []
        weighted = own + [(value, float(tree[child]["weight"])) for child, value in children.items()]
        if weighted:
            good[code] = sum(value * weight for value, weight in weighted) / sum(weight for _, weight in weighted)
    tops = [
        (good[code], float(entry["weight"])) for code, entry in tree.items() if "parent" not in entry and code in good
    ]
    total = sum(value * weight for value, weight in tops) / sum(weight for _, weight in tops) if tops else None
    return {
        "profile": book["profile"],
        "rulebook": profile,
        "total": None if total is None else round(total * 100, 1),
        "dimensions": {
            code: round(good[code] * 100, 1) for code, entry in tree.items() if "parent" not in entry and code in good
        },
        "indicators": {
            code: _indicator(tree[code], passed[code], asked[code])
            | {"weight": round(_share(code, tree, good, asked), 6)}
            for code in tree
            if code in asked
        },
    }


def _share(code: str, tree: dict[str, dict[str, Any]], good: dict[str, float], asked: dict[str, int]) -> float:
    """The part of the total that the counts of ``code`` itself make: its weight among its siblings, and so up to the top."""
    share, own = 1.0, True
    while True:
        below = [
            float(entry["weight"]) for child, entry in tree.items() if entry.get("parent") == code and child in good
        ]
        # what is counted for the indicator itself stands beside its children, with the weight 1
        if own and below:
            share /= 1.0 + sum(below)
        own = False
        parent = tree[code].get("parent")
        siblings = [
            float(entry["weight"]) for each, entry in tree.items() if entry.get("parent") == parent and each in good
        ]
        beside = 1.0 if parent is not None and parent in asked else 0.0
        share *= float(tree[code]["weight"]) / (sum(siblings) + beside)
        if parent is None:
            return share
        code = parent


def _depth(code: str, tree: dict[str, dict[str, Any]]) -> int:
    parent = tree[code].get("parent")
    return 0 if parent is None else 1 + _depth(parent, tree)


def _indicator(entry: dict[str, Any], passed: int, asked: int) -> dict[str, Any]:
    a = asked - passed if entry.get("counts") == "wrong" else passed
    right = entry.get("counts") != "wrong"
    value = a / asked if right or entry.get("reported") == "wrong" else 1 - a / asked
    return {"a": a, "b": asked, "value": round(value, 6)}
