"""What society gives to the demo city: an association of bird watchers offers its records, and is accepted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from demo import city
from demo.asking import Act
from demo.recipe import SYNTHETIC, SYNTHETIC_EN, Dataset, district, field, rules, write_csv
from gongshu.opening import offers
from gongshu.opening.models import Offer
from gongshu.parties.actions import accept_invitation
from gongshu.parties.models import Person
from gongshu.tables.contract import Contract

GIVER = "湿地观鸟小组"
ACCOUNT, CONTACT, EMAIL = "giver", "方晓", "giver@gongshu.invalid"
NAME = "bird-watching"
BIRDS = ("白鹭", "夜鹭", "苍鹭", "黑水鸡", "小䴙䴘", "斑嘴鸭", "普通翠鸟", "白鹡鸰", "棕头鸦雀", "乌鸫")
ORIGIN = "小组成员每个周末在三处固定地点观察记录，由组长核对。"


def birds(folder: Path) -> Dataset:
    """Their records: one row an observation."""
    rng = random.Random(city.SEED + 31)
    rows = []
    for number in range(1, 1201):
        day = date(2023, 1, 7) + timedelta(days=7 * (number // 8))
        rows.append(
            {"编号": f"B{number:05d}", "日期": f"{day:%Y-%m-%d}", "区": city.place(rng)[1],
             "地点": rng.choice(["北湿地观鸟台", "河口滩涂", "植物园水塘"]), "种名": rng.choice(BIRDS), "数量": rng.randrange(1, 60)}
        )  # fmt: skip
    contract = Contract(
        name=NAME,
        title="湿地观鸟记录",
        title_en="Birds seen in the wetlands",
        summary="三处湿地每个周末看到的鸟：日期、地点、种名与数量，一次观察一行。",
        summary_en="Birds seen each weekend in three wetlands: day, place, species and number, one row an observation.",
        provider=GIVER,
        topic="environment",
        licence="cc-by-4.0",
        update_frequency="yearly",
        keywords=["鸟类", "湿地", "生物多样性"],
        synthetic=True,
        source_note=ORIGIN + SYNTHETIC,
        source_note_en="Members watch each weekend at three fixed places; their leader checks the records. "
        + SYNTHETIC_EN,
        fields=[
            field("编号", "string", "Number", "观察编号", primary_key=True),
            field("日期", "date", "Day", "观察的日期"),
            district(),
            field("地点", "string", "Place", "固定观察点的名称"),
            field("种名", "string", "Species", "中文种名"),
            field("数量", "int64", "Number seen", "一次看到的只数", unit="只"),
        ],
        rules=rules("编号 日期 种名", "编号", {"数量": (1, 500)}),
    )
    return Dataset(contract, [write_csv(folder / "观鸟记录.csv", rows)])


def acts() -> Iterator[Act]:
    """The offer, its acceptance, and another one that still waits."""
    yield 20, 9, _offer
    yield 22, 10, _accept
    yield 58, 9, _waiting


def finished() -> bool:
    """Whether all of it happened already."""
    return Offer.objects.count() == 2 and Offer.objects.filter(state=Offer.State.ACCEPTED).exists()


def _offer() -> None:
    if Offer.objects.filter(name=GIVER).exists():
        return
    offered = {
        "giver": "person", "name": GIVER, "contact": CONTACT, "email": EMAIL, "title": "湿地观鸟记录",
        "description": "一行一次观察：日期、地点、种名、数量，约 1,200 行，每年补充。", "origin": ORIGIN,
        "rights": "都是小组成员自己的记录，成员同意公开，没有个人信息。", "licence": "cc-by-4.0",
    }  # fmt: skip
    offers.offer(offered, set(offers.CHECKED))


def _accept() -> None:
    row = Offer.objects.get(name=GIVER)
    if row.state != Offer.State.OPEN:
        return
    operator = Person.objects.get(username="operator")
    _row, link = offers.decide(operator, row, True, "来源清楚，许可开放，没有个人信息；请按说明上传。")
    accept_invitation(link.rpartition("/")[2], ACCOUNT, "", as_person=Person.objects.get(username=ACCOUNT))


def _waiting() -> None:
    if Offer.objects.exclude(name=GIVER).exists():
        return
    offered = {
        "giver": "person", "name": "老街影像志", "contact": "何平", "email": "streets@gongshu.invalid", "title": "老街门牌与商铺照片目录",
        "description": "一行一张照片的说明：拍摄日期、街道、门牌、商铺名称，约 800 行。", "origin": "2010 年以来自己拍摄并登记。",
        "rights": "照片与目录都是自己的；不含人像。", "licence": "cc0-1.0",
    }  # fmt: skip
    offers.offer(offered, set(offers.CHECKED))
