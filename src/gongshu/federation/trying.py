"""Trying a catalogue out: what a run would take in and what not; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gongshu.federation.duplicates import Known
from gongshu.federation.harvesting import read_items
from gongshu.federation.models import Trouble
from gongshu.federation.reading import Reading
from gongshu.federation.records import Defect, Note, NotOpen, Record


@dataclass
class Report:
    """What came: ``taken`` records would be listed; ``troubles`` are (kind, title, note), ``whole`` as of a run."""

    taken: int = 0
    refused: int = 0
    defective: int = 0
    whole: bool = True
    pages: int = 0
    mapped: Counter[str] = field(default_factory=Counter)
    titles: list[str] = field(default_factory=list)
    troubles: list[tuple[Trouble.Kind, str, Note]] = field(default_factory=list)


def try_out(kind: str, address: str, shown: int = 10) -> Report:
    """Read the catalogue at ``address``. TableError when it can't be read."""
    reading, report, known = Reading(kind, address), Report(), Known("")
    seen: set[str] = set()
    for item in read_items(reading):
        for trouble in _troubles(item, known, seen, report):
            report.troubles.append(trouble)
        if isinstance(item, Record) and len(report.titles) < shown:
            report.titles.append(item.title)
    report.whole, report.pages = reading.whole, reading.pages
    return report


def _troubles(
    item: Record | Defect, known: Known, seen: set[str], report: Report
) -> Iterator[tuple[Trouble.Kind, str, Note]]:
    if isinstance(item, NotOpen):
        report.refused += 1
        yield Trouble.Kind.REFUSED, item.title, item.note
    elif isinstance(item, Defect):
        report.defective += 1
        yield Trouble.Kind.DEFECT, item.title, item.note
    elif item.remote_id in seen:
        report.defective += 1
        yield Trouble.Kind.DEFECT, item.title, Note("twice", "remote_id")
    elif note := known.refusal(item):
        report.refused += 1
        yield Trouble.Kind.REFUSED, item.title, note
    else:
        report.taken += 1
        mapped = {
            "topic": item.topic,
            "licence": item.licence,
            "frequency": item.frequency,
            "distributions": item.distributions,
        }
        report.mapped.update(name for name, value in mapped.items() if value)
        for each in item.notes:
            yield Trouble.Kind.NOTE, item.title, each
    seen.add(item.remote_id)
