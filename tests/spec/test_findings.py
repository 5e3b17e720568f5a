"""Defects planted in an invented register are found, whatever rules a person would have thought of (R3.5; map D2)."""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Callable

import pytest

from gongshu.tables.inspection import inspect_files
from tests.spec.test_semantic_types import company, credit, mobile, name, resident

PLACES = {
    "南山区": (121.2, 31.0),
    "北海区": (121.3, 31.1),
    "东湖区": (121.4, 31.0),
    "西河区": (121.3, 30.9),
    "中城区": (121.3, 31.0),
}
ROWS = 2000
Row = dict[str, str]


def register(r: random.Random) -> list[Row]:
    rows = []
    for number in range(ROWS):
        place = r.choice(list(PLACES))
        x, y = PLACES[place]
        founded = dt.date(1995, 1, 1) + dt.timedelta(days=r.randint(0, 10_000))
        rows.append(
            {
                "编号": f"Q{number:06d}",
                "统一社会信用代码": credit(r),
                "企业名称": company(r),
                "法定代表人": name(r),
                "证件号码": resident(r),
                "成立日期": founded.isoformat(),
                "核准日期": (founded + dt.timedelta(days=r.randint(5, 400))).isoformat(),
                "注册资本": f"{r.lognormvariate(5, 1.2):.2f}",
                "区": place,
                "联系电话": mobile(r),
                "状态": r.choices(["存续", "注销", "吊销"], [80, 17, 3])[0],
                "省": "公输省",
                "经度": f"{x + r.uniform(-0.05, 0.05):.6f}",
                "纬度": f"{y + r.uniform(-0.05, 0.05):.6f}",
            }
        )
    return rows


def other_end(text: str, r: random.Random) -> str:
    return text[:-1] + r.choice([char for char in "0123456789" if char != text[-1]])


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) for char in text)


def chinese_date(text: str) -> str:
    return "{}年{}月{}日".format(*map(int, text.split("-")))


# what is done to a cell, and how many cells it is done to
DEFECTS: list[tuple[str, str, int, Callable[[Row, random.Random], str]]] = [
    ("信用代码校验位", "统一社会信用代码", 20, lambda row, r: other_end(row["统一社会信用代码"], r)),
    ("证件校验位", "证件号码", 20, lambda row, r: other_end(row["证件号码"], r)),
    ("日期写法", "成立日期", 30, lambda row, r: row["成立日期"].replace("-", "/")),
    ("中文日期", "成立日期", 15, lambda row, r: chinese_date(row["成立日期"])),
    ("不存在的日期", "核准日期", 15, lambda row, r: row["核准日期"][:5] + "02-31"),
    ("将来的日期", "核准日期", 15, lambda row, r: f"2{r.randint(150, 999)}" + row["核准日期"][4:]),
    ("核准早于成立", "核准日期", 15, lambda row, r: f"{int(row['成立日期'][:4]) - 2}-01-01"),
    ("负数", "注册资本", 15, lambda row, r: "-" + row["注册资本"]),
    ("不是数字", "注册资本", 15, lambda row, r: "壹佰万"),
    ("全角数字", "注册资本", 15, lambda row, r: full_width(row["注册资本"])),
    ("少一位", "联系电话", 15, lambda row, r: row["联系电话"][:-1]),
    ("占位", "联系电话", 15, lambda row, r: r.choice(["无", "-", "暂无", "00000000000", "NULL"])),
    ("空", "联系电话", 15, lambda row, r: ""),
    ("不在代码表", "区", 12, lambda row, r: r.choice(["南山", "北海", "老城区"])),
    ("区与坐标不符", "区", 20, lambda row, r: r.choice([place for place in PLACES if place != row["区"]])),
    ("常量列", "省", 10, lambda row, r: r.choice(["公输", "GS"])),
    ("状态不在代码表", "状态", 10, lambda row, r: r.choice(["在营", "01"])),
    ("乱码", "企业名称", 15, lambda row, r: row["企业名称"].encode().decode("gbk", "replace")),
    ("首尾空白", "企业名称", 15, lambda row, r: row["企业名称"] + r.choice([" ", "　", "\t"])),
    ("零坐标", "经度", 15, lambda row, r: "0"),
    ("坐标越界", "纬度", 15, lambda row, r: f"{float(row['纬度']) + r.choice([-3, 2, 10]):.6f}"),
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The file, and what was planted: (row, column or None) -> defect."""
    r = random.Random(99)
    rows = register(r)
    free = list(range(ROWS))
    r.shuffle(free)
    truth: dict[tuple[int, str | None], str] = {}
    for defect, column, count, change in DEFECTS:
        for _ in range(count):
            place = free.pop()
            rows[place][column] = change(rows[place], r)
            truth[place + 1, column] = defect
    for _ in range(15):
        place = free.pop()
        rows[place]["经度"], rows[place]["纬度"] = rows[place]["纬度"], rows[place]["经度"]
        truth[place + 1, "纬度"] = "经纬度互换"
    for defect, ending in (("整行重复", ""), ("近似重复", " ")):
        for _ in range(15):
            row = dict(rows[free.pop()])
            row["企业名称"] += ending
            rows.append(row)
            truth[len(rows), None] = defect
    path = tmp_path_factory.mktemp("planted") / "登记.csv"
    with path.open("w", encoding="gb18030", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)
    return path, truth


def test_every_planted_defect_is_found_and_hardly_anything_else(planted):
    path, truth = planted
    table = inspect_files([path], max_rows=100_000).tables[0]
    rules = {rule.id: rule for rule in table.rules}
    marks: set[tuple[int, str | None]] = {(bad.row, bad.column) for bad in table.quarantined}
    for finding in table.findings:
        if finding.severity != "info":
            columns = [finding.column] if finding.column else list(rules[finding.rule].columns) or [None]
            marks |= {(row, column) for row in finding.rows for column in columns}
    missed = {place: defect for place, defect in truth.items() if place not in marks}
    assert missed == {}
    bad_rows = {row for row, _ in truth}
    # rows whose key somebody repeated are shown beside the repetition
    repeated = {
        row
        for finding in table.findings
        if finding.kind in ("unique", "row_duplicate", "near_duplicate")
        for row in finding.rows
    }
    assert sorted((row, column) for row, column in marks if row not in bad_rows | repeated) == []
