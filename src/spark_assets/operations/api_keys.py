"""API keys: what they have of their own, and how one is recognised by its secret."""

from typing import Final

from spark_assets.domain.api_key import ApiKey, fingerprint, hint, is_well_formed, new_secret
from spark_assets.domain.errors import AuthenticationError
from spark_assets.domain.ids import new_key_id
from spark_assets.operations.keys import Kind
from spark_assets.ports.unit_of_work import Repositories

API_KEYS: Final = Kind(
    noun="key",
    subject="key",
    key=ApiKey,
    held=lambda repositories: repositories.keys,
    new_id=new_key_id,
    new_secret=new_secret,
    hint=hint,
    add=lambda uow, key, secret: uow.keys.add(key, fingerprint(secret)),
)


async def authenticate(repositories: Repositories, secret: str, now: int) -> ApiKey:
    """The key behind a secret. Raises AuthenticationError for one that is malformed, unknown, revoked or expired."""
    if not is_well_formed(secret):
        raise AuthenticationError.invalid()
    key = await repositories.keys.by_fingerprint(fingerprint(secret))
    if key is None or not key.is_usable(now):
        raise AuthenticationError.invalid()
    return key
