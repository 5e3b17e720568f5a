"""The city's plan: eight invented districts as Voronoi cells of seeded points, roads, and a way to place things on it.

The city lies in open sea (123.2 to 124.0 E, 30.6 to 31.2 N), so that no figure hangs on a real place.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache

from shapely import MultiPoint, Point, Polygon, voronoi_polygons
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

SEED = 20260101
CITY = "公输市"
DISTRICTS = {
    "990101": ("中枢区", "Zhongshu", 0.9),
    "990102": ("墨斗区", "Modou", 1.0),
    "990103": ("云梯区", "Yunti", 0.8),
    "990104": ("木鸢区", "Muyuan", 0.7),
    "990105": ("规矩区", "Guiju", 0.8),
    "990106": ("榫江区", "Sunjiang", 1.1),
    "990107": ("斗拱区", "Dougong", 0.6),
    "990108": ("檐湖区", "Yanhu", 0.5),
}
CENTRE = (123.6, 30.9)
ROADS = (
    "鲁班路 墨翟路 营造大道 榫卯街 斗拱街 飞鸢路 曲尺路 刨花巷 绳墨路 木樨路 云梯大道 规矩路 匠心路 梁柱街 檐下路 石础路 锯齿巷 凿井路 "
    "青瓦路 廊桥路 望江路 听雨巷 北斗路 长明街"
).split()


@lru_cache(maxsize=1)
def plan() -> dict[str, BaseGeometry]:
    """Division code -> polygon (WGS-84 degrees); the cells fill a wavy coast line."""
    rng = random.Random(SEED)
    outline = Polygon(
        [
            (
                CENTRE[0] + 0.36 * (1 + 0.10 * math.sin(3 * a) + 0.06 * math.sin(7 * a + 1)) * math.cos(a),
                CENTRE[1] + 0.27 * (1 + 0.08 * math.sin(4 * a + 2) + 0.05 * math.sin(9 * a)) * math.sin(a),
            )
            for a in (2 * math.pi * i / 180 for i in range(180))
        ]
    )
    seeds = [Point(CENTRE[0] + 0.02, CENTRE[1] + 0.01)]  # the inner city in the middle, seven around it
    for i in range(7):
        angle = 2 * math.pi * (i + 0.3 * rng.random()) / 7
        seeds.append(Point(CENTRE[0] + 0.21 * math.cos(angle), CENTRE[1] + 0.16 * math.sin(angle)))
    cells = voronoi_polygons(MultiPoint(seeds), extend_to=outline.buffer(1)).geoms
    return {
        code: next(cell for cell in cells if cell.contains(seed)).intersection(outline)
        for code, seed in zip(DISTRICTS, seeds, strict=True)
    }


def district_features() -> list[dict[str, object]]:
    """GeoJSON features of the districts."""
    return [
        {
            "type": "Feature",
            "properties": {
                "区划代码": code,
                "区": name,
                "英文名": f"{english} District",
                "面积": round(_area_km2(shape), 1),
            },
            "geometry": _rounded(mapping(shape)),
        }
        for (code, (name, english, _)), shape in zip(DISTRICTS.items(), plan().values(), strict=True)
    ]


def place(rng: random.Random) -> tuple[str, str, float, float]:
    """A random spot: division code, district name, longitude and latitude (six digits), denser where the weight is."""
    code = rng.choices(list(DISTRICTS), [weight for _, _, weight in DISTRICTS.values()])[0]
    shape = plan()[code]
    west, south, east, north = shape.bounds
    while True:
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        if shape.contains(Point(x, y)):
            return code, DISTRICTS[code][0], round(x, 6), round(y, 6)


def address(rng: random.Random, district: str) -> str:
    """A street address in the district."""
    return f"{CITY}{district}{rng.choice(ROADS)}{rng.randint(1, 1299)}号"


def _area_km2(shape: BaseGeometry) -> float:
    """Area in square kilometres, on a sphere at the city's latitude (good to a percent at this size)."""
    return float(shape.area) * 111.32**2 * math.cos(math.radians(CENTRE[1]))


def _rounded(geometry: dict[str, object]) -> dict[str, object]:
    def cut(part: object) -> object:
        return [cut(each) for each in part] if isinstance(part, (list, tuple)) else round(float(part), 5)  # type: ignore[arg-type]

    return {"type": geometry["type"], "coordinates": cut(geometry["coordinates"])}
