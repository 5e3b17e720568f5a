"""FF1: format-preserving encryption on AES (NIST SP 800-38G, section 5.1, algorithms 7 and 8), for whole columns at a time.

All numeral strings of a call have one length, so that every step is one operation on arrays and each of the ten rounds one
call of AES. Our own, on the AES of ``cryptography``: the packages at hand hold a value at a time, FF3 was withdrawn, and none
was both kept up and permissively licensed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Numbers = npt.NDArray[Any]  # unsigned 64-bit integers, or Python's where these are too small
Bytes = npt.NDArray[np.uint8]
LEAST_DOMAIN = 1_000_000  # numeral strings of a length: fewer could be guessed one by one (SP 800-38G r1)
ROUNDS = 10


class FF1:
    """The permutation of the numeral strings of ``length`` in ``radix`` under an AES ``key`` (16, 24 or 32 bytes) and ``tweak``.

    Numeral strings are given as two numbers: the first ``length // 2`` numerals and the rest. ValueError for a domain of
    fewer than a million strings.
    """

    def __init__(self, key: bytes, radix: int, length: int, tweak: bytes = b"") -> None:
        if not 2 <= radix <= 2**16 or radix**length < LEAST_DOMAIN:
            raise ValueError("the domain is too small")
        self._aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the block cipher of the PRF
        self.first, self.last = length // 2, length - length // 2
        self._moduli = radix**self.first, radix**self.last
        self._b = math.ceil((self._moduli[1] - 1).bit_length() / 8)
        self._d = 4 * math.ceil(self._b / 4) + 4
        # every sum and product of a round fits 64 bits
        self._fits = self._moduli[1] <= 2**47
        p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, self.first % 256])
        p += length.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
        self._start = np.frombuffer(self._aes.update(p), dtype=np.uint8)
        self._head = tweak + bytes((-len(tweak) - self._b - 1) % 16)

    def encrypt(self, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
        """The two halves of what the numeral strings with these halves become."""
        a, b = self._numbers(a), self._numbers(b)
        for turn in range(ROUNDS):
            a, b = b, (a + self._pad(turn, b)) % self._modulus(turn)
        return a, b

    def decrypt(self, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
        """What :meth:`encrypt` made these halves of."""
        a, b = self._numbers(a), self._numbers(b)
        for turn in reversed(range(ROUNDS)):
            modulus = self._modulus(turn)
            a, b = (b + (modulus - self._pad(turn, a))) % modulus, a
        return a, b

    def _numbers(self, values: Numbers) -> Numbers:
        return values.astype(np.uint64 if self._fits else np.object_)

    def _modulus(self, turn: int) -> Any:
        modulus = self._moduli[turn % 2]
        return np.uint64(modulus) if self._fits else modulus

    def _pad(self, turn: int, half: Numbers) -> Numbers:
        """y of a round, modulo the half that it is added to."""
        blocks = np.empty((len(half), len(self._head) + 1 + self._b), dtype=np.uint8)
        blocks[:, : len(self._head)] = np.frombuffer(self._head, dtype=np.uint8)
        blocks[:, len(self._head)] = turn
        blocks[:, len(self._head) + 1 :] = self._digits(half)
        state: Bytes = np.broadcast_to(self._start, (len(half), 16))
        for at in range(0, blocks.shape[1], 16):
            state = self._encrypted(state ^ blocks[:, at : at + 16])
        more = [
            self._encrypted(state ^ np.frombuffer(n.to_bytes(16, "big"), dtype=np.uint8))
            for n in range(1, math.ceil(self._d / 16))
        ]
        stream = np.hstack([state, *more])[:, : self._d]
        if not self._fits:
            modulus = self._moduli[turn % 2]
            found = np.empty(len(half), dtype=np.object_)
            found[:] = [int.from_bytes(row.tobytes(), "big") % modulus for row in stream]
            return found
        words = np.ascontiguousarray(stream).view(">u2").astype(np.uint64)
        rest, modulus_ = np.zeros(len(half), dtype=np.uint64), np.uint64(self._moduli[turn % 2])
        for at in range(words.shape[1]):
            rest = ((rest << np.uint64(16)) + words[:, at]) % modulus_
        return rest

    def _digits(self, half: Numbers) -> Bytes:
        """The numbers as bytes, the highest first."""
        if self._fits:
            return half.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - self._b :]
        joined = b"".join(int(one).to_bytes(self._b, "big") for one in half)
        return np.frombuffer(joined, dtype=np.uint8).reshape(-1, self._b)

    def _encrypted(self, blocks: Bytes) -> Bytes:
        return np.frombuffer(self._aes.update(np.ascontiguousarray(blocks).tobytes()), dtype=np.uint8).reshape(-1, 16)
