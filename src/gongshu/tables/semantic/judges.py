"""From evidence and hints to a semantic type with a probability: one small judge for each type.

A judge answers the probability that the column holds its type and the evidence in words, or nothing. The numbers are ours
(default): a form that few other things have (a check digit) counts much, one that many have (eight digits) needs the name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gongshu.i18n import gettext
from gongshu.tables.semantic.evidence import Evidence
from gongshu.tables.semantic.hints import Hints

Judge = Callable[[Evidence, bool, Hints], "tuple[float, str] | None"]


@dataclass(frozen=True)
class Candidate:
    """A type that a column may hold."""

    code: str
    probability: float
    evidence: str


def candidates(evidence: Evidence, hints: Hints) -> list[Candidate]:
    """The types that the column may hold, the likeliest first."""
    if not evidence.filled:
        return []
    found = []
    for code, judge in _JUDGES.items():
        if code in hints.against and code not in _CHECKED:
            continue
        answer = judge(evidence, code in hints.types, hints)
        if answer:
            found.append(Candidate(code, round(min(answer[0], 0.99), 2), answer[1]))
    return sorted(found, key=lambda candidate: -candidate.probability)


_CHECKED = {"resident_id", "credit_code"}  # the values speak louder than the name


def _scale(share: float, low: float, high: float, at_low: float, at_high: float) -> float:
    """``share`` between ``low`` and ``high`` as a probability between ``at_low`` and ``at_high``."""
    part = min(1.0, max(0.0, (share - low) / (high - low)))
    return at_low + part * (at_high - at_low)


def _percent(share: float) -> str:
    # 99.97 % is not all of them
    return "100%" if share >= 1 else f"{min(share * 100, 99.9):.1f}".removesuffix(".0") + "%"


def _counts(evidence: Evidence, hits: int) -> str:
    text = f"{hits:,} / {evidence.filled:,}"
    return gettext("抽样 {counts}", counts=text) if evidence.sampled else text


def _resident_id(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    form = e.share("resident_18", "resident_15")
    checked = e.hits["resident_18"]
    valid = e.hits["resident_18_valid"] / checked if checked else 1.0
    said = gettext("校验位通过 {counts}", counts=_counts(e, e.hits["resident_18_valid"]))
    if form >= 0.3 and checked >= 0.2 * form * e.filled and valid >= 0.5:
        # 1 in 11 random strings of digits has a right check digit, and far fewer a date and a province in their places
        return _scale(form * valid, 0.3, 0.9, 0.7, 0.99), said
    if form >= 0.7 and not checked and (hint or not hints.numbering):
        return (0.95 if hint else 0.75), gettext("15 位，含地区与生日 {share}", share=_percent(form))
    if hint and e.share("resident_loose") >= 0.7:
        return 0.75, said
    return None


def _resident_id_masked(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("resident_masked")
    return (
        (_scale(share, 0.5, 0.9, 0.7, 0.98), gettext("18 位，中间以 * 掩去 {share}", share=_percent(share)))
        if share >= 0.5
        else None
    )


def _credit_code(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    form = e.share("uscc")
    valid = e.hits["uscc_valid"] / e.hits["uscc"] if e.hits["uscc"] else 0.0
    said = gettext("校验位通过 {counts}", counts=_counts(e, e.hits["uscc_valid"]))
    if form >= 0.3 and valid >= 0.5:
        return _scale(form * valid, 0.3, 0.9, 0.7, 0.99), said
    if hint and e.share("uscc_loose") >= 0.7:
        return 0.75, said
    return None


def _bank_card(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    form = e.share("card")
    valid = e.hits["card_valid"] / e.hits["card"] if e.hits["card"] else 0.0
    # 1 in 10 random numbers passes Luhn, so a column of random numbers never comes near these shares
    if form < 0.5 or valid < (0.6 if hint else 0.85):
        return None
    return _scale(form * valid, 0.5, 0.95, 0.6, 0.98 if hint else 0.93), gettext(
        "Luhn 校验通过 {counts}", counts=_counts(e, e.hits["card_valid"])
    )


def _mobile(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share, any_share = e.share("mobile"), e.share("mobile_any")
    known = (
        share / any_share if any_share else 0.0
    )  # shares of allotted segments: some 55 % of random 1xxxxxxxxxx have one
    if share < 0.25 or known < (0.7 if hint else 0.93) or (hints.numbering and not hint):
        return None
    landline = e.share("landline_full", "landline_local")
    said = gettext("号段有效 {counts}", counts=_counts(e, e.hits["mobile"]))
    if landline > 0.1 and share < 0.85:
        said = gettext("手机号 {mobile}，固定电话 {landline}", mobile=_percent(share), landline=_percent(landline))
        return _scale(share, 0.25, 0.85, 0.5, 0.8), said
    return _scale(share * known, 0.4, 0.9, 0.55, 0.98 if hint else 0.92), said


def _landline(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    full, local, hotline = e.share("landline_full"), e.share("landline_local"), e.share("hotline")
    if hints.numbering and not hint:
        return None
    share = full + (local + hotline if hint else 0.0)
    if share < (0.5 if hint else 0.8) or (not hint and e.share("number") > 0.5):
        return None
    said = gettext("区号或总机格式 {share}", share=_percent(min(1.0, share)))
    return _scale(share, 0.5, 0.9, 0.6, 0.97 if hint else 0.9), said


def _form(name: str, message: str, low: float, with_hint: float, without: float, *, numbering: bool = False) -> Judge:
    """A judge for a form that speaks for itself; ``numbering``: running numbers look the same, so the name must not name one."""

    def judge(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
        share = e.share(name)
        if share < low or (numbering and hints.numbering and not hint):
            return None
        return _scale(share, low, 0.95, 0.55, with_hint if hint else without), gettext(message, share=_percent(share))

    return judge


def _document(name: str) -> Judge:
    def judge(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
        share = e.share(name)
        named = hint or "resident_id" in hints.types  # 证件号码 may hold any of them
        if share < 0.7 or (not named and (hints.numbering or e.share("number") > 0.2)):
            return None
        return _scale(share, 0.7, 0.95, 0.55, 0.97 if hint else 0.85 if named else 0.7), gettext(
            "证件号格式 {share}", share=_percent(share)
        )

    return judge


def _medical_record_no(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share, prefix = e.share("medical_record"), e.share("medical_prefix")
    said = gettext("病历号格式 {share}", share=_percent(max(share, prefix)))
    if hint and share >= 0.6:
        return _scale(share, 0.6, 0.9, 0.7, 0.95), said
    if prefix >= 0.8 and not hints.numbering:
        return 0.7, said
    return None


def _sex(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("sex")
    coded = share + e.share("sex_code")
    if share >= 0.8 and (hint or e.share("han") > 0.5):
        return 0.99, gettext("只有男、女等 {count} 种值", count=e.distinct)
    if share >= 0.95 and e.distinct > 1:  # a column of nothing but F is no sex
        return 0.7, gettext("只有男、女等 {count} 种值", count=e.distinct)
    if hint and coded >= 0.9:
        return 0.93, gettext("性别代码（GB/T 2261.1）{count} 种", count=e.distinct)
    return None


def _ethnicity(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("ethnicity")
    coded = share + e.share("ethnicity_code")
    said = gettext("民族名称或代码（GB/T 3304）{share}", share=_percent(min(1.0, coded)))
    if hint and coded >= 0.7:
        return (0.98 if share >= 0.3 else 0.85), said
    return (0.9, said) if share >= 0.9 and e.share("han") >= 0.9 and coded >= 0.95 else None


def _diagnosis(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    words, codes = e.share("diagnosis"), e.share("icd")
    said = gettext("疾病名或 ICD 编码 {share}", share=_percent(min(1.0, words + codes)))
    if hint and words + codes >= 0.4:
        return _scale(words + codes, 0.4, 0.8, 0.7, 0.97), said
    plain = e.share("organisation") < 0.2 and e.share("road") < 0.3 and e.length <= 15
    return (0.75, said) if words >= 0.6 and words + codes >= 0.75 and plain else None


def _person_name(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    plain = e.share("person")
    share = plain + e.share("person_dotted", "person_masked")
    places = e.share("place_ending")
    said = gettext("2-4 字，首字是姓氏 {share}", share=_percent(plain))
    if e.share("person_masked") >= 0.5:
        return (0.9 if hint else 0.7), gettext("姓名已掩去一部分 {share}", share=_percent(e.share("person_masked")))
    if hint and share >= 0.5 and places < 0.3:
        return _scale(share, 0.5, 0.9, 0.6, 0.98), said
    if hint and e.share("person_latin") >= 0.9 and e.distinct >= 10:
        return 0.8, gettext("列名说是姓名，字母 {share}", share=_percent(e.share("person_latin")))
    various = e.distinct >= 15 or e.distinct >= 0.8 * e.filled
    if share >= 0.9 and places < 0.12 and various and not hints.numbering:
        return _scale(share, 0.9, 0.98, 0.65, 0.9), said
    return None


def _organisation_name(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("organisation")
    said = gettext("以公司、店、院、局等结尾 {share}", share=_percent(share))
    # a few hundred values on thousands of rows are kinds of bodies, not their names
    kinds = e.filled >= 1000 and e.distinct < 0.02 * e.filled
    if share < (0.3 if hint else 0.55) or e.length < 4 or (kinds and not hint):
        return None
    if not hint and e.share("division_ending") >= 0.9:  # 居委会 and 村委会 stand for their villages
        return None
    return _scale(share, 0.3, 0.9, 0.6, 0.98 if hint else 0.95), said


def _home_address(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    dwelling, road = e.share("dwelling"), e.share("road")
    said = gettext("路号后有室号 {share}", share=_percent(dwelling))
    if hint and road >= 0.4:
        return _scale(road, 0.4, 0.8, 0.8, 0.97), said
    return (
        (_scale(dwelling, 0.5, 0.9, 0.6, 0.85), said) if dwelling >= 0.5 and e.share("street_number") >= 0.6 else None
    )


def _address(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    numbered, road = e.share("street_number"), e.share("road")
    said = gettext("有路、弄、号等 {share}", share=_percent(max(numbered, road if hint else 0.0)))
    # below the dwelling judge, unless the name says that nobody lives there: a dwelling is an address too
    less = 0.35 if e.share("dwelling") >= 0.5 and "home_address" not in hints.against else 0.0
    if hint and road >= 0.5 and numbered >= 0.2:
        return _scale(numbered, 0.2, 0.8, 0.7, 0.96) - less, said
    return (_scale(numbered, 0.6, 0.95, 0.55, 0.9) - less, said) if numbered >= 0.6 else None


def _division_code(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("division_code")
    if share < 0.7 or (not hint and share < 0.9) or e.length < 5:
        return None
    said = gettext("前四位是区划代码（GB/T 2260）{share}", share=_percent(share))
    return _scale(share, 0.7, 0.98, 0.6, 0.97 if hint else 0.8), said


def _division_name(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = max(e.share("division_ending"), e.share("division_name"))
    said = gettext("以省、市、区、县、镇等结尾 {share}，共 {count} 个", share=_percent(share), count=e.distinct)
    if (
        share < 0.6
        or (not hint and (share < 0.85 or e.length > 8))
        or e.share("road") > 0.6 > e.share("division_ending")
    ):
        return None
    return _scale(share, 0.6, 0.95, 0.6, 0.97 if hint else 0.8), said


def _coordinate(axis: str, other: str) -> Judge:
    def judge(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
        share = e.share(f"{axis}_range")
        if share < 0.6 or not e.numbers:
            return None
        said = gettext("{low} 至 {high}", low=f"{e.numbers[1]:g}", high=f"{e.numbers[3]:g}")
        fine = e.share("coordinate_fine")
        if hint:
            return _scale(share, 0.6, 0.95, 0.7, 0.98 if fine >= 0.5 else 0.8), said
        narrow = e.numbers[3] - e.numbers[1] < 30 and e.numbers[1] > 0
        if other in hints.types and axis == "longitude" and share >= 0.9:
            return 0.85, gettext("列名像纬度，值像经度：{range}", range=said)
        if other in hints.types and axis == "latitude" and share >= 0.9 and narrow:
            return 0.85, gettext("列名像经度，值像纬度：{range}", range=said)
        return (0.6, said) if fine >= 0.9 and share >= 0.95 and narrow and axis == "longitude" else None

    return judge


def _date(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("date") + e.share("date_chinese")
    if share < 0.6 or (not hint and e.share("number") > 0.9 and share < 0.98):
        return None
    said = (
        gettext("{low} 至 {high} 年", low=int(e.years[0]), high=int(e.years[4]))
        if e.years
        else gettext("日期格式 {share}", share=_percent(share))
    )
    return _scale(share, 0.6, 0.95, 0.7, 0.97), said


def _birth_date(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("date", "date_chinese", "datetime", "year_month")
    if not hint or share < 0.5:
        return None
    said = (
        gettext("{low} 至 {high} 年", low=int(e.years[0]), high=int(e.years[4]))
        if e.years
        else gettext("日期格式 {share}", share=_percent(share))
    )
    return _scale(share, 0.5, 0.9, 0.7, 0.98), said


def _postcode(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("digits_6")
    return (
        (_scale(share, 0.6, 0.95, 0.6, 0.96), gettext("6 位数字 {share}", share=_percent(share)))
        if hint and share >= 0.6
        else None
    )


def _amount(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    share = e.share("number")
    if not hint or share < 0.6 or e.share("date") > 0.5 or hints.numbering:
        return None
    return _scale(share, 0.6, 0.95, 0.7, 0.95), gettext("列名说是金额，数字 {share}", share=_percent(share))


def _free_text_personal(e: Evidence, hint: bool, hints: Hints) -> tuple[float, str] | None:
    embedded = e.share("embedded")
    if e.length < 8 or e.share("han") < 0.5 or e.hits["embedded"] < 2 or embedded < (0.005 if hint else 0.03):
        return None
    said = gettext("自由文本，{count} 行含手机号、证件号或电话", count=f"{e.hits['embedded']:,}")
    return _scale(embedded, 0.0, 0.2, 0.7, 0.97), said


_JUDGES: dict[str, Judge] = {
    "resident_id": _resident_id,
    "resident_id_masked": _resident_id_masked,
    "credit_code": _credit_code,
    "bank_card": _bank_card,
    "mobile": _mobile,
    "landline": _landline,
    "plate": _form("plate", "号牌格式 {share}", 0.5, 0.98, 0.97),
    "email": _form("email", "邮箱格式 {share}", 0.5, 0.98, 0.98),
    "ip": _form("ip", "IP 地址格式 {share}", 0.6, 0.98, 0.95, numbering=True),
    "mac": _form("mac", "MAC 地址格式 {share}", 0.5, 0.98, 0.97),
    "passport": _document("passport"),
    "hk_macau_permit": _document("hk_macau_permit"),
    "medical_record_no": _medical_record_no,
    "sex": _sex,
    "ethnicity": _ethnicity,
    "diagnosis": _diagnosis,
    "person_name": _person_name,
    "organisation_name": _organisation_name,
    "home_address": _home_address,
    "address": _address,
    "division_code": _division_code,
    "division_name": _division_name,
    "longitude": _coordinate("longitude", "latitude"),
    "latitude": _coordinate("latitude", "longitude"),
    "birth_date": _birth_date,
    "datetime": _form("datetime", "日期时间格式 {share}", 0.6, 0.98, 0.97),
    "date": _date,
    "postcode": _postcode,
    "amount": _amount,
    "free_text_personal": _free_text_personal,
}
