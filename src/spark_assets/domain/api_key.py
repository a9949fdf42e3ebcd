"""API keys: how they are written, what they allow, and who a request is from."""

import hashlib
import secrets
import zlib
from enum import Enum
from typing import Final

import msgspec

from spark_assets.domain.errors import AccessDenied

PREFIX: Final = "sk_"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH: Final = 43
"""256 bits in base62."""
_CHECKSUM_LENGTH: Final = 6


class Scope(Enum):
    """What a key may do."""

    ASSETS_READ = "assets:read"
    ASSETS_WRITE = "assets:write"
    MODERATION_SKIP = "moderation:skip"
    PROJECT_ADMIN = "project:admin"
    ADMIN = "admin"
    METRICS = "metrics"


DEFAULT_SCOPES: Final = frozenset({Scope.ASSETS_READ, Scope.ASSETS_WRITE})


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key of either kind as it is stored, without its secret. Times are Unix microseconds."""

    id: str
    name: str
    hint: str
    """The first characters of its secret, so that a person can tell keys apart."""
    scopes: frozenset[Scope]
    project_ids: frozenset[str] | None
    """The projects the key may use; None: all."""
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None

    def is_usable(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def caller(self) -> "Caller":
        """Who a request made with it is from."""
        return Caller(key_id=self.id, scopes=self.scopes, project_ids=self.project_ids)


class ApiKey(Key, frozen=True, kw_only=True):
    """An API key; the key itself, which is all secret, is known to its holder alone."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who a request is from: every operation asks it, no operation asks the door."""

    key_id: str
    scopes: frozenset[Scope]
    project_ids: frozenset[str] | None

    def require(self, *scopes: Scope) -> None:
        """Raises AccessDenied, which names the first, unless the key has one of the scopes, or `admin`, which includes all."""
        if not self.has(*scopes):
            raise AccessDenied(scopes[0].value)

    def has(self, *scopes: Scope) -> bool:
        """Whether the key has one of the scopes, or `admin`, which includes all."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(scopes)

    def may_use(self, project_id: str) -> bool:
        """Whether the project is within the key's reach."""
        return self.project_ids is None or project_id in self.project_ids


def new_secret() -> str:
    """A fresh key: `sk_`, 256 random bits in base62, and a checksum that catches typing errors without a look-up."""
    body = _base62(secrets.randbits(256), _SECRET_LENGTH)
    return f"{PREFIX}{body}{_checksum(body)}"


def is_well_formed(key: str) -> bool:
    """Whether the text could be a key of ours: prefix, length and checksum."""
    body, checksum = key[len(PREFIX) : -_CHECKSUM_LENGTH], key[-_CHECKSUM_LENGTH:]
    return key.startswith(PREFIX) and len(body) == _SECRET_LENGTH and key.isascii() and checksum == _checksum(body)


def fingerprint(key: str) -> str:
    """The SHA-256 of a key in hex: all that is stored of it. A key has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def hint(key: str) -> str:
    """The part of a key that may be shown: the prefix and four characters."""
    return f"{key[:7]}…"


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
