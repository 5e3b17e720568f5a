"""Rows as XML, as CKAN's dump writes them: an element for each column, ``_id`` as an attribute, ``xsi:nil`` where nothing stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import quoteattr

from sqlglot import exp

from gongshu.opening.rows import statements
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import call, json_value, quoted

HEAD = '<data xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
FOOT = "</data>\n"
# XML 1.0, 5th edition: what can stand in no document, not even escaped; and names, without their colons
_FORBIDDEN = "[\\x{0}-\\x{8}\\x{b}\\x{c}\\x{e}-\\x{1f}\\x{fffe}\\x{ffff}]"
_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NO_START, _NO_PART = re.compile(f"^(?![{_START}])|^(?=[xX][mM][lL])"), re.compile(f"[^{_START}0-9.\u00b7\u0300-\u036f\u203f-\u2040-]")  # fmt: skip
_ESCAPED = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))


@lru_cache(maxsize=256)
def each(table: Table, fields: tuple[str, ...]) -> str:
    """SQL of a row as an element ``row``."""
    parts: list[exp.Expr] = [exp.Literal.string("<row")]
    if "_id" in fields:
        place = exp.Add(this=quoted(statements.free_name(table)), expression=exp.Literal.number(1))
        parts += [exp.Literal.string(' _id="'), exp.cast(exp.paren(place), "VARCHAR"), exp.Literal.string('"')]
    parts.append(exp.Literal.string(">"))
    columns = [name for name in fields if name != "_id"]
    for name, (tag, said) in zip(columns, elements(columns), strict=True):
        text = _text(table.by_name[name])
        nothing = exp.Literal.string(f'<{tag}{said} xsi:nil="true"/>')
        full = call("concat", exp.Literal.string(f"<{tag}{said}>"), _escaped(text), exp.Literal.string(f"</{tag}>"))
        parts.append(exp.case().when(text.copy().is_(exp.null()), nothing).else_(full))
    return statements.text([call("concat", *parts, exp.Literal.string("</row>"))])


def elements(names: list[str]) -> list[tuple[str, str]]:
    """The element of each column, and an attribute ``name`` that tells the column's own name where XML can't have it."""
    found: list[tuple[str, str]] = []
    taken: set[str] = set()
    for name in names:
        tag = plain = _NO_START.sub("_", _NO_PART.sub("_", name))
        number = 1
        while tag in taken or (tag != name and tag in names):
            number += 1
            tag = f"{plain}_{number}"
        taken.add(tag)
        said = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", name)
        attribute = quoteattr(said, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
        found.append((tag, "" if tag == name else f" name={attribute}"))
    return found


def _text(column: dict[str, Any]) -> exp.Expr:
    """A value as it stands in JSON, without the quotes."""
    kind = column["storage_type"]
    value = quoted(column["name"]) if kind in ("int64", "geometry") else json_value(column)
    return exp.cast(value, "VARCHAR")


def _escaped(text: exp.Expr) -> exp.Expr:
    found = text.copy()
    for mark, written in _ESCAPED:
        found = call("replace", found, exp.Literal.string(mark), exp.Literal.string(written))
    return call("regexp_replace", found, exp.Literal.string(_FORBIDDEN), exp.Literal.string("\ufffd"), exp.Literal.string("g"))  # fmt: skip
