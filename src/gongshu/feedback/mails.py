"""E-mails to those who asked without an account: where they can follow their case, its answer, what became of an offer.

What was mailed is kept beside the case, so a kill can repeat a mail but never lose one. An address is deleted once it isn't
needed any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.feedback import cases
from gongshu.feedback.models import Case, Reuse
from gongshu.feedback.policies import OPEN
from gongshu.opening.readers import hashed
from gongshu.parties.mail import Mail, send_all

State = Case.State


def mail_askers() -> None:
    """Mail what hasn't been mailed, then forget the addresses that nothing will be sent to any more."""
    send_all(_due())
    Case.objects.filter(state=State.CLOSED, mailed=State.ANSWERED).exclude(email="").update(email="")


class _Case(Mail):
    def __init__(self, row: Case) -> None:
        super().__init__(row.email, row.language)
        self.row = row

    def said(self) -> list[str]:
        number, link = {"number": self.row.number}, _link(self.row)
        if self.row.state in OPEN:
            return [_("已收到您提出的 %(number)s") % number, _("办理情况在这个地址，请保存，不要转给别人："), link]
        lines = [_("您提出的 %(number)s 有了答复") % number, self.row.answer]
        if self.row.meets:
            lines.append(settings.SITE_URL + reverse("dataset", args=[self.row.meets.name]))
        return [*lines, _("看详情、说是否满意："), link]

    def keep(self) -> None:
        mailed = State.RECEIVED if self.row.state in OPEN else State.ANSWERED
        Case.objects.filter(pk=self.row.pk, state=self.row.state, due_at=self.row.due_at).update(mailed=mailed)


class _Reuse(Mail):
    def __init__(self, row: Reuse) -> None:
        super().__init__(row.email, row.language)
        self.row = row

    def said(self) -> list[str]:
        title = {"title": " ".join(self.row.title.split())}
        if self.row.state == Reuse.State.SHOWN:
            return [_("您提交的《%(title)s》已公开") % title, settings.SITE_URL + reverse("reuses")]
        return [_("您提交的《%(title)s》没有采用") % title, self.row.reason]

    def keep(self) -> None:
        Reuse.objects.filter(pk=self.row.pk).update(email="")


def _due() -> Iterator[Mail]:
    with_address = Case.objects.exclude(email="").select_related("meets").order_by("pk")
    for row in with_address.filter(state__in=OPEN, mailed=""):
        yield _Case(row)
    for row in with_address.filter(state__in=(State.ANSWERED, State.CLOSED)).exclude(mailed=State.ANSWERED):
        yield _Case(row)
    for reuse in Reuse.objects.exclude(email="").exclude(state=Reuse.State.WAITING):
        yield _Reuse(reuse)


def _link(row: Case) -> str:
    """The asker's own address; when the installation's key has changed, the new secret is kept."""
    secret = cases.secret_of(row.number)
    if (known := hashed(secret)) != row.secret_sha256:
        Case.objects.filter(pk=row.pk).update(secret_sha256=known)
    return f"{settings.SITE_URL}{reverse('asked', args=[secret])}"
