"""Topics, licences, update frequencies and open types in words, from the opening rulebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, gettext_lazy

from gongshu.rulebooks import rulebook

RULEBOOK = "opening-2026"
DIMENSIONS = {  # DB31/T 1523-2024, first level
    "01": gettext_lazy("规范性"),
    "02": gettext_lazy("完整性"),
    "03": gettext_lazy("准确性"),
    "04": gettext_lazy("一致性"),
    "05": gettext_lazy("时效性"),
    "06": gettext_lazy("可访问性"),
}


@dataclass(frozen=True)
class Term:
    """An entry of a rulebook; an unknown key speaks for itself, so that nothing published becomes unreadable."""

    key: str
    entry: dict[str, Any]

    def say(self, part: str = "") -> str:
        """The words of the active language; ``part`` is ``note``, ``text`` or empty for the name."""
        language = "en" if (get_language() or "").startswith("en") else "zh"
        name = f"{language}_{part}" if part else language
        return str(self.entry.get(name, "" if part else self.key))

    @property
    def name(self) -> str:
        return self.say()

    @property
    def note(self) -> str:
        return self.say("note")

    @property
    def text(self) -> str:
        return self.say("text")

    @property
    def url(self) -> str:
        return str(self.entry.get("url", ""))

    @property
    def days(self) -> int | None:
        return self.entry.get("days")


def _terms(file: str) -> dict[str, Term]:
    return {entry["key"]: Term(entry["key"], entry) for entry in rulebook(f"{RULEBOOK}/{file}")["entries"]}


def quality_total(quality: dict[str, Any]) -> float | None:
    """The score of a quality run, 0..100; below 100 as long as an error was found, however rare."""
    total = quality.get("total")
    if total is None:
        return None
    wrong = any(f.get("severity") == "error" and f.get("rows_total") for f in quality.get("findings", []))
    return min(float(total), 99.9) if wrong else float(total)


def topics() -> dict[str, Term]:
    """专题 by key, in the rulebook's order."""
    return _terms("topics")


def topic(key: str) -> Term:
    unsorted = rulebook(f"{RULEBOOK}/topics")["unsorted"]
    return topics().get(key) or Term(key, unsorted if key == unsorted["key"] else {})


def default_topic() -> str:
    """The topic of a dataset that names none."""
    return str(rulebook(f"{RULEBOOK}/topics")["unsorted"]["key"])


def default_licence() -> str:
    """The licence of an unconditionally opened dataset that names none: the rulebook's first."""
    return next(iter(_terms("licences")))


def licences() -> dict[str, Term]:
    """使用许可 by key, in the rulebook's order."""
    return _terms("licences")


def given_licences() -> dict[str, Term]:
    """Those under which firms and persons may give their data."""
    return {key: term for key, term in licences().items() if term.entry.get("given")}


def licence(key: str) -> Term:
    return _terms("licences").get(key) or Term(key, {})


def frequencies() -> dict[str, Term]:
    """更新频率 by key, in the rulebook's order."""
    return _terms("frequencies")


def frequency(key: str) -> Term:
    return frequencies().get(key) or Term(key, {})
