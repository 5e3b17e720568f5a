"""All rows of a finding, however many: read from the mask that the inspection left beside the table, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, overload

from sqlglot import exp

from gongshu.gathering import store
from gongshu.governance import cells
from gongshu.governance.models import Draft
from gongshu.tables.model import MASK_BITS, MASK_KEY

AT_ONCE = 1000  # rows of a download that are in memory


class FindingRowNumbers(Sequence[int]):
    """The numbers of all rows of a finding, in order; those beyond the ones that the report kept are read when they are asked for."""

    def __init__(self, draft: Draft, finding: dict[str, Any]) -> None:
        self._kept: list[int] = finding["rows"]
        self._query = broken(draft, finding) if finding["rows_total"] > len(self._kept) else None
        self._size = int(finding["rows_total"]) if self._query is not None else len(self._kept)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(self._size)
        if self._query is None or stop <= len(self._kept):
            return self._kept[start:stop]
        page = self._query.order_by(exp.column("row", quoted=True)).limit(stop - start).offset(start)
        return [row for (row,) in cells.fetched(page)]


def broken(draft: Draft, finding: dict[str, Any]) -> exp.Select | None:
    """A query for the numbers (``row``) of all rows of the finding; None where no mask tells them."""
    path = store.mask_of(draft.upload, draft.table)
    if not path.exists():
        return None
    file = exp.Literal.string(str(path))
    key, value = (exp.Anonymous(this="decode", expressions=[exp.column(name)]) for name in ("key", "value"))
    meta = exp.select(value).from_(exp.func("parquet_kv_metadata", file)).where(key.eq(exp.Literal.string(MASK_KEY)))
    bits = [tuple(bit) for bit in json.loads(cells.fetched(meta)[0][0])]
    if (finding["rule"], finding["column"]) not in bits:
        return None
    place = bits.index((finding["rule"], finding["column"]))
    word = exp.column(f"mask{place // MASK_BITS}", quoted=True)
    flag = exp.BitwiseAnd(this=word, expression=exp.Literal.number(1 << place % MASK_BITS))
    query = exp.select(exp.column("row", quoted=True)).from_(exp.func("read_parquet", file))
    return query.where(exp.paren(flag).neq(exp.Literal.number(0)))


def whole_rows(draft: Draft, finding: dict[str, Any], columns: Sequence[str]) -> Iterator[tuple[int, list[str | None]]]:
    """The number and the values of every row of the finding, in order, some at a time."""
    numbers = FindingRowNumbers(draft, finding)
    for start in range(0, len(numbers), AT_ONCE):
        yield from cells.read_rows(draft, numbers[start : start + AT_ONCE], columns, None).items()
