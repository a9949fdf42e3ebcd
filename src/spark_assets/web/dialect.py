"""What both dialects have in common: an operation named by a client is performed once, whatever envelope its result travels in."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from spark_assets.domain.parameters import (
    CREATE_ASSET,
    CREATE_GROUP,
    DELETE_ASSET,
    DELETE_GROUP,
    GET_ASSET,
    GET_GROUP,
    LIST_ASSETS,
    LIST_GROUPS,
    UPDATE_ASSET,
    UPDATE_GROUP,
)
from spark_assets.domain.task import Task
from spark_assets.operations import assets, groups, uploads
from spark_assets.operations.call import Call
from spark_assets.operations.delivery import Links
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork
from spark_assets.web.results import asset_result, group_result, list_result
from spark_assets.wire.ark import IdResult, NoResult

Values = dict[str, Any]


class Outcome(msgspec.Struct, kw_only=True):
    """What came of an operation."""

    project_id: str
    result: msgspec.Struct
    """The shape of `Result`."""
    asset_id: str | None = None
    group_id: str | None = None
    task: Task | None = None
    """Only where work is still to be done."""


async def _create_group(uow: UnitOfWork, call: Call, values: Values) -> Outcome:
    group, _ = await groups.create(uow, call, groups.CreateGroup(**values))
    return Outcome(project_id=group.project_id, group_id=group.id, result=IdResult(group.id))


async def _create_asset(uow: UnitOfWork, call: Call, values: Values) -> Outcome:
    task = await uploads.submit(uow, call, assets.CreateAsset(**values))
    return Outcome(project_id=task.project_id, asset_id=task.asset_id, task=task, result=IdResult(task.asset_id or ""))


async def _update_asset(uow: UnitOfWork, call: Call, values: Values) -> Outcome:
    asset, _ = await assets.update(uow, call, assets.UpdateAsset(**values))
    return Outcome(project_id=asset.project_id, asset_id=asset.id, result=IdResult(asset.id))


async def _update_group(uow: UnitOfWork, call: Call, values: Values) -> Outcome:
    group, _ = await groups.update(uow, call, groups.UpdateGroup(**values))
    return Outcome(project_id=group.project_id, group_id=group.id, result=IdResult(group.id))


async def _delete_asset(uow: UnitOfWork, call: Call, values: Values) -> Outcome:
    asset = await assets.delete(uow, call, assets.GetAsset(**values))
    return Outcome(project_id=asset.project_id, asset_id=asset.id, result=NoResult())


async def _delete_group(uow: UnitOfWork, call: Call, values: Values) -> Outcome:
    group = await groups.delete(uow, call, groups.GetGroup(**values))
    return Outcome(project_id=group.project_id, group_id=group.id, result=NoResult())


async def _get_asset(repositories: Repositories, call: Call, values: Values, links: Links) -> Outcome:
    asset, project = await assets.get(repositories, call, assets.GetAsset(**values))
    return Outcome(project_id=project.id, asset_id=asset.id, result=asset_result(asset, project, links.link(asset, call.now)))


async def _get_group(repositories: Repositories, call: Call, values: Values, _links: Links) -> Outcome:
    group, project = await groups.get(repositories, call, groups.GetGroup(**values))
    return Outcome(project_id=project.id, group_id=group.id, result=group_result(group, project))


async def _list_assets(repositories: Repositories, call: Call, values: Values, links: Links) -> Outcome:
    listed, project = await assets.page(repositories, call, assets.ListAssets(**values))
    items = [asset_result(asset, project, links.link(asset, call.now)) for asset in listed.items]
    return Outcome(project_id=project.id, result=list_result(items, listed))


async def _list_groups(repositories: Repositories, call: Call, values: Values, _links: Links) -> Outcome:
    listed, project = await groups.page(repositories, call, groups.ListGroups(**values))
    return Outcome(project_id=project.id, result=list_result([group_result(group, project) for group in listed.items], listed))


CHANGES: Final[dict[str, Callable[[UnitOfWork, Call, Values], Awaitable[Outcome]]]] = {
    CREATE_GROUP.model: _create_group,
    CREATE_ASSET.model: _create_asset,
    UPDATE_ASSET.model: _update_asset,
    UPDATE_GROUP.model: _update_group,
    DELETE_ASSET.model: _delete_asset,
    DELETE_GROUP.model: _delete_group,
}
"""By model: what needs a transaction."""

READINGS: Final[dict[str, Callable[[Repositories, Call, Values, Links], Awaitable[Outcome]]]] = {
    GET_ASSET.model: _get_asset,
    GET_GROUP.model: _get_group,
    LIST_ASSETS.model: _list_assets,
    LIST_GROUPS.model: _list_groups,
}
"""By model: what changes nothing."""
