"""Judges of vehicles, networks, times and numbers."""

from __future__ import annotations

from gongshu.i18n import gettext
from gongshu.tables.semantic.evidence import Evidence
from gongshu.tables.semantic.hints import Hints
from gongshu.tables.semantic.judging import Answer, percent, scale
from gongshu.tables.semantic.types import Judge

TIMES = frozenset({"date", "datetime", "birth_date", "time_of_day", "year", "year_month"})


def _form(name: str, message: str, low: float, with_hint: float, without: float, *, numbering: bool = False) -> Judge:
    """A judge for a form that speaks for itself; ``numbering``: running numbers look the same, so the name must not name one."""

    def judge(e: Evidence, hint: bool, hints: Hints) -> Answer:
        share = e.share(name)
        if share < low or (numbering and hints.numbering and not hint):
            return None
        return scale(share, low, 0.95, 0.55, with_hint if hint else without), gettext(message, share=percent(share))

    return judge


def _plate(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("plate", "plate_masked")
    if share < 0.5:
        return None
    return scale(share, 0.5, 0.95, 0.55, 0.98 if hint else 0.97), gettext("号牌格式 {share}", share=percent(share))


def _years(e: Evidence, share: float) -> str:
    if e.years:
        return gettext("{low} 至 {high} 年", low=int(e.years[0]), high=int(e.years[4]))
    return gettext("日期格式 {share}", share=percent(share))


def _date(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("date", "date_chinese", "date_other")
    if hint and share < 0.6 and share + e.share("date_short") >= 0.7:
        return 0.75, gettext("日期格式 {share}", share=percent(share + e.share("date_short")))
    if hint and share < 0.5 and e.share("excel_day") >= 0.8:
        return 0.75, gettext("电子表格的日期序号 {share}", share=percent(e.share("excel_day")))
    if share < 0.6:
        return None
    if not hint and hints.numbering and e.share("number") > 0.5:
        return None
    return scale(share, 0.6, 0.95, 0.7, 0.97), _years(e, share)


def _datetime(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("datetime")
    if share >= 0.6 and (hint or not hints.numbering or e.share("number") < 0.2):
        return scale(share, 0.6, 0.95, 0.55, 0.98 if hint else 0.97), gettext(
            "日期时间格式 {share}", share=percent(share)
        )
    seconds, thousandths = e.share("epoch_10"), e.share("epoch_13")
    if hint and max(seconds, thousandths) >= 0.7:
        return 0.93, gettext("Unix 时间 {share}", share=percent(max(seconds, thousandths)))
    # without a name: thirteen digits within a few years, which running numbers seldom are
    if thousandths >= 0.85 and not hints.numbering and e.distinct >= 5 and e.numbers and e.numbers[1] > 9.4e11:
        return 0.65, gettext("Unix 时间 {share}", share=percent(thousandths))
    return None


def _birth_date(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("date", "date_chinese", "datetime", "year_month", "date_other", "year")
    if not hint:
        return None
    if share < 0.5:
        serial = e.share("excel_day")
        return (0.75, gettext("电子表格的日期序号 {share}", share=percent(serial))) if serial >= 0.8 else None
    return scale(share, 0.5, 0.9, 0.7, 0.98), _years(e, share)


def _year(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("year_marked")
    plain = e.share("year")
    if share < 0.6 and not (plain >= 0.7 and (hint or hints.types & {"date", "datetime"})):
        return None
    said = gettext("年份 {share}", share=percent(max(share, plain)))
    return (scale(max(share, plain), 0.6, 0.95, 0.6, 0.97 if hint else 0.9)), said


def _amount(e: Evidence, hint: bool, hints: Hints) -> Answer:
    money, share = e.share("money"), e.share("number")
    if money >= 0.5 and money + share >= 0.7:
        return scale(money + share, 0.6, 0.95, 0.7, 0.97), gettext("带货币或金额单位 {share}", share=percent(money))
    if not hint or money + share < 0.6 or e.share("date") > 0.5 or hints.numbering:
        return None
    if e.numbers and e.numbers[2] > 1e14:  # 工资卡号
        return None
    if "percentage" in hints.types and "amount" not in hints.types:
        return None
    return scale(money + share, 0.6, 0.95, 0.7, 0.95), gettext(
        "列名说是金额，数字 {share}", share=percent(money + share)
    )


def _percentage(e: Evidence, hint: bool, hints: Hints) -> Answer:
    share = e.share("percentage")
    if share >= 0.6:
        return scale(share, 0.6, 0.95, 0.6, 0.99 if hint else 0.98), gettext("带百分号 {share}", share=percent(share))
    if hint and e.share("percent_range") >= 0.95:
        return 0.8, gettext("列名说是比率，数字在 -100 至 100 之间")
    return None


JUDGES: dict[str, Judge] = {
    "plate": _plate,
    "email": _form("email", "邮箱格式 {share}", 0.5, 0.98, 0.98),
    "ip": _form("ip", "IP 地址格式 {share}", 0.6, 0.98, 0.95, numbering=True),
    "mac": _form("mac", "MAC 地址格式 {share}", 0.5, 0.98, 0.97),
    "birth_date": _birth_date,
    "datetime": _datetime,
    "date": _date,
    "year": _year,
    "amount": _amount,
    "percentage": _percentage,
}
