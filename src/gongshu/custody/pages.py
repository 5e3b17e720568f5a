"""The security officer's pages of keys and tokens, and the steward's of differentially private figures."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from gongshu.custody import figures, keys
from gongshu.custody.models import PrivateRelease
from gongshu.jobs.models import Job
from gongshu.opening.models import Dataset
from gongshu.parties.permissions import check_may, may, organisations_where, person_of
from gongshu.tables.contract import load_contract
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs

LISTED = 50
KINDS = {
    "count": gettext_lazy("行数"),
    "sum": gettext_lazy("合计"),
    "mean": gettext_lazy("平均"),
    "histogram": gettext_lazy("分布"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@needs("key.see")
def keys_page(request: HttpRequest) -> HttpResponse:
    """The versions of the key; the security officer makes a new one."""
    person, error = person_of(request), ""
    check_may(person, "key.see")
    if request.method == "POST":
        try:
            number = keys.rotate(person, request.POST.get("reason", ""))
        except TableError as problem:
            error = words.message_of(problem)
        else:
            messages.success(request, _("已启用第 %(n)s 版密钥，今后的发布用它") % {"n": number})
            return redirect("keys")
    context = {"error": error, "versions": keys.versions(), "may_rotate": may(person, "key.rotate")}
    return render(request, "custody/keys.html", context, status=400 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("token.reverse")
def reverse_page(request: HttpRequest) -> HttpResponse:
    """Turn some tokens back, with the reason; what they stand for is shown once."""
    person, error = person_of(request), ""
    check_may(person, "token.reverse")
    known = keys.with_tokens()
    chosen, tokens = request.POST.get("column", ""), request.POST.get("tokens", "").splitlines()
    found: list[tuple[str, str | None]] = []
    if request.method == "POST":
        options = {f"{dataset.name}/{n}": (version, n) for dataset, version, names in known for n in names}
        try:
            if chosen not in options:
                raise TableError("no_tokens", "请选择数据集与列")
            version, column = options[chosen]
            wanted = [one.strip() for one in tokens if one.strip()]
            given = keys.reverse_tokens(person, version, column, wanted, request.POST.get("reason", ""))
            found = list(zip(wanted, given, strict=True))
        except TableError as problem:
            error = words.message_of(problem)
    context = {
        "error": error,
        "known": [(dataset, names) for dataset, _version, names in known],
        "chosen": chosen,
        "tokens": "\n".join(tokens),
        "reason": request.POST.get("reason", ""),
        "found": found,
        "most": keys.MOST_TOKENS,
    }
    response = render(request, "custody/reverse.html", context, status=400 if error else 200)
    response["Cache-Control"] = "no-store"  # data values
    return response


@require_safe
@needs("figures.see")
def figures_list(request: HttpRequest) -> HttpResponse:
    """The datasets whose figures one may ask for, each with what is left of its budget."""
    person = person_of(request)
    check_may(person, "figures.see")
    seen = Dataset.objects.exclude(current=None).select_related("provider").order_by("name")
    where = organisations_where(person, "figures.see")
    if where is not None:
        seen = seen.filter(provider__in=where)
    rows = [{"dataset": one, "budget": _budget(one)} for one in seen[:LISTED]]
    return render(request, "custody/figures_list.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@needs("figures.see")
def figures_page(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for figures of a dataset; what was asked before, what it cost, and what came of it."""
    person, error = person_of(request), ""
    dataset = get_object_or_404(Dataset.objects.select_related("provider", "current").exclude(current=None), name=name)
    check_may(person, "figures.see", dataset.provider)
    if request.method == "POST":
        try:
            if request.POST.get("act") == "budget":
                figures.set_budget(person, dataset, _number(request, "budget") or 0.0, request.POST.get("reason", ""))
                messages.success(request, _("隐私预算已改"))
            else:
                epsilon = _number(request, "epsilon") or 0.0
                figures.ask_figures(person, dataset, _asked(request), epsilon, request.POST.get("purpose", ""))
                messages.success(request, _("已交给作业去算，算好后在下面"))
            return redirect("figures", name)
        except TableError as problem:
            error = words.message_of(problem)
    assert dataset.current is not None
    releases = list(PrivateRelease.objects.filter(dataset=dataset).select_related("by", "version")[:LISTED])
    context = {
        "error": error,
        "dataset": dataset,
        "budget": _budget(dataset),
        "columns": [field.name for field in load_contract(dataset.current.contract).fields],
        "kinds": KINDS.items(),
        "given": request.POST,
        "may_ask": may(person, "figures.ask", dataset.provider),
        "may_set": may(person, "budget.set", dataset.provider),
        "releases": [_shown(one) for one in releases],
        "waiting": any(one.state == PrivateRelease.State.WAITING for one in releases),
    }
    return render(request, "custody/figures.html", context, status=400 if error else 200)


def _budget(dataset: Dataset) -> dict[str, float]:
    whole, spent = figures.budget_of(dataset)
    return {"whole": whole, "spent": round(spent, 6), "left": round(max(whole - spent, 0.0), 6)}


def _number(request: HttpRequest, name: str) -> float | None:
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise TableError("number_wrong", "「{value}」不是数", value=text[:40]) from None


def _asked(request: HttpRequest) -> dict[str, Any]:
    """The figures as the form has them; lists are typed with commas, bounds as numbers."""

    def listed(name: str) -> list[str]:
        text = request.POST.get(name, "").replace("，", ",").replace("、", ",").replace("\n", ",")
        return list(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))

    asked: dict[str, Any] = {"kind": request.POST.get("kind", "count")}
    asked |= {name: request.POST[name] for name in ("column", "by", "person") if request.POST.get(name)}
    asked |= {name: value for name in ("lowest", "highest") if (value := _number(request, name)) is not None}
    if groups := listed("groups"):
        asked["groups"] = groups
    try:
        if edges := listed("edges"):
            asked["edges"] = [float(one) for one in edges]
        asked["most"] = int(request.POST.get("most") or 1)
    except ValueError:
        raise TableError("number_wrong", "「{value}」不是数", value=request.POST.get("edges", "")[:40]) from None
    return asked


def _shown(row: PrivateRelease) -> dict[str, Any]:
    asked, result = row.asked, row.result
    parts = [str(KINDS.get(asked["kind"], asked["kind"]))]
    if asked.get("column") and asked["kind"] != "count":
        parts.append(_("“%(c)s”") % {"c": asked["column"]})
    if asked.get("by"):
        parts.append(_("按“%(c)s”") % {"c": asked["by"]})
    accuracy = result.get("accuracy")
    job = Job.objects.filter(pk=row.job).first() if row.state == PrivateRelease.State.WAITING and row.job else None
    failed = row.error or (job.error if job else {})
    return {
        "row": row,
        "what": " ".join(parts),
        "cells": result.get("rows", []),
        "accuracy": accuracy if not isinstance(accuracy, list) else None,
        "both": accuracy if isinstance(accuracy, list) else None,
        "error": (failed.get("message_en" if words.english() else "message") or "") if failed else "",
    }
