"""Cursors: a place in a list as an opaque text, signed, and bound to the list it belongs to."""

import base64
import binascii
import hashlib
import hmac

import msgspec

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.link import SigningKey
from spark_assets.domain.listing import Position

_SIGNATURE = 16
"""Bytes kept of the HMAC-SHA256."""


class CursorSigner:
    """Makes cursors and reads them. A cursor of another list, or one that was changed, is refused."""

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        """`keys` holds at least one; the first signs, all verify."""
        self._secrets = [key.secret.encode() for key in keys]

    def seal(self, position: Position, scope: bytes) -> str:
        """The cursor for a position; `scope` says which list it is: project, filter and sorting."""
        body = msgspec.json.encode(position)
        return _encode(_sign(self._secrets[0], body, scope) + body)

    def open(self, cursor: str, scope: bytes) -> Position:
        """The position in a cursor. Raises InvalidParameter `NextToken`."""
        try:
            raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            raise _refused() from None
        if _encode(raw) != cursor:  # base64 has several spellings of the same bytes
            raise _refused()
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not any(hmac.compare_digest(_sign(secret, body, scope), signature) for secret in self._secrets):
            raise _refused()
        return msgspec.json.decode(body, type=Position)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _sign(secret: bytes, body: bytes, scope: bytes) -> bytes:
    return hmac.new(secret, b"cursor\n" + hashlib.sha256(scope).digest() + body, hashlib.sha256).digest()[:_SIGNATURE]


def _refused() -> InvalidParameter:
    return InvalidParameter("NextToken", "NextToken is not one that this list gave out; begin again without it")
