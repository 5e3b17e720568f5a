"""Which coordinate system the longitudes and latitudes of a table are in: by their names, by a second pair, or not to be told."""

from __future__ import annotations

from dataclasses import replace

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.tables.coordinates import Guess, Pair, guess
from gongshu.tables.semantic.judges import Candidate
from gongshu.tables.semantic.judges_places import named_datum
from gongshu.tables.semantic.judging import percent
from gongshu.tables.storage import normalise

MOST_COMPARED = 2  # pairs that the first one is held against
_SAME = {"CGCS2000": "WGS-84"}  # within centimetres


def with_systems(
    backend: BaseBackend, table: ir.Table, found: dict[str, list[Candidate]]
) -> dict[str, list[Candidate]]:
    """The candidates, those of coordinates with what is known of their system in their evidence.

    ``table``: a sample, as text. Pairs are the first longitude with the first latitude, the second with the second.
    """
    axes = [[name for name, options in found.items() if options and options[0].code == axis] for axis in _AXES]
    pairs: list[Pair] = list(zip(*axes, strict=False))
    said = {name: gettext("单凭数字看不出坐标系") for names in axes for name in names if named_datum(name) is None}
    for other in pairs[1 : 1 + MOST_COMPARED]:
        told = _compared(backend, table, pairs[0], other)
        if told is None:
            continue
        for pair, beside, system in ((pairs[0], other, told.first), (other, pairs[0], told.second)):
            said |= {name: _said(name, beside, system, told) for name in pair}
    return {name: _adding(options, said[name]) if name in said else options for name, options in found.items()}


_AXES = ("longitude", "latitude")


def _compared(backend: BaseBackend, table: ir.Table, first: Pair, second: Pair) -> Guess | None:
    numbers = {f"c{n}": normalise(table[name]).try_cast("float64") for n, name in enumerate((*first, *second))}
    return guess(backend, table.select(**numbers), ("c0", "c1"), ("c2", "c3"))


def _said(name: str, beside: Pair, system: str, told: Guess) -> str:
    values = {
        "other": "、".join(beside),
        "metres": f"{told.metres:.0f}",
        "first": told.first,
        "second": told.second,
        "share": percent(told.share),
        "system": system,
        "probability": percent(told.probability),
    }
    named = named_datum(name)
    if named is not None and _SAME.get(named, named) != system:
        return gettext(
            "但与“{other}”平均相差 {metres} 米，正是 {first} 与 {second} 之间的偏移（{share}的行），更像 {system}（把握 {probability}），请核对",
            **values,
        )
    return gettext(
        "与“{other}”平均相差 {metres} 米，正是 {first} 与 {second} 之间的偏移（{share}的行），看作 {system}（把握 {probability}）",
        **values,
    )


def _adding(options: list[Candidate], said: str) -> list[Candidate]:
    first = options[0]
    return [replace(first, evidence=gettext("{evidence}，{more}", evidence=first.evidence, more=said)), *options[1:]]
