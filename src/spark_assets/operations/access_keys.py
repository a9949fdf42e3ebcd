"""Access keys: what they have of their own, and how one is recognised by what it signed."""

from typing import Final

from spark_assets.domain.access_key import AccessKey, access_key_hint, new_access_key_id, new_access_key_secret
from spark_assets.domain.errors import ErrorKind, SignatureError
from spark_assets.domain.signature import Credential, SignedRequest, verify
from spark_assets.domain.usage import MICRO
from spark_assets.operations.keys import Kind

ACCESS_KEYS: Final = Kind(
    noun="access key",
    subject="access_key",
    key=AccessKey,
    held=lambda repositories: repositories.access_keys,
    new_id=new_access_key_id,
    new_secret=new_access_key_secret,
    hint=access_key_hint,
    add=lambda uow, key, secret: uow.access_keys.add(key, secret),
)


def recognise(found: tuple[AccessKey, str | None] | None, request: SignedRequest, credential: Credential, now: int) -> AccessKey:
    """The key that signed the request; `now` is in Unix microseconds. Raises SignatureError."""
    key, secret = found or (None, None)
    if key is None or secret is None or not key.is_usable(now):
        message = "the access key ID in Credential is not one of ours, was revoked or has expired"
        raise SignatureError("InvalidAccessKey", message, ErrorKind.UNAUTHENTICATED)
    verify(request, credential, secret, now // MICRO)
    return key
