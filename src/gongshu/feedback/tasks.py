"""What the worker does for those who ask: it mails them, and tells of cases that are late."""

from __future__ import annotations

from gongshu.feedback import cases, mails
from gongshu.jobs.runner import chore


@chore
def mail_askers() -> None:
    """Mail where a case is followed, and its answer."""
    mails.mail_askers()


@chore
def escalate_cases() -> None:
    """Tell, once a deadline, of what was not answered in time."""
    cases.escalate()
