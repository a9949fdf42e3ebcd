"""Groups: made, read, listed, changed, deleted."""

import msgspec
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.errors import NotFound
from spark_assets.domain.group import Group, GroupType
from spark_assets.domain.ids import new_group_id
from spark_assets.domain.listing import GroupFilter
from spark_assets.domain.project import Project
from spark_assets.domain.quota import Holdings
from spark_assets.operations import projects, quotas
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.operations.paging import Listed, Paging
from spark_assets.operations.trash import delete_group
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


class CreateGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a new group."""

    name: str
    type: GroupType = GroupType.AIGC
    project: str | None = None
    description: str = ""


class GetGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Which group a client means, to read it or to delete it."""

    id: str
    project: str | None = None


class ListGroups(Paging, frozen=True, kw_only=True):
    """Which groups a client asks for, and which part of them."""

    filter: GroupFilter
    project: str | None = None


class UpdateGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a client changes of a group; None leaves it as it is."""

    id: str
    project: str | None = None
    name: str | None = None
    description: str | None = None


async def create(uow: UnitOfWork, call: Call, command: CreateGroup) -> tuple[Group, Project]:
    """A new group. Raises AccessDenied, NotFound `ProjectName`, QuotaExceeded."""
    call.caller.require(Scope.ASSETS_WRITE)
    project = await projects.find(uow, call, command.project)
    if not await uow.projects.hold(project.id):
        raise projects.unknown_project()
    await quotas.gain(uow, project, Holdings(groups=1))

    def build() -> Group:
        return Group(
            id=new_group_id(call.now),
            project_id=project.id,
            name=command.name,
            description=command.description,
            type=command.type,
            created_at=call.now,
            updated_at=call.now,
        )

    group = await add_with_fresh_id(build, uow.groups.add)
    await record_call(uow, call, "group.created", project_id=project.id, subject=group.id)
    return group, project


async def get(repositories: Repositories, call: Call, command: GetGroup) -> tuple[Group, Project]:
    """A group of the call's project. Raises AccessDenied, NotFound `ProjectName` or `group_id`."""
    call.caller.require(Scope.ASSETS_READ)
    return await _find(repositories, call, command.id, command.project)


async def page(repositories: Repositories, call: Call, command: ListGroups) -> tuple[Listed[Group], Project]:
    """One part of the groups of the call's project.

    Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `Paging` or `NextToken`.
    """
    call.caller.require(Scope.ASSETS_READ)
    rows = repositories.groups
    return await projects.page_within(
        repositories, call, command.project, "groups", command.filter, command, page=rows.page, count=rows.count
    )


async def update(uow: UnitOfWork, call: Call, command: UpdateGroup) -> tuple[Group, Project]:
    """A group with what was changed. Raises AccessDenied, NotFound `ProjectName` or `group_id`."""
    call.caller.require(Scope.ASSETS_WRITE)
    project = await projects.find(uow, call, command.project)
    group = await uow.groups.lock(command.id, project.id)
    if group is None:
        raise unknown_group()
    changed = replace(
        group,
        name=group.name if command.name is None else command.name,
        description=group.description if command.description is None else command.description,
        updated_at=call.now,
    )
    if not await uow.groups.update(changed):
        raise unknown_group()
    given = [name for name in ("name", "description") if getattr(command, name) is not None]
    await record_call(uow, call, "group.updated", project_id=project.id, subject=group.id, details={"fields": given})
    return changed, project


async def delete(uow: UnitOfWork, call: Call, command: GetGroup) -> Group:
    """Put a group and all its assets into the trash; what is being ingested ends. Raises AccessDenied, NotFound."""
    call.caller.require(Scope.ASSETS_WRITE)
    group, _ = await _find(uow, call, command.id, command.project)
    if not await delete_group(uow, call, group.id, group.project_id):
        raise unknown_group()
    return group


def unknown_group() -> NotFound:
    """The answer for a group that does not exist, is deleted, or belongs to another project."""
    return NotFound("group_id", "there is no group with this ID in the project")


async def find(repositories: Repositories, call: Call, group_id: str) -> tuple[Group, Project]:
    """A group of any project within the key's reach. Raises AccessDenied, NotFound `group_id`."""
    call.caller.require(Scope.ASSETS_READ)
    return await locate(repositories, call, group_id)


async def locate(repositories: Repositories, call: Call, group_id: str) -> tuple[Group, Project]:
    """The same for an operation that asks for a scope of its own. Raises NotFound `group_id`."""
    group = await repositories.groups.find(group_id, projects.reach_of(call))
    project = None if group is None else await repositories.projects.by_id(group.project_id)
    if group is None or project is None:
        raise unknown_group()
    return group, project


async def _find(repositories: Repositories, call: Call, group_id: str, project_name: str | None) -> tuple[Group, Project]:
    project = await projects.find(repositories, call, project_name)
    group = await repositories.groups.get(group_id, project.id)
    if group is None:
        raise unknown_group()
    return group, project
