"""Quiet maps drawn on the server: points of a version over the city's divisions, and the divisions with their open rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening import queries
from gongshu.opening.rows import answers, pictures, tables
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import quoted

CELLS = 56
MAP_WIDTH = 720
EVERYTHING = Ask()
SHAPES = 200  # a divisions dataset with more rows is no map of districts


@dataclass(frozen=True)
class Area:
    """A division on the map."""

    name: str
    path: str
    x: float
    y: float


@dataclass(frozen=True)
class Map:
    """Points of a version over the city's divisions, in the coordinates of the drawing."""

    width: float
    height: float
    areas: list[Area]
    dots: list[tuple[float, str]]  # width of the dot, path of the places that have one
    total: int
    outside: int
    gathered: bool
    sizes: list[tuple[float, int]]


def points_map(table: Table, ask: Ask = EVERYTHING) -> Map | None:
    """The points that answer ``ask``, gathered in small cells over the divisions; None when the rows are no points."""
    if not (table.longitude and table.latitude):
        return None
    box = pictures.middle(table, ask)
    if box is None or not all(map(math.isfinite, box)):
        return None
    ring = divisions()
    if ring and not _overlap(ring["box"], box):
        ring = None  # points of elsewhere
    box = _wider(ring["box"] if ring else box)
    found = pictures.point_cells(table, ask, CELLS, box)
    plane = _Plane(*box)
    most = max((n for _x, _y, n in found), default=1)
    dots: dict[float, list[str]] = {}
    for lon, lat, number in found:
        x, y = plane.place(lon, lat)
        dots.setdefault(2 * _radius(number, most), []).append(f"M{x:g} {y:g}h0")
    shapes = ring["shapes"] if ring else []
    total = sum(n for _x, _y, n in found)
    return Map(
        plane.width,
        plane.height,
        [Area(name, plane.path(rings), *plane.place(*centre)) for name, rings, centre in shapes],
        [(width, "".join(places)) for width, places in sorted(dots.items(), reverse=True)],
        total,
        answers.total(table, ask) - total,
        any(n > 1 for _x, _y, n in found),
        [(_radius(n, most), n) for n in sorted({1, max(1, most // 4), most})],
    )


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    middle = ((other[0] + other[2]) / 2, (other[1] + other[3]) / 2)
    return one[0] <= middle[0] <= one[2] and one[1] <= middle[1] <= one[3]


def _wider(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    west, south, east, north = box
    x, y = max((east - west) * 0.03, 0.002), max((north - south) * 0.03, 0.002)
    return west - x, south - y, east + x, north + y


def divisions() -> dict[str, Any] | None:
    """The city's divisions from the published dataset of topic 区划地名 that has shapes: name, rings, centre of each."""
    return _divisions(queries.fingerprint())


@dataclass(frozen=True)
class Shaded:
    """The city's divisions, shaded by a number of each: ``areas`` with the number (None where there is none) and its shade
    (1..4), ``steps`` with the shade and the least and greatest number that has it."""

    width: float
    height: float
    areas: list[tuple[Area, float | None, int]]
    steps: list[tuple[int, float, float]]


def shaded(numbers: dict[str, float]) -> Shaded | None:
    """The divisions shaded in four equal steps from the least of ``numbers`` to the greatest; None without
    shapes of divisions."""
    found = divisions()
    if not found:
        return None
    west, south, east, north = found["box"]
    plane = _Plane(west, south, east, north, width=480)
    own = [numbers[name] for name, _r, _c in found["shapes"] if name in numbers]
    least, most = min(own, default=0), max(own, default=0)
    step = (most - least) / 4
    areas = []
    by_shade: dict[int, list[float]] = {}
    for name, rings, centre in found["shapes"]:
        number = numbers.get(name)
        shade = 1 if number is None or not step else min(4, int((number - least) / step) + 1)
        areas.append((Area(name, plane.path(rings), *plane.place(*centre)), number, shade))
        if number is not None:
            by_shade.setdefault(shade, []).append(number)
    steps = [(shade, min(each), max(each)) for shade, each in sorted(by_shade.items())] if step else []
    return Shaded(plane.width, plane.height, areas, steps)


def district_map() -> tuple[Shaded, int] | None:
    """The divisions by how many open rows lie in each, from the statistics of every current version, and the number of datasets
    that was counted."""
    found = divisions()
    if not found:
        return None
    numbers, datasets = _rows_by_division(queries.fingerprint(), tuple(name for name, _r, _c in found["shapes"]))
    drawn = shaded(dict(numbers))
    return (drawn, datasets) if drawn else None


@lru_cache(maxsize=4)
def _rows_by_division(_key: str, names: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """Rows by division and the number of datasets counted: those of points, by a column whose statistics name every value
    (a series of readings says when, not where)."""
    numbers: dict[str, int] = dict.fromkeys(names, 0)
    datasets = 0
    for columns in queries.visible().filter(current__longitude__gt="").values_list("current__columns", flat=True):
        for column in columns:
            top = column.get("top") or []
            if column.get("semantic_type") == "division_name" and (column.get("distinct") or 0) <= len(top):
                told = {str(value): int(n) for value, n in top if str(value) in numbers}
                if len(told) > 1:
                    datasets += 1
                    for name, n in told.items():
                        numbers[name] += n
                break
    return numbers, datasets


@lru_cache(maxsize=4)
def _divisions(_key: str) -> dict[str, Any] | None:
    for dataset in queries.visible().filter(topic="divisions", current__rows__lte=SHAPES):
        version = dataset.current
        assert version is not None
        shape = next((c["name"] for c in version.columns if c["storage_type"] == "geometry"), None)
        name = next((c["name"] for c in version.columns if c.get("semantic_type") == "division_name"), None)
        if not shape or not name:
            continue
        query = exp.select(quoted(name), quoted(shape)).from_(serving.TABLE)
        try:
            found = serving.read(tables.path(version), query)
        except serving.ServingError:
            continue
        shapes = [(str(n), rings) for n, g in found if g and (rings := _rings(g))]
        if not shapes:
            continue
        every = [point for _n, rings in shapes for ring in rings for point in ring]
        box = (min(p[0] for p in every), min(p[1] for p in every), max(p[0] for p in every), max(p[1] for p in every))
        return {"box": box, "shapes": [(n, rings, _centre(rings)) for n, rings in shapes]}
    return None


def _rings(text: str) -> list[list[tuple[float, float]]]:
    try:
        shape = json.loads(text)
    except ValueError:
        return []
    coordinates = shape.get("coordinates") or []
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(shape.get("type"), [])
    return [[(float(p[0]), float(p[1])) for p in ring] for polygon in polygons for ring in polygon]


def _centre(rings: list[list[tuple[float, float]]]) -> tuple[float, float]:
    """Centroid of the largest ring (shoelace formula)."""
    best, centre = 0.0, rings[0][0]
    for ring in rings:
        twice = cx = cy = 0.0
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            cross = x0 * y1 - x1 * y0
            twice, cx, cy = twice + cross, cx + (x0 + x1) * cross, cy + (y0 + y1) * cross
        if abs(twice) > best:
            best, centre = abs(twice), (cx / (3 * twice), cy / (3 * twice))
    return centre


class _Plane:
    """Degrees to the drawing: equirectangular at the middle latitude, y downwards."""

    def __init__(self, west: float, south: float, east: float, north: float, width: float = MAP_WIDTH) -> None:
        self._west, self._north = west, north
        squeeze = math.cos(math.radians((south + north) / 2))
        across, up = max(east - west, 1e-4) * squeeze, max(north - south, 1e-4)
        inner = width - 32
        if up / across * inner > 480:
            inner = 480 * across / up
        self._x, self._y = inner / across * squeeze, inner / across
        self.width, self.height = inner + 32, up * self._y + 32

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        return round(16 + (lon - self._west) * self._x, 1), round(16 + (self._north - lat) * self._y, 1)

    def path(self, rings: Iterable[Iterable[tuple[float, float]]]) -> str:
        parts = []
        for ring in rings:
            placed = dict.fromkeys(self.place(*point) for point in ring)
            parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in placed) + "Z")
        return "".join(parts)


def _radius(number: int, most: int) -> float:
    widest = min(11.0, 2.5 + math.sqrt(most))  # few rows a cell stay small dots
    return round(2.0 + (widest - 2.0) * math.sqrt(number / most), 1) if most > 1 else 2.6
