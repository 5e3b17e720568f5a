"""Sending e-mail: beside the request, or by the worker one by one, so that an address that refuses keeps nobody else's."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from smtplib import SMTPRecipientsRefused

from django.core.cache import caches
from django.core.mail import EmailMessage
from django.utils import translation

from gongshu.jobs.runner import crash_here

logger = logging.getLogger("gongshu.parties.mail")
AT_ONCE = 50
AGAIN_SECONDS = 3600
REFUSED = 3  # so many refusals one after another: the mail server has trouble, the next round tries again
FOR_EVER = 500  # SMTP replies from here on are final (RFC 5321, 4.2.1)


class Mail(ABC):
    """One e-mail, and what is kept once it was sent."""

    def __init__(self, to: str, language: str) -> None:
        self.to, self.language = to, language

    def send(self) -> None:
        """Send it; smtplib's errors are OSErrors."""
        with translation.override(self.language):
            subject, *lines = self.said()
        EmailMessage(subject, "\n\n".join([subject, *lines]) + "\n", to=[self.to]).send()
        crash_here("mailed")

    @abstractmethod
    def said(self) -> list[str]:
        """The subject, and what follows it."""

    @abstractmethod
    def keep(self) -> None:
        """Remember that it was sent, or that it never can be."""


def send_all(mails: Iterable[Mail]) -> None:
    """Send the first of ``mails``; what was not taken comes again with the next round, what is refused for ever does not.

    An address that is refused for now is left alone for an hour: many such must not stand in the way of the others.
    """
    refused, waits = 0, caches["process"]
    for mail in islice((one for one in mails if not waits.get(_waiting(one.to))), AT_ONCE):
        try:
            mail.send()
        except SMTPRecipientsRefused as error:
            if any(code < FOR_EVER for code, _why in error.recipients.values()):
                waits.set(_waiting(mail.to), True, AGAIN_SECONDS)
                continue
            logger.warning("一个邮箱不收邮件，这封不再发")
        except OSError as error:  # the address stays out of the log
            logger.warning("一封邮件没有发出：%s", type(error).__name__)
            refused += 1
            if refused == REFUSED:
                return
            continue
        refused = 0
        mail.keep()


def _waiting(address: str) -> str:
    return f"mail-waits:{sha256(address.lower().encode()).hexdigest()}"


def send_later(message: EmailMessage) -> Future[None]:
    """Send ``message`` in a thread of its own; the process waits for it when it ends. Errors are logged, without the address."""
    return _sender().submit(_send, message)


@lru_cache(maxsize=1)
def _sender() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except Exception:
        logger.exception("邮件没有发出：%s", message.subject)
