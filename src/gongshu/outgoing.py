"""Asking addresses that people typed in or other portals sent: never the machine's own network (server-side request forgery).

A name is resolved once, all its addresses are checked, and the connection goes to a checked address, so that a name which
answers differently the second time (DNS rebinding) gains nothing. Each redirect is checked the same way. What an
installation wants to reach inside its own network (a portal of the intranet) is listed in a setting.
Ranges: IANA special-purpose address registries (RFC 6890), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380).
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from gongshu.tables.errors import TableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS = frozenset({80, 443, 8080, 8443})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST = 2000  # characters of an address
CHUNK = 64 * 1024
_TUNNELS = tuple(
    ipaddress.ip_network(each)
    for each in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "192.88.99.0/24")
)  # fmt: skip
_KEPT = "/%:=&~+!$,;'@()*[]?"  # of a path and a query: what is not put in escapes
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What one request may cost: bytes of the body once unpacked, seconds for all of it, redirects followed."""

    bytes: int = 32 * 1024**2
    seconds: float = 60.0
    redirects: int = 5


USUAL = Limits()


@dataclass(frozen=True)
class Answer:
    """What came back from ``url`` (after redirects); names of headers are in lower case."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Guard:
    """What may be reached. ``hosts``: (name, port or None for every port); ``networks``: address ranges, at every port."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = field(default=())

    @classmethod
    def of(cls, listed: Iterable[str]) -> Guard:
        """From entries such as ``portal.intranet``, ``127.0.0.1:8031``, ``10.8.0.0/16``; ValueError for one that is none."""
        hosts, networks = set(), []
        for entry in listed:
            if "/" in entry:
                networks.append(ipaddress.ip_network(entry))
                continue
            parts = urlsplit(f"//{entry}")
            if not parts.hostname:
                raise ValueError(entry)
            hosts.add((_plain_host(parts.hostname), parts.port))
        return cls(frozenset(hosts), tuple(networks))

    def check(self, url: str) -> tuple[str, int, list[str]]:
        """(host, port, addresses to connect to) of ``url``; TableError ``address_refused`` when it may not be asked."""
        host, port = split(url)
        named = bool({(host, port), (host, None)} & self.hosts)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError) as error:
            raise TableError("address_unknown", "找不到 {host} 的网络地址；请核对网址", host=host) from error
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        for text in addresses:
            self._check_address(text, host, port, named)
        return host, port, addresses

    def _check_address(self, text: str, host: str, port: int, named: bool) -> None:
        address = ipaddress.ip_address(text)
        listed = any(address.version == each.version and address in each for each in self.networks)
        if named or listed:
            # neither of multicast, link-local (where clouds keep their secrets) nor "this host" is ever meant
            if not (address.is_multicast or address.is_link_local or address.is_unspecified):
                return
        elif port not in PORTS:
            raise _refused(
                "不访问端口 {port}：只访问 80、443、8080、8443，其他的要写进设置 GONGSHU_OUTGOING_ALLOWED", port=port
            )
        elif is_public(address):
            return
        raise _refused(
            "{host} 指向不对外的网络地址，不访问；内网的门户要由管理员写进设置 GONGSHU_OUTGOING_ALLOWED", host=host
        )


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and to itself: tunnels that hold another address do not."""
    if any(address.version == each.version and address in each for each in _TUNNELS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def split(url: str) -> tuple[str, int]:
    """(host in plain ASCII, port) of an address that may be asked at all; TableError ``address_refused`` for others."""
    if len(url) > LONGEST or re.search(r"[\x00-\x20\x7f\\]", url):
        raise _refused("网址里有空格、反斜杠或控制字符，或长于 2000 个字符")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("网址写得不对") from None
    if parts.scheme not in ("http", "https"):
        raise _refused("只访问 http:// 与 https:// 的网址")
    if "@" in parts.netloc:
        raise _refused("网址里不能带用户名或密码")
    if not parts.hostname:
        raise _refused("网址里没有主机名")
    host = _plain_host(parts.hostname)
    if port == 0:
        raise _refused("网址写得不对")
    return host, port or (443 if parts.scheme == "https" else 80)


def fetch(
    url: str,
    guard: Guard,
    limits: Limits = USUAL,
    headers: dict[str, str] | None = None,
) -> Answer:
    """GET ``url``. TableError: address_refused, address_unknown, unreachable, answer_too_large, answer_too_slow, answer_unreadable.

    The answer may have any status; that is the caller's to judge. ``headers`` are not sent on to another host.
    """
    deadline = time.monotonic() + limits.seconds
    sent = dict(headers or {})
    for _ in range(limits.redirects + 1):
        answer = _ask(url, guard, limits, sent, deadline)
        where = answer.headers.get("location", "")
        if answer.status not in REDIRECTS or not where:
            return answer
        following = urljoin(url, where)
        if url.startswith("https:") and not following.startswith("https:"):
            raise _refused("它要转到不加密的网址，不跟过去")
        if urlsplit(following).netloc != urlsplit(url).netloc:
            sent = {}
        url = following
    raise TableError("redirects", "转了 {n} 次还没有到，不再跟", n=limits.redirects)


def _ask(url: str, guard: Guard, limits: Limits, headers: dict[str, str], deadline: float) -> Answer:
    host, port, addresses = guard.check(url)
    parts = urlsplit(url)
    connection = _Connection(host, port, addresses, secure=parts.scheme == "https", deadline=deadline)
    target = quote(parts.path or "/", safe=_KEPT) + (f"?{quote(parts.query, safe=_KEPT)}" if parts.query else "")
    shown = f"[{host}]" if ":" in host else host
    said = {
        "Host": shown if port == (443 if parts.scheme == "https" else 80) else f"{shown}:{port}",
        "User-Agent": "Gongshu",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    watch = threading.Timer(max(0.1, deadline - time.monotonic()), connection.cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("GET", target, headers=said | headers)
        with closing(connection.getresponse()) as response:
            body = b"" if response.status in REDIRECTS else _body(response, limits)
        found = {name.lower(): value for name, value in response.getheaders()}
        if time.monotonic() >= deadline:  # what was cut off may look like a short, whole answer
            raise _slow(limits)
        return Answer(url, response.status, found, body)
    except TableError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise _slow(limits) from error
        raise TableError(
            "unreachable", "{host} 没有应答（{why}）", host=host, why=str(error)[:120] or type(error).__name__
        ) from error
    finally:
        watch.cancel()
        connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection that goes to addresses checked before, whatever the name says by now."""

    def __init__(self, host: str, port: int, addresses: list[str], *, secure: bool, deadline: float) -> None:
        super().__init__(host, port)
        self._addresses, self._secure, self._deadline = addresses, secure, deadline
        self._held: socket.socket | None = None  # http.client gives its own up while the body is still being read

    def connect(self) -> None:
        """Connect to the first checked address that answers."""
        failed: OSError | None = None
        for address in self._addresses:
            left = self._deadline - time.monotonic()
            if left <= 0:
                break
            try:
                self.sock = socket.create_connection((address, self.port), timeout=min(left, 15.0))
                break
            except OSError as error:
                failed = error
        else:
            raise failed or OSError("no address")
        if not self.sock:
            raise TimeoutError
        self.sock.settimeout(min(max(self._deadline - time.monotonic(), 0.1), 30.0))
        if self._secure:
            self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host)
        self._held = self.sock

    def cut(self) -> None:
        """End it at once, from another thread: a server that sends a byte now and then must not hold us."""
        held = self._held or self.sock
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _body(response: http.client.HTTPResponse, limits: Limits) -> bytes:
    packing = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if packing not in ("identity", "gzip", "x-gzip", "deflate"):
        raise TableError("answer_unreadable", "应答的压缩方式 {name} 不认识", name=packing[:20])
    unpack = None if packing == "identity" else zlib.decompressobj(47 if "gzip" in packing else 15)
    found, came = bytearray(), 0
    while chunk := response.read1(CHUNK):
        came += len(chunk)
        if unpack is None:
            found += chunk
        else:
            while chunk:  # a bomb is unpacked a piece at a time, and only up to the limit
                try:
                    found += unpack.decompress(chunk, CHUNK * 4)
                except zlib.error as error:
                    raise TableError("answer_unreadable", "应答解压不开") from error
                if unpack.unused_data:  # zlib would keep it all
                    raise TableError("answer_unreadable", "应答解压不开")
                if len(found) > limits.bytes:
                    break
                chunk = unpack.unconsumed_tail
        if max(came, len(found)) > limits.bytes:
            raise TableError("answer_too_large", "应答超过 {n} MB，不再读", n=limits.bytes // 1024**2)
    if unpack is not None:
        found += unpack.flush()
    if response.length or (unpack is not None and came and not unpack.eof):  # a cut answer is no short one
        raise http.client.IncompleteRead(bytes(found[:1]))
    return bytes(found)


def _plain_host(name: str) -> str:
    """The name in ASCII and lower case; forms of an IP address that only some programs read as one are refused."""
    if "%" in name:
        raise _refused("网址里的主机名写得不对")
    try:
        return ipaddress.ip_address(name).compressed
    except ValueError:
        pass
    try:
        plain = (
            name.encode("idna").decode("ascii").lower().rstrip(".") if not name.isascii() else name.lower().rstrip(".")
        )
    except UnicodeError:
        raise _refused("网址里的主机名写得不对") from None
    try:
        return ipaddress.ip_address(plain).compressed
    except ValueError:
        pass
    if not plain or _NUMBER.match(plain.rpartition(".")[2]) or not re.fullmatch(r"[a-z0-9_.-]+", plain):
        raise _refused("网址里的主机名写得不对")
    return plain


def _refused(message: str, **values: Any) -> TableError:
    return TableError("address_refused", message, **values)


def _slow(limits: Limits) -> TableError:
    return TableError("answer_too_slow", "{n} 秒内没有收全应答，不再等", n=int(limits.seconds))
