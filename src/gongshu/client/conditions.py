"""Conditions on columns: ``gs.col("区") == "徐汇区"``, joined by ``&``, ``|`` and ``~``, as the ``filter`` tree of the row API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

OPERATORS = ("eq", "ne", "in", "lt", "lte", "gt", "gte", "between", "contains", "starts_with", "is_null")
# words of the row API that are no columns; a column of such a name is asked for as name__eq
RESERVED = set(
    "q filter select sort limit offset cursor version total format shape lang column most by measure page chart fc fo fv".split()
)


class Condition:
    """A condition on a row; ``tree`` is its JSON."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree

    def __and__(self, other: Condition) -> Condition:
        return _joined("and", self, other)

    def __or__(self, other: Condition) -> Condition:
        return _joined("or", self, other)

    def __invert__(self) -> Condition:
        return Condition({"not": self.tree})

    def __bool__(self) -> bool:
        raise TypeError("join conditions with & | ~ and parentheses, not with and, or, not: (gs.col('a') == 1) & (...)")

    def __repr__(self) -> str:
        return f"Condition({self.tree!r})"


class Column:
    """A column of a dataset, to be compared; see :func:`col`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return self.is_null() if value is None else self._leaf("eq", value)

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return ~self.is_null() if value is None else self._leaf("ne", value)

    def __lt__(self, value: object) -> Condition:
        return self._leaf("lt", value)

    def __le__(self, value: object) -> Condition:
        return self._leaf("lte", value)

    def __gt__(self, value: object) -> Condition:
        return self._leaf("gt", value)

    def __ge__(self, value: object) -> Condition:
        return self._leaf("gte", value)

    def isin(self, values: Iterable[Any]) -> Condition:
        """One of ``values``."""
        return Condition({"column": self.name, "op": "in", "value": [plain(value) for value in values]})

    def between(self, low: Any, high: Any) -> Condition:
        """From ``low`` to ``high``, both included."""
        return Condition({"column": self.name, "op": "between", "value": [plain(low), plain(high)]})

    def contains(self, text: str) -> Condition:
        """``text`` is part of the value, in any case of its letters."""
        return self._leaf("contains", text)

    def starts_with(self, text: str) -> Condition:
        """The value begins with ``text``."""
        return self._leaf("starts_with", text)

    def is_null(self) -> Condition:
        """There is no value."""
        return self._leaf("is_null", True)

    def __repr__(self) -> str:
        return f"col({self.name!r})"

    def _leaf(self, operator: str, value: object) -> Condition:
        return Condition({"column": self.name, "op": operator, "value": plain(value)})


def col(name: str) -> Column:
    """The column ``name``.

    >>> ((col("区") == "徐汇区") & ~(col("资本") < 5)).tree
    {'and': [{'column': '区', 'op': 'eq', 'value': '徐汇区'}, {'not': {'column': '资本', 'op': 'lt', 'value': 5}}]}
    """
    return Column(name)


def plain(value: Any) -> Any:
    """``value`` as JSON has it: dates and times in ISO 8601, decimals as text; other objects that are numbers as numbers."""
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "item"):  # NumPy's scalars
        return plain(value.item())
    raise TypeError(f"a value of a condition is text, a number, a date or a time, not {type(value).__name__}")


def simple(filters: dict[str, Any]) -> list[tuple[str, Any]]:
    """Keyword filters (``column=value``, ``column__gte=value``) as words of the row API, values not yet text."""
    words: list[tuple[str, Any]] = []
    for name, value in filters.items():
        column, mark, operator = name.rpartition("__")
        if not mark or operator not in OPERATORS:
            column, operator = name, "eq"
        if value is None and operator in ("eq", "ne"):
            words.append((f"{column}__is_null", operator == "eq"))
        elif operator == "between":
            low, high = value
            words.append((f"{column}__between", [plain(low), plain(high)]))
        elif operator == "in" or (operator == "eq" and isinstance(value, list | tuple | set)):
            words.append((f"{column}__in", [plain(each) for each in value]))
        else:
            bare = operator == "eq" and column not in RESERVED
            words.append((column if bare else f"{column}__{operator}", plain(value)))
    return words


def as_text(name: str, value: Any) -> list[str]:
    """The value of a word as parts of a query string."""
    if isinstance(value, list):
        texts = [_text(each) for each in value]
        return ["..".join(texts)] if name.endswith("__between") else texts
    return [_text(value)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else repr(value)


def _joined(word: str, left: Condition, right: Condition) -> Condition:
    # a & b & c is one "and" of three, so that long chains don't nest
    parts = [each for one in (left, right) for each in one.tree.get(word, [one.tree])]
    return Condition({word: parts})
