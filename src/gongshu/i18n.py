"""Messages of the data plane: Chinese msgids, English by catalogue, without Django.

The control plane activates the reader's language through :func:`use_language` in a middleware; the command line does it
from ``--lang`` or ``GONGSHU_LANG``. Chinese is the source language and needs no catalogue.
"""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

LOCALE_DIR = Path(__file__).parent / "locale"
LANGUAGES = ("zh-hans", "en")
_language: ContextVar[str] = ContextVar("gongshu_language", default="zh-hans")


@lru_cache(maxsize=4)
def _catalogue(language: str) -> _gettext.NullTranslations:
    return _gettext.translation("django", LOCALE_DIR, [language], fallback=True)


def current_language() -> str:
    """The language of this context: ``zh-hans`` or ``en``."""
    return _language.get()


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Speak ``language`` inside the block; anything that is not English is Chinese."""
    token = _language.set("en" if language.lower().startswith("en") else "zh-hans")
    try:
        yield
    finally:
        _language.reset(token)


class Message(str):
    """A sentence that was said in one language and can be said again in another."""

    msgid: str
    values: dict[str, object]

    def again(self) -> str:
        """The same in the present language; sentences among its values as well."""
        values = {name: value.again() if isinstance(value, Message) else value for name, value in self.values.items()}
        return gettext(self.msgid, **values)


def gettext(message: str, **values: object) -> str:
    """Translate the Chinese ``message`` and fill its ``{names}``.

    >>> gettext("第 {row} 行", row=3)
    '第 3 行'
    """
    text = message if _language.get() == "zh-hans" else _catalogue("en").gettext(message)
    said = Message(text.format(**values) if values else text)
    said.msgid, said.values = message, values
    return said
