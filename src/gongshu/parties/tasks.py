"""What the worker does for people: it mails their notices."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage

from gongshu import clock
from gongshu.i18n import use_language
from gongshu.jobs.runner import chore
from gongshu.parties.models import Notice
from gongshu.parties.notices import text_of

MAILS_AT_ONCE = 50


@chore
def send_mails() -> None:
    """Mail what hasn't been mailed; what the mail server refuses is tried again with the next round."""
    waiting = Notice.objects.filter(mailed_at=None, person__is_active=True).exclude(person__email="")
    for notice in waiting.select_related("person").order_by("created_at")[:MAILS_AT_ONCE]:
        with use_language(settings.LANGUAGE_CODE):
            sentence = text_of(notice)
        EmailMessage(sentence, f"{sentence}\n\n{settings.SITE_URL}{notice.url}\n", to=[notice.person.email]).send()
        Notice.objects.filter(pk=notice.pk).update(mailed_at=clock.now())
