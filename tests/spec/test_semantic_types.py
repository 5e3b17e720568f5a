"""What a column is: found from its values first, its name second (clause D1 of the map; GB 11643, GB 32100, ISO/IEC 7812-1)."""

from __future__ import annotations

import random

import pytest
from stdnum import luhn
from stdnum.cn import ric, uscc

from gongshu.tables.semantic.evidence import gather
from gongshu.tables.semantic.hints import hints_of
from gongshu.tables.semantic.patterns import luhn_valid, resident_18_valid, uscc_valid
from gongshu.tables.semantic.recognition import judge, recognise
from tests.staging import stage

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def resident(r: random.Random) -> str:
    """A valid, invented resident ID: 公输市 has no division code, 110105 stands in."""
    body = f"110105{r.randint(1940, 2005)}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{r.randint(0, 999):03d}"
    return body + ric.calc_check_digit(body + "0")


def credit(r: random.Random) -> str:
    body = "91310115" + "".join(r.choices(ALPHABET, k=9))
    return body + uscc.calc_check_digit(body)


def card(r: random.Random) -> str:
    body = "622202" + f"{r.randint(0, 10**12 - 1):012d}"
    return body + luhn.calc_check_digit(body)


def spaced(number: str) -> str:
    return " ".join(number[n : n + 4] for n in range(0, len(number), 4))


def name(r: random.Random) -> str:
    return r.choice("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗") + "".join(
        r.choices("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英", k=r.randint(1, 2))
    )


def mobile(r: random.Random) -> str:
    return r.choice(["138", "139", "150", "186", "199", "177"]) + f"{r.randint(0, 10**8 - 1):08d}"


def home(r: random.Random) -> str:
    return f"公输市南山区{r.choice('长青和平')}{r.choice('安宁')}路{r.randint(1, 999)}弄{r.randint(1, 60)}号{r.randint(101, 2604)}室"


def address(r: random.Random) -> str:
    return f"公输市南山区{r.choice('长青和平')}{r.choice('安宁')}路{r.randint(1, 999)}号"


def company(r: random.Random) -> str:
    return f"公输市{r.choice('华申东新')}{r.choice('盛泰恒永')}{r.choice(['科技', '贸易', '物流'])}有限公司"


def day(r: random.Random, first: int, last: int) -> str:
    return f"{r.randint(first, last)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}"


CASES = [
    ("证件号码", resident, "resident_id"),
    ("sfzh", lambda r: resident(r).lower(), "resident_id"),
    ("F12", resident, "resident_id"),
    ("全角", lambda r: "".join(chr(ord(char) + 0xFEE0) for char in resident(r)), "resident_id"),
    ("证件（脱敏）", lambda r: resident(r)[:6] + "********" + resident(r)[-4:], "resident_id_masked"),
    ("统一社会信用代码", credit, "credit_code"),
    ("字段一", lambda r: credit(r).lower(), "credit_code"),
    ("银行卡号", card, "bank_card"),
    ("col", lambda r: spaced(card(r)), "bank_card"),
    ("XM", name, "person_name"),
    ("人员", name, "person_name"),
    ("手机", mobile, "mobile"),
    ("lxfs", lambda r: "+86" + mobile(r), "mobile"),
    ("固定电话", lambda r: f"021-{r.randint(2, 9)}{r.randint(0, 10**7 - 1):07d}", "landline"),
    ("电话", lambda r: f"{r.randint(2, 9)}{r.randint(0, 10**7 - 1):07d}", "landline"),
    ("家庭住址", home, "home_address"),
    ("门店地址", home, "address"),
    ("地址", address, "address"),
    ("单位名称", company, "organisation_name"),
    ("hphm", lambda r: "沪A" + "".join(r.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=r.choice([5, 6]))), "plate"),
    ("邮箱", lambda r: f"user{r.randint(1, 9999)}@example.cn", "email"),
    ("csrq", lambda r: day(r, 1940, 2010), "birth_date"),
    ("更新日期", lambda r: day(r, 2018, 2025), "date"),
    ("受理时间", lambda r: day(r, 2018, 2025) + f" {r.randint(0, 23):02d}:{r.randint(0, 59):02d}:00", "datetime"),
    ("区划代码", lambda r: r.choice(["310101", "310104", "330106", "110105"]), "division_code"),
    ("所在区", lambda r: r.choice(["南山区", "北海区", "东湖区", "西河县"]), "division_name"),
    ("经度", lambda r: f"{r.uniform(121, 122):.6f}", "longitude"),
    ("lat", lambda r: f"{r.uniform(30.7, 31.5):.6f}", "latitude"),
    ("邮编", lambda r: f"2{r.randint(0, 99999):05d}", "postcode"),
    ("性别", lambda r: r.choice("男女"), "sex"),
    ("xb", lambda r: r.choice("12"), "sex"),
    ("民族", lambda r: r.choice(["汉", "汉族", "回族", "01", "满"]), "ethnicity"),
    ("注册资本（万元）", lambda r: f"{r.lognormvariate(5, 1):.2f}", "amount"),
    ("护照号", lambda r: f"E{r.randint(10**7, 10**8 - 1)}", "passport"),
    ("往来港澳通行证", lambda r: f"C{r.randint(10**7, 10**8 - 1)}", "hk_macau_permit"),
    ("病案号", lambda r: f"ZY{r.randint(10**7, 10**8 - 1)}", "medical_record_no"),
    (
        "出院诊断",
        lambda r: r.choice(["原发性高血压", "2型糖尿病", "肺炎", "J18.9", "胆囊结石", "上呼吸道感染"]),
        "diagnosis",
    ),
    ("登录地址", lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)), "ip"),
    ("设备", lambda r: ":".join(f"{r.randint(0, 255):02X}" for _ in range(6)), "mac"),
    ("IMEI", lambda r: (body := f"35{r.randint(0, 10**12 - 1):012d}") + luhn.calc_check_digit(body), "imei"),
    ("时间戳", lambda r: str(r.randint(1600000000, 1700000000)), "datetime"),
    ("诉求", lambda r: f"{name(r)}来电反映噪声扰民，请回电{mobile(r)}，谢谢", "free_text_personal"),
]

DECOYS = [
    ("ICCID", lambda r: (body := f"898600{r.randint(0, 10**12 - 1):012d}") + luhn.calc_check_digit(body)),
    (
        "药品",
        lambda r: r.choice(
            ["阿莫西林胶囊", "布洛芬缓释片", "感冒灵颗粒", "板蓝根颗粒", "维生素C片", "葡萄糖注射液", "甘草片"]
        ),
    ),
    ("科室", lambda r: r.choice(["内科", "外科", "儿科", "肿瘤科", "急诊科", "眼科"])),
    ("颜色", lambda r: r.choice(["白", "黑", "蓝", "黄", "水绿"])),
    ("地铁", lambda r: f"地铁{r.randint(1, 18)}号线"),
    ("订单编号", lambda r: f"{r.randint(10**17, 10**18 - 1)}"),
    ("流水号", lambda r: f"6{r.randint(10**17, 10**18 - 1)}"),
    ("设备序列号", lambda r: f"1{r.randint(3, 9)}{r.randint(10**8, 10**9 - 1)}"),
    ("编码", lambda r: f"1{r.randint(0, 10**10 - 1):010d}"),
    ("会员号", lambda r: f"622202{r.randint(0, 10**13 - 1):013d}"),
    ("产品编号", lambda r: f"E{r.randint(10**7, 10**8 - 1)}"),
    ("站名", lambda r: r.choice("莲康江周金石高") + r.choice("溪桥浦") + r.choice(["路", "站", "街", "桥"])),
    (
        "产品",
        lambda r: r.choice(["白菜", "黄瓜", "金桔", "水稻", "石榴", "雪梨", "毛豆", "云耳", "花生", "安培", "温度"]),
    ),
    ("等级", lambda r: r.choice(["高级", "中级", "方案", "常规", "严重", "安全"])),
    ("数量", lambda r: str(r.randint(1, 9))),
    ("是否", lambda r: r.choice("tf")),
    ("温度", lambda r: f"{r.uniform(5, 38):.1f}"),
    ("版本", lambda r: f"{r.randint(1, 3)}.{r.randint(0, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}"),
    ("随机数", lambda r: f"{r.randint(100000, 999999)}"),
]


@pytest.fixture(scope="module")
def answers(engine, tmp_path_factory):
    """Each column judged alone, all counted in one query."""
    columns = {}
    for header, make, *_ in (*CASES, *DECOYS):
        r = random.Random(header)
        columns[header] = [make(r) if n % 23 else "" for n in range(200)]
    evidence = dict(gather(engine, stage(engine, tmp_path_factory.mktemp("columns"), columns), 200))
    return {header: judge(evidence[header]) for header in columns}


@pytest.mark.parametrize(("header", "make", "code"), CASES, ids=[f"{header}-{code}" for header, _, code in CASES])
def test_a_column_is_recognised(answers, header, make, code):
    answer = answers[header]
    assert answer.code == code
    assert answer.probability >= 0.5
    assert answer.evidence


@pytest.mark.parametrize(("header", "make"), DECOYS, ids=[header for header, _ in DECOYS])
def test_what_only_looks_like_it_is_refused(answers, header, make):
    assert answers[header].code is None, answers[header]


def test_some_wrong_values_do_not_hide_the_type_and_are_counted(engine, tmp_path):
    r = random.Random(1)
    values = [resident(r) if n % 10 else "11010519491231002" + "7" for n in range(200)]
    answer = recognise(engine, stage(engine, tmp_path, {"证件号": values}), 200)[0]["证件号"]
    assert (answer.code, answer.evidence[0]) == ("resident_id", "校验位通过 180 / 200")


def test_a_column_of_two_kinds_of_phones_asks_a_person(engine, tmp_path):
    r = random.Random(2)
    values = [mobile(r) if n % 3 else f"021-{r.randint(2, 9)}{r.randint(0, 10**7 - 1):07d}" for n in range(200)]
    answer = recognise(engine, stage(engine, tmp_path, {"联系电话": values}), 200)[0]["联系电话"]
    assert answer.code == "mobile"
    assert answer.ask
    assert "固定电话" in answer.evidence[0]


def test_dwellings_in_a_register_of_firms_are_addresses_of_firms(engine, tmp_path):
    r = random.Random(3)
    columns = {"名称": [company(r) for _ in range(100)], "dz": [home(r) for _ in range(100)]}
    assert recognise(engine, stage(engine, tmp_path, columns), 100)[0]["dz"].code == "address"


def test_headers_of_coordinates_that_changed_places_are_seen_by_their_values(engine, tmp_path):
    r = random.Random(4)
    columns = {
        "经度": [f"{r.uniform(30, 31):.6f}" for _ in range(100)],
        "纬度": [f"{r.uniform(121, 122):.6f}" for _ in range(100)],
    }
    answers = recognise(engine, stage(engine, tmp_path, columns), 100)[0]
    assert (answers["经度"].code, answers["纬度"].code) == ("latitude", "longitude")
    assert answers["纬度"].ask


def test_check_digits_agree_with_another_implementation(engine, tmp_path):
    r = random.Random(5)
    ids = [resident(r) for _ in range(300)]
    ids += [value[:-1] + r.choice("0123456789X") for value in ids]
    codes = [credit(r) for _ in range(300)]
    codes += [value[:-1] + r.choice(ALPHABET) for value in codes]
    cards = [card(r) for _ in range(300)]
    cards += [value[:-1] + r.choice("0123456789") for value in cards]
    table = stage(engine, tmp_path, {"id": ids, "code": codes, "card": cards})
    rows = engine.to_pyarrow(
        table.order_by("_row").select(
            id=resident_18_valid(table.id), code=uscc_valid(table.code), card=luhn_valid(table.card)
        )
    ).to_pydict()
    assert rows["id"] == [value[-1] == ric.calc_check_digit(value) for value in ids]
    assert rows["code"] == [value[-1] == uscc.calc_check_digit(value[:-1]) for value in codes]
    assert rows["card"] == [luhn.is_valid(value) for value in cards]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("SFZH", "resident_id"),
        ("hz_sjhm", "mobile"),
        ("ryxm", "person_name"),
        ("userPhone", "mobile"),
        ("TYSHXYDM", "credit_code"),
        ("id_card_no", "resident_id"),
    ],
)
def test_a_name_speaks_for_a_type(header, code):
    assert code in hints_of(header).types


def test_an_empty_table_has_no_types(engine, tmp_path):
    table = stage(engine, tmp_path, {"a": ["", ""]})
    answer = recognise(engine, table, 2)[0]["a"]
    assert (answer.code, answer.ask) == (None, False)
