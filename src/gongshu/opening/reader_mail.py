"""E-mails to people without an account: links to confirm, news of datasets, answers to reports and to offers.

What was mailed is kept beside the subscription, the report or the offer, so a kill can repeat a mail but never lose one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Min, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gongshu import clock
from gongshu.opening import offers, problems, readers
from gongshu.opening.models import Dataset, Offer, Problem, Subscription, Version
from gongshu.oversight.log import details_of
from gongshu.oversight.models import Event, LogState
from gongshu.parties.mail import Mail, send_all
from gongshu.web import words

NEWS = {
    "version.publish": gettext_noop("《%(title)s》有了第 %(number)s 版"),
    "version.withdraw": gettext_noop("《%(title)s》第 %(number)s 版已撤回：%(reason)s"),
    "dataset.stop": gettext_noop("《%(title)s》已紧急停止提供，平台正在核查"),
    "dataset.restore": gettext_noop("《%(title)s》已恢复提供"),
}
CONFIRM_DAYS = 7
CLOSED_DAYS = 2
FAR = 500  # events in the log after which even those who have no news are marked as told, so that the look stays short


def mail_readers() -> None:
    """Mail what hasn't been mailed: first decisions on offers and links to confirm, then news, then the state of reports; then forget the addresses of
    reporters to whom nothing will be sent any more."""
    Subscription.objects.exclude(email="").filter(
        confirmed_at=None, created_at__lt=clock.now() - timedelta(days=CONFIRM_DAYS)
    ).delete()
    send_all(_due())
    Problem.objects.exclude(email="").filter(_told()).update(email="")
    _mark_far()


class _Decided(Mail):
    def __init__(self, row: Offer) -> None:
        super().__init__(row.email, row.language)
        self.row = row

    def said(self) -> list[str]:
        return offers.letter(self.row)

    def keep(self) -> None:
        Offer.objects.filter(pk=self.row.pk).update(told_at=clock.now())


class _Confirm(Mail):
    def __init__(self, row: Subscription) -> None:
        super().__init__(row.email, row.language)
        self.row = row

    def said(self) -> list[str]:
        return [
            _("请确认订阅《%(title)s》") % {"title": words.local(self.row.dataset, "title")},
            _("有人用这个邮箱订阅这个数据集的更新。是您，请打开下面的地址确认；不是您，不必理会，不会再有邮件。"),
            _link(self.row),
        ]

    def keep(self) -> None:
        Subscription.objects.filter(pk=self.row.pk).update(asked_at=clock.now())


class _News(Mail):
    def __init__(self, row: Subscription, news: list[Event]) -> None:
        super().__init__(row.email, row.language)
        self.row, self.news = row, news

    def said(self) -> list[str]:
        *before, last = [_what_happened(event, self.row.dataset) for event in self.news]
        page = settings.SITE_URL + reverse("dataset", args=[self.row.dataset.name])
        return [last, *before, page, _("不想再收到：") + _link(self.row)]

    def keep(self) -> None:
        last = self.news[-1].index
        Subscription.objects.filter(pk=self.row.pk, told__lt=last).update(told=last)


class _Report(Mail):
    def __init__(self, row: Problem) -> None:
        super().__init__(row.email, row.language)
        self.row = row

    def said(self) -> list[str]:
        number = {"number": self.row.number}
        link = settings.SITE_URL + reverse("report", args=[problems.secret_of(self.row.number)])
        if self.row.state != Problem.State.OPEN:
            return [_("您报告的问题 %(number)s 有了答复") % number, self.row.answer, _("看详情、说是否满意："), link]
        return [
            _("已收到您的问题报告 %(number)s") % number,
            _("处理情况在这个地址，请保存，不要转给别人："),
            link,
        ]

    def keep(self) -> None:
        told = self.row.state if self.row.state == Problem.State.OPEN else Problem.State.ANSWERED
        Problem.objects.filter(pk=self.row.pk, state=self.row.state).update(mailed=told)


def _link(row: Subscription) -> str:
    """The address to confirm or leave; when the installation's key has changed, the new secret is kept."""
    secret = readers.secret_of(row)
    if (known := readers.hashed(secret)) != row.secret_sha256:
        Subscription.objects.filter(pk=row.pk).update(secret_sha256=known)
    return f"{settings.SITE_URL}{reverse('subscription', args=[secret])}"


def _due() -> Iterator[Mail]:
    for offer in Offer.objects.exclude(state=Offer.State.OPEN).filter(told_at=None).order_by("decided_at"):
        yield _Decided(offer)
    for row in (
        Subscription.objects.exclude(email="").filter(confirmed_at=None, asked_at=None).select_related("dataset")
    ):
        yield _Confirm(row)
    for row, news in _with_news():
        yield _News(row, news)
    waiting = Problem.objects.exclude(email="").exclude(state=F("mailed")).exclude(_told())
    for report in waiting.select_related("dataset"):
        yield _Report(report)


def _told() -> Q:
    """Reports that are closed and of which nothing will be mailed any more; one closed right after its answer is still told."""
    long_ago = clock.now() - timedelta(days=CLOSED_DAYS)
    return Q(state=Problem.State.CLOSED) & (Q(mailed=Problem.State.ANSWERED) | Q(closed_at__lt=long_ago))


def _confirmed() -> QuerySet[Subscription]:
    return Subscription.objects.exclude(email="").filter(confirmed_at__isnull=False)


def _with_news() -> Iterator[tuple[Subscription, list[Event]]]:
    first = _confirmed().aggregate(first=Min("told"))["first"]
    if first is None:
        return
    happened: dict[str, list[Event]] = {}
    for event in Event.objects.filter(index__gt=first, action__in=NEWS).order_by("index"):
        happened.setdefault(event.subject.partition(":")[2], []).append(event)
    for row in _confirmed().filter(dataset__name__in=happened).select_related("dataset").order_by("pk"):
        if news := [event for event in happened[row.dataset.name] if event.index > row.told]:
            yield row, news


def _mark_far() -> None:
    """Mark those without news as told, once the log has grown far beyond the last time."""
    size = LogState.objects.values_list("size", flat=True).first() or 0
    first = _confirmed().aggregate(first=Min("told"))["first"]
    if first is None or size - first < FAR:
        return
    waiting = [row.pk for row, _news in _with_news()]
    # an event that came since then has an index of at least ``size``
    _confirmed().exclude(pk__in=waiting).filter(told__lt=size - 1).update(told=size - 1)


def _what_happened(event: Event, dataset: Dataset) -> str:
    number = details_of(event).get("version", "")
    reason = ""
    if event.action == "version.withdraw":
        version = Version.objects.filter(dataset=dataset, number=number).first()
        reason = version.withdrawn_reason if version else ""
    said: str = _(NEWS[event.action]) % {"title": words.local(dataset, "title"), "number": number, "reason": reason}
    return " ".join(said.split())  # one line: it becomes a subject
