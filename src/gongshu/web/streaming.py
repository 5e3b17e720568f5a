"""Sending files: whole or in part, without holding them in memory, in both of Django's modes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

BLOCK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


class _Blocks:
    """A stretch of an open file, as a synchronous and as an asynchronous iterator."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._file = path.open("rb")  # opened now: what was found is what is sent, even if it is removed meanwhile
        self._file.seek(start)
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._file.read(min(BLOCK, self._left)) if self._left > 0 else b""
        self._left -= len(block)
        if not block:
            self._file.close()
            raise StopIteration
        return block

    def close(self) -> None:
        self._file.close()


class FileStream(StreamingHttpResponse):
    """A stretch of a file; Django's own response would read it whole into memory under ASGI."""

    def __init__(self, path: Path, start: int, length: int, **options: object) -> None:
        self._blocks = _Blocks(path, start, length)
        super().__init__(self._blocks, **options)  # type: ignore[arg-type]
        self["Content-Length"] = str(length)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while block := await asyncio.to_thread(next, self._blocks, b""):
                yield block
        finally:
            self._blocks.close()


def send_file(
    request: HttpRequest, path: Path, *, content_type: str, filename: str, plain_name: str, etag: str, cache: str
) -> HttpResponseBase:
    """The file as an attachment named ``filename`` (``plain_name`` for clients that read ASCII only, RFC 6266).

    Answers 304 to a known ``etag`` and 206 to a single byte range.
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
        path, start, end - start + 1, status=206 if partial else 200, content_type=content_type, headers=headers
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
