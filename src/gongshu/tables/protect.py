"""Protections of fields (脱敏): what is done to a column before it is public, as expressions over columns.

One definition for every engine: no back-references (DuckDB writes ``\\1``, Spark ``$1``), masks are built from ``substr``,
``right`` and ``repeat``. What a method cannot treat safely becomes null, never the raw value: defaults deny.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.common.exceptions import IbisError

from gongshu.tables import generalise, keyed
from gongshu.tables.contract import Field
from gongshu.tables.errors import TableError
from gongshu.tables.keyed import KEYED, Keyring, keyring
from gongshu.tables.masking import mask
from gongshu.tables.microaggregate import finite, least_of, microaggregated
from gongshu.tables.model import ROW
from gongshu.tables.mondrian import METHOD, partitioned
from gongshu.tables.storage import typed

OTHERS = "其他"


def protect(table: ir.Table, fields: Iterable[Field], key: bytes | Keyring) -> ir.Table:
    """The columns of ``fields`` as they may be published, in the order of ``fields``; ``_row`` stays when it is there.

    A column that no field speaks of is left out. ``key`` (32 bytes or more, or several by version) is the secret of what is
    keyed; see :mod:`gongshu.tables.keyed`.

    Raises ``TableError``: ``protection_unknown``, ``protection_params``, ``missing_column``, ``key_too_short``,
    ``key_unknown``.
    """
    fields, ring = list(fields), keyring(key)
    for field in fields:
        if field.protection.method != "drop" and field.name not in table.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": field.name})
    secret = [field for field in fields if field.protection.method in KEYED]
    table = keyed.with_keys(table, [ring.version_of(field.protection.params) for field in secret], ring)
    made: dict[str, str] = {}
    if together := [field for field in fields if field.protection.method == METHOD]:
        with _told(together[0]):
            table, made = partitioned(table, together)
    for field in fields:
        with _told(field):
            table = _beside(table, field, fields, ring, made)
    columns: dict[str, ir.Value] = {ROW: table[ROW]} if ROW in table.columns else {}
    for field in fields:
        if field.protection.method != "drop":
            with _told(field):
                columns[field.name] = (
                    table[made[field.name]] if field.name in made else _protected(table, field, fields, ring)
                )
    return table.select(**columns)


def _beside(table: ir.Table, field: Field, fields: Sequence[Field], ring: Keyring, made: dict[str, str]) -> ir.Table:
    """The table with the protected column beside the others where that needs a join or a window; ``made`` learns its name."""
    if keyed.is_by_value(field):
        table, made[field.name] = keyed.by_value(table, field, ring.key_of(field.protection.params))
    elif field.protection.method == "shuffle":
        table, made[field.name] = keyed.shuffled(table, field, fields, ring)
    elif field.protection.method == "microaggregate":
        table, made[field.name] = microaggregated(table, field)
    return table


@contextmanager
def _told(field: Field) -> Iterator[None]:
    """What is wrong with the parameters of a protection is told with its column."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, InvalidOperation, IbisError) as error:
        raise TableError(
            "protection_params",
            "字段“{column}”的脱敏方法 {method} 缺少参数或参数不对：{reason}。",
            where={"column": field.name},
            method=field.protection.method,
            reason=str(error),
        ) from None


def _protected(table: ir.Table, field: Field, fields: Sequence[Field], ring: Keyring) -> ir.Value:
    values, method, params = table[field.name], field.protection.method, field.protection.params
    if method == "keep":
        return values
    if method in _METHODS:
        return _METHODS[method](values, params)
    if method == "keyed_hash":
        keyed.choice({"algorithm": "sha256"} | params, "algorithm", keyed.ALGORITHMS)
        return keyed.hashed(table, field, ring)
    if method == "noise":
        return keyed.noisy(table, field, fields, ring)
    if method == "merge_rare":
        return _merge_rare(table, field)
    raise TableError(
        "protection_unknown", "没有名为 {method} 的脱敏方法。", where={"column": field.name}, method=method
    )


def _merge_rare(table: ir.Table, field: Field) -> ir.Value:
    """The value where at least ``least`` rows of the table have it, else 其他: what few have tells who they are."""
    least = least_of(field.protection)
    text = table[field.name].cast("string")
    # not by a subquery of the common values: not every engine has one inside a SELECT
    alike = text.count().over(ibis.window(group_by=text))
    return ibis.cases((text.isnull(), ibis.null("string")), (alike >= least, text), else_=OTHERS)


def _clip(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """Top and bottom coding: a number beyond ``lowest`` or ``highest`` becomes that bound."""
    numbers = typed(values, "float64") if values.type().is_string() else values
    lowest, highest = (Decimal(str(params[name])) if name in params else None for name in ("lowest", "highest"))
    if (lowest is None and highest is None) or (lowest is not None and highest is not None and lowest > highest):
        raise ValueError("lowest <= highest")
    bounds = [None if each is None else ibis.literal(each).cast(numbers.type()) for each in (lowest, highest)]
    return numbers.clip(*bounds)


def _round(values: ir.Value, params: dict[str, Any]) -> ir.Value:
    """The number rounded to ``digits`` decimals, half away from zero; or to multiples of ``base``, null beyond 10^15."""
    numbers = typed(values, "float64") if values.type().is_string() else values
    if numbers.type().is_floating():
        numbers = finite(numbers)
    if "base" not in params:
        return numbers.round(int(params["digits"]))
    base = int(params["base"])
    if base < 2:
        raise ValueError("base >= 2")
    numbers = (numbers.abs() < 1e15).ifelse(numbers, numbers.nullif(numbers))
    return (numbers / base).round(0) * base


_METHODS: dict[str, Callable[[ir.Value, dict[str, Any]], ir.Value]] = {
    "mask": mask,
    "generalise_date": generalise.date,
    "generalise_number": generalise.number,
    "generalise_division": generalise.division,
    "generalise_address": generalise.address,
    "generalise_industry": generalise.industry,
    "generalise_map": generalise.mapped,
    "clip": _clip,
    "round": _round,
}
