"""What changed from one version to another: the columns and words that the public reads, and the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

from django.core.cache import caches
from django.db.models import QuerySet

from gongshu.lake import comparing, serving
from gongshu.lake.comparing import RowDifference
from gongshu.opening import queries
from gongshu.opening.differences import WORDS
from gongshu.opening.models import Dataset, Submission, Version
from gongshu.opening.rows import tables
from gongshu.opening.rows.values import SAFE_INTEGER
from gongshu.parties.models import Organisation
from gongshu.tables.contract import load_contract
from gongshu.web import words

MOST_ROWS = 3_000_000  # of both versions together: more are not compared while somebody waits
KEPT_SECONDS = 3600


@dataclass(frozen=True)
class ColumnChange:
    """A public column of which ``what`` (storage_type, title, level, protection) is not what it was."""

    name: str
    what: str
    before: Any
    after: Any


@dataclass
class VersionDifference:
    """From ``before`` to ``after``, all of it public; of columns that are not, only their number is known.

    ``rows`` is None when there are too many, then ``too_large``; ``uncompared``: columns whose type changed.
    """

    before: Version
    after: Version
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[ColumnChange] = field(default_factory=list)
    words: list[tuple[str, str, str]] = field(default_factory=list)
    uncompared: list[str] = field(default_factory=list)
    rows: RowDifference | None = None
    too_large: bool = False

    @property
    def same_columns(self) -> bool:
        """Nothing but rows is different."""
        return not (
            self.added or self.removed or self.changed or self.words or self.before.dropped != self.after.dropped
        )


def version_difference(before: Version, after: Version) -> VersionDifference:
    """Compare two published versions of a dataset; CopyMissing or TooBusy when a serving copy can't be read now."""
    found = VersionDifference(before, after)
    old, new = ({one["name"]: one for one in version.columns} for version in (before, after))
    found.added = [name for name in new if name not in old]
    found.removed = [name for name in old if name not in new]
    both = [name for name in new if name in old]
    for name in both:
        for what in ("storage_type", "title", "level", "protection"):
            if (was := old[name].get(what)) != (now := new[name].get(what)):
                found.changed.append(ColumnChange(name, what, was, now))
    first, last = load_contract(before.contract), load_contract(after.contract)
    found.words = [
        (name, str(getattr(first, name)), str(getattr(last, name)))
        for name in WORDS
        if getattr(first, name) != getattr(last, name)
    ]
    found.uncompared = [name for name in both if old[name]["storage_type"] != new[name]["storage_type"]]
    if before.rows + after.rows > MOST_ROWS:
        found.too_large = True
        return found
    try:
        found.rows = _rows(before, after, [name for name in both if name not in found.uncompared])
    except serving.TooSlow:
        found.too_large = True
    return found


def previous(version: Version) -> Version | None:
    """The published version before ``version``."""
    earlier = Version.objects.filter(dataset=version.dataset_id, number__lt=version.number)
    return earlier.filter(state=Version.State.PUBLISHED).order_by("-number").first()


def as_json(found: VersionDifference) -> dict[str, Any]:
    """The difference for programs; values as in the interface's rows, as far as JSON has them."""
    said: dict[str, Any] = {
        "before": found.before.number,
        "after": found.after.number,
        "columns": {
            "added": found.added,
            "removed": found.removed,
            "changed": [{"name": c.name, "what": c.what, "before": c.before, "after": c.after} for c in found.changed],
            "not_compared": found.uncompared,
            "dropped_before": found.before.dropped,
            "dropped_after": found.after.dropped,
        },
        "words": [{"what": name, "before": was, "after": now} for name, was, now in found.words],
        "too_large": found.too_large,
        "rows": None,
    }
    if found.rows is not None:
        names = found.rows.names

        def one(row: tuple[Any, ...]) -> dict[str, Any]:
            return {name: _plain(value) for name, value in zip(names, row, strict=True)}

        said["rows"] = {
            "by_key": found.rows.keyed,
            "added": found.rows.added,
            "removed": found.rows.removed,
            "changed": found.rows.changed,
            "first_added": [one(row) for row in found.rows.added_rows],
            "first_removed": [one(row) for row in found.rows.removed_rows],
            "first_changed": [{"before": one(was), "after": one(now)} for was, now in found.rows.changed_rows],
        }
    return said


def listed(dataset: Dataset) -> QuerySet[Version]:
    """The versions of the dataset as it was read, the newest first, with those withdrawn."""
    return queries.history(dataset).order_by("-number").defer("contract")


def approvals(versions: Iterable[Version]) -> dict[int, list[str]]:
    """By version: the bodies that agreed to it; who decided there is not public."""
    found: dict[int, list[str]] = {}
    agreed = Submission.objects.filter(version__in=[one.pk for one in versions]).select_related("organisation")
    platform = Organisation.objects.filter(kind=Organisation.Kind.PLATFORM).first()
    for row in agreed:
        assert row.version_id is not None
        found[row.version_id] = [words.local(row.organisation, "name")]
        if row.first and platform:
            found[row.version_id].append(words.local(platform, "name"))
    return found


def _rows(before: Version, after: Version, names: list[str]) -> RowDifference:
    kept = f"difference:{before.pk}:{after.pk}"
    found: RowDifference | None = caches["process"].get(kept)
    if found is None:
        key = list(after.key) if after.key == before.key and set(after.key) <= set(names) else []
        others = [name for name in names if name not in key]
        found = comparing.compare(tables.path(before), tables.path(after), key, others)
        caches["process"].set(kept, found, KEPT_SECONDS)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, int) and abs(value) > SAFE_INTEGER):
        return str(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
