"""Sending files: whole or in part, without holding them in memory, in both of Django's modes."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

BLOCK = 256 * 1024
ASK_SECONDS = 0.5
WORTH_PACKING = 1400  # bytes: what is shorter goes in one packet anyhow
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def accepts(coding: str, accepted: str) -> bool:
    """Whether a client that sent ``accepted`` (Accept-Encoding) takes this coding."""
    parts = [part.replace(" ", "").lower().partition(";q=") for part in accepted.split(",")]
    return any(name == coding and (weight.strip("0.") or not weight) for name, _mark, weight in parts)


class _Blocks:
    """A stretch of an open file, as a synchronous and as an asynchronous iterator; it breaks off once ``stopped`` says so."""

    def __init__(self, path: Path, start: int, length: int, stopped: Callable[[], bool]) -> None:
        self._stopped, self._asked = stopped, time.monotonic()
        self._file = path.open("rb")  # opened now: what was found is what is sent, even if it is removed meanwhile
        self._file.seek(start)
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if time.monotonic() - self._asked >= ASK_SECONDS:
            self._asked = time.monotonic()
            if self._stopped():
                self._file.close()
                raise ConnectionAbortedError("stopped while being sent")  # the client sees that the file is not whole
        block = self._file.read(min(BLOCK, self._left)) if self._left > 0 else b""
        self._left -= len(block)
        if not block:
            self._file.close()
            raise StopIteration
        return block

    def take(self) -> bytes:
        """The next block; empty at the end."""
        return next(self, b"")

    def close(self) -> None:
        self._file.close()


class FileStream(StreamingHttpResponse):
    """A stretch of a file; Django's own response would read it whole into memory under ASGI."""

    def __init__(self, path: Path, start: int, length: int, stopped: Callable[[], bool], **options: object) -> None:
        self._blocks = _Blocks(path, start, length, stopped)
        super().__init__(self._blocks, **options)  # type: ignore[arg-type]
        self["Content-Length"] = str(length)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while block := await sync_to_async(self._blocks.take, thread_sensitive=False)():
                yield block
        finally:
            self._blocks.close()


class TextStream(StreamingHttpResponse):
    """Text as it is made, piece by piece; Django's own response would make all of it first under ASGI."""

    def __init__(self, pieces: Iterator[str], **options: object) -> None:
        self._pieces = (piece.encode() for piece in pieces)
        super().__init__(self._pieces, **options)  # type: ignore[arg-type]

    def _take(self) -> bytes:
        return next(self._pieces, b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await sync_to_async(self._take, thread_sensitive=False)():
                yield piece
        finally:
            await sync_to_async(self._pieces.close, thread_sensitive=False)()


def send_file(
    request: HttpRequest,
    path: Path,
    *,
    content_type: str,
    filename: str,
    plain_name: str,
    etag: str,
    cache: str,
    stopped: Callable[[], bool],
) -> HttpResponseBase:
    """The file as an attachment named ``filename`` (``plain_name`` for clients that read ASCII only, RFC 6266).

    ``stopped`` is asked twice a second while the file is being sent; once true, the sending breaks off. Answers 304 to a known ``etag`` and 206 to a single byte range.
    """
    size = path.stat().st_size
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": cache,
        "Accept-Ranges": "bytes",
        "Content-Disposition": content_disposition(filename, plain_name),
        "X-Content-Type-Options": "nosniff",
    }
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    start, end = _wanted(request, size, etag)
    if start >= size and size:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    if request.method == "HEAD":
        return HttpResponse(headers={**headers, "Content-Length": str(size)}, content_type=content_type)
    partial = (start, end) != (0, size - 1)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return FileStream(
        path,
        start,
        end - start + 1,
        stopped,
        status=206 if partial else 200,
        content_type=content_type,
        headers=headers,
    )


def content_disposition(filename: str, plain_name: str) -> str:
    """``attachment`` with an ASCII name and the real one (RFC 6266, RFC 5987)."""
    ascii_name = re.sub(r"[^A-Za-z0-9._-]", "_", plain_name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _wanted(request: HttpRequest, size: int, etag: str) -> tuple[int, int]:
    """First and last byte; the whole file when no single range is asked for."""
    match = _RANGE.match(request.headers.get("Range", ""))
    unchanged = request.headers.get("If-Range", f'"{etag}"').strip('"') == etag
    if not match or not unchanged or match.groups() == ("", ""):
        return 0, size - 1
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end) if end >= start or start >= size else (0, size - 1)
