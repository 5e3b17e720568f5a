"""A Spark Connect server (Spark 4, Sail) behind Ibis, on which each expression means what it means on DuckDB.

Ibis writes one expression in the SQL of each engine, but the engines read some of it otherwise; :class:`_Compiler` is where that
is made good, so that the expressions of this package need not know. This module needs the extra ``gongshu[spark]``.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlglot.expressions as sge
from ibis.common.exceptions import IbisError
from ibis.formats.pyarrow import PyArrowData

from gongshu.tables.engine import EngineError
from gongshu.tables.errors import TableError
from gongshu.tables.regexes import portable
from gongshu.tables.shared_parts import share_in_aggregate, share_in_select

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions of pandas, which we don't use
        from grpc import RpcError
        from ibis.backends.pyspark import Backend
        from ibis.backends.sql.compilers.pyspark import PySparkCompiler
        from ibis.backends.sql.datatypes import PySparkType
        from ibis.backends.sql.dialects import PySpark
        from pyspark.errors import PySparkException
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession
except ImportError:
    raise TableError("engine_missing", "缺少连接 Spark 的组件，请先安装：pip install 'gongshu[spark]'。") from None

SECONDS_TO_ANSWER = 10.0
OLDEST = 4  # major version: earlier ones have no try_cast of all kinds and other rules for dates
MOST_SENT = 64 * 1024**2  # bytes of a staged file that are sent when the server can't read it
_PORT = 15002
_AWAY = ("UNAVAILABLE", "Connection refused", "failed to connect", "Socket closed", "SESSION_CLOSED", "INVALID_HANDLE")


def connect(url: str) -> SparkConnect:
    """A backend on the Spark Connect server of ``url`` (``sc://host:port``); the caller disconnects it.

    Raises ``TableError``: ``engine_address``, ``engine_away`` when nobody answers there, ``engine_too_old`` before Spark 4.
    """
    host, port = _address(url)
    try:
        socket.create_connection((host, port), SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise _away(url, error) from None
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # it writes what the caller is told anyway
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            session = SparkSession(DefaultChannelBuilder(url))
            session.client.set_retry_policies([DefaultPolicy(max_retries=4, max_backoff=2_000)])
            version = str(session.version)
        except (PySparkException, RpcError, ValueError) as error:
            raise _away(url, error) from None
        if not version.split(".")[0].isdecimal() or int(version.split(".")[0]) < OLDEST:
            session.stop()
            raise TableError(
                "engine_too_old",
                "计算服务 {url} 是 Spark {version}，需要 Spark 4 或更新的版本（或 Sail）。",
                url=_shown(url),
                version=version,
            )
        _ = ibis.pyspark  # its options are registered
        backend = SparkConnect()
        backend.url = url
        return backend.connected(session)


def _address(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        host, port = None, 0
    if not url.startswith("sc://") or not host:
        raise TableError("engine_address", "引擎「{url}」不对，请写成 sc://主机:端口。", url=_shown(url))
    return host, port


def _shown(url: str) -> str:
    """Without what follows the host and port: a token may be in it."""
    return url.split("/;")[0]


def _away(url: str, error: BaseException) -> TableError:
    return TableError(
        "engine_away",
        "连不上计算服务 {url}：{problem}。请看服务是否已启动、地址和端口是否正确、防火墙是否放行。",
        url=_shown(url),
        problem=(str(error).strip() or type(error).__name__).split("\n")[0][:200],
    )


class _Type(PySparkType):  # type: ignore[misc]
    """Times of day are text of one width: Spark 4.0 has no such type, and as text they compare and sort alike."""

    @classmethod
    def from_ibis(cls, dtype: dt.DataType) -> Any:
        return super().from_ibis(dt.string if dtype.is_time() else dtype)


class _Dialect(PySpark):  # type: ignore[misc]
    """SQL text for Spark: of the escapes in a literal it knows these only, others would lose their backslash."""


_Dialect.ESCAPED_SEQUENCES = {char: PySpark.ESCAPED_SEQUENCES[char] for char in "\b\n\r\t\\"}


class _Compiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' SQL for Spark, put right where Spark or Sail would give another answer than DuckDB."""

    __slots__ = ()
    dialect = _Dialect
    type_mapper = _Type
    post_rewrites = (share_in_select, share_in_aggregate)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802 - Ibis calls it so
        return self.f.anon.regexp_like(arg, _literal(op.pattern))

    def visit_RegexExtract(self, op: Any, *, arg: Any, pattern: Any, index: Any) -> Any:  # noqa: N802
        return self.f.anon.regexp_extract(arg, _literal(op.pattern), index)

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: N802
        if not isinstance(op.replacement, ops.Literal) or any(sign in op.replacement.value for sign in "\\$"):
            raise IbisError("a replacement with a reference to what was found is not the same on every engine")
        return self.f.anon.regexp_replace(arg, _literal(op.pattern), replacement)

    def visit_Substring(self, op: Any, *, arg: Any, start: Any, length: Any) -> Any:  # noqa: N802
        if not isinstance(op.start, ops.Literal) or op.start.value < 0:
            return super().visit_Substring(op, arg=arg, start=start, length=length)
        return self.f.anon.substring(arg, op.start.value + 1, *([] if length is None else [length]))

    def visit_Hash(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        # Ibis takes hash(), which has 32 bits: among 100,000 values it makes duplicates
        return self.f.anon.xxhash64(arg)

    def visit_Uppercase(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        odd, stand_ins, capitals = _odd_capitals()
        f = self.f.anon
        mapped = f.translate(f.upper(f.translate(arg, odd, stand_ins)), stand_ins, capitals)
        return self.if_(f.regexp_like(arg, sge.convert(f"[{odd}]")), mapped, f.upper(arg))

    def visit_Lowercase(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        # one of two characters in small, and one that is another at the end of a word
        f = self.f.anon
        return f.lower(self.if_(f.regexp_like(arg, sge.convert("[İΣ]")), f.translate(arg, "İΣ", "iσ"), arg))

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return arg.is_(sge.Null())

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return arg.is_(sge.Null()).not_()

    def visit_Field(self, op: Any, *, rel: Any, name: str) -> Any:  # noqa: N802
        return super(PySparkCompiler, self).visit_Field(op, rel=rel, name=name)

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        if dtype.is_floating():  # 0.1 alone is a decimal for Spark
            return self.cast(sge.convert(repr(float(value))), dt.float64)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_IsInf(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return self.f.abs(arg).eq(self.cast(sge.convert("Infinity"), dt.float64))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        # Spark raises where DuckDB may not come: within a branch that is not taken
        read = (op.arg.dtype.is_string() or op.arg.dtype.is_floating()) and not (to.is_string() or to.is_json())
        return self.visit_TryCast(op, arg=arg, to=to) if read else super().visit_Cast(op, arg=arg, to=to)

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        if to.is_time() and op.arg.dtype.is_string():
            return _time(self, arg)
        cast = super().visit_TryCast(op, arg=arg, to=to)
        if to.is_decimal() and op.arg.dtype.is_string():  # Sail reads no exponents
            wide = super().visit_TryCast(op, arg=super().visit_TryCast(op, arg=arg, to=dt.float64), to=to)
            return self.if_(self.f.anon.regexp_like(arg, "[eE]"), wide, cast)
        return cast

    def visit_DateAdd(self, op: Any, *, left: Any, right: Any) -> Any:  # noqa: N802
        if isinstance(op.right, ops.IntervalFromInteger) and op.right.unit.short == "D":
            return self.f.anon.date_add(left, self.cast(_days(right), dt.int32))
        return super().visit_DateAdd(op, left=left, right=right)

    def visit_IntervalFromInteger(self, op: Any, *, arg: Any, unit: Any) -> Any:  # noqa: N802
        places = {"D": 0, "h": 1, "m": 2, "s": 3}
        if unit.short not in places:
            return super().visit_IntervalFromInteger(op, arg=arg, unit=unit)
        parts: list[Any] = [sge.convert(0)] * 4
        parts[places[unit.short]] = self.cast(arg, dt.int32)
        return self.f.anon.make_dt_interval(*parts)


@functools.cache
def _odd_capitals() -> tuple[str, str, str]:
    """Letters that are several capitals for Java and Rust (ß, ŉ, ﬁ), private characters for them, and DuckDB's one capital."""
    odd = [char for char in map(chr, range(0x80, 0x10000)) if len(char.upper()) > 1]
    capitals = ["ẞ" if char == "ß" else char.title() if len(char.title()) == 1 else char for char in odd]
    return "".join(odd), "".join(chr(0xF0000 + n) for n in range(len(odd))), "".join(capitals)


def _days(interval: Any) -> Any:
    """The number of days of what ``visit_IntervalFromInteger`` made."""
    return interval.expressions[0]


def _literal(pattern: Any) -> Any:
    if not isinstance(pattern, ops.Literal):
        raise IbisError("a pattern out of a column is not the same on every engine")
    try:
        return sge.convert(portable(pattern.value))
    except ValueError as error:
        raise IbisError(str(error)) from None


def _time(compiler: _Compiler, text: Any) -> Any:
    """A text such as 9:30 or 09:30:15.25 as ``09:30:15.250000``; null for what is no time of day."""
    f = compiler.f
    form = portable(r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?$")
    fraction = f.anon.regexp_extract(text, sge.convert(r"\.([0-9]{1,6})"), sge.convert(1))
    seconds = f.anon.regexp_extract(text, sge.convert("^[0-9]+:[0-9]+:([0-9]{2})"), sge.convert(1))
    whole = f.concat(
        f.lpad(f.anon.substring_index(text, ":", 1), 2, "0"),
        ":",
        f.anon.regexp_extract(text, sge.convert("^[0-9]+:([0-9]{2})"), sge.convert(1)),
        ":",
        f.lpad(seconds, 2, "0"),
        ".",
        f.rpad(fraction, 6, "0"),
    )
    return compiler.if_(f.anon.regexp_like(text, sge.convert(form)), whole, sge.Null())


class SparkConnect(Backend):  # type: ignore[misc]
    """Ibis' Spark backend over Arrow, with the compiler above; its errors are ``EngineError`` or ``TableError``."""

    compiler = _Compiler()
    url = ""

    def connected(self, session: SparkSession) -> SparkConnect:
        """Itself on ``session``, with what makes answers the same everywhere."""
        with self._told():
            self.do_connect(session)
            session.conf.set("spark.sql.ansi.enabled", "true")
        return self

    def disconnect(self) -> None:
        """End the session; the server goes on."""
        with contextlib.suppress(PySparkException, RpcError, OSError):
            self._session.stop()

    def read_parquet(self, path: str | Path, /, *, table_name: str | None = None, **kwargs: Any) -> ir.Table:
        """The staged file at ``path``, read by the server; sent to it where it can't and the file is small.

        ``TableError`` ``engine_cannot_read`` for a larger one.
        """
        try:
            with self._told():
                return super().read_parquet(path, table_name=table_name, **kwargs)
        except EngineError as error:
            size = Path(path).stat().st_size
            if size <= MOST_SENT:
                return self._sent(pq.read_table(path), table_name)
            raise TableError(
                "engine_cannot_read",
                "计算服务 {url} 读不到暂存文件 {path}（{size} MB）：{problem}。"
                "请把临时文件夹（环境变量 TMPDIR）设为本机与计算服务都能以同一路径读到的共享文件夹。",
                where={"file": str(path)},
                url=_shown(self.url),
                path=str(path),
                size=size // 1024**2,
                problem=str(error).split("\n")[0][:200],
            ) from None

    def _sent(self, data: pa.Table, name: str | None = None) -> ir.Table:
        name = name or ibis.util.gen_name("sent")
        from ibis.backends.pyspark.datatypes import PySparkSchema

        # nothing tells the types of no rows but their schema
        kinds = None if data.num_rows else PySparkSchema.from_ibis(ibis.Schema.from_pyarrow(data.schema))
        with self._told():
            self._session.createDataFrame(data if data.num_rows else [], schema=kinds).createOrReplaceTempView(name)
            return self.table(name)

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        # over Arrow: through pandas an empty cell would become NaN
        self._sent(op.data.to_pyarrow(op.schema), op.name)

    def _make_memtable_finalizer(self, name: str) -> None:
        """The session's end drops it."""

    def execute(self, expr: ir.Expr, /, **kwargs: Any) -> Any:
        """The answer as pandas has it."""
        return expr.__pandas_result__(self.to_pyarrow(expr.as_table(), **kwargs).to_pandas())

    def to_pyarrow(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The answer as an Arrow table (of a table), array (of a column) or scalar."""
        table = expr.as_table()
        with self._told():
            self._run_pre_execute_hooks(table)
            answer = self._session.sql(self.compile(table, params=params, limit=limit)).toArrow()
        return expr.__pyarrow_result__(_as_declared(answer, table.schema()))

    @contextlib.contextmanager
    def _told(self) -> Any:
        try:
            yield
        except (PySparkException, RpcError) as error:
            text = str(error)
            if isinstance(error, RpcError) or any(sign in text for sign in _AWAY):
                raise _away(self.url, error) from None
            raise EngineError(text.split("JVM stacktrace")[0].strip()) from None


def _times(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts such as 09:30:15.250000 as times of day."""
    parts = [(0, 2, 3_600_000_000), (3, 5, 60_000_000), (6, 8, 1_000_000), (9, 15, 1)]
    counts = [
        pc.multiply(pc.cast(pc.utf8_slice_codeunits(texts, first, last), pa.int64()), unit)
        for first, last, unit in parts
    ]
    return functools.reduce(pc.add, counts).cast(pa.time64("us"))


def _as_declared(answer: pa.Table, schema: Any) -> pa.Table:
    """``answer`` with the types of ``schema``; times of day come as text."""
    columns = []
    for kind, column in zip(schema.types, answer.columns, strict=True):
        if kind.is_time():
            column = _times(column.cast(pa.string()))
        elif kind.is_timestamp() and pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us"))
        columns.append(column)
    return PyArrowData.convert_table(pa.table(columns, names=list(schema.names)), schema)
