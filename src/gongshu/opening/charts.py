"""The picture that says more than a number: one chart of a version's best column, and a map of its points."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening import queries, rows
from gongshu.opening.models import Version

MOST_BARS = 16
CELLS = 56
MAP_WIDTH = 720
SHAPES = 200  # a divisions dataset with more rows is no map of districts


@dataclass(frozen=True)
class Chart:
    """Numbers of rows by the values of a column: ``table`` holds what is drawn and what is left over."""

    column: str
    kind: str
    table: list[tuple[str, int]]
    choices: list[str]
    rest: int
    description: str

    @property
    def data(self) -> dict[str, Any]:
        """What the script draws."""
        return {
            "kind": self.kind,
            "labels": [label for label, _n in self.table],
            "values": [number for _label, number in self.table],
            "description": self.description,
        }


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
    gathered: bool
    sizes: list[tuple[float, int]] = field(default_factory=list)


def chart(version: Version, wanted: str = "") -> Chart | None:
    """Rows by ``wanted``, or by the column that tells most; None when no column can be counted by its values."""
    eligible = {c["name"]: c for c in version.columns if _worth(version, c) > 0}
    if not eligible:
        return None
    name = wanted if wanted in eligible else max(eligible, key=lambda each: _worth(version, eligible[each]))
    column = eligible[name]
    if column["storage_type"] in ("date", "timestamp"):
        table, rest = _periods(version, column), 0
        kind = "time"
    else:
        found = rows.frequencies(*rows.stamp(version), name, MOST_BARS)
        codes = column.get("codes") or {}
        table = [(codes.get(str(value), str(value)) if value is not None else _("空"), n) for value, n in found]
        rest, kind = version.rows - sum(n for _label, n in table), "bar"
    said = _("按“%(column)s”统计的行数") % {"column": name}
    return Chart(name, kind, table, list(eligible), rest, said)


def points_map(version: Version) -> Map | None:
    """The version's points gathered in small cells over the divisions; None when its rows are no points."""
    if not (version.longitude and version.latitude):
        return None
    box = _box(version)
    if box is None:
        return None
    west, south, east, north = box
    ring = divisions()
    if ring:
        west, east = min(west, ring["box"][0]), max(east, ring["box"][2])
        south, north = min(south, ring["box"][1]), max(north, ring["box"][3])
        if (east - west) > 3 * (
            ring["box"][2] - ring["box"][0]
        ):  # points of elsewhere: the city's shapes would be a speck
            ring, (west, south, east, north) = None, box
    width = max(east - west, 1e-4)
    found = rows.point_cells(*rows.stamp(version), version.longitude, version.latitude, CELLS, west, south, width)
    plane = _Plane(west, south, east, north)
    most = max((n for _x, _y, n in found), default=1)
    dots: dict[float, list[str]] = {}
    for lon, lat, number in found:
        x, y = plane.place(lon, lat)
        dots.setdefault(2 * _radius(number, most), []).append(f"M{x:g} {y:g}h0")
    shapes = ring["shapes"] if ring else []
    sizes = sorted({1, max(1, most // 4), most})
    return Map(
        plane.width,
        plane.height,
        [Area(name, plane.path(rings), *plane.place(*centre)) for name, rings, centre in shapes],
        [(width, "".join(places)) for width, places in sorted(dots.items(), reverse=True)],
        sum(n for _x, _y, n in found),
        any(n > 1 for _x, _y, n in found),
        [(_radius(n, most), n) for n in sizes],
    )


def divisions() -> dict[str, Any] | None:
    """The city's divisions from the published dataset of topic 区划地名 that has shapes: name, rings, centre of each."""
    key = queries.fingerprint()
    return _divisions(key)


def district_shapes() -> tuple[float, float, list[Area]] | None:
    """Width, height and the divisions as a drawing of their own."""
    found = divisions()
    if not found:
        return None
    west, south, east, north = found["box"]
    plane = _Plane(west, south, east, north, width=480)
    areas = [Area(name, plane.path(rings), *plane.place(*centre)) for name, rings, centre in found["shapes"]]
    return plane.width, plane.height, areas


@lru_cache(maxsize=4)
def _divisions(_key: str) -> dict[str, Any] | None:
    for dataset in queries.visible().filter(topic="divisions", current__rows__lte=SHAPES):
        version = dataset.current
        assert version is not None
        shape = next((c["name"] for c in version.columns if c["storage_type"] == "geometry"), None)
        name = next((c["name"] for c in version.columns if c.get("semantic_type") == "division_name"), None)
        if not shape or not name:
            continue
        query = exp.select(rows.quoted(name), rows.quoted(shape)).from_(serving.TABLE)
        try:
            found = serving.read(rows.path(version), query)
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


def _box(version: Version) -> tuple[float, float, float, float] | None:
    known = {c["name"]: c for c in version.columns}
    try:
        x, y = known[version.longitude], known[version.latitude]
        west, east, south, north = (float(v) for v in (x["min"], x["max"], y["min"], y["max"]))
    except (KeyError, TypeError, ValueError):
        return None
    return (west, south, east, north) if all(map(math.isfinite, (west, south, east, north))) else None


def _worth(version: Version, column: dict[str, Any]) -> float:
    """How much a chart by this column would tell; 0 for a column that can't be counted by its values."""
    distinct, filled = column.get("distinct") or 0, version.rows - (column.get("nulls") or 0)
    kind = column["storage_type"]
    if kind == "geometry" or distinct < 2 or filled < 2:
        return 0
    if kind in ("date", "timestamp"):
        return 2 + (1 if distinct > 20 else 0)
    if kind in ("float64", "decimal") or distinct > max(40, filled // 4):
        return 0
    if kind == "int64" and not column.get("codes") and distinct > 40:
        return 0
    fits = 1 if 3 <= distinct <= MOST_BARS else 0
    named = {"division_name": 3, "sex": -1, "ethnicity": -1}.get(str(column.get("semantic_type")), 1)
    return max(0.5, 2 + fits * 2 + named + (1 if column.get("codes") else 0) - (1 if kind == "boolean" else 0))


def _periods(version: Version, column: dict[str, Any]) -> list[tuple[str, int]]:
    try:
        first, last = (date.fromisoformat(str(column[end])[:10]) for end in ("min", "max"))
        span = (last - first).days
    except (KeyError, ValueError):
        span = 10_000
    unit = "day" if span <= 92 else "month" if span <= 5 * 366 else "year"
    shown = {"day": 10, "month": 7, "year": 4}[unit]
    found = rows.by_period(*rows.stamp(version), column["name"], unit)
    return [(str(period)[:shown], n) for period, n in found]
