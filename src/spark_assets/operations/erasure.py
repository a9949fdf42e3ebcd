"""Erasure: removal for good, in small transactions, and then of the bytes that no one else refers to.

Broken off at any point, it leaves nothing half removed that a client could see: the same call goes on, and bytes that
were left behind go with the next sweep.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from spark_assets.domain.api_key import Scope
from spark_assets.domain.erasure import MOST_ASSETS, Erase, Erased, Receipt
from spark_assets.domain.errors import NotFound
from spark_assets.failpoints import Failpoint, reach
from spark_assets.operations import projects
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.operations.erased_blobs import Library, Removal, foresee_removal, remove_blobs
from spark_assets.operations.erasure_record import write_record
from spark_assets.operations.housekeeping import GROUP_STEP, STEP, by_project, drop_readings
from spark_assets.operations.staging import discard
from spark_assets.operations.trash import delete_assets, delete_group
from spark_assets.ports.erasure import Doomed, Leftover, Target, Traces
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a call means: which assets, and in which project which groups with them."""

    target: Target
    project_id: str | None = None
    group_id: str | None = None
    with_groups: bool = False


class _Gone(msgspec.Struct):
    """What has gone so far, or would go."""

    doomed: list[Doomed]
    group_ids: list[str]
    leftovers: list[Leftover]
    shares: int = 0
    sources: int = 0
    complete: bool = True

    def add(self, doomed: list[Doomed], traces: Traces) -> None:
        """Count one step."""
        self.doomed += doomed
        self.shares += traces.shares
        self.sources += traces.sources


async def erase(library: Library, call: Call, command: Erase) -> Receipt:
    """Remove what is named, living or in the trash, and say what went. A dry run changes nothing.

    Ingestions end first, with Conflict `Deleted`. One call takes MOST_ASSETS assets. Raises AccessDenied, InvalidParameter
    `asset_ids`, NotFound `asset_id` if none of the assets is there, `group_id` or `ProjectName`.
    """
    command.check()
    call.caller.require(Scope.PROJECT_ADMIN)
    erasure_id = call.terms.task_ids.new(call.now)
    async with library.database.read() as repositories:
        plan = await _plan(repositories, call, command)
    if plan.group_id is not None and plan.project_id is not None and not command.dry_run:
        await _close_group(library, call, plan.group_id, plan.project_id)
    gone = _Gone([], [], [])
    await _erase_assets(library, call, plan, gone, None if command.dry_run else erasure_id)
    if plan.with_groups and gone.complete:
        await _erase_groups(library, call, plan, gone, None if command.dry_run else erasure_id)
    sizes = {asset.sha256: asset.size or 0 for asset in gone.doomed if asset.sha256 is not None}
    if command.dry_run:
        removal = await foresee_removal(library, sizes, gone.doomed)
    else:
        await write_record(library)
        removal = await remove_blobs(library, sizes)
        for leftover in gone.leftovers:
            await discard(library.blobs, leftover.upload_id, leftover.parts)
        for project_id in {asset.project_id for asset in gone.doomed} | ({plan.project_id} if plan.project_id else set()):
            await drop_readings(library.database, project_id)
    return _receipt(erasure_id, call, command, gone, removal)


async def _plan(repositories: Repositories, call: Call, command: Erase) -> _Plan:
    if command.asset_ids:
        reach = projects.reach_of(call)
        target = Target(project_ids=None if reach is None else tuple(reach), asset_ids=command.asset_ids)
        if not await repositories.erasure.find(target, 1):
            raise NotFound("asset_id", "there is no asset with any of these IDs that the API key may see")
        return _Plan(target=target)
    if command.group_id is not None:
        reach = projects.reach_of(call)
        group = await repositories.groups.find(command.group_id, reach)
        group = group or await repositories.groups.find(command.group_id, reach, in_trash=True)
        if group is None:
            raise NotFound("group_id", "there is no group with this ID that the API key may see")
        target = Target(project_ids=(group.project_id,), group_id=group.id)
        return _Plan(target=target, project_id=group.project_id, group_id=group.id, with_groups=True)
    if command.tag is not None:
        project = await projects.find(repositories, call, command.project)
        return _Plan(target=Target(project_ids=(project.id,), tag=command.tag), project_id=project.id)
    project = await projects.get(repositories, call, command.project or "")
    return _Plan(target=Target(project_ids=(project.id,)), project_id=project.id, with_groups=True)


async def _close_group(library: Library, call: Call, group_id: str, project_id: str) -> None:
    """Put the group into the trash with all that it holds, so that nothing comes in while it is emptied."""
    async with library.database.begin() as uow:
        await delete_group(uow, call, group_id, project_id)
        await uow.commit()


async def _erase_assets(library: Library, call: Call, plan: _Plan, gone: _Gone, erasure_id: str | None) -> None:
    """Without an ID, look at them alone."""
    async with library.database.read() as repositories:
        asset_ids = await repositories.erasure.find(plan.target, MOST_ASSETS + 1)
    gone.complete = len(asset_ids) <= MOST_ASSETS
    asset_ids = asset_ids[:MOST_ASSETS]
    for start in range(0, len(asset_ids), STEP):
        some = asset_ids[start : start + STEP]
        if erasure_id is None:
            async with library.database.read() as repositories:
                doomed = await repositories.erasure.look_at(some)
                gone.add(doomed, await repositories.erasure.traces(doomed))
            await asyncio.sleep(0)  # single reads of SQLite let nobody else in
        else:
            async with library.database.begin() as uow:
                doomed, traces, leftovers = await _erase_step(uow, call, some, erasure_id)
                reach(Failpoint.ERASURE_WRITTEN)
                await uow.commit()
            reach(Failpoint.ERASURE_COMMITTED)
            gone.add(doomed, traces)
            gone.leftovers += leftovers


async def _erase_step(
    uow: UnitOfWork, call: Call, asset_ids: Sequence[str], erasure_id: str
) -> tuple[list[Doomed], Traces, list[Leftover]]:
    """Their tasks end before they are looked at: an ingestion that was quicker has left its bytes, which then go as well."""
    await delete_assets(uow, asset_ids, call.now, call.terms.traces.current())
    doomed = await uow.erasure.look_at(asset_ids)
    traces = await uow.erasure.traces(doomed)
    leftovers = await uow.erasure.purge(doomed, call.now)
    await _record(uow, call, erasure_id, "assets.erased", "asset_ids", [(asset.id, asset.project_id) for asset in doomed])
    await _note(uow, call, erasure_id, asset_ids=tuple(asset.id for asset in doomed))
    return doomed, traces, leftovers


async def _erase_groups(library: Library, call: Call, plan: _Plan, gone: _Gone, erasure_id: str | None) -> None:
    """The group, or all groups of the project; one that got another asset meanwhile stays, in the trash, for the next call."""
    assert plan.project_id is not None
    if plan.group_id is not None:
        group_ids = [plan.group_id]
    else:
        async with library.database.read() as repositories:
            group_ids = await repositories.erasure.groups_of(plan.project_id, MOST_ASSETS + 1)
    if erasure_id is None:
        gone.group_ids += group_ids[:MOST_ASSETS]
    else:
        for start in range(0, min(len(group_ids), MOST_ASSETS), GROUP_STEP):
            async with library.database.begin() as uow:
                for group_id in group_ids[start : start + GROUP_STEP]:
                    await delete_group(uow, call, group_id, plan.project_id)
                purged = await uow.erasure.purge_groups(group_ids[start : start + GROUP_STEP])
                await _record(uow, call, erasure_id, "groups.erased", "group_ids", purged)
                await _note(uow, call, erasure_id, group_ids=tuple(group_id for group_id, _ in purged))
                await uow.commit()
            gone.group_ids += [group_id for group_id, _ in purged]
    gone.complete = len(gone.group_ids) == len(group_ids)


async def _record(uow: UnitOfWork, call: Call, erasure_id: str, action: str, kind: str, found: Sequence[tuple[str, str]]) -> None:
    for project_id, ids in by_project(found).items():
        details = {kind: ids, "count": len(ids)}
        await record_call(uow, call, action, project_id=project_id, subject=erasure_id, details=details)


async def _note(uow: UnitOfWork, call: Call, erasure_id: str, **ids: tuple[str, ...]) -> None:
    """For the record in the store; nothing if nothing went."""
    if any(ids.values()):
        await uow.erasure.note(Erased(id=call.terms.task_ids.new(call.now), erasure_id=erasure_id, erased_at=call.now, **ids))


def _receipt(erasure_id: str, call: Call, command: Erase, gone: _Gone, removal: Removal) -> Receipt:
    asset_ids = tuple(asset.id for asset in gone.doomed)
    found = set(asset_ids)
    return Receipt(
        id=erasure_id,
        erased_at=call.now,
        dry_run=command.dry_run,
        asset_ids=asset_ids,
        group_ids=tuple(gone.group_ids),
        task_ids=tuple(asset.task_id for asset in gone.doomed if asset.task_id is not None),
        unknown_asset_ids=tuple(asset_id for asset_id in command.asset_ids if asset_id not in found),
        blobs=removal.removed,
        kept_blobs=removal.kept,
        pending_blobs=removal.pending,
        renditions=removal.renditions,
        shares=gone.shares,
        sources=gone.sources,
        bytes_freed=removal.bytes_freed,
        complete=gone.complete,
    )
