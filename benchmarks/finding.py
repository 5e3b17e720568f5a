"""How fast the catalogue answers with many datasets: what the index and the database take of one request, by kind of question.

usage: python -m benchmarks.finding [DATASETS] [ROUNDS]

Invents DATASETS (default 20,000) datasets with versions and use counts straight in the database, makes the index, then asks. Every
question of a round is another one (drawn from the words that the datasets are made of), so that no cache answers. Printed: p50,
p95 and slowest ms, and the p95 of this process's own processor time (which other work on the machine doesn't lengthen), by kind of question and number of filters, each with the counts of all facets and the 20 datasets of a page
(:func:`gongshu.opening.search.ask`); then what the home page, the page of organisations, the list page (rendered), the search
box's proposals and CKAN's package_search with facets take. Goal: p95 of every kind of question at most 50 ms.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

GOAL_MS = 50
HEADS = "医疗 公交 道路 企业 食品 环境 河道 养老 社区 教育 文化 旅游 住房 土地 电力 燃气 供水 消防 应急 地名 统计 税务 海关 科技 人才 就业 体育 气象 地震 园林 垃圾 停车 充电 地铁 机场 港口 物流 农业 渔业 林业 粮食 药品 电梯 特种设备 行政处罚 行政许可 招标 采购 预算 信用 商标 专利 司法 公证 律师 志愿 慈善 残疾 低保 救助 殡葬 婚姻 户籍".split()
MIDDLES = "机构 站点 设施 项目 名录 台账 监测 检查 抽检 登记 许可 补贴 客流 价格 能耗 排放 水质 噪声 床位 泊位 线路 时刻 人员 车辆 场馆 学校 图书馆 博物馆 公园 市场 超市 药店 工地 隐患 事故 投诉 热线 满意度 评价 等级".split()
TAILS = "信息 名单 清单 目录 统计 月报 年报 日报 明细 分布 位置 结果 公示 记录 指数 数量".split()
PLACES = "鲁班 墨斗 规矩 榫卯 绳墨 云梯 木鸢 石础 柳岸 常宁 滨江 沧浪 北桥 松陵 望湖 临澄".split()
SIGNS = "东西南北中山水云江河湖海桥门路街坊里巷园林田石金木火土春夏秋冬"


def main(number: int = 20_000, rounds: int = 40) -> int:
    """Seed, ask, print; 1 when a kind of question misses the goal."""
    with tempfile.TemporaryDirectory(prefix="gongshu-finding-") as folder:
        os.environ |= {
            "GONGSHU_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "gongshu.site.settings",
            "GONGSHU_API_RATE": "100000",
        }
        import django

        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        setup_test_environment()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        began = time.perf_counter()
        seed(number)
        seeded = time.perf_counter()
        from gongshu.opening import search

        search.rebuild()
        print(f"{number} datasets invented in {seeded - began:.0f} s, indexed in {time.perf_counter() - seeded:.0f} s")
        slow = [name for name, worst in measure(rounds) if worst > GOAL_MS]
        pages(rounds)
    print(f"p95 over {GOAL_MS} ms: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


def title(draw: random.Random) -> str:
    """An invented title; one in five has a word of two signs that few others have."""
    rare = "".join(draw.sample(SIGNS, 2)) if draw.random() < 0.2 else ""
    return f"{draw.choice(PLACES)}{rare}{draw.choice(HEADS)}{draw.choice(MIDDLES)}{draw.choice(TAILS)}"


def seed(number: int) -> None:
    """Rows as publications leave them; 200 bodies, a tenth of them districts, use counts of a third of the datasets."""
    from gongshu import clock
    from gongshu.opening import terms
    from gongshu.opening.models import Dataset, Version
    from gongshu.oversight.models import AccessCount
    from gongshu.parties.models import Organisation

    draw, now = random.Random(6), clock.now()
    kinds = Organisation.Kind
    bodies = [Organisation(code=f"body-{n}", name=f"{draw.choice(PLACES)}{draw.choice(HEADS)}局{n}", kind=kinds.DISTRICT if n % 10 == 0 else kinds.DEPARTMENT) for n in range(200)]  # fmt: skip
    bodies = Organisation.objects.bulk_create(bodies)
    for n, body in enumerate(bodies):
        body.parent = bodies[n - n % 10] if n % 10 and n % 3 == 0 else None
    Organisation.objects.bulk_update(bodies, ["parent"])
    topics, frequencies = list(terms.topics()), list(terms.frequencies())
    for first in range(0, number, 5000):
        datasets = Dataset.objects.bulk_create(
            Dataset(
                name=f"set-{n}", title=(said := title(draw)), title_en=f"Open table {n}", summary=f"{said}，由各单位按月报送。",
                keywords=draw.sample(HEADS, 2), topic=draw.choice(topics), provider=draw.choice(bodies), licence="open-unconditional",
                update_frequency=draw.choice(frequencies), level=1, open_type=draw.choice(("unconditional", "conditional")),
            )
            for n in range(first, min(first + 5000, number))
        )  # fmt: skip
        columns = [{"name": name, "storage_type": "string", "description": f"{name}的说明", "semantic_type": kind, "level": 1} for name, kind in (("名称", "organisation_name"), ("代码", "credit_code"), ("所在区", "division_name"), ("地址", "address"), ("日期", None))]  # fmt: skip
        versions = Version.objects.bulk_create(
            Version(
                dataset=one, number=1, rows=draw.randrange(10, 2_000_000), columns=columns, contract="", snapshot="", raw_snapshot="",
                job=uuid.uuid4(), serving="", quality={"total": draw.uniform(50, 100)}, published_at=now - timedelta(days=draw.uniform(0, 400)),
            )
            for one in datasets
        )  # fmt: skip
        for one, version in zip(datasets, versions, strict=True):
            one.current = version
        Dataset.objects.bulk_update(datasets, ["current"], batch_size=500)
        used = [one for one in datasets if draw.random() < 0.3]
        AccessCount.objects.bulk_create(AccessCount(subject=f"dataset:{one.name}", action=action, day=now.date() - timedelta(days=draw.randrange(30)), number=draw.randrange(1, 90)) for one in used for action in ("dataset.download", "dataset.query"))  # fmt: skip


def questions(draw: random.Random) -> dict[str, str]:
    """One of each kind."""
    from gongshu.opening import sounds

    head, middle = draw.choice([h for h in HEADS if len(h) == 2]), draw.choice(MIDDLES)
    letters = sounds.spoken(f"{head}{middle}")
    place = draw.randrange(1, len(letters) - 1)
    return {
        "no question": "",
        "one word": head,
        "two words": f"{head} {middle}",
        "a sentence": f"哪里有{draw.choice(PLACES)}的{head}{middle}",
        "one character": draw.choice("".join(HEADS)),
        "rare word": "".join(draw.sample(SIGNS, 2)),
        "pinyin": sounds.spoken(head),
        "first letters": "".join(sounds.spoken(sign)[0] for sign in head + middle),
        "slip (sounds alike)": f"{draw.choice('依易') if head[0] == '医' else head[0]}{draw.choice(SIGNS)}{middle}",
        "slip (a letter)": letters[:place] + draw.choice("abcdefgh") + letters[place + 1 :],
        "English": draw.choice(("open table", "bus", "tables", "opn tabel")),
        "nothing": draw.choice(("zzqqxx", "魑魅魍魉", "完全没有的东西")),
    }


def measure(rounds: int) -> list[tuple[str, float]]:
    """Print the times of every kind of question with 0 to 3 filters; returns the p95 of each."""
    from gongshu.opening import search, terms
    from gongshu.opening.list_pages import FACETS

    draw = random.Random(7)
    found = []
    print(f"{'question':<24}{'filters':>8}{'p50':>8}{'p95':>8}{'most':>8}{'CPU p95':>9}  ms")
    for kind in questions(draw):
        for filters in range(4):
            search.ask(search.Wanted(order="used"))  # use counts and word lists are read once
            times = []
            for _round in range(rounds):
                chosen = {"topic": draw.choice(list(terms.topics())), "freshness": draw.choice(("late", "on_time")), "provider": f"body-{draw.randrange(200)}"}  # fmt: skip
                wanted = search.Wanted(
                    questions(draw)[kind], dict(list(chosen.items())[:filters]), facets=FACETS,
                    order=draw.choice(("", "updated", "used")), offset=draw.choice((0, 0, 20)),
                )  # fmt: skip
                times.append(_ms(partial(search.ask, wanted)))
            p95 = _print(f"{kind:<24}{filters:>8}", times)
            found.append((f"{kind}/{filters}", p95))
    return found


def pages(rounds: int) -> None:
    """Print what pages and other interfaces take."""
    from django.test import Client

    from gongshu.opening import figures, queries, search

    client, draw = Client(), random.Random(8)
    rounds = min(rounds, 20)

    def get(address: str, **params: str) -> Callable[[], Any]:
        return lambda: client.get(address, params)

    asked: dict[str, Callable[[], Any]] = {
        "list page, a question": lambda: get("/datasets", q=questions(draw)["two words"])(),
        "list page, all": get("/datasets"),
        "home page": get("/"),
        "organisations": get("/organisations"),
        "topics": get("/topics"),
        "suggest": lambda: get("/suggest", q=questions(draw)["one word"])(),
        "suggest, pinyin": lambda: get("/suggest", q=questions(draw)["pinyin"][:4])(),
        "API v1, a question": lambda: get("/api/v1/datasets", q=questions(draw)["one word"])(),
        "CKAN package_search": lambda: get("/api/3/action/package_search", **{"q": questions(draw)["one word"], "facet.field": '["organization", "tags", "groups"]', "fq": "res_format:CSV"})(),
        "CKAN tag_list": get("/api/3/action/tag_list"),
        "fingerprint": queries.fingerprint,
        "by topic": figures.by_topic,
        "by organisation": figures.by_organisation,
        "flow of the city": figures.city_flow,
        "index touched by one": search.index_pending,
    }  # fmt: skip
    for name, work in asked.items():
        first, _busy = _ms(work)
        _print(f"{name:<32}", [_ms(work) for _round in range(rounds)], f"  first {first:.0f}")


def _ms(work: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds that ``work`` took, and of processor time."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - busy)


def _print(name: str, times: list[tuple[float, float]], more: str = "") -> float:
    ranked, busy = sorted(one for one, _cpu in times), sorted(cpu for _one, cpu in times)
    last = min(len(ranked) - 1, int(0.95 * len(ranked)))
    print(f"{name}{ranked[len(ranked) // 2]:>8.1f}{ranked[last]:>8.1f}{ranked[-1]:>8.1f}{busy[last]:>9.1f}{more}")
    return ranked[last]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
