"""What a quality run (检核) comes to: a rule's result, a finding in words, and what one run works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
from ibis.backends import BaseBackend
from ibis.common.exceptions import IbisError

from gongshu.i18n import gettext
from gongshu.tables.beside import Beside
from gongshu.tables.check_tables import TABLE_KINDS, Context
from gongshu.tables.contract import Rule
from gongshu.tables.thresholds import holds

# what a rule with wrong parameters comes to, in Python or in the engine
_BAD_RULE = (KeyError, ValueError, TypeError, LookupError, ArithmeticError, TimeoutError, IbisError, duckdb.Error)


@dataclass(frozen=True)
class Result:
    """What became of a rule (of one of its columns): ``checked`` is the standard's B, ``checked - failed`` its A.

    ``unknown``: filled cells that the rule can't judge (they don't fit the type). ``why``: it was not run at all, and why.
    ``rows``: the rows to look at, in order, as many as were asked for; ``rows_total``: all of them. ``examples``: some of the
    values. ``groups``: for keys and duplicates how many values repeat; ``rows_total`` are then all rows of these groups and
    ``failed`` counts as the rule's ``count`` says: ``beyond_first`` (rows but the first of each group, the default), ``groups``
    or ``all_rows``. ``measured``: the number that a rule of the whole table measured.
    """

    rule: Rule
    column: str | None
    checked: int = 0
    failed: int = 0
    unknown: int = 0
    rows_total: int = 0
    rows: list[int] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    why: str = ""
    groups: int | None = None
    measured: float | None = None

    @property
    def state(self) -> str:
        """``pass``, ``fail`` or ``not_evaluable`` (it was not run, or there was nothing that it could judge)."""
        if self.why or not self.checked:
            return "not_evaluable"
        must = self.rule.params.get("must")
        if must and self.rule.kind not in TABLE_KINDS:
            percent = self.rule.params.get("unit") == "percent"
            return "pass" if holds(must, 100 * self.failed / self.checked if percent else self.failed) else "fail"
        return "fail" if self.failed else "pass"

    @property
    def counting(self) -> str | None:
        """How repeated rows were counted; None where none are."""
        return str(self.rule.params.get("count", "beyond_first")) if self.groups is not None else None


@dataclass(frozen=True)
class Finding:
    """A broken rule in words: ``message`` holds counts and names, never a value; ``examples`` holds values."""

    rule: str
    column: str | None
    kind: str
    severity: str
    message: str
    rows_total: int
    rows: list[int]
    examples: list[str]


@dataclass(frozen=True)
class QualityRun:
    """``scores``: ``{"profile", "total", "dimensions"}`` as in the inspect document. ``mask``: the file of failing rows, if asked for."""

    results: list[Result]
    findings: list[Finding]
    scores: dict[str, Any]
    mask: Path | None = None


@dataclass
class Run:
    """What one run works with. ``every``: for the mask, the wrong rows of what isn't row-local."""

    backend: BaseBackend
    table: ir.Table
    types: dict[str, str]
    max_rows: int
    context: Context
    beside: Beside | None = None
    results: list[Result] = field(default_factory=list)
    every: list[tuple[Result, ir.Table]] = field(default_factory=list)

    @property
    def bad(self) -> tuple[type[Exception], ...]:
        """What a rule that can't be run comes to, on this engine."""
        if self.backend.name != "pyspark":
            return _BAD_RULE
        from pyspark.errors import PySparkException

        return (*_BAD_RULE, PySparkException)

    def add(self, result: Result, every: ir.Table | None = None) -> None:
        """Keep a result; ``every``: all its wrong rows, where they are not told row by row."""
        self.results.append(result)
        if every is not None:
            self.every.append((result, every))

    def broken(self, rule: Rule, error: Exception) -> Result:
        """The result of a rule that could not be run, and why."""
        problem = str(error.args[0] if isinstance(error, LookupError) and error.args else error).split("\n")[0][:200]
        return Result(rule, rule.column, why=gettext("规则跑不起来：{problem}", problem=problem))
