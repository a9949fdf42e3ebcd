"""Keys as our own REST surface shows them."""

from collections.abc import Mapping, Set
from typing import Any

from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import ApiKey
from spark_assets.ports.unit_of_work import Repositories
from spark_assets.web.admin.bodies import when
from spark_assets.wire.keys import AccessKeyBody, KeyBody, NewAccessKeyBody, NewKeyBody
from spark_assets.wire.times import rfc3339


async def project_names(repositories: Repositories) -> dict[str, str]:
    """The name of each project by its ID."""
    return {project.id: project.name for project in await repositories.projects.all()}


def key_body(key: ApiKey, names: Mapping[str, str]) -> KeyBody:
    """An API key, masked."""
    return KeyBody(**_described(key, names))


def new_key_body(key: ApiKey, secret: str, names: Mapping[str, str]) -> NewKeyBody:
    """An API key with the key itself."""
    return NewKeyBody(key=secret, **_described(key, names))


def access_key_body(key: AccessKey, names: Mapping[str, str]) -> AccessKeyBody:
    """An access key without its secret."""
    return AccessKeyBody(**_shared(key, names))


def new_access_key_body(key: AccessKey, secret: str, names: Mapping[str, str]) -> NewAccessKeyBody:
    """An access key with its secret."""
    return NewAccessKeyBody(secret=secret, **_shared(key, names))


def _described(key: ApiKey, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        **_shared(key, names),
        "hint": key.hint,
        "expires_at": when(key.expires_at),
        "last_used_at": when(key.last_used_at),
    }


def _shared(key: ApiKey | AccessKey, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "projects": _names(key.project_ids, names),
        "created_at": rfc3339(key.created_at),
        "revoked_at": when(key.revoked_at),
    }


def _names(project_ids: Set[str] | None, names: Mapping[str, str]) -> list[str] | None:
    """A project that has ended goes by its ID: without it, a key of that project alone would look like one of none."""
    return None if project_ids is None else sorted(names.get(project_id, project_id) for project_id in project_ids)
