"""Small drawings as SVG: made on the server, coloured by classes, so that they need neither script nor inline style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import pi
from typing import Any

from django.utils.safestring import SafeString, mark_safe

STRIP_WIDTH = 92
STRIP_HEIGHT = 28


def _svg(
    width: float, height: float, inside: str, *, css: str = "i", label: str = "", stretch: bool = False
) -> SafeString:
    """``inside`` must be made of numbers and escaped text only."""
    name = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    ratio = ' preserveAspectRatio="none"' if stretch else ""
    head = f'<svg class="{css}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"{ratio} {name}>'
    return mark_safe(f"{head}{inside}</svg>")  # noqa: S308 - numbers and escaped text only


def level_bars(level: int) -> SafeString:
    """Six bars, the first ``level`` of them full (安全级别)."""
    bars = (
        f'<rect x="{5 * i}" y="1" width="3" height="11" fill="currentColor" fill-opacity="{1 if i < level else 0.2}"/>'
        for i in range(6)
    )
    return _svg(28, 13, "".join(bars))


def open_type(kind: str) -> SafeString:
    """Ring (unconditional), half-filled ring (conditional), barred disc (none)."""
    ring = '<circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" stroke-width="2"/>'
    more = {
        "unconditional": "",
        "conditional": '<path d="M7 1.5a5.5 5.5 0 0 1 0 11z" fill="currentColor"/>',
    }.get(kind, '<path d="M3 11L11 3" stroke="currentColor" stroke-width="2"/>')
    return _svg(14, 14, ring + more)


def clock_face(reading: Any) -> SafeString:
    """A pie filled by the share of the time that is used; a ring with a mark once it is late. ``reading`` is a deadlines.Clock."""
    if reading.late:
        mark = '<path d="M18 9v12M18 24v3" stroke="currentColor" stroke-width="3"/>'
        return _svg(
            36,
            36,
            f'<circle cx="18" cy="18" r="15" fill="none" stroke="currentColor" stroke-width="3"/>{mark}',
            css="i late",
        )
    full = 2 * pi * 7.5
    inside = (
        '<circle cx="18" cy="18" r="16" fill="none" class="s-ink" stroke-width="2"/>'
        f'<circle cx="18" cy="18" r="7.5" fill="none" class="s-ink" stroke-width="15" stroke-dasharray="{full * reading.share:.1f} {full:.1f}"'
        ' transform="rotate(-90 18 18)"/>'
    )
    return _svg(36, 36, inside)


def tick() -> SafeString:
    """Done."""
    return _svg(12, 12, '<path d="M1.5 6.5l3 3 6-7" fill="none" stroke="currentColor" stroke-width="2"/>')


def quality_ring(score: float) -> SafeString:
    """A ring filled by ``score`` of 100."""
    full = 2 * pi * 18
    done = full * max(0.0, min(100.0, score)) / 100
    inside = (
        '<circle cx="22" cy="22" r="18" class="s-tint" stroke-width="5"/>'
        f'<circle cx="22" cy="22" r="18" class="s-ink" stroke-width="5" stroke-dasharray="{done:.1f} {full:.1f}"'
        ' transform="rotate(-90 22 22)"/>'
    )
    return _svg(44, 44, inside)


def freshness_track(share: float, label: str) -> SafeString:
    """How much of the promised time has gone by: a mark at the promise; what passes it is drawn as late."""
    end = 100.0 if share <= 1 else 100.0 / min(share, 2.5)
    within, over = min(share, 1.0) * end, max(0.0, 100.0 - end) if share > 1 else 0.0
    inside = (
        '<rect class="f-tint" x="0" y="4" width="100" height="8"/>'
        f'<rect class="f-ink" x="0" y="4" width="{within:.1f}" height="8"/>'
        + (f'<rect class="f-late" x="{end:.1f}" y="4" width="{over:.1f}" height="8"/>' if over else "")
        + f'<rect class="f-text" x="{min(end, 99.3):.1f}" y="0" width=".7" height="16"/>'
    )
    return _svg(100, 16, inside, css="track", label=label, stretch=True)


def bar(share: float, width: int = 96) -> SafeString:
    """A bar filled to ``share`` (0..1); the figure stands beside it."""
    done = max(0.0, min(1.0, share)) * width
    inside = f'<rect class="f-tint" width="{width}" height="8"/><rect class="f-ink" width="{done:.1f}" height="8"/>'
    return _svg(width, 8, inside, css="share")


def wide_bar(share: float) -> SafeString:
    """A bar as wide as its place."""
    done = max(0.0, min(1.0, share)) * 100
    inside = f'<rect class="f-tint" width="100" height="8"/><rect class="f-ink" width="{done:.1f}" height="8"/>'
    return _svg(100, 8, inside, css="", stretch=True)


def histogram(counts: Sequence[int]) -> SafeString:
    """The whole column in equal bins."""
    most = max(counts, default=0) or 1
    step = STRIP_WIDTH / max(len(counts), 1)
    bars = []
    for i, count in enumerate(counts):
        height = (STRIP_HEIGHT - 2) * count / most
        if count:
            height = max(height, 1.0)
        bars.append(
            f'<rect class="f-ink" x="{i * step:.1f}" y="{STRIP_HEIGHT - height:.1f}" width="{step - 1:.1f}" height="{height:.1f}"/>'
        )
    return _svg(STRIP_WIDTH, STRIP_HEIGHT, "".join(bars), css="")


def shares(parts: Sequence[float]) -> SafeString:
    """The most frequent values as shares of the column, left to right; the rest last and palest."""
    x, drawn = 0.0, []
    for i, part in enumerate(parts):
        width = part * STRIP_WIDTH
        shade = ("", " o2", " o3", " o4")[min(i, 3)]
        drawn.append(f'<rect class="f-ink{shade}" x="{x:.1f}" width="{max(width - 1, 0.5):.1f}" height="20"/>')
        x += width
    return _svg(STRIP_WIDTH, 20, "".join(drawn), css="")


def paired_bars(
    labels: Sequence[str], before: Sequence[float], after: Sequence[float], mark: int, label: str
) -> SafeString:
    """Two bars a label, hollow before and filled after, each a share (0..1); a dashed line before the label number ``mark``."""
    step, base, tall = 74, 146, 118
    most = max([*before, *after, 0.0001])
    drawn = []
    for i, name in enumerate(labels):
        x = 8 + i * step
        for shift, share, css in ((0, before[i], "hollow"), (32, after[i], "f-ink")):
            height = tall * share / most
            drawn.append(
                f'<rect class="{css}" x="{x + shift}" y="{base - height:.1f}" width="28" height="{height:.1f}"/>'
            )
            if share:
                said = f"{share * 100:.1f}" if share >= 0.0005 else "<0.1"
                drawn.append(
                    f'<text x="{x + shift + 14}" y="{base - height - 6:.1f}" text-anchor="middle">{escape(said)}</text>'
                )
        drawn.append(f'<text x="{x + 30}" y="168" text-anchor="middle">{escape(name)}</text>')
    x = 8 + mark * step - 7
    drawn.append(f'<path class="base" d="M0 {base}.5H452"/><path class="mark-at" d="M{x} 6V154"/>')
    return _svg(452, 174, "".join(drawn), css="paired", label=label)
