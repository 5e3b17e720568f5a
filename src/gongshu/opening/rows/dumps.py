"""All rows that answer a question, as a stream: made as the client takes it, in memory that does not grow with the rows.

All rows of a version without a question are a file (see ``exports``), which can be resumed; a stream can't.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

from gongshu.lake import serving
from gongshu.opening.rows import finding, formats
from gongshu.opening.rows.grammar import Ask
from gongshu.opening.rows.tables import Table
from gongshu.web.streaming import accepts

SECONDS = 3600  # for which a dump may go on
ASK_SECONDS = 0.5
PACKED = {"parquet"}  # compressed by themselves


def encoding(kind: str, accepted: str) -> str:
    """How the stream is compressed for a client that accepts these encodings: zstd, gzip, or empty."""
    return "" if kind in PACKED else next((one for one in ("zstd", "gzip") if accepts(one, accepted)), "")


def stream(table: Table, ask: Ask, kind: str, packed: str) -> Iterator[bytes]:
    """The pieces of the dump; breaks off with StoppedError or WithdrawnError once nothing may be read any more."""
    asked = time.monotonic()
    memory = serving.SORT_MEMORY if ask.sort else serving.BULK_MEMORY
    with serving.POOL.cursor(table.path, seconds=SECONDS, bulk=memory) as cursor:
        for piece in _packed(formats.pieces(table, ask, kind, cursor), packed):
            if time.monotonic() - asked >= ASK_SECONDS:
                asked = time.monotonic()
                finding.current(table.dataset)
                finding.numbered(table.dataset, table.number)
            if piece:
                yield piece


def _packed(pieces: Iterator[bytes], packed: str) -> Iterator[bytes]:
    if not packed:
        yield from pieces
        return
    packer = _Zstd() if packed == "zstd" else zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


class _Zstd:
    """Arrow's zstd as a stream of one frame."""

    def __init__(self) -> None:
        import pyarrow as pa

        self._sink = formats.Sink()
        self._out: Any = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), "zstd")

    def compress(self, piece: bytes) -> bytes:
        """What there is to send after ``piece``."""
        self._out.write(piece)
        return self._sink.take()

    def flush(self) -> bytes:
        """The end."""
        self._out.close()
        return self._sink.take()
