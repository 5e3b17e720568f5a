"""Rules suggested for a table from what its columns hold: each is learned from the whole file, so that what differs stands out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.rulebooks import rulebook
from gongshu.tables.check_cells import CHECKED_TYPES, DATE_FORMS, TYPE_FORMS
from gongshu.tables.contract import Rule
from gongshu.tables.long_form import is_wide, long_parts
from gongshu.tables.model import ROW
from gongshu.tables.semantic.hints import hints_of
from gongshu.tables.semantic.recognition import Recognised
from gongshu.tables.statistics import ColumnStatistics
from gongshu.tables.storage import normalise, placeholder_pattern, typed

MOSTLY_FILLED = 0.9  # a column that is filled so far is meant to be filled
_STEP = 0.05  # degrees
DATES_COMPARED = 12
_SURROGATE = re.compile(
    r"^(id|no|row|rid|seq|index|fid|gid|objectid|uuid|guid|xh|序号|行号|主键|编号)$|(^|_)(row|rec|record)_?(id|no|num)$|^_?id$"
)
NUMERIC = ("int64", "float64", "decimal")
_PLACEHOLDER = re.compile(placeholder_pattern())
_BOOLEAN_WORDS = frozenset(
    [
        "是",
        "否",
        "有",
        "无",
        "Y",
        "N",
        "YES",
        "NO",
        "TRUE",
        "FALSE",
        "T",
        "F",
        "0",
        "1",
        "启用",
        "停用",
        "正常",
        "异常",
        "男",
        "女",
    ]
)


@dataclass(frozen=True)
class Known:
    """What is known of a column when rules are suggested."""

    name: str
    place: int
    storage_type: str
    semantic: Recognised
    statistics: ColumnStatistics
    usual_low: float | None = None  # the 1 % quantile of its numbers, in the sample

    @property
    def code(self) -> str | None:
        return self.semantic.code

    @property
    def filled(self) -> int:
        return self.statistics.rows - self.statistics.nulls


def suggest_rules(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> list[Rule]:
    """The rules for the staged ``table``; ids are stable for the same columns."""
    if not columns or not columns[0].statistics.rows:
        return []
    rules = [*_for_cells(columns)]
    forms = _date_forms(backend, table, columns)
    for column in columns:
        rules += _for_column(column, forms)
    rules += _for_places(backend, table, columns)
    rules += _for_dates(backend, table, columns)
    rules += _outliers(backend, table, columns)
    rules += _for_rows(columns)
    return rules


def _for_cells(columns: list[Known]) -> Iterator[Rule]:
    """What holds for every cell of a kind of column: one rule for many columns."""
    text = tuple(column.name for column in columns if column.storage_type == "string" and column.filled)
    every = tuple(column.name for column in columns if column.filled)
    numbers = tuple(
        column.name for column in columns if column.storage_type not in ("string", "geometry") and column.filled
    )
    filled = tuple(column.name for column in columns if column.filled >= MOSTLY_FILLED * column.statistics.rows)
    # a placeholder that fills half a column is its way of saying no
    usual = tuple(column.name for column in columns if column.filled and not _mostly_placeholder(column))
    for kind, names, dimension in (
        ("not_null", filled, "020100"),
        ("placeholder", usual, "020100"),
        ("type", numbers, "010101"),
        ("whitespace", every, "030500"),
        ("full_width", every, "030500"),
        ("mojibake", text, "030500"),
    ):
        if names:
            yield Rule(kind, kind, None, names, {}, dimension, "warning")


def _mostly_placeholder(column: Known) -> bool:
    count = sum(n for value, n in column.statistics.top if _PLACEHOLDER.search(value.strip()))
    return count > 0.3 * column.filled


def _for_column(column: Known, forms: Mapping[str, str]) -> Iterator[Rule]:
    number, name, statistics = column.place, column.name, column.statistics
    code, sure = column.code, column.semantic.probability >= 0.93
    if code in CHECKED_TYPES and sure:
        yield Rule(f"check_digit-{number}", "check_digit", name, (), {"type": code}, "030100")
    if code in TYPE_FORMS and sure:
        yield Rule(f"format-{number}", "format", name, (), {"type": code}, "030200")
    if name in forms:
        yield Rule(f"format-{number}", "format", name, (), {"form": forms[name]}, "010102", "warning")
    if column.storage_type in ("date", "timestamp"):
        yield Rule(f"range-{number}", "range", name, (), _date_bounds(column), "030100", "warning")
    if column.storage_type in NUMERIC and _never_negative(column):
        yield Rule(f"range-{number}", "range", name, (), {"min": 0}, "010400", "warning")
    if code == "sex" and statistics.distinct <= 6:
        values = [value for value, n in statistics.top if n >= 0.05 * column.filled]
        yield Rule(f"in_set-{number}", "in_set", name, (), {"values": values}, "010500")
    elif column.storage_type == "string" or code in ("division_code", "ethnicity"):
        yield from _for_codes(column)
    if _is_key(column):
        params = {"type": code} if code in CHECKED_TYPES else {}
        yield Rule(f"unique-{number}", "unique", name, (), params, "030400")


def _never_negative(column: Known) -> bool:
    # a count, an area, a price: below nought only by mistake, when fewer than one in a hundred is
    return column.usual_low is not None and column.usual_low >= 0 and column.code not in ("longitude", "latitude")


def _date_bounds(column: Known) -> dict[str, str]:
    low = "1900-01-01" if column.code == "birth_date" else "1800-01-01"
    late = re.search("截止|到期|有效期|终止|结束|届满|计划|预计|end|expire|due|plan", column.name, re.IGNORECASE)
    today = dt.date.today()
    return {
        "min": low,
        "max": (today.replace(year=today.year + 100, day=1) if late else today + dt.timedelta(days=1)).isoformat(),
    }


def _for_codes(column: Known) -> Iterator[Rule]:
    """A column of one value, or of a few that cover nearly all: what else stands in it is rare and suspect."""
    statistics, filled = column.statistics, column.filled
    usual = [(value.strip(), n) for value, n in statistics.top if not _PLACEHOLDER.search(value.strip())]
    if (
        filled < 100
        or not usual
        or column.code in ("person_name", "organisation_name", "address", "home_address", "amount")
    ):
        return
    value, count = usual[0]
    if count >= 0.98 * filled and statistics.distinct <= 20 and (statistics.distinct > 1 or count == filled):
        if statistics.distinct > 1 and value.upper() not in _BOOLEAN_WORDS and _rare(usual[1:], filled):
            yield Rule(
                f"constant_broken-{column.place}",
                "constant_broken",
                column.name,
                (),
                {"value": value},
                "040100",
                "warning",
            )
        return
    common = _common(usual, filled)
    if common and statistics.distinct <= 3 * len(common) + 20:
        yield Rule(f"in_set-{column.place}", "in_set", column.name, (), {"values": common}, "010500", "warning")


def _rare(values: list[tuple[str, int]], filled: int) -> bool:
    return all(n <= max(3, 0.01 * filled) for _, n in values)


def _common(usual: list[tuple[str, int]], filled: int) -> list[str]:
    """The values that cover nearly all, when those after them are rare beside them; else nothing."""
    covered = 0
    common: list[str] = []
    for place, (value, n) in enumerate(usual):
        rest = filled - covered
        if place and rest <= 0.03 * filled and n < 0.25 * usual[place - 1][1] and n < 0.01 * filled:
            middle = usual[len(common) // 2][1]
            return common if n <= 0.15 * middle and usual[place - 1][1] >= 20 else []
        covered += n
        common.append(value)
    return common if filled - covered <= 0.001 * filled and usual[-1][1] >= 20 else []


def _is_key(column: Known) -> bool:
    statistics = column.statistics
    if column.filled < 20 or column.storage_type in ("float64", "decimal", "date", "timestamp"):
        return False
    named = bool(
        re.search(r"(^|_)(id|code|no|uscc|key)$|编号|编码|代码|序号|信用代码|证号|号码|主键|唯一", column.name.lower())
    )
    identity = column.code in ("credit_code", "resident_id")
    share = statistics.distinct / max(1, column.filled)
    return (share == 1.0 and (named or identity or column.place == 0)) or (
        share >= 0.98 and named and column.code != "mobile"
    )


def _for_places(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
    longitude = next((column for column in columns if column.code == "longitude"), None)
    latitude = next((column for column in columns if column.code == "latitude"), None)
    if longitude is None or latitude is None:
        return
    box = _box(backend, table, longitude.name, latitude.name)
    if box is None:
        return
    axes = (longitude.name, latitude.name)
    params = {"longitude": list(box[0]), "latitude": list(box[1])}
    # when the values say that two headers changed places, every row is swapped
    says = [hints_of(column.name).types & {"longitude", "latitude"} for column in (longitude, latitude)]
    changed = says == [{"latitude"}, {"longitude"}]
    yield Rule("swapped_axes", "swapped_axes", None, axes[::-1] if changed else axes, params, "030100")
    for column in (longitude, latitude):
        yield Rule(f"out_of_bounds-{column.place}", "out_of_bounds", column.name, axes, params, "030100")
    names = [column for column in columns if column.code == "division_name" and 2 <= column.statistics.distinct <= 2000]
    for column in names:
        usual = [value for value, n in column.statistics.top]
        constant = column.statistics.top and column.statistics.top[0][1] > 0.95 * column.filled
        if not constant and len(usual) > 1:
            yield Rule(
                f"inconsistent-{column.place}", "inconsistent", None, (column.name, *axes), params, "040202", "warning"
            )


def _box(
    backend: BaseBackend, table: ir.Table, longitude: str, latitude: str
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Where the points lie: from the middle outwards until a gap of 0.15 degrees, or of half the width of the middle half."""
    points = table.select(x=typed(table[longitude], "float64"), y=typed(table[latitude], "float64"))
    points = points.filter(points.x.between(73, 136) & points.y.between(3, 54))
    bounds = []
    for axis in ("x", "y"):
        steps = (
            points.group_by(step=(points[axis] / _STEP).floor().cast("int64"))
            .aggregate(n=ibis._.count())
            .order_by("step")
        )
        counts = [(row["step"], row["n"]) for row in backend.to_pyarrow(steps).to_pylist()]
        if not counts:
            return None
        low, high = _bulk(counts)
        bounds.append((round(low * _STEP, 2), round((high + 1) * _STEP, 2)))
    return bounds[0], bounds[1]


def _bulk(counts: list[tuple[int, int]]) -> tuple[int, int]:
    """The first and last step of the run of steps around the median that no wide gap breaks."""
    total = sum(n for _, n in counts)
    places, covered = {}, 0
    for place, (_, n) in enumerate(counts):
        for quarter in (0.25, 0.5, 0.75):
            if covered < quarter * total <= covered + n:
                places[quarter] = place
        covered += n
    gap = max(3, (counts[places[0.75]][0] - counts[places[0.25]][0]) // 2)
    low = high = places[0.5]
    while low > 0 and counts[low][0] - counts[low - 1][0] <= gap + 1:
        low -= 1
    while high < len(counts) - 1 and counts[high + 1][0] - counts[high][0] <= gap + 1:
        high += 1
    return counts[low][0], counts[high][0]


def _date_forms(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> dict[str, str]:
    """The way in which most dates of a column are written, for columns of dates."""
    dates = [column for column in columns if column.storage_type == "date"]
    if not dates:
        return {}
    found = _told(
        backend,
        table,
        dates,
        lambda values: {form: normalise(values).re_search(DATE_FORMS[form]).sum() for form in DATE_FORMS},
    )
    forms = {}
    for column in dates:
        # padded dates match the unpadded pattern too: the first form wins a tie
        best = max(DATE_FORMS, key=lambda form: (found[column.name][form] or 0, -list(DATE_FORMS).index(form)))
        if (found[column.name][best] or 0) >= 0.2 * column.filled:
            forms[column.name] = best
    return forms


def _told(
    backend: BaseBackend,
    table: ir.Table,
    columns: list[Known],
    metrics: Callable[[ir.StringValue], dict[str, ir.Scalar]],
) -> dict[str, dict[str, Any]]:
    """What ``metrics`` of their cells come to for each of the columns, in one query or a few."""
    names = [column.name for column in columns]
    if is_wide(backend, table, names, columns[0].statistics.rows):
        found: dict[str, dict[str, Any]] = {}
        for part, cells in long_parts(backend, table, names, columns[0].statistics.rows):
            sums = cells.group_by("column").aggregate(**metrics(cells.value))
            found |= {part[row.pop("column")]: row for row in backend.to_pyarrow(sums).to_pylist()}
        return found
    counts = {f"{n}|{key}": one for n, name in enumerate(names) for key, one in metrics(table[name]).items()}
    row = backend.to_pyarrow(table.aggregate(**counts)).to_pylist()[0]
    told: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in row.items():
        number, metric = key.split("|", 1)
        told[names[int(number)]][metric] = value
    return told


def _for_dates(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
    """Pairs of dates one of which nearly always comes first; which one is learned from the rows.

    Names that say so (受理 before 办结) need 80 % of the rows, others 98 %. When names say so and the rows nearly always the
    contrary, two headers changed places, which every row shows.
    """
    dates = [column for column in columns if column.storage_type in ("date", "timestamp")][:DATES_COMPARED]
    if len(dates) < 2:
        return
    moments = table.select(
        **{f"d{n}": typed(table[column.name], column.storage_type).cast("timestamp") for n, column in enumerate(dates)}
    )
    pairs = list(combinations(range(len(dates)), 2))
    counts: dict[str, ir.Scalar] = {}
    for a, b in pairs:
        first, last = moments[f"d{a}"], moments[f"d{b}"]
        counts |= {
            f"both{a}|{b}": (first.notnull() & last.notnull()).sum(),
            f"up{a}|{b}": (first <= last).sum(),
            f"down{a}|{b}": (first >= last).sum(),
        }
    found = backend.to_pyarrow(moments.aggregate(**counts)).to_pylist()[0]
    for a, b in pairs:
        both, up, down = (found[f"{key}{a}|{b}"] or 0 for key in ("both", "up", "down"))
        order = _in_order(dates[a], dates[b], both, up, down)
        if order:
            first_one, last_one = order
            name = f"cross_field-{first_one.place}-{last_one.place}"
            yield Rule(name, "cross_field", None, (first_one.name, last_one.name), {"operator": "<="}, "040202")


def _in_order(a: Known, b: Known, both: int, up: int, down: int) -> tuple[Known, Known] | None:
    """The two dates, the first one first, or nothing when there is no order in them."""
    if both < 20:
        return None
    places = _order(a), _order(b)
    if places[0] is not None and places[1] is not None and places[0] != places[1]:
        right, first, last = (up, a, b) if places[0] < places[1] else (down, b, a)
        if right >= 0.8 * both or right <= 0.05 * both:
            return first, last
        return None
    if up == down:
        return None
    right, first, last = (up, a, b) if up > down else (down, b, a)
    return (first, last) if right >= 0.98 * both else None


def _order(column: Known) -> int | None:
    """Where in the life of a thing a date named so lies; None where the name doesn't tell."""
    if column.code == "birth_date":
        return -1
    for place, words in enumerate(rulebook("semantic-2026/hints")["date_order"]):
        if any(word in column.name.lower() for word in words):
            return place
    return None


def _outliers(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
    """Numbers far from the rest: beyond the quartiles by ten times their distance; a hint, never an error."""
    numbers = [
        column
        for column in columns
        if column.storage_type in NUMERIC and column.code in (None, "amount") and column.statistics.distinct > 20
    ]
    if not numbers:
        return
    sample = table
    rows = columns[0].statistics.rows
    if rows > 60_000:
        sample = table.filter((table[ROW] * 2654435761 + 40503) % 4294967296 < int(4294967296 * 40_000 / rows))
    found = _told(
        backend,
        sample,
        numbers,
        lambda values: {f"q{q}": typed(values, "float64").quantile(q / 100) for q in (25, 75)},
    )
    for column in numbers:
        low, high = found[column.name]["q25"], found[column.name]["q75"]
        if low is None or high <= low:
            continue
        spread = 10 * (high - low)
        bounds = {"min": float(f"{low - spread:.6g}"), "max": float(f"{high + spread:.6g}")}
        yield Rule(f"outlier-{column.place}", "outlier", column.name, (), bounds, "", "info")


def _for_rows(columns: list[Known]) -> Iterator[Rule]:
    ignored = [column.name for column in columns if _is_surrogate(column)]
    if len(columns) - len(ignored) >= 2:
        params = {"ignore": ignored} if ignored else {}
        yield Rule("row_duplicate", "row_duplicate", None, (), params, "030300", "warning")
        if any(column.storage_type == "string" and column.name not in ignored for column in columns):
            yield Rule("near_duplicate", "near_duplicate", None, (), params, "030300", "warning")
    starred = tuple(column.name for column in columns if column.storage_type == "string" and column.filled)
    if starred:
        yield Rule("masked", "masked", None, starred, {}, "", "info")


def _is_surrogate(column: Known) -> bool:
    """A running number or code that says nothing of the thing: rows that differ in it alone are the same."""
    if column.code in (
        "credit_code",
        "resident_id",
        "person_name",
        "organisation_name",
        "mobile",
        "longitude",
        "latitude",
    ):
        return False
    unique = column.statistics.distinct >= 0.99 * column.filled and column.filled == column.statistics.rows
    return unique and column.storage_type in ("string", "int64") and bool(_SURROGATE.search(column.name.lower()))
