"""``datastore_search`` and ``datastore_info``: CKAN's questions about rows, answered by the same statements as the rows API."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlglot import exp

from gongshu.opening.models import Dataset
from gongshu.opening.rows import admission, answers, finding, grammar, service, statements
from gongshu.opening.rows.failures import KNOWN, failure
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import BadQuestion, call, csv_line, json_value, quoted
from gongshu.opening.rows.wanted import DEEPEST, Wanted
from gongshu.oversight import access
from gongshu.surfaces.ckan import distinct, identity
from gongshu.surfaces.ckan.errors import CkanError, Invalid, NotAuthorized, NotFound, Unavailable
from gongshu.surfaces.ckan.searching import number

LIMIT, MOST = 100, 32_000
LONGEST_SORT, DEEPEST_FILTER = 1000, 5
FORMATS = ("objects", "lists", "csv", "tsv")
OPERATORS = {"eq": "eq", "lt": "lt", "lte": "lte", "gt": "gt", "gte": "gte"}
# storage type -> PostgreSQL's, as CKAN names them
TYPES = {"int64": "int8", "float64": "float8", "decimal": "numeric", "boolean": "bool", "date": "date", "timestamp": "timestamp", "time": "time", "geometry": "json"}  # fmt: skip
_SORT = re.compile(r'\s*(?:"((?:[^"]|"")+)"|(.+?))(?:\s+(asc|desc))?(?:\s+nulls\s+(?:first|last))?\s*', re.IGNORECASE)


def search(params: dict[str, Any], client: tuple[str, str]) -> dict[str, Any]:
    """The action; ``client`` is the address and the Authorization of who asks."""
    table = table_in(params)
    form = str(params.get("records_format") or "objects")
    if form not in FORMATS:
        raise Invalid(records_format=[f"Value must be one of {list(FORMATS)}"])
    limit, offset = min(number(params, "limit", LIMIT), MOST), number(params, "offset", 0)
    if offset > DEEPEST:
        raise Invalid(offset=[f"Must be at most {DEEPEST}"])
    fields = fields_of(params, table)
    different = (
        is_true(params.get("distinct"), False) and "_id" not in fields
    )  # with it, every row differs from every other
    counted = is_true(params.get("include_total"), True)
    try:
        ask = ask_of(params, table)
        wanted = Wanted(limit=limit, offset=offset, total=counted)
        heavy = service.is_heavy("distinct" if different else "rows", table, ask, wanted)

        def work() -> tuple[list[str], int | None]:
            if different:
                return distinct.page(table, ask, fields, wanted, each(table, tuple(fields), form))
            page = answers.page(table, ask, wanted, each(table, tuple(fields), form))
            return page.texts, page.total

        texts, total = admission.run(work, *client, heavy=heavy)
    except BadQuestion as error:
        raise Invalid(**{str(error.where.get("parameter") or "query"): [str(error)]}) from error
    except KNOWN as error:
        raise told(error) from error
    access.record("dataset.query", f"dataset:{table.dataset}", version=table.number, filters=len(ask.filters), limit=limit)  # fmt: skip
    answer: dict[str, Any] = {
        "include_total": counted,
        "limit": limit,
        "records_format": form,
        "resource_id": str(params.get("resource_id") or params.get("id")),
        "total_estimation_threshold": None,
        "records": _records(texts, form),
        "fields": [field(table, name) for name in fields],
        "total_was_estimated": False,
    }
    if total is not None:
        answer["total"] = total
    answer |= {name: params[name] for name in ("filters", "q", "sort") if params.get(name)}
    return answer | ({"offset": offset} if offset else {})


def info(params: dict[str, Any]) -> dict[str, Any]:
    """The action: rows and fields of a table."""
    table = table_in(params)
    resource = str(params.get("resource_id") or params.get("id"))
    return {
        "meta": {"id": resource, "count": table.rows, "table_type": "BASE TABLE", "aliases": []},
        "fields": [field(table, name) for name in table.names],
    }


def dataset_of(resource: str) -> tuple[str, str]:
    """Name of the dataset and format of a file's identifier; NotFound."""
    found = identity.read(resource)
    if found is None or not 1 <= found[0] <= len(identity.FORMATS):
        raise NotFound("Resource was not found.")
    name = Dataset.objects.filter(pk=found[1], current__isnull=False).values_list("name", flat=True).first()
    if name is None:
        raise NotFound("Resource was not found.")
    return name, identity.FORMATS[found[0] - 1]


def fields_of(params: dict[str, Any], table: Table) -> list[str]:
    """The columns that are asked for, ``_id`` and all of them by default; Invalid."""
    fields = _names(params.get("fields")) or ["_id", *table.names]
    unknown = [name for name in fields if name != "_id" and name not in table.by_name]
    if unknown:
        raise Invalid(fields=[f'field "{unknown[0][:80]}" not in table'])
    return fields


def table_in(params: dict[str, Any]) -> Table:
    """The table that ``resource_id`` (or ``id``) names; Invalid, NotFound."""
    said = str(params.get("resource_id") or params.get("id") or "")
    if not said:
        raise Invalid(resource_id=["Missing value"])
    return table_of(said)


def table_of(resource: str) -> Table:
    """The table of a file's identifier; NotFound, and what :func:`told` makes of the rest."""
    name, _key = dataset_of(resource)
    try:
        return finding.current(name)[1]
    except KNOWN as error:
        raise told(error) from error


def told(error: Exception) -> CkanError:
    """One of ours as one of CKAN's."""
    found = failure(error)
    if found.status == 404:
        return NotFound(found.message)
    if found.status == 410:
        return NotAuthorized(found.message)
    return Unavailable(found.status, found.message, found.retry_after)


def ask_of(params: dict[str, Any], table: Table) -> Ask:
    """``filters``, ``q`` and ``sort`` as a question about rows; Invalid, BadQuestion."""
    words: list[tuple[str, list[str]]] = []
    conditions = _conditions(_json(params.get("filters"), "filters"), table)
    q = params.get("q") or params.get("full_text")
    if isinstance(q, str) and q.lstrip().startswith("{"):
        q = _json(q, "q")
    if isinstance(q, dict):
        for name, text in q.items():
            _check(name, table, "q")
            conditions.append({"column": name, "op": "contains", "value": str(text)})
    elif q:
        words.append(("q", [str(q)]))
    if conditions:
        words.append(("filter", [json.dumps({"and": conditions}, ensure_ascii=False)]))
    ask = grammar.parse(words, table)
    return replace(ask, sort=_sort(params.get("sort"), table))


def _conditions(filters: Any, table: Table, depth: int = 0) -> list[dict[str, Any]]:
    if filters in (None, ""):
        return []
    if depth > DEEPEST_FILTER:
        raise Invalid(filters=[f"Must be nested at most {DEEPEST_FILTER} deep"])
    if not isinstance(filters, dict):
        raise Invalid(filters=["Must be a dictionary"])
    found: list[dict[str, Any]] = []
    for name, value in filters.items():
        if name in ("$or", "$and"):
            parts = [{"and": made} for part in _list(value) if (made := _conditions(part, table, depth + 1))]
            if parts:
                found.append({name[1:]: parts})
            continue
        _check(name, table, "filters")
        found += _of_field(name, value)
    return found


def _of_field(name: str, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        unknown = set(value) - set(OPERATORS)
        if unknown:
            raise Invalid(filters=[f"Unknown operator: {min(unknown)[:40]}"])
        return [{"column": name, "op": OPERATORS[op], "value": _text(one)} for op, one in value.items()]
    if isinstance(value, list):
        if any(isinstance(one, dict) for one in value):
            return [{"or": [{"and": _of_field(name, one)} for one in value]}]
        values = [_text(one) for one in value if one is not None]
        empty = [{"column": name, "op": "is_null"}] if None in value or not value else []
        ways = ([{"column": name, "op": "in", "value": values}] if values else []) + empty
        return [{"or": ways}]
    if value is None:
        return [{"column": name, "op": "is_null"}]
    return [{"column": name, "value": _text(value)}]


def _sort(said: Any, table: Table) -> tuple[tuple[str, bool], ...]:
    found = []
    if len(str(said)) > LONGEST_SORT:
        raise Invalid(sort=[f"Must be at most {LONGEST_SORT} characters"])
    for part in _names(said, quotes=False):
        match = _SORT.fullmatch(part)
        name = ((match[1] or "").replace('""', '"') or match[2]) if match else part
        if name == "_id":  # the order in which rows stand
            if match and (match[3] or "").lower() == "desc":
                raise Invalid(sort=["_id can't be sorted from its end"])
            continue
        _check(name, table, "sort")
        found.append((grammar.column_of(table, name, "sort", plain=True), bool(match and (match[3] or "").lower() == "desc")))  # fmt: skip
    return tuple(dict(found).items())


@lru_cache(maxsize=256)
def each(table: Table, fields: tuple[str, ...], form: str) -> str:
    """SQL of a row: a JSON object or array, or a line of text."""
    ordinal = statements.free_name(table)
    place = exp.Add(this=quoted(ordinal), expression=exp.Literal.number(1))
    columns = [{"name": ordinal, "storage_type": "int64"} if name == "_id" else table.by_name[name] for name in fields]
    if form in ("csv", "tsv"):
        line = csv_line(columns, "," if form == "csv" else "\t")
        for cell in list(line.find_all(exp.Column)):
            if cell.name == ordinal:
                cell.replace(exp.paren(place.copy()))
        return statements.text([line])
    values = [place if name == "_id" else json_value(column) for name, column in zip(fields, columns, strict=True)]
    if form == "lists":
        return statements.text([call("json_array", *values)])
    pairs = [part for name, value in zip(fields, values, strict=True) for part in (exp.Literal.string(name), value)]
    return statements.text([call("json_object", *pairs)])


def _records(texts: list[str], form: str) -> Any:
    if form in ("csv", "tsv"):
        return "".join(f"{text}\n" for text in texts)
    return Raw(f"[{','.join(texts)}]")


class Raw(str):
    """JSON text that the engine wrote: it stands in the answer as it is."""

    __slots__ = ()


def field(table: Table, name: str) -> dict[str, Any]:
    """What CKAN tells of a column."""
    if name == "_id":
        return {"id": "_id", "type": "int"}
    column = table.by_name[name]
    label, notes = column.get("title") or name, column.get("description") or ""
    info = {"label": label, "notes": notes, "type_override": ""}
    return {"id": name, "type": TYPES.get(column["storage_type"], "text"), "info": info}


def _check(name: str, table: Table, parameter: str) -> None:
    if name not in table.by_name:
        raise Invalid(**{parameter: [f"Unknown field: {name[:80]}"]})


def _json(said: Any, parameter: str) -> Any:
    if not isinstance(said, str) or not said:
        return said
    try:
        return json.loads(said)
    except (ValueError, RecursionError) as error:
        raise Invalid(**{parameter: ["Could not parse as valid JSON"]}) from error


def _names(said: Any, *, quotes: bool = True) -> list[str]:
    if said in (None, "", []):
        return []
    parts = said if isinstance(said, list) else str(said).split(",")
    texts = (str(part).strip() for part in parts)
    return list(dict.fromkeys(text.strip('"') if quotes else text for text in texts if text))


def _list(said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise Invalid(filters=["$or and $and take a list"])
    return said


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def is_true(said: Any, default: bool) -> bool:
    """A yes or no as CKAN's clients write it."""
    return default if said is None or said == "" else str(said).strip().lower() in ("true", "1", "yes", "t", "y", "on")
