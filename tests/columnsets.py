"""Column sets with known answers, made by a generator of its own: every semantic type, look-alikes that are none, and dirt.

Nothing here is taken from the recognisers: check digits come from python-stdnum or are written out again, names and words are
this file's. ``column_set(seed)`` gives columns with a header (Chinese, pinyin initials, English or meaningless), values with
missing, masked, full-width, spaced and wrong ones, and the code that a data steward would give.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass

from stdnum import luhn
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_10, mod_37_36

R = random.Random
Make = Callable[[R], str]
DIVISIONS = "310101 310104 310115 110105 330106 320583 440305 510107 610113 420106 350203 230103 650102 540102 500112 810000".split()
DISTRICTS = "黄浦区 徐汇区 长宁区 静安区 普陀区 虹口区 杨浦区 闵行区 宝山区 嘉定区 浦东新区 金山区 松江区 青浦区 奉贤区 崇明区 朝阳区 西湖区 昆山市 武侯区".split()
TOWNS = "豫园街道 外滩街道 徐泾镇 朱家角镇 南桥镇 新场镇 庙行镇 江桥镇 石湖荡镇 天平路街道 马桥镇 华漕镇 三林镇 绿华镇 向化镇 罗店镇".split()
SURNAMES = (
    "王" * 8
    + "李" * 8
    + "张" * 7
    + "刘" * 6
    + "陈" * 5
    + "杨" * 4
    + "赵" * 3
    + "黄" * 3
    + "周" * 3
    + "吴" * 3
    + "徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂建国华文红玉梅雪梓涵轩宇浩然欣怡佳子晨思雨晓东志鹏俊峰海燕春花国庆建军德福永贵淑珍凤婷"
MINORITY = "阿依古丽·买买提 古丽娜尔·艾合买提 买买提·吐尔逊 热依汗·阿不都 扎西·次仁 努尔兰·别克 阿卜杜拉·艾力".split()
ALNUM31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"
FULL = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ"
)


def digits(r: R, count: int) -> str:
    return "".join(r.choices("0123456789", k=count))


def day(r: R, first: int, last: int) -> dt.date:
    return dt.date(first, 1, 1) + dt.timedelta(days=r.randrange((last - first + 1) * 365))


def resident(r: R) -> str:
    body = f"{r.choice(DIVISIONS)}{day(r, 1935, 2015):%Y%m%d}{digits(r, 3)}"
    return body + ric.calc_check_digit(body + "0")


def resident_15(r: R) -> str:
    return f"{r.choice(DIVISIONS[:-1])}{day(r, 1935, 1985):%y%m%d}{digits(r, 3)}"


def credit(r: R) -> str:
    body = r.choice(["91", "92", "52", "11", "12", "93"]) + r.choice(DIVISIONS[:-1]) + "".join(r.choices(ALNUM31, k=9))
    return body + uscc.calc_check_digit(body)


def organisation_code(r: R) -> str:
    body = "".join(r.choices("0123456789" * 3 + "ABCDEFGHJKLMNPQRTUWXY", k=8))
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    check = (
        11 - sum("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(c) * w for c, w in zip(body, weights, strict=True)) % 11
    ) % 11
    return f"{body}{r.choice(['-', '-', ''])}{'X' if check == 10 else check}"


def card(r: R) -> str:
    prefix = r.choice(
        ["622202", "621700", "622848", "623058", "622588", "625965", "436742", "524094", "621226", "356827"]
    )
    body = prefix + digits(r, r.choice([9, 12, 12, 12]))
    return body + luhn.calc_check_digit(body)


def mobile(r: R) -> str:
    return r.choice(
        "130 131 132 133 135 136 137 138 139 147 150 151 152 153 155 156 157 158 159 166 170 173 175 176 177 178 180 181 182 183 185 186 187 188 189 191 193 195 198 199".split()
    ) + digits(r, 8)


def landline(r: R) -> str:
    area = r.choice(["021", "010", "0512", "0755", "0571", "029", "0991"])
    return (
        area
        + r.choice(["-", "-", "", " "])
        + r.choice("2345678")
        + digits(r, 7 if len(area) == 3 else 6 + r.randint(0, 1))
    )


def name(r: R) -> str:
    if r.random() < 0.03:
        return r.choice(MINORITY)
    if r.random() < 0.02:
        return r.choice(["欧阳", "司马", "上官", "诸葛", "皇甫", "尉迟"]) + r.choice(GIVEN)
    return r.choice(SURNAMES) + "".join(r.choices(GIVEN, k=r.choice([1, 2, 2, 2])))


def road(r: R) -> str:
    return (
        r.choice("长新中华南东西平安宁泰兴文景淮海龙康金银")
        + r.choice("阳江宁安山川乐丰明华德和")
        + r.choice(["路", "街", "大道", "东路", "南路", "西路", "支路"])
    )


def address(r: R) -> str:
    where = r.choice(
        [
            "",
            f"上海市{r.choice(DISTRICTS[:16])}",
            f"{r.choice(DISTRICTS)}",
            f"上海市{r.choice(DISTRICTS[:16])}{r.choice(TOWNS)}",
        ]
    )
    return f"{where}{road(r)}{r.randint(1, 2999)}{r.choice(['号', '号', '弄' + str(r.randint(1, 40)) + '号'])}"


def home(r: R) -> str:
    return f"{address(r).removesuffix('号')}号{r.choice(['', str(r.randint(1, 6)) + '单元'])}{r.randint(1, 33)}0{r.randint(1, 6)}{r.choice(['室', '室', '', '户'])}"


def company(r: R) -> str:
    place = r.choice(["上海", "上海市", "北京", "浙江", "深圳市", "苏州", ""])
    return f"{place}{r.choice('华申东新瑞信汇联创智')}{r.choice('盛泰恒永达腾科源')}{r.choice(['科技', '贸易', '物流', '餐饮管理', '建筑工程', '医疗器械', '信息技术', '文化传播'])}{r.choice(['有限公司', '有限公司', '股份有限公司', '（集团）有限公司', '有限责任公司', '有限公司分公司'])}"


def school(r: R) -> str:
    return f"{r.choice(['上海市', '上海', '浦东新区', '徐汇区'])}{r.choice('向明格致建平位育延安')}{r.choice(['第一', '第二', '实验', ''])}{r.choice(['中学', '小学', '幼儿园', '医院', '社区卫生服务中心', '养老院'])}"


def plate(r: R) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    head = r.choice("沪沪沪京浙苏粤川陕新") + r.choice(letters)
    if r.random() < 0.3:
        return head + r.choice("DF") + r.choice(letters + "0123456789") + digits(r, 4)
    return head + r.choice(["", "", "·"]) + "".join(r.choices(letters + "0123456789" * 4, k=5))


def vin(r: R) -> str:
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
    values = {c: int(c) for c in "0123456789"} | dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    chars = list("L" + "".join(r.choices(letters, k=16)))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    check = sum(values[c] * w for c, w in zip(chars, weights, strict=True)) % 11
    chars[8] = "X" if check == 10 else str(check)
    return "".join(chars)


def imei(r: R) -> str:
    body = r.choice(["35", "86", "01"]) + digits(r, 12)
    return body + luhn.calc_check_digit(body)


def registration_no(r: R) -> str:
    body = r.choice(DIVISIONS[:-1]) + digits(r, 8)
    return body + mod_11_10.calc_check_digit(body)


def e_licence(r: R) -> str:
    parts = ["11100000000013338W" + digits(r, 3), credit(r), f"{r.randint(2018, 2025)}{digits(r, 8)}", "001"]
    return "1.2.156.3005.2." + ".".join(parts) + "." + mod_37_36.calc_check_digit("".join(parts))


def case_number(r: R) -> str:
    place = r.choice(["沪0115", "沪0104", "沪01", "京0105", "浙0106", "最高法", "粤03"])
    year = r.choice(["（{}）", "({})"]).format(r.randint(2005, 2025))
    return f"{year}{place}{r.choice(['民初', '刑初', '行终', '执', '民终', '破', '执恢'])}{r.randint(1, 29999)}号"


def parcel(r: R) -> str:
    return f"{r.choice(DIVISIONS[:-1])}{digits(r, 6)}{r.choice(['GB', 'JA', 'JC', 'GE', 'ZB'])}{digits(r, 5)}"


def complaint(r: R) -> str:
    if r.random() < 0.5:
        return r.choice(
            [
                "小区垃圾清运不及时，请核实处理",
                "路灯不亮影响出行，希望尽快维修",
                "咨询居住证办理所需材料和流程",
                "楼上漏水多次沟通没有结果",
            ]
        )
    return r.choice(
        [
            f"{name(r)}来电反映{road(r)}噪声扰民，联系电话{mobile(r)}",
            f"当事人{name(r)}（身份证{resident(r)}）申请退款",
            f"请回电{landline(r)}说明情况",
        ]
    )


def company_short(r: R) -> str:
    return r.choice("华申东新瑞信汇联创智") + r.choice("盛泰恒永达腾科源") + r.choice(["科技", "贸易", "物流"])


DISEASES = "原发性高血压 2型糖尿病 肺结节 急性上呼吸道感染 慢性乙型病毒性肝炎 抑郁发作 胆囊结石 腰椎间盘突出 慢性胃炎 冠状动脉粥样硬化性心脏病 白内障 脑梗死 肺炎 支气管哮喘 甲状腺结节 慢性肾功能不全".split()
ETHNIC = "汉族 汉族 汉族 汉族 回族 满族 蒙古族 维吾尔族 藏族 壮族 苗族 土家族 彝族 朝鲜族".split()


def lonely(values: str) -> Make:
    words = values.split()
    return lambda r: r.choice(words)


@dataclass(frozen=True)
class Kind:
    """``code``: the answer; ``headers``: Chinese, pinyin, English; ``bare``: it can be told without a header; ``dirt``: what soils it."""

    code: str | None
    make: Make
    headers: tuple[str, ...]
    bare: bool = True
    identity: bool = False


KINDS = [
    Kind("resident_id", resident, ("身份证号", "公民身份号码", "sfzh", "id_card", "证件号码", "SFZHM"), identity=True),
    Kind(
        "resident_id",
        lambda r: resident_15(r) if r.random() < 0.3 else resident(r),
        ("证件号码", "sfzhm", "idno"),
        identity=True,
    ),
    Kind(
        "resident_id_masked",
        lambda r: (n := resident(r))[:6] + "********" + n[-4:],
        ("身份证号", "证件号（脱敏）", "sfz"),
        True,
    ),
    Kind("credit_code", credit, ("统一社会信用代码", "tyshxydm", "uscc", "信用代码", "credit_code"), identity=True),
    Kind("bank_card", card, ("银行卡号", "yhkh", "bank_account", "收款账号", "card_no", "工资卡号"), identity=True),
    Kind("mobile", mobile, ("手机号码", "sjhm", "mobile", "联系电话", "lxdh", "phone"), identity=True),
    Kind("mobile", lambda r: "+86" + r.choice(["", " "]) + mobile(r), ("手机", "lxfs", "cellphone"), identity=True),
    Kind("person_name", name, ("姓名", "xm", "法定代表人", "full_name", "联系人", "fzr", "申请人姓名"), identity=True),
    Kind("person_name", lambda r: (n := name(r))[0] + "*" * (len(n) - 1), ("姓名", "xm", "患者姓名")),
    Kind("landline", landline, ("固定电话", "办公电话", "gddh", "传真", "telephone")),
    Kind(
        "email",
        lambda r: (
            f"{r.choice(['zh', 'li', 'wang.', 'a_'])}{digits(r, 5)}@{r.choice(['qq.com', '163.com', 'mail.example.cn'])}"
        ),
        ("电子邮箱", "email", "dzyx"),
    ),
    Kind("plate", plate, ("车牌号", "cphm", "plate_no", "号牌号码", "hphm")),
    Kind("vin", vin, ("车架号", "车辆识别代号", "vin", "cjh")),
    Kind("passport", lambda r: r.choice("EEEGD") + digits(r, 8), ("护照号", "passport", "护照号码", "hzhm"), False),
    Kind(
        "hk_macau_permit",
        lambda r: r.choice(["C", "C", "H", "M"]) + digits(r, 8),
        ("港澳通行证", "往来港澳通行证号", "gatxzh"),
        False,
    ),
    Kind(
        "taiwan_permit",
        lambda r: r.choice([f"T{digits(r, 8)}", digits(r, 8)]),
        ("台胞证号", "台湾居民来往大陆通行证", "tbzh"),
        False,
    ),
    Kind(
        "foreigner_permit",
        lambda r: r.choice(["USA", "JPN", "KOR", "FRA"]) + digits(r, 12),
        ("外国人永久居留证号", "永久居留身份证"),
        False,
    ),
    Kind(
        "officer_id",
        lambda r: f"{r.choice(['军', '南', '空', '海', '政', '武', '参'])}字第{digits(r, 7)}号",
        ("军官证号", "jgzh", "军人证件"),
        True,
    ),
    Kind(
        "driving_licence",
        lambda r: "3100" + digits(r, 8),
        ("驾驶证档案编号", "驾驶证号", "jszh", "driving_licence"),
        False,
    ),
    Kind(
        "social_security_no",
        lambda r: r.choice([f"A{digits(r, 8)}", digits(r, 10)]),
        ("社保卡号", "社会保障号", "shbzh", "个人社保编号"),
        False,
    ),
    Kind("medical_insurance_no", lambda r: "31" + digits(r, 9), ("医保卡号", "医保号", "ybkh", "医疗保险号"), False),
    Kind("sex", lonely("男 女"), ("性别", "xb", "sex", "gender")),
    Kind("sex", lonely("1 2 1 2 9"), ("性别", "xbdm", "性别代码"), False),
    Kind("ethnicity", lonely(" ".join(ETHNIC)), ("民族", "mz", "ethnicity")),
    Kind("ethnicity", lonely("01 01 01 03 11 05 04 02"), ("民族", "mzdm", "民族代码"), False),
    Kind("birth_date", lambda r: f"{day(r, 1935, 2015)}", ("出生日期", "csrq", "birthday", "出生年月日"), False),
    Kind("birth_date", lambda r: f"{day(r, 1935, 2015):%Y%m%d}", ("出生日期", "CSRQ", "dob"), False),
    Kind("age", lambda r: str(r.randint(1, 96)), ("年龄", "nl", "age", "周岁"), False),
    Kind(
        "nationality",
        lonely("中国 美国 日本 法国 德国 韩国 英国 加拿大 中国 中国 中国"),
        ("国籍", "gj", "nationality", "国别"),
        True,
    ),
    Kind("nationality", lonely("CN US JP FR CN CN GB"), ("国籍代码", "nationality", "country_code"), False),
    Kind("marital_status", lonely("未婚 已婚 离异 丧偶 已婚"), ("婚姻状况", "hyzk", "marital_status")),
    Kind("marital_status", lonely("10 20 21 40 30 90"), ("婚姻状况", "hyzkdm", "婚姻"), False),
    Kind(
        "education", lonely("本科 大专 硕士研究生 高中 初中 小学 中专 博士"), ("学历", "文化程度", "whcd", "education")
    ),
    Kind(
        "political_status",
        lonely("群众 中共党员 共青团员 群众 民革党员 无党派人士"),
        ("政治面貌", "zzmm", "political_status"),
    ),
    Kind("religion", lonely("无 佛教 道教 基督教 伊斯兰教 天主教 无"), ("宗教信仰", "zjxy", "religion"), False),
    Kind("blood_type", lonely("A B O AB A O"), ("血型", "blood_type", "xuexing血型"), False),
    Kind(
        "occupation",
        lonely("教师 医生 工人 农民 公务员 个体经营者 软件工程师 司机 退休"),
        ("职业", "occupation", "从事职业"),
        False,
    ),
    Kind(
        "medical_record_no",
        lambda r: r.choice(["ZY", "MZ", "BA"]) + digits(r, 9),
        ("病历号", "住院号", "blh", "病案号", "patient_id"),
    ),
    Kind(
        "diagnosis",
        lambda r: r.choice([*DISEASES, "I10.x00", "E11.900"]),
        ("诊断名称", "zdmc", "出院诊断", "diagnosis", "疾病名称"),
    ),
    Kind(
        "icd_code",
        lambda r: f"{r.choice('ABCDEGHIJKLMN')}{digits(r, 2)}.{r.choice(['x', ''])}{digits(r, 3)}",
        ("疾病编码", "icd10", "jbbm", "诊断编码"),
    ),
    Kind("home_address", home, ("家庭住址", "现住址", "jtzz", "户籍地址", "home_address", "dz")),
    Kind("address", address, ("地址", "注册地址", "jydz", "address", "经营场所", "dz")),
    Kind("ip", lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)), ("登录IP", "ip_address", "客户端IP")),
    Kind(
        "mac",
        lambda r: r.choice(":-").join(f"{r.randint(0, 255):02X}" for _ in range(6)),
        ("MAC地址", "mac", "终端MAC"),
    ),
    Kind("imei", imei, ("IMEI", "imei", "手机串号")),
    Kind("free_text_personal", complaint, ("诉求内容", "备注", "content", "工单描述", "remark")),
    Kind("organisation_code", organisation_code, ("组织机构代码", "zzjgdm", "org_code"), True),
    Kind("registration_no", registration_no, ("工商注册号", "注册号", "zch", "reg_no"), True),
    Kind("taxpayer_no", lambda r: r.choice(DIVISIONS[:-1]) + digits(r, 9), ("纳税人识别号", "nsrsbh", "税号"), False),
    Kind("organisation_name", company, ("企业名称", "qymc", "company", "单位名称", "供应商")),
    Kind("organisation_name", school, ("机构名称", "学校名称", "dwmc", "org_name")),
    Kind(
        "industry_code",
        lambda r: r.choice("ACEFGHIJKLMQ") + digits(r, r.choice([2, 3, 4])),
        ("行业代码", "hydm", "industry_code"),
        False,
    ),
    Kind(
        "industry_name",
        lonely("批发业 零售业 住宿业 餐饮业 房地产业 软件和信息技术服务业 专用设备制造业 道路运输业 教育 卫生"),
        ("行业", "行业名称", "hymc", "industry"),
    ),
    Kind(
        "bank_branch_code",
        lambda r: r.choice(["102", "103", "104", "105", "301"]) + "2900" + digits(r, 5),
        ("联行号", "开户行行号", "cnaps"),
        False,
    ),
    Kind("division_code", lonely(" ".join(DIVISIONS)), ("行政区划代码", "xzqhdm", "区划代码", "adcode")),
    Kind("division_name", lonely(" ".join(DISTRICTS)), ("所在区", "区县", "qx", "district")),
    Kind("division_name", lonely(" ".join(TOWNS)), ("街道", "所属街镇", "town", "jdmc")),
    Kind("postcode", lambda r: "20" + digits(r, 4), ("邮编", "邮政编码", "zip_code", "yzbm"), False),
    Kind("longitude", lambda r: f"{r.uniform(120.8, 122.1):.6f}", ("经度", "lng", "longitude", "jd")),
    Kind("latitude", lambda r: f"{r.uniform(30.7, 31.8):.6f}", ("纬度", "lat", "latitude", "wd"), False),
    Kind(
        "coordinates",
        lambda r: f"{r.uniform(120.8, 122.1):.6f},{r.uniform(30.7, 31.8):.6f}",
        ("坐标", "经纬度", "location", "zb"),
    ),
    Kind("land_parcel_code", parcel, ("宗地代码", "宗地号", "zddm", "parcel_code")),
    Kind("real_estate_unit_no", lambda r: parcel(r) + "F" + digits(r, 8), ("不动产单元号", "bdcdyh")),
    Kind(
        "drug_approval_no",
        lambda r: "国药准字" + r.choice("HZSBJ") + digits(r, 8),
        ("批准文号", "药品批准文号", "pzwh"),
    ),
    Kind(
        "medical_device_no",
        lambda r: f"{r.choice('国沪苏浙')}械注{r.choice('准进')}20{digits(r, 9)}",
        ("注册证编号", "医疗器械注册证号", "qxzch"),
    ),
    Kind("case_number", case_number, ("案号", "ah", "case_no", "案件编号")),
    Kind(
        "document_number",
        lambda r: (
            f"{r.choice(['沪府发', '沪府办规', '浦市监罚字', '沪环保许评', '沪规土资许选'])}〔{r.randint(2000, 2025)}〕{r.randint(1, 999)}号"
        ),
        ("文号", "发文字号", "处罚决定书文号", "wh"),
    ),
    Kind("e_licence_id", e_licence, ("电子证照标识", "证照标识", "zzbs")),
    Kind(
        "url",
        lambda r: f"https://www.{r.choice(['example', 'test', 'demo'])}.cn/{digits(r, 4)}.html",
        ("网址", "链接", "url", "website"),
    ),
    Kind("date", lambda r: f"{day(r, 2005, 2025)}", ("登记日期", "gxrq", "update_date", "成立日期")),
    Kind("date", lambda r: f"{(d := day(r, 2005, 2025)).year}年{d.month}月{d.day}日", ("发证日期", "rq", "issue_date")),
    Kind("date", lambda r: f"{(d := day(r, 2005, 2025)).year}/{d.month}/{d.day}", ("受理日期", "slrq", "date")),
    Kind("date", lambda r: str(r.randint(38000, 45500)), ("登记日期", "有效期截止日期"), False),
    Kind(
        "datetime",
        lambda r: f"{day(r, 2015, 2025)} {r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d}",
        ("创建时间", "cjsj", "update_time"),
    ),
    Kind(
        "datetime", lambda r: str(r.randint(1_400_000_000, 1_760_000_000)), ("时间戳", "timestamp", "created_at"), False
    ),
    Kind(
        "datetime", lambda r: str(r.randint(1_400_000_000, 1_760_000_000)) + digits(r, 3), ("时间戳", "ts", "更新时间")
    ),
    Kind("year", lambda r: str(r.randint(1960, 2025)), ("年份", "建成年份", "year", "nf"), False),
    Kind(
        "year_month",
        lambda r: f"{r.randint(2010, 2025)}{r.choice(['-', '年'])}{r.randint(1, 12):02d}",
        ("年月", "所属期", "year_month"),
        False,
    ),
    Kind(
        "time_of_day", lambda r: f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}", ("首班车时间", "时刻", "start_time")
    ),
    Kind(
        "amount",
        lambda r: f"{r.lognormvariate(7, 2):.2f}",
        ("合同金额", "je", "price", "注册资本（万元）", "税额", "运费"),
        False,
    ),
    Kind(
        "amount", lambda r: f"{r.randint(1, 900)}{r.choice(['万元', '万元', '亿元'])}", ("注册资本", "投资额", "amount")
    ),
    Kind("percentage", lambda r: f"{r.uniform(0, 100):.1f}%", ("占比", "持股比例", "percent", "增长率")),
    Kind("currency", lonely("人民币 美元 欧元 人民币 港元"), ("币种", "currency", "bz币种")),
    Kind("currency", lonely("CNY USD EUR CNY HKD JPY"), ("币种", "currency", "币种代码")),
]
DECOYS = [
    Kind(None, lambda r: str(r.randint(10**17, 10**18 - 1)), ("订单编号", "ddbh", "order_no", "流水号")),
    Kind(None, lambda r: f"{day(r, 2018, 2025):%Y%m%d}{digits(r, 10)}", ("订单号", "流水号", "lsh", "工单编号")),
    Kind(None, lambda r: "62" + digits(r, r.choice([14, 15, 17])), ("流水号", "交易流水", "serial_no", "会员编号")),
    Kind(None, lambda r: "4" + digits(r, 15), ("流水号", "凭证号", "trans_id")),
    Kind(None, lambda r: digits(r, 8), ("发票号码", "fphm", "invoice_no")),
    Kind(None, lambda r: "031" + digits(r, 9), ("发票代码", "fpdm")),
    Kind(None, lambda r: digits(r, 20), ("发票号", "数电票号码")),
    Kind(None, lambda r: "1" + digits(r, 10), ("设备编号", "sbbh", "device_no", "资产编号")),
    Kind(None, lambda r: "".join(r.choices("0123456789ABCDEF", k=32)), ("md5", "主键", "uuid")),
    Kind(None, lambda r: "".join(r.choices(ALNUM31, k=18)), ("编码", "条码", "sn")),
    Kind(None, lambda r: "69" + digits(r, 11), ("商品条码", "barcode", "条形码")),
    Kind(None, lambda r: "898600" + digits(r, 14), ("ICCID", "物联网卡号码编号")),
    Kind(None, lambda r: str(r.randint(1, 99999)), ("序号", "id", "xh")),
    Kind(None, lambda r: str(r.randint(1, 500)), ("数量", "床位数", "count", "人数")),
    Kind(None, lambda r: f"{r.uniform(-5, 40):.1f}", ("温度", "temp", "气温")),
    Kind(None, lambda r: f"{r.uniform(0, 500):.3f}", ("浓度", "pm25", "value")),
    Kind(None, lambda r: f"{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 99)}", ("版本号", "version")),
    Kind(None, lonely("是 否"), ("是否有效", "sfyx", "flag")),
    Kind(None, lonely("t f"), ("flag", "启用", "is_valid")),
    Kind(None, lonely("Y N"), ("yn", "是否公开")),
    Kind(None, lonely("正常 停用 注销 吊销 迁出"), ("状态", "zt", "status")),
    Kind(None, lonely("高级 中级 初级 正高级 副高级"), ("职称等级", "level", "等级")),
    Kind(
        None,
        lonely(
            "白菜 黄瓜 土豆 西红柿 金桔 石榴 雪梨 毛豆 云耳 花生 马铃薯 胡萝卜 葛根 莲藕 冬瓜 苹果 香蕉 葡萄 龙眼 荔枝 樱桃 杨梅 柚子 芒果"
        ),
        ("产品", "品名", "菜品", "product"),
    ),
    Kind(
        None,
        lonely(
            "莲溪路 康桥 江浦路 世纪大道 新村路 龙阳路 芦恒路 中潭路 黄兴路 提篮桥 陆家嘴 徐家汇 曹杨路 张江高科 马当路 金沙江路 汉中路 江苏路 漕宝路 龙华"
        ),
        ("站点名称", "zdmc站", "station"),
    ),
    Kind(None, road, ("道路名称", "dlmc", "road_name")),
    Kind(
        None,
        lonely("阿莫西林胶囊 布洛芬缓释片 感冒灵颗粒 板蓝根颗粒 维生素C片 葡萄糖注射液 甘草片 头孢克肟分散片"),
        ("药品名称", "drug", "ypmc"),
    ),
    Kind(None, lonely("内科 外科 儿科 眼科 急诊科 皮肤科 口腔科 检验科"), ("科室", "ks", "dept")),
    Kind(None, lonely("红 黄 蓝 白 黑 银 灰"), ("颜色", "车身颜色", "color")),
    Kind(None, lonely("小型汽车 大型货车 摩托车 挂车 新能源"), ("车辆类型", "cllx")),
    Kind(None, lambda r: f"{r.randint(1, 18)}号线", ("线路", "line")),
    Kind(None, lambda r: r.choice("ABCDEFGH") + digits(r, 6), ("编号", "code", "物料编码")),
    Kind(None, lambda r: f"{r.choice(['SP', 'WL', 'ZC'])}-{digits(r, 4)}-{digits(r, 3)}", ("资产编号", "型号", "sku")),
    Kind(None, company_short, ("产品品牌", "brand")),
    Kind(
        None,
        lonely("办公用品采购 道路养护工程 绿化改造 信息化建设 设备维护 食堂承包 安保服务 保洁服务"),
        ("项目名称", "xmmc", "project"),
    ),
    Kind(None, lonely("优 良 轻度污染 中度污染"), ("空气质量", "等级")),
    Kind(None, lambda r: f"{r.randint(1, 300)}平方米", ("面积", "area_size", "建筑面积")),
    Kind(None, lambda r: str(r.randint(100000, 999999)), ("随机数", "校验码", "密码编号")),
    Kind(None, lambda r: r.choice("NSEW") + r.choice(["", "N", "E", "W"]), ("风向", "wind")),
    Kind(None, lambda r: f"{r.randint(30, 180)}x{r.randint(30, 99)}", ("规格", "spec")),
]
IDENTITY = {"resident_id", "credit_code", "bank_card", "mobile", "person_name"}
MEANINGLESS = ("col{}", "字段{}", "F{}", "列{}", "v{}", "attr_{}")


@dataclass(frozen=True)
class Column:
    """``named``: the header says something."""

    header: str
    values: list[str]
    code: str | None
    named: bool
    identity: bool


def soiled(r: R, kind: Kind, values: list[str], dirt: float) -> list[str]:
    """Missing, spaced, full-width, lower-case, masked and wrong values."""
    found = []
    spaced = kind.code in ("bank_card", "real_estate_unit_no") and r.random() < 0.5
    for value in values:
        chance = r.random()
        if chance < 0.5 * dirt:
            value = r.choice(["", "", "无", "NULL", "/", "--"])
        elif chance < 0.65 * dirt:
            value = f" {value} "
        elif chance < 0.8 * dirt and kind.code in ("resident_id", "mobile", "credit_code", "bank_card"):
            value = value.upper().translate(FULL)
        elif chance < 0.9 * dirt:
            value = value.lower()
        elif chance < dirt and value:
            value = r.choice(["待补", "不详", "见附件", "测试", value[:-1], "同上"])
        if spaced and r.random() < 0.6 and value.isdigit():
            value = r.choice(" -").join(value[n : n + 4] for n in range(0, len(value), 4))
        found.append(value)
    return found


def column_set(seed: int, *, kinds: list[Kind] | None = None) -> list[Column]:
    """One column of every kind, each with a header and dirt of its own."""
    r = random.Random(seed)
    columns = []
    for number, kind in enumerate(kinds or [*KINDS, *DECOYS]):
        rows = r.choice([6, 10, 20, 40, 120, 120, 300])
        meaningless = (kind.bare or kind.code is None) and r.random() < 0.3
        header = r.choice(MEANINGLESS).format(number) if meaningless else r.choice(kind.headers)
        values = soiled(r, kind, [kind.make(r) for _ in range(rows)], r.choice([0.0, 0.05, 0.15, 0.3]))
        columns.append(Column(header, values, kind.code, not meaningless, kind.identity))
    return columns


VAGUE = (
    "编号",
    "id",
    "号码",
    "name",
    "名称",
    "code",
    "no",
    "内容",
    "值",
    "key",
    "备注1",
    "A",
    "客户",
    "info",
    "账号",
    "序列号",
    "data_1",
    "对象",
)
WORN = ("t_{}", "{}_1", "{}（必填）", "客户{}", "{}.1", "原{}", "{} ", "*{}", "{}\n")


def mixed(r: R, make: Make, other: Make, share: float) -> Make:
    """``share`` of the values of ``make``, the rest of ``other``."""
    return lambda _: (make if r.random() < share else other)(r)


def hard_set(seed: int) -> list[Column]:
    """Identity columns as they should never be missed: vague or worn headers, few rows, much dirt, other things mixed in."""
    r = random.Random(seed)
    columns = []
    for kind in [kind for kind in KINDS if kind.identity]:
        for header in (r.choice(VAGUE), r.choice(WORN).format(r.choice(kind.headers))):
            rows, dirt = r.choice([5, 8, 15, 60, 200]), r.choice([0.1, 0.3, 0.45])
            other = {
                "resident_id": lambda r: r.choice("EG") + digits(r, 8),
                "mobile": landline,
                "person_name": company,
                "credit_code": organisation_code,
                "bank_card": lambda r: digits(r, 17),
            }[kind.code or ""]
            share = r.choice([1.0, 0.9, 0.75])
            values = soiled(r, kind, [mixed(r, kind.make, other, share)(r) for _ in range(rows)], dirt)
            columns.append(Column(header, values, kind.code, header not in VAGUE, True))
    return columns


WORDS = "白菜 黄瓜 高级 金桔 石榴 王朝 李子 马路 江苏 安全 程序 方案 成品 常规 云南 水利 林业 田径 钱包 温度 时间 单位 路灯 车辆 山药 花生 白天 高温 张江 徐汇 杨浦 陆家嘴 周浦".split()
MISLEADING = [
    Kind(None, lambda r: r.choice(WORDS), ("姓名", "name", "负责人", "列1", "名称")),
    Kind(None, lambda r: str(r.randint(10**17, 10**18 - 1)), ("身份证号", "证件号码", "id", "统一代码")),
    Kind(None, lambda r: str(r.randint(10**15, 10**16 - 1)), ("卡号", "会员卡号", "账号", "no")),
    Kind(None, lambda r: str(r.randint(10**7, 10**8 - 1)), ("电话登记号", "号码", "编号", "工单电话流水")),
    Kind(None, lambda r: "1" + digits(r, 10), ("联系方式编号", "电话", "sjh", "no")),
    Kind(None, lambda r: r.choice("男女") + r.choice("装鞋"), ("性别", "款式")),
    Kind(None, lambda r: r.choice("ABCDE"), ("血型", "等级", "评级")),
    Kind(None, lambda r: str(r.randint(1, 9)), ("金额等级", "费用档", "年龄段", "性别比")),
    Kind(None, lambda r: str(r.randint(100000, 699999)), ("邮编", "code", "区划代码", "验证码")),
    Kind(None, lambda r: f"{r.uniform(70, 140):.4f}", ("x", "值", "压强")),
    Kind(None, road, ("地址", "位置", "区域", "所在地")),
    Kind(None, lambda r: r.choice("EGDC") + digits(r, 8), ("编号", "代码", "产品", "字段2")),
    Kind(None, lambda r: "20" + digits(r, 6), ("编号", "日期", "批号", "号")),
    Kind(
        None,
        lambda r: r.choice(["发热门诊", "病床", "炎热", "肿瘤科", "过敏源检测", "感染科", "骨折固定架"]),
        ("诊断", "科室", "物品"),
    ),
    Kind(None, lambda r: r.choice(TOWNS)[:-2] + r.choice(["分局", "中心", "店", "所"]), ("部门", "名称", "街道")),
    Kind(None, lambda r: digits(r, 12), ("编号", "设备码")),
    Kind(
        None,
        lambda r: f"{r.randint(1, 400)}.{r.randint(0, 300)}.{r.randint(0, 300)}.{r.randint(0, 300)}",
        ("ip", "版本"),
    ),
    Kind("mobile", lambda r: (mobile if r.random() < 0.55 else landline)(r), ("电话", "联系方式", "固定电话", "lxdh")),
    Kind("address", home, ("单位地址", "经营地址", "门店地址"), False),
    Kind("home_address", address, ("户籍地址", "居住地址"), False),
    Kind("person_name", lambda r: (name if r.random() < 0.5 else company)(r), ("申请人", "当事人", "名称", "列5")),
    Kind("date", lambda r: f"{day(r, 2010, 2024):%Y%m%d}", ("日期", "列7", "办理日")),
]


def misleading_set(seed: int) -> list[Column]:
    """Look-alikes under names that say otherwise, and types in a doubtful form: here a recogniser should be unsure."""
    return column_set(seed, kinds=MISLEADING)
