"""Keys as our own REST surface shows them."""

from collections.abc import Mapping, Set
from typing import Any

from spark_assets.domain.api_key import Key
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.admin.bodies import when
from spark_assets.wire.times import rfc3339


async def project_names(repositories: Repositories) -> dict[str, str]:
    """The name of each project by its ID."""
    return {project.id: project.name for project in await repositories.projects.all()}


def described(key: Key, names: Mapping[str, str]) -> dict[str, Any]:
    """What a body says of a key, masked."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": sorted(scope.value for scope in key.scopes),
        "projects": _names(key.project_ids, names),
        "created_at": rfc3339(key.created_at),
        "expires_at": when(key.expires_at),
        "revoked_at": when(key.revoked_at),
        "last_used_at": when(key.last_used_at),
    }


def _names(project_ids: Set[str] | None, names: Mapping[str, str]) -> list[str] | None:
    """A project that has ended goes by its ID: without it, a key of that project alone would look like one of none."""
    return None if project_ids is None else sorted(names.get(project_id, project_id) for project_id in project_ids)
