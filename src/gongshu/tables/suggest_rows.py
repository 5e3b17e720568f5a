"""Rules that are learned from the rows by questions of their own: where points lie, how dates are written and which comes first, what
is far from the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.i18n import gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.check_agreement import PARTS, day_told, part_said, sex_told
from gongshu.tables.check_cells import DATE_FORMS
from gongshu.tables.contract import Rule
from gongshu.tables.known import Known
from gongshu.tables.long_form import is_wide, long_parts
from gongshu.tables.model import ROW
from gongshu.tables.semantic.hints import hints_of
from gongshu.tables.storage import normalise, typed

_STEP = 0.05  # degrees
DATES_COMPARED = 12
PARTS_COMPARED = 4  # columns of a kind
ENOUGH, MOSTLY_AGREE = 20, 0.8  # rows; their share
NUMERIC = ("int64", "float64", "decimal")


def for_places(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
    longitude = next((column for column in columns if column.code == "longitude"), None)
    latitude = next((column for column in columns if column.code == "latitude"), None)
    if longitude is None or latitude is None:
        return
    box = _box(backend, table, longitude.name, latitude.name)
    if box is None:
        return
    axes = (longitude.name, latitude.name)
    params = {"longitude": list(box[0]), "latitude": list(box[1])}
    lies = gettext(
        "点大都在经度 {west} 到 {east}、纬度 {south} 到 {north} 之间",
        west=box[0][0],
        east=box[0][1],
        south=box[1][0],
        north=box[1][1],
    )
    # when the values say that two headers changed places, every row is swapped
    says = [hints_of(column.name).types & {"longitude", "latitude"} for column in (longitude, latitude)]
    changed = says == [{"latitude"}, {"longitude"}]
    yield Rule("swapped_axes", "swapped_axes", None, axes[::-1] if changed else axes, params, "030100", evidence=lies)
    for column in (longitude, latitude):
        yield Rule(f"out_of_bounds-{column.place}", "out_of_bounds", column.name, axes, params, "030100", evidence=lies)
    names = [column for column in columns if column.code == "division_name" and 2 <= column.statistics.distinct <= 2000]
    for column in names:
        usual = [value for value, n in column.statistics.top]
        constant = column.statistics.top and column.statistics.top[0][1] > 0.95 * column.filled
        if not constant and len(usual) > 1:
            evidence = gettext("{count} 种区划，各有自己的点", count=column.statistics.distinct)
            yield Rule(
                f"inconsistent-{column.place}", "inconsistent", None, (column.name, *axes), params, "040202", "warning",
                evidence,
            )  # fmt: skip


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


def date_forms(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> dict[str, tuple[str, float]]:
    """The way in which most dates of a column are written and their share, for columns of dates."""
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
            forms[column.name] = best, (found[column.name][best] or 0) / column.filled
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


def for_dates(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
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
            right = up if first_one is dates[a] else down
            evidence = gettext(
                "两个日期都有的 {both} 行里，{share} 是这个先后", both=f"{both:,}", share=f"{right / both:.1%}"
            )
            if right < 0.5 * both:
                evidence = gettext(
                    "列名说的先后与 {share} 的行相反，像是两列的标题换了", share=f"{1 - right / both:.1%}"
                )
            named = (first_one.name, last_one.name)
            yield Rule(name, "cross_field", None, named, {"operator": "<="}, "040202", evidence=evidence)


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


def for_parts(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
    """Birthdays, sexes and organisation codes that stand beside the number that says them too, and mostly agree."""
    pairs = [
        (whole, other, part)
        for part, kind in PARTS.items()
        for whole in [one for one in columns if one.code == kind][:PARTS_COMPARED]
        for other in [one for one in columns if one.code == part][:PARTS_COMPARED]
    ]
    if not pairs:
        return
    counts: dict[str, ir.Scalar] = {}
    for n, (whole, other, part) in enumerate(pairs):
        said = part_said(normalise(table[whole.name]).replace(" ", "").replace("-", "").upper(), part)
        text = normalise(table[other.name]).upper()
        told = text.replace("-", "")
        if part != "organisation_code":
            told = day_told(typed(table[other.name], "date")) if part == "birth_date" else sex_told(text)
        counts |= {f"both{n}": (said.notnull() & told.notnull()).sum(), f"right{n}": (said == told).sum()}
    found = backend.to_pyarrow(table.aggregate(**counts)).to_pylist()[0]
    for n, (whole, other, part) in enumerate(pairs):
        both, right = found[f"both{n}"] or 0, found[f"right{n}"] or 0
        if both < ENOUGH or right < MOSTLY_AGREE * both:
            continue
        evidence = gettext("两列都有的 {both} 行里，{share} 说的一样", both=f"{both:,}", share=f"{right / both:.1%}")
        params = {"part": part, "type": PARTS[part]}
        named = (whole.name, other.name)
        yield Rule(f"agrees-{whole.place}-{other.place}", "agrees", None, named, params, "040202", evidence=evidence)


def outliers(backend: BaseBackend, table: ir.Table, columns: list[Known]) -> Iterator[Rule]:
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
        evidence = gettext("中间一半的数在 {low} 到 {high} 之间", low=f"{low:,.6g}", high=f"{high:,.6g}")
        yield Rule(f"outlier-{column.place}", "outlier", column.name, (), bounds, "", "info", evidence)
