"""What another portal lists but the city already has: it comes back to us, has the same name, or is nearly the same table.

Nearly the same: the Jaccard likeness of (two-character pieces of the title + names of columns) is at least ``ALIKE``,
found by MinHash (Broder 1997) in bands, then counted exactly; years and numbers in the titles must be the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from urllib.parse import urlsplit

from django.conf import settings

from gongshu.federation.records import Note, Record
from gongshu.opening import queries

ALIKE = 0.85
BANDS, ROWS = 6, 3  # of two that are alike as ALIKE, all but 1 - (1 - ALIKE**ROWS)**BANDS = 0.4 % share a band
_MOST = (1 << 61) - 1  # a Mersenne prime
_HASHES = [(0x9E3779B97F4A7C15 * (n + 1) % _MOST, 0xC2B2AE3D27D4EB4F * (n + 7) % _MOST) for n in range(BANDS * ROWS)]


class Known:
    """What is there already, as it was when a run began."""

    def __init__(self, source: str) -> None:
        self._ours = own_places()
        self._titles: dict[tuple[str, str], str] = {}
        for one in queries.visible().only(
            "name", "title", "title_en", "provider__name", "provider__name_en", "current_id"
        ):
            for title in filter(None, (one.title, one.title_en)):
                for publisher in filter(None, (one.provider.name, one.provider.name_en)):
                    self._titles[norm(title), norm(publisher)] = one.name
        others = queries.visible_external().exclude(source=source).exclude(landing_page="")
        pages: dict[str, str] = {}
        for page, portal in others.values_list("landing_page", "portal").iterator():
            place = place_of(page)
            # a page of several datasets, such as a home page, tells none of them
            pages[place] = "" if place in pages else portal
        self._elsewhere = {place: portal for place, portal in pages.items() if portal}
        self._alike: _Alike | None = None

    def refusal(self, record: Record) -> Note | None:
        """Why the record is not listed; None when it may be."""
        addresses = [each for each in (record.landing_page, *record.identifiers) if each.startswith("http")]
        files = [one["url"] for one in record.distributions]
        back = next((each for each in addresses if self.is_ours(each)), "")
        if back or (files and all(map(self.is_ours, files))):
            return Note("ours_address", "landing_page" if back else "distribution", (back or files[0])[:300])
        publisher = norm(record.publisher)
        for title in filter(None, (record.title, record.title_en)):
            if name := self._titles.get((norm(title), publisher)):
                return Note("ours_title", "title", name)
        if record.columns:
            if self._alike is None:
                self._alike = _Alike()
            if name := self._alike.find(record.title, record.columns):
                return Note("ours_alike", "title", name)
        if record.landing_page and (portal := self._elsewhere.get(place_of(record.landing_page))):
            return Note("listed_elsewhere", "landing_page", portal)
        return None

    def is_ours(self, url: str) -> bool:
        """Whether an address leads to this portal."""
        return is_ours(url, self._ours)


def own_places() -> frozenset[str]:
    """Host (with port, when it isn't the usual one) of every name under which this portal is reached."""
    hosts = {host for host in settings.ALLOWED_HOSTS if host not in ("*", "localhost", "127.0.0.1", "[::1]")}
    return frozenset(each.lower().lstrip(".") for each in (*hosts, urlsplit(settings.SITE_URL).netloc))


def is_ours(url: str, ours: frozenset[str] | None = None) -> bool:
    """Whether an address leads to this portal; ``ours`` are :func:`own_places`."""
    try:
        parts = urlsplit(url)
        names = (
            {parts.netloc.lower(), (parts.hostname or "").lower()}
            if parts.port in (None, 80, 443)
            else {parts.netloc.lower()}
        )
    except ValueError:
        return False
    return bool(names & (own_places() if ours is None else ours))


def norm(text: str) -> str:
    """A title or a name as it is compared: without case, width, spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def place_of(url: str) -> str:
    """An address as it is compared: without scheme, www and a slash at its end."""
    return re.sub(r"^https?://(www\.)?", "", url.strip().lower()).rstrip("/")


class _Alike:
    """The city's datasets by the bands of their MinHash signatures."""

    def __init__(self) -> None:
        self._pieces: dict[str, tuple[frozenset[str], list[str]]] = {}
        self._bands: dict[tuple[int, tuple[int, ...]], set[str]] = defaultdict(set)
        rows = queries.visible().values_list("name", "title", "current__columns")
        for name, title, columns in rows.iterator(chunk_size=200):
            pieces = _pieces(title, (column["name"] for column in columns))
            self._pieces[name] = (pieces, _numbers(title))
            for band in _bands(pieces):
                self._bands[band].add(name)

    def find(self, title: str, columns: list[str]) -> str:
        """The name of the dataset that is nearly the same; "" for none."""
        pieces, numbers = _pieces(title, columns), _numbers(title)
        near = {name for band in _bands(pieces) for name in self._bands.get(band, ())}
        for name in sorted(near):
            theirs, their_numbers = self._pieces[name]
            if numbers == their_numbers and len(pieces & theirs) >= ALIKE * len(pieces | theirs):
                return name
        return ""


def _pieces(title: str, columns: Iterable[str]) -> frozenset[str]:
    plain = norm(title)
    return frozenset(
        {plain[i : i + 2] for i in range(max(1, len(plain) - 1))} | {f"c:{norm(each)}" for each in columns}
    )


def _numbers(title: str) -> list[str]:
    return re.findall(r"\d+", unicodedata.normalize("NFKC", title))


def _bands(pieces: frozenset[str]) -> list[tuple[int, tuple[int, ...]]]:
    numbers = [int.from_bytes(blake2b(each.encode(), digest_size=7).digest()) for each in pieces]
    signature = [min((a * x + b) % _MOST for x in numbers) for a, b in _HASHES]
    return [(n, tuple(signature[n * ROWS : (n + 1) * ROWS])) for n in range(BANDS)]
