"""Words and small drawings for every template: numbers with units, dates both ways, glyphs."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from gongshu import clock
from gongshu.tables.contract import Protection
from gongshu.web import drawing, words

register = template.Library()
_DOT = mark_safe('<i class="dot"> </i>')

register.simple_tag(drawing.level_bars, name="level_bars")
register.simple_tag(drawing.open_type, name="open_type_glyph")
register.simple_tag(drawing.quality_ring, name="quality_ring")
register.simple_tag(drawing.freshness_track, name="freshness_track")
register.simple_tag(drawing.bar, name="bar")
register.simple_tag(drawing.wide_bar, name="wide_bar")
register.simple_tag(drawing.clock_face, name="clock_face")
register.simple_tag(drawing.tick, name="tick")


@register.simple_tag
def dot() -> SafeString:
    """The small dot between two facts."""
    return _DOT


@register.simple_tag
def open_type_name(key: str | None) -> str:
    """The name of an open type."""
    return str(words.OPEN_TYPES.get(key or "", "—"))


@register.simple_tag
def protection_name(protection: Protection) -> str:
    """What is done to a field before it is public, in words."""
    done = {"protection": {"method": protection.method, "params": protection.params}}
    return words.protection(done) or str(words.PROTECTIONS["keep"])


@register.simple_tag
def contract_word(name: str) -> str:
    """What an attribute of a contract is called."""
    return str(words.CONTRACT[name])


@register.filter
def figure(value: Any) -> str:
    """A count with thousands separators; a long dash for None."""
    if value is None or value == "":
        return "—"
    if isinstance(value, float):
        return number_format(value, decimal_pos=1, force_grouping=True)
    return f"{int(value):,}"


@register.filter
def percent(share: float | None) -> str:
    """A share (0..1) as a percentage; small shares keep one decimal so that they don't read as nothing."""
    if share is None:
        return "—"
    value = share * 100
    return f"{value:.1f}%" if 0 < value < 10 and round(value, 1) != int(value) else f"{value:.0f}%"


@register.filter
def size(octets: int) -> str:
    """A file's size: 412 KB, 1.1 MB."""
    value = float(octets)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit in ("B", "KB") or value >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


@register.filter
def day(moment: datetime | None) -> str:
    """The date, without the year when it is this one's."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment)
    return f"{local:%m-%d}" if local.year == timezone.localtime().year else f"{local:%Y-%m-%d}"


@register.filter
def whole_day(moment: datetime | None) -> str:
    """The date with its year."""
    return "—" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d}"


@register.filter
def minute(moment: datetime | None) -> str:
    """Date and time to the minute, without the year when it is this one's."""
    return "—" if moment is None else f"{day(moment)} {timezone.localtime(moment):%H:%M}"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, beside an absolute date."""
    if moment is None:
        return ""
    seconds = max(0, int((clock.now() - moment).total_seconds()))
    if seconds < 60:
        return _("刚刚")
    if seconds < 3600:
        minutes = seconds // 60
        return _("%(n)s 分钟前") % {"n": minutes}
    if seconds < 86400:
        hours = seconds // 3600
        return _("%(n)s 小时前") % {"n": hours}
    days = seconds // 86400
    return _("%(n)s 天前") % {"n": days}


@register.filter
def score(value: float | None) -> str:
    """A quality score with one decimal; 100 stands alone, and only for 100: what has a finding never reads as perfect."""
    if value is None:
        return "—"
    return "100" if value >= 100 else f"{min(value, 99.9):.1f}"


@register.filter
def linked_data(found: dict[str, Any]) -> SafeString:
    """JSON-LD in the head of a page: data that a browser does not run. No character of it can end the element."""
    text = json.dumps(found, ensure_ascii=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(text))  # noqa: S308 - escaped above


@register.filter
def marked(text: str, words: list[str] | None) -> SafeString | str:
    """``text`` with the words that were searched for marked."""
    found = sorted((re.escape(word) for word in words or [] if word.strip()), key=len, reverse=True)
    if not found:
        return text
    parts = re.split(f"({'|'.join(found)})", str(text), flags=re.IGNORECASE)
    return format_html_join("", "{}", ((format_html("<mark>{}</mark>", part) if n % 2 else part,) for n, part in enumerate(parts)))  # fmt: skip


@register.filter
def local(thing: Any, name: str) -> str:
    """The text ``name`` of a row that has it in both languages, in the reader's."""
    return words.local(thing, name)
