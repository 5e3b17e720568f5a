"""A whole file, resumable and checked: bytes go to a part beside the target, which becomes it once its SHA-256 is right."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from gongshu.client.errors import PortalError
from gongshu.client.transport import Transport
from gongshu.i18n import gettext, use_language

BLOCK = 256 * 1024
LONGEST_MAKING = 400  # looks at a file that is still being made
Progress = Callable[[int, int], None]


def download(
    transport: Transport, name: str, format: str, target: Path, version: int | None, progress: Progress | None
) -> Path:
    """The file of dataset ``name`` in ``format`` at ``target``, whole and right; PortalError otherwise, the part kept."""
    address = f"datasets/{name}/download.{format}"
    if version is not None:
        address = f"datasets/{name}/versions/{version}/{name}.{format}"
    with _shown(progress, f"{name}.{format}", transport.language) as show:
        for attempt in range(transport.retries + 1):
            try:
                part, said = _fetch(transport, address, target, show)
                break
            except PortalError as error:
                if error.code != "incomplete" or attempt == transport.retries:
                    raise
                transport.pause(attempt)
    _check(transport, part, said or _told(transport, name, format, version))
    part.replace(target)
    return target


def _fetch(transport: Transport, address: str, target: Path, show: Progress) -> tuple[Path, str]:
    """Fetch what is missing; the part and the SHA-256 that the answer said, empty when it said none."""
    left = _left_over(target)
    headers = {"Accept-Encoding": "identity"}
    if left is not None and left.stat().st_size:
        headers |= {"Range": f"bytes={left.stat().st_size}-", "If-Range": f'"{_tag(target, left)}"'}
    for attempt in range(LONGEST_MAKING):
        try:
            with transport.open(address, headers=headers) as response:
                if response.status_code == 202:  # the portal is making the file
                    transport.pause(attempt, response)
                    continue
                return _receive(transport, response, target, left, show), _digest(response)
        except PortalError as error:
            if error.status == 416 and left is not None:  # the part is whole already, or of another file
                left.unlink()
                return _fetch(transport, address, target, show)
            raise
    raise transport.error("unreachable", "文件迟迟没有做好：{address}", address=address)


def _receive(transport: Transport, response: httpx.Response, target: Path, left: Path | None, show: Progress) -> Path:
    tag = re.sub(r"[^A-Za-z0-9]", "", response.headers.get("ETag", ""))
    part = target.with_name(f"{target.name}.{tag}.part")
    resumed = response.status_code == 206 and left == part
    if left is not None and left != part:
        left.unlink()
    done = part.stat().st_size if resumed else 0
    length = response.headers.get("Content-Length")
    total = done + int(length) if length else 0
    with part.open("ab" if resumed else "wb") as file:
        show(done, total)
        for block in response.iter_bytes(BLOCK):
            file.write(block)
            done += len(block)
            show(done, max(total, done))
        file.flush()
        os.fsync(file.fileno())
    if total and done != total:
        raise transport.error("incomplete", "{url} 的回答中途断了：{why}", url=str(response.url), why=f"{done}/{total}")
    return part


def _left_over(target: Path) -> Path | None:
    found = sorted(target.parent.glob(f"{_escaped(target.name)}.*.part"))
    for one in found[1:]:
        one.unlink()
    return found[0] if found else None


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _tag(target: Path, part: Path) -> str:
    return part.name[len(target.name) + 1 : -len(".part")]


def _digest(response: httpx.Response) -> str:
    match = re.search(r"sha-256=([0-9a-f]{64})", response.headers.get("Digest", ""))
    return match[1] if match else ""


def _told(transport: Transport, name: str, format: str, version: int | None) -> str:
    """The SHA-256 of the current version's file as the API tells it; empty when it doesn't."""
    if version is not None:
        return ""
    files = transport.json(f"api/v1/datasets/{name}", [])["distributions"]
    return next((str(one["sha256"] or "") for one in files if one["format"] == format), "")


def _check(transport: Transport, part: Path, wanted: str) -> None:
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    if wanted and digest.hexdigest() != wanted:
        part.unlink()
        raise transport.error("checksum", "下载的文件与平台公布的 SHA-256 不符，已删除；请再试一次")


@contextmanager
def _shown(progress: Progress | None, what: str, language: str) -> Iterator[Progress]:
    """The caller's ``progress``, else a bar on a terminal, else nothing."""
    if progress is not None or not sys.stderr.isatty():
        yield progress or (lambda _done, _total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with use_language(language):
        title = gettext("下载 {what}", what=what)
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
