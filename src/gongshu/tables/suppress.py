"""Suppression of small groups (小组不公开): rows that too few others are like are left out of what becomes public."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from gongshu.tables.anonymity import NONE, grouped
from gongshu.tables.contract import Contract, Field
from gongshu.tables.coordinates import placed
from gongshu.tables.errors import TableError
from gongshu.tables.identifiers import limits, remaining_identifiers
from gongshu.tables.keyed import Keyring, keyring, sampled
from gongshu.tables.model import ROW
from gongshu.tables.protect import protect
from gongshu.tables.storage import typed


def public_table(text: ir.Table, contract: Contract, key: bytes | Keyring) -> ir.Table:
    """The staged ``text`` as it may be published: typed, sampled, protected, without small groups as the contract says.

    ``_row`` stays, so that rows can be told and put in order; what is public are the columns of the contract. ``key``: the
    secret of what is keyed. Raises what :func:`gongshu.tables.protect.protect` raises.
    """
    rows = drawn(typed_rows(text, contract), contract, key)
    protected = protect(rows, contract.fields, key)
    return without_small_groups(protected, contract.fields) if contract.suppress_small_groups else protected


def typed_rows(text: ir.Table, contract: Contract) -> ir.Table:
    """The staged ``text`` with its storage types, its places in WGS-84."""
    return placed(typed_table(text, contract.fields), contract.fields, contract.coordinate_system)


def drawn(table: ir.Table, contract: Contract, key: bytes | Keyring) -> ir.Table:
    """The rows of the typed ``table`` that the contract's sample holds. TableError ``sample_share``."""
    if contract.sample_share is None:
        return table
    return sampled(table, contract.sample_share, contract.fields, keyring(key))


def typed_table(text: ir.Table, fields: list[Field]) -> ir.Table:
    """The columns of ``fields`` as their storage types, with the row numbers; what doesn't fit is null. TableError
    ``missing_column``."""
    for field in fields:
        if field.name not in text.columns:
            raise TableError("missing_column", "表里没有字段“{column}”。", where={"column": field.name})
    return text.select(
        **{ROW: text[ROW]} | {field.name: typed(text[field.name], field.storage_type) for field in fields}
    )


def without_small_groups(protected: ir.Table, fields: list[Field]) -> ir.Table:
    """``protected`` without the rows that fewer than the rulebook's threshold are like in all quasi-identifiers still public.

    The groups are those of :func:`gongshu.tables.risk.residual_risk`; whole groups go, so that what stays is at the threshold
    or above. A table in which no person can be recognised stays as it is.
    """
    names = remaining_identifiers(fields)
    if not names:
        return protected
    marked, keys = with_groups(protected, names)
    small = marked.group_by(keys).aggregate(_group_rows=ibis._.count())
    small = small.filter(small["_group_rows"] < limits()["k"]).select(*keys)
    return marked.anti_join(small, keys).select(*protected.columns)


def with_groups(table: ir.Table, names: list[str]) -> tuple[ir.Table, list[str]]:
    """``table`` and the names of added columns without nulls that are alike where rows are alike in ``names``."""
    values = {f"_group_{name}": each.fill_null(NONE) for name, each in grouped(table, names).items()}
    return table.mutate(**values), list(values)
