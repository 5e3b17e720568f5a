"""``/datastore/dump/ID``: all rows that answer, in CKAN's forms, piece by piece; a part waits in the lane of heavy questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from gongshu.opening.rows import admission, answers, cursors, finding
from gongshu.opening.rows.failures import KNOWN
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import BadQuestion
from gongshu.opening.rows.wanted import Wanted
from gongshu.oversight import access
from gongshu.surfaces.ckan import datastore, xml_rows
from gongshu.surfaces.ckan.errors import Invalid
from gongshu.surfaces.ckan.searching import number

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "json": "application/json",
    "xml": "text/xml; charset=utf-8",
}
PART = 10_000  # rows
MARK = "\ufeff"  # by which spreadsheets know UTF-8


def dump(params: dict[str, Any], form: str, client: tuple[str, str]) -> tuple[Table, Iterator[str]]:
    """The table and the text: what is wrong with the question raises at once, what happens later breaks the text off."""
    if form not in TYPES:
        raise Invalid(format=[f"{form[:20]} is not made here; {', '.join(TYPES)} are"])
    if datastore.is_true(params.get("distinct"), False):
        raise Invalid(distinct=["Not in a dump; datastore_search has it"])
    table = datastore.table_in(params)
    fields = datastore.fields_of(params, table)
    limit = number(params, "limit", 0) if params.get("limit") not in (None, "") else None
    try:
        ask = datastore.ask_of(params, table)
        wanted = Wanted(limit=_part(limit), offset=number(params, "offset", 0), total=False)
        each = _each(table, tuple(fields), form)
        first = admission.run(lambda: answers.page(table, ask, wanted, each), *client, heavy=True)
    except BadQuestion as error:
        raise Invalid(**{str(error.where.get("parameter") or "query"): [str(error)]}) from error
    except KNOWN as error:
        raise datastore.told(error) from error
    access.record("dataset.download", f"dataset:{table.dataset}", version=table.number, format=form, filters=len(ask.filters))  # fmt: skip
    parts = chain([first.texts], _rest(table, ask, wanted, each, first, limit))
    return table, _framed(table, fields, form, parts, marked=datastore.is_true(params.get("bom"), False))


def _each(table: Table, fields: tuple[str, ...], form: str) -> str:
    if form == "xml":
        return xml_rows.each(table, fields)
    return datastore.each(table, fields, "lists" if form == "json" else form)


def _part(left: int | None) -> int:
    return PART if left is None else min(left, PART)


def _rest(
    table: Table, ask: Ask, wanted: Wanted, each: str, page: answers.Page, limit: int | None
) -> Iterator[list[str]]:
    """The parts after the first."""
    left = None if limit is None else limit - len(page.texts)
    while page.next and (left is None or left > 0):
        finding.current(table.dataset)  # it may have been stopped or withdrawn since
        finding.numbered(table.dataset, table.number)
        following = replace(wanted, limit=_part(left), offset=0, cursor=cursors.read(page.next))
        page = admission.again(partial(answers.page, table, ask, following, each))
        left = None if left is None else left - len(page.texts)
        yield page.texts


def _framed(table: Table, fields: list[str], form: str, parts: Iterator[list[str]], *, marked: bool) -> Iterator[str]:
    if form == "json":
        listed = json.dumps([datastore.field(table, name) for name in fields], ensure_ascii=False)
        yield f'{{\n  "fields": {listed},\n  "records": ['
        between = "\n    "
        for texts in parts:
            if texts:
                yield between + ",\n    ".join(texts)
                between = ",\n    "
        yield "\n]}\n"
        return
    if form == "xml":
        yield (MARK if marked else "") + xml_rows.HEAD
        for texts in parts:
            if texts:
                yield "\n".join(texts) + "\n"
        yield xml_rows.FOOT
        return
    comma = "," if form == "csv" else "\t"
    yield (MARK if marked else "") + comma.join(_cell(name, comma) for name in fields) + "\n"
    for texts in parts:
        if texts:
            yield "\n".join(texts) + "\n"


def _cell(text: str, comma: str) -> str:
    if text[:1] in "=+-@\t\r\n":
        text = f"'{text}"
    quote = '"'
    return f'"{text.replace(quote, quote * 2)}"' if any(mark in text for mark in (comma, '"', "\r", "\n")) else text
