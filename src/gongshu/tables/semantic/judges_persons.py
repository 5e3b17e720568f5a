"""Judges of what identifies or describes a person."""

from __future__ import annotations

from gongshu.i18n import gettext
from gongshu.tables.semantic.evidence import Evidence
from gongshu.tables.semantic.hints import Hints
from gongshu.tables.semantic.judging import Answer, beyond_chance, counts, no_chance, percent, scale
from gongshu.tables.semantic.types import Judge, type_title

MASKED = "已掩去一部分 {share}"
ALLOTTED = 0.55  # of random 1xxxxxxxxxx so many begin with a segment that is allotted to mobile telephones


def _resident_id(e: Evidence, hint: bool, hints: Hints) -> Answer:
    form = e.share("resident_18", "resident_15")
    checked, right = e.hits("resident_18"), e.hits("resident_18_valid")
    masked = e.share("resident_masked")
    said = gettext("校验位通过 {counts}", counts=counts(e, right))
    # 1 in 11 random strings of digits has a right check digit, and far fewer a date and a province in their places
    valid = beyond_chance(right, checked, 1 / 11) if checked else 1.0
    whole = form + masked
    if form >= 0.1 and whole >= 0.3 and checked >= 0.2 * form * e.filled and valid >= 0.45 and form >= masked:
        return scale(whole * valid, 0.3, 0.85, 0.7, 0.99), said
    if form >= 0.7 and not checked and (hint or not hints.numbering):
        return (0.95 if hint else 0.75), gettext("15 位，含地区与生日 {share}", share=percent(form))
    if hint and e.share("resident_loose", "resident_cut") >= 0.5:
        # with a date and a province in their places though the check digits are wrong, or nothing but as long
        return (0.75 if form >= 0.5 else 0.55), said
    if right and (right >= 0.15 * e.filled or (right >= 3 and right >= 0.05 * e.filled)) and valid >= 0.45:
        return 0.6, gettext("其中有校验位正确的身份证号 {counts}", counts=counts(e, right))
    if hint and e.share("excel_long") >= 0.3:
        return 0.6, gettext("像是被电子表格改成科学计数的长号码 {share}", share=percent(e.share("excel_long")))
    return None


def _resident_id_masked(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("resident_masked")
    if share < 0.4 or share < e.share("resident_18", "resident_15"):
        return None
    return scale(share, 0.4, 0.9, 0.7, 0.98), gettext("18 位，中间以 * 掩去 {share}", share=percent(share))


def _driving_licence(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("driving_licence")
    if not hint or "resident_id" in hints.types or share < 0.6:
        return None
    # as sure as a resident ID can be: the name decides between the two
    return scale(share, 0.6, 0.95, 0.6, 0.99), gettext(
        "{title}格式 {share}", title=type_title("driving_licence"), share=percent(share)
    )


def _bank_card(e: Evidence, hint: bool, hints: Hints) -> Answer:
    form, right, masked = e.share("card"), e.hits("card_valid"), e.share("card_masked")
    if hint and masked >= 0.5:
        return 0.85, gettext(MASKED, share=percent(masked))
    # 1 in 10 random numbers passes Luhn, so a column of random numbers never comes near these shares
    valid = beyond_chance(right, e.hits("card"), 0.1)
    said = gettext("Luhn 校验通过 {counts}", counts=counts(e, right))
    if form < (0.25 if hint else 0.4) or valid < (0.3 if hint else 0.8 if hints.numbering or e.distinct < 15 else 0.7):
        # a name that speaks of serials asks for more than an accident in a thousand
        if valid >= 0.4 and no_chance(right, e.hits("card"), 0.1, 0.001 if hints.numbering else 0.005):
            return 0.6, said
        if hint and e.share("excel_long") >= 0.3:
            return 0.6, gettext("像是被电子表格改成科学计数的长号码 {share}", share=percent(e.share("excel_long")))
        return None
    return scale(form * valid, 0.2, 0.9, 0.6, 0.98 if hint else 0.93), said


def _mobile(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share, any_share, masked = e.share("mobile"), e.share("mobile_any"), e.share("mobile_masked")
    if masked >= 0.5 and (hint or not hints.numbering):
        return (0.9 if hint else 0.75), gettext(MASKED, share=percent(masked))
    known = share / any_share if any_share else 0.0
    few, prefixed = any_share * e.filled < 15, e.share("mobile_prefixed") >= 0.2
    wanted = 0.7 if hint or prefixed else 1.0 if few else 0.96 if hints.numbering else 0.93
    if share < 0.25 or known < wanted:
        return None
    doubtful = few and hints.numbering and not (hint or prefixed)
    # numbers that share a segment are one draw: serials that run on from 18000000001 are no persons'
    if doubtful and ALLOTTED ** e.segments("mobile") > 0.2:
        return None
    landline = e.share("landline_full", "landline_local")
    said = gettext("号段有效 {counts}", counts=counts(e, e.hits("mobile")))
    if landline > 0.1 and share < 0.85:
        said = gettext("手机号 {mobile}，固定电话 {landline}", mobile=percent(share), landline=percent(landline))
        return scale(share, 0.25, 0.85, 0.6, 0.8), said
    if doubtful:
        return 0.6, said
    sure = 0.98 if hint else 0.75 if hints.numbering else 0.92
    return scale((share + masked) * known, 0.4, 0.9, 0.55, sure), said


def _landline(e: Evidence, hint: bool, hints: Hints) -> Answer:
    full, local, hotline = e.share("landline_full"), e.share("landline_local"), e.share("hotline")
    if hints.numbering and not hint:
        return None
    # eight digits under a name that speaks of numbering are no telephone
    share = full + (local + hotline if hint and not hints.numbering else 0.0)
    # a bare 0101234567 is no telephone number by itself
    if share < (0.5 if hint else 0.8) or (not hint and e.share("number") > 0.5):
        return None
    said = gettext("区号或总机格式 {share}", share=percent(min(1.0, share)))
    if e.share("mobile") >= 0.25:  # persons' numbers among them: that counts more
        return 0.55, said
    return scale(share, 0.5, 0.9, 0.6, 0.97 if hint else 0.9), said


def _document(name: str) -> Judge:
    def judge(e: Evidence, hint: bool, hints: Hints) -> Answer:
        share = e.share(name)
        named = hint or "resident_id" in hints.types  # 证件号码 may hold any of them
        if share < 0.6 or (not named and (hints.numbering or e.share("number") > 0.2 or share < 0.8)):
            return None
        if not named and e.distinct < 5:
            return None
        return scale(share, 0.6, 0.95, 0.55, 0.97 if hint else 0.85 if named else 0.7), gettext(
            "证件号格式 {share}", share=percent(share)
        )

    return judge


def _medical_record_no(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share, prefix = e.share("medical_record"), e.share("medical_prefix")
    said = gettext("病历号格式 {share}", share=percent(max(share, prefix)))
    if hint and share >= 0.5:
        return scale(share, 0.5, 0.9, 0.7, 0.95), said
    if prefix >= 0.8 and not hints.numbering:
        return 0.7, said
    return None


def _sex(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("sex")
    coded = share + e.share("sex_code")
    said = gettext("只有男、女等 {count} 种值", count=e.distinct)
    if share >= 0.8 and (hint or e.share("han") > 0.5):
        return 0.99 if hint or e.share("sex_male", "sex_female") > 0.5 else 0.6, said
    # a column of f and t, or of nothing but F, is no sex
    if share >= 0.95 and e.hits("sex_male") and e.hits("sex_female"):
        return 0.85, said
    if hint and coded >= 0.85:
        return 0.93, gettext("性别代码（GB/T 2261.1）{count} 种", count=e.distinct)
    return None


def _ethnicity(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("ethnicity")
    coded = share + e.share("ethnicity_code")
    said = gettext("民族名称或代码（GB/T 3304）{share}", share=percent(min(1.0, coded)))
    if hint and coded >= 0.6:
        return (0.98 if share >= 0.3 else 0.85), said
    if share >= 0.9 and e.share("han") >= 0.9 and coded >= 0.95:
        return 0.9, said
    return (0.75, said) if share >= 0.65 and e.share("han") >= 0.9 and e.distinct >= 3 else None


def _age(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("age")
    if not hint or share < 0.7:
        return None
    return scale(share, 0.7, 0.98, 0.6, 0.97), gettext("0 至 120 的整数 {share}", share=percent(share))


def _occupation(e: Evidence, hint: bool, hints: Hints) -> Answer:
    words = 1 - e.share("number")
    if not hint or words < 0.5 or e.length > 25:
        return None
    return 0.85, gettext("列名说是职业，共 {count} 种值", count=f"{e.distinct:,}")


def _diagnosis(e: Evidence, hint: bool, hints: Hints) -> Answer:
    words, codes = max(0.0, e.share("diagnosis") - e.share("department")), e.share("icd")
    said = gettext("疾病名或 ICD 编码 {share}", share=percent(min(1.0, words + codes)))
    if hint and words + codes >= 0.35 and (words >= 0.1 or "icd_code" not in hints.types):
        return scale(words + codes, 0.35, 0.8, 0.7, 0.97), said
    plain = e.share("organisation") < 0.2 and e.share("road") < 0.3 and e.length <= 15
    return (0.75, said) if words >= 0.5 and words + codes >= 0.75 and plain else None


def _icd_code(e: Evidence, hint: bool, hints: Hints) -> Answer:
    codes, dotted = e.share("icd"), e.share("icd_dotted")
    said = gettext("ICD-10 编码格式 {share}", share=percent(codes))
    if hint and codes >= 0.6:
        return scale(codes, 0.6, 0.95, 0.7, 0.98), said
    return (0.8, said) if dotted >= 0.8 and codes >= 0.9 and e.distinct >= 8 else None


def _person_name(e: Evidence, hint: bool, hints: Hints) -> Answer:
    plain = e.share("person")
    masked, dotted = e.share("person_masked"), e.share("person_dotted")
    share = plain + masked + dotted
    places = e.share("place_ending")
    said = gettext("2-4 字，首字是姓氏 {share}", share=percent(plain))
    if masked >= 0.5:
        return (0.9 if hint else 0.7), gettext("姓名已掩去一部分 {share}", share=percent(masked))
    bodies = e.share("organisation")
    places = max(0.0, places - bodies)
    both = gettext("姓名 {persons}，机构名 {bodies}", persons=percent(share), bodies=percent(bodies))
    if hint and bodies >= 0.1 and share >= 0.25 and share + bodies >= 0.6 and places < 0.3:
        return 0.82, both
    common = (e.hits("person_common") + e.hits("person_dotted")) / max(1, e.hits("person") + e.hits("person_dotted"))
    if hint and share >= 0.4 and places < 0.3:
        rare = e.distinct >= 15 and common < 0.35  # surnames that other words begin with too
        return scale(share, 0.4, 0.85, 0.6, 0.62 if rare else 0.98), said
    if hint and e.share("person_latin") >= 0.7 and e.distinct >= 10:
        return 0.8, gettext("列名说是姓名，字母 {share}", share=percent(e.share("person_latin")))
    return _unnamed(e, hints, share, bodies, common, said if bodies < 0.1 else both) if places < 0.15 else None


def _unnamed(e: Evidence, hints: Hints, share: float, bodies: float, common: float, said: str) -> Answer:
    """Names in a column that does not say so: most begin with one of a hundred surnames or end as given names do, other words don't.

    Of a few names any share may have a rare surname, so there the endings count as much as the beginnings.
    """
    few = e.distinct < 15
    if few and e.distinct < 0.7 * e.filled:
        return None
    persons = e.hits("person") + e.hits("person_dotted")
    given = (e.hits("person_given") + e.hits("person_dotted")) / max(1, persons)
    names = few and persons >= 2 and given >= 0.6
    if few and persons >= 5 and given < 0.2:
        return None
    if common < 0.55 and hints.numbering and not names:
        return None
    if bodies >= 0.1:
        if share < (0.25 if names else 0.3) or share + bodies < 0.65 or not (names or common >= 0.5):
            return None
        # persons and firms in one column: the persons count, unless the name of the column speaks of firms
        return (0.65 if hints.types else 0.87), said
    if few:
        wanted = 0.6 if names or common >= 0.6 else 0.75 if common >= 0.3 else 2.0
    else:
        wanted = 0.55 if common >= 0.6 else 0.8 if common >= 0.45 else 0.9 if common >= 0.3 else 2.0
    if share < wanted:
        return None
    return scale(share, wanted, 0.98, 0.6, 0.85 if few or common < 0.6 else 0.93), said


def _free_text_personal(e: Evidence, hint: bool, hints: Hints) -> Answer:
    embedded, found = e.share("embedded"), e.hits("embedded")
    if e.length < 8 or e.share("han") < 0.5 or found < 1 or embedded < (0.005 if hint else 0.03):
        return None
    if found < 2 and e.filled > 40:
        return None
    said = gettext("自由文本，{count} 行含手机号、证件号或电话", count=f"{found:,}")
    return scale(embedded, 0.0, 0.2, 0.7, 0.97), said


JUDGES: dict[str, Judge] = {
    "resident_id": _resident_id,
    "resident_id_masked": _resident_id_masked,
    "driving_licence": _driving_licence,
    "bank_card": _bank_card,
    "mobile": _mobile,
    "landline": _landline,
    "passport": _document("passport"),
    "hk_macau_permit": _document("hk_macau_permit"),
    "medical_record_no": _medical_record_no,
    "sex": _sex,
    "ethnicity": _ethnicity,
    "age": _age,
    "occupation": _occupation,
    "diagnosis": _diagnosis,
    "icd_code": _icd_code,
    "person_name": _person_name,
    "free_text_personal": _free_text_personal,
}
