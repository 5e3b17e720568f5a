"""How often a client may ask: a bucket of tokens an address, or a token of the scope ``read``, in each process.

A bucket refills steadily and holds enough for a burst. A heavy question takes as much as several light ones. The numbers are
of one process: with n web processes a client gets up to n times as much.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import threading
import time
from collections import OrderedDict
from functools import cache

from django.conf import settings

from gongshu.parties.actions import person_with_token

BURST_SECONDS = 10  # of the rate that a full bucket holds
HEAVY = 5  # light questions that one heavy question counts for
MOST_CLIENTS = 20_000
TOKEN_SECONDS = 60  # for which a token that was looked up is known


class Buckets:
    """A bucket a client; whoever was away longest is forgotten first."""

    def __init__(self, rate: float) -> None:
        self._rate, self._most = rate, rate * BURST_SECONDS
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str, number: int = 1) -> int:
        """Take ``number`` from the client's bucket; returns 0, or after how many seconds it may come again."""
        now = time.monotonic()
        with self._lock:
            left, then = self._left.pop(client, (self._most, now))
            left = min(self._most, left + (now - then) * self._rate)
            enough = left > 0  # the last question may overdraw, so that a heavy one is never locked out
            self._left[client] = (left - number if enough else left, now)
            if len(self._left) > MOST_CLIENTS:
                self._left.popitem(last=False)
        return 0 if enough else max(1, math.ceil((1 - left) / self._rate))


class Readers:
    """Who holds a token of the scope ``read``: looked up once a minute."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def holder(self, authorization: str) -> str:
        """The name of the token's holder; empty when there is no token, or none that counts."""
        kind, _space, secret = authorization.partition(" ")
        if kind.lower() != "bearer" or not secret:
            return ""
        digest = hashlib.sha256(secret.strip().encode()).hexdigest()
        name, until = self._known.get(digest, ("", 0.0))
        if until < time.monotonic():
            person = person_with_token(secret.strip(), "read")
            name = person.username if person is not None else ""
            self._known[digest] = (name, time.monotonic() + TOKEN_SECONDS)
            while len(self._known) > 1000:
                self._known.popitem(last=False)
        return name


class Gate:
    """The buckets of this process, of addresses and of those who hold a token."""

    def __init__(self, rate: float, token_rate: float) -> None:
        self._addresses, self._holders, self._readers = Buckets(rate), Buckets(token_rate), Readers()

    def take(self, address: str, authorization: str, number: int = 1) -> int:
        """Take ``number`` from the bucket of whoever asks; returns 0, or after how many seconds they may come again."""
        if holder := self._readers.holder(authorization):
            return self._holders.take(holder, number)
        return self._addresses.take(address, number)


@cache
def gate() -> Gate:
    """The one gate of this process, with the rates of its settings."""
    return Gate(settings.API_RATE, settings.API_TOKEN_RATE)


def address_of(peer: str, forwarded: str) -> str:
    """Who asks: behind a proxy that ends TLS, whom the proxy speaks for (the last of ``X-Forwarded-For``). Of IPv6 the network
    (/64), all of whose addresses one household has."""
    found = (forwarded.rpartition(",")[2].strip() if settings.ALLAUTH_TRUSTED_PROXY_COUNT else "") or peer
    if ":" not in found:
        return found
    try:
        address = ipaddress.IPv6Address(found.strip("[]"))
    except ValueError:
        return found
    return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address) >> 64 << 64))
