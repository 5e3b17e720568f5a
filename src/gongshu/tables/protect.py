"""Protections of fields (脱敏): what is done to a column before it is public, as expressions over columns.

One definition for every engine: no back-references (DuckDB writes ``\\1``, Spark ``$1``), masks are built from ``substr``,
``right`` and ``repeat``. What a method cannot treat safely becomes null, never the raw value: defaults deny.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from gongshu.tables.contract import Field, Protection
from gongshu.tables.errors import TableError
from gongshu.tables.model import ROW
from gongshu.tables.storage import normalise, typed

_INNER, _OUTER, _SM3 = "_gongshu_inner", "_gongshu_outer", "_gongshu_sm3"
ALGORITHMS = ("sha256", "sm3")  # of keyed_hash

# a province, a prefecture and a county at the beginning of an address or a full division name
_PROVINCE = r"(?:(?:北京|天津|上海|重庆)市?|[^省市区县州盟旗]{2,3}省|内蒙古(?:自治区)?|(?:广西壮族|西藏|宁夏回族|新疆维吾尔)自治区|(?:香港|澳门)特别行政区)"
_MUNICIPALITY = r"(?:(?:北京|天津|上海|重庆)市?(?:市辖区|县)?)"
_CITY = rf"(?:{_MUNICIPALITY}|(?:{_PROVINCE})?[^省市区县州盟旗]{{2,10}}?(?:市|自治州|盟|地区))"
_DISTRICT = rf"(?:(?:{_CITY})?[^省市区县旗]{{1,14}}?(?:新区|自治县|自治旗|林区|特区|区|县|市|旗))"
_PREFIXES = {"province": rf"^({_PROVINCE})", "city": rf"^({_CITY})", "district": rf"^({_DISTRICT})"}
_DIGITS = {"province": 2, "city": 4, "district": 6}
OTHERS = "其他"
MOST_MAPPED = 1000  # entries of a map: each becomes a branch of the query
_CODE = r"^[0-9]{6}(?:[0-9]{3}){0,2}$"


def protect(table: ir.Table, fields: Iterable[Field], key: bytes) -> ir.Table:
    """The columns of ``fields`` as they may be published, in the order of ``fields``; ``_row`` stays when it is there.

    A column that no field speaks of is left out. ``key`` (32 bytes or more) is the secret of ``keyed_hash``; it reaches the
    engine only as two derived keys in a table of one row, so that no query text, plan or log holds it.

    Raises ``TableError``: ``protection_unknown``, ``protection_params``, ``missing_column``, ``key_too_short``.
    """
    fields = list(fields)
    for field in fields:
        if field.protection.method != "drop" and field.name not in table.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": field.name})
    if any(field.protection.method == "keyed_hash" for field in fields):
        table = table.cross_join(_keys(key))
    for field in fields:
        if _with_sm3(field.protection):
            table = _joined_sm3(table, field.name, key)
    columns: dict[str, ir.Value] = {ROW: table[ROW]} if ROW in table.columns else {}
    for field in fields:
        if field.protection.method != "drop":
            columns[field.name] = _protected(table, field)
    return table.select(**columns)


def keyed_hash(value: str, key: bytes) -> str:
    """What the ``keyed_hash`` method makes of one value: for comparing by hand and in tests.

    H(k2 || hex(H(k1 || value))) with H = SHA-256, k1 and k2 64 characters each (one block of SHA-256), derived from ``key`` by
    HMAC-SHA256. This is the nested construction of HMAC (RFC 2104) with the inner digest written in hexadecimal, which every
    engine can compute on text.
    """
    inner, outer = _derived(key)
    return hashlib.sha256((outer + hashlib.sha256((inner + value).encode()).hexdigest()).encode()).hexdigest()


def keyed_hash_sm3(value: str, key: bytes) -> str:
    """HMAC-SM3 (RFC 2104 with the hash of GB/T 32905-2016) of ``value``, in hexadecimal: the method with ``algorithm: sm3``.

    TableError ``key_too_short``, and ``no_sm3`` where the machine's OpenSSL was built without it.
    """
    inner, _outer = _derived(key)
    try:
        return hmac.new(inner.encode(), value.encode(), "sm3").hexdigest()
    except ValueError:
        raise TableError("no_sm3", "这台机器的 OpenSSL 不支持 SM3，请改用 SHA-256。") from None


def _with_sm3(protection: Protection) -> bool:
    return protection.method == "keyed_hash" and protection.params.get("algorithm") == "sm3"


def _joined_sm3(table: ir.Table, name: str, key: bytes) -> ir.Table:
    """``table`` with the hashes of the column ``name``: no engine knows SM3, so each distinct value is hashed once here."""
    value = table[name].cast("string")
    values = table.select(value=value).distinct().filter(ibis._.value.notnull()).to_pyarrow()["value"]
    hashes = [keyed_hash_sm3(each, key) for each in values.to_pylist()]
    known = ibis.memtable(pa.table({_SM3: values, _SM3 + name: pa.array(hashes, pa.string())}))
    return table.left_join(known, value == known[_SM3]).drop(_SM3)


def _derived(key: bytes) -> tuple[str, str]:
    if len(key) < 32:
        raise TableError("key_too_short", "脱敏密钥至少要有 32 字节。")
    return tuple(
        hmac.new(key, label, hashlib.sha256).hexdigest()
        for label in (b"gongshu keyed_hash inner", b"gongshu keyed_hash outer")
    )  # type: ignore[return-value]


def _keys(key: bytes) -> ir.Table:
    inner, outer = _derived(key)
    return ibis.memtable(pa.table({_INNER: [inner], _OUTER: [outer]}))


def _protected(table: ir.Table, field: Field) -> ir.Value:
    values, method, params = table[field.name], field.protection.method, field.protection.params
    if method == "keep":
        return values
    treat = _METHODS.get(method)
    if treat is None and method not in _OF_TABLES:
        raise TableError(
            "protection_unknown", "没有名为 {method} 的脱敏方法。", where={"column": field.name}, method=method
        )
    try:
        return treat(values, params) if treat else _OF_TABLES[method](table, field)
    except (KeyError, ValueError, TypeError, InvalidOperation) as error:
        raise TableError(
            "protection_params",
            "字段“{column}”的脱敏方法 {method} 缺少参数或参数不对：{reason}。",
            where={"column": field.name},
            method=method,
            reason=str(error),
        ) from None


def _hashed(table: ir.Table, field: Field) -> ir.Value:
    if _choice({"algorithm": "sha256"} | field.protection.params, "algorithm", ALGORITHMS) == "sm3":
        return table[_SM3 + field.name]
    digest = (table[_INNER] + table[field.name].cast("string")).hexdigest("sha256")
    return (table[_OUTER] + digest).hexdigest("sha256")


def _choice(params: dict[str, Any], name: str, known: Iterable[str]) -> str:
    value = str(params[name])
    if value not in known:
        raise ValueError(f"{name}={value}")
    return value


def _mask(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """Keep the first and last characters, a star for each other; a value no longer than what would be kept is all stars."""
    first, last = int(params.get("keep_first", 0)), int(params.get("keep_last", 0))
    if first < 0 or last < 0:
        raise ValueError("keep_first, keep_last >= 0")
    text = values.cast("string")
    length = text.length()
    star = ibis.literal("*")
    masked = star.repeat(length - first - last)
    if first:
        masked = text.substr(0, first) + masked
    if last:
        masked = masked + text.right(last)
    return (length > first + last).ifelse(masked, star.repeat(length))


def _generalise_date(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """``2019``, ``2019-Q3`` or ``2019-07``; null for what is no date."""
    to = _choice(params, "to", ("year", "quarter", "month"))
    days = typed(values, "date") if values.type().is_string() else values
    if values.type().is_string():
        days = days.fill_null(typed(values, "timestamp").cast("date"))
    year = days.year().cast("string")
    if to == "year":
        return year
    if to == "quarter":
        return year + "-Q" + days.quarter().cast("string")
    return year + "-" + days.month().cast("string").lpad(2, "0")


def _generalise_number(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """The interval that holds the number, as text: ``[20,30)`` for 27 and a width of 10."""
    width = Decimal(str(params["width"]))
    if not width.is_finite() or width <= 0:
        raise ValueError("width > 0")
    digits = max(0, -int(width.as_tuple().exponent))
    numbers = typed(values, "float64") if values.type().is_string() else values.cast("float64")
    # rounded before the floor, so that 0.3 / 0.1 falls into [0.3,0.4) and not into [0.2,0.3)
    lower = (numbers / float(width)).round(9).floor() * float(width)
    kind = f"decimal(38, {digits})"
    return "[" + lower.cast(kind).cast("string") + "," + (lower + float(width)).cast(kind).cast("string") + ")"


def _generalise_division(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """A division code with zeros after the level, or a name or address cut after it; null when neither is recognised."""
    to = _choice(params, "to", _DIGITS)
    text = normalise(values.cast("string"))
    kept = _DIGITS[to]
    code = text.substr(0, kept) + ibis.literal("0").repeat(text.length() - kept)
    name = text.re_extract(_PREFIXES[to], 1)
    return text.re_search(_CODE).ifelse(code, name.nullif(""))


def _generalise_map(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """The wider value that ``map`` gives for a value (a hierarchy as a table: occupations, causes, products); null for others."""
    wider = {str(value): str(to) for value, to in dict(params["map"]).items()}
    if not 0 < len(wider) <= MOST_MAPPED:
        raise ValueError(f"map: 1 .. {MOST_MAPPED}")
    return ibis.map(ibis.array(list(wider)), ibis.array(list(wider.values()))).get(values.cast("string"))


def _merge_rare(table: ir.Table, field: Field) -> ir.Value:
    """The value where at least ``least`` rows of the table have it, else 其他: what few have tells who they are."""
    least = int(field.protection.params["least"])
    if least < 2:
        raise ValueError("least >= 2")
    text = table[field.name].cast("string")
    counted = table.group_by(value=text).aggregate(n=ibis._.count())
    common = counted.filter(counted.n >= least).value
    return ibis.cases((text.isnull(), ibis.null("string")), (text.isin(common), text), else_=OTHERS)


def _clip(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """Top and bottom coding: a number beyond ``lowest`` or ``highest`` becomes that bound."""
    numbers = typed(values, "float64") if values.type().is_string() else values
    lowest, highest = (Decimal(str(params[name])) if name in params else None for name in ("lowest", "highest"))
    if (lowest is None and highest is None) or (lowest is not None and highest is not None and lowest > highest):
        raise ValueError("lowest <= highest")
    bounds = [None if each is None else ibis.literal(each).cast(numbers.type()) for each in (lowest, highest)]
    return numbers.clip(*bounds)


def _round(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """The number rounded to ``digits`` decimals, half away from zero."""
    numbers = typed(values, "float64") if values.type().is_string() else values
    return numbers.round(int(params["digits"]))


_METHODS: dict[str, Callable[[ir.Value, dict[str, Any]], ir.Value]] = {
    "mask": _mask,
    "generalise_date": _generalise_date,
    "generalise_number": _generalise_number,
    "generalise_division": _generalise_division,
    "generalise_map": _generalise_map,
    "clip": _clip,
    "round": _round,
}
_OF_TABLES: dict[str, Callable[[ir.Table, Field], ir.Value]] = {  # those that need more of the table than the column
    "keyed_hash": _hashed,
    "merge_rare": _merge_rare,
}
