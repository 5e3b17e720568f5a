"""A dataset of a portal: its description, its rows, counts, facets, groups and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from gongshu.client.conditions import Condition, as_text, simple
from gongshu.client.download import download
from gongshu.client.errors import PortalError
from gongshu.client.transport import Transport

if TYPE_CHECKING:
    import pandas
    import pyarrow

PAGE = 1000  # rows of the first answer while iterating; later ones are up to four times as large each
MOST = 32_000  # rows that one answer may have
LONGEST_ADDRESS = 1800  # characters of a query string; a longer question goes as a POST
Words = list[tuple[str, Any]]


class Dataset:
    """A dataset; made by :meth:`gongshu.client.Portal.dataset`. Asking begins with the first method that needs an answer."""

    def __init__(self, transport: Transport, name: str, listed: dict[str, Any] | None = None) -> None:
        self._transport, self.name, self._listed = transport, name, listed

    @cached_property
    def about(self) -> dict[str, Any]:
        """Everything that the portal tells of it: title, provider, columns, quality, files, versions; asked once."""
        return self._transport.json(self._path(""), [])

    @property
    def title(self) -> str:
        """Its Chinese title."""
        return str((self._listed or self.about)["title"])

    @property
    def version(self) -> int:
        """The number of the version that was current when it was first asked."""
        return int((self._listed or self.about)["version"])

    @property
    def columns(self) -> list[dict[str, Any]]:
        """Its columns: name, storage_type, title, unit, ..."""
        return list(self.about["columns"])

    def rows(
        self,
        *conditions: Condition,
        q: str = "",
        select: Sequence[str] = (),
        sort: str | Sequence[str] = (),
        limit: int | None = None,
        version: int | None = None,
        **filters: Any,
    ) -> Rows:
        """The rows that meet all ``conditions`` and ``filters`` and hold the words ``q``; nothing is asked yet.

        ``filters`` are named as in the address: ``区="徐汇区"``, ``资本__gte=5``, ``区__in=[...]``, ``日期__between=(a, b)``,
        ``名称__contains="物流"``, ``电话__is_null=True``. ``sort`` names columns, with a - before for descending order.
        """
        words = _question(conditions, q, filters)
        words += [("select", list(select))] if select else []
        sorts = [sort] if isinstance(sort, str) else list(sort)
        words += [("sort", sorts)] if sorts else []
        words += [("version", version)] if version is not None else []
        return Rows(self, words, limit)

    def count(self, *conditions: Condition, q: str = "", version: int | None = None, **filters: Any) -> int:
        """How many rows there are, of those that meet the conditions."""
        return self.rows(*conditions, q=q, version=version, **filters).count()

    def distinct(self, column: str, *conditions: Condition, q: str = "", **filters: Any) -> list[Any]:
        """The different values of a column in their order, at most 32,000."""
        found = self.ask("distinct", [*_question(conditions, q, filters), ("column", column), ("limit", MOST)])
        return list(found["values"])

    def facets(
        self, *columns: str | Condition, most: int = 20, q: str = "", **filters: Any
    ) -> dict[str, list[tuple[Any, int]]]:
        """By column its most frequent values, at most ``most``, with the number of rows of each.

        Conditions may stand among the columns: ``facets("区", "状态", gs.col("资本") > 5)``.
        """
        names = [each for each in columns if isinstance(each, str)]
        conditions = tuple(each for each in columns if isinstance(each, Condition))
        found = self.ask("facets", [*_question(conditions, q, filters), ("column", names), ("most", most)])
        return {one["column"]: [(each["value"], each["count"]) for each in one["values"]] for one in found["facets"]}

    def groups(
        self,
        *conditions: Condition,
        by: str | Sequence[str],
        measure: str | Sequence[str] = "count",
        sort: str | Sequence[str] = (),
        limit: int | None = None,
        q: str = "",
        **filters: Any,
    ) -> list[dict[str, Any]]:
        """One dict a group: its values of the columns ``by`` and its measures (``count``, ``sum:x``, ``avg:x``, ``min:x``,
        ``max:x``, ``p90:x``); a measure hides a column of the same name."""
        words = _question(conditions, q, filters)
        for word, value in (("by", by), ("measure", measure), ("sort", sort)):
            values = [value] if isinstance(value, str) else list(value)
            words += [(word, values)] if values else []
        words += [("limit", limit)] if limit is not None else []
        return [each.pop("by") | each for each in self.ask("groups", words)["groups"]]

    def to_pandas(self, *conditions: Condition, **question: Any) -> pandas.DataFrame:
        """The rows as a DataFrame; takes what :meth:`rows` takes."""
        return self.rows(*conditions, **question).to_pandas()

    def to_arrow(self, *conditions: Condition, **question: Any) -> pyarrow.Table:
        """The rows as an Arrow table; takes what :meth:`rows` takes."""
        return self.rows(*conditions, **question).to_arrow()

    def download(
        self,
        format: str = "csv",
        path: str | Path | None = None,
        *,
        version: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """The whole file of a version (the current one when not said) at ``path``; returns where it is.

        What a broken download left is taken up again; the SHA-256 is compared with the portal's before the file gets its
        name. ``progress`` is called with bytes done and bytes in all; without it a terminal shows a bar.
        """
        target = Path(path) if path is not None else Path(f"{self.name}.{format}")
        if target.is_dir():
            target = target / f"{self.name}.{format}"
        return download(self._transport, self.name, format, target, version, progress)

    def ask(self, what: str, words: Words) -> dict[str, Any]:
        """The JSON answer of ``rows``, ``distinct``, ``facets`` or ``groups`` to the words of a question."""
        path, pairs, body = self.request(what, words)
        return self._transport.json(path, pairs, body)

    def request(self, what: str, words: Words) -> tuple[str, list[tuple[str, str]], dict[str, Any] | None]:
        """Address, query and body of a question: a GET, or a POST when the address would be too long."""
        pairs = [
            (name, text)
            for name, value in words
            for text in ([json.dumps(value, ensure_ascii=False)] if name == "filter" else as_text(name, value))
        ]
        if sum(len(name.encode()) + len(text.encode()) for name, text in pairs) * 3 <= LONGEST_ADDRESS:
            return self._path(what), pairs, None
        return self._path(what), [], dict(words)

    def open(self, what: str, words: Words) -> Any:
        """An answer whose body is still to be read (a context manager)."""
        path, pairs, body = self.request(what, words)
        return self._transport.open(path, pairs, body=body)

    def lacks(self, package: str) -> PortalError:
        """What to say when an optional package isn't there."""
        return self._transport.error("missing_package", "这里没有装 {package}：pip install {package}", package=package)

    def __repr__(self) -> str:
        return f"<Dataset {self.name}>"

    def _path(self, what: str) -> str:
        return f"api/v1/datasets/{self.name}" + (f"/{what}" if what else "")


class Rows:
    """Rows that answer a question; asked for page by page while they are iterated over, in one version throughout."""

    def __init__(self, dataset: Dataset, words: Words, limit: int | None) -> None:
        self._dataset, self._words, self._limit = dataset, words, limit

    def __iter__(self) -> Iterator[dict[str, Any]]:
        left, cursor, size = self._limit, "", PAGE
        while left is None or left > 0:
            asked = size if left is None else min(size, left)
            page: Words = [("limit", asked), ("total", 0), ("shape", "arrays")]
            page += [("cursor", cursor)] if cursor else []
            found = self._dataset.ask("rows", self._words + page)
            names = found["columns"]
            for values in found["items"]:
                yield dict(zip(names, values, strict=True))
            left = None if left is None else left - len(found["items"])
            cursor, size = found["next"], min(MOST, 4 * size)
            if not cursor:
                return

    def count(self) -> int:
        """How many there are, ``limit`` not counted."""
        without = [(name, value) for name, value in self._words if name not in ("select", "sort")]
        return int(self._dataset.ask("rows", [*without, ("limit", 0)])["total"])

    def first(self) -> dict[str, Any] | None:
        """The first of them, None when there is none."""
        return next(iter(Rows(self._dataset, self._words, 1)), None)

    def to_list(self) -> list[dict[str, Any]]:
        """All of them."""
        return list(self)

    def to_arrow(self) -> pyarrow.Table:
        """All of them as an Arrow table, typed as in the dataset; needs pyarrow."""
        try:
            import pyarrow
        except ImportError:
            raise self._dataset.lacks("pyarrow") from None
        if self._limit is None:
            return self._arrow("dump", [])[0]
        tables: list[pyarrow.Table] = []
        left, cursor = self._limit, ""
        while not tables or (cursor and left > 0):
            page: Words = [("limit", min(MOST, left)), ("total", 0), *([("cursor", cursor)] if cursor else [])]
            table, cursor = self._arrow("rows", page)
            tables.append(table)
            left -= table.num_rows
        return pyarrow.concat_tables(tables)

    def _arrow(self, what: str, more: Words) -> tuple[pyarrow.Table, str]:
        """The table of an answer, and the cursor of the next one."""
        import pyarrow

        with self._dataset.open(what, [*self._words, *more, ("format", "arrow")]) as response:
            table = pyarrow.ipc.open_stream(pyarrow.py_buffer(response.read())).read_all()
            following = response.links.get("next", {}).get("url", "")
        return table, parse_qs(urlsplit(following).query).get("cursor", [""])[0]

    def to_pandas(self) -> pandas.DataFrame:
        """All of them as a DataFrame, by way of Arrow where pyarrow is there; needs pandas."""
        try:
            import pandas
        except ImportError:
            raise self._dataset.lacks("pandas") from None
        try:
            frame: pandas.DataFrame = self.to_arrow().to_pandas()
            return frame
        except PortalError as error:
            if error.code != "missing_package":
                raise
        return pandas.DataFrame(self.to_list())


def _question(conditions: Sequence[Condition], q: str, filters: dict[str, Any]) -> Words:
    words: Words = simple(filters)
    trees = [one.tree for one in conditions]
    if trees:
        words.append(("filter", trees[0] if len(trees) == 1 else {"and": trees}))
    if q:
        words.append(("q", q))
    return words
