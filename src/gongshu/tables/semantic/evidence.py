"""What the values of a column show: the different values of a seeded sample, or of the whole column, and the forms among them.

The engine gathers the values (one grouped query); the forms are counted over them by Arrow's vectorised functions, so the
answer is the same on every engine, and each form is looked for only when a judge asks.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import selectors
from ibis.backends import BaseBackend

from gongshu.tables.long_form import is_wide, long_parts
from gongshu.tables.model import ROW
from gongshu.tables.semantic.forms import Values, number_array
from gongshu.tables.storage import normalise, placeholder_pattern

SAMPLE_ROWS = 20_000
SAMPLE_CELLS = 400_000  # a table of 10,000 columns is judged by fewer rows
COLUMNS_AT_ONCE = 200
MOST_VALUES = 1_000_000  # different values of one column that a whole scan looks at; of more, a share of them
LONGEST = 4_000  # characters of a value that are looked at


class Evidence:
    """The different values of one column and how often each stands there; forms are counted when asked for.

    ``filled``: cells that hold something; ``distinct``: different values among them; ``length``: their mean length;
    ``sampled``: the values are of a sample.
    """

    def __init__(self, column: str, values: pa.StringArray, counts: np.ndarray, *, sampled: bool) -> None:
        self.column, self.sampled = column, sampled
        self._values: Values | None = Values(values, counts)
        self._hits: dict[str, int] = {}
        self._spread: dict[str, tuple[float, ...]] = {}
        self.filled, self.distinct = int(counts.sum()), len(values)
        self.length = float((self._values.size * counts).sum() / self.filled) if self.filled else 0.0

    def hits(self, name: str) -> int:
        """Cells that show the form ``name``: one of :func:`.forms.forms`, or the code of a declared type."""
        if name not in self._hits:
            if self._values is None:
                raise RuntimeError(f"column {self.column}: the values are gone, {name} was never counted")
            mask = self._values.shows(name) if self._values.may_show(name) else None
            self._hits[name] = int(self._values.counts[mask].sum()) if mask is not None else 0
        return self._hits[name]

    def share(self, *names: str) -> float:
        """Share of the filled cells that show one of ``names`` (forms that exclude each other)."""
        return sum(self.hits(name) for name in names) / self.filled if self.filled else 0.0

    def segments(self, form: str) -> int:
        """Different leading three digits of the telephone numbers (their last eleven digits) that show ``form``."""
        if self._values is None:
            raise RuntimeError(f"column {self.column}: the values are gone, the segments of {form} were never counted")
        digits = pc.replace_substring_regex(self._values.texts(form), "[^0-9]", "")
        return len(pc.unique(pc.utf8_slice_codeunits(digits, -11, -8)))

    @property
    def numbers(self) -> tuple[float, ...]:
        """Minimum, 1 %, median, 99 % and maximum of the values that are numbers."""
        return self._spread_of("number", (0.0, 0.01, 0.5, 0.99, 1.0))

    @property
    def years(self) -> tuple[float, ...]:
        """Minimum, 5 %, median, 95 % and maximum of the years of the values that are dates."""
        return self._spread_of("date", (0.0, 0.05, 0.5, 0.95, 1.0))

    def _spread_of(self, form: str, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if form not in self._spread:
            found = self._values.texts(form) if self._values else pa.array([], pa.string())
            if form == "date":
                found = pc.utf8_slice_codeunits(found, 0, 4)
            numbers = number_array(found)
            numbers = numbers[np.isfinite(numbers)]
            self._spread[form] = tuple(float(n) for n in np.quantile(numbers, quantiles)) if len(numbers) else ()
        return self._spread[form]

    def settle(self) -> None:
        """Let the values go; what was counted stays, and so does what the columns beside this one ask for."""
        for name in ("number", "latitude_range", "coordinate_fine", "sex_code"):
            self.hits(name)
        _ = self.numbers, self.years
        self._values = None


def gather(backend: BaseBackend, table: ir.Table, rows: int, *, full: bool = False) -> Iterator[tuple[str, Evidence]]:
    """The evidence of each column of the staged ``table`` (text and ``_row``) of ``rows`` rows; ``full``: of all rows."""
    names = [name for name in table.columns if name != ROW]
    if full:
        yield from ((name, _whole(backend, table, name, rows)) for name in names)
        return
    wanted = _wanted(len(names))
    sampled = rows > 1.5 * wanted
    if is_wide(backend, table, names, rows):
        for part, cells in long_parts(backend, table, names, rows):
            yield from _counted(backend, sample(cells, rows, wanted).drop(ROW), part, sampled)
        return
    table = sample(table, rows, wanted)
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        part = names[start : start + COLUMNS_AT_ONCE]
        # places stand for the names: they are shorter
        plain = table.select(**{str(n): table[name] for n, name in enumerate(part)})
        cells = plain.pivot_longer(selectors.all(), names_to="column", values_to="value", names_transform=int)
        yield from _counted(backend, cells, part, sampled)


def drawn(backend: BaseBackend, table: ir.Table, rows: int) -> ir.Table:
    """What :func:`gather` looks at of the staged ``table``, read once and held in memory; the whole where it is much or elsewhere.

    A :func:`sample` of this is the sample of the table: smaller ones are part of larger ones.
    """
    names = [name for name in table.columns if name != ROW]
    if backend.name != "duckdb" or len(names) > COLUMNS_AT_ONCE:
        return table
    looked = sample(table, rows, _wanted(len(names)))
    return ibis.memtable(
        backend.to_pyarrow(looked.select(looked[ROW], **{name: looked[name].left(LONGEST) for name in names}))
    )


def sampled(number: ir.IntegerValue, rows: int, columns: int) -> ir.BooleanValue:
    """True of the row ``number`` of ``rows`` where :func:`drawn` takes it, of a table of so many columns."""
    wanted = _wanted(columns)
    return _one_in(number, rows / wanted) if rows > 1.5 * wanted else number.notnull()


def _wanted(columns: int) -> int:
    return max(200, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, columns)))


def sample(table: ir.Table, rows: int, wanted: int = 2_000) -> ir.Table:
    """Some ``wanted`` rows of the staged ``table``, spread over it; the same each time and on each engine."""
    return table.filter(_one_in(table[ROW], rows / wanted)) if rows > 1.5 * wanted else table


def _one_in(number: ir.IntegerValue, share: float) -> ir.BooleanValue:
    # a multiplicative hash of the row number
    return (number * 2654435761 + 40503) % 4294967296 < int(4294967296 / share)


def _counted(backend: BaseBackend, cells: ir.Table, names: list[str], sampled: bool) -> Iterator[tuple[str, Evidence]]:
    answer = backend.to_pyarrow(_grouped(cells, ["column", "value"]))
    answer = answer.filter(answer["holds"])
    columns = answer["column"].combine_chunks().to_numpy(zero_copy_only=False)
    order = np.argsort(columns, kind="stable")
    starts = np.searchsorted(columns[order], np.arange(len(names) + 1))
    texts, counts = answer["text"].combine_chunks(), answer["n"].combine_chunks().to_numpy(zero_copy_only=False)
    for name, first, last in zip(names, starts[:-1], starts[1:], strict=True):
        own = order[first:last]
        yield name, Evidence(name, texts.take(pa.array(own)), counts[own], sampled=sampled)


def _grouped(cells: ir.Table, by: list[str]) -> ir.Table:
    """The different values and how often each is there: in upper case and mended, and whether they hold something."""
    cells = cells.filter(cells.value.notnull()).group_by(by).aggregate(n=ibis._.count())
    kept = {name: cells[name] for name in by if name != "value"}
    cells = cells.select(**kept, n=cells.n, clean=normalise(cells.value.left(LONGEST)))
    # said, not filtered by: an engine would mend each value twice, once for its filter
    holds = (cells.clean != "") & ~cells.clean.re_search(placeholder_pattern())
    return cells.select(**{name: cells[name] for name in kept}, n=cells.n, text=cells.clean.upper(), holds=holds)


def _whole(backend: BaseBackend, table: ir.Table, name: str, rows: int) -> Evidence:
    """The evidence of all rows of one column, judged at once and then let go."""
    groups = _grouped(table.select(value=table[name]), ["value"])
    groups = groups.filter(groups.holds)
    size = int(backend.to_pyarrow(groups.count()).as_py()) if rows > MOST_VALUES else rows
    if size > MOST_VALUES:
        # by a digest that is the same on every engine
        bound = f"{int(16**8 * MOST_VALUES / size):08x}"
        groups = groups.filter(groups.text.hexdigest("md5").left(8) < bound)
    answer = backend.to_pyarrow(groups)
    texts, counts = answer["text"].combine_chunks(), answer["n"].combine_chunks().to_numpy(zero_copy_only=False)
    return Evidence(name, texts.cast(pa.string()), counts, sampled=size > MOST_VALUES)
