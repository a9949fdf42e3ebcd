"""API keys: made, listed, revoked, recognised."""

from collections.abc import Sequence

from spark_assets.domain.api_key import ApiKey, Scope, fingerprint, hint, is_well_formed, new_secret
from spark_assets.domain.errors import AuthenticationError, InvalidParameter, NotFound
from spark_assets.domain.ids import new_key_id
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


async def create(
    uow: UnitOfWork,
    *,
    name: str,
    scopes: frozenset[Scope],
    projects: Sequence[str],
    expires_at: int | None,
    now: int,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once. Times are Unix microseconds.

    No projects: the key may use all. Raises InvalidParameter `Name`, NotFound `ProjectName`.
    """
    check_name(name)
    project_ids = await find_projects(uow, projects)
    secret = new_secret()
    key = ApiKey(
        id=new_key_id(),
        name=name,
        hint=hint(secret),
        scopes=scopes,
        project_ids=project_ids,
        created_at=now,
        expires_at=expires_at,
    )
    await uow.keys.add(key, fingerprint(secret))
    return key, secret


async def revoke(uow: UnitOfWork, key_id: str, now: int) -> None:
    """End a key; every process refuses it within a second. Raises NotFound `key_id`."""
    if not await uow.keys.revoke(key_id, now):
        raise NotFound("key_id", f"there is no key '{key_id}' that is still valid")


async def authenticate(repositories: Repositories, secret: str, now: int) -> ApiKey:
    """The key behind a secret. Raises AuthenticationError for one that is malformed, unknown, revoked or expired."""
    if not is_well_formed(secret):
        raise AuthenticationError.invalid()
    key = await repositories.keys.by_fingerprint(fingerprint(secret))
    if key is None or not key.is_usable(now):
        raise AuthenticationError.invalid()
    return key


def check_name(name: str) -> str:
    """The name itself if a key may be called so. Raises InvalidParameter `Name`."""
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise InvalidParameter("Name", "a key's name has 1 to 64 printable characters")
    return name


async def find_projects(uow: UnitOfWork, names: Sequence[str]) -> frozenset[str] | None:
    """The IDs of the projects that a key is limited to; None, which stands for all, if none is named. Raises NotFound `ProjectName`."""
    found = set()
    for name in names:
        project = await uow.projects.by_name(name)
        if project is None:
            raise NotFound("ProjectName", f"there is no project '{name}'")
        found.add(project.id)
    return frozenset(found) or None
