"""Access keys: made, revoked, recognised by what they signed."""

from collections.abc import Sequence

from spark_assets.domain.access_key import AccessKey, new_access_key_id, new_access_key_secret
from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.errors import ErrorKind, NotFound, SignatureError
from spark_assets.domain.signature import Credential, SignedRequest, verify
from spark_assets.domain.usage import MICRO
from spark_assets.operations.keys import check_name, find_projects
from spark_assets.ports.unit_of_work import UnitOfWork


async def create(
    uow: UnitOfWork,
    *,
    name: str,
    scopes: frozenset[Scope],
    projects: Sequence[str],
    now: int,
) -> tuple[AccessKey, str]:
    """A new access key and its secret, which is shown this once. No projects: it may use all.

    Raises InvalidParameter `Name`, NotFound `ProjectName`.
    """
    key = AccessKey(
        id=new_access_key_id(),
        name=check_name(name),
        scopes=scopes,
        project_ids=await find_projects(uow, projects),
        created_at=now,
    )
    secret = new_access_key_secret()
    await uow.access_keys.add(key, secret)
    return key, secret


async def revoke(uow: UnitOfWork, key_id: str, now: int) -> None:
    """End an access key; every process refuses it within a second. Raises NotFound `key_id`."""
    if not await uow.access_keys.revoke(key_id, now):
        raise NotFound("key_id", f"there is no access key '{key_id}' that is still valid")


def recognise(found: tuple[AccessKey, str | None] | None, request: SignedRequest, credential: Credential, now: int) -> Caller:
    """Who signed the request; `now` is in Unix microseconds. Raises SignatureError."""
    if found is None or found[0].revoked_at is not None or found[1] is None:
        message = "the access key ID in Credential is not one of ours, or was revoked"
        raise SignatureError("InvalidAccessKey", message, ErrorKind.UNAUTHENTICATED)
    key, secret = found
    assert secret is not None
    verify(request, credential, secret, now // MICRO)
    return key.caller
