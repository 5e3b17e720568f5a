"""A question for rows as code that works when copied: curl, our client, plain httpx, pandas and R."""

from __future__ import annotations

import json
import keyword
import shlex
from dataclasses import dataclass
from typing import Any

from gongshu.client.conditions import RESERVED
from gongshu.opening.console import Condition, Form
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import NUMERIC

# parameters of the client's methods, which a column given by keyword would be mistaken for
TAKEN = RESERVED | {"self", "conditions", "columns", "progress"}
COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
FILES = {"csv": "pd.read_csv", "parquet": "pd.read_parquet", "xlsx": "pd.read_excel", "jsonl": "pd.read_json"}


@dataclass(frozen=True)
class Snippet:
    """Code in one language."""

    key: str
    label: str
    code: str


def snippets(form: Form, table: Table, site: str) -> list[Snippet]:
    """The question of ``form`` in every language that can ask it."""
    address = f"{site}/api/v1/datasets/{table.dataset}/{form.answer}"
    url = f"{address}?{form.query}"
    found = [
        Snippet("curl", "curl", _curl(form, table, url)),
        Snippet("client", "Python (gongshu)", _client(form, table, site)),
    ]
    if form.format == "json" or form.answer != "rows":
        found.append(Snippet("httpx", "Python (httpx)", _httpx(form, address)))
    if form.answer == "rows":
        found.append(Snippet("pandas", "Python (pandas)", _pandas(form, url)))
    if form.format in ("json", "csv") or form.answer != "rows":
        found.append(Snippet("r", "R", _r(form, url)))
    return found


def _curl(form: Form, table: Table, url: str) -> str:
    output = f" \\\n  --output {table.dataset}.{form.format}" if form.answer == "rows" and form.format != "json" else ""
    return f"curl --compressed {shlex.quote(url)}{output}"


def _client(form: Form, table: Table, site: str) -> str:
    """The question with our own client: keywords where all must hold, else an expression."""
    arguments = _conditions(form, table)
    if form.search:
        arguments.append(f"q={_text(form.search)}")
    if form.answer == "facets":
        arguments = [_text(name) for name in form.facets] + arguments
    elif form.answer == "groups":
        arguments += [
            f"by={_texts(form.by)}",
            f"measure={_texts(form.measures)}",
            f"sort={_text('-' + form.measures[-1])}",
        ]
    else:
        arguments += [f"select={_texts(form.select)}"] if form.select else []
        arguments += [f"sort={_text(('-' if form.descending else '') + form.sort)}"] if form.sort else []
        arguments += [f"limit={form.limit}"]
    # a keyword must not stand before a positional argument
    arguments.sort(key=lambda text: not text.startswith(("gs.", "(", '"')))
    lines = "".join(f"    {each},\n" for each in arguments)
    tail = "for row in rows:\n    print(row)" if form.answer == "rows" else "print(found)"
    name = "rows" if form.answer == "rows" else "found"
    head = f"import gongshu as gs\n\ndataset = gs.portal({_text(site)}).dataset({_text(table.dataset)})\n"
    return f"{head}{name} = dataset.{form.answer}(\n{lines})\n{tail}"


def _conditions(form: Form, table: Table) -> list[str]:
    if form.tree is not None:
        return [" | ".join(f"({_expression(one, table)})" for one in form.conditions)]
    said: set[str] = set()
    found = []
    for one in form.conditions:
        name = one.column if one.operator == "eq" else f"{one.column}__{one.operator}"
        usable = name.isidentifier() and not keyword.iskeyword(name) and name not in TAKEN | said
        said.add(name)
        found.append(f"{name}={_value(one, table)}" if usable else _expression(one, table))
    return found


def _expression(one: Condition, table: Table) -> str:
    column = f"gs.col({_text(one.column)})"
    if one.operator in COMPARED:
        return f"{column} {COMPARED[one.operator]} {_value(one, table)}"
    if one.operator == "is_null":
        return f"{'' if one.values == ['1'] else '~'}{column}.is_null()"
    method = "isin" if one.operator == "in" else one.operator
    value = _value(one, table)
    return f"{column}.{method}({value[1:-1] if one.operator == 'between' else value})"


def _value(one: Condition, table: Table) -> str:
    if one.operator == "is_null":
        return str(one.values == ["1"])
    numeric = table.kind(one.column) in NUMERIC and one.operator not in ("contains", "starts_with")
    values = [_number(text) if numeric else _text(text) for text in one.values]
    if one.operator == "in":
        return f"[{', '.join(values)}]"
    return f"({', '.join(values)})" if one.operator == "between" else values[0]


def _number(text: str) -> str:
    """The number as it was written, when Python reads it exactly so; else quoted."""
    try:
        found = json.loads(text)
    except ValueError:
        return _text(text)
    return text if isinstance(found, int | float) and not isinstance(found, bool) else _text(text)


def _httpx(form: Form, address: str) -> str:
    lines = "".join(f"        ({_text(name)}, {_text(value)}),\n" for name, values in form.words for value in values)
    part = {"rows": "items", "facets": "facets", "groups": "groups"}[form.answer]
    return (
        f"import httpx\n\nanswer = httpx.get(\n    {_text(address)},\n    params=[\n{lines}    ],\n    timeout=60,\n)\n"
        f'answer.raise_for_status()\nfound = answer.json()["{part}"]'
    )


def _pandas(form: Form, url: str) -> str:
    """pandas reads an address by itself; a JSON answer is asked for as CSV."""
    if form.format == "arrow":
        return f"import httpx\nimport pyarrow as pa\n\nanswer = httpx.get({_text(url)}, timeout=60)\nframe = pa.ipc.open_stream(answer.content).read_pandas()"
    if form.format == "geojson":
        return f"import geopandas\n\nframe = geopandas.read_file({_text(url)})"
    key = form.format if form.format in FILES else "csv"
    address = url if key == form.format else f"{url}&format=csv"
    more = ", lines=True" if key == "jsonl" else ""
    return f"import pandas as pd\n\nframe = {FILES[key]}(\n    {_text(address)}{more}\n)"


def _r(form: Form, url: str) -> str:
    # the address as it is: how httr2 writes lists of values and Chinese names changed from version to version
    if form.answer == "rows" and form.format == "csv":
        return f"library(readr)\n\nrows <- read_csv({_text(url)})"
    part = {"rows": "items", "facets": "facets", "groups": "groups"}[form.answer]
    return f"library(jsonlite)\n\nanswer <- fromJSON({_text(url)})\nfound <- answer${part}"


def _text(text: str) -> str:
    """A literal that Python and R read alike."""
    if '"' in text and "'" not in text and "\\" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)


def _texts(texts: Any) -> str:
    return f"[{', '.join(map(_text, texts))}]"
