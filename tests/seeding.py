"""A small invented city for tests of pages: rows made by DuckDB, serving copies and statistics as a publication makes them."""

from __future__ import annotations

import json
import math
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.utils import timezone

from gongshu.lake.copies import attached, column_statistics, index_rows, place
from gongshu.lake.tallies import write_tallies
from gongshu.opening.models import Dataset, IndexTask, Version
from gongshu.parties.models import Organisation
from gongshu.tables.contract import Contract, dump_contract

DISTRICTS = ["鲁班区", "墨斗区", "规矩区", "榫卯区", "绳墨区", "云梯区", "木鸢区", "石础区"]
PROVIDERS = {
    "health": ("市卫生健康委", "Health Commission"),
    "transport": ("市交通委", "Transport Commission"),
    "market": ("市市场监管局", "Market Regulation Bureau"),
    "environment": ("市生态环境局", "Environment Bureau"),
    "civil": ("市民政局", "Civil Affairs Bureau"),
}


def organisation(code: str) -> Organisation:
    """A provider of the invented city."""
    name, name_en = PROVIDERS[code]
    found, _ = Organisation.objects.get_or_create(code=code, defaults={"name": name, "name_en": name_en})
    return found


def publish(
    name: str,
    select: str,
    columns: list[dict[str, Any]],
    *,
    provider: str = "health",
    number: int = 1,
    days_ago: float = 3,
    key: list[str] | None = None,
    quality: dict[str, Any] | None = None,
    dropped: int = 0,
    longitude: str = "",
    latitude: str = "",
    **described: Any,
) -> Version:
    """Make a version of the rows of the DuckDB query ``select`` the current one of dataset ``name``."""
    job = uuid.uuid4()
    folder = Path(settings.DATA) / "staging" / str(job)
    folder.mkdir(parents=True, exist_ok=True)
    serving = f"serving/{name}/v{number}-{job}.duckdb"
    built = folder / "rows.duckdb"
    with duckdb.connect() as con, attached(con, built):
        con.execute(f"CREATE TABLE copy.rows AS {select}")
        rows = int(con.execute("SELECT count(*) FROM copy.rows").fetchall()[0][0])
        index_rows(con, key or [], rows)
        statistics = column_statistics(con, {c["name"]: c["storage_type"] for c in columns})
        write_tallies(con, [c | statistics[c["name"]] for c in columns], key or [], rows, (longitude, latitude))
    place(built, Path(settings.DATA) / serving)
    full = [
        {
            "title": "", "title_en": "", "description": "", "description_en": "", "unit": "", "semantic_type": None,
            "level": 1, "codes": {}, "protection": {"method": "keep", "params": {}},
        } | c | statistics[c["name"]]
        for c in columns
    ]  # fmt: skip
    defaults: dict[str, Any] = {
        "title": name, "topic": "health", "licence": "open-unconditional", "update_frequency": "monthly",
        "level": 1, "open_type": "unconditional", "synthetic": True,
    }  # fmt: skip
    dataset, _ = Dataset.objects.update_or_create(
        name=name, defaults=defaults | described | {"provider": organisation(provider)}
    )
    version = Version.objects.create(
        dataset=dataset,
        number=number,
        rows=rows,
        columns=full,
        dropped=dropped,
        key=key or [],
        longitude=longitude,
        latitude=latitude,
        quality=quality if quality is not None else QUALITY,
        reading={
            "format": "csv",
            "encoding": "gb18030",
            "rows": rows + 2,
            "skipped": 3,
            "quarantined": 2,
            "bytes": 412_000,
        },
        contract=dump_contract(
            Contract(name=name, title=described.get("title", name), summary=described.get("summary", ""))
        ),
        snapshot="7314000000000000001",
        raw_snapshot="7314000000000000000",
        job=job,
        serving=serving,
        published_at=timezone.now() - timedelta(days=days_ago),
    )
    dataset.current = version
    dataset.save()
    IndexTask.objects.create(dataset=dataset)
    return version


QUALITY: dict[str, Any] = {
    "profile": "DB31/T 1523-2024",
    "total": 97.2,
    "dimensions": {"01": 98.4, "02": 97.1, "03": 96.0, "04": 99.5, "05": 100.0, "06": 100.0},
    "rules": 38,
    "findings": [
        {
            "kind": "inconsistent",
            "column": "所在区",
            "severity": "error",
            "message": "坐标落在相邻的区",
            "rows_total": 9,
        },
        {"kind": "not_null", "column": "核定床位", "severity": "warning", "message": "应有值而为空", "rows_total": 41},
        {"kind": "format", "column": "咨询电话", "severity": "info", "message": "缺区号", "rows_total": 12},
    ],
}


def column(name: str, storage_type: str = "string", description: str = "", **more: Any) -> dict[str, Any]:
    """A column of :func:`publish`."""
    return {"name": name, "storage_type": storage_type, "description": description} | more


def _pick(values: list[str], by: str) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"([{listed}])[1 + CAST(({by}) % {len(values)} AS INTEGER)]"


def hospitals(rows: int = 1864, **more: Any) -> Version:
    """医疗机构名录: points, codes, nulls, a treated and a dropped column."""
    kinds = ["诊所", "诊所", "诊所", "门诊部", "门诊部", "综合医院", "社区卫生服务中心", "中医医院", "护理院"]
    names = ["临澄", "云台", "柳岸", "常宁", "滨江", "沧浪", "和济", "北桥", "松陵", "望湖"]
    select = f"""SELECT 'H' || lpad(CAST(i AS VARCHAR), 6, '0') AS 机构代码,
        {_pick(names, "hash(i, 1)")} || {_pick(["第一", "第二", "东", "西", "南", "北"], "hash(i, 2)")} || {_pick(kinds, "hash(i, 3)")} AS 机构名称,
        {_pick(kinds, "hash(i, 3)")} AS 类别,
        {_pick(["未定级", "未定级", "未定级", "二级甲等", "三级甲等", "三级乙等"], "hash(i, 4)")} AS 等级,
        {_pick(DISTRICTS, "hash(i, 5)")} AS 所在区,
        CASE WHEN i % 45 = 0 THEN NULL ELSE CAST(2180 * pow((hash(i, 6) % 1000) / 1000.0, 4) AS BIGINT) END AS 核定床位,
        hash(i, 7) % 10 < 6 AS 医保定点,
        round(118.5 + ((hash(i, 8) % 1000) + (hash(i, 9) % 1000) + (hash(i, 10) % 1000)) / 3000.0, 4) AS 经度,
        round(31.0 + ((hash(i, 11) % 1000) + (hash(i, 12) % 1000) + (hash(i, 13) % 1000)) / 3000.0, 4) AS 纬度,
        DATE '1998-01-01' + CAST(9800 * sqrt((hash(i, 14) % 1000) / 1000.0) AS INTEGER) AS 登记日期,
        CASE WHEN i % 7 = 0 THEN '=1+1' ELSE '021-6' || lpad(CAST(hash(i, 15) % 1000000 AS VARCHAR), 7, '0') END AS 咨询电话
        FROM range({rows}) t(i) ORDER BY 1"""
    return publish(
        "medical-institutions",
        select,
        [
            column("机构代码", description="医疗机构登记号，主键", semantic_type="credit_code"),
            column("机构名称", description="执业许可证上的第一名称", semantic_type="organisation_name"),
            column("类别", description="医疗机构类别", codes={k: k for k in dict.fromkeys(kinds)}),
            column("等级", description="评审等级，未评审为“未定级”"),
            column("所在区", description="执业地址所在的区", semantic_type="division_name"),
            column("核定床位", "int64", "核定床位数；门诊部可为空", unit="张"),
            column("医保定点", "boolean", "是否基本医疗保险定点"),
            column("经度", "float64", "执业地址坐标，CGCS2000", semantic_type="longitude", unit="度"),
            column("纬度", "float64", "执业地址坐标，CGCS2000", semantic_type="latitude", unit="度"),
            column("登记日期", "date", "最近一次登记或变更日期"),
            column(
                "咨询电话",
                description="对外公开的咨询电话",
                level=2,
                protection={"method": "mask", "params": {"keep_first": 4, "keep_last": 3}},
            ),
        ],
        **{
            "title": "公输市医疗机构名录",
            "title_en": "Medical institutions of Gongshu City",
            "summary": "取得执业许可的医疗机构：名称、类别、等级、地址、床位与坐标，一家机构一行。每月第一个工作日更新。",
            "summary_en": "Licensed medical institutions: name, kind, grade, beds and coordinates, one row each.",
            "keywords": ["医院", "急诊", "床位"],
            "key": ["机构代码"],
            "longitude": "经度",
            "latitude": "纬度",
            "dropped": 1,
        }
        | more,
    )


def air(rows: int = 4000) -> Version:
    """空气质量小时值: a time series, late."""
    select = f"""SELECT {_pick(["城东站", "城西站", "江心站", "北山站"], "i")} AS 站点,
        TIMESTAMP '2026-01-01 00:00:00' + INTERVAL 1 HOUR * CAST(i // 4 AS INTEGER) AS 时间,
        CAST(20 + (hash(i, 1) % 90) AS BIGINT) AS AQI, CAST((hash(i, 2) % 900) / 10.0 AS DECIMAL(18, 1)) AS "PM2.5"
        FROM range({rows}) t(i)"""
    return publish(
        "air-quality",
        select,
        [
            column("站点", description="监测站名称"),
            column("时间", "timestamp", "整点"),
            column("AQI", "int64", "空气质量指数"),
            column("PM2.5", "decimal", "细颗粒物", unit="μg/m³"),
        ],
        provider="environment",
        days_ago=4,
        title="环境空气质量小时值",
        title_en="Hourly air quality",
        summary="四个监测站每小时的空气质量指数与细颗粒物浓度。",
        topic="environment",
        update_frequency="daily",
        key=["站点", "时间"],
        keywords=["空气质量"],
        quality={**QUALITY, "total": 99.1, "findings": []},
    )


def divisions() -> Version:
    """行政区划: eight cells with shapes."""
    cells = []
    for i, name in enumerate(DISTRICTS):
        x, y = 118.5 + 0.25 * (i % 4), 31.0 + 0.5 * (i // 4)
        wave = [0.02 * math.sin(i + k) for k in range(4)]
        corners = [(x, y), (x + 0.25, y), (x + 0.25, y + 0.5), (x, y + 0.5), (x, y)]
        ring = [(round(cx + wave[k % 4], 4), round(cy + wave[(k + 1) % 4], 4)) for k, (cx, cy) in enumerate(corners)]
        cells.append((f"3401{i:02}", name, json.dumps({"type": "Polygon", "coordinates": [ring]})))
    listed = ", ".join(f"('{code}', '{name}', '{shape}')" for code, name, shape in cells)
    return publish(
        "districts",
        f"SELECT * FROM (VALUES {listed}) t(区划代码, 区划名称, 边界)",
        [
            column("区划代码", description="六位代码", semantic_type="division_code"),
            column("区划名称", description="区的名称", semantic_type="division_name"),
            column("边界", "geometry", "多边形"),
        ],
        provider="civil",
        title="公输市行政区划",
        title_en="Districts of Gongshu City",
        summary="八个区的代码、名称与边界，由种子点的泰森多边形虚构。",
        topic="divisions",
        update_frequency="irregular",
        key=["区划代码"],
        keywords=["行政区划"],
        days_ago=40,
        quality={
            "profile": "DB31/T 1523-2024",
            "total": 100.0,
            "dimensions": {"01": 100.0},
            "rules": 4,
            "findings": [],
        },
    )


def companies(rows: int = 30000) -> Version:
    """企业登记: many rows, protections, a second version."""

    def select(n: int) -> str:
        return f"""SELECT '9134' || lpad(CAST(hash(i, 1) % 100000000000000 AS VARCHAR), 14, '0') AS 统一社会信用代码,
        {_pick(["澄澜", "云栖", "墨石", "规合", "榫新"], "hash(i, 2)")} || {_pick(["餐饮", "商贸", "科技", "物流", "建材"], "hash(i, 3)")} || '有限公司' AS 企业名称,
        {_pick(["餐饮业", "批发和零售业", "信息技术", "交通运输", "建筑业"], "hash(i, 3)")} AS 行业门类,
        {_pick(DISTRICTS, "hash(i, 5)")} AS 登记机关所在区,
        CAST(10000 * (1 + hash(i, 6) % 5000) AS DECIMAL(18, 2)) AS 注册资本,
        DATE '2015-01-01' + CAST(hash(i, 7) % 4000 AS INTEGER) AS 成立日期,
        {_pick(["张**", "李**", "王**", "陈**"], "hash(i, 8)")} AS 法定代表人
        FROM range({n}) t(i) ORDER BY 1"""  # fmt: skip

    columns = [
        column("统一社会信用代码", description="登记机关赋予的代码，主键", semantic_type="credit_code"),
        column("企业名称", description="营业执照上的名称", semantic_type="organisation_name"),
        column("行业门类", description="国民经济行业门类"),
        column("登记机关所在区", description="登记机关所在的区", semantic_type="division_name"),
        column("注册资本", "decimal", "认缴的注册资本", unit="元", semantic_type="amount"),
        column("成立日期", "date", "成立日期", level=1),
        column(
            "法定代表人", description="姓名只留姓", level=2, semantic_type="person_name",
            protection={"method": "mask", "params": {"keep_first": 1, "keep_last": 0}},
        ),
    ]  # fmt: skip
    shared: dict[str, Any] = {
        "provider": "market", "title": "企业登记信息", "title_en": "Company register", "topic": "market",
        "summary": "在本市登记的企业：名称、行业、资本与成立日期。", "key": ["统一社会信用代码"], "dropped": 2,
        "keywords": ["企业", "餐饮"], "update_frequency": "weekly", "level": 2,
    }  # fmt: skip
    publish("company-register", select(rows - 120), columns, number=1, days_ago=9, **shared)
    return publish("company-register", select(rows), columns, number=2, days_ago=0.1, **shared)


def bus_stops(rows: int = 6200) -> Version:
    """公交站点: points without shapes of their own."""
    select = f"""SELECT CAST(i AS BIGINT) AS 站点编号, {_pick(["南门", "北桥", "东湖", "西渡", "望江", "石埠"], "hash(i, 1)")} || CAST(i % 97 AS VARCHAR) || '站' AS 站名,
        {_pick(DISTRICTS, "hash(i, 2)")} AS 所在区, CAST(1 + hash(i, 3) % 9 AS BIGINT) AS 停靠线路数,
        round(118.5 + (hash(i, 8) % 10000) / 10000.0, 5) AS 经度, round(31.0 + (hash(i, 11) % 10000) / 10000.0, 5) AS 纬度
        FROM range({rows}) t(i)"""
    return publish(
        "bus-stops",
        select,
        [
            column("站点编号", "int64", "内部编号"),
            column("站名", description="站牌上的名称"),
            column("所在区", description="所在的区", semantic_type="division_name"),
            column("停靠线路数", "int64", "停靠的线路条数", unit="条"),
            column("经度", "float64", "坐标", semantic_type="longitude"),
            column("纬度", "float64", "坐标", semantic_type="latitude"),
        ],
        provider="transport",
        title="公共汽电车站点",
        title_en="Bus stops",
        summary="公共汽电车的站点、所在区与停靠线路数。",
        topic="transport",
        key=["站点编号"],
        keywords=["公交"],
        longitude="经度",
        latitude="纬度",
        days_ago=12,
        update_frequency="quarterly",
    )


def odd_names(rows: int = 50) -> Version:
    """Columns called as no program would like them."""
    select = f"""SELECT CAST(i AS BIGINT) AS "limit", 'x' || i AS "a b", CAST(i % 3 AS BIGINT) AS "class",
        'say "' || (i % 2) || '" & don''t' AS "it's ""odd"" & <b>", i % 2 = 0 AS "count" FROM range({rows}) t(i)"""
    names = {"limit": "int64", "a b": "string", "class": "int64", 'it\'s "odd" & <b>': "string", "count": "boolean"}
    return publish("odd-names", select, [column(name, kind) for name, kind in names.items()], title="怪名字")


def city() -> None:
    """All of it."""
    hospitals(days_ago=45, number=1)
    hospitals(days_ago=18, number=2)
    air()
    divisions()
    companies()
    bus_stops()
