"""Access keys: a public ID and a secret that signs requests of the action dialect and is never sent."""

import secrets
from typing import Final

import msgspec

from spark_assets.domain.api_key import Caller, Scope

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_LENGTH: Final = 32


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key without its secret. Times are Unix microseconds."""

    id: str
    name: str
    scopes: frozenset[Scope]
    project_ids: frozenset[str] | None
    """The projects it may use; None: all."""
    created_at: int
    revoked_at: int | None = None

    @property
    def caller(self) -> Caller:
        """Who a request signed with it is from."""
        return Caller(key_id=self.id, scopes=self.scopes, project_ids=self.project_ids)


def new_access_key_id() -> str:
    """`AK` and 30 letters and digits."""
    return "AK" + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH - 2))


def new_access_key_secret() -> str:
    """256 random bits. They must be recoverable to verify a signature, so they are kept sealed, not hashed."""
    return secrets.token_urlsafe(32)
