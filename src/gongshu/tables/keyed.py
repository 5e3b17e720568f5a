"""Protections that depend on a secret key: hashes, tokens, and chance that comes out the same each time (noise, shuffling,
sampling).

The key reaches the engine only as derived keys in a table of one row, so that no query text, plan or log holds it. Chance is
the SHA-256 of a derived key, a label and what tells the row apart: the same rows under the same key are treated the same.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from gongshu.tables.contract import Field
from gongshu.tables.errors import TableError
from gongshu.tables.model import ROW
from gongshu.tables.storage import typed
from gongshu.tables.tokens import FORMS, tokens

INNER, OUTER, CHANCE = "_gongshu_inner_", "_gongshu_outer_", "_gongshu_chance_"
_VALUE, _MADE, _PLACE, _MOVED = "_gongshu_value", "_gongshu_made_", "_gongshu_place", "_gongshu_moved"
ALGORITHMS = ("sha256", "sm3")  # of keyed_hash
DISTRIBUTIONS = ("laplace", "gaussian")
SHARE_DIGITS = 12  # hexadecimal digits that make a share: 48 bits
MOST_SCALES = 5  # noise goes no further than so many times its scale, unless said
KEYED = ("keyed_hash", "tokenise", "noise", "shuffle")


@dataclass(frozen=True)
class Keyring:
    """The keys of protection by version (32 bytes or more each); the newest is used where a protection names none
    (``key_version``)."""

    versions: Mapping[int, bytes] = field(repr=False)

    @property
    def current(self) -> int:
        """The newest version."""
        return max(self.versions)

    def version_of(self, params: Mapping[str, object]) -> int:
        """The version that a protection with ``params`` uses. TableError ``key_unknown``."""
        version = params.get("key_version", self.current)
        if version not in self.versions:
            raise TableError("key_unknown", "没有第 {version} 版脱敏密钥。", version=version)
        return int(str(version))

    def key_of(self, params: Mapping[str, object]) -> bytes:
        """The key that a protection with ``params`` uses. TableError ``key_unknown``, ``key_too_short``."""
        key = self.versions[self.version_of(params)]
        if len(key) < 32:
            raise TableError("key_too_short", "脱敏密钥至少要有 32 字节。")
        return key


def keyring(key: bytes | Keyring) -> Keyring:
    """``key`` itself, or a ring of this one key."""
    return key if isinstance(key, Keyring) else Keyring({1: key})


def with_keys(table: ir.Table, versions: Iterable[int], ring: Keyring) -> ir.Table:
    """``table`` with the derived keys of ``versions`` as columns, the same in every row."""
    known: dict[str, list[str]] = {}
    for version in sorted(set(versions)):
        inner, outer, chance = derived(ring.key_of({"key_version": version}))
        known |= {f"{INNER}{version}": [inner], f"{OUTER}{version}": [outer], f"{CHANCE}{version}": [chance]}
    return table.cross_join(ibis.memtable(pa.table(known))) if known else table


def derived(key: bytes) -> tuple[str, str, str]:
    """The keys of the inner and the outer hash and of chance, in hexadecimal. TableError ``key_too_short``."""
    labels = (b"gongshu keyed_hash inner", b"gongshu keyed_hash outer", b"gongshu chance")
    key = keyring(key).key_of({})
    inner, outer, chance = (hmac.new(key, label, hashlib.sha256).hexdigest() for label in labels)
    return inner, outer, chance


def keyed_hash(value: str, key: bytes) -> str:
    """What the ``keyed_hash`` method makes of one value: for comparing by hand and in tests.

    H(k2 || hex(H(k1 || value))) with H = SHA-256, k1 and k2 64 characters each (one block of SHA-256), derived from ``key`` by
    HMAC-SHA256. This is the nested construction of HMAC (RFC 2104) with the inner digest written in hexadecimal, which every
    engine can compute on text.
    """
    inner, outer, _chance = derived(key)
    return hashlib.sha256((outer + hashlib.sha256((inner + value).encode()).hexdigest()).encode()).hexdigest()


def keyed_hash_sm3(value: str, key: bytes) -> str:
    """HMAC-SM3 (RFC 2104 with the hash of GB/T 32905-2016) of ``value``, in hexadecimal: the method with ``algorithm: sm3``.

    TableError ``key_too_short``, and ``no_sm3`` where the machine's OpenSSL was built without it.
    """
    try:
        return hmac.new(derived(key)[0].encode(), value.encode(), "sm3").hexdigest()
    except ValueError:
        raise TableError("no_sm3", "这台机器的 OpenSSL 不支持 SM3，请改用 SHA-256。") from None


def hashed(table: ir.Table, one: Field, ring: Keyring) -> ir.Value:
    """The keyed hash of a column; ``table`` went through :func:`with_keys`."""
    version = ring.version_of(one.protection.params)
    digest = (table[f"{INNER}{version}"] + table[one.name].cast("string")).hexdigest("sha256")
    return (table[f"{OUTER}{version}"] + digest).hexdigest("sha256")


def by_value(table: ir.Table, one: Field, key: bytes) -> tuple[ir.Table, str]:
    """``table`` with a column of what no engine can compute (tokens, SM3), and its name: each distinct value is treated once
    here and joined back."""
    params, value = one.protection.params, table[one.name].cast("string")
    values = table.select(value=value).distinct().filter(ibis._.value.notnull()).to_pyarrow()["value"]
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if one.protection.method == "tokenise":
        made = tokens(values, key, choice({"form": FORMS[0]} | params, "form", FORMS))
    else:
        made = pa.array([keyed_hash_sm3(each, key) for each in values.to_pylist()], pa.string())
    name = _MADE + one.name
    known = ibis.memtable(pa.table({_VALUE: values, name: made}))
    return table.left_join(known, value == known[_VALUE]).drop(_VALUE), name


def is_by_value(one: Field) -> bool:
    """Whether the protection needs :func:`by_value`."""
    method, params = one.protection.method, one.protection.params
    return method == "tokenise" or (method == "keyed_hash" and params.get("algorithm") == "sm3")


def choice(params: Mapping[str, object], name: str, known: Iterable[str]) -> str:
    """A parameter that must be one of ``known``; ValueError else."""
    value = str(params[name])
    if value not in known:
        raise ValueError(f"{name}={value}")
    return value


def row_of(table: ir.Table, fields: Sequence[Field]) -> list[str]:
    """The columns that tell rows apart for chance: the primary key where there is one, so that rows may be added or moved, else
    the row number. ValueError for a table with neither."""
    key = [one.name for one in fields if one.primary_key and one.name in table.columns]
    if not key and ROW not in table.columns:
        raise ValueError(ROW)
    return key or [ROW]


def digest_of(table: ir.Table, version: int, label: str, columns: Sequence[str]) -> ir.StringValue:
    """A keyed digest of each row: 64 hexadecimal digits that nobody without the key can tell from chance."""
    said: ir.StringValue = table[f"{CHANCE}{version}"] + f"\x1f{label}"
    for name in columns:
        said = said + "\x1f" + table[name].cast("string").fill_null("\x1e")
    return said.hexdigest("sha256")


def share_of(digest: ir.StringValue, start: int = 0) -> ir.FloatingValue:
    """Digits of a digest as a number in (0, 1), the same on every engine."""
    alphabet = ibis.literal("0123456789abcdef")
    share: ir.FloatingValue = ibis.literal(0.5 / 16.0**SHARE_DIGITS)
    for at in range(SHARE_DIGITS):
        share = share + alphabet.find(digest.substr(start + at, 1)).cast("float64") * (1 / 16.0 ** (at + 1))
    return share


def noisy(table: ir.Table, one: Field, fields: Sequence[Field], ring: Keyring) -> ir.Value:
    """The number with noise of ``scale`` (the b of Laplace, the deviation of Gauss), no further than ``most`` (5 times the
    scale unless said), within ``lowest`` and ``highest``, rounded to ``digits``. It hides values; it is no differential
    privacy."""
    params = one.protection.params
    scale = float(params["scale"])
    most = float(params.get("most", MOST_SCALES * scale))
    if not (math.isfinite(scale) and scale > 0 and math.isfinite(most) and most > 0):
        raise ValueError("scale > 0, most > 0")
    numbers = table[one.name]
    numbers = typed(numbers, "float64") if numbers.type().is_string() else numbers
    whole = numbers.type().is_integer()
    columns = [*row_of(table, fields), one.name]
    digest = digest_of(table, ring.version_of(params), f"noise:{one.name}", columns)
    if choice({"distribution": "laplace"} | params, "distribution", DISTRIBUTIONS) == "laplace":
        # the inverse of the distribution cut off at both ends
        lowest = 0.5 * math.exp(-most / scale)
        p = share_of(digest) * (1 - 2 * lowest) + lowest
        noise = (p < 0.5).ifelse((p * 2).ln(), -((1 - p) * 2).ln()) * scale
    else:
        far = (share_of(digest).ln() * -2).sqrt()
        noise = (far * (share_of(digest, SHARE_DIGITS) * (2 * math.pi)).cos() * scale).clip(-most, most)
    found = numbers.cast("float64") + noise
    ends = [float(params[name]) if name in params else None for name in ("lowest", "highest")]
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        raise ValueError("lowest <= highest")
    if ends != [None, None]:
        found = found.clip(*ends)
    found = found.round(int(params.get("digits", 0 if whole else 6)))
    return found.cast("int64") if whole else found


def shuffled(table: ir.Table, one: Field, fields: Sequence[Field], ring: Keyring) -> tuple[ir.Table, str]:
    """``table`` with a column of the values in another order, and its name: the same values, but none beside its own row but
    by chance; ``within`` (a column or a list of them) moves values only among rows alike in these."""
    params = one.protection.params
    within = params.get("within", [])
    within = [within] if isinstance(within, str) else list(within)
    for name in within:
        if name not in table.columns:
            raise ValueError(f"within={name}")
    rows = row_of(table, fields)
    digest = digest_of(table, ring.version_of(params), f"shuffle:{one.name}", rows)
    drawn = ibis.row_number().over(group_by=within, order_by=[digest, *rows])
    stands = ibis.row_number().over(group_by=within, order_by=rows)
    keys = {f"{_PLACE}_{n}": table[name].cast("string").fill_null("\x1e") for n, name in enumerate(within)}
    moved = table.select(**{_MOVED + one.name: table[one.name], _PLACE: drawn, **keys})
    placed = table.mutate(**{_PLACE: stands, **keys})
    joined = placed.inner_join(moved, [_PLACE, *keys])
    return joined.drop(_PLACE, *keys), _MOVED + one.name


def sampled(table: ir.Table, share: float, fields: Sequence[Field], ring: Keyring) -> ir.Table:
    """About ``share`` (0..1) of the rows, the same ones each time. TableError ``sample_share``."""
    if not 0 < share <= 1:
        raise TableError("sample_share", "抽样的份额应大于 0、不超过 1，这里是 {share}。", share=share)
    if share == 1:
        return table
    version = ring.current
    known = with_keys(table, [version], ring)
    return known.filter(share_of(digest_of(known, version, "sample", row_of(table, fields))) < share).select(
        *table.columns
    )
