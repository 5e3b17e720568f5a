"""The declared semantic types (语义类型) and the place where a plug-in adds its own.

A type is an object: what it is called, whom it speaks about, the form and the check digit of its values, the words that a
column's name has for it, and how sure a column that has all of that is one. Ours are declared in the rulebook
``semantic-2026/types``; those whose values need more than a form have a judge (:mod:`.judges`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pluggy

from gongshu.i18n import Message, current_language
from gongshu.rulebooks import rulebook

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gongshu.tables.semantic.checks import Check
    from gongshu.tables.semantic.evidence import Evidence
    from gongshu.tables.semantic.hints import Hints

TYPES = "semantic-2026/types"
LEVELS = "semantic-2026/levels"
SUBJECTS = ("person", "organisation", "object")
PROJECT = "gongshu"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Judge = Callable[["Evidence", bool, "Hints"], "tuple[float, str] | None"]


@dataclass(frozen=True)
class SemanticType:
    """What a column may be.

    ``code``: snake_case, the field's standard English term; ``title``, ``title_en``: its names; ``subject``: person,
    organisation or object; ``example``: an invented value; ``source``: the standard behind it.

    ``zh``, ``ends``, ``pinyin``, ``en``: what a column's name has for it (contained, at the end, initials, whole words);
    ``against``: contained, against it.

    ``pattern``: RE2, of a value trimmed, half-width and in upper case, and with ``packed`` without spaces and hyphens;
    ``sizes``: its least and greatest length. ``check``: tells of an array of such values which have a right check digit, and
    ``chance`` is the share of arbitrary ones that have. ``dictionary``: known values; ``codes``: known codes, which count
    only where the name speaks for the type.

    ``low``: the share of values from which on the column may be this; ``named``, ``unnamed``: how probable it is when all
    are so, with and without a name that says it (None: never without). ``numbering``: running numbers look the same.
    ``judge``: decides instead of the shares above. ``normaliser``: one writing for values that mean the same, as an expression.

    ``level`` (1..6), ``open_type`` and ``protection`` (method and params) are the proposed grade; a rulebook that names the
    type goes before them.
    """

    code: str
    title: str
    title_en: str
    subject: str
    example: str
    source: str
    zh: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    pinyin: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    pattern: str | None = None
    sizes: tuple[int, int] = (1, 200)
    packed: bool = False
    check: Check | None = None
    chance: float = 0.0
    dictionary: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    low: float = 0.6
    named: float = 0.97
    unnamed: float | None = None
    numbering: bool = False
    judge: Judge | None = None
    normaliser: Callable[[ir.StringValue], ir.StringValue] | None = None
    level: int = 1
    open_type: str = "unconditional"
    protection: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.subject not in SUBJECTS or not 1 <= self.level <= 6:
            raise ValueError(f"semantic type {self.code}: subject {self.subject!r}, level {self.level}")

    @property
    def name(self) -> str:
        """Its name in the reader's language."""
        return Title.of(self.title, self.title_en)


class Title(Message):
    """A name that has its own English, inside sentences that are said again in another language."""

    @property
    def chinese(self) -> str:
        """It in Chinese, whatever the reader's language."""
        return self.msgid

    @property
    def english(self) -> str:
        """It in English."""
        return str(self.values["en"])

    @classmethod
    def of(cls, title: str, title_en: str) -> Title:
        """The one for the present language, with both to say it again."""
        found = cls(title if current_language() == "zh-hans" else title_en)
        found.msgid, found.values = title, {"en": title_en}
        return found

    def again(self) -> str:
        """The same in the present language."""
        return Title.of(self.chinese, self.english)


class Hooks:
    """What a plug-in can add; its entry point stands in the group ``gongshu``."""

    @hookspec
    def gongshu_semantic_types(self) -> list[SemanticType]:
        """Semantic types besides ours; by default none."""
        return []


@cache
def plugins() -> pluggy.PluginManager:
    """The plug-ins of this process: the installed ones that name an entry point of the group ``gongshu``."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.load_setuptools_entrypoints(PROJECT)
    return manager


def register(plugin: object) -> None:
    """Add a plug-in that is not installed, e.g. in a notebook or a test."""
    plugins().register(plugin)
    _forget()


def unregister(plugin: object) -> None:
    """Take a plug-in away again."""
    plugins().unregister(plugin)
    _forget()


_learned: list[Callable[[], None]] = []  # what forgets what others have derived from the types


def derived(function: Any) -> Any:
    """A cache that is emptied when the types change."""
    cached = cache(function)
    _learned.append(cached.cache_clear)
    return cached


def _forget() -> None:
    for forget in _learned:
        forget()


@derived
def semantic_types() -> dict[str, SemanticType]:
    """All types by code: ours in the rulebook's order, then those of plug-ins. Two with one code are a mistake."""
    ours = {code: _declared(code, entry) for code, entry in rulebook(TYPES)["types"].items()}
    added: dict[str, SemanticType] = plugin_types()
    return ours | added


@derived
def plugin_types() -> dict[str, SemanticType]:
    """The types of plug-ins by code."""
    found: dict[str, SemanticType] = {}
    for group in plugins().hook.gongshu_semantic_types():
        for kind in group:
            if kind.code in found or kind.code in rulebook(TYPES)["types"]:
                raise ValueError(f"semantic type {kind.code} is declared twice")
            found[kind.code] = kind
    return found


def type_titles() -> dict[str, Title]:
    """The names of all types by code, in the reader's language; needs no engine, as requests ask for it."""
    ours = {code: Title.of(entry["title"], entry["title_en"]) for code, entry in rulebook(TYPES)["types"].items()}
    return ours | {code: Title.of(kind.title, kind.title_en) for code, kind in plugin_types().items()}


def type_title(code: str | None) -> str:
    """The name of a semantic type in the reader's language: ``resident_id`` is 居民身份证号; an unknown code is its own name."""
    entry = rulebook(TYPES)["types"].get(code or "")
    if entry is not None:
        return Title.of(entry["title"], entry["title_en"])
    kind = plugin_types().get(code or "")
    return kind.name if kind else code or ""


def _declared(code: str, entry: Mapping[str, Any]) -> SemanticType:
    # imported late: they are written in terms of the declarations, and need an engine
    checks = import_module("gongshu.tables.semantic.checks").CHECKS
    judges = import_module("gongshu.tables.semantic.judges").JUDGES
    normalisers = import_module("gongshu.tables.semantic.parts").NORMALISERS
    grade = rulebook(LEVELS)["types"].get(code, rulebook(LEVELS)["other"])
    hints: dict[str, Any] = {
        name: tuple(str(word) for word in entry.get(name, ())) for name in ("zh", "ends", "pinyin", "en")
    }
    rates: dict[str, Any] = {
        name: entry[name] for name in ("pattern", "chance", "low", "named", "unnamed") if name in entry
    }
    said: dict[str, Any] = {name: str(entry[name]) for name in ("title", "title_en", "subject", "example", "source")}
    return SemanticType(
        code=code,
        **said,
        **hints,
        against=tuple(entry.get("not", ())),
        **rates,
        sizes=tuple(entry.get("sizes", (1, 200))),
        packed=entry.get("packed", False),
        check=checks[entry["check"]] if "check" in entry else None,
        dictionary=dictionary(entry["dictionary"]) if "dictionary" in entry else frozenset(),
        codes=country_codes() if code == "nationality" else frozenset(entry.get("codes", ())),
        numbering=entry.get("numbering", False),
        judge=judges.get(code),
        normaliser=normalisers.get(code),
        level=grade["level"],
        open_type=grade["open_type"],
        protection=grade.get("protection", {}),
    )


@cache
def dictionary(name: str) -> frozenset[str]:
    """Known values in upper case: of the rulebook ``semantic-2026/values``, of Unicode CLDR for countries and currencies."""
    if name not in ("countries", "currencies"):
        return frozenset(str(word).upper() for word in rulebook("semantic-2026/values")["dictionaries"][name])
    from babel import Locale

    chinese, english = Locale.parse("zh_Hans_CN"), Locale.parse("en")
    extra = rulebook("semantic-2026/values")["dictionaries"][name]
    if name == "countries":
        # codes of two letters are words too (NO, IN, SE): they count where the column's name speaks of countries
        names = [locale.territories for locale in (chinese, english)]
        words = [each[code] for each in names for code in each if len(code) == 2 and code.isalpha()]
    else:
        names = [locale.currencies for locale in (chinese, english)]
        words = [word for each in names for code in each if len(code) == 3 for word in (code, each[code])]
    return frozenset(word.upper() for word in (*words, *extra))


def country_codes() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes (Unicode CLDR)."""
    from babel import Locale

    return frozenset(code for code in Locale.parse("en").territories if len(code) == 2 and code.isalpha())
