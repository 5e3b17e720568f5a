"""Rules in SQL: parsed, and run only when they are one SELECT over the table itself, of functions that are known to be harmless."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from gongshu.i18n import gettext

DIALECT = "duckdb"  # in which rules are written; other engines get a translation
LONGEST = 10_000  # characters
DEEPEST = 60
OBJECT = ("{object}", "${object}", "${table}", "{table}", "{model}")  # how ODCS writings name the table
NAME = "object"
# what a rule may compute: no reading, no settings, no sequences that make rows out of nothing
ALLOWED: tuple[type[exp.Expr], ...] = (
    exp.Abs, exp.And, exp.Avg, exp.Between, exp.Case, exp.Cast, exp.Ceil, exp.Coalesce, exp.Concat, exp.Contains, exp.Count,
    exp.CountIf, exp.CurrentDate, exp.CurrentTimestamp, exp.DateDiff, exp.DateTrunc, exp.TimestampTrunc, exp.Day, exp.DPipe,
    exp.EndsWith, exp.Exists, exp.Extract, exp.Filter, exp.Floor, exp.Greatest, exp.If, exp.IsNan, exp.Least, exp.Left,
    exp.Length, exp.Lower, exp.Max, exp.Median, exp.Min, exp.Month, exp.Nullif, exp.Or, exp.Quantile, exp.PercentileCont,
    exp.PercentileDisc, exp.RegexpExtract, exp.RegexpFullMatch, exp.RegexpLike, exp.Replace, exp.Right, exp.Round,
    exp.RowNumber, exp.Sign, exp.Split, exp.SplitPart, exp.Sqrt, exp.StartsWith, exp.Stddev, exp.StddevPop, exp.StddevSamp,
    exp.StrPosition, exp.Substring, exp.Sum, exp.Trim, exp.TryCast, exp.Upper, exp.Variance, exp.VariancePop, exp.Year,
    exp.ApproxDistinct, exp.DateAdd, exp.DateSub, exp.Lag, exp.Lead, exp.TsOrDsToDate, exp.Date, exp.Xor, exp.StrToTime,
)  # fmt: skip
ALLOWED_NAMES = frozenset({"len", "ltrim", "rtrim", "isinf", "isfinite", "bool_and", "bool_or"})
_REFUSED: tuple[type[exp.Expr], ...] = (
    exp.Command, exp.Into, exp.Join, exp.Lateral, exp.Unnest, exp.Placeholder, exp.Parameter, exp.Lock, exp.SetOperation,
    exp.TableSample, exp.Pivot, exp.Values,
)  # fmt: skip


def one_select(query: str, name: str = "") -> exp.Select:
    """The query as a tree, its table called :data:`NAME`. ValueError, in words, for anything but one SELECT over the table.

    ``name``: what the contract calls the table; ``{object}`` and ``object`` mean it, too.
    """
    tree = _parsed(_named(query))
    if not isinstance(tree, exp.Select):
        raise ValueError(gettext("只能是一条 SELECT"))
    _check(tree)
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    if any(with_.args.get("recursive") for with_ in tree.find_all(exp.With)):
        raise ValueError(gettext("不能用递归"))
    known = {NAME, name.lower()} - {""}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db or table.catalog:
            raise ValueError(gettext("只能查本表，不能查「{name}」", name=table.sql(dialect=DIALECT)))
        if table.name.lower() in own:
            continue
        if name and table.name.lower() not in known:
            raise ValueError(gettext("只能查本表，不能查「{name}」", name=table.name))
        alias = table.alias or table.name
        table.set("this", exp.to_identifier(NAME, quoted=True))
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return tree


def one_condition(text: str) -> exp.Expr:
    """A condition on the columns of one row. ValueError, in words, for anything else."""
    tree = _parsed(f"SELECT 1 FROM {NAME} WHERE {text}")  # noqa: S608 - what comes of it is looked at, and only then run
    where = tree.args.get("where") if isinstance(tree, exp.Select) else None
    others = [
        key
        for key, value in tree.args.items()
        if value and key not in ("expressions", "from", "from_", "where", "kind")
    ]
    if where is None or others or any(True for _ in where.find_all(exp.Subquery, exp.Select, exp.AggFunc, exp.Window)):
        raise ValueError(gettext("条件只能说一行里的列"))
    _check(where)
    condition: exp.Expr = where.this
    return condition


def _named(query: str) -> str:
    for written in sorted(OBJECT, key=len, reverse=True):
        query = query.replace(written, NAME)
    return query


def _parsed(query: str) -> exp.Expr:
    if len(query) > LONGEST:
        raise ValueError(gettext("SQL 太长，上限 {limit} 字", limit=LONGEST))
    try:
        trees = sqlglot.parse(query, read=DIALECT)
    except (ParseError, TokenError, SqlglotError, RecursionError) as error:
        problem = str(error).splitlines()[0][:120]
        raise ValueError(gettext("SQL 写错了：{problem}", problem=problem)) from error
    if len(trees) != 1 or trees[0] is None:
        raise ValueError(gettext("只能是一条 SELECT"))
    tree: exp.Expr = trees[0]
    return tree


def _check(tree: exp.Expr) -> None:
    for node in tree.walk():
        if isinstance(node, _REFUSED):
            raise ValueError(gettext("规则里的 SQL 不能用 {what}", what=node.key.upper()))
        if isinstance(node, exp.Anonymous):
            if node.name.lower() not in ALLOWED_NAMES:
                raise ValueError(gettext("规则里的 SQL 不能用函数 {what}", what=node.name))
        elif isinstance(node, exp.Func) and not isinstance(node, ALLOWED):
            raise ValueError(gettext("规则里的 SQL 不能用函数 {what}", what=node.sql_name()))
        if node.depth > DEEPEST:
            raise ValueError(gettext("SQL 嵌套太深"))
