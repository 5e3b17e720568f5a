"""What happens to a case: it is asked, accepted, routed, answered or refused, judged by its asker, closed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.urls import reverse

from gongshu import clock, deadlines
from gongshu.feedback.models import Case, Step, Support
from gongshu.feedback.permissions import check_can_answer, handlers
from gongshu.feedback.policies import (
    ANSWER_LIMIT,
    ASKED,
    NOTE_LIMIT,
    OPEN,
    PUBLIC_KINDS,
    SAME_DAYS,
    TEXT_LIMIT,
    TITLE_LIMIT,
    can_judge,
    check_answered,
    check_open,
    text_within,
)
from gongshu.feedback.privacy import check_no_person
from gongshu.opening.models import Dataset
from gongshu.opening.problems import next_number
from gongshu.opening.queries import visible
from gongshu.opening.readers import READER, address_of, derived_secret, hashed
from gongshu.oversight import log
from gongshu.parties.models import Organisation, Person
from gongshu.parties.notices import notify
from gongshu.parties.permissions import people_who_may
from gongshu.tables.errors import TableError

Kind, State, Outcome, Act = Case.Kind, Case.State, Case.Outcome, Step.Act
MISSING_TEXT = {
    Kind.DEMAND: "请写明需要什么数据",
    Kind.CONSULTATION: "请写咨询的内容",
    Kind.COMPLAINT: "请写事情的经过",
    Kind.SUGGESTION: "请写建议的内容",
    Kind.QUESTION: "",
}
LATE_TOLD = ("submission.decide", "submission.decide_first")  # approvers of the organisation, operators


@dataclass(frozen=True)
class Asked:
    """What somebody wrote, as they wrote it."""

    title: str
    text: str = ""
    purpose: str = ""
    asker: str = ""
    about: str = ""
    organisation: Organisation | None = None
    dataset: Dataset | None = None
    email: str = ""


def ask(kind: str, asked: Asked, *, person: Person | None = None, language: str = "zh-hans") -> tuple[Case, str]:
    """Take a case in; returns it with the secret of its asker's link, which is not kept.

    TableError for what is missing, too long, leads to a person though it becomes public, or was sent in the same words before.
    """
    kind = Kind(kind)
    title = text_within(asked.title, TITLE_LIMIT, missing="请用一句话写标题")
    text = text_within(asked.text, TEXT_LIMIT, missing=MISSING_TEXT[kind])
    purpose = text_within(asked.purpose, TEXT_LIMIT, missing="请写明数据的用途" if kind == Kind.DEMAND else "")
    if kind == Kind.DEMAND and asked.asker not in Case.Asker.values:
        raise TableError("asker_required", "请选择您是哪一类提出方")
    if kind == Kind.COMPLAINT and asked.about not in Case.About.values:
        raise TableError("about_required", "请选择投诉举报涉及什么")
    if kind in PUBLIC_KINDS:
        check_no_person("\n".join((title, text, purpose)))
    organisation = asked.organisation
    if kind == Kind.COMPLAINT:
        organisation = _complained_of(asked)
    elif asked.dataset is not None:
        organisation = asked.dataset.provider
    with transaction.atomic():
        now = clock.now()
        number = next_number(now)  # its row is locked from here on: nobody sends the same words in between
        same = hashlib.sha256("\0".join((title, text, purpose)).encode()).hexdigest()
        if Case.objects.filter(kind=kind, text_sha256=same, asked_at__gt=now - timedelta(days=SAME_DAYS)).exists():
            raise TableError("said_already", "同样的内容已经收到过，不用再提交")
        secret = secret_of(number)
        made = Case.objects.create(
            number=number,
            kind=kind,
            title=title,
            text=text,
            purpose=purpose,
            asker=asked.asker if asked.asker in Case.Asker.values else "",
            about=asked.about if kind == Kind.COMPLAINT else "",
            organisation=organisation,
            dataset=asked.dataset,
            person=person,
            email=address_of(asked.email) if asked.email.strip() else "",
            language=language,
            secret_sha256=hashed(secret),
            text_sha256=same,
            asked_at=now,
            since=now,
            due_at=deadlines.due(kind, "answer", now),
        )
        _step(made, Act.ASKED, person, organisation)
        _log(person, "case.ask", made, kind=str(kind))
        _tell(made, "case.received")
    return made, secret


def secret_of(number: str) -> str:
    """The secret in the link of the asker: made of the installation's key, so that a mail can carry it again."""
    return derived_secret("case", number)


def of_asker(key: str, person: Person | None) -> Case | None:
    """The case of a link's secret, or, by its number, of the person who asked signed in; None for anybody else."""
    found = Case.objects.select_related("organisation", "dataset__provider", "meets")
    row = found.filter(secret_sha256=hashed(key)).first()
    return row or (found.filter(number=key, person=person).first() if person else None)


def accept(actor: Person, case: Case) -> Case:
    """Say that the case will be handled here; TableError when it was before."""
    with transaction.atomic():
        row = _locked(case)
        check_can_answer(actor, row)
        if row.state != State.RECEIVED:
            raise TableError("accepted_already", "这件事已经受理，请看最新状态")
        row.state = State.HANDLING
        row.save(update_fields=["state"])
        _step(row, Act.ACCEPTED, actor, row.organisation)
        _log(actor, "case.accept", row)
    return row


def route(actor: Person, case: Case, organisation: Organisation | None, note: str = "") -> Case:
    """Pass an open case on, to another organisation or (None) back to the platform; the deadline stays.

    TableError for a complaint, for where it is already, for what is no public body, or without a word of why once it had a place.
    """
    with transaction.atomic():
        row = _locked(case)
        check_can_answer(actor, row)
        check_open(row)
        if row.kind in (Kind.COMPLAINT, Kind.QUESTION):
            raise TableError("not_routed", "这类事项不转办")
        if organisation == row.organisation or (organisation and organisation.kind not in ASKED):
            raise TableError("place_wrong", "请选择另一个办理机构")
        note = text_within(note, NOTE_LIMIT, missing="请写转办的理由" if row.organisation else "")
        row.organisation, row.state = organisation, State.RECEIVED
        row.save(update_fields=["organisation", "state"])
        _step(row, Act.ROUTED, actor, organisation, note)
        _log(actor, "case.route", row, to=organisation.code if organisation else "platform")
        _tell(row, "case.routed" if organisation else "case.received", f"{row.steps.count()}")
    return row


def answer(
    actor: Person, case: Case, text: str, *, outcome: str = "answered", meets: str = "", shown: bool = False
) -> Case:
    """Answer an open case, refuse it with the reason, or (``meets``: its name) link the dataset that meets a demand.

    ``shown``: the public may read a demand or a question, with the answer. TableError without words, for a dataset that the
    public doesn't see, or when the case was answered meanwhile.
    """
    with transaction.atomic():
        row = _locked(case)
        check_can_answer(actor, row)
        check_open(row)
        if outcome not in Outcome.values or (outcome == Outcome.MET and row.kind != Kind.DEMAND):
            raise TableError("outcome_wrong", "请选择办理结果")
        row.answer = text_within(text, ANSWER_LIMIT, missing="请写答复")
        row.meets = _meeting(meets) if outcome == Outcome.MET else None
        row.outcome, row.state, row.answered_by, row.answered_at = outcome, State.ANSWERED, actor, clock.now()
        row.shown = row.kind in PUBLIC_KINDS and (shown or row.shown)
        row.save()
        _step(row, Act.ANSWERED, actor, row.organisation, late=row.answered_at >= row.due_at)
        _log(actor, "case.answer", row, outcome=outcome, meets=row.meets.name if row.meets else "")
        if row.person:
            key = f"case.answered:{row.number}:{row.steps.count()}"
            notify([row.person], "case.answered", reverse("asked", args=[row.number]), key, number=row.number)
    return row


def show(actor: Person, case: Case, shown: bool) -> Case:
    """Let the public read a demand or a question, or no longer; TableError for what is never public."""
    with transaction.atomic():
        row = _locked(case)
        check_can_answer(actor, row)
        if row.kind not in PUBLIC_KINDS:
            raise TableError("never_shown", "这类事项不公开")
        row.shown = shown
        row.save(update_fields=["shown"])
        _log(actor, "case.show", row, shown=shown)
    return row


def judge(case: Case, satisfied: bool) -> Case:
    """The asker's verdict on the answer: yes closes it, a first no opens it again with a new deadline, a second closes it.

    Whoever answered may have closed it before the asker said a word; the word counts all the same. TableError when there is no
    answer to judge.
    """
    with transaction.atomic():
        row = _locked(case)
        if not can_judge(row):
            raise TableError("nothing_to_judge", "现在没有等您评价的答复")
        again = not satisfied and row.satisfied is None
        row.satisfied = satisfied
        if again:
            row.state, row.since, row.closed_at = State.HANDLING, clock.now(), None
            row.due_at = deadlines.due(row.kind, "answer", row.since)
            row.mailed = State.RECEIVED  # so that the second answer is mailed too
            row.save()
            _step(row, Act.AGAIN, row.person, row.organisation)
            _tell(row, "case.again", f"{row.steps.count()}")
        elif row.state == State.CLOSED:
            row.save(update_fields=["satisfied"])
        else:
            _close(row, row.person)
        _log(row.person, "case.judge", row, satisfied=satisfied)
    return row


def close(actor: Person, case: Case) -> Case:
    """End an answered case of which the asker said nothing; TableError when it has no answer."""
    with transaction.atomic():
        row = _locked(case)
        check_can_answer(actor, row)
        check_answered(row)
        _close(row, actor)
        _log(actor, "case.close", row)
    return row


def support(case: Case, visitor: str) -> None:
    """``visitor`` (the hash of a person or of a browser's key) needs the data too; said twice it counts once.

    TableError for what is no public demand, or has its answer.
    """
    if case.kind != Kind.DEMAND or not case.shown:
        raise TableError("not_supported", "只有已公开的需求可以支持")
    check_open(case)
    with transaction.atomic():
        _made, new = Support.objects.get_or_create(case=case, visitor_sha256=visitor)
        if new:
            Case.objects.filter(pk=case.pk).update(supporters=F("supporters") + 1)
            log.append(READER, "case.support", f"case:{case.number}")


def escalate() -> None:
    """Tell once a deadline of cases that were not answered in time: the approvers of the organisation, and the platform."""
    for row in Case.objects.filter(state__in=OPEN, due_at__lte=clock.now()).select_related("organisation", "dataset"):
        with transaction.atomic():
            people = handlers(row)
            if row.organisation and row.kind != Kind.COMPLAINT:
                people = [one for code in LATE_TOLD for one in people_who_may(code, row.organisation)]
            _tell(row, "case.late", f"{row.due_at:%Y%m%d}", people)


def _complained_of(asked: Asked) -> Organisation | None:
    if asked.about == Case.About.DATASET:
        if asked.dataset is None:
            raise TableError("dataset_required", "请写明是哪个数据集（它的名称或网址里的标识）")
        return asked.dataset.provider
    if asked.about == Case.About.ORGANISATION:
        if asked.organisation is None:
            raise TableError("organisation_required", "请选择是哪个机构")
        return asked.organisation
    if asked.about == Case.About.PLATFORM:
        return Organisation.objects.filter(kind=Organisation.Kind.PLATFORM).order_by("pk").first()
    return None


def _meeting(name: str) -> Dataset:
    found: Dataset | None = visible().filter(name=name.strip().rstrip("/").rpartition("/")[2]).first()
    if found is None:
        raise TableError("dataset_unknown", "没有数据集「{dataset}」", where={"dataset": name[:80]})
    return found


def _locked(case: Case) -> Case:
    found = Case.objects.select_for_update(of=("self",))
    return found.select_related("organisation", "dataset__resource", "person", "meets").get(pk=case.pk)


def _close(row: Case, by: Person | None) -> None:
    row.state, row.closed_at = State.CLOSED, clock.now()
    row.save()
    _step(row, Act.CLOSED, by, row.organisation)


def _step(
    row: Case, act: str, by: Person | None, where: Organisation | None, note: str = "", late: bool | None = None
) -> None:
    where = None if row.kind == Kind.COMPLAINT else where  # whom it is about doesn't handle it
    Step.objects.create(case=row, act=act, by=by, organisation=where, note=note, late=late, at=clock.now())


def _tell(row: Case, template: str, again: str = "", people: list[Person] | None = None) -> None:
    url = reverse("complaint" if row.kind == Kind.COMPLAINT else "case", args=[row.number])
    found = handlers(row) if people is None else people
    notify(found, template, url, f"{template}:{row.number}:{again}", due_at=row.due_at, number=row.number)


def _log(actor: Person | None, action: str, row: Case, **facts: str | bool) -> None:
    log.append(actor.actor_id if actor else READER, action, f"case:{row.number}", **facts)
