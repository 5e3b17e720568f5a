"""How a delimited text is cut: delimiter and quote, from a sample; the reader proves it over the whole file."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

# in order of preference when two fit equally well; a space only when nothing else fits
DELIMITERS = (",", "\t", ";", "|", "\x01", "^", "\x1f", "||", "|+|", "@|@", "~", "，", " ")
STAND_IN = "\x1f"  # what a delimiter of several characters, or beyond ASCII, is rewritten to


@dataclass(frozen=True)
class Dialect:
    """``delimiter`` is "" when every line is one field; ``quote`` is "" when nothing is quoted; ``width`` is fields a record."""

    delimiter: str
    quote: str
    width: int
    escape: str = ""

    @property
    def cut(self) -> str:
        """The one-byte delimiter that the parser sees."""
        if not self.delimiter:
            return "\x1f"
        return self.delimiter if len(self.delimiter) == 1 and self.delimiter.isascii() else STAND_IN


def split(text: str, dialect: Dialect) -> list[tuple[int, list[str]]]:
    """Records of ``text`` with the 1-based line each starts at; blank lines come as empty lists."""
    if dialect.delimiter != dialect.cut and dialect.delimiter:
        text = text.replace(dialect.delimiter, dialect.cut)
    if dialect.delimiter == " ":
        text = re.sub(r"(?m)[ \u3000]+$|^ +", "", re.sub(r" +", " ", text))
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.cut,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape or None,
    )
    out, line = [], 1
    try:
        for row in reader:
            out.append((line, row))
            line = reader.line_num + 1
    except csv.Error:
        pass
    return out


def sniff_dialect(text: str, delimiter: str | None = None, quote: str | None = None) -> list[Dialect]:
    """The dialects that fit the sample, best first; the last resort is one field a line."""
    lines = text[: 1 << 18]
    if len(lines) < len(text):
        lines = lines[: lines.rfind("\n") + 1] or lines
    found: list[tuple[float, Dialect]] = []
    for place, candidate in enumerate([delimiter] if delimiter else DELIMITERS):
        if not delimiter and (candidate not in lines or _is_part(candidate, lines)):
            continue
        for mark in [quote] if quote is not None else _quotes(lines, candidate):
            dialect = Dialect(candidate, mark, 0, _escape(lines, mark))
            fit, width = _fit(lines, dialect)
            if width < 2 and not delimiter:
                continue
            score = fit + min(width, 20) * 0.004 - place * 0.001 - (0.45 if candidate in " ，" else 0)
            found.append((score, Dialect(candidate, mark, max(width, 1), dialect.escape)))
    found.sort(key=lambda pair: -pair[0])
    fitting = [dialect for score, dialect in found if score >= (0 if delimiter else 0.55)]
    return fitting or [Dialect("", quote if quote is not None else '"' if '"' in lines else "", 1)]


def _is_part(candidate: str, lines: str) -> bool:
    """Does the character occur only as part of a longer delimiter (``|`` in ``||``)?"""
    longer = [other for other in DELIMITERS if len(other) > len(candidate) and candidate in other and other in lines]
    return any(candidate not in lines.replace(other, "") for other in longer)


def _fit(text: str, dialect: Dialect) -> tuple[float, int]:
    """Share of records of the usual width, between the first and the last record that have it."""
    widths = [len(row) for _, row in split(text, dialect) if any(cell.strip() for cell in row)]
    several = Counter(width for width in widths if width > 1)
    if not several:
        return 0.0, 1
    # the usual width; a lone wide header or title does not decide
    width = max(several, key=lambda w: (several[w], w))
    if dialect.delimiter == " " and widths[0] != width:
        return 0.0, 1
    first, last = widths.index(width), len(widths) - 1 - widths[::-1].index(width)
    inside = widths[first : last + 1]
    # what lies before (titles) and after (footnotes) counts a little, so that a stray delimiter in prose wins nothing
    outside = len(widths) - len(inside)
    return several[width] / (len(inside) + max(0, outside - 12)) - 0.01 * min(outside, 12), width


def _quotes(text: str, delimiter: str) -> list[str]:
    """Quote marks that stand at field borders, most used first; '"' when there is none."""
    border = re.escape(delimiter)
    counts = {
        mark: len(re.findall(rf"(?:^|{border}){mark}(?:[^{mark}]|{mark}{mark})*{mark}(?={border}|\r?$)", text, re.M))
        for mark in ('"', "'")
    }
    if counts["'"] > 3 and counts["'"] > 2 * counts['"']:
        return ["'", '"']
    if '"' in text and not counts['"']:
        return ["", '"']
    return ['"']


def _escape(text: str, mark: str) -> str:
    """A backslash when quotes are escaped with it (MySQL's way) and never doubled."""
    if mark and f"\\{mark}" in text and not re.search(rf"[^{mark}\\]{mark}{mark}[^{mark}]", text):
        return "\\"
    return ""
