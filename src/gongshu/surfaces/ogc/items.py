"""Features of a collection: pages of rows as GeoJSON, within a box, with conditions on columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlglot import exp

from gongshu.lake import serving
from gongshu.opening.rows import admission, answers, service, statements
from gongshu.opening.rows.grammar import Ask, Filter
from gongshu.opening.rows.tables import Table
from gongshu.opening.rows.values import call, feature, quoted, row_id
from gongshu.opening.rows.wanted import Wanted
from gongshu.surfaces.ogc import crs

Box = tuple[float, float, float, float]
MOST_SHAPES = 50_000  # rows of a collection of shapes that is searched by a box


@dataclass(frozen=True)
class Page:
    """Features, how many match in all, and whether more follow."""

    features: list[dict[str, Any]]
    matched: int
    more: bool


def page(table: Table, ask: Ask, box: Box | None, limit: int, offset: int, client: tuple[str, str]) -> Page:
    """``limit`` features from ``offset`` that answer ``ask`` and touch ``box``; raises what the rows API raises."""
    if box is not None and table.geometry:
        return _page_of_shapes(table, ask, box, limit, offset, client)
    if box is not None:
        ask = replace(ask, filters=(*ask.filters, *_within(table, box)))
    wanted = Wanted(limit=limit, offset=offset)
    heavy = service.is_heavy("rows", table, ask, wanted)
    found = admission.run(lambda: answers.page(table, ask, wanted, _each(table)), *client, heavy=heavy)
    return Page(_features(found.texts), found.total or 0, found.next is not None)


def one(table: Table, key: str, client: tuple[str, str]) -> dict[str, Any] | None:
    """The feature ``key``: the value of a key of one column, else the place of the row in the version."""
    if len(table.key) == 1:
        ask, wanted = Ask(filters=(Filter(table.key[0], "eq", (key,)),)), Wanted(limit=1, total=False)
    elif key.isascii() and key.isdigit() and 1 <= len(key) <= 9 and int(key) >= 1:
        ask, wanted = Ask(), Wanted(limit=1, offset=int(key) - 1, total=False)
    else:
        return None
    found = admission.run(lambda: answers.page(table, ask, wanted, _each(table)), *client, heavy=False)
    return next(iter(_features(found.texts)), None)


def _page_of_shapes(table: Table, ask: Ask, box: Box, limit: int, offset: int, client: tuple[str, str]) -> Page:
    """Collections of shapes are small: all that answer are read, and those kept whose box touches the one asked for."""
    wanted = Wanted(limit=MOST_SHAPES, total=False)
    found = admission.run(lambda: answers.page(table, ask, wanted, _each(table)), *client, heavy=True)
    if found.next is not None:  # what was not read might touch the box too
        raise serving.TooLarge(table.path.name)
    touching = [one for one in _features(found.texts) if _touch(_bounds(one["geometry"]), box)]
    return Page(touching[offset : offset + limit], len(touching), offset + limit < len(touching))


def _within(table: Table, box: Box) -> Iterable[Filter]:
    west, south, east, north = (f"{end:.10f}" for end in box)
    yield Filter(table.longitude, "between", (west, east))
    yield Filter(table.latitude, "between", (south, north))


@lru_cache(maxsize=256)
def _each(table: Table) -> str:
    """SQL of a row as a GeoJSON feature with its identity."""
    ordinal = statements.free_name(table)
    made = feature(table.columns, table.geometry, table.longitude, table.latitude)
    key = quoted(table.key[0]) if len(table.key) == 1 else row_id([], ordinal)
    made.append("expressions", exp.Literal.string("id"))
    made.append("expressions", call("to_json", exp.cast(key, "VARCHAR")))
    return statements.text([made])


def _features(texts: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(f"[{','.join(texts)}]")
    return found


def in_system(feature: dict[str, Any], system: str) -> dict[str, Any]:
    """The feature with its geometry in another coordinate reference system."""
    return feature | {"geometry": crs.shown(feature["geometry"], system)}


def _bounds(geometry: Any) -> Box | None:
    places = list(_places(geometry)) if geometry else []
    if not places:
        return None
    xs, ys = [place[0] for place in places], [place[1] for place in places]
    return min(xs), min(ys), max(xs), max(ys)


def _places(geometry: Any) -> Iterable[list[float]]:
    if geometry.get("type") == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _places(part)
        return
    left = [geometry.get("coordinates") or []]
    while left:
        part = left.pop()
        if part and isinstance(part[0], list):
            left += part
        elif len(part) >= 2 and all(map(math.isfinite, part[:2])):
            yield part


def _touch(bounds: Box | None, box: Box) -> bool:
    return bounds is not None and bounds[0] <= box[2] and bounds[2] >= box[0] and bounds[1] <= box[3] and bounds[3] >= box[1]  # fmt: skip
