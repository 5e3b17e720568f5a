"""What can go wrong with a file, said so that a person knows what, where, and what to do."""

from __future__ import annotations

from typing import Any

from gongshu.i18n import gettext, use_language


class TableError(Exception):
    """A file can't be read, or a table can't be treated as asked.

    ``code`` is stable and for programs; ``message`` is a Chinese msgid with ``{names}`` filled from ``where`` and
    ``values``; ``where`` may hold file, sheet, row, column, value.
    """

    def __init__(self, code: str, message: str, *, where: dict[str, Any] | None = None, **values: object) -> None:
        self.code = code
        self.where = where or {}
        self._message = message
        self._values = {**self.where, **values}
        super().__init__(self.text("zh-hans"))

    def text(self, language: str) -> str:
        """The message in ``zh-hans`` or ``en``."""
        with use_language(language):
            return gettext(self._message, **self._values)

    def as_json(self) -> dict[str, Any]:
        """``{"code", "message", "message_en", "where"}`` as in the inspect document."""
        return {
            "code": self.code,
            "message": self.text("zh-hans"),
            "message_en": self.text("en"),
            "where": self.where,
        }
