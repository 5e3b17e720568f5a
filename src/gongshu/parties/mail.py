"""Sending e-mail beside the request; what could not be sent is in the log of the process."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

from django.core.mail import EmailMessage

logger = logging.getLogger("gongshu.parties.mail")


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
