"""Pages that span several apps: the home page, help, and the workbench of those who are signed in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gongshu import clock, deadlines
from gongshu.feedback import queries as feedback
from gongshu.jobs.models import Job
from gongshu.opening import cards, figures, list_pages, maps, queries, search, terms
from gongshu.opening.models import Dataset
from gongshu.opening.search.documents import OWN
from gongshu.oversight.models import Event
from gongshu.parties.actions import cancel_job as cancel
from gongshu.parties.inbox import waiting_for
from gongshu.parties.permissions import check_may, may, organisations_where, person_of
from gongshu.web import words
from gongshu.web.access import needs, public

LISTED = 5
TRIED = 40  # of the latest datasets, in whose words the example questions are
DEMANDS, NEWS = 4, 2
JOBS = 30
EVENTS = 20
BEAM_STEPS = 20
ASKED = ("demand", "consultation", "complaint", "suggestion", "question", "problem")
OPEN_STATES = (Job.State.QUEUED, Job.State.RUNNING)


@require_safe
@public
def healthz(request: HttpRequest) -> HttpResponse:
    """For those who watch over the server: 200 when the database answers."""
    Job.objects.exists()
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@list_pages.needs_index
@public
def home(request: HttpRequest) -> HttpResponse:
    """The first page: ask, see the city's flow, choose a topic, see what is new and used, and who keeps the promise."""
    latest = search.ask(search.Wanted(filters={"source": OWN}, order="updated", limit=TRIED))
    districts = maps.district_map()
    context = {
        "total": latest.count,
        "organisations": list_pages.organisation_rows(),
        "flow": flow_steps(),
        "topics": figures.by_topic(),
        "recent": cards.cards(latest.items[:LISTED]),
        "popular": _popular(),
        "tries": _tries(latest.datasets),
        "now": clock.now(),
        "demands": feedback.open_first(feedback.public_demands())[:DEMANDS],
        "news": feedback.public_news()[:NEWS],
        "districts": districts[0] if districts else None,
        "districts_counted": districts[1] if districts else 0,
    }
    return render(request, "surfaces/home.html", context)


def flow_steps() -> list[dict[str, Any]]:
    """The eight steps with how many datasets reached each, and the height of its beam in twentieths of the first."""
    flow = figures.city_flow()
    quality = f"{flow['quality']:.1f}" if flow["quality"] is not None else "—"
    said = {
        "gather": (flow["gathered"], [_("%(n)s 行入库") % {"n": f"{flow['rows']:,}"}]),
        "catalogue": (flow["catalogued"], [_("%(n)s 列有目录") % {"n": f"{flow['columns']:,}"}]),
        "classify": (flow["classified"], [_("涉个人 %(n)s 项") % {"n": flow["personal"]}]),
        "check": (flow["checked"], [_("平均质量 %(score)s") % {"score": quality}]),
        "protect": (
            flow["protected"],
            [_("不公开 %(n)s 列") % {"n": flow["dropped"]}, _("处理 %(n)s 列") % {"n": flow["treated"]}],
        ),
        "release": (flow["open"], [_("今日 +%(n)s") % {"n": flow["today"]}]),
        "use": (flow["used"], [_("近 30 天 %(n)s 次") % {"n": f"{flow['uses']:,}"}]),
        "account": (
            (told := feedback.city_answers()).datasets,
            [_("已答复 %(n)s 件") % {"n": f"{told.answered:,}"}, _("在办 %(n)s 件") % {"n": f"{told.open:,}"}],
        ),
    }
    most = max(flow["gathered"], 1)
    found = []
    for key, (number, lines) in said.items():
        sign, name = words.FLOW[key]
        height = max(1, round(BEAM_STEPS * number / most)) if number else 0
        ghost = flow["withdrawn"] if key == "release" else 0
        found.append(
            {
                "key": key,
                "sign": sign,
                "name": name,
                "number": number,
                "lines": lines,
                "height": height,
                "withdrawn": ghost,
            }
        )
    return found


def _popular() -> list[cards.Card]:
    """The most used of the last 30 days."""
    names = list(queries.most_used(3 * LISTED))
    found = {one.name: one for one in queries.visible().filter(name__in=names)}
    return cards.cards([found[name] for name in names if name in found][:LISTED])


def _tries(latest: list[Dataset]) -> list[str]:
    """Questions to begin with: the newest datasets of different topics, by what they hold."""
    seen: dict[str, str] = {}
    for dataset in latest:
        word = next(iter(dataset.keywords), "") if not words.english() else ""
        seen.setdefault(dataset.topic, word or words.local(dataset, "title"))
    return list(seen.values())[:4]


@require_safe
@public
def help_page(request: HttpRequest) -> HttpResponse:
    """How to find, read, download and call; what levels and open types mean; how the log is checked."""
    context = {
        "open_types": words.OPEN_TYPES.items(),
        "steps": [
            {"sign": sign, "name": name, "plain": words.FLOW_PLAIN[key]} for key, (sign, name) in words.FLOW.items()
        ],
        "licences": terms.licences().values(),
        "limits": [deadlines.limit(track, "answer") for track in ASKED],
    }
    return render(request, "surfaces/help.html", context)


@require_safe
@needs("workbench.see")
def workbench(request: HttpRequest) -> HttpResponse:
    """What waits for me, what is being worked on, and what was recorded last."""
    person = person_of(request)
    check_may(person, "workbench.see")
    where = organisations_where(person, "job.see")
    jobs = Job.objects.all() if where is None else Job.objects.filter(organisation__in=where)
    context = {
        "roles": person.memberships.filter(ended=None).select_related("organisation"),
        "jobs": [_job(each, person) for each in jobs[:JOBS]],
        "events": Event.objects.order_by("-index")[:EVENTS] if may(person, "log.see") else [],
        "sees_log": may(person, "log.see"),
        "waiting": waiting_for(person),
    }
    return render(request, "surfaces/workbench.html", context)


@require_safe
@needs("job.see")
def job_page(request: HttpRequest, job_id: str) -> HttpResponse:
    """One job: its steps, how far it is, what came of it."""
    job = get_object_or_404(Job, pk=job_id)
    check_may(request.user, "job.see", job.organisation or 0)
    response = render(request, "surfaces/job.html", {"row": _job(job, request.user), "steps": _steps(job)})
    if job.state in OPEN_STATES and "HX-Request" not in request.headers:
        response["Refresh"] = "5"  # without script the page asks again by itself
    return response


@require_POST
@needs("job.cancel")
def cancel_job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Ask the worker to stop."""
    job = get_object_or_404(Job, pk=job_id)
    cancel(person_of(request), job)
    return redirect("job", job_id=job.pk)


def _job(job: Job, person: Any) -> dict[str, Any]:
    return {
        "job": job,
        "open": job.state in OPEN_STATES,
        "step": words.JOB_STEPS.get(job.step, job.step),
        "percent": round(job.progress * 100),
        "may_cancel": job.state in OPEN_STATES
        and may(person, "job.cancel", job.organisation or 0)
        and not job.cancel_requested,
        "dataset": job.params.get("dataset", ""),
        "message": job.error.get("message_en" if words.english() else "message") or job.error.get("message", ""),
    }


def _steps(job: Job) -> list[dict[str, Any]]:
    names = words.JOB_KINDS.get(job.kind, ())
    if job.step not in names:
        return []
    here = names.index(job.step)
    done = job.state == Job.State.DONE
    return [
        {"name": words.JOB_STEPS[name], "state": "done" if done or i < here else "now" if i == here else "todo"}
        for i, name in enumerate(names)
    ]
