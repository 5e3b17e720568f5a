"""Proving the log: every event, every head, inside and outside the database, in one pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from gongshu.i18n import gettext
from gongshu.oversight import heads
from gongshu.oversight.models import Event, Head, LogState
from gongshu.seals.merkle import Frontier, leaf_hash
from gongshu.seals.signing import verify

SHOWN = 50  # faults that are listed one by one; further ones are only counted


@dataclass
class Verdict:
    """What :func:`verify_log` found: ``faults`` is empty for a log that proves itself."""

    size: int = 0
    root: str = ""
    heads: int = 0
    faults: list[str] = field(default_factory=list)
    more_faults: int = 0

    @property
    def holds(self) -> bool:
        return not self.faults

    def add(self, text: str) -> None:
        if len(self.faults) < SHOWN:
            self.faults.append(text)
        else:
            self.more_faults += 1


def verify_log() -> Verdict:
    """Recompute every leaf and every signed root and compare them with what was written at the time.

    A changed byte shows as a body that does not give its leaf, or a leaf that differs from the one kept outside the
    database; a removed or moved event as a gap; truncation as a head beyond the end.
    """
    verdict = Verdict()
    heads.signer()  # its public key is among the known ones from now on
    roots = _signed_roots(heads.public_keys(), verdict)
    outside = _leaves_outside()
    frontier = Frontier()
    expected = 0
    for event in Event.objects.order_by("index").iterator(chunk_size=2000):
        while expected < event.index:
            verdict.add(gettext("第 {index} 条事件缺失", index=expected))
            kept = next(outside, None)
            frontier.append(
                kept or b"\x00" * 32
            )  # go on with what was kept, so that later events still prove themselves
            _compare_root(frontier, roots, verdict)
            expected += 1
        leaf = leaf_hash(event.body.encode())
        kept = next(outside, None)
        if leaf.hex() != event.leaf or (kept is not None and kept != leaf):
            verdict.add(gettext("第 {index} 条事件被改动：内容与当时的哈希不符", index=event.index))
        elif not _columns_agree(event):
            verdict.add(gettext("第 {index} 条事件被改动：列与正文不符", index=event.index))
        frontier.append(kept if kept is not None else leaf)
        _compare_root(frontier, roots, verdict)
        expected += 1
    verdict.size, verdict.root = frontier.size, frontier.root().hex()
    beyond = [size for size in roots if size > frontier.size]
    if beyond:
        verdict.add(
            gettext(
                "日志被截断：有第 {head} 条的签名头，现存 {size} 条，从第 {size} 条起缺失",
                head=max(beyond),
                size=frontier.size,
            )
        )
    state = LogState.objects.filter(pk=1).first()
    if state and state.size != frontier.size:
        verdict.add(
            gettext("日志长度不符：记为 {recorded} 条，现存 {size} 条", recorded=state.size, size=frontier.size)
        )
    return verdict


def _signed_roots(keys: dict[str, bytes], verdict: Verdict) -> dict[int, str]:
    """size -> root of every head whose signature holds; each bad one is a fault."""
    roots: dict[int, str] = {}
    inside = [
        ({**heads.signed_part(head), "key_id": head.key_id, "signature": head.signature}, gettext("数据库"))
        for head in Head.objects.all()
    ]
    for record, place in inside + [(record, gettext("库外文件")) for record in heads.read_heads_outside()]:
        part = {name: record.get(name) for name in ("size", "root", "at")}
        public = keys.get(str(record.get("key_id")))
        if public is None or not verify(public, part, str(record.get("signature", ""))):
            verdict.add(gettext("{place}里第 {size} 条的签名头验签失败", place=place, size=part["size"]))
        elif roots.setdefault(int(record["size"]), record["root"]) != record["root"]:
            verdict.add(gettext("第 {size} 条有两个不同的签名头", size=part["size"]))
    verdict.heads = len(roots)
    return roots


def _leaves_outside() -> Iterator[bytes]:
    path = heads.folder() / "leaves.bin"
    if not path.exists():
        return
    with path.open("rb") as file:
        while len(leaf := file.read(32)) == 32:
            yield leaf


def _compare_root(frontier: Frontier, roots: dict[int, str], verdict: Verdict) -> None:
    signed = roots.get(frontier.size)
    if signed is not None and signed != frontier.root().hex():
        verdict.add(gettext("前 {size} 条与当时签名的根不符", size=frontier.size))


def _columns_agree(event: Event) -> bool:
    try:
        body = json.loads(event.body)
    except ValueError:
        return False
    return bool(
        body["index"] == event.index
        and body["actor"][:80] == event.actor
        and body["action"] == event.action
        and body["subject"][:200] == event.subject
    )
