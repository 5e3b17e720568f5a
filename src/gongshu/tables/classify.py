"""Level (级别), open type (开放属性) and subject (主体) of each field and of the table, proposed by rulebooks, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gongshu.i18n import gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.contract import OPEN_TYPES, Protection
from gongshu.tables.semantic.types import Title, plugin_types, type_title

RULEBOOK = "semantic-2026/levels"
IMPACT = "grading-2026/impact"
RAISES = "grading-2026/raises"
OPEN_WORDS = {"unconditional": "无条件开放", "conditional": "有条件开放", "none": "非开放"}


@dataclass(frozen=True)
class Grade:
    """A proposed ``level`` (1..6), ``open_type``, ``subject``, and the protection under which the field could be opened.

    ``reasons``: in words, what made it so; :attr:`sentence` puts them together.
    """

    level: int
    open_type: str
    subject: str
    protection: Protection = field(default_factory=Protection)
    reasons: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Why it is graded so, in one sentence of the reader's language."""
        return gettext(
            "{reasons}，所以是 {level} 级、{open_type}。",
            reasons=gettext("；").join(self.reasons),
            level=self.level,
            open_type=gettext(OPEN_WORDS[self.open_type]),
        )


@dataclass(frozen=True)
class Impact:
    """The level that an impact makes: ``deciding`` are the objects that are hit so hard; ``sentence`` says it in words."""

    level: int
    deciding: tuple[str, ...]
    sentence: str


def grade_by_impact(impacts: Mapping[str, str]) -> Impact:
    """The level of a field by whom its leak, change or loss would hit and how badly (R2.1, GB/T 43697-2024).

    ``impacts``: object (``national_security``, ``economy``, ``social_order``, ``public_interest``, ``organisation``,
    ``individual``) -> degree (``none``, ``general``, ``serious``, ``very_serious``); one left out is not hit. The highest
    counts (就高从严).

    >>> grade_by_impact({"individual": "serious", "organisation": "general"}).level
    3
    """
    book = rulebook(IMPACT)
    unknown = set(impacts) - set(book["objects"]) | set(impacts.values()) - set(book["degrees"])
    if unknown:
        raise ValueError(f"unknown object or degree: {', '.join(sorted(unknown))}")
    levels = {name: book["objects"][name]["levels"][degree] for name, degree in impacts.items()}
    level = max(levels.values(), default=1)
    deciding = tuple(name for name in book["objects"] if levels.get(name) == level and level > 1)
    said = [
        gettext(
            "对{object}是{degree}", object=_title(book["objects"][name]), degree=_title(book["degrees"][impacts[name]])
        )
        for name in deciding
    ]
    if not said:
        return Impact(level, deciding, gettext("对谁都没有影响，定为 1 级。"))
    return Impact(
        level, deciding, gettext("{impacts}，就高定为 {level} 级。", impacts=gettext("、").join(said), level=level)
    )


def classify(types: Mapping[str, str | None], rows: int | None = None) -> tuple[dict[str, Grade], Grade]:
    """The grades of the columns (name -> semantic type) and of the table; ``rows``: its size, where that is known.

    A table is about persons when a column identifies or describes one; unknown columns of such a table describe that person.
    With columns about bodies too it is mixed: there only the persons' own columns are raised. The table takes the highest
    level and the strictest open type of its fields (就高从严), and more for many rows or for fields that tell more together.
    """
    book = rulebook(RULEBOOK)
    persons, bodies, subject = _subject(book, types)
    sign = next((name for name, code in types.items() if code in book["person_signs"]), "")
    grades = {name: _grade(book, code, persons, bodies, subject, sign) for name, code in types.items()}
    return grades, grade_table(grades, types, rows)


def grade_table(grades: Mapping[str, Grade], types: Mapping[str, str | None], rows: int | None = None) -> Grade:
    """The grade of the table whose fields have these ``grades``, as proposed or as a person decided them: the highest level and
    the strictest open type of them, raised for its size and for types that tell more together."""
    book = rulebook(RULEBOOK)
    level = max((grade.level for grade in grades.values()), default=1)
    highest = [name for name, grade in grades.items() if grade.level == level]
    reason = (
        gettext("就高从严，取最高一列「{column}」的级别", column=highest[0])
        if highest and level > 1
        else gettext("各列都对谁没有影响")
    )
    open_type = max((grade.open_type for grade in grades.values()), key=OPEN_TYPES.index, default="unconditional")
    whole = Grade(level, open_type, _subject(book, types)[2], reasons=(reason,))
    return _raised(book, whole, {code for code in types.values() if code}, rows)


def _subject(book: Mapping[str, Any], types: Mapping[str, str | None]) -> tuple[bool, bool, str]:
    """Whether the types speak of persons, of bodies, and what the table is about."""
    found = {code for code in types.values() if code}
    persons, bodies = bool(found & set(book["person_signs"])), bool(found & set(book["body_signs"]))
    subject = "mixed" if persons and bodies else "person" if persons else "organisation" if bodies else "object"
    return persons, bodies, subject


def _grade(book: Mapping[str, Any], code: str | None, persons: bool, bodies: bool, subject: str, sign: str) -> Grade:
    entry, reason = _entry(book, code, persons, bodies, sign)
    about = entry.get("subject", "organisation" if subject == "mixed" else subject)
    protection = entry.get("protection", {})
    widest = book["open_types"][entry["level"]]
    return Grade(
        level=entry["level"],
        # the table of levels caps what the type says
        open_type=max(entry["open_type"], widest, key=OPEN_TYPES.index),
        subject=about,
        protection=Protection(protection.get("method", "keep"), dict(protection.get("params", {}))),
        reasons=(reason, _harm(about, entry["level"])),
    )


def _entry(
    book: Mapping[str, Any], code: str | None, persons: bool, bodies: bool, sign: str
) -> tuple[Mapping[str, Any], str]:
    """The entry of the rulebook that grades the field, and why it is this one."""
    title = type_title(code)
    if persons and not bodies:
        if code in book["in_person_tables"]:
            return book["in_person_tables"][code], gettext(
                "「{column}」说明这是个人的表，其中的{title}是个人的", column=sign, title=title
            )
        entry = _of_type(book, code)
        if entry is None:
            return book["in_person_tables"]["other"], gettext(
                "「{column}」说明这是个人的表，这一列描述同一个人", column=sign
            )
        return entry, gettext("语义类型是{title}", title=title)
    if not persons and code in book["without_persons"]:
        return book["without_persons"][code], gettext("表里没有个人，{title}不指向个人", title=title)
    entry = _of_type(book, code)
    if entry is not None:
        return entry, gettext("语义类型是{title}", title=title)
    if code:
        return book["other"], gettext("{title}不在敏感类型之列", title=title)
    return book["other"], gettext("没有认出敏感的类型")


def _of_type(book: Mapping[str, Any], code: str | None) -> Mapping[str, Any] | None:
    """The rulebook's entry for a type, or what a plug-in says of its own."""
    entry: Mapping[str, Any] | None = book["types"].get(code)
    kind = plugin_types().get(code or "")
    if entry is None and kind and kind.level > 1:
        return {
            "level": kind.level,
            "open_type": kind.open_type,
            "subject": kind.subject,
            "protection": kind.protection,
        }
    return entry


def _harm(subject: str, level: int) -> str:
    """What the level means for whom, in the words of the impact table."""
    book = rulebook(IMPACT)
    hit = {"person": "individual", "organisation": "organisation"}.get(subject, "individual")
    degree = next((name for name, value in book["objects"][hit]["levels"].items() if value == level), "very_serious")
    if level == 1:
        return gettext("公开对谁都没有影响")
    return gettext(
        "泄露对{object}是{degree}", object=_title(book["objects"][hit]), degree=_title(book["degrees"][degree])
    )


def _raised(book: Mapping[str, Any], whole: Grade, found: set[str], rows: int | None) -> Grade:
    """The table's grade with the raises for fields that tell more together and for its size, each kind once."""
    raises = rulebook(RAISES)
    together = [rule for rule in raises["combination"] if _together(rule, whole.subject, found)]
    for rule in sorted(together, key=lambda rule: -rule["to"])[:1]:
        named = gettext("、").join(type_title(code) for code in rule["types"] if code in found)
        whole = _to(book, whole, rule["to"], gettext("{titles}：{why}", titles=named, why=_title(rule)))
    fitting = [
        rule
        for rule in raises["scale"]
        if (rows or 0) >= rule["rows"] and whole.level >= rule["from"] and whole.subject in rule["subjects"]
    ]
    highest = max((rule["to"] for rule in fitting), default=0)
    return _to(book, whole, highest, gettext("有 {rows} 行，规模大", rows=f"{rows or 0:,}"))


def _together(rule: Mapping[str, Any], subject: str, found: set[str]) -> bool:
    needed = set(rule.get("with", ()))
    return subject in rule["subjects"] and needed <= found and len(found & set(rule["types"])) >= rule["least"]


def _to(book: Mapping[str, Any], whole: Grade, level: int, reason: str) -> Grade:
    if level <= whole.level:
        return whole
    open_type = max(whole.open_type, book["open_types"][level], key=OPEN_TYPES.index)
    return replace(whole, level=level, open_type=open_type, reasons=(*whole.reasons, reason))


def _title(entry: Mapping[str, Any]) -> str:
    return Title.of(entry["title"], entry["title_en"])
