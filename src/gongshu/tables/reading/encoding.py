"""Which encoding a text file is in, proved over the whole file, and the file as UTF-8 bytes.

Strict order: byte order mark, UTF-8, GB18030 (which holds GBK and GB2312), UTF-16 by the places of its zero bytes. A file
whose text is UTF-8 (or GB18030) but for a few damaged bytes stays in that encoding; the damaged places are marked so that
the cells can be quarantined, and the first of them is told by line and offset.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from pathlib import Path

from gongshu.tables.errors import TableError
from gongshu.tables.reading import limits
from gongshu.tables.reading.sniff import SUPPORTED

BAD = "\ufdd0"  # a Unicode noncharacter: stands where bytes could not be decoded
CHUNK = 1 << 20
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# control characters that text has no use for; tab, line ends, form feed, \x01 and \x1c-\x1f (delimiters), \x1a (DOS end of file) are let through
_CONTROL = re.compile(rb"[\x02-\x08\x0b\x0e-\x19\x1b\x7f]")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return BAD, error.end


codecs.register_error("gongshu-mark", _mark)


@dataclass(frozen=True)
class Place:
    """Where bytes could not be decoded: 1-based line, 0-based offset in the file, the bytes in hexadecimal."""

    line: int
    offset: int
    bytes: str


@dataclass(frozen=True)
class TextFile:
    """A text file's encoding as proved, and what was seen on the way."""

    path: Path
    encoding: str
    bom: int  # bytes of byte order mark
    bad: int  # undecodable places
    place: Place | None  # the first of them
    longest_line: int  # bytes, as UTF-8 or as stored, whichever was measured


def detect_encoding(path: Path, encoding: str | None = None) -> TextFile:
    """Prove the encoding of ``path`` over every byte of it.

    Raises ``TableError``: ``empty_file``, ``binary``, ``encoding_unknown``, ``encoding_wrong`` (the one asked for is no
    codec), ``record_too_long``.
    """
    if path.stat().st_size == 0:
        raise TableError("empty_file", "文件是空的（0 字节）。请检查导出是否成功。", where={"file": path.name})
    with path.open("rb") as f:
        head = f.read(1 << 16)
    if encoding is not None:
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            raise TableError(
                "encoding_wrong", "没有名为 {encoding} 的编码。", where={"file": path.name}, encoding=encoding
            ) from None
        name = "gb18030" if name in ("gbk", "gb2312") else name.replace("utf-8-sig", "utf-8")
        bom = next((len(b) for b, n in BOMS if head.startswith(b) and n == name), 0)
        return _proved(path, name, bom)
    for bom_bytes, name in BOMS:
        if head.startswith(bom_bytes):
            return _proved(path, name, len(bom_bytes))
    if b"\0" in head:
        wide = _utf16(path, head)
        if wide is not None:
            return wide
    if len(_CONTROL.findall(head)) > max(2, len(head) // 500):
        raise _binary(path)
    found = _proved(path, "utf-8", 0)
    if not found.bad:
        return found
    other = _proved(path, "gb18030", 0)
    # GB18030 accepts most UTF-8 text as nonsense characters, so UTF-8 with few damages is asked for first
    if _multibyte(path, "utf-8") >= 20 * found.bad:
        return found
    if other.bad and _multibyte(path, "gb18030") >= 50 * other.bad:
        return other
    if not other.bad:
        return other
    assert found.place is not None and other.place is not None
    raise TableError(
        "encoding_unknown",
        "认不出文本编码：按 UTF-8 读，第 {line} 行（第 {offset} 字节，{bytes}）出错；按 GB18030 读，第 {gb_line} 行（第 {gb_offset} 字节，"
        "{gb_bytes}）出错。请用 encoding 选项指明编码，或另存为 UTF-8。",
        where={"file": path.name, "row": found.place.line},
        line=found.place.line,
        offset=found.place.offset,
        bytes=found.place.bytes,
        gb_line=other.place.line,
        gb_offset=other.place.offset,
        gb_bytes=other.place.bytes,
    )


def _utf16(path: Path, head: bytes) -> TextFile | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) >= max(2, 8 * min(even, odd)):
        name = "utf-16-le" if odd > even else "utf-16-be"
        # text has line ends and few characters of private use; bytes taken two by two have neither
        text = head[: len(head) // 2 * 2].decode(name, "replace")
        if re.search(r"[\r\n]", text) and len(re.findall("[\ue000-\uf8ff\ufffd]", text)) <= len(text) // 100:
            found = _proved(path, name, 0)
            if not found.bad:
                return found
    if even + odd > max(8, len(head) // 1000):
        raise _binary(path)
    return None


def _binary(path: Path) -> TableError:
    return TableError(
        "binary",
        "这不是文本表格，而是二进制文件。支持的格式：{formats}。",
        where={"file": path.name},
        formats=SUPPORTED,
    )


def _proved(path: Path, encoding: str, bom: int) -> TextFile:
    """Decode every byte; count undecodable places, find the first, measure the longest line."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    wide = encoding.startswith("utf-16")
    place: Place | None = None
    strict, bad, zeros, longest, carried, offset = True, 0, 0, 0, 0, bom
    with path.open("rb") as f:
        f.seek(bom)
        while True:
            chunk = f.read(CHUNK)
            if strict:
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as error:
                    # the decoder may have carried bytes of the chunk before: the place is relative to those
                    carried_bytes = len(error.object) - len(chunk)
                    place = _place(path, offset + error.start - carried_bytes, error.object[error.start : error.end])
                    decoder = codecs.getincrementaldecoder(encoding)("gongshu-mark")
                    text = decoder.decode(error.object, final=not chunk)
                    strict, bad = False, text.count(BAD)
            else:
                text = decoder.decode(chunk, final=not chunk)
                bad += text.count(BAD)
            offset += len(chunk)
            raw = text.encode() if wide else chunk
            if not wide and b"\0" in chunk:
                # a few zero bytes in a text are damages; many make it no text
                place = place or _place(path, offset - len(chunk) + chunk.index(0), b"\0")
                zeros += chunk.count(0)
                if zeros > max(8, offset // 1000):
                    raise _binary(path)
            longest, carried = _longest(raw, longest, carried)
            if longest > limits.MAX_RECORD_BYTES:
                raise TableError(
                    "record_too_long",
                    "有一行超过 {limit} MB，不像表格。请检查换行符和分隔符。",
                    where={"file": path.name},
                    limit=limits.MAX_RECORD_BYTES // 1024**2,
                )
            if not chunk:
                return TextFile(path, encoding, bom, bad + zeros, place, longest)


def _longest(raw: bytes, longest: int, carried: int) -> tuple[int, int]:
    """Longest line so far and the length of the line still open."""
    lines = raw.replace(b"\r", b"\n").split(b"\n")
    lengths = [carried + len(lines[0]), *map(len, lines[1:])]
    return max(longest, *lengths), lengths[-1]


def _place(path: Path, offset: int, raw: bytes) -> Place:
    line = 1
    with path.open("rb") as f:
        left = offset
        while left > 0 and (chunk := f.read(min(left, CHUNK))):
            line += chunk.count(b"\n")
            left -= len(chunk)
    return Place(line, offset, raw.hex(" ").upper())


def _multibyte(path: Path, encoding: str) -> int:
    """How many characters beyond ASCII decode well."""
    decoder = codecs.getincrementaldecoder(encoding)("gongshu-mark")
    count = 0
    with path.open("rb") as f:
        while chunk := f.read(CHUNK):
            text = decoder.decode(chunk)
            count += len(text) - len(text.encode("ascii", "ignore")) - text.count(BAD)
    return count


class Utf8Stream(io.RawIOBase):
    """``file`` as UTF-8 bytes in whole lines, whatever it is stored in; undecodable places carry :data:`BAD`.

    ``rewrite`` changes whole lines on the way (a delimiter of several characters, runs of spaces, an unclosed quote).
    """

    def __init__(self, file: TextFile, rewrite=None) -> None:  # type: ignore[no-untyped-def]
        self._file = file.path.open("rb")
        self._file.seek(file.bom)
        self._decoder = (
            None
            if file.encoding == "utf-8" and not file.bad
            else codecs.getincrementaldecoder(file.encoding)("gongshu-mark" if file.bad else "strict")
        )
        self._marks = bool(file.bad)
        self._rewrite = rewrite
        self._ready = memoryview(b"")
        self._carry = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        while not self._ready and not self._ended:
            self._fill()
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _fill(self) -> None:
        chunk = self._file.read(CHUNK)
        self._ended = not chunk
        if self._decoder is None:
            raw = chunk
        else:
            text = self._decoder.decode(chunk, final=self._ended)
            raw = (text.replace("\0", BAD) if self._marks else text).encode()
        if self._rewrite is not None:
            raw = self._carry + raw
            cut = len(raw) if self._ended else raw.rfind(b"\n") + 1
            raw, self._carry = raw[:cut], raw[cut:]
            raw = self._rewrite(raw)
        self._ready = memoryview(raw)

    def close(self) -> None:
        self._file.close()
        super().close()


def head_text(file: TextFile, size: int = 1 << 20) -> str:
    """The first ``size`` bytes as text, cut at the end of a line when the file goes on."""
    with file.path.open("rb") as f:
        f.seek(file.bom)
        raw = f.read(size)
        more = bool(f.read(1))
    text = codecs.getincrementaldecoder(file.encoding)("gongshu-mark").decode(raw, final=not more)
    if more and (cut := max(text.rfind("\n"), text.rfind("\r"))) > 0:
        text = text[: cut + 1]
    return text
