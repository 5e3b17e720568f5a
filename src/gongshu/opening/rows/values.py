"""Values of a column: as a reader writes them, as SQL compares them, and as they stand in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from sqlglot import exp

SAFE_INTEGER = 2**53 - 1
NUMERIC = {"int64", "float64", "decimal"}
LONGEST = 500  # characters of a value in a question
HERE = ZoneInfo("Asia/Shanghai")  # what a time without a zone means, and what times are given in
ROW_ID = "_row_id"
FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"  # how a cell begins that a spreadsheet would compute (OWASP CSV injection)
_EXACT = Context(prec=400)


class BadQuestion(Exception):
    """The question asks for something that the version doesn't have, or can't be read; ``where`` names the field."""

    code = "bad_parameter"

    def __init__(self, message: str, **where: str) -> None:
        super().__init__(message)
        self.where = where


def typed(text: str, column: dict[str, Any], parameter: str) -> Any:
    """The value of ``text`` in the storage type of ``column``; BadQuestion when it is none."""
    name, kind = column["name"], column["storage_type"]
    if len(text) > LONGEST:
        raise BadQuestion(
            _("“%(column)s”的值太长，最多 %(n)s 个字") % {"column": name, "n": LONGEST},
            parameter=parameter,
            column=name,
        )
    if "\0" in text:
        raise BadQuestion(_("“%(column)s”的值里有不能用的字符") % {"column": name}, parameter=parameter, column=name)
    try:
        return _value(text, kind)
    except (ValueError, KeyError, InvalidOperation, OverflowError):
        message = _("筛选“%(column)s”要写%(wanted)s，不能是“%(value)s”")
        wanted = {
            "boolean": _("“是”或“否”"),
            "date": _("日期，如 2026-11-02"),
            "timestamp": _("时间，如 2026-11-02T09:30"),
            "time": _("时刻，如 09:30"),
        }.get(kind, _("数字"))
        raise BadQuestion(
            message % {"column": name, "wanted": wanted, "value": text[:40]}, parameter=parameter, column=name
        ) from None


def _value(text: str, kind: str) -> Any:
    if kind in ("int64", "decimal"):
        number = Decimal(text.strip())
        if not number.is_finite() or abs(number.adjusted()) > 60:
            raise ValueError(text)
        return number
    if kind == "float64":
        return float(text)
    if kind == "boolean":
        return {"true": True, "1": True, "是": True, "false": False, "0": False, "否": False}[text.strip().lower()]
    if kind == "date":
        return date.fromisoformat(text.strip())
    if kind == "timestamp":
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo is None else moment.astimezone(HERE).replace(tzinfo=None)
    if kind == "time":
        return time.fromisoformat(text.strip()).replace(tzinfo=None)
    return text


def rounded(value: Decimal, scale: int, *, up: bool) -> Decimal:
    """``value`` with ``scale`` digits after the point, rounded ``up`` or down where it has more."""
    return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_CEILING if up else ROUND_FLOOR, context=_EXACT)


def quoted(name: str) -> exp.Column:
    """The column ``name``, whatever characters it has."""
    return exp.column(name, quoted=True)


def json_object(columns: Iterable[dict[str, Any]]) -> exp.Expr:
    """A row as JSON text: integers beyond 2^53 and decimals as strings, NaN and infinities as null, dates and times in
    ISO 8601 (times at +08:00), geometry as GeoJSON."""
    parts: list[exp.Expr] = []
    for column in columns:
        parts += [exp.Literal.string(column["name"]), json_value(column)]
    return call("json_object", *parts)


def json_array(columns: Iterable[dict[str, Any]]) -> exp.Expr:
    """A row as a JSON array, its values as in :func:`json_object`."""
    return call("json_array", *(json_value(column) for column in columns))


def json_value(column: dict[str, Any], name: exp.Expr | None = None) -> exp.Expr:
    """The value of a column (or of the expression ``name`` of its type) as it stands in a JSON object."""
    name, kind = quoted(column["name"]) if name is None else name, column["storage_type"]
    text = exp.cast(name.copy(), "VARCHAR")
    if kind == "int64":
        bounds = [str(column.get(end) or "0") for end in ("min", "max")]
        if all(bound.lstrip("-").isdigit() and abs(int(bound)) <= SAFE_INTEGER for bound in bounds):
            return name
        return safe_integer(name)
    if kind == "float64":
        if is_bounded(column):
            return name
        return exp.case().when(call("isfinite", name.copy()), name).else_(exp.null())
    if kind == "timestamp":
        iso = call("replace", text, exp.Literal.string(" "), exp.Literal.string("T"))
        return exp.DPipe(this=iso, expression=exp.Literal.string("+08:00"), safe=False)
    if kind == "geometry":
        return exp.TryCast(this=name, to=exp.DataType.build("JSON"))
    if kind in ("boolean", "string", "date"):  # as the engine writes them
        return name
    return text


def is_bounded(column: dict[str, Any]) -> bool:
    """Whether a column of numbers or dates surely holds neither NaN nor an infinity, by its least and greatest value."""
    ends = [column.get(end) for end in ("min", "max")]
    if column["storage_type"] == "float64":
        return all(map(_is_finite, ends))
    return not any("infinity" in str(end) for end in ends)


def _is_finite(end: Any) -> bool:
    """Whether the least or greatest value is a finite number: NaN and infinities stand at the ends of a column."""
    try:
        return math.isfinite(float(end))
    except (TypeError, ValueError):
        return False


def safe_integer(number: exp.Expr) -> exp.Expr:
    """An integer as JSON: a string beyond 2^53."""
    safe = number.copy().between(-SAFE_INTEGER, SAFE_INTEGER)
    text = call("to_json", exp.cast(number.copy(), "VARCHAR"))
    return exp.case().when(safe, call("to_json", number.copy())).else_(text)


def feature(columns: list[dict[str, Any]], geometry: str, longitude: str = "", latitude: str = "") -> exp.Expr:
    """A row as a GeoJSON feature: its place from the column ``geometry``, or a point of two columns."""
    if geometry:
        shape = json_value({"name": geometry, "storage_type": "geometry"})
    else:
        x, y = (exp.cast(quoted(name), "DOUBLE") for name in (longitude, latitude))
        pair = call("json_array", x, y)
        parts = [exp.Literal.string(t) for t in ("type", "Point", "coordinates")]
        missing = exp.not_(exp.and_(call("isfinite", x.copy()), call("isfinite", y.copy())))
        nowhere = exp.or_(x.copy().is_(exp.null()), y.copy().is_(exp.null()), missing)
        shape = exp.case().when(nowhere, exp.null()).else_(call("json_object", *parts, pair))
    properties = json_object([column for column in columns if column["name"] != geometry])
    named = [exp.Literal.string(t) for t in ("type", "Feature", "geometry", "properties")]
    return call("json_object", named[0], named[1], named[2], shape, named[3], properties)


def csv_line(columns: list[dict[str, Any]], comma: str = ",") -> exp.Expr:
    """A row as a line of CSV (RFC 4180, without its end); empty cells are empty, empty text is in quotes."""
    parts: list[exp.Expr] = []
    for column in columns:
        parts += [exp.Literal.string(comma), _csv_cell(column, comma)]
    return call("concat", *parts[1:])


def _csv_cell(column: dict[str, Any], comma: str) -> exp.Expr:
    text = exp.cast(quoted(column["name"]), "VARCHAR")
    if column["storage_type"] not in ("string", "geometry"):
        return text
    guarded = guard(column)
    special = call("regexp_matches", text.copy(), exp.Literal.string(f'["{comma}\\r\\n]|^$'))
    quotes = exp.Literal.string('"')
    doubled = call("replace", guarded.copy(), quotes.copy(), exp.Literal.string('""'))
    return exp.case().when(special, call("concat", quotes, doubled, quotes.copy())).else_(guarded)


def guard(column: dict[str, Any]) -> exp.Expr:
    """Text of a column, with an apostrophe before what a spreadsheet would compute."""
    text = quoted(column["name"])
    risky = call("regexp_matches", text, exp.Literal.string(FORMULA))
    held = exp.DPipe(this=exp.Literal.string("'"), expression=text.copy(), safe=False)
    return exp.case().when(risky, held).else_(text.copy())


def row_id(key: list[str], ordinal: str) -> exp.Expr:
    """The identity of a row (``_row_id``): MD5 of the key's values as a JSON array, else its place in the version, from 1."""
    if not key:
        return exp.Add(this=quoted(ordinal), expression=exp.Literal.number(1))
    return call("md5", exp.cast(call("json_array", *(exp.cast(quoted(name), "VARCHAR") for name in key)), "VARCHAR"))


def call(function: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a function of DuckDB."""
    return exp.Anonymous(this=function, expressions=list(arguments))
