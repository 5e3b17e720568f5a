"""Judges of bodies and places."""

from __future__ import annotations

from gongshu.i18n import gettext
from gongshu.tables.semantic.evidence import Evidence
from gongshu.tables.semantic.hints import Hints
from gongshu.tables.semantic.judging import Answer, beyond_chance, counts, percent, scale
from gongshu.tables.semantic.types import Judge

# a datum can't be told from the numbers of one pair (the three differ by some hundred metres): the name says it, or a second
# pair beside it (:mod:`.systems`), or nobody does
DATUMS = {
    "wgs": "WGS-84",
    "gps": "WGS-84",
    "gcj": "GCJ-02",
    "火星": "GCJ-02",
    "高德": "GCJ-02",
    "amap": "GCJ-02",
    "bd09": "BD-09",
    "bd_": "BD-09",
    "百度": "BD-09",
    "baidu": "BD-09",
    "cgcs": "CGCS2000",
    "大地2000": "CGCS2000",
}


def named_datum(name: str) -> str | None:
    """The datum that the name of a column speaks of.

    >>> named_datum("经度_高德")
    'GCJ-02'
    """
    return next((datum for word, datum in DATUMS.items() if word in name.lower()), None)


def _credit_code(e: Evidence, hint: bool, hints: Hints) -> Answer:
    form, right = e.share("uscc"), e.hits("uscc_valid")
    # 1 in 31 arbitrary codes has a right check digit
    valid = beyond_chance(right, e.hits("uscc"), 1 / 31)
    said = gettext("校验位通过 {counts}", counts=counts(e, right))
    if form >= 0.3 and valid >= 0.45:
        return scale(form * valid, 0.3, 0.85, 0.7, 0.99), said
    if hint and e.share("uscc_masked") >= 0.5:
        return 0.85, gettext("已掩去一部分 {share}", share=percent(e.share("uscc_masked")))
    if hint and e.share("uscc_loose") >= 0.5:
        # letters among the digits, though the check digits are wrong, or nothing but as long
        return (0.75 if form >= 0.5 or e.share("number") < 0.5 else 0.55), said
    return None


def _organisation_name(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("organisation")
    said = gettext("以公司、店、院、局等结尾 {share}", share=percent(share))
    # a few hundred values on thousands of rows are kinds of bodies, not their names
    kinds = e.filled >= 200 and e.distinct < 0.05 * e.filled
    if share < (0.3 if hint else 0.55) or e.length < 4 or (kinds and not hint):
        return None
    # 餐饮服务;中餐厅;综合酒楼 is a path in a classification
    if not hint and e.share("classified") > 0.5:
        return None
    if not hint and e.share("division_ending") >= 0.9:  # 居委会 and 村委会 stand for their villages
        return None
    return scale(share, 0.3, 0.9, 0.6, 0.98 if hint else 0.95), said


def _home_address(e: Evidence, hint: bool, hints: Hints) -> Answer:
    dwelling, road = e.share("dwelling"), e.share("road")
    said = gettext("路号后有室号 {share}", share=percent(dwelling))
    if hint and road >= 0.4:
        return scale(road, 0.4, 0.8, 0.8, 0.97), said
    if dwelling >= 0.5 and e.share("street_number") >= 0.6:
        return scale(dwelling, 0.5, 0.9, 0.6, 0.85), said
    return None


def _address(e: Evidence, hint: bool, hints: Hints) -> Answer:
    numbered, road = e.share("street_number"), e.share("road")
    said = gettext("有路、弄、号等 {share}", share=percent(max(numbered, road if hint else 0.0)))
    # below the dwelling judge, unless the name says that nobody lives there: a dwelling is an address too
    less = 0.35 if e.share("dwelling") >= 0.5 and "home_address" not in hints.against else 0.0
    if hint and road >= 0.5 and numbered >= 0.2:
        return scale(numbered, 0.2, 0.8, 0.7, 0.96) - less, said
    return (scale(numbered, 0.6, 0.95, 0.55, 0.9) - less, said) if numbered >= 0.6 else None


def _division_code(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share, provinces = e.share("division_code"), e.share("province_code")
    said = gettext("前四位是区划代码（GB/T 2260）{share}", share=percent(share))
    if hint and provinces >= 0.95 and e.distinct > 1:
        return 0.85, gettext("省级区划代码（GB/T 2260）{share}", share=percent(provinces))
    if share < 0.6 or e.length < (4 if hint else 5):
        return None
    if not hint and (share < 0.9 or (hints.numbering and e.distinct > 0.9 * e.filled)):
        return None
    if e.length < 5 and e.distinct < 2:
        return None
    return scale(share, 0.6, 0.98, 0.6, 0.97 if hint else 0.8), said


def _division_name(e: Evidence, hint: bool, hints: Hints) -> Answer:
    ending = e.share("division_ending")
    share = max(ending, e.share("division_name"))
    said = gettext("以省、市、区、县、镇等结尾 {share}，共 {count} 个", share=percent(share), count=e.distinct)
    if share < 0.6 or (not hint and (share < 0.85 or e.length > 9)) or e.share("road") > 0.6 > ending:
        return None
    if e.hits("division_retired"):
        old = percent(e.share("division_retired"))
        said = gettext("{evidence}，其中已撤销的 {share}", evidence=said, share=old)
    return scale(share, 0.6, 0.95, 0.6, 0.97 if hint else 0.85), said


def _coordinate(axis: str, other: str) -> Judge:
    def judge(e: Evidence, hint: bool, hints: Hints) -> Answer:
        share = e.share(f"{axis}_range")
        if share < 0.6 or not e.numbers:
            return None
        said = gettext("{low} 至 {high}", low=f"{e.numbers[1]:g}", high=f"{e.numbers[3]:g}")
        datum = named_datum(e.column)
        if datum:
            said = gettext("{range}，列名说是 {datum}", range=said, datum=datum)
        fine = e.share("coordinate_fine")
        if hint:
            return scale(share, 0.6, 0.95, 0.7, 0.98 if fine >= 0.5 else 0.8), said
        narrow = e.numbers[3] - e.numbers[1] < 30 and e.numbers[1] > 0
        if other in hints.types and axis == "longitude" and share >= 0.9:
            return 0.85, gettext("列名像纬度，值像经度：{range}", range=said)
        if other in hints.types and axis == "latitude" and share >= 0.9 and narrow:
            return 0.85, gettext("列名像经度，值像纬度：{range}", range=said)
        return (0.6, said) if fine >= 0.9 and share >= 0.95 and narrow and axis == "longitude" else None

    return judge


def _postcode(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("digits_6")
    if not hint or share < 0.5:
        return None
    return scale(share, 0.5, 0.95, 0.6, 0.96), gettext("6 位数字 {share}", share=percent(share))


JUDGES: dict[str, Judge] = {
    "credit_code": _credit_code,
    "organisation_name": _organisation_name,
    "home_address": _home_address,
    "address": _address,
    "division_code": _division_code,
    "division_name": _division_name,
    "longitude": _coordinate("longitude", "latitude"),
    "latitude": _coordinate("latitude", "longitude"),
    "postcode": _postcode,
}
