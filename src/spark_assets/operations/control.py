"""Control: a creation that is under way is cancelled, one that has failed is tried again."""

from typing import Final

from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Asset, Failure
from spark_assets.domain.errors import Conflict, NotFound
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.project import Project
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.domain.upload import Staged, UploadKind, is_staged, read_staged
from spark_assets.operations import assets, events, tasks, uploads
from spark_assets.operations.assets import CreateAsset
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork

CANCELLED: Final = Failure("Conflict.Cancelled", "the task was cancelled before its ingestion was over")
_SOURCE_GONE: Final = "the source address is no longer kept; send it again as url"


async def cancel(uow: UnitOfWork, call: Call, task_id: str) -> tuple[Task, Project]:
    """A creation that has not ended, as failed with Conflict `Cancelled`, and its asset with it; its ingest stops soon.

    Raises AccessDenied, NotFound `task_id`, Conflict `Status` if the task has ended.
    """
    task, project = await _find(uow, call, task_id)
    ended = []
    if task.model == CREATE_ASSET.model and task.asset_id is not None:
        ended = await uow.tasks.end_for_assets([task.asset_id], CANCELLED, call.now)
    if not ended:
        raise Conflict("Status", "the task has ended; only a creation in progress can be cancelled")
    for ended_id, asset_id in ended:
        await uow.assets.fail(asset_id, CANCELLED, call.now)
        uow.announce(ended_id)
        failed = events.failed(ended_id, asset_id, project.id, CANCELLED, call.now)
        await events.record(uow, failed, call.terms.traces.current())
    await record_call(uow, call, "task.cancelled", project_id=project.id, subject=task.id, details={"asset_id": task.asset_id})
    return tasks.visible(await uow.tasks.get(task.id), call.caller), project


async def type_of(repositories: Repositories, call: Call, task_id: str) -> AssetType | None:
    """What kind of file a retry of the task would take; None where there is nothing to try again, which the retry itself says."""
    task = await repositories.tasks.get(task_id)
    if task is None or task.asset_id is None or not call.caller.may_use(task.project_id):
        return None
    asset = await repositories.assets.get(task.asset_id, [task.project_id])
    return None if asset is None else asset.type


async def retry(uow: UnitOfWork, call: Call, task_id: str, url: str | None = None, sent: Staged | None = None) -> tuple[Task, Project]:
    """A new task and a new asset for a creation that has failed, from another source or else from the one before.

    Another source is an address, or bytes that were `sent` along. The new asset gets all that was said of the failed one. What
    there can be one of moves on to it: the external ID, the source that was kept, the callback. Raises AccessDenied, NotFound
    `task_id`, `asset_id` if the failed asset was deleted, `group_id` if its group was, Conflict `Status` for any other task,
    Conflict `Source`, and what a creation raises.
    """
    task, project = await _find(uow, call, task_id)
    if task.model != CREATE_ASSET.model or task.status is not TaskStatus.FAILED:
        raise Conflict("Status", f"the task is {task.status.value}; only a creation that has failed can be tried again")
    kept = None if url or sent is not None else await uow.tasks.kept_source(task.id)
    if not url and sent is None and kept is None:
        raise Conflict("Source", _SOURCE_GONE)
    command = _again(await _free(uow, call, task, project), project)
    if sent is not None:
        fresh = await uploads.submit_staged(uow, call, command, sent, UploadKind.DATA, retry_of=task.id)
    elif kept is not None and is_staged(kept):  # no client may name staged bytes
        fresh = await assets.submit(uow, call, replace(command, staged=read_staged(kept)), retry_of=task.id)
    else:
        fresh = await assets.submit(uow, call, replace(command, url=url or kept or ""), retry_of=task.id)
    await uow.tasks.hand_on(task.id, fresh.id)
    details = {"new_task_id": fresh.id, "new_asset_id": fresh.asset_id}
    await record_call(uow, call, "task.retried", project_id=project.id, subject=task.id, details=details)
    return fresh, project


def _again(asset: Asset, project: Project) -> CreateAsset:
    """The creation of an asset like this one, whose bytes are yet to be named."""
    return CreateAsset(
        name=asset.name,
        url="",
        type=asset.type,
        group_id=asset.group_id,
        project=project.name,
        moderation=asset.moderation,
        tags=asset.tags,
        external_id=asset.external_id,
        metadata=asset.metadata,
    )


async def _find(uow: UnitOfWork, call: Call, task_id: str) -> tuple[Task, Project]:
    call.caller.require(Scope.ASSETS_WRITE)
    task = tasks.visible(await uow.tasks.get(task_id), call.caller)
    project = await uow.projects.by_id(task.project_id)
    if project is None:
        raise tasks.unknown_task()
    return task, project


async def _free(uow: UnitOfWork, call: Call, task: Task, project: Project) -> Asset:
    """The failed asset as it was; its external ID is free now. Its group is held first, as everywhere."""
    found = None if task.asset_id is None else await uow.assets.get(task.asset_id, [project.id])
    if found is not None and not await uow.groups.hold(found.group_id, project.id):
        raise assets.unknown_group(project)
    asset = None if found is None else await uow.assets.lock(found.id, project.id)
    if asset is None:
        raise NotFound("asset_id", "the asset of this task was deleted; register the file anew")
    if asset.external_id is not None:
        await uow.assets.update(replace(asset, external_id=None, updated_at=call.now))
    return asset
