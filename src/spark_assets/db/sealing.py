"""Sealing: source addresses may carry credentials, so they are encrypted at rest.

AES-256-GCM with a key derived from the configured secret. A sealed value is the key's ID, a colon, a nonce of 12
bytes and the ciphertext. Several keys can be alive: the first seals, all open.
"""

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spark_assets.domain.link import SigningKey

_NONCE = 12


class Sealer:
    """Seals and opens short texts."""

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        """`keys` holds at least one; the first seals."""
        self._ciphers = {key.id.encode(): AESGCM(hashlib.sha256(key.secret.encode()).digest()) for key in keys}
        self._sealing = keys[0].id.encode()
        self.key_ids: Final = tuple(key.id for key in keys)
        """Of the keys that open; the first seals."""
        self.head: Final = self._sealing + b":"
        """What every value begins with that is sealed now."""

    def seal(self, text: str) -> bytes:
        """The encrypted text."""
        nonce = os.urandom(_NONCE)
        return self.head + nonce + self._ciphers[self._sealing].encrypt(nonce, text.encode(), self._sealing)

    def key_of(self, sealed: bytes) -> str | None:
        """The ID of the key that opens it; None if none does."""
        return None if self.open(sealed) is None else sealed.partition(b":")[0].decode()

    def open(self, sealed: bytes) -> str | None:
        """The text; None if it was sealed with a key that is gone, or was changed."""
        key_id, _, rest = sealed.partition(b":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            return None
        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], key_id).decode()
        except InvalidTag:
            return None


def head_of(sealed: bytes) -> bytes:
    """What a sealed value begins with: the key's ID and a colon."""
    key_id, colon, _ = sealed.partition(b":")
    return key_id + colon
