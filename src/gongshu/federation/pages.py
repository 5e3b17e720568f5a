"""The operator's pages of the portals that are harvested, and the public's list of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gongshu.federation import actions, queries
from gongshu.federation.models import Run, Source, Trouble
from gongshu.federation.words import FIELDS, NOTES, TROUBLES
from gongshu.opening import terms
from gongshu.opening.models import ExternalDataset
from gongshu.parties.permissions import check_may, may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs, public

RUNS, LISTED, SHOWN = 20, 50, 20


@require_safe
@public
def portals(request: HttpRequest) -> HttpResponse:
    """The portals whose datasets are listed beside the city's own."""
    return render(request, "federation/portals.html", {"rows": queries.sources()})


@require_safe
@public
def portal(request: HttpRequest, key: str) -> HttpResponse:
    """One of them, with its datasets."""
    source = get_object_or_404(Source, key=key, removed_at=None)
    listed = (
        ExternalDataset.objects.filter(source=key).exclude(state=ExternalDataset.State.GONE).order_by("title", "pk")
    )
    page = Paginator(listed, SHOWN).get_page(request.GET.get("page"))
    context = {"state": queries.state_of(source), "source": source, "page": page}
    return render(request, "federation/portal.html", context)


@require_safe
@needs("source.see")
def source_list(request: HttpRequest) -> HttpResponse:
    """Every source: when it was read last, what it brought, whether it is late."""
    person = person_of(request)
    check_may(person, "source.see", 0)
    context = {"rows": queries.sources(), "may_manage": may(person, "source.manage", 0)}
    return render(request, "federation/sources.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("source.manage")
def source_new(request: HttpRequest) -> HttpResponse:
    """Add a portal."""
    person, error = person_of(request), ""
    check_may(person, "source.manage", 0)
    if request.method == "POST":
        try:
            source = actions.add_source(person, request.POST.get("key", "").strip(), request.POST.dict())
            actions.begin_run(person, source)
        except TableError as problem:
            error = words.message_of(problem)
        else:
            messages.success(request, _("已添加，第一次汇入已交给作业"))
            return redirect("source", source.key)
    return _form(request, error, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("source.manage")
def source_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change a portal."""
    person, error = person_of(request), ""
    check_may(person, "source.manage", 0)
    source = get_object_or_404(Source, key=key, removed_at=None)
    if request.method == "POST":
        try:
            actions.edit_source(person, source, request.POST.dict())
        except TableError as problem:
            error = words.message_of(problem)
        else:
            messages.success(request, _("已保存"))
            return redirect("source", key)
    return _form(request, error, source)


def _form(request: HttpRequest, error: str, source: Source | None) -> HttpResponse:
    given: dict[str, Any] = request.POST.dict() if request.method == "POST" else {}
    if source is not None and not given:
        given = {name: getattr(source, name) for name in actions.EDITABLE}
    given = {"every": 24, "grace_runs": 3, "grace_days": 7} | given
    context = {
        "error": error,
        "source": source,
        "given": given | {"every": str(given["every"])},
        "kinds": Source.Kind.choices,
        "intervals": [(str(value), label) for value, label in Source.Every.choices],
        "topics": terms.topics().values(),
    }
    return render(request, "federation/source_form.html", context, status=400 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("source.see")
def source_page(request: HttpRequest, key: str) -> HttpResponse:
    """One source: its runs, and what can be done with it."""
    person, error = person_of(request), ""
    check_may(person, "source.see", 0)
    source = get_object_or_404(Source, key=key)
    if request.method == "POST":
        try:
            _act(request, source)
            return redirect("source", key)
        except TableError as problem:
            error = words.message_of(problem)
    state = queries.state_of(source)
    context = {
        "error": error,
        "source": source,
        "state": state,
        "topic": terms.topic(source.topic) if source.topic else None,
        "runs": [{"row": one, "message": _message(one)} for one in source.runs.all()[:RUNS]],
        "open": state.last is not None and state.last.state in (Run.State.WAITING, Run.State.RUNNING),
        "few": state.last is not None and state.last.note == "few",
        "may_manage": may(person, "source.manage", 0) and source.removed_at is None,
    }
    return render(request, "federation/source.html", context, status=400 if error else 200)


def _act(request: HttpRequest, source: Source) -> None:
    person, act = person_of(request), request.POST.get("act", "")
    if act == "remove":
        gone = actions.remove_source(person, source, request.POST.get("reason", ""))
        messages.success(request, _("已移除，%(n)s 个数据集不再列出") % {"n": gone})
    elif act in ("pause", "resume"):
        actions.pause_source(person, source, act == "pause")
        messages.success(request, _("已暂停") if act == "pause" else _("已恢复"))
    elif act in ("run", "confirm"):
        run = actions.begin_run(person, source) if act == "run" else actions.confirm_fewer(person, source)
        messages.success(request, _("已交给作业") if run else _("已有一次在进行，完了再试"))
    else:
        raise TableError("act_unknown", "没有这个操作")


@require_safe
@needs("source.see")
def run_page(request: HttpRequest, run_id: str) -> HttpResponse:
    """One run: the numbers, and what was wrong with single records."""
    check_may(person_of(request), "source.see", 0)
    run = get_object_or_404(Run.objects.select_related("source"), pk=run_id)
    kind = request.GET.get("kind", "")
    troubles = run.troubles.filter(kind=kind) if kind in Trouble.Kind.values else run.troubles.all()
    page = Paginator(troubles, LISTED).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "source": run.source,
        "message": _message(run),
        "note": NOTES.get(run.note, ""),
        "page": page,
        "rows": [
            {"row": row, "code": TROUBLES.get(row.code, row.code), "field": FIELDS.get(row.field, row.field)}
            for row in page
        ],
        "kinds": Trouble.Kind.choices,
        "kind": kind,
        "open": run.state in (Run.State.WAITING, Run.State.RUNNING),
    }
    return render(request, "federation/run.html", context)


@require_safe
@needs("source.see")
def run_csv(request: HttpRequest, run_id: str) -> StreamingHttpResponse:
    """What was wrong with single records, as CSV."""
    check_may(person_of(request), "source.see", 0)
    run = get_object_or_404(Run.objects.select_related("source"), pk=run_id)
    response = StreamingHttpResponse(queries.troubles_csv(run), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{run.source.key}-{run.at:%Y%m%d}.csv"'
    return response


def _message(run: Run) -> str:
    if run.error.get("code") == "cancelled":
        return _("作业被取消")
    return str(run.error.get("message_en" if words.english() else "message") or "")
