"""Access keys: made, listed, revoked, recognised by what they signed.

Who may do what with which is settled as for API keys: the operator (no caller) anything, a caller what it administers.
"""

from collections.abc import Sequence

from spark_assets.domain.access_key import AccessKey, new_access_key_id, new_access_key_secret
from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.audit import Origin
from spark_assets.domain.errors import ErrorKind, NotFound, SignatureError
from spark_assets.domain.grants import administers, check_end
from spark_assets.domain.signature import Credential, SignedRequest, verify
from spark_assets.domain.usage import MICRO
from spark_assets.operations.audit import NOWHERE, record_key
from spark_assets.operations.call import Call
from spark_assets.operations.keys import check_name, grant
from spark_assets.operations.paging import Listed, Paging, part_of, scope_of, select_part
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


async def create(
    uow: UnitOfWork,
    *,
    name: str,
    scopes: frozenset[Scope],
    projects: Sequence[str],
    now: int,
    caller: Caller | None = None,
    origin: Origin = NOWHERE,
) -> tuple[AccessKey, str]:
    """A new access key and its secret, which is shown this once. No projects: it may use all.

    Raises AccessDenied for a scope that the caller may not hand on, MissingParameter `Projects` if the caller must name
    some, InvalidParameter `Name`, NotFound `ProjectName`.
    """
    key = AccessKey(
        id=new_access_key_id(),
        name=check_name(name),
        scopes=scopes,
        project_ids=await grant(uow, caller, scopes, projects),
        created_at=now,
    )
    secret = new_access_key_secret()
    await uow.access_keys.add(key, secret)
    await record_key(uow, caller=caller, action="access_key.created", now=now, key_id=key.id, project_ids=key.project_ids, origin=origin)
    return key, secret


async def page(repositories: Repositories, call: Call, paging: Paging) -> Listed[AccessKey]:
    """One part of the access keys of the projects that the caller administers. Raises AccessDenied, InvalidParameter `NextToken`.

    They are few, and whom they belong to is no column: so they are all read, and chosen and divided here.
    """
    call.caller.require(Scope.PROJECT_ADMIN)
    seen = [key for key in await repositories.access_keys.all() if administers(call.caller, key.project_ids)]
    scope = scope_of("access_keys", call.caller.key_id, None, paging)
    return await select_part(paging, call.terms.cursors, scope, page=lambda part: part_of(seen, part))


async def revoke(uow: UnitOfWork, key_id: str, now: int, caller: Caller | None = None, origin: Origin = NOWHERE) -> None:
    """End an access key; every process refuses it within a second. Raises AccessDenied, NotFound `key_id`."""
    if caller is not None:
        caller.require(Scope.PROJECT_ADMIN)
    found = await uow.access_keys.get(key_id)
    if caller is not None:
        if found is None or not administers(caller, found[0].project_ids):
            raise NotFound("key_id", "there is no access key with this ID that your key administers")
        check_end(caller, found[0].scopes)
    if found is None or not await uow.access_keys.revoke(key_id, now):
        raise NotFound("key_id", f"there is no access key '{key_id}' that is still valid")
    whose = found[0].project_ids
    await record_key(uow, caller=caller, action="access_key.revoked", now=now, key_id=key_id, project_ids=whose, origin=origin)


def recognise(found: tuple[AccessKey, str | None] | None, request: SignedRequest, credential: Credential, now: int) -> Caller:
    """Who signed the request; `now` is in Unix microseconds. Raises SignatureError."""
    if found is None or found[0].revoked_at is not None or found[1] is None:
        message = "the access key ID in Credential is not one of ours, or was revoked"
        raise SignatureError("InvalidAccessKey", message, ErrorKind.UNAUTHENTICATED)
    key, secret = found
    assert secret is not None
    verify(request, credential, secret, now // MICRO)
    return key.caller
