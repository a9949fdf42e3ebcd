"""Access keys: a public ID and a secret that signs requests of the action dialect and is never sent."""

import secrets
from typing import Final

from spark_assets.domain.api_key import Key

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_LENGTH: Final = 32


class AccessKey(Key, frozen=True, kw_only=True):
    """An access key without its secret."""


def new_access_key_id() -> str:
    """`AK` and 30 letters and digits."""
    return "AK" + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH - 2))


def new_access_key_secret() -> str:
    """256 random bits. They must be recoverable to verify a signature, so they are kept sealed, not hashed."""
    return secrets.token_urlsafe(32)


def access_key_hint(secret: str | None) -> str:
    """The part of a secret that may be shown: four characters; none of one that can no longer be read."""
    return f"{(secret or '')[:4]}…"
