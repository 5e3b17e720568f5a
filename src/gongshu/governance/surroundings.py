"""What a table's rules are held against besides itself: its last version, other tables, the promised frequency, the day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.utils import timezone
from ibis.backends.duckdb import Backend

from gongshu import clock
from gongshu.gathering import store
from gongshu.governance.models import Draft
from gongshu.tables.check_tables import Context
from gongshu.tables.contract import Contract


def context_of(engine: Backend, slug: str, gathered_at: datetime, contract: Contract) -> Context:
    """For the table of the resource ``slug``, gathered at ``gathered_at``: the tables as they were published last, by short name."""
    wanted = {str(rule.params.get("table")) for rule in contract.rules}
    closed = Draft.objects.filter(state=Draft.State.CLOSED, resource__slug__in={slug, *wanted})
    last: dict[str, Path] = {}
    for old in closed.select_related("resource", "upload").order_by("edited_at"):
        last[old.resource.slug] = store.table_of(old.upload, old.table)
    there = {slug: path for slug, path in last.items() if path.exists()}
    previous = there.get(slug)
    return Context(
        tables={slug: engine.read_parquet(path) for slug, path in there.items() if slug in wanted},
        previous=engine.read_parquet(previous) if previous else None,
        name=contract.name,
        frequency=contract.update_frequency,
        as_of=timezone.localdate(gathered_at),
        today=timezone.localdate(clock.now()),
    )
