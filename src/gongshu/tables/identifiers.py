"""Quasi-identifiers: the columns by which a person of a table may be recognised. No engine is needed to tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gongshu.rulebooks import rulebook
from gongshu.tables.classify import classify
from gongshu.tables.contract import Field

RULEBOOK = "semantic-2026/risk"


def quasi_identifiers(types: Mapping[str, str | None], subject: str) -> list[str]:
    """The columns (name -> semantic type) by which a person of the table may be recognised; none in tables of things or bodies."""
    if subject not in ("person", "mixed"):
        return []
    book = rulebook(RULEBOOK)
    kinds = set(book["types"]) | (set(book["mixed_types"]) if subject == "mixed" else set())
    return [name for name, code in types.items() if code in kinds or (code is None and _named(name, book))]


def limits(scene: str | None = None) -> dict[str, Any]:
    """The limits of a ``scene`` of the rulebook (``public``, ``public_partial``, ``limited``, ``limited_partial``), by default
    that of a release: ``k``, ``l``, ``t``, ``prosecutor_max``, ``prosecutor_mean``, ``epsilon``."""
    book = rulebook(RULEBOOK)
    found: dict[str, Any] = book["scenes"][scene or book["release"]]
    return found


def beyond_limits(risk: Mapping[str, Any] | None) -> bool:
    """Whether a :func:`gongshu.tables.risk.disclosure_risk`, as it was kept, is too much to be released."""
    if not risk:
        return False
    return bool(risk["over"] if "over" in risk else risk["k"] < risk["threshold"])


def sensitive_columns(fields: list[Field]) -> list[str]:
    """The columns that hold sensitive personal information which can still be read: groups must not be alike in them."""
    kinds = set(rulebook(RULEBOOK)["sensitive"])
    unreadable = ("drop", "keyed_hash", "tokenise")
    return [one.name for one in fields if one.semantic_type in kinds and one.protection.method not in unreadable]


def _named(name: str, book: Mapping[str, Any]) -> bool:
    lowered = name.lower()
    words = set(lowered.replace("-", "_").replace(" ", "_").split("_")) | {lowered}
    chinese = [word for word in book["names"] if not word.isascii()]
    return any(word in name for word in chinese) or bool(words & (set(book["names"]) | set(book["pinyin"])))


def remaining_identifiers(fields: list[Field]) -> list[str]:
    """The quasi-identifiers that stay public when ``fields`` are protected as they say.

    A table of persons stays one when their names are gone: its rows still speak of somebody. A mixed table has none once
    none of the columns about persons is public.
    """
    public, subject = still_public(fields)
    return quasi_identifiers(public_types(public), subject)


def still_public(fields: list[Field]) -> tuple[list[Field], str]:
    grades, whole = classify({field.name: field.semantic_type for field in fields})
    public = [field for field in fields if field.protection.method != "drop"]
    persons = [field for field in public if (field.subject or grades[field.name].subject) == "person"]
    return public, "object" if whole.subject == "mixed" and not persons else whole.subject


def public_types(public: list[Field]) -> dict[str, str | None]:
    """The semantic types of public columns as their protection leaves them: what a mask shows of a resident ID (division, birth)
    is known of a person like a quasi-identifier."""
    masked = {"resident_id": "resident_id_masked"}
    return {
        field.name: masked.get(field.semantic_type or "", field.semantic_type)
        if field.protection.method == "mask" and field.protection.params
        else field.semantic_type
        for field in public
    }
