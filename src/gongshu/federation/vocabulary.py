"""Words of other portals for topics, licences, update frequencies and formats, and what we call them (rulebook federation-2026)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit

from gongshu.opening import terms
from gongshu.rulebooks import rulebook

RULEBOOK = "federation-2026"


def topic(said: Iterable[str]) -> str:
    """Our topic for the themes, groups and keywords of a record, the first that we know; "" for none."""
    known = _topics()
    return next((known[key] for each in said for key in _keys(each) if key in known), "")


def licence(said: str) -> str:
    """Our licence for what the portal says of it (an address, an identifier, a name); "" when it is none of ours."""
    known = _said("licences")
    return next((known[key] for key in _keys(said) if key in known), "")


def frequency(said: str) -> str:
    """Our update frequency; "" when nothing matches."""
    known = _said("frequencies") | {key.lower(): key for key in terms.frequencies()}
    return next((known[key] for key in _keys(said) if key in known), "")


def format_name(said: str, media_type: str, url: str) -> str:
    """How we write the format: by what is said, else by the media type, else by how the address ends; "" for unknown."""
    known = _said("formats")
    ending = re.search(r"\.([a-z0-9]{2,8})$", urlsplit(url).path.lower())
    for each in (said, media_type.partition(";")[0], ending.group(1) if ending else ""):
        for key in _keys(each):
            if key in known:
                return known[key]
    word = said.rsplit("/", 1)[-1].strip(" .")
    return word.upper()[:20] if re.fullmatch(r"[\w .+-]{1,20}", word) else ""


def _keys(said: str) -> list[str]:
    """The forms in which a word is looked up: whole, as an address without scheme, and its last part."""
    text = said.strip().lower()
    if not text:
        return []
    address = re.sub(r"^https?://(www\.)?|/?(deed(\.[a-z-]+)?|legalcode)?$", "", text)
    last = re.split(r"[/#]", address.rstrip("/"))[-1]
    return list(
        dict.fromkeys((text, address, address.rstrip("/"), *([last] if "://" in text or text.startswith("/") else [])))
    )


@cache
def _said(file: str) -> dict[str, str]:
    entries = rulebook(f"{RULEBOOK}/{file}")["entries"]
    return {str(word).lower(): entry["key"] for entry in entries for word in (*entry["said"], entry["key"])}


@cache
def _topics() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in rulebook(f"{RULEBOOK}/topics")["entries"]:
        for word in (*entry["codes"], *entry["words"], entry["key"]):
            found.setdefault(str(word).lower(), entry["key"])
    for key, term in terms.topics().items():  # what other portals of our kind say
        found |= {key: key, term.entry["zh"].lower(): key, term.entry["en"].lower(): key}
    return found
