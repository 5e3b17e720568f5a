"""Whether people find what they look for: questions with known answers, asked in every way that people ask."""

from __future__ import annotations

import uuid

import opencc
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from gongshu.opening import search, synonyms
from gongshu.opening.models import Dataset, ExternalDataset, Version
from gongshu.opening.rows import limits
from gongshu.opening.search import documents
from gongshu.oversight.models import Event
from gongshu.parties.actions import save_organisation
from gongshu.parties.models import Organisation, Role
from gongshu.parties.permissions import Shell
from gongshu.tables.errors import TableError
from tests import people, seeding

# title, English title, keywords, columns, topic
CITY = [
    ("公输市医疗机构名录", "Medical institutions", ["医院", "诊所"], ["机构名称", "核定床位", "急诊"], "health"),
    ("公输市疫苗接种点", "Vaccination clinics", ["疫苗", "接种"], ["接种点", "可接种疫苗"], "health"),
    ("零售药店名录", "Pharmacies", ["药店", "医保"], ["药店名称", "营业时间"], "health"),
    ("门诊量月报", "Outpatient visits", ["门诊", "就诊"], ["月份", "就诊人次"], "health"),
    ("公交站点", "Bus stops", ["公交", "站牌"], ["站名", "线路"], "transport"),
    ("公交客流", "Bus ridership", ["刷卡", "客流"], ["小时", "上车人数"], "transport"),
    ("轨道交通首末班时刻", "First and last trains", ["地铁", "时刻表"], ["车站", "首班车", "末班车"], "transport"),
    ("公共停车场泊位", "Car parks", ["停车", "车位"], ["停车场", "泊位数", "收费标准"], "transport"),
    ("道路交通事故", "Road accidents", ["事故", "安全"], ["路段", "伤亡"], "transport"),
    ("新能源充电桩", "Charging stations", ["充电", "新能源汽车"], ["站点", "功率"], "transport"),
    ("企业登记信息", "Company register", ["企业", "工商"], ["统一社会信用代码", "法定代表人"], "market"),
    ("食品安全抽检结果", "Food inspections", ["食品", "抽检"], ["产品", "不合格项目"], "market"),
    ("行政处罚公示", "Penalties", ["处罚", "执法"], ["案由", "罚款金额"], "market"),
    ("特种设备电梯台账", "Lifts", ["电梯", "维保"], ["设备代码", "维保单位"], "market"),
    ("环境空气质量小时值", "Hourly air quality", ["空气", "PM2.5"], ["监测站", "臭氧"], "environment"),
    ("河道断面水质", "River sections", ["水质", "断面"], ["断面", "溶解氧"], "environment"),
    ("噪声自动监测", "Noise", ["噪声", "分贝"], ["昼间", "夜间"], "environment"),
    ("生活垃圾投放点", "Waste points", ["垃圾分类", "投放"], ["投放点", "开放时段"], "environment"),
    ("养老机构名册", "Care homes", ["养老", "床位"], ["机构", "护理费"], "social"),
    ("社区食堂", "Community canteens", ["助餐", "老年"], ["食堂", "座位"], "social"),
    ("职业培训补贴目录", "Training subsidies", ["培训", "补贴"], ["工种", "补贴标准"], "social"),
    ("最低生活保障人数", "Minimum allowance", ["低保", "救助"], ["街道", "人数"], "social"),
    ("博物馆与美术馆", "Museums", ["展览", "文物"], ["藏品数", "免费开放"], "culture"),
    ("旅游景区客流", "Visitors of sights", ["景区", "游客"], ["景区", "入园人数"], "culture"),
    ("公共图书馆分布", "Public libraries", ["图书馆", "阅览"], ["馆名", "藏书"], "culture"),
    ("非物质文化遗产名录", "Intangible heritage", ["非遗", "传承人"], ["项目", "级别"], "culture"),
    ("中小学校名单", "Schools", ["学校", "义务教育"], ["学校", "班级数"], "education"),
    ("幼儿园与托育机构", "Kindergartens", ["幼儿园", "托育"], ["园名", "托位"], "education"),
    ("科普场馆预约", "Science venues", ["科普", "预约"], ["场馆", "余票"], "education"),
    ("商品住宅成交均价", "House prices", ["房价", "成交"], ["板块", "均价"], "housing"),
    ("国有土地出让结果", "Land sales", ["土地", "出让"], ["地块", "楼面价"], "housing"),
    ("优秀历史建筑", "Historic buildings", ["历史建筑", "保护"], ["建筑", "年代"], "housing"),
    ("行政区划代码", "Divisions", ["区划", "街道"], ["代码", "名称"], "divisions"),
    ("标准地名", "Place names", ["地名", "门牌"], ["地名", "罗马字母拼写"], "divisions"),
    ("应急避难场所", "Shelters", ["避难", "应急"], ["场所", "可容纳人数"], "safety"),
    ("消防站点", "Fire stations", ["消防", "救援"], ["站名", "执勤车辆"], "safety"),
    ("规模以上工业用电量", "Industrial power", ["用电", "工业"], ["行业", "电量"], "economy"),
    ("进出口月度统计", "Trade", ["外贸", "海关"], ["国别", "金额"], "economy"),
    ("节假日安排", "Public holidays", ["放假", "调休"], ["日期", "是否上班"], "other"),
    ("公共厕所", "Public toilets", ["公厕", "无障碍"], ["地址", "第三卫生间"], "urban"),
]
# asked, title
SAID = [
    ("哪里有夜间急诊", "公输市医疗机构名录"), ("今年放假怎么安排", "节假日安排"), ("最近的地铁末班车几点", "轨道交通首末班时刻"),
    ("附近的卫生间", "公共厕所"), ("巴士在哪里停", "公交站点"), ("老人在哪里吃饭", "社区食堂"), ("哪个敬老院便宜", "养老机构名册"),
    ("空气好不好", "环境空气质量小时值"), ("河里的水干净吗", "河道断面水质"), ("哪些公司被罚款", "行政处罚公示"),
    ("电动汽车充电", "新能源充电桩"), ("打预防针", "公输市疫苗接种点"), ("小孩上幼托", "幼儿园与托育机构"), ("借书", "公共图书馆分布"),
    ("吃的东西抽检合格吗", "食品安全抽检结果"), ("垃圾扔到哪里", "生活垃圾投放点"), ("parking", "公共停车场泊位"), ("subway", "轨道交通首末班时刻"),
    ("museum", "博物馆与美术馆"), ("where is a toilet", "公共厕所"), ("air quality", "环境空气质量小时值"), ("Kindergartns", "幼儿园与托育机构"),
    ("Pharmacis", "零售药店名录"), ("PM2.5", "环境空气质量小时值"), ("统一社会信用代码", "企业登记信息"), ("溶解氧", "河道断面水质"), ("楼面价", "国有土地出让结果"),
    ("第三卫生间", "公共厕所"), ("意料机构", "公输市医疗机构名录"), ("听车场", "公共停车场泊位"), ("博物官", "博物馆与美术馆"), ("行政区画", "行政区划代码"),
    ("养老机够", "养老机构名册"), ("工交站点", "公交站点"), ("图书管", "公共图书馆分布"), ("药", "零售药店名录"), ("桩", "新能源充电桩"), ("梯", "特种设备电梯台账"),
]  # fmt: skip


@pytest.fixture
def city(db, settings):
    provider = seeding.organisation("health")
    names = {}
    for number, (title, title_en, keywords, columns, topic) in enumerate(CITY):
        dataset = Dataset.objects.create(
            name=f"set-{number}", title=title, title_en=title_en, keywords=keywords, topic=topic, provider=provider,
            licence="open-unconditional", update_frequency="monthly", level=1, open_type="unconditional",
        )  # fmt: skip
        dataset.current = Version.objects.create(
            dataset=dataset, number=1, rows=1, columns=[{"name": name, "storage_type": "string"} for name in columns], contract="", snapshot="",
            raw_snapshot="", job=uuid.uuid4(), serving="", published_at=timezone.now(),
        )  # fmt: skip
        dataset.save()
        names[title] = dataset.pk
    search.rebuild()
    return names


def questions() -> list[tuple[str, str]]:
    """A hundred and more: titles, traditional characters, pinyin, first letters, English, keywords that name one, sentences, slips."""
    traditional = opencc.OpenCC("s2t")
    from gongshu.opening import sounds

    asked = list(SAID)
    for title, title_en, keywords, _columns, _topic in CITY:
        asked += [(title[:4], title), (traditional.convert(title), title), (title_en.lower(), title)]
        asked.append((sounds.spoken(title), title))
        asked += [(keywords[0], title)] if sum(keywords[0] in one[2] or keywords[0] in one[0] for one in CITY) == 1 else []  # fmt: skip
    asked += [("tcc", "公共停车场泊位"), ("xzqh", "行政区划代码"), ("bwg", "博物馆与美术馆"), ("cdz", "新能源充电桩"), ("jjr", "节假日安排"), ("ditie", "轨道交通首末班时刻"), ("yiyuan", "公输市医疗机构名录"), ("ting che", "公共停车场泊位")]  # fmt: skip
    return asked


def find(question: str, **filters: str) -> list[int]:
    return [one.pk for one in search.ask(search.Wanted(question, filters, limit=10)).items]


def test_people_find_what_they_look_for(city):
    """Mean reciprocal rank among the first ten answers, over more than a hundred questions."""
    asked, score, missed = questions(), 0.0, []
    for question, title in asked:
        found = find(question)
        place = found.index(city[title]) + 1 if city[title] in found else 0
        score += 1 / place if place else 0
        if place != 1:
            missed.append((question, title, place))
    assert len(asked) >= 100
    assert score / len(asked) >= 0.9, (score / len(asked), missed)


def test_what_was_meant_is_said(client, city):
    html = client.get("/datasets", {"q": "意料机构"}).content.decode()
    assert "没有“意料机构”" in html and "医疗" in html and "<mark>" in html
    assert "没有“" not in client.get("/datasets", {"q": "公交站点"}).content.decode()
    assert find("完全没有的东西xyz") == []
    assert find("hosptial") == find("hospital") != []  # which only means the same as a word of a dataset


@pytest.mark.parametrize(("typed", "title"), [("停车", "公共停车场泊位"), ("gongj", "公交站点"), ("bus st", "公交站点"), ("機構", "公输市医疗机构名录")])  # fmt: skip
def test_titles_are_proposed_while_typing(client, city, typed, title):
    found = client.get("/suggest", {"q": typed}).json()["suggestions"]
    assert title in [one["title"] for one in found] and len(found) <= 8


def test_nothing_typed_proposes_nothing_and_marks_are_escaped(client, city):
    assert client.get("/suggest").json() == {"suggestions": []}
    html = client.get("/datasets", {"q": "<b>公交"}).content.decode()
    assert "<b>公交" not in html and "<mark>公交</mark>" in html


def test_a_broken_index_is_made_anew(city, settings):
    (meta,) = (settings.DATA / "index").glob("*/meta.json")
    meta.write_text("{", encoding="utf-8")
    assert find("停车场") == [city["公共停车场泊位"]]
    meta.write_text("{", encoding="utf-8")
    assert search.index_pending() == len(CITY) and search.index_pending() == 0


def test_an_index_of_an_older_shape_is_made_anew(city, monkeypatch):
    monkeypatch.setattr(documents, "SHAPE", 99)
    assert search.index_pending() == len(CITY)
    assert find("停车场")


def test_the_operator_says_what_means_the_same_and_questions_heed_it_at_once(client, city):
    operator = people.person("op", Role.OPERATOR, people.organisation())
    assert find("充气泵") == []
    row = synonyms.save_synonyms(operator, ["充气泵", "充电桩"])
    assert find("充气泵") == [city["新能源充电桩"]]
    assert Event.objects.filter(action="synonyms.save", actor="op").exists()
    assert city["零售药店名录"] in find("pharmacy")
    synonyms.save_synonyms(operator, [], rulebook_key="地铁")  # metro, subway: switched off
    assert "轨道交通首末班时刻" not in [Dataset.objects.get(pk=pk).title for pk in find("metro")]
    synonyms.remove_synonyms(operator, row.pk)
    assert find("充气泵") == []
    with pytest.raises(PermissionDenied):
        synonyms.save_synonyms(people.person("st", Role.STEWARD, people.organisation()), ["甲", "乙"])
    for wrong in ({"words": ["甲"]}, {"words": ["甲", "，。"]}, {"words": ["甲", "乙"], "rulebook_key": "没有"}, {"words": ["甲", "乙"], "group": 99}):  # fmt: skip
        with pytest.raises(TableError):
            synonyms.save_synonyms(operator, **wrong)
    client.force_login(operator)
    assert client.post("/synonyms", {"words": "充气泵，充电桩"}).status_code == 302
    html = client.get("/synonyms").content.decode()
    assert "充气泵" in html and "已停用" in html
    assert client.post("/synonyms", {"words": "一"}).status_code == 400
    assert find("充气泵") == [city["新能源充电桩"]]


def test_facets_count_with_the_other_filters_and_chips_take_them_off(client, city):
    html = client.get("/datasets", {"topic": "health", "format": "csv", "q": ""}).content.decode()
    assert "4 个数据集" in html and html.count('<li><a class="btn sm quiet"') == 3
    found = search.ask(search.Wanted("", {"topic": "health"}, facets=("topic", "freshness", "quality", "district")))
    assert found.count == 4 and found.facets["topic"]["transport"] == 6 and found.facets["freshness"] == {"on_time": 4}
    assert found.facets["quality"] == {"none": 4} and found.facets["district"] == {}
    assert search.ask(search.Wanted(filters={"freshness": "late"})).count == 0
    assert "去掉一些筛选" in client.get("/datasets", {"quality": "95"}).content.decode()


def test_a_renamed_organisation_is_found_by_its_new_name(city):
    body = Organisation.objects.get(code="health")
    body.name = "榫卯署"
    save_organisation(Shell("test"), body)
    assert search.index_pending() == len(CITY)
    assert search.ask(search.Wanted("榫卯署")).count == len(CITY)


def test_a_district_counts_its_own_and_its_bodies(client, city):
    district = Organisation.objects.create(code="lu-ban", name="鲁班区", kind="district")
    Organisation.objects.filter(code="health").update(parent=district)
    found = search.ask(search.Wanted(facets=("district",)))
    assert found.facets["district"] == {"lu-ban": len(CITY)}
    html = client.get("/districts/lu-ban").content.decode()
    assert f"{len(CITY)} 个数据集" in html and "市卫生健康委" in html
    assert "鲁班区" in client.get("/districts").content.decode()
    assert "/districts/lu-ban" in client.get("/organisations/health").content.decode()
    assert client.get("/districts/health").status_code == 404


def test_datasets_of_other_portals_are_found_beside_ours_and_marked(client, city):
    row = ExternalDataset.objects.create(
        source="neighbour", portal="邻市开放平台", portal_url="https://data.example", remote_id="1", name="neighbour--1",
        title="邻市公交站点", distributions=[{"title": "a", "format": "CSV", "media_type": "", "url": "https://data.example/a", "size": None}],
    )  # fmt: skip
    assert search.index_pending() == 1 and search.index_pending() == 0
    html = client.get("/datasets", {"q": "公交站点"}).content.decode()
    assert "来自邻市开放平台" in html and row.get_absolute_url() in html
    assert "公交站点" in client.get("/datasets", {"source": "own", "q": "公交站点"}).content.decode()
    found = search.ask(search.Wanted("公交站点", facets=("source",)))
    assert found.facets["source"]["neighbour"] == 1 and found.datasets[0].pk == city["公交站点"]
    assert client.get("/api/v1/datasets", {"q": "邻市公交站点"}).json()["items"][0]["title"] == "公交站点"
    row.state, row.changed_at = ExternalDataset.State.GONE, timezone.now()
    row.save()
    assert search.index_pending() == 1
    assert search.ask(search.Wanted("邻市")).count == 0


def test_what_may_not_be_seen_is_not_shown_though_the_index_lags(client, city):
    Dataset.objects.filter(title="公交站点").update(stopped_at=timezone.now())
    assert city["公交站点"] not in find("公交站点")
    assert client.get("/suggest", {"q": "公交站"}).json() == {"suggestions": []}


def test_the_search_box_is_asked_so_often_and_not_more(client, city, monkeypatch):
    gate = limits.Gate(0.1, 0.1)
    monkeypatch.setattr(limits, "gate", lambda: gate)
    assert [client.get("/suggest", {"q": "公"}).status_code for _turn in range(3)] == [200, 200, 429]
    answer = client.get("/api/3/action/package_search")
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
