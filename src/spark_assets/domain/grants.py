"""Who may hand on which rights: a key that administers projects makes, sees and ends keys of these projects, and of no others."""

from collections.abc import Set
from typing import Final

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.errors import AccessDenied

GRANTABLE: Final = frozenset({Scope.ASSETS_READ, Scope.ASSETS_WRITE, Scope.PROJECT_ADMIN})
"""What whoever administers a project may hand on without holding it."""


def administers(caller: Caller, project_ids: Set[str] | None) -> bool:
    """Whether a key of these projects (None: all) is one of those that the caller may know of."""
    if caller.project_ids is None:
        return True
    return bool(project_ids) and project_ids is not None and project_ids <= caller.project_ids


def check_grant(caller: Caller, scopes: Set[Scope]) -> None:
    """Raises AccessDenied, which names the first of the scopes that the caller may not hand on."""
    if Scope.ADMIN in caller.scopes:
        return
    denied = sorted(scope.value for scope in scopes - GRANTABLE - caller.scopes)
    if denied:
        raise AccessDenied(denied[0])


def check_end(caller: Caller, scopes: Set[Scope]) -> None:
    """Raises AccessDenied where a key with `admin` would be ended by one without it; any other of its keys the caller may end."""
    if Scope.ADMIN in scopes:
        caller.require(Scope.ADMIN)
