"""Atom feeds (RFC 4287)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from django.http import HttpRequest, HttpResponse

from gongshu.web import words

ATOM = "application/atom+xml; charset=utf-8"


@dataclass(frozen=True)
class Entry:
    """Something that happened: ``key`` names it for ever, ``address`` is where a person reads of it."""

    key: str
    title: str
    at: datetime
    address: str
    summary: str = ""


def atom(request: HttpRequest, page: str, title: str, author: str, entries: Sequence[Entry]) -> HttpResponse:
    """The feed of ``page``, its entries latest first (one at least)."""
    own = quoteattr(request.build_absolute_uri(request.path))
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr("en" if words.english() else "zh-Hans")}>',
        f"<id>{escape(page)}</id><title>{_xml(title)}</title><updated>{_moment(entries[0].at)}</updated>",
        f"<author><name>{_xml(author)}</name></author>",
        f'<link rel="self" type="application/atom+xml" href={own}/>'
        f'<link rel="alternate" type="text/html" href={quoteattr(page)}/>',
    ]
    for one in entries:
        lines.append(
            f"<entry><id>{escape(one.key)}</id><title>{_xml(one.title)}</title><updated>{_moment(one.at)}</updated>"
            f'<link rel="alternate" type="text/html" href={quoteattr(one.address)}/><summary>{_xml(one.summary)}</summary></entry>'
        )
    lines.append("</feed>")
    return HttpResponse("\n".join(lines), content_type=ATOM, headers={"Cache-Control": "no-cache"})


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _xml(text: str) -> str:
    """Text of an element: what XML can't hold at all (control characters) is left out."""
    return escape("".join(one for one in text if one >= " " or one in "\t\n\r"))
