"""What the people of the demo city asked, proposed, complained of and made with its data, and how it was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gongshu.feedback import cases, news, reuses
from gongshu.feedback.cases import Asked
from gongshu.feedback.models import Case, News, Reuse
from gongshu.opening.models import Dataset
from gongshu.opening.readers import visitor_of
from gongshu.parties.models import Organisation, Person, Role

Act = tuple[int, int, Callable[[], None]]  # day of the history, hour, what happens


@dataclass(frozen=True)
class Told:
    """One case and what happens to it: on which days it is asked, let to the public and answered (0: not yet)."""

    kind: str
    day: int
    title: str
    text: str
    purpose: str = ""
    asker: str = ""
    where: str = ""
    dataset: str = ""
    about: str = ""
    supports: int = 0
    shown: int = 0
    answered: int = 0
    answer: str = ""
    outcome: str = "answered"
    meets: str = ""
    satisfied: bool = False


CASES = (
    Told("demand", 32, "每个监测点的逐时噪声", "全市功能区噪声监测点的逐时数据与点位坐标，最好有近两年的。",
         "做安静街区地图，给租房的人参考", "firm", "市生态环境局", supports=14, shown=33),
    Told("demand", 36, "养老机构的名单与床位", "全市养老机构名称、地址、床位数，区分公办与民办。", "写一篇关于养老资源分布的论文",
         "research", "市民政局", supports=5, shown=37, answered=39, outcome="met", meets="care-homes", satisfied=True,
         answer="养老机构名录已经开放，含名称、地址、床位与坐标，每月更新。公办与民办见“性质”一列。"),
    Told("demand", 41, "各医院医生的个人手机号", "希望公开每位医生的联系方式，方便预约。", "做预约平台", "firm", "市卫生健康委", supports=1, shown=42,
         answered=44, outcome="refused",
         answer="医生的手机号是个人信息，公开会伤害到人，不能开放（个人信息保护法第十三条）。各机构的总机与预约电话在医疗机构名录里。"),
    Told("demand", 50, "公交车到站时间", "每条线路每个站点的预计到站时间，每半分钟一次就够。", "做换乘提醒小程序，给视障乘客播报", "person", "市交通委",
         supports=27, shown=51),
    Told("demand", 54, "停车场空余车位", "收费停车场的实时空余车位数，有接口最好。", "导航软件里避开已满的停车场", "firm", "市交通委", supports=9, shown=55),
    Told("demand", 59, "学校周边的午间车流", "中小学校门口 11 点到 13 点的车流量。", "家委会想申请错峰接送", "person"),
    Told("consultation", 45, "表格里的区划代码怎么对应", "年报里用的是老代码，和区划数据对不上，怎么换算？", where="市民政局", answered=47,
         answer="2022 年调整过两个区的代码，换算表在区划数据集的代码表里；老代码的年份在“说明”一列。", satisfied=True),
    Told("consultation", 58, "企业登记数据多久更新", "打算按月核对供应商名单，想知道每次更新的日子。", where="市市场监管局", dataset="enterprises"),
    Told("suggestion", 52, "希望能在地图上画圈选数据", "看医疗机构时，想在地图上圈一片，只下载这一片的。"),
    Told("complaint", 57, "景区名录里的票价不对也不改", "报告过两次，答复说已改，下一版仍是旧价。", where="市文化旅游局", about="organisation"),
    Told("question", 49, "床位数是编制床位还是实有床位？", "", dataset="medical-institutions", shown=50, answered=50,
         answer="是核定（编制）床位，以执业许可证为准；实有床位见卫生统计年鉴。", satisfied=True),
    Told("question", 56, "小时均值取整点前还是整点后？", "", dataset="air-quality-hourly", shown=58, answered=58,
         answer="取整点前一小时，08:00 的值是 07:00 到 08:00 的均值。"),
    Told("question", 59, "站点坐标是候车亭还是路口？", "", dataset="bus-stops"),
)  # fmt: skip
REUSES = (
    (48, "application", "夜间就医地图", "https://example.org/night-clinics", "公输大学学生团队（合成）", ("medical-institutions",),
     "按所在位置列出夜里有急诊的医院，标出步行与公交的时间。"),
    (53, "paper", "十五分钟生活圈里的养老床位", "https://example.org/papers/care-beds", "城市规划研究院（合成）", ("care-homes", "districts"),
     "用养老机构与区划数据，算出每个街道十五分钟步行可达的床位数。"),
    (59, "visualisation", "一条公交线路的一天", "https://example.org/bus-day", "一位市民（合成）", ("bus-ridership", "bus-stops"),
     "客流随时间变化的动画。"),
)  # fmt: skip
CHECKED = 2  # of them, the first were looked at when the demo opens
NEWS = (
    (46, "数据需求有了专门的入口", "要的数据还没有开放，现在可以在“问与答”里提需求：写明要什么、做什么用，别人可以支持，有数据的机构在 15 个工作日内答复。\n\n"
     "提的时候，页面会列出已经开放的相近数据。",
     "A door for data requests", "If the data you need is not open, you can now ask for it: say what and what for; others can support "
     "it, and the organisation that has the data answers within 15 working days.\n\nWhile you write, similar data that is open "
     "already is listed."),
    (56, "医疗机构名录更正了九家的坐标", "有读者报告几家医疗机构的坐标落在相邻的区。市卫生健康委核对后确认，九家迁址后没有改坐标，下一版更正。\n\n"
     "发现数据有错，在数据集页面点行号或“报告问题”。",
     "Nine coordinates of the medical institutions are corrected", "Readers reported that some institutions lie in the district next "
     "door. The Health Commission found nine that had moved; the next version has them right.\n\nIf you find an error, use the "
     "number of the row on a dataset's page, or \"Report a problem\"."),
)  # fmt: skip


def acts() -> Iterator[Act]:
    """What happens, day by day; each looks whether it was done."""
    for one in CASES:
        yield one.day, 9, partial(_ask, one)
        if one.where or one.dataset or one.about:
            yield one.day + 1, 10, partial(_accept, one)
        if one.shown:
            yield one.shown, 11, partial(_show, one)
        if one.answered:
            yield one.answered, 15, partial(_answer, one)
    for number, (day, *offered) in enumerate(REUSES):
        yield day, 13, partial(_offer, offered)
        if number < CHECKED:
            yield day + 1, 14, partial(_check, str(offered[1]))
    for day, title, text, title_en, text_en in NEWS:
        yield day, 16, partial(_publish, title, text, title_en, text_en)


def finished() -> bool:
    """Whether all of it happened already."""
    told = (Case.objects.count(), Reuse.objects.count(), News.objects.count())
    return told == (len(CASES), len(REUSES), len(NEWS))


def _ask(one: Told) -> None:
    if Case.objects.filter(kind=one.kind, title=one.title).exists():
        return
    asked = Asked(
        title=one.title,
        text=one.text,
        purpose=one.purpose,
        asker=one.asker,
        about=one.about,
        organisation=Organisation.objects.get(name=one.where) if one.where else None,
        dataset=Dataset.objects.get(name=one.dataset) if one.dataset else None,
    )
    cases.ask(one.kind, asked)


def _case(one: Told) -> Case:
    return Case.objects.select_related("organisation").get(kind=one.kind, title=one.title)


def _handler(row: Case) -> Person:
    if row.kind == Case.Kind.COMPLAINT:
        return Person.objects.get(username="regulator")
    if row.organisation is None:
        return Person.objects.get(username="operator")
    held = Person.objects.filter(memberships__role=Role.STEWARD, memberships__organisation=row.organisation)
    return held.order_by("pk")[0]


def _accept(one: Told) -> None:
    row = _case(one)
    if row.state == Case.State.RECEIVED and one.day < 57:  # the last ones are still to be accepted
        cases.accept(_handler(row), row)


def _show(one: Told) -> None:
    row = _case(one)
    if not row.shown:
        cases.show(_handler(row), row, True)
        row.refresh_from_db()
        if row.kind == Case.Kind.DEMAND:
            for number in range(one.supports):
                cases.support(row, visitor_of(None, f"demo-{number}"))


def _answer(one: Told) -> None:
    row = _case(one)
    if row.state in (Case.State.RECEIVED, Case.State.HANDLING):
        row = cases.answer(_handler(row), row, one.answer, outcome=one.outcome, meets=one.meets, shown=bool(one.shown))
        if one.satisfied:
            cases.judge(row, True)


def _offer(offered: Sequence[object]) -> None:
    kind, title, address, maker, datasets, text = offered
    if not Reuse.objects.filter(title=title).exists():
        assert isinstance(datasets, tuple)
        reuses.offer(reuses.Offered(str(kind), str(title), str(address), str(maker), datasets, str(text)))


def _check(title: str) -> None:
    row = Reuse.objects.get(title=title)
    if row.state == Reuse.State.WAITING:
        reuses.decide(Person.objects.get(username="operator"), row, shown=True)


def _publish(title: str, text: str, title_en: str, text_en: str) -> None:
    if not News.objects.filter(title=title).exists():
        news.publish(Person.objects.get(username="operator"), title, text, title_en, text_en)
