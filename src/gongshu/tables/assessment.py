"""The disclosure risk of files: before and after the protections of a contract, and against what an attacker may hold."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from gongshu.tables.anonymity import anonymity, linkage
from gongshu.tables.classify import classify
from gongshu.tables.contract import Contract
from gongshu.tables.engine import open_engine
from gongshu.tables.errors import TableError
from gongshu.tables.identifiers import limits, public_types, quasi_identifiers, sensitive_columns, still_public
from gongshu.tables.reading import read_file
from gongshu.tables.reading.options import ReadingOptions
from gongshu.tables.reading.session import the_table
from gongshu.tables.risk import exceeded
from gongshu.tables.semantic.recognition import recognise
from gongshu.tables.suppress import public_table, typed_table


def assess_risk(
    path: str | Path,
    *,
    contract: Contract | None = None,
    by: Sequence[str] = (),
    sensitive: Sequence[str] = (),
    against: str | Path | None = None,
    scene: str | None = None,
    options: ReadingOptions | None = None,
) -> dict[str, Any]:
    """How far the persons of a file can be told apart: ``{"rows", "quasi_identifiers", "before", "after", "scene", "over",
    "linkage"}``.

    ``by``: the quasi-identifiers, found out by their semantic types when none are named. With a ``contract`` the rows are
    measured as they came and ``after`` its protections; ``over`` (what is beyond the limits of the ``scene``) speaks of the
    latter. ``against``: a file that an attacker may hold, with the same columns: what joining it tells (``linkage``), on the
    quasi-identifiers that both have. TableError as of reading, ``missing_column``, ``no_quasi_identifiers``,
    ``nothing_to_link``.
    """
    with tempfile.TemporaryDirectory(prefix="gongshu-risk-") as name, open_engine(Path(name) / "engine") as engine:
        text = _staged(engine, path, Path(name) / "one", options)
        quasi, public_quasi, kept = _columns(engine, text, contract, by, sensitive)
        if not quasi:
            raise TableError(
                "no_quasi_identifiers",
                "没有认出能指向个人的列：请用 --by 指明别人可能知道的列，例如 --by 性别,出生日期。",
            )
        before = typed_table(text, contract.fields) if contract else text
        measured = anonymity(engine, before, quasi, sensitive or kept)
        found: dict[str, Any] = {"rows": measured.rows, "quasi_identifiers": quasi, "before": measured.as_json()}
        shown, last = before, measured
        if contract:
            shown = public_table(text, contract, secrets.token_bytes(32))
            found["after"] = None
            if public_quasi:
                last = anonymity(engine, shown, public_quasi, kept)
                found["after"] = {"quasi_identifiers": public_quasi, **last.as_json()}
        found["scene"] = limits(scene)
        found["over"] = exceeded(last, scene) if public_quasi else []
        if against is not None and public_quasi:
            other = _staged(engine, against, Path(name) / "two", None)
            shared = [one for one in public_quasi if one in other.columns]
            if not shared:
                raise TableError(
                    "nothing_to_link",
                    "第二张表里没有这些列：{columns}。请让列名与第一张表一致。",
                    where={"file": Path(against).name},
                    columns="、".join(public_quasi),
                )
            if contract:  # the attacker's values become as wide as what is public
                fields = [field for field in contract.fields if field.name in shared]
                other = public_table(other, Contract(contract.name, fields=fields), secrets.token_bytes(32))
            found["linkage"] = {"columns": shared, **linkage(engine, shown, other, shared).as_json()}
    return found


def _staged(engine: Backend, path: str | Path, folder: Path, options: ReadingOptions | None) -> ir.Table:
    folder.mkdir()
    choice = options or ReadingOptions()
    return engine.read_parquet(the_table(read_file(path, folder, choice), choice.sheet).path)


def _columns(
    engine: Backend, text: ir.Table, contract: Contract | None, by: Sequence[str], sensitive: Sequence[str]
) -> tuple[list[str], list[str], list[str]]:
    """The quasi-identifiers of the file, those still public, and the sensitive columns."""
    if contract is None:
        if by:
            return list(by), list(by), list(sensitive)
        codes = {name: one.code for name, one in recognise(engine, text, _rows(engine, text))[0].items()}
        names = quasi_identifiers(codes, classify(codes)[1].subject)
        return names, names, list(sensitive)
    types = {field.name: field.semantic_type for field in contract.fields}
    public, subject = still_public(contract.fields)
    open_names = [field.name for field in public]
    before = list(by) or quasi_identifiers(types, classify(types)[1].subject)
    left = quasi_identifiers(public_types(public), subject)
    kept = [name for name in sensitive if name in open_names] or sensitive_columns(public)
    return before, [name for name in by if name in open_names] if by else left, kept


def _rows(engine: Backend, text: ir.Table) -> int:
    return int(engine.to_pyarrow(text.count()).as_py())
