"""History of the rules (规则的历史): each checked upload leaves its counts, and a share of failures unlike the earlier ones is told."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gongshu import clock
from gongshu.governance.models import Draft, QualityRun
from gongshu.rulebooks import rulebook
from gongshu.tables.alarms import RULEBOOK, outlier

POINTS = 24  # of a rule's history that a page shows


def figures_of(results: list[Any], scores: dict[str, Any], rows: int) -> dict[str, Any]:
    """The counts of a quality run (``gongshu.tables.check_results.Result``) as they are kept; a rule of hints is left out."""
    rules = {
        f"{result.rule.id}|{result.column or ''}": {
            "kind": result.rule.kind,
            "column": result.column or "",
            "checked": result.checked,
            "failed": result.failed,
            "unknown": result.unknown,
            "state": result.state,
        }
        for result in results
        if result.rule.severity != "info" and not result.why
    }
    return {"rows": rows, "profile": scores["profile"], "total": scores["total"], "rules": rules}


def keep_run(draft: Draft, figures: dict[str, Any]) -> QualityRun:
    """Keep the run of the draft's upload, with what is unlike the runs before it; the oldest beyond the rulebook's number go."""
    before = QualityRun.objects.filter(resource=draft.resource).exclude(upload=draft.upload, table=draft.table)
    run, _ = QualityRun.objects.update_or_create(
        upload=draft.upload,
        table=draft.table,
        defaults={
            **figures,
            "resource": draft.resource,
            "at": clock.now(),
            "outliers": _outliers(list(before), figures),
        },
    )
    old = QualityRun.objects.filter(resource=draft.resource).values_list("pk", flat=True)
    QualityRun.objects.filter(pk__in=list(old[rulebook(RULEBOOK)["kept_runs"] :])).delete()
    return run


def _outliers(before: list[QualityRun], figures: dict[str, Any]) -> list[dict[str, Any]]:
    shares: dict[str, list[float]] = defaultdict(list)
    for run in before:
        for key, rule in run.rules.items():
            if rule["checked"]:
                shares[key].append(rule["failed"] / rule["checked"])
    found = []
    for key, rule in figures["rules"].items():
        if not rule["checked"]:
            continue
        odd = outlier(shares[key], rule["failed"] / rule["checked"])
        if odd:
            said = {"share": odd.value, "usual": odd.usual, "runs": odd.runs}
            found.append({"key": key, "kind": rule["kind"], "column": rule["column"], **said})
    return found


def run_of(draft: Draft) -> QualityRun | None:
    """The kept run of the draft's table."""
    return QualityRun.objects.filter(upload=draft.upload, table=draft.table).first()


def history_of(draft: Draft, key: str) -> list[tuple[Any, float]]:
    """When the rule ``key`` of the draft's resource was checked and what share failed, the oldest first."""
    runs = QualityRun.objects.filter(resource=draft.resource)[:POINTS]
    points = [(run.at, run.rules[key]) for run in reversed(runs) if key in run.rules]
    return [(at, rule["failed"] / rule["checked"]) for at, rule in points if rule["checked"]]
