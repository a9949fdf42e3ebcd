"""Sessions: who has signed in to the console. A session may do what the key may that it was opened with, and ends with it."""

import hashlib
import hmac
import secrets
from typing import Final

import msgspec

from spark_assets.domain.api_key import fingerprint
from spark_assets.domain.usage import MICRO

LIFETIME: Final = 7 * 24 * 3600
"""Seconds that a session lasts."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is stored; its token is known to the browser alone. Times are Unix microseconds."""

    fingerprint: str
    """Of its token: what it is found by."""
    key_id: str
    created_at: int
    expires_at: int

    def is_usable(self, now: int) -> bool:
        """Whether it has not expired at `now`."""
        return now < self.expires_at


def open_session(key_id: str, now: int) -> tuple[Session, str]:
    """A new session of the key, and its token: 256 random bits."""
    token = secrets.token_urlsafe(32)
    return Session(fingerprint=fingerprint(token), key_id=key_id, created_at=now, expires_at=now + LIFETIME * MICRO), token


def form_token(token: str) -> str:
    """What a page of the session puts into its forms and requests: another site that makes the browser ask cannot know it."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()
