"""What comes after a publication: versions and their differences, the feed, a withdrawal, promised updates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.opening import actions, descriptions, history, preview, promises, queries, terms
from gongshu.opening.models import Dataset, Version
from gongshu.opening.pages import answers_for_data, found_version
from gongshu.oversight import access
from gongshu.parties.permissions import check_may, organisations_where, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs, public
from gongshu.web.errors import problem
from gongshu.web.feeds import Entry, atom

LISTED = 50
FEED_ENTRIES = 50


@require_safe
@public
def version_list(request: HttpRequest, name: str) -> HttpResponseBase:
    """All versions: rows, quality, state, who agreed, and the way to what changed."""
    current = found_version(request, name, None)
    if isinstance(current, HttpResponse):
        return current
    dataset = current.dataset
    page = Paginator(history.listed(dataset), LISTED).get_page(request.GET.get("page"))
    shown = list(page)
    numbers = list(history.listed(dataset).values_list("number", "rows", "state"))
    agreed = history.approvals(shown)
    rows = []
    for version in shown:
        before = next(
            ((n, rows) for n, rows, state in numbers if n < version.number and state == Version.State.PUBLISHED), None
        )
        rows.append(
            {
                "version": version,
                "gone": version.state == Version.State.WITHDRAWN,
                "current": version.pk == dataset.current_id,
                "quality": version.quality.get("total"),
                "before": before[0] if before else None,
                "more": version.rows - before[1] if before else None,
                "agreed": _("、").join(agreed.get(version.pk, [])),
            }
        )
    context = {"dataset": dataset, "title": words.local(dataset, "title"), "page": page, "rows": rows}
    return render(request, "opening/versions.html", context)


@require_safe
@answers_for_data
@public
def difference_page(request: HttpRequest, name: str, number: int) -> HttpResponseBase:
    """What a version changed against another, or against the one before it."""
    after = found_version(request, name, number)
    if isinstance(after, HttpResponse):
        return after
    asked = request.GET.get("with", "")
    if asked:
        if not (asked.isascii() and asked.isdigit() and len(asked) < 9) or int(asked) == number:
            return problem(
                request, 400, _("没有这个版本：%(n)s") % {"n": asked[:20]}, _("请从版本列表里选两个不同的版本。")
            )
        before = found_version(request, name, int(asked))
        if isinstance(before, HttpResponse):
            return before
    else:
        earlier = history.previous(after)
        if earlier is None:
            return problem(request, 404, _("第一版没有可比的版本"), _("请从版本列表里选两个不同的版本。"))
        before = earlier
    access.record(queries.VIEW, f"dataset:{name}", version=number, before=before.number)
    found = history.version_difference(before, after)
    context = {
        "dataset": after.dataset,
        "title": words.local(after.dataset, "title"),
        "found": found,
        "before": before,
        "after": after,
        "changes": [_change(one) for one in found.changed],
        "table": _table(found),
        "most": history.MOST_ROWS,
        "others": [
            one.number
            for one in history.listed(after.dataset)
            if one.state == Version.State.PUBLISHED and one.number != number
        ],
    }
    return render(request, "opening/difference.html", context)


@require_safe
@public
def feed(request: HttpRequest, name: str) -> HttpResponseBase:
    """Atom (RFC 4287): versions, withdrawals and answered reports of one dataset, the latest first."""
    dataset = get_object_or_404(Dataset.objects.select_related("provider"), name=name)
    if dataset.stopped_at is not None or not dataset.versions.exists():
        answer = found_version(request, name, None)
        assert isinstance(answer, HttpResponse)
        return answer
    entries = sorted(_entries(dataset), key=lambda one: one[0], reverse=True)[:FEED_ENTRIES]
    page = request.build_absolute_uri(reverse("dataset", args=[name]))
    title, who = words.local(dataset, "title"), words.local(dataset.provider, "name")
    found = [
        Entry(f"{page}#{key}", said, moment, request.build_absolute_uri(address), detail)
        for moment, key, said, detail, address in entries
    ]
    return atom(request, page, title, who, found)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("dataset.withdraw")
def withdraw_page(request: HttpRequest, name: str) -> HttpResponse:
    """Withdraw one version or all of them, with the reason that the public will read."""
    dataset = get_object_or_404(Dataset.objects.select_related("provider", "current"), name=name)
    person, error = person_of(request), ""
    check_may(person, "dataset.withdraw", dataset.provider)
    published = [one for one in history.listed(dataset) if one.state == Version.State.PUBLISHED]
    chosen = request.POST.get("version", request.GET.get("version", ""))
    if request.method == "POST":
        known = {str(one.number) for one in published}
        if chosen != "all" and chosen not in known:
            error = _("请选择撤回哪一版，或全部")
        elif not request.POST.get("reason", "").strip():
            error = _("请写明理由：公众会看到")
        else:
            try:
                done = actions.withdraw(person, name, request.POST["reason"], None if chosen == "all" else int(chosen))
            except TableError as wrong:
                error = words.message_of(wrong)
            else:
                messages.success(request, _("已撤回 %(n)s 个版本") % {"n": len(done)})
                return redirect("withdraw", name)
    context = {
        "dataset": dataset,
        "title": words.local(dataset, "title"),
        "versions": published,
        "chosen": chosen,
        "reason": request.POST.get("reason", ""),
        "error": error,
        "subscribers": dataset.subscriptions.filter(confirmed_at__isnull=False).count(),
    }
    return render(request, "opening/withdraw.html", context, status=400 if error else 200)


@require_safe
@needs("submission.see")
def promise_list(request: HttpRequest) -> HttpResponse:
    """The updates that are near or late, of the bodies whose submissions I may see."""
    person = person_of(request)
    check_may(person, "submission.see")
    where = organisations_where(person, "submission.see")
    found = promises.of_bodies() if where is None else promises.pending(where)
    page = Paginator(found, LISTED).get_page(request.GET.get("page"))
    rows = [{"promise": one, "frequency": terms.frequency(one.dataset.update_frequency)} for one in page]
    context = {
        "page": page,
        "rows": rows,
        "late": sum(one.late for one in found),
        "limit": deadlines.limit("update", "remind"),
    }
    return render(request, "opening/promises.html", context)


def _change(one: history.ColumnChange) -> tuple[str, str, str, str]:
    """A changed column in words: name, what, before, after."""
    words_of: dict[str, tuple[str, Callable[[Any], str]]] = {
        "storage_type": (_("类型"), lambda value: str(words.STORAGE.get(value, value))),
        "protection": (_("保护"), lambda value: words.protection({"protection": value or {}}) or _("原样公开")),
        "level": (_("级别"), lambda value: _("%(level)s 级") % {"level": value}),
        "title": (_("名称"), lambda value: str(value or "—")),
    }
    what, say = words_of[one.what]
    return one.name, what, say(one.before), say(one.after)


def _table(found: history.VersionDifference) -> list[dict[str, Any]]:
    """The first rows of each kind as cells of text; those that changed hold both values."""
    if found.rows is None:
        return []

    def text(value: Any) -> str:
        return preview.display(value, False)

    def plain(rows: list[tuple[Any, ...]]) -> list[list[dict[str, Any]]]:
        return [[{"text": text(value), "empty": value is None} for value in row] for row in rows]

    changed = [
        [
            {"text": text(now), "empty": now is None, "was": text(was) if was != now else None}
            for was, now in zip(before, after, strict=True)
        ]
        for before, after in found.rows.changed_rows
    ]
    kinds = (
        ("changed", _("改动的行"), found.rows.changed, changed),
        ("added", _("增加的行"), found.rows.added, plain(found.rows.added_rows)),
        ("removed", _("去掉的行"), found.rows.removed, plain(found.rows.removed_rows)),
    )
    return [{"kind": kind, "title": title, "number": n, "rows": rows} for kind, title, n, rows in kinds]


def _entries(dataset: Dataset) -> list[tuple[datetime, str, str, str, str]]:
    """Moment, key, title, summary and address of what happened."""
    found = []
    described = {row["number"]: row["changes"] for row in descriptions.history(dataset)}
    for version in dataset.versions.order_by("-number").defer("contract", "columns")[:FEED_ENTRIES]:
        address = reverse("dataset_version", args=[dataset.name, version.number])
        number = {"n": version.number}
        published = described.get(version.number, "") if version.state == Version.State.PUBLISHED else ""
        found.append((version.published_at, f"v{version.number}", _("第 %(n)s 版已发布") % number, published, address))
        if version.withdrawn_at:
            said = _("第 %(n)s 版已撤回") % number
            found.append((version.withdrawn_at, f"w{version.number}", said, version.withdrawn_reason, address))
    answered = dataset.problems.exclude(answered_at=None).exclude(kind="privacy").order_by("-answered_at")
    address = reverse("problem_reports", args=[dataset.name])
    for row in answered[:FEED_ENTRIES]:
        assert row.answered_at is not None
        said = _("问题报告 %(number)s 已答复") % {"number": row.number}
        found.append((row.answered_at, f"p{row.number}", said, row.answer, address))
    return found
