"""Two registers that are still on their way: what may become public of them is being decided when the demo opens."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from demo import city, dirt
from demo.recipe import LICENCE, SYNTHETIC, SYNTHETIC_EN, Dataset, drop, field, rules, write_csv, write_sheet
from gongshu.tables.contract import Contract, Protection

ROWS = 24_000
DAY = date(2026, 9, 30)  # on which the ages are counted
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰飞慧"
ALLOWANCE = {"一级": 266, "二级": 532, "三级": 798, "四级": 1064, "五级": 1328, "六级": 1596}
WEIGHTS = (30, 24, 18, 14, 9, 5)


def allowances(folder: Path) -> Dataset:
    """Community care allowances of a quarter, one row a person and month; GBK, with names, ID numbers and addresses."""
    rng = random.Random(city.SEED + 21)
    codes = list(city.DISTRICTS)
    shares = [city.DISTRICTS[code][2] for code in codes]
    rows = []
    for _ in range(ROWS):
        code = rng.choices(codes, shares)[0]
        district = city.DISTRICTS[code][0]
        age = min(99, max(60, int(rng.gauss(76, 8))))
        born = DAY - timedelta(days=age * 365 + age // 4 + rng.randint(1, 300))
        woman = rng.random() < 0.56
        grade = rng.choices(list(ALLOWANCE), WEIGHTS)[0]
        rows.append(
            {"姓名": rng.choice(SURNAMES) + "".join(rng.choices(GIVEN, k=rng.choice((1, 2, 2)))),
             "证件号码": _resident_id(rng, code, born, woman), "性别": "女" if woman else "男",
             "出生日期": dirt.written_date(born, rng, 0.1), "年龄": age, "居住区": district,
             "居住地址": city.address(rng, district), "护理等级": grade, "补贴金额": ALLOWANCE[grade],
             "发放月": f"2026-0{rng.randint(7, 9)}"}
        )  # fmt: skip
    contract = Contract(
        name="care-allowances",
        title="社区养老服务补贴发放记录",
        title_en="Community care allowances",
        summary="按季发放的社区养老服务补贴，一人一月一行；不含姓名、证件号码与住址，年龄按五年一档，人数太少的组合整行不公开。",
        summary_en="Community care allowances by quarter, a row a person and month; without names, ID numbers and addresses, "
        "ages in bands of five years, rows of very small groups left out.",
        provider="市民政局",
        topic="social",
        licence=LICENCE,
        update_frequency="quarterly",
        keywords=["养老", "补贴", "民政"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        suppress_small_groups=True,
        fields=[
            drop("姓名", "string", "Name", "领取人姓名", 4, "person_name"),
            drop("证件号码", "string", "ID number", "居民身份证号", 4, "resident_id"),
            field("性别", "string", "Sex", "领取人性别", semantic_type="sex", subject="person"),
            drop("出生日期", "date", "Date of birth", "领取人出生日期", 3, "birth_date"),
            field("年龄", "int64", "Age", "满周岁，五年一档", level=2, subject="person", unit="岁",
                  protection=Protection("generalise_number", {"width": 5})),
            field("居住区", "string", "District", "领取人居住的区", semantic_type="division_name", subject="person"),
            drop("居住地址", "string", "Home address", "领取人住址", 4, "home_address"),
            field("护理等级", "string", "Care grade", "评估的护理等级，一级最轻", level=1,
                  codes={"一级": "轻", "六级": "最重"}),
            field("补贴金额", "int64", "Allowance", "当月补贴", unit="元"),
            field("发放月", "string", "Month", "发放的年月"),
        ],
        rules=rules("证件号码 护理等级 补贴金额", bounds={"补贴金额": (0, 5000), "年龄": (60, 120)}),
    )  # fmt: skip
    return Dataset(contract, [write_csv(folder / "养老服务补贴.csv", rows, "gbk")])


def canteens(folder: Path) -> Dataset:
    """Community canteens as an office keeps them: a workbook with title, 合计 and footnote, mobiles and landlines in one
    column, remarks that name people. Its steward has still to judge it, so the contract says only what the register is."""
    rng = random.Random(city.SEED + 22)
    rows = []
    for i in range(356):
        _, district, x, y = city.place(rng)
        mobile = rng.random() < 0.6
        phone = f"139{rng.randrange(10**8):08d}" if mobile else f"0990-{rng.randrange(5 * 10**7, 9 * 10**7)}"
        who = rng.choice(SURNAMES) + rng.choice(GIVEN)
        remark = rng.choice(
            ["", "", "节假日不开", f"找{who}，139{rng.randrange(10**8):08d}", "与老年活动室合用", "扩建中"]
        )
        rows.append(
            {"编号": f"C{i:04d}", "名称": f"{district[:-1]}{rng.choice('颐和安康福')}社区食堂", "区": district,
             "地址": city.address(rng, district), "联系电话": phone, "座位数": rng.randrange(20, 160, 4),
             "开办日期": dirt.written_date(date(2015, 1, 1) + timedelta(days=rng.randrange(4000)), rng, 0.3),
             "备注": remark, "经度": x, "纬度": y}
        )  # fmt: skip
    dirt.sow(rows, rng, numbers="座位数")
    contract = Contract(
        name="community-canteens",
        title="社区助餐点",
        title_en="Community canteens",
        summary="全市社区助餐点：名称、地址、座位数、联系电话与坐标。",
        provider="市民政局",
        update_frequency="monthly",
    )
    title, note = f"{city.CITY}社区助餐点一览表", "注：数据截至上月末，联系电话仅供业务联系。"
    return Dataset(contract, [write_sheet(folder / "社区助餐点.xlsx", title, rows, total="座位数", note=note)])


def _resident_id(rng: random.Random, division: str, born: date, woman: bool) -> str:
    """A resident ID number (GB 11643) of an invented division that agrees with birthday and sex; some were mistyped."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    serial = rng.randrange(0, 999, 2) + (0 if woman else 1)
    body = f"{division}{born:%Y%m%d}{serial:03d}"
    check = "10X98765432"[sum(int(char) * weight for char, weight in zip(body, weights, strict=True)) % 11]
    return body + (check if rng.random() > 0.002 else "3")
