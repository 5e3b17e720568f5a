"""Patterns and check digits as Ibis expressions over normalised text (trimmed, half-width).

Regular expressions keep to what RE2 and Java share (no look-around, no back-reference), so that they run on DuckDB and on Spark.
"""

from __future__ import annotations

from functools import cache

import ibis
import ibis.expr.types as ir

from gongshu.rulebooks import rulebook

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_MONTH_DAY = "(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
_PLATE_CHAR = "[A-HJ-NP-Z0-9]"


@cache
def _provinces() -> str:
    return "(" + "|".join([*rulebook("semantic-2026/divisions")["provinces"], "83", "91"]) + ")"


@cache
def regex(name: str) -> str:
    """The pattern of a form; some are made from the rulebook."""
    values = rulebook("semantic-2026/values")
    provinces = _provinces()
    area = values["area_code"]
    segments = "|".join(str(segment) for segment in values["mobile_segments"])
    number = r"[2-9][0-9]{6,7}([-转*#,][0-9]{1,6}|[(]?(转|分机)[0-9]{1,6}[)]?)?"
    patterns: dict[str, str] = {
        "resident_18": rf"^{provinces}[0-9]{{4}}(18|19|20)[0-9]{{2}}{_MONTH_DAY}[0-9]{{3}}[0-9X]$",
        "resident_15": rf"^{provinces}[0-9]{{4}}[0-9]{{2}}{_MONTH_DAY}[0-9]{{3}}$",
        # a number that has lost its last character
        "resident_cut": rf"^{provinces}[0-9]{{4}}(18|19|20)[0-9]{{2}}{_MONTH_DAY}[0-9]{{3}}$",
        "resident_masked": rf"^({provinces}[0-9]{{0,8}}|[1-9])[*X#●]{{3,16}}[0-9]{{0,7}}[0-9X]?$",
        "uscc": rf"^[0-9A-HJ-NPQRTUWXY][0-9A-HJ-NPQRTUWXY]{provinces}[0-9]{{4}}[0-9A-HJ-NPQRTUWXY]{{10}}$",
        "uscc_loose": r"^[0-9A-Z]{18}$",
        "uscc_masked": r"^[0-9A-Z]{2,8}[*X#●]{4,14}[0-9A-Z]{0,6}$",
        # a long number that a spreadsheet has spoiled: 3.10101E+17
        "excel_long": r"^[1-9]([.][0-9]{1,14})?E[+]?1[4-9]$",
        "card_masked": r"^[0-9]{0,8} ?[*X#●]{2,14}[* ]{0,6}[0-9]{3,6}$",
        "mobile_masked": rf"^({segments})[0-9]?[*X#●]{{4,5}}[0-9]{{3,4}}$",
        "resident_loose": r"^[1-9][0-9]{16}[0-9X]$|^[1-9][0-9]{14}$",
        "mobile": rf"^([(]?[+]?(00)?86[)]?[- ]?)?({segments})[- ]?[0-9]{{4}}[- ]?[0-9]{{4}}$",
        "mobile_any": r"^([(]?[+]?(00)?86[)]?[- ]?)?1[0-9]{2}[- ]?[0-9]{4}[- ]?[0-9]{4}$",
        "landline_full": rf"^([+]?86[- ]?)?[(]?({area})[)]?[- ]?{number}$",
        "landline_local": rf"^{number}$",
        "hotline": r"^(400|800)[- ]?[0-9]{3}[- ]?[0-9]{4}$|^(95[0-9]{3,4}|12[0-9]{3}|1[0-2][0-9])$",
        # 15 digits are American Express only: device numbers (IMEI) have 15 with the same check digit
        "card": rf"^{values['card_prefixes']}[0-9]{{14,17}}$|^3[47][0-9]{{13}}$",
        "plate": rf"^[{values['plate_provinces']}][A-Z][·.•-]?({_PLATE_CHAR}{{4}}[A-HJ-NP-Z0-9挂学警港澳领试超]|{_PLATE_CHAR}{{6}})$",
        "plate_masked": rf"^[{values['plate_provinces']}][A-Z][·.•-]?[A-Z0-9]{{0,2}}\*{{2,4}}[A-Z0-9]{{0,3}}$",
        "email": r"^[A-Z0-9._%+'-]+@[A-Z0-9-]+([.][A-Z0-9-]+)*[.][A-Z]{2,24}$",
        "ip": r"^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(:[0-9]{1,5})?$"
        r"|^[0-9A-F]{1,4}(:[0-9A-F]{0,4}){2,6}:[0-9A-F]{1,4}$",
        "mac": r"^([0-9A-F]{2}[:-]){5}[0-9A-F]{2}$|^([0-9A-F]{4}[.]){2}[0-9A-F]{4}$",
        "passport": r"^([EGDSP][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|(14|15)[0-9]{7}|(SE|DE|PE|MA|K[0-9])[0-9]{7})$",
        "hk_macau_permit": r"^([CWHM][0-9]{8}|C[A-HJ-NP-Z][0-9]{7}|[HM][0-9]{10})$",
        "medical_record": r"^[A-Z]{0,4}[-]?[0-9]{5,16}$",
        "medical_prefix": r"^(MZ|ZY|BL|BA|JZ|MR|BR|ZYH|MZH|BLH|BAH|MRN)[-]?[0-9]{5,14}$",
        "icd": r"^[A-TV-Z][0-9]{2}([.][0-9X]{1,3}[0-9A-Z]{0,6})?([+*]?)$",
        "icd_dotted": r"^[A-TV-Z][0-9]{2}[.][0-9X]{1,3}[0-9A-Z]{0,6}([+*]?)$",
        "diagnosis": values["diagnosis_words"],
        "complaint": values["complaint_words"],
        "organisation": values["organisation_endings"],
        "place_ending": values["place_endings"],
        "division_ending": values["division_endings"],
        "road": values["road"],
        "street_number": values["street_number"],
        "dwelling": values["dwelling"],
        "embedded": rf"(^|[^0-9])(({segments})[0-9]{{8}}|{provinces}[0-9]{{4}}(19|20)[0-9]{{2}}{_MONTH_DAY}[0-9]{{3}}[0-9X]|({area})-[2-9][0-9]{{6,7}})([^0-9]|$)",
        "date": r"^[12][0-9]{3}([-/.年])(0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12][0-9]|3[01])日?$|^(1[89]|20|21)[0-9]{2}"
        + _MONTH_DAY
        + "$",
        # 18.07.2022, 7/18/2022, JUL 18, 2022, 2022年07月18日 星期一
        "date_other": r"^(0?[1-9]|[12][0-9]|3[01])[./-](0?[1-9]|[12][0-9]|3[01])[./-](19|20)[0-9]{2}$"
        r"|^[12][0-9]{3}年(0?[1-9]|1[0-2])月(0?[1-9]|[12][0-9]|3[01])日? ?[(]?(星期|周)[一二三四五六日天][)]?$"
        r"|^(0?[1-9]|[12][0-9]|3[01])[ -](JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]*[ ,-]+[12][0-9]{3}$"
        r"|^(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]* (0?[1-9]|[12][0-9]|3[01]),? [12][0-9]{3}$",
        "date_short": r"^(0?[1-9]|[12][0-9]|3[01])[./-](0?[1-9]|[12][0-9]|3[01])[./-][0-9]{2}$"
        r"|^[0-9]{2}[./-](0?[1-9]|1[0-2])[./-](0?[1-9]|[12][0-9]|3[01])$",
        "date_chinese": r"^[〇零○一二三四五六七八九]{4}年[一二三四五六七八九十]{1,3}月[一二三四五六七八九十廿]{1,4}日$",
        "year_month": r"^[12][0-9]{3}([-/.]|年)(0?[1-9]|1[0-2])月?$",
        "datetime": r"^[12][0-9]{3}[-/.年]?[0-9]{1,2}[-/.月]?[0-9]{1,2}日?[T ]*(上午|下午)?[0-9]{1,2}[:时点][0-9]{1,2}.{0,20}$"
        r"|^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][12][0-9]{3} +[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[AP]M)?$"
        rf"|^(19|20)[0-9]{{2}}{_MONTH_DAY}([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]$",
        "number": r"^[-+]?[0-9]{1,3}(,[0-9]{3})*([.][0-9]+)?$|^[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]{1,3})?$",
        "money": r"^[(]?[-+]?(¥|￥|\$|€|£|RMB|CNY|USD|人民币)? ?[0-9][0-9,]*([.][0-9]+)? ?"
        r"(元|万元|亿元|千元|百万元|万|亿|元/.{1,6}|万美元|美元|港元|欧元|元整|圆整)[)]?$"
        r"|^(¥|￥|\$|€|£|RMB|CNY|USD|人民币) ?[-+]?[0-9][0-9,]*([.][0-9]+)?$",
        "coordinate": r"^-?[0-9]{1,3}[.][0-9]{2,}$",
        "coordinate_fine": r"^-?[0-9]{1,3}[.][0-9]{4,}$",
        "postcode": r"^[0-8][0-9]{5}$",
        "digits": r"^[0-9]+$",
        "han": r"[一-鿿]",
        "han_only": r"^[一-鿿]+$",
        "person_length": r"^[一-鿿㐀-䶵]{2,4}$",
        "person_dotted": r"^[一-鿿]{1,8}([·•.．‧・][一-鿿]{1,10}){1,3}$",
        "person_latin": r"^[A-Z][A-Z'.-]*( [A-Z][A-Z'.-]*){0,4}$",
        "person_masked": r"^[一-鿿](\*{1,3}|某{1,2}|○{1,2}|[xX×]{1,2})[一-鿿]?$",
        "starred": r"\*{2,}",
    }
    return patterns[name]


def surname(text: ir.StringValue) -> ir.BooleanValue:
    """True where the text begins with a surname of the rulebook and has a given name of one or two characters."""
    book = rulebook("semantic-2026/surnames")
    single = list(book["single"] + book["traditional"])
    compound = (text.left(2).isin(book["compound"])) & text.length().between(3, 4)
    return (text.left(1).isin(single) & text.length().between(2, 3)) | compound


def resident_18_valid(text: ir.StringValue) -> ir.BooleanValue:
    """GB 11643-1999 (ISO 7064 MOD 11-2): weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, check character 10X98765432."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum((text.substr(n, 1).try_cast("int64") * weight for n, weight in enumerate(weights)), ibis.literal(0))
    return _completes(total, 1, "0123456789X", text, 11)


def uscc_valid(text: ir.StringValue) -> ir.BooleanValue:
    """GB 32100-2015: alphabet of 31 characters (no I O S V Z), weights 3**i mod 31, check 31 - (sum mod 31)."""
    alphabet = ibis.literal(_USCC_ALPHABET)
    total = sum((alphabet.find(text.substr(n, 1)) * pow(3, n, 31) for n in range(17)), ibis.literal(0))
    return _completes(total, 0, _USCC_ALPHABET, text, 31)


def _completes(total: ir.NumericValue, to: int, alphabet: str, text: ir.StringValue, modulus: int) -> ir.BooleanValue:
    """True where the 18th character's place in ``alphabet`` and ``total`` make ``to``.

    Compared as numbers: to take the right character out of a text at a computed place would compute ``total`` twice.
    """
    last = text.substr(17, 1)
    right = (total + ibis.literal(alphabet).find(last)) % modulus == to
    return (right & last.isin(list(alphabet))).fill_null(False)


def luhn_valid(text: ir.StringValue) -> ir.BooleanValue:
    """ISO/IEC 7812-1 annex B (Luhn) for 15 to 19 digits; anything else is false."""
    padded = text.lpad(19, "0")
    doubled = ibis.literal("0516273849")  # place of digit d is d doubled with its digits added
    total = ibis.literal(0)
    for n in range(19):
        digit = padded.substr(18 - n, 1)
        total = total + (digit.try_cast("int64") if n % 2 == 0 else doubled.find(digit))
    return ((total % 10 == 0) & text.re_search("^[0-9]{15,19}$")).fill_null(False)
