"""The client alone, against a small server that refuses, breaks off and lies as real ones do."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import gongshu as gs
from gongshu.client import transport
from gongshu.client.conditions import as_text, simple

FILE = bytes(range(256)) * 3000
Handle = Callable[[BaseHTTPRequestHandler], None]


def say(request: BaseHTTPRequestHandler, status: int, content: bytes | dict[str, Any], **headers: str) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"因为 {code}", "where": {"parameter": "limit"}}}


@pytest.fixture
def serve() -> Iterator[Callable[[Handle], str]]:
    """Serve what a function answers; gives the address."""
    servers = []

    def started(handle: Handle) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                handle(self)

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_words: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The client's pauses, not waited for."""
    found: list[float] = []
    monkeypatch.setattr(transport, "sleep", found.append)
    return found


def test_conditions_become_the_tree_of_the_api():
    condition = (gs.col("区") == "徐汇区") & (gs.col("资本") >= Decimal("1.5")) & ~(gs.col("日期") < date(2020, 1, 2))
    assert condition.tree == {
        "and": [
            {"column": "区", "op": "eq", "value": "徐汇区"},
            {"column": "资本", "op": "gte", "value": "1.5"},
            {"not": {"column": "日期", "op": "lt", "value": "2020-01-02"}},
        ]
    }
    either = gs.col("a").isin([1, 2]) | gs.col("b").between(1, 2) | (gs.col("c") == None)  # noqa: E711
    assert [one["op"] for one in either.tree["or"]] == ["in", "between", "is_null"]
    with pytest.raises(TypeError, match=r"& \| ~"):
        bool(condition and either)
    with pytest.raises(TypeError, match="dict"):
        gs.col("a") == {}  # noqa: B015


def test_keyword_filters_are_the_words_of_the_address():
    words = simple({"区": "徐汇区", "n__in": [1, 2], "m": {3}, "d__between": (1.5, 2), "x": None, "y__is_null": False, "limit": 5})  # fmt: skip
    texts = [(name, text) for name, value in words for text in as_text(name, value)]
    assert texts == [
        ("区", "徐汇区"), ("n__in", "1"), ("n__in", "2"), ("m__in", "3"), ("d__between", "1.5..2"), ("x__is_null", "1"), ("y__is_null", "0"), ("limit__eq", "5"),
    ]  # fmt: skip


def test_rows_come_page_by_page_and_stop_at_the_limit(serve):
    asked: list[str] = []

    def handle(request):
        asked.append(request.path)
        first = "cursor=" not in request.path
        items = [[1], [2]] if first else [[3], [4]]
        say(request, 200, {"version": 7, "total": None, "columns": ["n"], "items": items, "next": "c2"})

    rows = gs.portal(serve(handle)).dataset("d").rows(limit=4)
    assert [row["n"] for row in rows] == [1, 2, 3, 4] and len(asked) == 2
    assert "limit=4" in asked[0] and "limit=2" in asked[1] and "cursor=c2" in asked[1] and "shape=arrays" in asked[0]
    assert rows.first() == {"n": 1}


def test_a_long_question_is_posted(serve):
    bodies: list[dict[str, Any]] = []

    def handle(request):
        assert request.command == "POST" and "?" not in request.path
        bodies.append(json.loads(request.rfile.read(int(request.headers["Content-Length"]))))
        say(request, 200, {"version": 1, "total": 3, "items": [], "next": None})

    found = gs.portal(serve(handle)).dataset("d").count(~(gs.col("区") == "徐汇区"), n__in=list(range(900)))
    assert found == 3
    assert bodies[0]["n__in"][:2] == [0, 1] and "not" in bodies[0]["filter"] and bodies[0]["limit"] == 0


def test_waits_as_long_as_the_portal_says_and_tries_again(serve, waits):
    answers = [(429, {"Retry_After": "7"}), (503, {}), (200, {})]

    def handle(request):
        status, headers = answers.pop(0)
        say(request, status, {"count": 0, "items": []} if status == 200 else refusal("too_many_requests"), **headers)

    assert gs.portal(serve(handle)).search("医院") == []
    assert waits[0] == 7 and 0.5 < waits[1] < 1.5


@pytest.mark.parametrize(("status", "code", "tries"), [(400, "bad_parameter", 1), (410, "withdrawn", 1), (503, "stopped", 1), (429, "too_many_requests", 3)])  # fmt: skip
def test_refusals_say_code_message_and_place(serve, waits, status, code, tries):
    asked = []

    def handle(request):
        asked.append(request.path)
        say(request, status, refusal(code))

    with pytest.raises(gs.PortalError) as caught:
        gs.portal(serve(handle), retries=2).dataset("d").count()
    error = caught.value
    assert (error.code, error.message, error.where, error.status) == (
        code,
        f"因为 {code}",
        {"parameter": "limit"},
        status,
    )
    assert len(asked) == tries and "parameter=limit" in str(error)


def test_nobody_there_and_no_json_are_told_in_both_languages(serve, waits):
    with pytest.raises(gs.PortalError, match="连不上") as caught:
        gs.portal("http://127.0.0.1:9", retries=1).dataset("d").count()
    assert caught.value.code == "unreachable" and caught.value.status is None and len(waits) == 1
    address = serve(lambda request: say(request, 200, b"<html>"))
    with pytest.raises(gs.PortalError) as caught:
        gs.portal(address, language="en").dataset("d").count()
    assert caught.value.code == "bad_answer"


def file_server(breaks: list[int], asked: list[str], digest: str = "") -> Handle:
    """Serves FILE by ranges; the first answers break off after so many bytes."""

    def handle(request):
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        start = start if request.headers.get("If-Range", '"tag1"') == '"tag1"' else 0
        asked.append(request.headers.get("Range", ""))
        body = FILE[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("ETag", '"tag1"')
        request.send_header("Digest", "sha-256=" + (digest or hashlib.sha256(FILE).hexdigest()))
        request.end_headers()
        request.wfile.write(body[: breaks.pop(0)] if breaks else body)
        request.close_connection = True

    return handle


def test_a_broken_download_is_taken_up_again_and_checked(serve, waits, tmp_path):
    asked: list[str] = []
    seen: list[tuple[int, int]] = []
    source = gs.portal(serve(file_server([300_000, 200_000], asked))).dataset("d")
    path = source.download("csv", tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert path.name == "d.csv" and path.read_bytes() == FILE and [*tmp_path.iterdir()] == [path]
    assert asked[0] == "" and all(one.startswith("bytes=") for one in asked[1:]) and len(asked) == 3
    assert seen[-1] == (len(FILE), len(FILE))


def test_a_terminal_shows_a_bar(serve, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    gs.portal(serve(file_server([], []))).dataset("d").download("csv", tmp_path)
    assert "下载 d.csv" in capsys.readouterr().err


def test_a_later_call_takes_up_what_an_earlier_one_left(serve, waits, tmp_path):
    asked: list[str] = []
    address = serve(file_server([400_000], asked))
    with pytest.raises(gs.PortalError) as caught:
        gs.portal(address, retries=0).dataset("d").download("csv", tmp_path / "x.csv")
    assert caught.value.code == "incomplete" and not (tmp_path / "x.csv").exists()
    assert gs.portal(address).dataset("d").download("csv", tmp_path / "x.csv").read_bytes() == FILE
    assert asked[1].startswith("bytes=")


def test_a_file_of_another_hash_never_gets_its_name(serve, tmp_path):
    address = serve(file_server([], [], digest="0" * 64))
    with pytest.raises(gs.PortalError) as caught:
        gs.portal(address).dataset("d").download("csv", tmp_path / "x.csv")
    assert caught.value.code == "checksum" and [*tmp_path.iterdir()] == []


def test_the_client_brings_nothing_of_the_server():
    script = "import gongshu as gs, sys; gs.portal('http://x'); print([n for n in ('django', 'duckdb', 'ibis', 'pyarrow', 'pandas') if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    assert said.stdout.strip() == "[]"
