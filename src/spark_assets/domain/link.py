"""Signed links: addresses that work for anyone until they expire.

The signature is HMAC-SHA256 over the method class, the path (which holds the asset and the variant), the expiry and
the key's ID. Any changed byte is refused. Several keys can be alive: the first signs, all verify.
"""

import base64
import hashlib
import hmac
from typing import Final
from urllib.parse import quote

import msgspec

from spark_assets.domain.errors import NotFound

LINK_LIFETIME: Final = 12 * 3600
"""Seconds a link in an answer stays valid: 12 hours, as the vendor documents."""


class SigningKey(msgspec.Struct, frozen=True):
    """A secret under an ID; the ID stands in the link, so that keys can be rotated."""

    id: str
    secret: str


class LinkSigner:
    """Signs paths and verifies them."""

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        """`keys` holds at least one; the first signs."""
        self._signing = keys[0]
        self._secrets = {key.id: key.secret.encode() for key in keys}

    def sign(self, path: str, expires_at: int) -> str:
        """The path with its signed query; `expires_at` is in Unix seconds."""
        key = self._signing
        return f"{path}?expires={expires_at}&key={quote(key.id, safe='')}&signature={self._signature(path, expires_at, key.id)}"

    def verify(self, path: str, expires_at: str, key_id: str, signature: str, now: int) -> None:
        """Raises NotFound `path` unless the signature is ours, for exactly this path, and not expired at `now` (Unix seconds)."""
        canonical = expires_at.isascii() and expires_at.isdigit() and len(expires_at) <= 12 and str(int(expires_at)) == expires_at
        if not canonical or key_id not in self._secrets:
            raise _refused()
        expected = self._signature(path, int(expires_at), key_id)
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="surrogatepass")):
            raise _refused()
        if now >= int(expires_at):
            raise NotFound("path", "this link has expired; ask for the asset again to get a fresh one")

    def _signature(self, path: str, expires_at: int, key_id: str) -> str:
        text = f"GET\n{path}\n{expires_at}\n{key_id}".encode()
        digest = hmac.new(self._secrets[key_id], text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refused() -> NotFound:
    return NotFound("path", "this link is not valid: it was changed, or signed with a key that is no longer in use")
