"""Groups: made."""

import msgspec

from spark_assets.domain.api_key import Scope
from spark_assets.domain.group import Group, GroupType
from spark_assets.domain.ids import new_group_id
from spark_assets.operations import projects
from spark_assets.operations.call import Call
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.ports.unit_of_work import UnitOfWork


class CreateGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a new group."""

    name: str
    type: GroupType
    project: str | None = None
    description: str = ""


async def create(uow: UnitOfWork, call: Call, command: CreateGroup) -> Group:
    """A new group. Raises AccessDenied, NotFound `ProjectName`."""
    call.caller.require(Scope.ASSETS_WRITE)
    project = await projects.find(uow, call, command.project)

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

    return await add_with_fresh_id(build, uow.groups.add)
