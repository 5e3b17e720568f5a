"""The words of a question for rows, from a query string or a JSON body of the same words.

``列=值`` and ``列__OP=值`` for simple filters, ``filter=`` a tree of them, ``q=`` words to be found, ``select=``, ``sort=``.
The same words serve the page and the interface. Column names are taken only from the version; values are always bound.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import LONGEST, ROW_ID, BadQuestion, typed

OPERATORS = {
    "eq": gettext_lazy("等于"),
    "ne": gettext_lazy("不等于"),
    "in": gettext_lazy("是其中之一："),
    "lt": gettext_lazy("小于"),
    "lte": gettext_lazy("不大于"),
    "gt": gettext_lazy("大于"),
    "gte": gettext_lazy("不小于"),
    "between": gettext_lazy("介于"),
    "contains": gettext_lazy("包含"),
    "starts_with": gettext_lazy("开头是"),
    "is_null": gettext_lazy("为空"),
}
TEXT_OPERATORS = {"contains", "starts_with"}
MOST_VALUES, MOST_FILTERS, MOST_LEAVES, DEEPEST, MOST_WORDS, MOST_SORTS = 1000, 100, 100, 5, 8, 4
PAGE_WORDS = {"page", "chart", "fc", "fo", "fv"}  # of the dataset's page, which shares its address with the filters
SELECTING = {"q", "filter"}
RESERVED = SELECTING | PAGE_WORDS | {
    "select", "sort", "limit", "offset", "cursor", "version", "total", "format", "shape", "lang",
    "column", "most", "by", "measure",
}  # fmt: skip
Words = list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Filter:
    """One condition: ``values`` as the reader wrote them; ``in`` has many, ``between`` two, the others one."""

    column: str
    operator: str
    values: tuple[str, ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The condition as parts of a query string."""
        plain = self.operator == "eq" and self.column not in RESERVED
        name = self.column if plain else f"{self.column}__{self.operator}"
        if self.operator == "between":
            return [(name, "..".join(self.values))]
        return [(name, value) for value in self.values]

    @property
    def said(self) -> str:
        """In words: 所在区 等于 徐汇区."""
        word = str(OPERATORS[self.operator])
        if self.operator == "is_null":
            return f"{self.column} {word if is_yes(self.values[0]) else _('不为空')}"
        return f"{self.column} {word} {'、'.join(self.values)}"


@dataclass(frozen=True)
class Branch:
    """Conditions joined by ``and``, ``or`` or ``not`` (which has one)."""

    joint: str
    parts: tuple[Branch | Filter, ...]


@dataclass(frozen=True)
class Ask:
    """Which rows, in which order, of which columns."""

    filters: tuple[Filter, ...] = ()
    tree: Branch | Filter | None = None
    words: tuple[str, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()  # column, descending
    select: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether all rows of the version are meant."""
        return not (self.filters or self.tree or self.words)


def read_body(text: bytes) -> Words:
    """The words of a JSON body: the same as in a query string, with arrays for what may be repeated.

    Numbers are kept as they were written, so that none loses a digit on the way.
    """
    try:
        body = _from_json(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadQuestion(_("请求体不是 JSON"), parameter="body") from error
    if not isinstance(body, dict):
        raise BadQuestion(_("请求体要是一个 JSON 对象"), parameter="body")
    words: Words = []
    for name, value in body.items():
        if name == "filter" and isinstance(value, dict):
            words.append((name, [json.dumps(value, ensure_ascii=False)]))
        elif name.endswith("__between") and isinstance(value, list) and len(value) == 2:
            words.append((name, ["..".join(_texts(value, name))]))
        else:
            words.append((name, _texts(value if isinstance(value, list) else [value], name)))
    return words


def parse(words: Iterable[tuple[str, list[str]]], table: Table) -> Ask:
    """The question of ``words``; BadQuestion for an unknown column or a value that is not of the column's type.

    Words that don't say which rows (limit, version...) are passed over: they are the caller's.
    """
    filters: list[Filter] = []
    said: dict[str, list[str]] = {}
    for name, values in words:
        column, operator = _column_and_operator(name, table)
        if column is None:
            if name not in RESERVED:
                raise _unknown(name, name)
            said.setdefault(name, []).extend(values)
            continue
        filters += _filters(table, column, operator, values, name)
    if len(filters) > MOST_FILTERS:
        raise BadQuestion(_("筛选条件太多，最多 %(n)s 个") % {"n": MOST_FILTERS}, parameter="filter")
    return Ask(
        filters=tuple(filters),
        tree=_tree(table, said.get("filter", [])),
        words=_words(said.get("q", [])),
        sort=_sort(table, said.get("sort", [])),
        select=_select(table, said.get("select", [])),
    )


def column_of(table: Table, name: str, parameter: str, *, plain: bool = False) -> str:
    """``name`` when the version has such a column; ``plain`` refuses shapes, which have no order and no groups."""
    if name not in table.by_name:
        raise _unknown(name, parameter)
    if plain and table.kind(name) == "geometry":
        raise BadQuestion(_("“%(name)s”是图形，不能排序或分组") % {"name": name}, parameter=parameter, column=name)
    return name


def is_yes(text: str) -> bool:
    """1 or true."""
    return text.strip().lower() not in ("0", "false")


def descending(text: str, known: Iterable[str]) -> tuple[str, bool]:
    """``-列`` as (列, True), unless a column is called so."""
    down = text.startswith("-") and text not in set(known)
    return (text[1:] if down else text), down


def _from_json(text: str | bytes) -> Any:
    """JSON with its numbers as they were written; ValueError also for halves of characters, which no other text can hold."""
    found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def _texts(values: list[Any], name: str) -> list[str]:
    if len(values) > MOST_VALUES:
        raise BadQuestion(
            _("“%(name)s”的值太多，最多 %(n)s 个") % {"name": name[:40], "n": MOST_VALUES}, parameter=name
        )
    found = []
    for value in values:
        if isinstance(value, bool):
            found.append("1" if value else "0")
        elif isinstance(value, str):
            found.append(value)
        else:
            raise BadQuestion(_("“%(name)s”要写文字、数字或它们的数组") % {"name": name[:40]}, parameter=name)
    return found


def _column_and_operator(name: str, table: Table) -> tuple[str | None, str]:
    if name in table.by_name and name not in RESERVED:
        return name, "eq"
    column, mark, operator = name.rpartition("__")
    if mark and operator in OPERATORS and column in table.by_name:
        return column, operator
    return None, ""


def _filters(table: Table, column: str, operator: str, values: list[str], parameter: str) -> list[Filter]:
    if operator == "in":
        return [_filter(table, column, operator, values, parameter)]
    if operator == "between":
        return [_filter(table, column, operator, _ends(value, column, parameter), parameter) for value in values]
    return [_filter(table, column, operator, [value], parameter) for value in values]


def _filter(table: Table, column: str, operator: str, values: list[str], parameter: str) -> Filter:
    if operator != "is_null" and table.kind(column) == "geometry":
        raise BadQuestion(
            _("“%(name)s”是图形，只能问是否为空（is_null）") % {"name": column}, parameter=parameter, column=column
        )
    if not values or len(values) > MOST_VALUES:
        raise BadQuestion(
            _("“%(name)s”要写 1 到 %(n)s 个值") % {"name": column, "n": MOST_VALUES}, parameter=parameter, column=column
        )
    as_text = {"name": column, "storage_type": "string"}
    described = as_text if operator in TEXT_OPERATORS | {"is_null"} else table.by_name[column]
    for value in values:
        typed(value, described, parameter)
    if operator == "is_null" and values[0].strip().lower() not in ("0", "1", "true", "false"):
        raise BadQuestion(_("%(name)s 要写 1 或 0") % {"name": parameter[:40]}, parameter=parameter, column=column)
    return Filter(column, operator, tuple(values))


def _ends(text: str, column: str, parameter: str) -> list[str]:
    low, mark, high = text.partition("..")
    if not mark:
        raise BadQuestion(
            _("“%(name)s”的范围要写两个值：小..大") % {"name": column}, parameter=parameter, column=column
        )
    return [low, high]


def _tree(table: Table, texts: list[str]) -> Branch | Filter | None:
    if not texts:
        return None
    if len(texts) > 1:
        raise BadQuestion(_("filter 只能写一次，用 and 连接条件"), parameter="filter")
    try:
        found = _from_json(texts[0])
    except (ValueError, RecursionError) as error:
        raise BadQuestion(_("filter 不是 JSON"), parameter="filter") from error
    leaves = 0

    def node(one: Any, depth: int) -> Branch | Filter:
        nonlocal leaves
        if not isinstance(one, dict):
            raise BadQuestion(_("filter 的每一项要是 JSON 对象"), parameter="filter")
        if "column" in one:
            leaves += 1
            if leaves > MOST_LEAVES:
                raise BadQuestion(_("筛选条件太多，最多 %(n)s 个") % {"n": MOST_LEAVES}, parameter="filter")
            return _leaf(table, one)
        if len(one) != 1 or (joint := next(iter(one))) not in ("and", "or", "not"):
            raise BadQuestion(_("filter 的每一项要是 and、or、not 或一个条件"), parameter="filter")
        if depth > DEEPEST:
            raise BadQuestion(_("filter 嵌套太深，最多 %(n)s 层") % {"n": DEEPEST}, parameter="filter")
        parts = [one[joint]] if joint == "not" else one[joint]
        if not isinstance(parts, list) or not parts:
            raise BadQuestion(_("filter 的 %(name)s 要有条件") % {"name": joint}, parameter="filter")
        return Branch(joint, tuple(node(part, depth + 1) for part in parts))

    return node(found, 1)


def _leaf(table: Table, one: dict[str, Any]) -> Filter:
    if extra := set(one) - {"column", "op", "value"}:
        raise BadQuestion(
            _("filter 的条件只有 column、op 和 value，没有 %(name)s") % {"name": min(extra)[:40]}, parameter="filter"
        )
    column, operator, value = one["column"], one.get("op", "eq"), one.get("value", "1")
    if not isinstance(column, str) or column not in table.by_name:
        raise _unknown(str(column), "filter")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise BadQuestion(_("没有这个比较：%(name)s") % {"name": str(operator)[:40]}, parameter="filter", column=column)
    if "value" not in one and operator != "is_null":
        raise BadQuestion(_("“%(name)s”的条件没有写值") % {"name": column}, parameter="filter", column=column)
    if isinstance(value, list) and operator not in ("in", "between"):
        raise BadQuestion(_("“%(name)s”的条件只能有一个值") % {"name": column}, parameter="filter", column=column)
    values = _texts(value if isinstance(value, list) else [value], "filter")
    if operator == "between" and len(values) != 2:
        values = _ends(values[0], column, "filter") if len(values) == 1 else []
    return _filter(table, column, operator, values, "filter")


def _words(texts: list[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(word for text in texts for word in text.split()))
    if sum(map(len, found)) > LONGEST or len(found) > MOST_WORDS:
        raise BadQuestion(_("q 太长，最多 %(n)s 个词") % {"n": MOST_WORDS}, parameter="q")
    if any("\0" in word for word in found):
        raise BadQuestion(_("q 里有不能用的字符"), parameter="q")
    return found


def _sort(table: Table, texts: list[str]) -> tuple[tuple[str, bool], ...]:
    found: dict[str, bool] = {}
    for text in filter(None, texts):
        name, down = descending(text, table.by_name)
        found.setdefault(column_of(table, name, "sort", plain=True), down)
    if len(found) > MOST_SORTS:
        raise BadQuestion(_("最多按 %(n)s 列排序") % {"n": MOST_SORTS}, parameter="sort")
    return tuple(found.items())


def _select(table: Table, texts: list[str]) -> tuple[str, ...]:
    return tuple(
        name if name == ROW_ID and ROW_ID not in table.by_name else column_of(table, name, "select")
        for name in dict.fromkeys(texts)
    )


def _unknown(name: str, parameter: str) -> BadQuestion:
    return BadQuestion(_("没有这一列：%(name)s") % {"name": name[:40]}, parameter=parameter[:200], column=name[:200])
