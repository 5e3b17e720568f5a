"""Ed25519 signatures (RFC 8032) over canonical JSON, for the heads of the log."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def canonical(value: Any) -> bytes:
    """``value`` as JSON bytes in one form only: sorted keys, no spaces, UTF-8 (after RFC 8785; no floats are used)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_id_of(public: bytes) -> str:
    """The name of a public key: the first 16 hex digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


class Signer:
    """Signs with a 32-byte Ed25519 seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = key_id_of(self.public)

    def sign(self, value: Any) -> str:
        """The signature over ``canonical(value)``, in hex."""
        return self._key.sign(canonical(value)).hex()


def verify(public: bytes, value: Any, signature: str) -> bool:
    """Whether ``signature`` (hex) is the key's over ``canonical(value)``."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), canonical(value))
    except (InvalidSignature, ValueError):
        return False
    return True
