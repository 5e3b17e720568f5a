"""What the worker does for people: it mails their notices."""

from __future__ import annotations

from django.conf import settings

from gongshu import clock
from gongshu.jobs.runner import chore
from gongshu.parties.mail import Mail, send_all
from gongshu.parties.models import Notice
from gongshu.parties.notices import text_of


@chore
def send_mails() -> None:
    """Mail what hasn't been mailed, the oldest first."""
    waiting = Notice.objects.filter(mailed_at=None, person__is_active=True).exclude(person__email="")
    send_all(_Notice(row) for row in waiting.select_related("person").order_by("created_at").iterator())


class _Notice(Mail):
    def __init__(self, row: Notice) -> None:
        super().__init__(row.person.email, settings.LANGUAGE_CODE)
        self.row = row

    def said(self) -> list[str]:
        return [text_of(self.row), settings.SITE_URL + self.row.url]

    def keep(self) -> None:
        Notice.objects.filter(pk=self.row.pk).update(mailed_at=clock.now())
