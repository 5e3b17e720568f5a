"""Cursors: where a page ended, sealed, so that the next one goes on there, in the same version and for the same question."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.values import BadQuestion

LONGEST = 8000  # characters; sort values are part of a cursor
_SEAL = 12


class BadCursor(BadQuestion):
    """The cursor was not given by us, or belongs to another question."""

    code = "bad_cursor"


@dataclass(frozen=True)
class Cursor:
    """``values`` are the sort values of the last row as text, ``ordinal`` its place in the version."""

    version: int
    question: str
    values: tuple[str | None, ...]
    ordinal: int

    def seal(self) -> str:
        """The cursor as it is handed out."""
        plain = json.dumps([self.version, self.question, self.values, self.ordinal], ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(_mac(plain) + plain).decode().rstrip("=")


def read(text: str) -> Cursor:
    """The cursor that was handed out as ``text``; BadCursor for any other."""
    try:
        if len(text) > LONGEST:
            raise ValueError(text)
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if not hmac.compare_digest(_mac(sealed[_SEAL:]), sealed[:_SEAL]):
            raise ValueError(text)
        version, question, values, ordinal = json.loads(sealed[_SEAL:])
    except ValueError as error:
        raise BadCursor(_("cursor 无效：请原样用上一页的 next，或从头查起"), parameter="cursor") from error
    return Cursor(version, question, tuple(values), ordinal)


def check(cursor: Cursor, ask: Ask) -> None:
    """BadCursor when the cursor belongs to a question with other conditions or another order."""
    if cursor.question != fingerprint(ask):
        raise BadCursor(_("cursor 属于另一个查询：筛选与排序要和上一页相同"), parameter="cursor")


def fingerprint(ask: Ask) -> str:
    """Tells questions apart by which rows they mean, and in which order."""
    return hashlib.sha256(repr((ask.filters, ask.tree, ask.words, ask.sort)).encode()).hexdigest()[:16]


def _mac(plain: bytes) -> bytes:
    key = hashlib.sha256(b"gongshu.rows.cursor" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, plain, "sha256")[:_SEAL]
