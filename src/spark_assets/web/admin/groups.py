"""`/v1/groups`."""

from typing import Final

from spark_assets.domain import own_parameters as own
from spark_assets.domain.listing import GroupFilter
from spark_assets.domain.parameters import CREATE_GROUP, DELETE_GROUP, GET_GROUP, LIST_GROUPS, UPDATE_GROUP
from spark_assets.operations import groups, trash
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.admin.bodies import group_body
from spark_assets.web.admin.endpoint import Asked, Endpoint, changing, reading
from spark_assets.wire.admin import GroupBody, GroupList


async def _list(repositories: Repositories, asked: Asked) -> GroupList:
    wanted = GroupFilter(**asked.pick("group_ids", "name", "in_trash"))
    part = asked.pick("max_results", "next_token", "sort_by", "sort_order", "project")
    listed, project = await groups.page(repositories, asked.call, groups.ListGroups(filter=wanted, **part))
    return GroupList([group_body(group, project) for group in listed.items], listed.next_token)


async def _create(uow: UnitOfWork, asked: Asked) -> GroupBody:
    return group_body(*await groups.create(uow, asked.call, groups.CreateGroup(**asked.values)))


async def _get(repositories: Repositories, asked: Asked) -> GroupBody:
    return group_body(*await groups.find(repositories, asked.call, asked.path["group_id"]))


async def _update(uow: UnitOfWork, asked: Asked) -> GroupBody:
    group, project = await groups.locate(uow, asked.call, asked.path["group_id"])
    return group_body(*await groups.update(uow, asked.call, groups.UpdateGroup(id=group.id, project=project.name, **asked.values)))


async def _delete(uow: UnitOfWork, asked: Asked) -> None:
    group, project = await groups.locate(uow, asked.call, asked.path["group_id"])
    await groups.delete(uow, asked.call, groups.GetGroup(id=group.id, project=project.name))


async def _restore(uow: UnitOfWork, asked: Asked) -> GroupBody:
    return group_body(*await trash.restore_group(uow, asked.call, asked.path["group_id"]))


_ONE: Final = "/v1/groups/{group_id}"
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/groups",
        summary="The groups of a project",
        query=(own.PROJECT, *own.GROUP_FILTERS, own.LIMIT, own.CURSOR, own.GROUP_SORT, own.ORDER),
        answer=GroupList,
        handle=reading(_list),
        operation=LIST_GROUPS,
        errors=("NotFound.ProjectName",),
    ),
    Endpoint(
        method="POST",
        path="/v1/groups",
        summary="Make a group of assets",
        required=(own.NAME,),
        optional=(own.DESCRIPTION, own.GROUP_TYPE, own.PROJECT),
        answer=GroupBody,
        status=201,
        handle=changing(_create),
        operation=CREATE_GROUP,
        errors=("NotFound.ProjectName", "QuotaExceeded"),
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        summary="A group",
        answer=GroupBody,
        handle=reading(_get),
        operation=GET_GROUP,
        errors=("NotFound.group_id",),
    ),
    Endpoint(
        method="PATCH",
        path=_ONE,
        summary="Rename a group or describe it anew",
        optional=(own.NAME, own.DESCRIPTION),
        clearing={"description": ""},
        answer=GroupBody,
        handle=changing(_update),
        operation=UPDATE_GROUP,
        errors=("NotFound.group_id",),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        summary="Put a group and all its assets into the trash; their links end at once",
        handle=changing(_delete),
        operation=DELETE_GROUP,
        errors=("NotFound.group_id",),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/restore",
        summary="Take a group out of the trash, with the assets that were deleted with it",
        answer=GroupBody,
        handle=changing(_restore),
        operation=UPDATE_GROUP,
        errors=("NotFound.group_id", "Conflict.ExternalId", "QuotaExceeded"),
    ),
)
