"""Conditions as SQL expressions with bound values.

A condition holds or doesn't: an empty cell meets none but ``is_null`` and ``ne``, and ``not`` is the exact opposite of what it
negates. Numbers are brought to the column's own type before they are compared, so that no comparison widens a column.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows.grammar import Ask, Branch, Filter, is_yes
from gongshu.opening.rows.searching import hits
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import call, quoted, rounded, typed

FEW = 20  # values of an "in" that are compared one by one, so that an index or the order of the rows can help
COMPARISONS: dict[str, type[exp.Binary]] = {
    "eq": exp.EQ, "lt": exp.LT, "lte": exp.LTE, "gt": exp.GT, "gte": exp.GTE,
}  # fmt: skip
UP = {"gte", "lt"}  # which way a number is rounded that the column's type can't hold: c >= 1.5 is c >= 2
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
NEVER = exp.false()
Shape = tuple[tuple[str, str, bool], ...]  # column, operator, and whether the value is cast to the column's type


class Conditions:
    """Builds conditions on a version's rows and gathers their values under names of their own."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._types = serving.column_types(table.path)
        self.values: dict[str, Any] = {}

    def shape(self, ask: Ask) -> Shape | None:
        """What the conditions of ``ask`` are but for their values, which are bound: those of the same shape have the same SQL.

        None where the SQL depends on the values too.
        """
        if ask.tree is not None or ask.words:
            return None
        found = []
        for one in ask.filters:
            if one.operator not in COMPARISONS:
                return None
            value = typed(one.values[0], self._table.by_name[one.column], one.column)
            if isinstance(value, Decimal):
                number = self._fitted(one.column, value, up=one.operator in UP)
                if isinstance(number, bool) or (one.operator == "eq" and number != value):
                    return None
                value = number
            self._bind(value)
            found.append((one.column, one.operator, isinstance(value, Decimal)))
        return tuple(found)

    def of_shape(self, shape: Shape) -> exp.Expr | None:
        """The conditions of a shape, their values to be bound in its order."""
        parts = []
        for n, (name, operator, as_stored) in enumerate(shape):
            bound: exp.Expr = exp.Placeholder(this=f"p{n}")
            if as_stored:
                bound = exp.cast(bound, self._types[name])
            parts.append(COMPARISONS[operator](this=quoted(name), expression=bound))
        return exp.and_(*parts, copy=False) if parts else None

    def of(self, ask: Ask) -> exp.Expr | None:
        """All that ``ask`` demands of a row; None when it demands nothing."""
        parts = [self._filter(one) for one in ask.filters]
        if ask.tree is not None:
            parts.append(self._node(ask.tree))
        parts += [self._found(word) for word in ask.words]
        return exp.and_(*parts, copy=False) if parts else None

    def after(self, sort: tuple[tuple[str, bool], ...], values: list[str | None], ordinal: int) -> exp.Expr:
        """Rows that stand behind the one with these sort values and this ordinal; empty cells stand last."""
        condition: exp.Expr = exp.GT(this=exp.column("rowid"), expression=self._bind(ordinal))
        for (name, down), text in reversed(list(zip(sort, values, strict=True))):
            column = quoted(name)
            if text is None:
                condition = exp.and_(column.is_(exp.null()), condition)
                continue
            value = exp.cast(self._bind(text), self._types[name])
            beyond = exp.LT(this=column, expression=value) if down else exp.GT(this=column, expression=value)
            same = exp.and_(exp.EQ(this=column.copy(), expression=value.copy()), condition)
            condition = exp.or_(beyond, same, column.copy().is_(exp.null()))
        return condition

    def _node(self, node: Branch | Filter) -> exp.Expr:
        if isinstance(node, Filter):
            return self._filter(node)
        parts = [self._node(part) for part in node.parts]
        if node.joint == "not":
            return exp.not_(call("coalesce", parts[0], NEVER.copy()))
        return exp.and_(*parts) if node.joint == "and" else exp.or_(*parts)

    def _filter(self, one: Filter) -> exp.Expr:
        column = quoted(one.column)
        if one.operator == "is_null":
            empty = column.is_(exp.null())
            return empty if is_yes(one.values[0]) else empty.not_()
        if one.operator in ("contains", "starts_with"):
            return self._text(one.operator, exp.cast(column, "VARCHAR"), one.values[0])
        values = [typed(text, self._table.by_name[one.column], one.column) for text in one.values]
        if one.operator == "between":
            low, high = values
            return exp.and_(self._compare(column, "gte", low), self._compare(column.copy(), "lte", high))
        if one.operator == "in":
            return self._among(column, values)
        if one.operator == "ne":
            same = self._compare(column, "eq", values[0])
            return exp.or_(column.copy().is_(exp.null()), exp.not_(same))
        return self._compare(column, one.operator, values[0])

    def _compare(self, column: exp.Column, operator: str, value: Any) -> exp.Expr:
        if isinstance(value, Decimal):
            number = self._fitted(column.name, value, up=operator in UP)
            if isinstance(number, bool):  # beyond all that the type can hold
                hit = (operator in ("lt", "lte")) == number and operator != "eq"
                return column.is_(exp.null()).not_() if hit else NEVER.copy()
            if operator == "eq" and number != value:
                return NEVER.copy()
            value = number
        bound: exp.Expr = self._bind(value)
        if isinstance(value, Decimal):
            bound = exp.cast(bound, self._types[column.name])
        return COMPARISONS[operator](this=column, expression=bound)

    def _among(self, column: exp.Column, values: list[Any]) -> exp.Expr:
        if len(values) <= FEW:
            return exp.or_(*(self._compare(column.copy(), "eq", value) for value in values))
        texts = []
        for value in values:
            if isinstance(value, Decimal):
                number = self._fitted(column.name, value, up=False)
                if isinstance(number, bool) or number != value:
                    continue
                value = f"{number:f}" if isinstance(number, Decimal) else number
            texts.append(str(value))
        listed = call("unnest", exp.cast(self._bind(texts), f"{self._types[column.name]}[]"))
        return exp.In(this=column, query=exp.select(listed).subquery())

    def _fitted(self, name: str, value: Decimal, *, up: bool) -> Decimal | int | float | bool:
        """The number as the column's type has it, rounded ``up`` or down; True or False when it is above or below all of
        the type."""
        kind = self._types[name]
        if match := _DECIMAL.fullmatch(kind):
            scale = int(match[2])
            most = least = Decimal(10 ** int(match[1]) - 1).scaleb(-scale)
            number = rounded(value, scale, up=up)
        elif kind in ("DOUBLE", "FLOAT"):
            return float(value)
        else:
            most, least = Decimal(2**63 - 1), Decimal(2**63)
            number = rounded(value, 0, up=up)
        if number > most or number < -least:
            return number > 0
        return number if match else int(number)

    def holds(self, name: str, word: str) -> exp.Expr | None:
        """The word stands in the text column ``name``; None when it never does."""
        values = hits(self._table, name, word)
        if values is None:
            return self._text("contains", quoted(name), word)
        return self._among(quoted(name), list(values)) if values else None

    def _found(self, word: str) -> exp.Expr:
        """The word stands in one of the text columns."""
        parts = [holds for name in self._table.textual if (holds := self.holds(name, word)) is not None]
        return exp.or_(*parts, copy=False) if parts else NEVER.copy()

    def _text(self, function: str, text: exp.Expr, wanted: str) -> exp.Expr:
        """Contains or begins with, upper and lower case alike.

        Where there is case, a pattern of the very characters is looked for: five times as fast as converting every cell.
        """
        if wanted.lower() == wanted.upper():
            return call(function, text, self._bind(wanted))
        pattern = "".join(f"\\x{{{ord(c):x}}}" if c.isascii() and not c.isalnum() else c for c in wanted)
        start = "^" if function == "starts_with" else ""
        return call("regexp_matches", text, self._bind(start + pattern), exp.Literal.string("i"))

    def _bind(self, value: Any) -> exp.Placeholder:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return exp.Placeholder(this=name)
