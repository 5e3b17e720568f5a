"""Registers of places and bodies: stops, car parks, hospitals, clinics, museums, sights, enterprises, care homes."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from demo import city, dirt
from demo.recipe import (
    LICENCE,
    SYNTHETIC,
    SYNTHETIC_EN,
    Dataset,
    district,
    drop,
    features,
    field,
    latitude,
    longitude,
    rules,
    write_csv,
    write_json,
    write_sheet,
)
from gongshu.tables.contract import Contract, Protection

BOX = {"经度": (123.0, 124.2), "纬度": (30.5, 31.3)}
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰飞慧"


def _person(rng: random.Random) -> str:
    return rng.choice(SURNAMES) + "".join(rng.choices(GIVEN, k=rng.choice((1, 2, 2))))


def bus_stops(folder: Path) -> Dataset:
    """Bus stops with the lines that call there; GBK, some axes swapped, some rows doubled."""
    rng = random.Random(city.SEED + 1)
    rows: list[dict[str, Any]] = []
    for i in range(3200):
        _, name, x, y = city.place(rng)
        road, cross = rng.sample(city.ROADS, 2)
        lines = "；".join(f"{rng.randint(1, 180)}路" for _ in range(rng.randint(1, 4)))
        rows.append(
            {"站点编码": f"S{i:05d}", "站名": f"{road}{cross}站", "区": name, "途经线路": lines, "经度": x, "纬度": y,
             "启用日期": dirt.written_date(date(2004, 1, 1) + timedelta(days=rng.randint(0, 7900)), rng)}
        )  # fmt: skip
    dirt.sow(rows, rng, axes=True, blank="途经线路")
    contract = Contract(
        name="bus-stops",
        title="公共汽电车站点",
        title_en="Bus stops",
        summary="全市公共汽电车站点：站名、所在区、途经线路与坐标，一个站点一行。每月第一个工作日更新。",
        summary_en="Every bus stop of the city: name, district, lines and coordinates, one stop a row. Updated monthly.",
        provider="市交通委",
        topic="transport",
        licence=LICENCE,
        update_frequency="monthly",
        keywords=["公交", "站点", "线路"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("站点编码", "string", "Stop code", "站点在全市的唯一编码", primary_key=True, required=True),
            field("站名", "string", "Name", "站牌上的名称"),
            district(),
            field("途经线路", "string", "Lines", "停靠的线路，以分号隔开"),
            longitude(),
            latitude(),
            field("启用日期", "date", "Opened on", "站点开始使用的日期"),
        ],
        rules=rules("站名 区", "站点编码", BOX),
    )
    return Dataset(contract, [write_csv(folder / "公交站点.csv", rows, "gbk")])


def car_parks(folder: Path) -> Dataset:
    """Car parks in a workbook with a title row, a 合计 row and a footnote; two versions."""
    rng = random.Random(city.SEED + 2)
    rows: list[dict[str, Any]] = []
    for i in range(860):
        _, name, x, y = city.place(rng)
        rows.append(
            {"停车场编号": f"P{i:04d}", "停车场名称": f"{rng.choice(city.ROADS)}{rng.choice(['公共', '地下', '立体', '路侧'])}停车场",
             "类型": rng.choices(["路外公共", "路侧", "配建对外开放"], [5, 2, 3])[0], "区": name,
             "地址": city.address(rng, name), "泊位总数": int(rng.lognormvariate(4.6, 0.8)) + 5,
             "充电泊位": rng.choice([0, 0, 2, 4, 8, 16]), "经度": x, "纬度": y}
        )  # fmt: skip
    dirt.sow(rows, rng, numbers="泊位总数")
    contract = Contract(
        name="car-parks",
        title="公共停车场（库）",
        title_en="Public car parks",
        summary="对公众开放的停车场（库）：类型、地址、泊位与充电泊位数、坐标。每季度更新。",
        summary_en="Car parks open to the public: kind, address, spaces, charging spaces and coordinates. Updated quarterly.",
        provider="市交通委",
        topic="transport",
        licence=LICENCE,
        update_frequency="quarterly",
        keywords=["停车", "泊位", "充电"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("停车场编号", "string", "Car park code", "唯一编号", primary_key=True, required=True),
            field("停车场名称", "string", "Name", "对外名称"),
            field("类型", "string", "Kind", "路外公共、路侧或配建对外开放"),
            district(),
            field("地址", "string", "Address", "出入口地址", semantic_type="address"),
            field("泊位总数", "int64", "Spaces", "机动车泊位总数", unit="个"),
            field("充电泊位", "int64", "Charging spaces", "带充电桩的泊位数", unit="个"),
            longitude(),
            latitude(),
        ],
        rules=rules("停车场名称 泊位总数", "停车场编号", {**BOX, "泊位总数": (1, 5000)}),
    )
    title, note = "公输市公共停车场（库）一览表", "注：路侧停车场泊位数以现场标线为准。"
    first = write_sheet(folder / "公共停车场2025Q4.xlsx", title, rows[:812], total="泊位总数", note=note)
    second = write_sheet(folder / "公共停车场2026Q1.xlsx", title, rows, total="泊位总数", note=note)
    return Dataset(contract, [first, second])


def hospitals(folder: Path) -> Dataset:
    """Medical institutions, GB18030; the duty phone is a person's and is dropped."""
    rng = random.Random(city.SEED + 3)
    kinds = {"诊所": 44, "门诊部": 18, "社区卫生服务中心": 12, "综合医院": 9, "专科医院": 8, "中医医院": 5, "护理院": 4}
    rows: list[dict[str, Any]] = []
    for i in range(1864):
        _, name, x, y = city.place(rng)
        kind = rng.choices(list(kinds), list(kinds.values()))[0]
        large = kind in ("综合医院", "专科医院", "中医医院")
        rows.append(
            {"机构代码": f"PDY{i:05d}", "机构名称": f"{rng.choice(city.ROADS)[:-1]}{rng.choice('安康和仁济博爱德')}{kind}",
             "类别": kind, "等级": rng.choices(["三级甲等", "三级乙等", "二级甲等", "二级"], [2, 1, 4, 5])[0] if large else "未定级",
             "区": name, "地址": city.address(rng, name),
             "核定床位": int(rng.lognormvariate(5.2, 0.8)) if large else rng.choice([0, 0, 0, 20, ""]),
             "医保定点": rng.choices(["是", "否"], [61, 39])[0], "咨询电话": f"0990-{rng.randint(20000000, 89999999)}",
             "经度": x, "纬度": y, "登记日期": dirt.written_date(date(1998, 1, 1) + timedelta(days=rng.randint(0, 10200)), rng),
             "负责人": _person(rng), "负责人手机": f"1{rng.choice('3589')}{rng.randint(10**8, 10**9 - 1)}"}
        )  # fmt: skip
    dirt.sow(rows, rng, numbers="核定床位", blank="咨询电话", axes=True)
    contract = Contract(
        name="medical-institutions",
        title="医疗机构名录",
        title_en="Medical institutions",
        summary="取得执业许可的医疗机构：名称、类别、等级、地址、床位与坐标，一家机构一行。每月第一个工作日更新。",
        summary_en="Licensed medical institutions: name, kind, grade, address, beds and coordinates, one a row. Updated monthly.",
        provider="市卫生健康委",
        topic="health",
        licence=LICENCE,
        update_frequency="monthly",
        keywords=["医院", "诊所", "床位", "医保"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("机构代码", "string", "Institution code", "医疗机构登记号", primary_key=True, required=True),
            field(
                "机构名称",
                "string",
                "Name",
                "执业许可证上的第一名称",
                semantic_type="organisation_name",
                subject="organisation",
            ),
            field("类别", "string", "Kind", "医疗机构类别"),
            field("等级", "string", "Grade", "评审等级，未评审为“未定级”"),
            district(),
            field("地址", "string", "Address", "执业地址，精确到门牌", semantic_type="address"),
            field("核定床位", "int64", "Beds", "核定床位数；门诊部可为空", unit="张"),
            field("医保定点", "string", "Insurance", "是否基本医疗保险定点", codes={"是": "定点", "否": "非定点"}),
            field(
                "咨询电话",
                "string",
                "Telephone",
                "对外公开的咨询电话",
                semantic_type="landline",
                subject="organisation",
            ),
            longitude(),
            latitude(),
            field("登记日期", "date", "Registered on", "最近一次登记或变更日期"),
            drop("负责人", "string", "Responsible person", "主要负责人姓名", 4, "person_name"),
            drop("负责人手机", "string", "Mobile", "主要负责人手机号", 4, "mobile"),
        ],
        rules=rules("机构名称 类别 区", "机构代码", {**BOX, "核定床位": (0, 5000)}),
    )
    return Dataset(contract, [write_csv(folder / "医疗机构名录.csv", rows, "gb18030")])


def clinics(folder: Path) -> Dataset:
    """Vaccination clinics: a workbook with a title row."""
    rng = random.Random(city.SEED + 4)
    rows = []
    for i in range(168):
        _, name, x, y = city.place(rng)
        rows.append(
            {"序号": i + 1, "接种门诊": f"{name[:-1]}{rng.choice(city.ROADS)[:-1]}预防接种门诊", "区": name,
             "地址": city.address(rng, name), "服务时间": rng.choice(["周一至周五 8:00-16:00", "周一、三、五上午", "每日 8:30-11:30"]),
             "接种种类": "、".join(rng.sample(["流感", "乙肝", "麻腮风", "脊灰", "狂犬病", "HPV"], rng.randint(2, 5))),
             "经度": x, "纬度": y}
        )  # fmt: skip
    contract = Contract(
        name="vaccination-clinics",
        title="预防接种门诊",
        title_en="Vaccination clinics",
        summary="提供预防接种服务的门诊：地址、服务时间、接种种类与坐标。",
        summary_en="Clinics that vaccinate: address, hours, vaccines and coordinates.",
        provider="市卫生健康委",
        topic="health",
        licence=LICENCE,
        update_frequency="quarterly",
        keywords=["疫苗", "接种"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("序号", "int64", "Number", "表内序号", primary_key=True, required=True),
            field(
                "接种门诊", "string", "Clinic", "门诊名称", semantic_type="organisation_name", subject="organisation"
            ),
            district(),
            field("地址", "string", "Address", "门诊地址", semantic_type="address"),
            field("服务时间", "string", "Hours", "对外服务时间"),
            field("接种种类", "string", "Vaccines", "可接种的疫苗，以顿号隔开"),
            longitude(),
            latitude(),
        ],
        rules=rules("接种门诊 区", "序号", BOX),
    )
    sheet = write_sheet(
        folder / "预防接种门诊.xlsx", "公输市预防接种门诊名单（2026年）", rows, note="数据来源：市卫生健康委"
    )
    return Dataset(contract, [sheet])


def museums(folder: Path) -> Dataset:
    """Museums as a JSON list."""
    rng = random.Random(city.SEED + 5)
    rows = []
    for i in range(96):
        _, name, x, y = city.place(rng)
        topic = rng.choice("木作 古桥 船舶 瓷器 纺织 印刷 天文 水利 民俗 自然 汽车 邮政".split())
        rows.append(
            {"编号": f"M{i:03d}", "名称": f"{rng.choice(city.ROADS)[:-1]}{topic}博物馆", "等级": rng.choice(["一级", "二级", "三级", "未定级"]),
             "区": name, "地址": city.address(rng, name), "免费开放": rng.random() < 0.8, "藏品数": int(rng.lognormvariate(7.5, 1.2)),
             "年观众": int(rng.lognormvariate(11, 1)), "经度": x, "纬度": y}
        )  # fmt: skip
    contract = Contract(
        name="museums",
        title="博物馆名录",
        title_en="Museums",
        summary="在文物部门备案的博物馆：等级、是否免费开放、藏品与年观众数、坐标。",
        summary_en="Registered museums: grade, free entry, collection, visitors a year and coordinates.",
        provider="市文化旅游局",
        topic="culture",
        licence=LICENCE,
        update_frequency="yearly",
        keywords=["博物馆", "文物", "免费"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("编号", "string", "Code", "备案编号", primary_key=True, required=True),
            field("名称", "string", "Name", "博物馆名称", semantic_type="organisation_name", subject="organisation"),
            field("等级", "string", "Grade", "定级结果"),
            district(),
            field("地址", "string", "Address", "馆址", semantic_type="address"),
            field("免费开放", "boolean", "Free entry", "是否免费开放"),
            field("藏品数", "int64", "Objects", "馆藏数量", unit="件"),
            field("年观众", "int64", "Visitors", "上一年观众人次", unit="人次"),
            longitude(),
            latitude(),
        ],
        rules=rules("名称 区", "编号", BOX),
    )
    return Dataset(contract, [write_json(folder / "博物馆.json", rows)])


def toilets(folder: Path) -> Dataset:
    """Public toilets of one district, by a body of that district."""
    rng = random.Random(city.SEED + 31)
    rows: list[dict[str, object]] = []
    while len(rows) < 61:
        _, name, x, y = city.place(rng)
        if name != "檐湖区":
            continue
        road = rng.choice(city.ROADS)
        rows.append(
            {"编号": f"T{len(rows):03d}", "名称": f"{road}公厕", "区": name, "地址": city.address(rng, name), "无障碍": rng.random() < 0.7,
             "开放时间": rng.choice(["全天", "06:00-22:00", "05:30-23:00"]), "蹲位": rng.randint(4, 24), "经度": x, "纬度": y}
        )  # fmt: skip
    contract = Contract(
        name="yanhu-toilets",
        title="檐湖区公共厕所",
        title_en="Public toilets of Yanhu District",
        summary="檐湖区的公共厕所：地址、开放时间、蹲位与无障碍设施，一处一行。",
        summary_en="Public toilets of Yanhu District: address, hours, places and barrier-free access, one a row.",
        provider="檐湖区城市管理局",
        topic="urban",
        licence=LICENCE,
        update_frequency="quarterly",
        keywords=["公厕", "无障碍", "市容"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("编号", "string", "Code", "设施编号", primary_key=True, required=True),
            field("名称", "string", "Name", "公厕名称"),
            district(),
            field("地址", "string", "Address", "所在地址", semantic_type="address"),
            field("无障碍", "boolean", "Barrier-free", "有没有无障碍设施"),
            field("开放时间", "string", "Hours", "每天开放的时间"),
            field("蹲位", "int64", "Places", "蹲位数", unit="个"),
            longitude(),
            latitude(),
        ],
        rules=rules("名称 地址", "编号", BOX),
    )
    return Dataset(contract, [write_json(folder / "檐湖区公共厕所.json", rows)])


def sights(folder: Path) -> Dataset:
    """Graded sights as GeoJSON points."""
    rng = random.Random(city.SEED + 6)
    rows = []
    for i in range(74):
        _, name, x, y = city.place(rng)
        rows.append(
            {"编号": f"A{i:03d}", "景区名称": f"{rng.choice(city.ROADS)[:-1]}{rng.choice(['古镇', '湿地公园', '园林', '海岸', '营造坊', '森林公园'])}",
             "等级": rng.choices(["5A", "4A", "3A", "2A"], [4, 30, 50, 16])[0], "区": name, "票价": rng.choice([0, 0, 20, 40, 60, 80]),
             "最大承载量": rng.choice([2000, 5000, 8000, 12000, 30000]), "经度": x, "纬度": y}
        )  # fmt: skip
    contract = Contract(
        name="scenic-spots",
        title="A级旅游景区",
        title_en="Graded sights",
        summary="A级旅游景区：等级、票价、最大承载量与位置。",
        summary_en="Graded tourist sights: grade, price, capacity and position.",
        provider="市文化旅游局",
        topic="culture",
        licence=LICENCE,
        update_frequency="yearly",
        keywords=["景区", "旅游", "门票"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("编号", "string", "Code", "景区编号", primary_key=True, required=True),
            field("景区名称", "string", "Name", "景区名称"),
            field("等级", "string", "Grade", "质量等级 2A 至 5A"),
            district(),
            field("票价", "int64", "Price", "成人全票，0 为免费", unit="元"),
            field("最大承载量", "int64", "Capacity", "核定的日最大承载量", unit="人次"),
            field("geometry", "geometry", "Position", "点位，WGS-84"),
        ],
        rules=rules("景区名称 等级", "编号"),
    )
    return Dataset(contract, [write_json(folder / "A级景区.geojson", features(rows))])


def enterprises(folder: Path) -> Dataset:
    """The company register: wrong check characters, mixed dates, persons that are never published."""
    rng = random.Random(city.SEED + 7)
    trades = "批发零售 制造业 信息技术 住宿餐饮 租赁商务 建筑业 交通运输 科学研究 文化体育 居民服务".split()
    tails = "科技 贸易 实业 物流 餐饮 信息 建筑 环保 机械 文化".split()
    rows: list[dict[str, Any]] = []
    for _ in range(20000):
        code, name, _, _ = city.place(rng)
        rows.append(
            {"统一社会信用代码": dirt.credit_code(rng, code, wrong=rng.random() < 0.003),
             "企业名称": f"公输{rng.choice('榫墨鸢梁栋斗匠')}{rng.choice('安和盛远达嘉泰')}{rng.choice(tails)}有限公司",
             "行业门类": rng.choices(trades, range(20, 0, -2))[0], "登记状态": rng.choices(["存续", "注销", "吊销", "迁出"], [78, 17, 3, 2])[0],
             "区": name, "住所": city.address(rng, name), "成立日期": dirt.written_date(date(1992, 1, 1) + timedelta(days=rng.randint(0, 12400)), rng),
             "注册资本（万元）": f"{rng.lognormvariate(5, 1.4):.2f}", "法定代表人": _person(rng),
             "证件号码": dirt.resident_id(rng, code), "联系电话": f"1{rng.choice('3589')}{rng.randint(10**8, 10**9 - 1)}"}
        )  # fmt: skip
    dirt.sow(rows, rng, numbers="注册资本（万元）", blank="住所")
    contract = Contract(
        name="enterprises",
        title="企业登记信息",
        title_en="Company register",
        summary="在本市登记的企业：信用代码、名称、行业、状态、所在区与成立年份。法定代表人、证件与电话不公开，注册资本按档公开。",
        summary_en="Companies registered in the city: code, name, trade, status, district and year. Persons are not published.",
        provider="市市场监管局",
        topic="market",
        licence=LICENCE,
        update_frequency="weekly",
        keywords=["企业", "工商", "信用代码"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("统一社会信用代码", "string", "Credit code", "GB 32100 统一社会信用代码", semantic_type="credit_code",
                  subject="organisation", required=True),
            field("企业名称", "string", "Name", "登记名称", semantic_type="organisation_name", subject="organisation"),
            field("行业门类", "string", "Trade", "国民经济行业门类"),
            field("登记状态", "string", "Status", "存续、注销、吊销、迁出"),
            district(),
            drop("住所", "string", "Address", "登记住所，可能为自然人住址", 3, "home_address"),
            field("成立日期", "date", "Founded", "成立日期，公开到年份", level=2,
                  protection=Protection("generalise_date", {"to": "year"})),
            field("注册资本（万元）", "float64", "Capital", "注册资本，按 100 万元一档公开", unit="万元", level=2,
                  semantic_type="amount", protection=Protection("generalise_number", {"width": 100})),
            drop("法定代表人", "string", "Legal representative", "姓名", 4, "person_name"),
            drop("证件号码", "string", "ID number", "居民身份证号", 4, "resident_id"),
            drop("联系电话", "string", "Telephone", "手机号", 4, "mobile"),
        ],
        rules=[*rules("企业名称 登记状态", "统一社会信用代码"), *_check_digit()],
    )  # fmt: skip
    return Dataset(contract, [write_csv(folder / "企业登记.csv", rows, "gbk")])


def care_homes(folder: Path) -> Dataset:
    """Elderly care homes; the contact person's name is not public."""
    rng = random.Random(city.SEED + 8)
    rows = []
    for i in range(412):
        _, name, x, y = city.place(rng)
        rows.append(
            {"编号": f"Y{i:04d}", "机构名称": f"{name[:-1]}{rng.choice('颐福寿安乐康')}{rng.choice('年和园居')}养老院",
             "区": name, "地址": city.address(rng, name), "床位数": rng.randint(30, 420), "入住老人": rng.randint(10, 300),
             "最低收费": rng.randrange(1800, 6000, 100), "联系人": _person(rng), "经度": x, "纬度": y}
        )  # fmt: skip
    dirt.sow(rows, rng, numbers="床位数")
    contract = Contract(
        name="care-homes",
        title="养老机构",
        title_en="Elderly care homes",
        summary="备案的养老机构：床位、入住、最低收费与坐标。",
        summary_en="Registered care homes: beds, residents, lowest fee and coordinates.",
        provider="市民政局",
        topic="social",
        licence=LICENCE,
        update_frequency="monthly",
        keywords=["养老", "床位", "民政"],
        synthetic=True,
        source_note=SYNTHETIC,
        source_note_en=SYNTHETIC_EN,
        fields=[
            field("编号", "string", "Code", "备案编号", primary_key=True, required=True),
            field("机构名称", "string", "Name", "机构名称", semantic_type="organisation_name", subject="organisation"),
            district(),
            field("地址", "string", "Address", "机构地址", semantic_type="address"),
            field("床位数", "int64", "Beds", "核定床位", unit="张"),
            field("入住老人", "int64", "Residents", "在住人数，按 10 取整", unit="人", level=2, protection=Protection("round", {"digits": -1})),
            field("最低收费", "int64", "Lowest fee", "每月最低收费", unit="元"),
            drop("联系人", "string", "Contact", "联系人姓名", 3, "person_name"),
            longitude(),
            latitude(),
        ],
        rules=rules("机构名称 床位数", "编号", {**BOX, "床位数": (1, 2000)}),
    )  # fmt: skip
    return Dataset(contract, [write_csv(folder / "养老机构.csv", rows)])


def _check_digit() -> list[Any]:
    from gongshu.tables.contract import Rule

    name = "统一社会信用代码"
    params = {"type": "credit_code"}
    return [Rule(f"{name}.check_digit", "check_digit", column=name, columns=(name,), params=params, dimension="030100")]
