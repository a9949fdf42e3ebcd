"""Assets: submitted for ingestion, read, listed, changed, deleted."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from spark_assets.domain.api_key import Scope
from spark_assets.domain.asset import Asset, AssetStatus, ModerationStrategy
from spark_assets.domain.backlog import JOINED, Line
from spark_assets.domain.errors import Conflict, FlowLimited, NotFound, StorageFull
from spark_assets.domain.ids import new_asset_id
from spark_assets.domain.listing import AssetFilter
from spark_assets.domain.media import AssetType
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.project import Project
from spark_assets.domain.quota import Holdings
from spark_assets.domain.task import Task, TaskStatus
from spark_assets.domain.upload import Staged
from spark_assets.operations import projects, quotas, webhooks
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.operations.identity import add_with_fresh_id
from spark_assets.operations.paging import Listed, Paging, scope_of, select_part
from spark_assets.operations.trash import delete_assets
from spark_assets.ports.queue import Job, JobKind
from spark_assets.ports.repositories import Taken
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


class CreateAsset(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a new asset."""

    name: str
    url: str = ""
    type: AssetType
    group_id: str
    project: str | None = None
    moderation: ModerationStrategy = ModerationStrategy.DEFAULT
    tags: tuple[str, ...] = ()
    external_id: str | None = None
    metadata: dict[str, Any] | None = None
    callback_url: str | None = None
    """Where to post the end of the task."""
    staged: Staged | None = None
    """Bytes that are here already, instead of an address."""
    in_batch: bool = False
    """Whether it is one of many in one request."""


class GetAsset(msgspec.Struct, frozen=True, kw_only=True):
    """Which asset a client means, to read it or to delete it."""

    id: str
    project: str | None = None


class ListAssets(Paging, frozen=True, kw_only=True):
    """Which assets a client asks for, and which part of them."""

    filter: AssetFilter
    project: str | None = None


class UpdateAsset(msgspec.Struct, frozen=True, kw_only=True):
    """What a client changes of an asset; UNSET leaves it as it is, None clears it. Another group moves it."""

    id: str
    project: str | None = None
    name: str | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    external_id: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    group_id: str | UnsetType = UNSET


_CHANGEABLE: Final = ("name", "tags", "external_id", "metadata", "group_id")


async def submit(uow: UnitOfWork, call: Call, command: CreateAsset, *, retry_of: str | None = None) -> Task:
    """Accept an asset: its row, its task and its job, in one transaction. `retry_of`: the failed task that is tried again.

    The job comes later if the ingest has to wait for its turn. Raises AccessDenied, InvalidParameter `URL` or `callback_url`,
    NotFound `ProjectName` or `group_id`, Conflict `ExternalId`, StorageFull, FlowLimited, QuotaExceeded, Unavailable.
    """
    with call.terms.traces.span("submit") as span:
        task = await _submit(uow, call, command, retry_of)
        span.say("spark_assets.task_id", task.id)
        return task


async def _submit(uow: UnitOfWork, call: Call, command: CreateAsset, retry_of: str | None) -> Task:
    call.caller.require(Scope.ASSETS_WRITE)
    staged = command.staged
    host = call.terms.check_url(command.url) if staged is None else staged.id
    if command.callback_url is not None:
        call.terms.check_webhook("callback_url", command.callback_url)
    if not call.terms.has_room():
        raise StorageFull
    project = await projects.find(uow, call, command.project)
    call.terms.backlog.expect_room(project.id)
    if not await uow.groups.hold(command.group_id, project.id):
        raise unknown_group(project)
    await _check_room(uow, call)
    await quotas.gain(uow, project, Holdings(assets=1))
    task_id = call.terms.task_ids.new(call.now)
    asset = await _add(uow, call, command, project, task_id)
    task = Task(
        id=task_id,
        project_id=project.id,
        key_id=call.caller.key_id,
        model=CREATE_ASSET.model,
        status=TaskStatus.IN_PROGRESS,
        request_id=call.request_id,
        created_at=call.now,
        asset_id=asset.id,
        source_host=host,
        retry_of=retry_of,
        traceparent=call.terms.traces.current(),
    )
    if command.callback_url is not None:
        await webhooks.make_callbacks(uow, project.id, call.now)
    line = call.terms.backlog.add(project.id, in_batch=command.in_batch)
    await uow.tasks.add(task, command.url if staged is None else staged.source, command.callback_url, line)
    if staged is not None:
        await uow.uploads.attach(staged.id, task.id)
    if line is Line.NONE:
        uow.enqueue(Job(JobKind.INGEST, task.id, host, project.id))
    else:
        uow.announce(JOINED)
    return task


async def get(repositories: Repositories, call: Call, command: GetAsset) -> tuple[Asset, Project]:
    """An asset of the call's project. Raises AccessDenied, NotFound `ProjectName` or `asset_id`."""
    call.caller.require(Scope.ASSETS_READ)
    project = await projects.find(repositories, call, command.project)
    asset = await repositories.assets.get(command.id, [project.id])
    if asset is None:
        raise _unknown()
    return asset, project


async def page(repositories: Repositories, call: Call, command: ListAssets) -> tuple[Listed[Asset], Project]:
    """One part of the assets of the call's project.

    Raises AccessDenied, NotFound `ProjectName`, InvalidParameter `Paging` or `NextToken`.
    """
    call.caller.require(Scope.ASSETS_READ)
    rows = repositories.assets
    return await projects.page_within(
        repositories, call, command.project, "assets", command.filter, command, page=rows.page, count=rows.count
    )


async def page_everywhere(repositories: Repositories, call: Call, command: ListAssets) -> tuple[Listed[Asset], dict[str, Project]]:
    """One part of the assets of all projects within the key's reach, and those projects by their ID: for what few assets can match.

    Raises AccessDenied, InvalidParameter `NextToken`.
    """
    call.caller.require(Scope.ASSETS_READ)
    known = {project.id: project for project in await repositories.projects.all() if call.caller.may_use(project.id)}
    listed = await select_part(
        command,
        call.terms.cursors,
        scope_of("assets everywhere", call.caller.key_id, command.filter, command),
        page=lambda part: repositories.assets.page(list(known), command.filter, part),
    )
    return listed, known


async def update(uow: UnitOfWork, call: Call, command: UpdateAsset) -> tuple[Asset, Project]:
    """An asset with what was changed. Raises AccessDenied, NotFound `ProjectName`, `asset_id` or `group_id`, Conflict `ExternalId`."""
    changed, project = await change(uow, call, command)
    given = [name for name in _CHANGEABLE if getattr(command, name) is not UNSET]
    await record_call(uow, call, "asset.updated", project_id=project.id, subject=changed.id, details={"fields": given})
    return changed, project


async def change(uow: UnitOfWork, call: Call, command: UpdateAsset) -> tuple[Asset, Project]:
    """The same without an entry in the audit trail: for who makes one of many such changes."""
    call.caller.require(Scope.ASSETS_WRITE)
    project = await projects.find(uow, call, command.project)
    if command.group_id is not UNSET:
        await _hold_groups(uow, project, command.id, command.group_id)
    asset = await uow.assets.lock(command.id, project.id)
    if asset is None:
        raise _unknown()
    given = {name: getattr(command, name) for name in _CHANGEABLE}
    changed = replace(asset, **{name: value for name, value in given.items() if value is not UNSET}, updated_at=call.now)
    try:
        if not await uow.assets.update(changed):
            raise _unknown()
    except Taken:
        raise _taken() from None
    return changed, project


async def delete(uow: UnitOfWork, call: Call, command: GetAsset) -> Asset:
    """Put an asset into the trash; its links end at once, and its ingestion if it is not over. Raises AccessDenied, NotFound."""
    call.caller.require(Scope.ASSETS_WRITE)
    project = await projects.find(uow, call, command.project)
    asset = await uow.assets.get(command.id, [project.id])
    if asset is None:
        raise _unknown()
    await delete_assets(uow, [asset.id], call.now, call.terms.traces.current())
    await record_call(uow, call, "asset.deleted", project_id=project.id, subject=asset.id)
    return asset


async def find(repositories: Repositories, call: Call, asset_id: str, *, in_trash: bool = False) -> tuple[Asset, Project]:
    """An asset of any project within the key's reach; or one that lies in the trash. Raises AccessDenied, NotFound `asset_id`."""
    call.caller.require(Scope.ASSETS_READ)
    return await locate(repositories, call, asset_id, in_trash=in_trash)


async def locate(repositories: Repositories, call: Call, asset_id: str, *, in_trash: bool = False) -> tuple[Asset, Project]:
    """The same for an operation that asks for a scope of its own. Raises NotFound `asset_id`."""
    look = repositories.assets.trashed if in_trash else repositories.assets.get
    asset = await look(asset_id, projects.reach_of(call))
    project = None if asset is None else await repositories.projects.by_id(asset.project_id)
    if asset is None or project is None:
        raise _unknown()
    return asset, project


async def _check_room(uow: UnitOfWork, call: Call) -> None:
    """Raises FlowLimited if the key has as many creations in progress as it may have."""
    most = call.terms.creations_in_progress
    if most is not None and not await uow.tasks.room_for(call.caller.key_id, CREATE_ASSET.model, most):
        raise FlowLimited(f"this key may have {most} creations in progress, and has; wait until one of its tasks has ended", most)


async def _hold_groups(uow: UnitOfWork, project: Project, asset_id: str, target: str) -> None:
    """Keep both ends of a move: a group that is being deleted would else take the asset along, or miss it.

    Groups are held before the asset is locked, in the order in which the deletion of a group takes them.
    """
    asset = await uow.assets.get(asset_id, [project.id])
    if asset is None or not await uow.groups.hold(asset.group_id, project.id):
        raise _unknown()
    if not await uow.groups.hold(target, project.id):
        raise unknown_group(project)


async def _add(uow: UnitOfWork, call: Call, command: CreateAsset, project: Project, task_id: str) -> Asset:
    moderation = command.moderation
    if moderation is ModerationStrategy.SKIP and not call.caller.has(Scope.MODERATION_SKIP):
        moderation = ModerationStrategy.DEFAULT

    def build() -> Asset:
        return Asset(
            id=new_asset_id(call.now),
            project_id=project.id,
            group_id=command.group_id,
            name=command.name,
            type=command.type,
            status=AssetStatus.PROCESSING,
            moderation=moderation,
            task_id=task_id,
            external_id=command.external_id,
            tags=command.tags,
            metadata=command.metadata,
            created_at=call.now,
            updated_at=call.now,
        )

    try:
        return await add_with_fresh_id(build, uow.assets.add)
    except Taken:
        raise _taken() from None


def _taken() -> Conflict:
    return Conflict("ExternalId", "another asset of the project has this ExternalId")


def unknown_group(project: Project) -> NotFound:
    """The answer for a group that the project does not hold."""
    return NotFound("group_id", f"there is no group with this GroupId in the project '{project.name}'")


def _unknown() -> NotFound:
    return NotFound("asset_id", "there is no asset with this Id that the API key may see")
