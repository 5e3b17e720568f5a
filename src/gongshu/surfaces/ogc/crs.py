"""Coordinate reference systems of answers and of boxes: WGS 84 and CGCS2000 in degrees, Web Mercator in metres.

CGCS2000 differs from WGS 84 by centimetres and is taken for the same (EPSG:9694 et al., accuracy 1 m). EPSG:4326 and EPSG:4490
say latitude before longitude; CRS84 longitude before latitude. Web Mercator: EPSG Guidance Note 7-2, 3.2.1.2 (spherical).
"""

from __future__ import annotations

import math
from typing import Any

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
KNOWN = (CRS84, f"{EPSG}4326", f"{EPSG}4490", f"{EPSG}3857")
RADIUS = 6378137.0  # metres
MOST_NORTH = 85.06  # degrees; Web Mercator has no poles


def of(text: str) -> str | None:
    """The system that ``text`` names (its address, or a safe CURIE such as ``[EPSG:4490]``); None for an unknown one."""
    text = text.strip().strip("[]")
    if text.upper().startswith("EPSG:"):
        text = EPSG + text[5:]
    if text.upper() in ("OGC:CRS84", "CRS84"):
        text = CRS84
    return text if text in KNOWN else None


def shown(geometry: Any, crs: str) -> Any:
    """A GeoJSON geometry of longitudes and latitudes in the system ``crs``."""
    if geometry is None or crs == CRS84:
        return geometry
    if geometry.get("type") == "GeometryCollection":
        return geometry | {"geometries": [shown(part, crs) for part in geometry["geometries"]]}
    return geometry | {"coordinates": _moved(geometry["coordinates"], crs)}


def degrees(box: tuple[float, ...], crs: str) -> tuple[float, float, float, float]:
    """A box of the system ``crs`` as west, south, east, north in degrees."""
    low_x, low_y, high_x, high_y = box
    if crs == KNOWN[3]:
        (west, south), (east, north) = _from_mercator(low_x, low_y), _from_mercator(high_x, high_y)
        return west, south, east, north
    return (low_x, low_y, high_x, high_y) if crs == CRS84 else (low_y, low_x, high_y, high_x)


def _moved(place: Any, crs: str) -> Any:
    if place and isinstance(place[0], list):
        return [_moved(part, crs) for part in place]
    if len(place) < 2:
        return place
    x, y, *rest = place
    if crs == KNOWN[3]:
        return [*_to_mercator(x, y), *rest]
    return [y, x, *rest]


def _to_mercator(longitude: float, latitude: float) -> tuple[float, float]:
    latitude = max(-MOST_NORTH, min(MOST_NORTH, latitude))
    north = RADIUS * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    return round(RADIUS * math.radians(longitude), 3), round(north, 3)


def _from_mercator(x: float, y: float) -> tuple[float, float]:
    return math.degrees(x / RADIUS), math.degrees(2 * math.atan(math.exp(y / RADIUS)) - math.pi / 2)
