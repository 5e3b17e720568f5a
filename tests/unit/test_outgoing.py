"""Requests to addresses that others gave us never reach our own network, whatever form the address has."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gongshu import outgoing
from gongshu.outgoing import Guard, Limits, fetch
from gongshu.tables.errors import TableError

NOTHING = Guard()
OPEN = Guard.of(["127.0.0.1"])


class Portal(BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        to = {"/away": "http://169.254.169.254/latest", "/self": f"http://127.0.0.1:{port}/end", "/loop": "/loop", "/file": "file:///etc/passwd", "/decimal": f"http://2130706433:{port}/end"}.get(self.path)  # fmt: skip
        if to:
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()
            return
        body = {"/bomb": gzip.compress(b"0" * 4_000_000), "/long": b"0" * 300_000, "/tail": gzip.compress(b"end") + b"0" * 300_000, "/half": gzip.compress(b"end" * 99)[:-9]}.get(self.path, b"end")  # fmt: skip
        self.send_response(200)
        if self.path in ("/bomb", "/tail", "/half"):
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body) + (99 if self.path in ("/cut", "/drip") else 0)))
        self.send_header("X-Seen", self.headers.get("If-None-Match", ""))
        self.end_headers()
        if self.path == "/drip":
            for _ in range(40):
                time.sleep(0.1)
                try:
                    self.wfile.write(b"e")
                    self.wfile.flush()
                except OSError:
                    return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def code(url: str, guard: Guard = NOTHING, limits: Limits = outgoing.USUAL) -> str:
    with pytest.raises(TableError) as caught:
        fetch(url, guard, limits)
    return caught.value.code


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://017700000001/", "http://127.0.0.1./", "http://１２７.0.0.1/", "http://127。0。0。1/", "http://0/", "http://0.0.0.0/",
        "http://10.1.2.3/", "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/", "http://198.18.0.1/", "http://192.0.0.1/", "http://224.0.0.1/", "http://255.255.255.255/",
        "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:8.8.8.8]/", "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2001:0:7f00:1::]/",
        "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[ff02::1]/", "http://[fec0::1]/",
        "http://localhost/", "http://LOCALHOST:8080/", "http://user:pw@8.8.8.8/", "http://8.8.8.8@127.0.0.1/",
        "http://8.8.8.8:22/", "http://8.8.8.8:0/", "http://8.8.8.8:99999/", "ftp://8.8.8.8/", "file:///etc/passwd",
        "gopher://8.8.8.8/", "http:///x", "http://8.8.8.8\\@127.0.0.1/", "http://8.8.8.8/ x", "http://8.8.8.8/\r\nHost: x", "//8.8.8.8/",
        "http://[::1", "http://a..b/", "http://8.8.8.8/" + "x" * 2000,
    ],
)  # fmt: skip
def test_addresses_of_our_own_network_are_refused_in_every_form(url):
    assert code(url) in ("address_refused", "address_unknown")


def test_what_is_public_is_said_by_the_address_alone():
    assert outgoing.is_public(ipaddress.ip_address("8.8.8.8"))
    assert outgoing.is_public(ipaddress.ip_address("2606:4700::1111"))


def test_a_name_that_answers_otherwise_the_second_time_gains_nothing(monkeypatch):
    asked = []

    def resolve(host, port, **more):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14" if len(asked) == 1 else "127.0.0.1", port))
        ]

    reached = []

    def connect(address, timeout=None):
        reached.append(address)
        raise OSError("not in a test")

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(outgoing.socket, "create_connection", connect)
    assert code("http://rebinding.example/") == "unreachable"
    assert reached == [("93.184.215.14", 80)]
    assert len(asked) == 1
    monkeypatch.setattr(
        outgoing.socket, "getaddrinfo", lambda host, port, **more: [(2, 1, 6, "", (each, port)) for each in ("8.8.8.8", "10.0.0.1")]
    )  # fmt: skip
    assert code("http://two-faced.example/") == "address_refused"


def test_redirects_are_checked_one_by_one(portal):
    assert fetch(f"{portal}/self", OPEN).body == b"end"
    assert code(f"{portal}/away", OPEN) == "address_refused"
    assert code(f"{portal}/file", OPEN) == "address_refused"
    assert code(f"{portal}/decimal", OPEN) == "address_refused"
    assert code(f"{portal}/loop", OPEN) == "redirects"


def test_answers_are_bounded(portal):
    small = Limits(bytes=200_000, seconds=10)
    assert code(f"{portal}/long", OPEN, small) == "answer_too_large"
    assert code(f"{portal}/bomb", OPEN, small) == "answer_too_large"
    assert len(fetch(f"{portal}/bomb", OPEN).body) == 4_000_000
    assert code(f"{portal}/tail", OPEN) == "answer_unreadable"  # what follows the end would be kept without a limit
    assert code(f"{portal}/half", OPEN) == "unreachable"  # half a catalogue must not look like a small one
    assert code(f"{portal}/drip", OPEN, Limits(seconds=0.5)) == "answer_too_slow"
    assert code(f"{portal}/cut", OPEN) == "unreachable"


def test_listed_hosts_ports_and_networks_are_reached(portal):
    port = int(portal.rpartition(":")[2])
    assert (
        fetch(f"{portal}/end", Guard.of([f"127.0.0.1:{port}"]), headers={"If-None-Match": "x"}).headers["x-seen"] == "x"
    )
    assert fetch(f"{portal}/end", Guard.of(["127.0.0.0/8"])).status == 200
    assert code(f"{portal}/end", Guard.of(["127.0.0.1:1", "10.0.0.0/8"])) == "address_refused"
    assert code("http://169.254.169.254/", Guard.of(["169.254.169.254"])) == "address_refused"
    with pytest.raises(ValueError):
        Guard.of(["10.0.0.0/99"])
