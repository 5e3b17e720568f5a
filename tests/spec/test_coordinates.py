"""WGS-84, GCJ-02 and BD-09 into each other, and which of them a pair of columns is in."""

from __future__ import annotations

import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gongshu.tables.contract import Field
from gongshu.tables.coordinates import convert, guess, placed
from gongshu.tables.semantic.recognition import recognise
from tests.staging import stage

SYSTEMS = ("WGS-84", "GCJ-02", "BD-09")
# what coordTransform publishes for 116.404, 39.915; its own inverses are approximate, so only the forward ones
GOLDEN = {
    ("WGS-84", "GCJ-02"): (116.41024449916938, 39.91640428150164),
    ("GCJ-02", "BD-09"): (116.41036949371029, 39.92133699351021),
}


def metres(one, other):
    east = (one[0] - other[0]) * math.cos(math.radians(one[1]))
    return math.hypot(east, one[1] - other[1]) * 111_320


def points(engine, folder, values):
    path = folder / f"points-{len(list(folder.iterdir()))}.parquet"
    x, y = zip(*values, strict=True)
    pq.write_table(
        pa.table({"n": range(len(values)), "lng": pa.array(x, pa.float64()), "lat": pa.array(y, pa.float64())}), path
    )
    return engine.read_parquet(path)


def read(engine, table):
    rows = engine.to_pyarrow(table.order_by("n")).to_pylist()
    return [(row["lng"], row["lat"]) for row in rows]


@pytest.mark.parametrize(("source", "target"), GOLDEN)
def test_published_points(engine, tmp_path, source, target):
    table = points(engine, tmp_path, [(116.404, 39.915), (None, 39.9), (2.35, 48.85)])
    first, empty, paris = read(engine, convert(table, ("lng", "lat"), source, target))
    assert metres(first, GOLDEN[source, target]) < 0.001
    assert empty[0] is None
    assert paris == (2.35, 48.85)


@pytest.mark.parametrize("source", ["GCJ-02", "BD-09"])
def test_public_places_are_in_wgs_84(engine, tmp_path, source):
    r = random.Random(9)
    values = [(round(r.uniform(120.9, 122), 6), round(r.uniform(30.7, 31.8), 6)) for _ in range(50)]
    shifted = convert(points(engine, tmp_path, values), ("lng", "lat"), "WGS-84", source)
    fields = [
        Field("n", "int64"),
        Field("lng", "float64", semantic_type="longitude"),
        Field("lat", "float64", semantic_type="latitude"),
    ]
    public = placed(shifted, fields, source)
    assert public.columns == shifted.columns and public.schema() == shifted.schema()
    found = read(engine, public)
    assert max(map(metres, values, found)) < 0.2  # six decimals are a decimetre
    assert all(round(x, 6) == x and round(y, 6) == y for x, y in found)
    assert read(engine, placed(shifted, fields, "CGCS2000")) == read(engine, shifted)
    assert read(engine, placed(shifted, fields[:2], source)) == read(engine, shifted)  # half a pair is no place


@pytest.mark.parametrize("source", SYSTEMS)
@pytest.mark.parametrize("target", SYSTEMS)
def test_there_and_back(engine, tmp_path, source, target):
    r = random.Random(5)
    values = [(r.uniform(75, 134), r.uniform(18, 53)) for _ in range(200)]
    table = convert(points(engine, tmp_path, values), ("lng", "lat"), source, target)
    there = read(engine, table)
    back = read(engine, convert(table, ("lng", "lat"), target, source))
    assert max(map(metres, values, back)) < 1
    if source != target:
        assert 100 < sum(map(metres, values, there)) / len(values) < 1500


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in SYSTEMS for b in SYSTEMS if a != b])
def test_two_pairs_tell_each_other(duckdb_engine, tmp_path, first, second):
    table = shanghai(duckdb_engine, tmp_path, first, second)
    found = guess(duckdb_engine, table, ("lng", "lat"), ("x", "y"))
    assert (found.first, found.second, found.share) == (first, second, 1)
    assert found.probability > 0.9
    assert found.metres > 100


def test_the_same_system_twice_tells_nothing(duckdb_engine, tmp_path):
    table = shanghai(duckdb_engine, tmp_path, "GCJ-02", "GCJ-02")
    assert guess(duckdb_engine, table, ("lng", "lat"), ("x", "y")) is None
    assert guess(duckdb_engine, table.limit(3), ("lng", "lat"), ("x", "y")) is None
    elsewhere = table.mutate(x=table.x + 0.004)
    assert guess(duckdb_engine, elsewhere, ("lng", "lat"), ("x", "y")) is None


def test_the_evidence_of_the_columns_says_it(duckdb_engine, tmp_path):
    table = shanghai(duckdb_engine, tmp_path, "WGS-84", "GCJ-02")
    rows = duckdb_engine.to_pyarrow(table).to_pylist()
    text = {name: [f"{row[name]:.6f}" for row in rows] for name in ("lng", "lat", "x", "y")}

    def evidence(**columns):
        found = recognise(duckdb_engine, stage(duckdb_engine, tmp_path, columns), 40)[0]
        assert [found[name].code for name in columns] == ["longitude", "latitude"] * (len(columns) // 2)
        return [found[name].evidence[0] for name in columns]

    alone = evidence(经度=text["lng"], 纬度=text["lat"])
    assert all("看不出坐标系" in said for said in alone)
    named = evidence(经度_高德=text["x"], 纬度_高德=text["y"])
    assert all(said.endswith("列名说是 GCJ-02") for said in named)
    both = evidence(经度=text["lng"], 纬度=text["lat"], 地图经度=text["x"], 地图纬度=text["y"])
    assert "与“地图经度、地图纬度”平均相差 " in both[0]
    assert ["看作 WGS-84" in said for said in both] == [True, True, False, False]
    assert ["看作 GCJ-02" in said for said in both] == [False, False, True, True]
    wrong = evidence(经度=text["lng"], 纬度=text["lat"], 百度经度=text["x"], 百度纬度=text["y"])
    assert "列名说是 BD-09，但与“经度、纬度”" in wrong[2]
    assert "更像 GCJ-02" in wrong[2]


def shanghai(engine, folder, first, second):
    """The same forty places in two systems."""
    r = random.Random(6)
    table = points(engine, folder, [(r.uniform(120.9, 122), r.uniform(30.7, 31.8)) for _ in range(40)])
    one = convert(table, ("lng", "lat"), "WGS-84", first)
    other = convert(table, ("lng", "lat"), "WGS-84", second).rename(x="lng", y="lat")
    return one.join(other, "n").select("lng", "lat", "x", "y")
