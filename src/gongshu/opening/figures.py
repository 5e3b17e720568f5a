"""Figures of the whole catalogue, counted by the index in one pass: by topic, by provider, by step of the flow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.cache import caches
from django.utils import timezone
from tantivy import Query

from gongshu import clock
from gongshu.opening import queries, terms
from gongshu.opening.models import Dataset, Version
from gongshu.opening.search.asking import BUCKETS, counts
from gongshu.opening.search.documents import OWN, schema, term
from gongshu.opening.search.index import in_sight, searcher
from gongshu.opening.search.matching import FIRST
from gongshu.parties.models import Organisation

FLOW_SECONDS = 600


def numbers(facet: str) -> dict[str, int]:
    """The city's datasets by the values of a facet."""
    return counts(searcher(), _own(), [facet])[facet]


def by_topic() -> list[dict[str, Any]]:
    """Every topic of the rulebook with the number of its datasets, then topics that only datasets know."""
    found, known = numbers("topic"), terms.topics()
    listed = [{"term": one, "number": found.get(key, 0)} for key, one in known.items()]
    return listed + [{"term": terms.topic(key), "number": n} for key, n in sorted(found.items()) if key not in known]


def by_organisation() -> list[dict[str, Any]]:
    """Every public body that provides something visible: how many datasets and rows, how many keep their promise, last update.

    Givers of society are not among them: they owe nobody an update.
    """
    now = int(clock.now().timestamp())
    asked: dict[str, Any] = {
        "rows": {"sum": {"field": "rows"}},
        "quality": {"avg": {"field": "score"}},
        "last": {"max": {"field": "updated"}},
        "kept": {"range": {"field": "due", "ranges": [{"key": "late", "from": FIRST, "to": now + 1}, {"key": "on_time", "from": now + 1}]}},
    }  # fmt: skip
    by_provider = {"terms": {"field": "provider", "size": BUCKETS, "segment_size": BUCKETS}, "aggs": asked}
    answer = searcher().aggregate(_own(), {"by": by_provider})["by"]["buckets"]
    given = Organisation.Kind.SOCIETY
    bodies = {
        one.code: one
        for one in Organisation.objects.filter(code__in=[row["key"] for row in answer]).exclude(kind=given)
    }
    found = []
    for row in answer:
        if row["key"] not in bodies:
            continue
        kept = {one["key"]: one["doc_count"] for one in row["kept"]["buckets"]}
        promised = kept.get("late", 0) + kept.get("on_time", 0)
        found.append(
            {
                "organisation": bodies[row["key"]],
                "number": row["doc_count"],
                "rows": int(row["rows"]["value"]),
                "promised": promised,
                "on_time": kept.get("on_time", 0),
                "last": datetime.fromtimestamp(row["last"]["value"], UTC),
                "share": kept.get("on_time", 0) / promised if promised else None,
                "quality": row["quality"]["value"],
            }
        )
    return sorted(found, key=lambda row: (-row["number"], row["organisation"].name))


def city_flow() -> dict[str, Any]:
    """How many datasets reached each step of the flow, with what there is to say of the step."""
    sums = ("rows", "columns_n", "dropped", "treated", "catalogued", "classified", "personal")
    asked: dict[str, Any] = {name: {"sum": {"field": name}} for name in sums}
    asked |= {"scored": {"stats": {"field": "score"}}}
    index = searcher()
    answer = index.aggregate(_own(), asked)
    total = {name: int(answer[name]["value"] or 0) for name in sums}
    scored, opened = answer["scored"], int(index.search(_own(), 1).count)
    used = queries.uses()
    return {
        **_of_the_database(),
        **total,
        "columns": total["columns_n"],
        "open": opened,
        "checked": int(scored["count"]),
        "quality": scored["avg"] if scored["count"] else None,
        "protected": opened,  # nothing is released past this step: no grade, no publication
        "used": int(index.search(Query.term_set_query(schema(), "name", list(used)), 1).count) if used else 0,
        "uses": sum(used.values()),
    }


def _of_the_database() -> dict[str, int]:
    """What no visible dataset tells; kept until a version appears or goes."""
    key = f"flow:{queries.fingerprint()}:{timezone.localdate()}"
    found: dict[str, int] | None = caches["process"].get(key)
    if found is None:
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        with_versions = Version.objects.values("dataset").distinct().count()
        found = {
            "gathered": with_versions,
            "withdrawn": with_versions - Dataset.objects.filter(current__isnull=False).count(),
            "today": Version.objects.filter(published_at__gte=today).count(),
        }
        caches["process"].set(key, found, FLOW_SECONDS)
    return found


def _own() -> Query:
    return in_sight(term("source", OWN))
