"""The trash: what deletion means for assets and groups, and the way back.

Links end at once. What lies in the trash comes back by a restore, until the trash is emptied of it; then its bytes go too.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Asset, Deleted, Failure
from spark_assets.domain.errors import Conflict, NotFound
from spark_assets.domain.event import Event
from spark_assets.domain.group import Group
from spark_assets.domain.project import Project
from spark_assets.domain.quota import Holdings
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import events
from spark_assets.operations.audit import record_assets, record_call
from spark_assets.operations.call import Call
from spark_assets.operations.projects import reach_of
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import UnitOfWork

DELETED: Final = Failure("Conflict.Deleted", "the asset was deleted before its ingestion was over")
_STEP: Final = 500


async def delete_assets(uow: UnitOfWork, asset_ids: Sequence[str], at: int, traceparent: str | None = None) -> None:
    """Put assets into the trash; those still being ingested fail, and so do their tasks.

    `traceparent`: the step of a trace that deliveries of this follow from.
    """
    for some in _steps(asset_ids):
        ended = await uow.tasks.end_for_assets(some, DELETED, at)
        for task_id, asset_id in ended:
            await uow.assets.fail(asset_id, DELETED, at)
            uow.announce(task_id)
        deleted = await uow.assets.delete(some, at)
        for asset in deleted:
            uow.tally(asset.project_id, Holdings(assets=-1, bytes=-(asset.size or 0)))
        await events.record(uow, _told(ended, deleted, at), traceparent)
        reach(Failpoint.TRASH_WRITTEN)


def _told(ended: Sequence[tuple[str, str]], deleted: Sequence[Deleted], at: int) -> list[Event]:
    """That the tasks have failed, then that the assets are deleted: an asset that is gone is not told to have failed as well."""
    projects = {asset.id: asset.project_id for asset in deleted}
    told = [events.task_failed(task_id, asset_id, projects[asset_id], DELETED, at) for task_id, asset_id in ended if asset_id in projects]
    return told + [events.asset_deleted(asset.id, asset.group_id, asset.project_id, at) for asset in deleted]


async def delete_group(uow: UnitOfWork, call: Call, group_id: str, project_id: str) -> bool:
    """Put a group and all its assets into the trash, and say so in the audit trail; False if the group is there already."""
    if not await uow.groups.delete(group_id, call.now):
        return False
    uow.tally(project_id, Holdings(groups=-1))
    asset_ids = await uow.assets.living_in_group(group_id, project_id)
    await delete_assets(uow, asset_ids, call.now, call.terms.traces.current())
    await events.record(uow, [events.group_deleted(group_id, project_id, call.now)], call.terms.traces.current())
    await record_call(uow, call, "group.deleted", project_id=project_id, subject=group_id)
    await record_assets(uow, call, "assets.deleted", project_id=project_id, subject=group_id, asset_ids=asset_ids)
    return True


async def restore_asset(uow: UnitOfWork, call: Call, asset_id: str) -> tuple[Asset, Project]:
    """An asset back from the trash, as it was.

    Raises AccessDenied, NotFound `asset_id`, Conflict `Group` if its group is deleted, Conflict `ExternalId`.
    """
    asset, project = await bring_back(uow, call, asset_id)
    await record_call(uow, call, "asset.restored", project_id=project.id, subject=asset.id)
    return asset, project


async def bring_back(uow: UnitOfWork, call: Call, asset_id: str) -> tuple[Asset, Project]:
    """The same without an entry in the audit trail: for who brings back one of many."""
    call.caller.require(Scope.ASSETS_WRITE)
    asset = await uow.assets.trashed(asset_id, reach_of(call))
    project = None if asset is None else await uow.projects.by_id(asset.project_id)
    if asset is None or project is None:
        raise NotFound("asset_id", "there is no asset with this ID in the trash that the API key may see")
    if not await uow.groups.hold(asset.group_id, asset.project_id):
        raise Conflict("Group", f"the asset's group {asset.group_id} is deleted; restore the group first")
    if not await _restore(uow, [asset.id], call.now):
        raise NotFound("asset_id", "the asset was restored, or removed for good, by another request meanwhile")
    return replace(asset, deleted_at=None, updated_at=call.now), project


async def restore_group(uow: UnitOfWork, call: Call, group_id: str) -> tuple[Group, Project]:
    """A group back from the trash, with the assets that were deleted with it.

    Raises AccessDenied, NotFound `group_id`, Conflict `ExternalId`.
    """
    call.caller.require(Scope.ASSETS_WRITE)
    group = await uow.groups.find(group_id, reach_of(call), in_trash=True)
    project = None if group is None else await uow.projects.by_id(group.project_id)
    if group is None or project is None or group.deleted_at is None or not await uow.projects.hold(project.id):
        raise NotFound("group_id", "there is no group with this ID in the trash that the API key may see")
    if not await uow.groups.restore(group.id, call.now):
        raise NotFound("group_id", "the group was restored, or removed for good, by another request meanwhile")
    uow.tally(group.project_id, Holdings(groups=1))
    asset_ids = await uow.assets.deleted_with_group(group.id, group.deleted_at)
    await _restore(uow, asset_ids, call.now)
    await record_call(uow, call, "group.restored", project_id=project.id, subject=group.id)
    await record_assets(uow, call, "assets.restored", project_id=project.id, subject=group.id, asset_ids=asset_ids)
    return replace(group, deleted_at=None, updated_at=call.now), project


async def _restore(uow: UnitOfWork, asset_ids: Sequence[str], at: int) -> bool:
    """Whether any of them was still in the trash."""
    found = False
    try:
        for some in _steps(asset_ids):
            for project_id, gained in (await uow.assets.restore(some, at)).items():
                uow.tally(project_id, gained)
                found = True
    except Taken:
        raise Conflict("ExternalId", "another asset of the project has taken the ExternalId meanwhile; change that one first") from None
    return found


def _steps(asset_ids: Sequence[str]) -> list[Sequence[str]]:
    return [asset_ids[start : start + _STEP] for start in range(0, len(asset_ids), _STEP)]
