"""Whether a column says what a part of another one says: the birthday and the sex in an ID number (GB 11643: digits 7 to 14, digit 17
odd for a man; the old form of 15 digits has six and the last), the organisation code in a credit code (GB 32100: characters 9 to 17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ibis
import ibis.expr.types as ir

from gongshu.tables.cells import Cell, Early, Kind, Test, columns_of
from gongshu.tables.contract import Rule

PARTS = {"birth_date": "resident_id", "sex": "resident_id", "organisation_code": "credit_code"}  # part -> what holds it
_MEN, _WOMEN = ("男", "男性", "M", "MALE", "1"), ("女", "女性", "F", "FEMALE", "2")
_LONG, _SHORT, _CREDIT, _CODE = "^[0-9]{17}[0-9X]$", "^[0-9]{15}$", "^[0-9A-Z]{18}$", "^[0-9A-Z]{9}$"


def part_said(whole: ir.StringValue, part: str) -> ir.StringValue:
    """The part that a number in upper case, without spaces and hyphens, says of itself; null where it isn't one."""
    nothing = ibis.null("string")
    if part == "organisation_code":
        return whole.re_search(_CREDIT).ifelse(whole.substr(8, 9), nothing)
    long, short = whole.re_search(_LONG), whole.re_search(_SHORT)
    if part == "birth_date":
        old = ibis.literal("19") + whole.substr(6, 6)
        return long.ifelse(whole.substr(6, 8), short.ifelse(old, nothing))
    digit = long.ifelse(whole.substr(16, 1), short.ifelse(whole.substr(14, 1), nothing))
    return digit.notnull().ifelse(digit.isin(list("13579")).ifelse("M", "F"), nothing)


def day_told(day: ir.DateValue) -> ir.StringValue:
    """A day as an ID number writes it: 19900307."""
    number = day.year().cast("int64") * 10000 + day.month().cast("int64") * 100 + day.day().cast("int64")
    text: ir.StringValue = number.cast("string")
    return text


def sex_told(text: ir.StringValue) -> ir.StringValue:
    """M or F of what is usually written for a sex; null of anything else."""
    return text.isin(_MEN).ifelse("M", text.isin(_WOMEN).ifelse("F", ibis.null("string")))


def _told(cell: Cell, part: str) -> ir.StringValue:
    if part == "birth_date":
        return day_told(cell.like("date"))
    if part == "sex":
        return sex_told(cell.clean.upper())
    return cell.packed.re_search(_CODE).ifelse(cell.packed, ibis.null("string"))


def _agrees(rule: Rule, cells: Mapping[str, Cell]) -> Test:
    whole, other = (cells[name] for name in columns_of(rule)[:2])
    part = str(rule.params["part"])
    said, told = part_said(whole.packed, part), _told(other, part)
    asked = said.notnull() & told.notnull()
    return Test(asked, asked.ifelse(said != told, False), asked.ifelse(False, whole.filled & other.filled))


def _surely(rule: Rule, early: Mapping[str, Early]) -> ir.BooleanValue:
    whole, other = (early[name] for name in columns_of(rule)[:2])
    part = str(rule.params["part"])
    told = day_told(other.like("date")) if part == "birth_date" else other.written
    told = sex_told(told) if part == "sex" else told
    return part_said(whole.written, part) == told


def _wants(rule: Rule, types: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return [(columns_of(rule)[1], "date")] if rule.params["part"] == "birth_date" else []


AGREES = Kind(_agrees, _surely, _wants)
