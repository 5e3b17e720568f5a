"""One meaning for a regular expression on every engine: that of RE2, which DuckDB and Arrow use.

Java (Spark) and Rust (Sail) read the same text otherwise: ``\\d`` and ``\\s`` may be Unicode, ``$`` may stand before a last line
break, ``.`` may stop at a carriage return, ``[`` inside a class opens another, ``\\v`` is a class of spaces, ``\\b`` knows other
letters. :func:`portable` writes a pattern so that all of them find what RE2 finds, and refuses what only some of them have.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES = {
    "d": "0-9",
    "s": r"\t\n\f\r ",
    "w": "0-9A-Za-z_",
}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\x0B\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_CONTROL = {"a": r"\x07", "f": r"\f", "n": r"\n", "r": r"\r", "t": r"\t", "v": r"\x0B"}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_IN_CLASS = frozenset("\\[]^-&~")
_REPEAT = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")
_CODE = re.compile(r"\\x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
_PROPERTY = re.compile(r"\\([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))")
_NAMED = re.compile(r"\(\?P?<[A-Za-z_][0-9A-Za-z_]*>")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
MOST_REPEATS = 1000  # RE2 allows no more


@lru_cache(maxsize=1024)
def portable(pattern: str) -> str:
    """``pattern`` (RE2) written so that RE2, Java and Rust find the same with it. ValueError for what has no such writing.

    >>> portable(r"^\\d+[[:alpha:]]$")
    '^[0-9]+[A-Za-z]\\\\z'
    """
    return _Writer(pattern).write()


class _Writer:
    def __init__(self, pattern: str) -> None:
        self.text, self.place = pattern, 0
        self.out: list[str] = []
        self.dots = [False]  # whether "." finds line breaks, by open group

    def write(self) -> str:
        repeated = False  # the last thing was a repetition: another one is possessive in Java, and no pattern for RE2
        while self.place < len(self.text):
            char = self.text[self.place]
            found = self._repetition(char)
            if found:
                if repeated or not self.out:
                    raise self._no("repetition")
                self.out.append(found)
                repeated = True
                continue
            repeated = False
            self._one(char)
        if len(self.dots) > 1:
            raise self._no("(")
        return "".join(self.out)

    def _repetition(self, char: str) -> str:
        """The repetition at this place, read, or "" where there is none."""
        found = ""
        if char in "*+?":
            found = char
        elif char == "{" and (bounds := _REPEAT.match(self.text, self.place)):
            if max(int(number or 0) for number in bounds.groups()) > MOST_REPEATS:
                raise self._no(bounds.group())
            found = bounds.group()
        if found:
            self.place += len(found)
            if self.text[self.place : self.place + 1] == "?":
                self.place += 1
                found += "?"
        return found

    def _one(self, char: str) -> None:
        if char == "\\":
            self.out.append(self._escape(inside=False))
        elif char == "[":
            self.out.append(self._class())
        elif char == "(":
            self._open()
        else:
            self.place += 1
            if char == ")":
                if len(self.dots) == 1:
                    raise self._no(")")
                self.dots.pop()
            plain = {".": "(?s:.)" if self.dots[-1] else r"[^\n]", "$": r"\z", "{": r"\{", "}": r"\}", "]": r"\]"}
            self.out.append(plain.get(char, char))

    def _open(self) -> None:
        if named := _NAMED.match(self.text, self.place):
            self.place = named.end()
            self.out.append("(")
            self.dots.append(self.dots[-1])
            return
        if self.text[self.place + 1 : self.place + 2] != "?":
            self.place += 1
            self.out.append("(")
            self.dots.append(self.dots[-1])
            return
        flags = _FLAGS.match(self.text, self.place)
        if flags is None or set(flags.group(1) + (flags.group(2) or "")) & set("mU"):
            raise self._no(self.text[self.place : self.place + 4])
        on, off, end = flags.groups()
        self.place = flags.end()
        dots = True if "s" in on else False if "s" in (off or "") else self.dots[-1]
        # Java folds the case of other letters than those of ASCII only when it is told so
        case = "iu" if "i" in on else "-i" if "i" in (off or "") else ""
        if end == ":":
            self.out.append(f"(?{case}:")
            self.dots.append(dots)
        else:
            self.out.append(f"(?{case})" if case else "")
            self.dots[-1] = dots

    def _escape(self, *, inside: bool) -> str:
        """What an escape stands for; ``inside`` a class."""
        char = self.text[self.place + 1 : self.place + 2]
        if code := _CODE.match(self.text, self.place):
            self.place = code.end()
            return rf"\x{{{int(code.group(1) or code.group(2), 16):X}}}"
        if named := _PROPERTY.match(self.text, self.place):
            self.place = named.end()
            return self._property(named)
        if char == "Q" and not inside:
            end = self.text.find(r"\E", self.place)
            quoted = self.text[self.place + 2 : end if end >= 0 else len(self.text)]
            self.place = end + 2 if end >= 0 else len(self.text)
            return "".join(f"\\{each}" if each in _SPECIAL else each for each in quoted)
        self.place += 2
        if char.lower() in _CLASSES:
            members = _CLASSES[char.lower()]
            return f"[^{members}]" if char.isupper() else members if inside else f"[{members}]"
        if char in _CONTROL:
            return _CONTROL[char]
        if char in "Az" and char and not inside:
            return f"\\{char}"
        if char and char.isascii() and not char.isalnum():
            return f"\\{char}" if char in (_IN_CLASS if inside else _SPECIAL) else char
        raise self._no(f"\\{char}")

    def _property(self, named: re.Match[str]) -> str:
        sign, negated, long, short = named.groups()
        sign = {"p": "P", "P": "p"}[sign] if negated else sign
        name = long or short
        return rf"\{sign}{{{name}}}" if len(name) <= 2 else rf"\{sign}{{script={name}}}"

    def _class(self) -> str:
        self.place += 1
        members = ["["]
        if self.text[self.place : self.place + 1] == "^":
            members.append("^")
            self.place += 1
        first = True
        while True:
            char = self.text[self.place : self.place + 1]
            if not char:
                raise self._no("[")
            if char == "]" and not first:
                self.place += 1
                return "".join([*members, "]"])
            first = False
            posix = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.text, self.place)
            if posix:
                if posix.group(2) not in _POSIX:
                    raise self._no(posix.group())
                self.place = posix.end()
                found = _POSIX[posix.group(2)]
                members.append(f"[^{found}]" if posix.group(1) else found)
            elif char == "\\":
                members.append(self._escape(inside=True))
            elif char == "-" and self._is_range(members[-1]):
                self.place += 1
                members.append("-")
            else:
                self.place += 1
                members.append(f"\\{char}" if char in _IN_CLASS else char)

    def _is_range(self, before: str) -> bool:
        """Whether the hyphen at this place, after ``before``, makes a range."""
        whole = before in ("[", "^") or before in _CLASSES.values() or before in _POSIX.values()
        return not whole and self.text[self.place + 1 : self.place + 2] != "]"

    def _no(self, what: str) -> ValueError:
        return ValueError(f"{what!r} in the pattern {self.text!r} does not mean the same on every engine")
