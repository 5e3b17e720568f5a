"""Differentially private figures of a dataset, paid for from its budget."""

from __future__ import annotations

import math

from django.db.models import Sum

from gongshu import clock
from gongshu.custody.changes import change
from gongshu.custody.models import PrivacyBudget, PrivateRelease
from gongshu.i18n import gettext
from gongshu.jobs import actions as jobs
from gongshu.opening.models import Dataset
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.permissions import Actor, check_may
from gongshu.tables.contract import load_contract
from gongshu.tables.errors import TableError
from gongshu.tables.identifiers import limits

MOST_EPSILON = 100.0
LEFT_OUT = 1e-9  # rounding of sums of budgets


def budget_of(dataset: Dataset) -> tuple[float, float]:
    """(all, spent) epsilon of a dataset; what nobody has set is the rulebook's limit for a release."""
    row = PrivacyBudget.objects.filter(dataset=dataset).first()
    paid = PrivateRelease.objects.filter(dataset=dataset).exclude(state=PrivateRelease.State.FAILED)
    spent = paid.aggregate(sum=Sum("epsilon"))["sum"]
    return (row.epsilon if row else float(limits()["epsilon"])), float(spent or 0.0)


def set_budget(actor: Actor, dataset: Dataset, epsilon: float, reason: str) -> PrivacyBudget:
    """The security officer gives a dataset another budget, with the reason. TableError for one that is no number, or below what
    is spent."""
    check_may(actor, "budget.set", dataset.provider)
    said = reason.strip()[:500]
    if not said:
        raise TableError("reason_required", "请写明理由：{what}", what=gettext("为什么改隐私预算"))
    with change():
        Dataset.objects.select_for_update().get(pk=dataset.pk)  # nobody spends in between
        _all, spent = budget_of(dataset)
        if not (math.isfinite(epsilon) and spent - LEFT_OUT <= epsilon <= MOST_EPSILON):
            raise TableError(
                "budget_wrong",
                "隐私预算应不少于已用的 {spent}、不超过 {most}",
                spent=f"{spent:g}",
                most=f"{MOST_EPSILON:g}",
            )
        values = {"epsilon": epsilon, "set_by": actor.actor_id, "set_at": clock.now(), "reason": said}
        made, _new = PrivacyBudget.objects.update_or_create(dataset=dataset, defaults=values)
        log.append(
            actor.actor_id,
            "budget.set",
            f"dataset:{dataset.name}",
            epsilon=f"{epsilon:g}",
            reason=said[: log.TEXT_LIMIT],
        )
    return made


def ask_figures(
    actor: Actor, dataset: Dataset, asked: dict[str, object], epsilon: float, purpose: str
) -> PrivateRelease:
    """Ask for figures of the current version: their epsilon is spent at once, a worker computes them.

    TableError ``budget_used_up`` with the numbers where it is more than is left, for a dataset without a version, for columns
    that the contract doesn't know, without a purpose.
    """
    check_may(actor, "figures.ask", dataset.provider)
    if not purpose.strip():
        raise TableError("reason_required", "请写明理由：{what}", what=gettext("这些统计给谁用、做什么"))
    if not (math.isfinite(epsilon) and 0 < epsilon <= MOST_EPSILON):
        raise TableError("epsilon_wrong", "ε 应大于 0")
    version = dataset.current
    if version is None:
        raise TableError("no_version", "《{title}》还没有发布过版本", title=dataset.title)
    names = {field.name for field in load_contract(version.contract).fields}
    for name in (asked.get("column"), asked.get("by"), asked.get("person")):
        if name and name not in names:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": str(name)})
    with change():
        # one at a time: two that ask at the same moment must not both spend the rest
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        whole, spent = budget_of(dataset)
        if epsilon > whole - spent + LEFT_OUT:
            raise TableError(
                "budget_used_up",
                "隐私预算不够：一共 {whole}，已用 {spent}，还剩 {left}，这次要用 {epsilon}。再公布就可能认出具体的人；确有需要请安全员调整预算并写明理由。",
                whole=f"{whole:g}",
                spent=f"{spent:g}",
                left=f"{max(whole - spent, 0):g}",
                epsilon=f"{epsilon:g}",
            )
        made = PrivateRelease.objects.create(
            dataset=dataset,
            version=version,
            epsilon=epsilon,
            asked=asked,
            purpose=purpose.strip()[:500],
            by=actor if isinstance(actor, Person) else None,
        )
        title = gettext("差分隐私统计 {title}", title=dataset.title)
        job = jobs.enqueue(
            actor.actor_id, "figures", title, {"release": str(made.id)}, organisation=dataset.provider_id
        )
        PrivateRelease.objects.filter(pk=made.pk).update(job=job.pk)
        made.job = job.pk
        log.append(
            actor.actor_id,
            "figures.ask",
            f"dataset:{dataset.name}",
            release=str(made.id),
            epsilon=f"{epsilon:g}",
            version=version.number,
            kind=str(asked.get("kind")),
        )
    return made
