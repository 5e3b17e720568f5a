"""Which datasets can be joined, found from the public rows themselves: columns that mean the same and have values in common.

Of each public column of a joining kind the :data:`KEPT` smallest 64-bit hashes of its distinct values are kept when a version
comes out (a bottom-k sketch; Beyer et al. 2007, On synopses for distinct-value estimation under multiset operations). The share
of A's values that B has is estimated on the hashes of A up to the smaller of the two sketches' largest ones: below it both
sketches are complete. With n such hashes the error of a share p is about 1.96 sqrt(p (1 - p) / n) at 95 %: at most 0.031 of
columns of like size; it is exact when both columns have at most KEPT values. Fewer than :data:`FEWEST` hashes say nothing.
"""

from __future__ import annotations

import logging
import math
import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Ln
from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening import terms
from gongshu.opening.models import ColumnSketch, Join, Version
from gongshu.opening.rows import tables
from gongshu.rulebooks import rulebook

logger = logging.getLogger("gongshu.opening")
KEPT = 1024  # hashes of a column
FEWEST = 30  # hashes from which a share may be told
LEAST_SHARE, LEAST_VALUES = 0.1, 3  # below which columns are not called joinable
MOST_JOINS = 50  # of a column
SPACE = 2**64
SECONDS = 120.0  # for reading one column
Hashes = tuple[int, ...]


@dataclass(frozen=True)
class Shared:
    """The share of one column's distinct values that another has, 0..1; ``sample``: from how many values it was estimated, 0
    when it is exact."""

    share: float
    sample: int

    @property
    def margin(self) -> float:
        """Half the width of the 95 % interval."""
        return margin(self.share, self.sample)


@dataclass(frozen=True)
class Pair:
    """A column that a new one may be joined with (its id): what it has of the new one's values, and the other way round."""

    best: float
    other: int
    there: Shared
    back: Shared | None


def margin(share: float, sample: int) -> float:
    """Half the width of the 95 % interval of a share estimated from ``sample`` values (normal approximation); 0 when exact."""
    return 1.96 * math.sqrt(share * (1 - share) / sample) if sample else 0.0


def meaning_of(column: dict[str, Any], key: list[str]) -> str:
    """What a column must have in common with another to be joined with it; empty for columns that join nothing.

    A semantic type of the rulebook's joining ones, or for a key without any, its name. Only what is public as it is.
    """
    if (column.get("protection") or {}).get("method", "keep") != "keep" or column.get("storage_type") not in (
        "string",
        "int64",
    ):
        return ""
    kind = column.get("semantic_type") or ""
    if kind in rulebook(f"{terms.RULEBOOK}/search")["join_types"]:
        return str(kind)
    return f"={column['name']}" if not kind and column["name"] in key else ""


def sketch(version: Version) -> int:
    """Keep the sketches of a version and find what it can be joined with; returns how many columns have one.

    Those of the dataset's other versions go. ServingError when the rows can't be read.
    """
    made = []
    for column in version.columns:
        meaning, distinct = meaning_of(column, version.key), int(column.get("distinct") or 0)
        if meaning and distinct >= LEAST_VALUES:
            hashes = _smallest(version, column["name"], distinct)
            made.append(ColumnSketch(version=version, column=column["name"], meaning=meaning, distinct=distinct, hashes=_packed(hashes)))  # fmt: skip
    last = ColumnSketch.objects.aggregate(last=Max("pk"))["last"] or 0
    found = [
        _likely(one, version, Q(pk__lte=last)) for one in made
    ]  # takes long in a large portal: nobody waits for it
    with transaction.atomic():
        ColumnSketch.objects.filter(version__dataset=version.dataset_id).delete()
        made = ColumnSketch.objects.bulk_create(made)
        for one, pairs in zip(made, found, strict=True):
            _keep(one, pairs + _likely(one, version, Q(pk__gt=last)))  # and those that came meanwhile
        Version.objects.filter(pk=version.pk).update(sketched=True)
    return len(made)


def keep_sketches(most: int = 20) -> int:
    """Make the sketches of current versions that have none, ``most`` at a time; returns how many versions were looked at."""
    waiting = Version.objects.filter(sketched=False, dataset__current=F("pk"), state=Version.State.PUBLISHED)
    chosen = list(waiting.select_related("dataset").defer("contract").order_by("-pk")[:most])
    for version in chosen:
        try:
            sketch(version)
        except serving.CopyMissing:  # it is being made again
            continue
        except serving.ServingError as error:
            logger.warning("no sketches of %s v%s: %s", version.dataset.name, version.number, type(error).__name__)
            Version.objects.filter(pk=version.pk).update(sketched=True)
    return len(chosen)


def joinable(version: Version) -> QuerySet[Join]:
    """What the columns of a version can be joined with: the larger the share and the more different values, the earlier; only
    datasets in sight."""
    return (
        Join.objects.filter(left__version=version, right__version__dataset__current=F("right__version"))
        .filter(right__version__dataset__stopped_at=None)
        .select_related("left", "right__version__dataset__provider")
        .defer("left__hashes", "right__hashes", "right__version__columns", "right__version__contract")
        .order_by((F("share") * Ln(F("left__distinct") + 1.0)).desc(), "right__version__dataset__name")
    )


def containment(mine: Hashes, my_distinct: int, other: Hashes, other_distinct: int) -> Shared | None:
    """The share of the values behind ``mine`` that ``other`` has; None when the sketches can't tell."""
    limits = [
        found[-1]
        for found, distinct in ((mine, my_distinct), (other, other_distinct))
        if distinct > len(found) and found
    ]
    sample = mine[: bisect_right(mine, min(limits))] if limits else mine
    if not sample or (limits and len(sample) < FEWEST):
        return None
    return Shared(len(set(sample) & set(other)) / len(sample), len(sample) if limits else 0)


def _likely(mine: ColumnSketch, version: Version, which: Q) -> list[Pair]:
    """The most likely joins of a new sketch with the others of its meaning."""
    others = ColumnSketch.objects.filter(which, meaning=mine.meaning, version__dataset__current=F("version"))
    rows = others.exclude(version__dataset=version.dataset_id).values_list("pk", "distinct", "hashes")
    hashes, found = _unpacked(mine.hashes), []
    for pk, distinct, kept in rows.iterator(chunk_size=500):
        theirs = _unpacked(kept)
        there = containment(hashes, mine.distinct, theirs, distinct)
        back = containment(theirs, distinct, hashes, mine.distinct)
        best = max((one.share for one in (there, back) if one is not None), default=0.0)
        if there is None or best < LEAST_SHARE or there.share * mine.distinct < LEAST_VALUES - 0.5:
            continue
        found.append(Pair(best, pk, there, back))
        if len(found) >= 4 * MOST_JOINS:
            found = _best(found)
    return _best(found)


def _best(found: list[Pair]) -> list[Pair]:
    return sorted(found, key=lambda each: -each.best)[:MOST_JOINS]


def _keep(mine: ColumnSketch, found: list[Pair]) -> None:
    """Keep the joins of a sketch, both ways; a column that went meanwhile has none."""
    there = set(ColumnSketch.objects.filter(pk__in=[one.other for one in found]).values_list("pk", flat=True))
    pairs = _best([one for one in found if one.other in there])
    joins = [Join(left=mine, right_id=one.other, share=one.there.share, sample=one.there.sample) for one in pairs]
    joins += [Join(left_id=one.other, right=mine, share=one.back.share, sample=one.back.sample) for one in pairs if one.back is not None]  # fmt: skip
    Join.objects.bulk_create(joins)


def _smallest(version: Version, column: str, distinct: int) -> Hashes:
    """The smallest hashes of the distinct values of a public column, ascending: of the text, without blanks around it, in upper
    case (the lower half of MD5, the same in every engine). Only hashes that may be among them are told apart."""
    text = exp.Upper(this=exp.Trim(this=exp.cast(exp.column(column, quoted=True), "text")))
    hashed = exp.Anonymous(this="md5_number_lower", expressions=[text])
    highest = SPACE - 1 if distinct <= KEPT else min(SPACE - 1, int(SPACE / distinct * KEPT * 1.5))
    inner = (
        exp.select(hashed.as_("h")).from_(serving.TABLE).where(exp.column(column, quoted=True).is_(exp.null()).not_())
    )
    query = (
        exp.select("h").distinct().from_(inner.subquery("hashed")).where(exp.column("h") <= exp.Literal.number(highest))
    ).order_by("h").limit(KEPT)  # fmt: skip
    return tuple(int(row[0]) for row in serving.read(tables.path(version), query, seconds=SECONDS))


def _packed(hashes: Hashes) -> bytes:
    return struct.pack(f">{len(hashes)}Q", *hashes)


def _unpacked(kept: bytes | memoryview) -> Hashes:
    return struct.unpack(f">{len(kept) // 8}Q", kept)
