"""Projects: made, listed, renamed, ended, and found for a call."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from spark_assets.domain.api_key import Caller, Scope
from spark_assets.domain.audit import Origin
from spark_assets.domain.errors import AccessDenied, Conflict, NotFound
from spark_assets.domain.ids import new_project_id
from spark_assets.domain.listing import Slice
from spark_assets.domain.project import DEFAULT_PROJECT, Project, check_project_name
from spark_assets.operations.audit import NOWHERE, actor_of, record, record_call
from spark_assets.operations.call import Call
from spark_assets.operations.paging import Item, Listed, Paging, scope_of, select_part
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork

_SEEING: Final = (Scope.ASSETS_READ, Scope.ASSETS_WRITE, Scope.PROJECT_ADMIN)
"""Any of them lets a key see its projects."""

Wanted = TypeVar("Wanted")
"""A filter."""


async def create(uow: UnitOfWork, name: str, now: int, caller: Caller | None = None, origin: Origin = NOWHERE) -> Project:
    """A new project; without a caller, the operator's.

    Raises AccessDenied, InvalidParameter or, if the name is in use, Conflict `ProjectName`.
    """
    if caller is not None:
        caller.require(Scope.ADMIN)
        if caller.project_ids is not None:  # what it made would be outside its reach
            raise AccessDenied(f"{Scope.ADMIN.value} (for all projects)")
    project = Project(id=new_project_id(), name=check_project_name(name), created_at=now)
    try:
        await uow.projects.add(project)
    except Taken:
        raise _name_taken(name) from None
    await record(uow, actor=actor_of(caller), action="project.created", now=now, project_id=project.id, subject=project.id, origin=origin)
    return project


async def find(repositories: Repositories, call: Call, name: str | None) -> Project:
    """The project a call works in: the named one, else the key's default.

    Raises NotFound `ProjectName`, alike for an unknown project and for one outside the key's reach.
    """
    wanted = name or call.project
    allowed = call.caller.project_ids
    if not wanted and allowed is not None and len(allowed) == 1:
        (only,) = allowed
        project = await repositories.projects.by_id(only)
    else:
        project = await repositories.projects.by_name(wanted or DEFAULT_PROJECT)
    if project is None or not call.caller.may_use(project.id):
        raise unknown_project()
    return project


async def by_name(repositories: Repositories, name: str) -> Project:
    """A project for whoever runs the service. Raises NotFound `ProjectName`."""
    project = await repositories.projects.by_name(name)
    if project is None:
        raise NotFound("ProjectName", f"there is no project '{name}'")
    return project


async def get(repositories: Repositories, call: Call, name_or_id: str) -> Project:
    """A project within the key's reach, by its ID or its name. Raises AccessDenied, NotFound `ProjectName`."""
    call.caller.require(*_SEEING)
    project = await repositories.projects.by_id(name_or_id) or await repositories.projects.by_name(name_or_id)
    if project is None or not call.caller.may_use(project.id):
        raise unknown_project()
    return project


async def page(repositories: Repositories, call: Call, paging: Paging) -> Listed[Project]:
    """One part of the projects within the key's reach. Raises AccessDenied, InvalidParameter `NextToken`."""
    call.caller.require(*_SEEING)
    reach = reach_of(call)
    return await select_part(
        paging,
        call.terms.cursors,
        scope_of("projects", call.caller.key_id, None, paging),
        page=lambda part: repositories.projects.page(reach, part),
    )


async def page_within(
    repositories: Repositories,
    call: Call,
    name: str | None,
    kind: str,
    wanted: Wanted,
    paging: Paging,
    *,
    page: Callable[[Sequence[str], Wanted, Slice], Awaitable[list[Item]]],
    count: Callable[[Sequence[str], Wanted], Awaitable[int]] | None = None,
) -> tuple[Listed[Item], Project]:
    """One part of what the call's project holds of a kind; `page` and `count` take projects and a filter. Without `count`, no page mode.

    Raises NotFound `ProjectName`, InvalidParameter `Paging` or `NextToken`.
    """
    project = await find(repositories, call, name)
    within = [project.id]
    listed = await select_part(
        paging,
        call.terms.cursors,
        scope_of(kind, project.id, wanted, paging),
        page=lambda part: page(within, wanted, part),
        count=None if count is None else lambda: count(within, wanted),
    )
    return listed, project


async def rename(uow: UnitOfWork, call: Call, name_or_id: str, name: str) -> Project:
    """A project under a new name. Raises AccessDenied, NotFound, InvalidParameter or Conflict `ProjectName`."""
    call.caller.require(Scope.ADMIN)
    project = await get(uow, call, name_or_id)
    if project.name == DEFAULT_PROJECT and name != DEFAULT_PROJECT:
        raise Conflict("ProjectName", f"the project '{DEFAULT_PROJECT}' keeps its name: it is where requests go that name none")
    try:
        if not await uow.projects.rename(project.id, check_project_name(name)):
            raise unknown_project()
    except Taken:
        raise _name_taken(name) from None
    await record_call(uow, call, "project.renamed", project_id=project.id, subject=project.id)
    return replace(project, name=name)


async def delete(uow: UnitOfWork, call: Call, name_or_id: str) -> Project:
    """End an empty project; its name is free again, its usage stays on record.

    Raises AccessDenied, NotFound `ProjectName`, Conflict `ProjectNotEmpty` or `ProjectName` for the default one.
    """
    call.caller.require(Scope.ADMIN)
    project = await get(uow, call, name_or_id)
    if project.name == DEFAULT_PROJECT:
        raise Conflict("ProjectName", f"the project '{DEFAULT_PROJECT}' always exists")
    if await uow.projects.lock(project.id) is None:
        raise unknown_project()
    if await uow.projects.has_groups(project.id):
        raise Conflict("ProjectNotEmpty", "the project still holds groups; delete them first")
    await uow.projects.delete(project.id, call.now)
    await record_call(uow, call, "project.ended", project_id=project.id, subject=project.id)
    return project


def reach_of(call: Call) -> Sequence[str] | None:
    """The IDs of the projects that the key may use; None stands for all."""
    allowed = call.caller.project_ids
    return None if allowed is None else sorted(allowed)


def _name_taken(name: str) -> Conflict:
    return Conflict("ProjectName", f"there is a project '{name}' already")


def unknown_project() -> NotFound:
    """The answer for a project that does not exist, and for one outside the key's reach."""
    return NotFound("ProjectName", "there is no such project, or the API key may not use it; name an existing one in ProjectName")
