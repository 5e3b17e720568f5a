"""Problem reports (问题报告): a reader says what is wrong, the maintainer answers, the reader says whether it helped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from gongshu import clock, deadlines
from gongshu.opening.models import Dataset, Problem, ProblemCounter
from gongshu.opening.readers import READER, address_of, derived_secret, hashed
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import check_may, may, people_who_may
from gongshu.tables.errors import TableError

State, Kind = Problem.State, Problem.Kind
TEXT_LIMIT = 2000
SAME = timedelta(days=7)  # within which the same words on the same place are one report


def report(
    dataset: Dataset,
    kind: str,
    text: str,
    *,
    column: str = "",
    row: str = "",
    email: str = "",
    person: Person | None = None,
    language: str = "zh-hans",
) -> tuple[Problem, str]:
    """Take in a report; returns it with the secret of its reporter's link, which is not kept.

    TableError for an unknown kind, a column that the public doesn't see, a row that there is not, a wrong address, or no text.
    """
    version = dataset.current
    if version is None:
        raise TableError("dataset_unknown", "没有数据集「{dataset}」", where={"dataset": dataset.name})
    if kind not in Kind.values:
        raise TableError("kind_required", "请选择是哪一类问题")
    if column and column not in {one["name"] for one in version.columns}:
        raise TableError("column_unknown", "没有这一列，请从列表里选")
    if not text.strip():
        raise TableError("text_required", "请说明问题")
    if len(text) > TEXT_LIMIT:
        raise TableError("text_long", "说明请不超过 {limit} 字", limit=TEXT_LIMIT)
    with transaction.atomic():
        now = clock.now()
        number = next_number(now)  # its row is locked from here on: nobody sends the same words in between
        place = _row(row, version.rows)
        before = dataset.problems.filter(kind=kind, column=column, row=place, text=text.strip())
        if before.filter(reported_at__gt=now - SAME).exists():
            raise TableError("said_already", "同样的内容已经收到过，不用再提交")
        secret = secret_of(number)
        made = Problem.objects.create(
            number=number,
            dataset=dataset,
            version=version,
            kind=kind,
            column=column,
            row=place,
            text=text.strip(),
            email=address_of(email) if email.strip() else "",
            person=person,
            secret_sha256=hashed(secret),
            assignee=dataset.resource.maintainer if dataset.resource else None,
            reported_at=now,
            due_at=deadlines.due("problem", "answer", now),
            language=language,
        )
        _log(person, "problem.report", made, kind=kind)
        _tell(made, _answerers(made), "problem.reported")
        if kind == Kind.PRIVACY:
            notify(
                people_who_may("dataset.stop", dataset.provider),
                "problem.privacy",
                f"{reverse('stops')}?dataset={dataset.name}",
                f"problem.privacy:{number}",
                due_at=made.due_at,
                title=dataset.title,
                number=number,
            )
    return made, secret


def next_number(now: datetime) -> str:
    """YYYYMMDD-NNNN of the day in Beijing, for whatever readers send in; call it in the transaction that keeps it.

    The counter's row is locked until then, so no number is given twice.
    """
    day = now.astimezone(deadlines.BEIJING).strftime("%Y%m%d")
    ProblemCounter.objects.get_or_create(day=day)
    counter = ProblemCounter.objects.select_for_update().get(day=day)
    counter.last += 1
    counter.save(update_fields=["last"])
    return f"{day}-{counter.last:04d}"


def secret_of(number: str) -> str:
    """The secret in the link of the reporter: made of the installation's key, so that a mail can carry it again."""
    return derived_secret("problem", number)


def of_reporter(key: str, person: Person | None) -> Problem | None:
    """The report of a link's secret, or, by its number, of the person who made it signed in; None for anybody else."""
    found = Problem.objects.select_related("dataset__provider", "version")
    mine = Q(number=key, person=person) if person else Q(pk=None)
    return found.filter(Q(secret_sha256=hashed(key)) | mine).first()


def answer(actor: Person, problem: Problem, text: str, *, shown: bool = False) -> Problem:
    """Answer an open report; ``shown``: the public may read the reporter's words too, never those about a leak.

    TableError without a text or when it was answered meanwhile.
    """
    with transaction.atomic():
        row = _locked(problem)
        check_may(actor, "problem.answer", row.dataset.provider)
        if row.state != State.OPEN:
            raise TableError("answered_already", "这份报告已有答复，请看最新状态")
        if not text.strip():
            raise TableError("answer_required", "请写答复")
        row.state, row.answer, row.answered_by, row.answered_at = State.ANSWERED, text.strip(), actor, clock.now()
        row.shown = shown and row.kind != Kind.PRIVACY
        row.save()
        _log(actor, "problem.answer", row)
        if row.person:
            notify(
                [row.person],
                "problem.answered",
                reverse("report", args=[row.number]),
                f"problem.answered:{row.number}:{row.answered_at:%Y%m%d%H%M%S}",
                number=row.number,
            )
    return row


def hand_to(actor: Person, problem: Problem, colleague: Person) -> Problem:
    """Let a colleague answer; TableError for somebody who may not."""
    with transaction.atomic():
        row = _locked(problem)
        check_may(actor, "problem.answer", row.dataset.provider)
        if row.state == State.CLOSED:
            raise TableError("problem_closed", "这份报告已经办结")
        if not may(colleague, "problem.answer", row.dataset.provider):
            raise TableError("colleague_wrong", "只能交给本机构有答复权限的人")
        row.assignee = colleague
        row.save(update_fields=["assignee"])
        _log(actor, "problem.hand_over", row, to=colleague.actor_id)
        _tell(row, [colleague], "problem.reported", colleague.actor_id)
    return row


def close(actor: Person, problem: Problem) -> Problem:
    """End an answered report of which the reporter said nothing; TableError when it has no answer."""
    with transaction.atomic():
        row = _locked(problem)
        check_may(actor, "problem.answer", row.dataset.provider)
        if row.state != State.ANSWERED:
            raise TableError("answer_first", "先答复，才能办结")
        _close(row)
        _log(actor, "problem.close", row)
    return row


def judge(problem: Problem, satisfied: bool) -> Problem:
    """The reporter's verdict on the answer: yes closes it, a first no opens it again with a new deadline, a second closes it.

    TableError when there is no answer to judge.
    """
    with transaction.atomic():
        row = _locked(problem)
        if row.state != State.ANSWERED:
            raise TableError("nothing_to_judge", "现在没有等您评价的答复")
        again = not satisfied and row.satisfied is None
        row.satisfied = satisfied
        if again:
            row.state = State.OPEN
            row.due_at = deadlines.due("problem", "answer", clock.now())
            row.mailed = State.OPEN  # so that the second answer is mailed too
            row.save()
            _tell(row, _answerers(row), "problem.again", str(row.answered_at))
        else:
            _close(row)
        _log(row.person, "problem.judge", row, satisfied=satisfied)
    return row


def escalate() -> None:
    """Tell the approvers, once a deadline, of reports that were not answered in time."""
    late = Problem.objects.filter(state=State.OPEN, due_at__lte=clock.now()).select_related("dataset__provider")
    for row in late:
        with transaction.atomic():
            people = people_who_may("submission.decide", row.dataset.provider)
            _tell(row, people, "problem.late", f"{row.due_at:%Y%m%d}")


def _row(row: str, rows: int) -> int | None:
    row = row.strip()
    if not row:
        return None
    if not (row.isascii() and row.isdigit() and len(row) < 12 and 1 <= int(row) <= rows):
        raise TableError("row_unknown", "行号应在 1 到 {rows} 之间", rows=rows)
    return int(row)


def _locked(problem: Problem) -> Problem:
    found = Problem.objects.select_for_update(of=("self",)).select_related("dataset__provider", "person")
    return found.get(pk=problem.pk)


def _close(row: Problem) -> None:
    row.state, row.closed_at = State.CLOSED, clock.now()
    row.save()


def _answerers(row: Problem) -> list[Person]:
    """Who is asked for the answer: the maintainer while she may, else everybody who may."""
    provider = row.dataset.provider
    if row.assignee and may(row.assignee, "problem.answer", provider):
        return [row.assignee]
    return people_who_may("problem.answer", provider)


def _tell(row: Problem, people: list[Person], template: str, again: str = "") -> None:
    url = reverse("problem", args=[row.number])
    key = f"{template}:{row.number}:{again}"
    notify(people, template, url, key, due_at=row.due_at, title=row.dataset.title, number=row.number)


def _log(actor: Person | None, action: str, row: Problem, **facts: Any) -> None:
    who = actor.actor_id if actor else READER
    log.append(who, action, f"dataset:{row.dataset.name}", number=row.number, **facts)
