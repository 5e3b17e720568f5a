"""What the logs of the process must not hold: the secrets in people's own addresses."""

from __future__ import annotations

import logging
import re

_SECRET = re.compile(r"(/(?:asked|subscriptions|reports|give|invitation|reset)/)[\w:-]{16,}")


class WithoutSecrets(logging.Filter):
    """Django names the address of every request it refuses; whoever has one of these addresses is whom it was given to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """The record, its secrets replaced by ``…``."""
        record.msg = _hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        return True


def _hidden(value: object) -> object:
    return _SECRET.sub(r"\1…", value) if isinstance(value, str) else value
