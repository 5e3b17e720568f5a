"""What is inside a code, and one writing for values that mean the same: expressions over normalised text.

They run on every engine. A value that can't be taken apart gives null, one that can't be normalised stays as it is (trimmed,
half-width).
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from gongshu.tables.semantic.patterns import regex
from gongshu.tables.storage import normalise, typed

Normaliser = Callable[[ir.StringValue], ir.StringValue]
_CHECK = "10X98765432"


def packed(values: ir.StringValue) -> ir.StringValue:
    """In upper case, without spaces and hyphens."""
    return normalise(values).upper().re_replace("[ -]", "")


def resident_id(values: ir.StringValue) -> ir.StringValue:
    """18 digits: those of 15 (before 1999) get their century and check digit."""
    text = packed(values)
    old = text.re_search(regex("resident_15")).ifelse(text.left(6) + "19" + text.substr(6, 9), ibis.null("string"))
    weights = ibis.array([pow(2, 17 - n, 11) for n in range(17)])
    # over a list of places: seventeen times the expression of the text would be a very long query
    total = ibis.array(list(range(17))).map(lambda n: old.substr(n, 1).try_cast("int64") * weights[n]).sums()
    return (old + ibis.literal(_CHECK).substr((total % 11).cast("int32"), 1)).fill_null(text)


def _id_part(
    values: ir.StringValue,
    whole: Callable[[ir.StringValue], ir.StringValue],
    old: Callable[[ir.StringValue], ir.StringValue],
) -> ir.StringValue:
    text = packed(values)
    return ibis.cases(
        (text.re_search(regex("resident_18")), whole(text)), (text.re_search(regex("resident_15")), old(text))
    )


def resident_division(values: ir.StringValue) -> ir.StringValue:
    """The division code in a resident ID: where it was first issued, by the divisions of that day."""
    return _id_part(values, lambda text: text.left(6), lambda text: text.left(6))


def resident_birth(values: ir.StringValue) -> ir.DateValue:
    """The date of birth in a resident ID; null for an impossible date."""
    day = _id_part(values, lambda text: text.substr(6, 8), lambda text: "19" + text.substr(6, 6))
    return (day.left(4) + "-" + day.substr(4, 2) + "-" + day.substr(6, 2)).try_cast("date")


def resident_sex(values: ir.StringValue) -> ir.StringValue:
    """The sex in a resident ID, by GB/T 2261.1: 1 male (an odd 17th digit), 2 female."""
    digit = _id_part(values, lambda text: text.substr(16, 1), lambda text: text.substr(14, 1)).try_cast("int64")
    return (digit % 2 == 1).ifelse("1", "2")


def organisation_of(values: ir.StringValue) -> ir.StringValue:
    """The organisation code (GB 11714) in a unified social credit code: its characters 9 to 17, with the hyphen."""
    text = packed(values)
    inside = text.substr(8, 8) + "-" + text.substr(16, 1)
    return text.re_search(regex("uscc")).ifelse(inside, ibis.null("string"))


def mobile(values: ir.StringValue) -> ir.StringValue:
    """Eleven digits, without country code and separators."""
    text = normalise(values)
    return text.re_search(regex("mobile_any")).ifelse(text.re_replace("[^0-9]", "").right(11), text)


def plate(values: ir.StringValue) -> ir.StringValue:
    """Province, letter and number in one: 沪A12345."""
    return normalise(values).upper().re_replace("[ ·.•-]", "")


def person_name(values: ir.StringValue) -> ir.StringValue:
    """Without spaces between Han characters, and with one kind of dot in names of minorities."""
    text = normalise(values)
    han = text.re_search(regex("han"))
    return han.ifelse(text.re_replace("[•.．‧・∙●]", "·").re_replace(" ", ""), text)


def sex(values: ir.StringValue) -> ir.StringValue:
    """GB/T 2261.1 in words: 男, 女, 未知."""
    text = normalise(values).upper()
    return ibis.cases(
        (text.isin(["男", "男性", "男士", "男生", "M", "MALE", "1"]), "男"),
        (text.isin(["女", "女性", "女士", "女生", "F", "FEMALE", "2"]), "女"),
        (text.isin(["未知", "0", "未说明", "9"]), "未知"),
        else_=text,
    )


def ethnicity(values: ir.StringValue) -> ir.StringValue:
    """With 族 at the end."""
    text = normalise(values)
    whole = text.re_search("^[一-鿿]{1,6}$") & ~text.isin(["其他", "其它", "外国血统", "穿青人"]) & ~text.endswith("族")
    return whole.ifelse(text + "族", text)


def date(values: ir.StringValue) -> ir.StringValue:
    """2015-10-20 for every usual writing."""
    return typed(values, "date").cast("string").fill_null(normalise(values))


def lower(values: ir.StringValue) -> ir.StringValue:
    """In lower case."""
    return normalise(values).lower()


def mac(values: ir.StringValue) -> ir.StringValue:
    """Six pairs with colons."""
    bare = normalise(values).upper().re_replace("[^0-9A-F]", "")
    pairs = [bare.substr(n, 2) for n in range(0, 12, 2)]
    joined = ibis.literal(":").join(pairs)
    return (bare.length() == 12).ifelse(joined, normalise(values))


def address_parts(values: ir.StringValue) -> dict[str, ir.StringValue]:
    """``division`` (省、市、区、县、街道、镇), ``road`` (路、街、弄、村) and ``number`` (号, 幢, 室) of an address.

    Each is null where it is not in the text. A division is read up to its last word; a road is what follows it up to the
    first number.
    """
    text = normalise(values).re_replace(" ", "")
    parts = {}
    division = text.re_extract(_DIVISION, 0)
    rest = text.re_replace(_DIVISION, "")
    road = rest.re_extract(_ROAD, 1)
    number = rest.re_extract(_ROAD, 3)
    for name, found in (("division", division), ("road", road), ("number", number)):
        parts[name] = found.nullif("")
    return parts


_PLACE = "[一-鿿]"
# the longest run of divisions at the beginning; 市 and 区 inside a road's name (城市路) come after it
_DIVISION = (
    f"^(({_PLACE}{{2,8}}?(省|自治区|特别行政区))?({_PLACE}{{2,8}}?(市|地区|自治州|盟))?"
    f"({_PLACE}{{1,8}}?(新区|区|自治县|县|自治旗|旗|市))?({_PLACE}{{1,8}}?(街道|镇|乡|苏木))?)"
)
_ROAD = "^(.*?(路|街|大道|道|巷|弄|胡同|里|村|公路|高速|桥|广场|花园|园区|小区|新村|社区))?[东南西北中]?([0-9０-９一二三四五六七八九十]+.*)?$"

NORMALISERS: dict[str, Normaliser] = {
    "resident_id": resident_id,
    "credit_code": packed,
    "organisation_code": packed,
    "bank_card": packed,
    "mobile": mobile,
    "plate": plate,
    "vin": packed,
    "imei": packed,
    "passport": packed,
    "hk_macau_permit": packed,
    "taiwan_permit": packed,
    "land_parcel_code": packed,
    "real_estate_unit_no": packed,
    "drug_approval_no": packed,
    "person_name": person_name,
    "sex": sex,
    "ethnicity": ethnicity,
    "date": date,
    "birth_date": date,
    "email": lower,
    "mac": mac,
    "case_number": packed,
}
