"""Shares: addresses of an asset that need no key and work until they are revoked, so that a saved page may hold them."""

import hashlib
import re
import secrets
from typing import Final

import msgspec

from spark_assets.domain.asset import Variant

FOLLOWED_LINK_LIFETIME: Final = 3600
"""Seconds that the signed link works which a share leads to: so long bytes can still be read after the share was revoked."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One share of one variant of an asset. Times are Unix microseconds."""

    id: str
    project_id: str
    asset_id: str
    variant: Variant
    created_at: int
    token: str | None
    """What its address ends with; None if what sealed it is gone. The address itself still works then."""
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_usable(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_token() -> str:
    """256 random bits, safe in an address: who has not been told it cannot guess it."""
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Whether the text could be a token of ours."""
    return _TOKEN.fullmatch(text) is not None


def token_fingerprint(token: str) -> str:
    """The SHA-256 of a token in hex, by which a share is found."""
    return hashlib.sha256(token.encode()).hexdigest()
