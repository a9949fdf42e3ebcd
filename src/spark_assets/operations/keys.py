"""Keys of both kinds: made, listed, renewed, revoked.

The operator (no caller) may do anything with any key; a caller only with keys of the projects that it administers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic

import msgspec

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.audit import Origin
from spark_assets.domain.errors import Conflict, InvalidParameter, MissingParameter, NotFound
from spark_assets.domain.expiry import check_expiry
from spark_assets.domain.grants import administers, check_end, check_grant
from spark_assets.domain.usage import MICRO
from spark_assets.operations.audit import NOWHERE, record_key
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Listed, Paging, part_of, scope_of, select_part
from spark_assets.ports.repositories import AnyKey, Keys
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


class Kind(msgspec.Struct, Generic[AnyKey], frozen=True, kw_only=True):
    """What the two kinds of key differ in."""

    noun: str
    """What a message calls one."""
    subject: str
    """What the audit trail calls one."""
    key: type[AnyKey]
    held: Callable[[Repositories], Keys[AnyKey]]
    """Those that there are."""
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    hint: Callable[[str], str]
    """The part of a secret that may be shown."""
    add: Callable[[UnitOfWork, AnyKey, str], Awaitable[None]]
    """Record a key and, in its way, the secret."""


async def create(
    kind: Kind[AnyKey],
    uow: UnitOfWork,
    *,
    name: str,
    scopes: frozenset[Scope],
    projects: Sequence[str],
    expires_at: int | None,
    now: int,
    caller: Caller | None = None,
    origin: Origin = NOWHERE,
) -> tuple[AnyKey, str]:
    """A new key and its secret, which is shown this once. Times are Unix microseconds.

    No projects: the key may use all. Raises AccessDenied for a scope that the caller may not hand on, MissingParameter
    `Projects` if the caller must name some, InvalidParameter `Name` or `ExpiresAt`, NotFound `ProjectName`.
    """
    _check_name(name)
    check_expiry(expires_at, now)
    whose = await _grant(uow, caller, scopes, projects)
    key, secret = await _add(kind, uow, name=name, scopes=scopes, project_ids=whose, expires_at=expires_at, created_at=now)
    action = f"{kind.subject}.created"
    await record_key(uow, caller=caller, action=action, now=now, key_id=key.id, project_ids=whose, origin=origin)
    return key, secret


async def find(kind: Kind[AnyKey], repositories: Repositories, caller: Caller, key_id: str) -> AnyKey:
    """A key of the projects that the caller administers, valid or not. Raises AccessDenied, NotFound `key_id`."""
    caller.require(Scope.PROJECT_ADMIN)
    key = await kind.held(repositories).by_id(key_id)
    if key is None or not administers(caller, key.project_ids):
        raise NotFound("key_id", f"there is no {kind.noun} with this ID that your key administers")
    return key


async def page(kind: Kind[AnyKey], repositories: Repositories, call: Call, paging: Paging) -> Listed[AnyKey]:
    """One part of the keys of the projects that the caller administers. Raises AccessDenied, InvalidParameter `NextToken`.

    Keys are few, and whom they belong to is no column: so they are all read, and chosen and divided here.
    """
    call.caller.require(Scope.PROJECT_ADMIN)
    seen = [key for key in await kind.held(repositories).all() if administers(call.caller, key.project_ids)]
    scope = scope_of(f"{kind.subject}s", call.caller.key_id, None, paging)
    return await select_part(paging, call.terms.cursors, scope, page=lambda part: part_of(seen, part))


async def rotate(
    kind: Kind[AnyKey],
    uow: UnitOfWork,
    key_id: str,
    *,
    grace: int,
    now: int,
    caller: Caller | None = None,
    origin: Origin = NOWHERE,
) -> tuple[AnyKey, str]:
    """A new key that may do what the old one may, as long as it may, and its secret, which is shown this once.

    The old one ends after `grace` seconds, at once if there are none. Raises AccessDenied, NotFound `key_id`, Conflict
    `Status` if the old one is not valid any more.
    """
    held = kind.held(uow)
    if caller is None:
        old = await held.by_id(key_id)
    else:
        old = await find(kind, uow, caller, key_id)
        check_grant(caller, old.scopes)
    if old is None:
        raise _not_valid(kind, key_id)
    # Revoked rather than expired where it ends at once: that holds on every process, whatever its clock says.
    has_ended = await (held.expire(key_id, now + grace * MICRO) if grace else held.revoke(key_id, now))
    if not has_ended or not old.is_usable(now):
        raise Conflict("Status", f"the {kind.noun} is revoked or expired and cannot be rotated; make a new one")
    whose = old.project_ids
    key, secret = await _add(kind, uow, name=old.name, scopes=old.scopes, project_ids=whose, expires_at=old.expires_at, created_at=now)
    action = f"{kind.subject}.rotated"
    await record_key(uow, caller=caller, action=action, now=now, key_id=old.id, project_ids=whose, origin=origin, replaced_by=key.id)
    return key, secret


async def revoke(
    kind: Kind[AnyKey], uow: UnitOfWork, key_id: str, now: int, caller: Caller | None = None, origin: Origin = NOWHERE
) -> None:
    """End a key; every process refuses it within a second. Raises AccessDenied, NotFound `key_id`."""
    held = kind.held(uow)
    key = await held.by_id(key_id) if caller is None else await find(kind, uow, caller, key_id)
    if caller is not None and key is not None:
        check_end(caller, key.scopes)
    if key is None or not await held.revoke(key_id, now):
        raise _not_valid(kind, key_id)
    action = f"{kind.subject}.revoked"
    await record_key(uow, caller=caller, action=action, now=now, key_id=key.id, project_ids=key.project_ids, origin=origin)


def _check_name(name: str) -> None:
    """Raises InvalidParameter `Name` for one that a key may not have."""
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise InvalidParameter("Name", "a key's name has 1 to 64 printable characters")


async def _grant(uow: UnitOfWork, caller: Caller | None, scopes: frozenset[Scope], projects: Sequence[str]) -> frozenset[str] | None:
    """The IDs of the projects that a new key is limited to; None, which stands for all, if none is named.

    Raises AccessDenied for a scope that the caller may not hand on, MissingParameter `Projects` if the caller is limited
    and names none, NotFound `ProjectName`, alike for an unknown project and for one outside the caller's reach.
    """
    if caller is not None:
        caller.require(Scope.PROJECT_ADMIN)
        check_grant(caller, scopes)
        if caller.project_ids is not None and not projects:
            raise MissingParameter("Projects", "name the Projects of the new key: your own key is limited to some, and so must it be")
    found = set()
    for name in projects:
        project = await uow.projects.by_name(name)
        if project is None or not (caller is None or caller.may_use(project.id)):
            raise NotFound("ProjectName", f"there is no project '{name}'")
        found.add(project.id)
    return frozenset(found) or None


async def _add(
    kind: Kind[AnyKey],
    uow: UnitOfWork,
    *,
    name: str,
    scopes: frozenset[Scope],
    project_ids: frozenset[str] | None,
    expires_at: int | None,
    created_at: int,
) -> tuple[AnyKey, str]:
    secret = kind.new_secret()
    key = kind.key(
        id=kind.new_id(),
        name=name,
        hint=kind.hint(secret),
        scopes=scopes,
        project_ids=project_ids,
        created_at=created_at,
        expires_at=expires_at,
    )
    await kind.add(uow, key, secret)
    return key, secret


def _not_valid(kind: Kind[AnyKey], key_id: str) -> NotFound:
    return NotFound("key_id", f"there is no {kind.noun} '{key_id}' that is still valid")
