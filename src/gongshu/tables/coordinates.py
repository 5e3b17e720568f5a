"""Coordinate systems of China (坐标系): WGS-84, GCJ-02 and BD-09 into each other, and which of them a pair of columns is in.

WGS-84 (GPS, and CGCS2000 within a few centimetres) is what a receiver says; GCJ-02 (高德, 腾讯) is shifted from it by 100 to
700 m at most places (20 m at a few), BD-09 (百度) further. The numbers of one pair alone don't tell: a shifted point is a point too. Two pairs in one table
do, for each shift has a direction and a length of its own at every place.

The formulas are those in general use, published as open source by eviltransform (github.com/googollee/eviltransform) and
coordTransform (github.com/wandergis/coordtransform), with the Krasovsky 1940 ellipsoid; the authority has published none.
Angles are in degrees. Outside the box of China nothing is shifted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, cast

import ibis.expr.types as ir
from ibis.backends import BaseBackend

from gongshu.tables.contract import Field

System = Literal["WGS-84", "GCJ-02", "BD-09"]
Pair = tuple[str, str]  # the names of a column of longitudes and one of latitudes
Point = tuple[ir.NumericValue, ir.NumericValue]

_SYSTEMS: tuple[System, ...] = ("WGS-84", "GCJ-02", "BD-09")  # each the next one's base
_AXIS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323
_BOX = ((72.004, 137.8347), (0.8293, 55.8271))
_METRES = 111_320.0  # of a degree of latitude
_STEPS = 3  # of the inverse: each makes the error a thousand times less
TOLERANCE = 30.0  # metres: four decimals are 11 m, a usual shift is some hundred
_ENOUGH = 5  # rows
DECIMALS = 6  # of degrees that were converted


@dataclass(frozen=True)
class Guess:
    """``first`` and ``second``: the systems of two pairs; ``share`` of ``rows`` compared agree, ``metres`` apart in the mean."""

    first: System
    second: System
    share: float
    rows: int
    metres: float

    @property
    def probability(self) -> float:
        """How sure that is: where all rows agree, and they are many, all but certain (ours, default)."""
        return round(self.share * (1 - 0.5 / (self.rows + 1)) * 0.99, 2)


def convert(table: ir.Table, pair: Pair, source: System, target: System) -> ir.Table:
    """The table with the columns ``pair`` (degrees in ``source``) in ``target``; null where either is null.

    >>> convert(table, ("lng", "lat"), "GCJ-02", "WGS-84")  # doctest: +SKIP
    """
    first, last = _SYSTEMS.index(source), _SYSTEMS.index(target)
    for step in range(first, last):
        table = _mutated(table, pair, _FORWARD[step])
    for step in range(first - 1, last - 1, -1):
        table = _inverse(table, pair, _FORWARD[step])
    return table


def placed(table: ir.Table, fields: Iterable[Field], system: str) -> ir.Table:
    """The typed ``table`` with the first longitude and latitude of ``fields``, said to be in ``system``, in WGS-84.

    Rounded to :data:`DECIMALS` (a decimetre; the shift is undone to about a centimetre). As it is where nothing is to be converted:
    no such pair of numbers, or a system that is WGS-84 but for centimetres.
    """
    pair = pair_of(fields)
    if pair is None or system not in _SYSTEMS[1:]:
        return table
    x, y = pair
    kinds = {name: table[name].type() for name in pair}
    numbers = table.mutate(**{name: table[name].cast("float64") for name in pair})
    moved = convert(numbers, (x, y), cast(System, system), "WGS-84")
    return moved.mutate(**{name: moved[name].round(DECIMALS).cast(kinds[name]) for name in pair}).select(table.columns)


def pair_of(fields: Iterable[Field]) -> Pair | None:
    """The first longitude and the first latitude among the fields that hold numbers; None without both."""
    numeric = [each for each in fields if each.storage_type in ("float64", "decimal")]
    names = [
        next((each.name for each in numeric if each.semantic_type == axis), "") for axis in ("longitude", "latitude")
    ]
    return (names[0], names[1]) if all(names) else None


def guess(backend: BaseBackend, table: ir.Table, first: Pair, second: Pair) -> Guess | None:
    """The systems of two pairs of numeric columns that say the same places; None where the offsets don't tell.

    Told where the offsets of four in five rows are those of one shift to :data:`TOLERANCE`, and of no other.
    """
    numbers = table.select(x0=table[first[0]], y0=table[first[1]], x1=table[second[0]], y1=table[second[1]])
    numbers = numbers.mutate(**{name: numbers[name].cast("float64") for name in numbers.columns})
    numbers = numbers.filter(
        *(numbers[f"{axis}{n}"].between(*box) for n in (0, 1) for axis, box in zip("xy", _BOX, strict=True))
    )
    counted: list[tuple[System, System]] = []
    for one, other in ((0, 1), (1, 0)):
        for low, high in ((0, 1), (1, 2), (0, 2)):
            name = f"d{len(counted)}"
            moved = numbers.mutate(x=numbers[f"x{one}"], y=numbers[f"y{one}"])
            moved = convert(moved, ("x", "y"), _SYSTEMS[low], _SYSTEMS[high])
            numbers = moved.mutate(**{name: _metres((moved.x, moved.y), (moved[f"x{other}"], moved[f"y{other}"]))})
            numbers = numbers.drop("x", "y")
            systems = (_SYSTEMS[low], _SYSTEMS[high])
            counted.append(systems if one == 0 else systems[::-1])
    apart = _metres((numbers.x0, numbers.y0), (numbers.x1, numbers.y1))
    distances = {f"n{n}": (numbers[f"d{n}"] < TOLERANCE).sum() for n in range(len(counted))}
    answer = backend.to_pyarrow(numbers.aggregate(rows=numbers.count(), apart=apart.mean(), **distances))
    row = answer.to_pylist()[0]
    rows = int(row["rows"])
    if rows < _ENOUGH or row["apart"] < 2 * TOLERANCE:
        return None
    shares = sorted(((int(row[f"n{n}"] or 0) / rows, n) for n in range(len(counted))), reverse=True)
    (share, best), (rival, _) = shares[:2]
    if share < 0.8 or rival > 0.5 * share:
        return None
    return Guess(*counted[best], share, rows, float(row["apart"]))


def _mutated(table: ir.Table, pair: Pair, forward: Callable[[Point], Point]) -> ir.Table:
    x, y = forward((table[pair[0]], table[pair[1]]))
    return table.mutate(**{pair[0]: x, pair[1]: y})


def _inverse(table: ir.Table, pair: Pair, forward: Callable[[Point], Point]) -> ir.Table:
    """By fixed-point steps, each a query of its own: nested in one expression they would be very long."""
    names = table.columns
    table = table.mutate(_x=table[pair[0]], _y=table[pair[1]])
    for _ in range(_STEPS):
        x, y = forward((table[pair[0]], table[pair[1]]))
        table = table.mutate(**{pair[0]: table[pair[0]] + table["_x"] - x, pair[1]: table[pair[1]] + table["_y"] - y})
    return table.select(names)


def _metres(one: Point, other: Point) -> ir.NumericValue:
    """The distance of two points near each other, on a plane."""
    east = (one[0] - other[0]) * (one[1] * (math.pi / 180)).cos()
    north = one[1] - other[1]
    return (east * east + north * north).sqrt() * _METRES


def _shifted(point: Point) -> Point:
    """GCJ-02 of a point in WGS-84."""
    longitude, latitude = point
    x, y = longitude - 105.0, latitude - 35.0
    common = 20 * _wave(x, 6) + 20 * _wave(x, 2)
    north = (
        (20 * _wave(y, 1) + 40 * _wave(y, 1 / 3) + 160 * _wave(y, 1 / 12) + 320 * _wave(y, 1 / 30) + common) * (2 / 3)
        + (x * 2.0 + y * 3.0 + y * y * 0.2 + x * y * 0.1 - 100.0)
        + x.abs().sqrt() * 0.2
    )
    east = (
        (20 * _wave(x, 1) + 40 * _wave(x, 1 / 3) + 150 * _wave(x, 1 / 12) + 300 * _wave(x, 1 / 30) + common) * (2 / 3)
        + (x + y * 2.0 + x * x * 0.1 + x * y * 0.1 + 300.0)
        + x.abs().sqrt() * 0.1
    )
    angle = latitude * (math.pi / 180)
    magic = 1 - angle.sin() * angle.sin() * _ECCENTRICITY
    north = north * (180 / math.pi) * magic * magic.sqrt() / (_AXIS * (1 - _ECCENTRICITY))
    east = east * (180 / math.pi) * magic.sqrt() / (angle.cos() * _AXIS)
    inside = longitude.between(*_BOX[0]) & latitude.between(*_BOX[1])
    return inside.ifelse(longitude + east, longitude), inside.ifelse(latitude + north, latitude)


def _wave(value: ir.NumericValue, frequency: float) -> ir.NumericValue:
    return (value * (math.pi * frequency)).sin()


def _turned(point: Point) -> Point:
    """BD-09 of a point in GCJ-02."""
    x, y = point
    turn = math.pi * 3000 / 180
    radius = (x * x + y * y).sqrt() + (y * turn).sin() * 0.00002
    angle = y.atan2(x) + (x * turn).cos() * 0.000003
    inside = x.between(*_BOX[0]) & y.between(*_BOX[1])
    return inside.ifelse(radius * angle.cos() + 0.0065, x), inside.ifelse(radius * angle.sin() + 0.006, y)


_FORWARD = (_shifted, _turned)
