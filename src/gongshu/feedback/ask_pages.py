"""The doors: what can be asked, the forms, and an asker's own page of a case. Nothing here needs an account or script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gongshu import deadlines
from gongshu.feedback import cases, matching, queries
from gongshu.feedback.models import Case
from gongshu.feedback.policies import ASKED, OPEN, TEXT_LIMIT, TITLE_LIMIT, can_judge
from gongshu.opening import guards
from gongshu.opening.models import Dataset
from gongshu.opening.pages import found_version
from gongshu.opening.queries import visible
from gongshu.opening.visitors import browser_of, new_browser, person_or_none, remember
from gongshu.parties.models import Organisation
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import public

Kind = Case.Kind


@dataclass(frozen=True)
class Door:
    """One thing that can be asked: where, in one sentence what it is for, and the verb of its button."""

    kind: Case.Kind
    url: str
    title: Promise
    sentence: Promise
    verb: Promise


DOORS = (
    Door(
        Kind.DEMAND,
        "demand_new",
        gettext_lazy("提数据需求"),
        gettext_lazy("要的数据还没有开放：写明要什么、做什么用，转给有数据的机构，别人也可以支持。"),
        gettext_lazy("提交需求"),
    ),
    Door(
        Kind.CONSULTATION,
        "consultation_new",
        gettext_lazy("咨询"),
        gettext_lazy("不知道怎么找、怎么用、怎么理解一份数据，问负责的人。"),
        gettext_lazy("提交咨询"),
    ),
    Door(
        Kind.COMPLAINT,
        "complaint_new",
        gettext_lazy("投诉举报"),
        gettext_lazy("对一个机构的工作、一份数据或违规使用数据的行为不满。只有办理的人看得到，被投诉的一方不办理。"),
        gettext_lazy("提交投诉举报"),
    ),
    Door(
        Kind.SUGGESTION,
        "suggestion_new",
        gettext_lazy("提建议"),
        gettext_lazy("平台和数据怎样可以更好用。"),
        gettext_lazy("提交建议"),
    ),
)
QUESTION = Door(
    Kind.QUESTION,
    "question_new",
    gettext_lazy("提问"),
    gettext_lazy("关于这份数据的问题，由维护它的机构答复；答复人看过后，问题与答复一起公开。"),
    gettext_lazy("提交问题"),
)
_DOORS = {door.kind: door for door in (*DOORS, QUESTION)}


@require_safe
@public
def ask(request: HttpRequest) -> HttpResponse:
    """The four doors, one sentence each; what others asked, and how it was answered."""
    context = {
        "doors": [(door, deadlines.limit(door.kind, "answer")) for door in DOORS],
        "demands": queries.open_first(queries.public_demands())[:5],
        "told": queries.city_answers(),
    }
    return render(request, "feedback/ask.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def demand_new(request: HttpRequest) -> HttpResponseBase:
    """Ask for data that is not open; what is there already is shown beside it. ``?q=`` fills in the title."""
    return _case_new(request, Kind.DEMAND)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def consultation_new(request: HttpRequest) -> HttpResponseBase:
    """Ask how something is found, used or understood."""
    return _case_new(request, Kind.CONSULTATION)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def complaint_new(request: HttpRequest) -> HttpResponseBase:
    """Complain of an organisation, a dataset or a violation."""
    return _case_new(request, Kind.COMPLAINT)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def suggestion_new(request: HttpRequest) -> HttpResponseBase:
    """Propose something."""
    return _case_new(request, Kind.SUGGESTION)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def question_new(request: HttpRequest, name: str) -> HttpResponseBase:
    """Ask about a dataset."""
    version = found_version(request, name, None)
    return version if isinstance(version, HttpResponse) else _case_new(request, Kind.QUESTION, version.dataset)


@require_safe
@public
def demand_matches(request: HttpRequest) -> HttpResponse:
    """The part of the form of a demand that shows what there is already, for ``title`` as typed so far."""
    context = {"matches": matching.matches(request.GET.get("title", ""))}
    return render(request, "feedback/matches.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def asked(request: HttpRequest, key: str) -> HttpResponse:
    """A case as its asker sees it, by the secret of the link, or by its number for who asked signed in."""
    row, error = cases.of_asker(key, person_or_none(request)), ""
    if row is None:
        raise Http404
    if request.method == "POST":
        try:
            cases.judge(row, request.POST.get("satisfied") == "yes")
            return redirect("asked", key)
        except TableError as wrong:
            error = words.message_of(wrong)
            row.refresh_from_db()
    context = {
        "row": row,
        "steps": row.steps.select_related("organisation"),
        "error": error,
        "may_judge": can_judge(row),
        "new": "new" in request.GET,
        "address": request.build_absolute_uri(request.path),
        "clock": deadlines.reading(row.since, row.due_at) if row.state in OPEN else None,
        "matches": matching.matches(row.title) if row.kind == Kind.DEMAND and row.state in OPEN else [],
    }
    return render(request, "feedback/asked.html", context, status=400 if error else 200)


def _case_new(request: HttpRequest, kind: Case.Kind, dataset: Dataset | None = None) -> HttpResponseBase:
    """The form of a kind; what is typed stays on the page when something is wrong with it."""
    door, error, status = _DOORS[kind], "", 200
    posted = request.method == "POST"
    looking = posted and request.POST.get("act") == "look"
    typed = request.POST.dict() if posted else _prefilled(request)
    if posted and not looking:
        if guards.is_program(request):
            return redirect("ask")
        try:
            secret = _take(request, kind, dataset)
            return redirect(f"{reverse('asked', args=[secret])}?new=1")
        except guards.TooOften as wrong:
            error, status = str(wrong), 429
        except TableError as wrong:
            error, status = words.message_of(wrong), 400
    said = f"{typed.get('title', '')} {typed.get('text', '')}" if looking else typed.get("title", "")
    demand = kind == Kind.DEMAND
    if demand and looking and not typed.get("organisation") and (found := matching.proposed(said)):
        typed["organisation"] = found.code
    context: dict[str, Any] = {
        "door": door,
        "kind": str(kind),
        "error": error,
        "typed": typed,
        "limit": deadlines.limit(kind, "answer"),
        "organisations": matching.answering(),
        "askers": Case.Asker.choices,
        "abouts": Case.About.choices,
        "dataset": dataset,
        "matches": matching.matches(typed.get("title", "")) if demand else [],
        "looked": looking,
        "stamp": request.POST.get("stamp", "") if looking else guards.stamp(),
        "title_limit": TITLE_LIMIT,
        "text_limit": TEXT_LIMIT,
    }
    response = render(request, "feedback/case_new.html", context, status=status)
    if not browser_of(request):
        remember(response, new_browser())
    return response


def _prefilled(request: HttpRequest) -> dict[str, str]:
    """What the address fills in: ``q`` the title, ``organisation`` and ``dataset`` whom or what it is about."""
    given = {name: request.GET.get(name, "")[:TITLE_LIMIT] for name in ("organisation", "dataset", "about")}
    return given | {"title": request.GET.get("q", "").strip()[:TITLE_LIMIT]}


def _take(request: HttpRequest, kind: Case.Kind, dataset: Dataset | None) -> str:
    """Take in what the form holds; returns the secret of the asker's link."""
    typed = request.POST
    guards.check_human_pace(request)
    code, name = typed.get("organisation", ""), typed.get("dataset", "").strip()
    organisation = Organisation.objects.filter(code=code, kind__in=ASKED).first() if code else None
    if dataset is None and name:
        dataset = visible().filter(name=name.rstrip("/").rpartition("/")[2]).first()
        if dataset is None:
            raise TableError("dataset_unknown", "没有数据集「{dataset}」", where={"dataset": name[:80]})
    said = cases.Asked(
        title=typed.get("title", ""),
        text=typed.get("text", ""),
        purpose=typed.get("purpose", ""),
        asker=typed.get("asker", ""),
        about=typed.get("about", ""),
        organisation=organisation,
        dataset=dataset,
        email=typed.get("email", ""),
    )
    guards.check_rate(request, "case", said.email)
    _made, secret = cases.ask(
        kind, said, person=person_or_none(request), language=get_language() or settings.LANGUAGE_CODE
    )
    return secret
