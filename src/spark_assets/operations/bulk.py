"""One change to many assets: each by the operation that does it to a single one, so that both check and do the same."""

from collections.abc import Sequence
from typing import Final, assert_never

from spark_assets.domain.api_key import Scope
from spark_assets.domain.bulk import BulkAction, BulkChange
from spark_assets.domain.errors import AccessDenied, InvalidParameter, MissingParameter, NotFound, SparkError
from spark_assets.domain.parameter_values import read_tags
from spark_assets.operations import assets, trash
from spark_assets.operations.audit import record_call
from spark_assets.operations.call import Call
from spark_assets.operations.projects import reach_of
from spark_assets.ports.unit_of_work import UnitOfWork

_BELONGING: Final = {
    BulkAction.MOVE: "group_id",
    BulkAction.TAG: "tags",
    BulkAction.UNTAG: "tags",
}
"""What an action cannot do without."""
_ENTRIES: Final = {
    BulkAction.MOVE: "assets.moved",
    BulkAction.TAG: "assets.tagged",
    BulkAction.UNTAG: "assets.untagged",
    BulkAction.DELETE: "assets.deleted",
    BulkAction.RESTORE: "assets.restored",
}
"""What the audit trail calls it."""
_HOLDING: Final = frozenset({BulkAction.MOVE, BulkAction.RESTORE})
"""The actions that need their assets' groups to stay."""
_HARMLESS: Final = (NotFound, InvalidParameter, AccessDenied)
"""Refusals before anything was written: the transaction is as it was, and others may go on in it."""

Outcomes = dict[str, SparkError | None]
"""By ID of the asset: why it failed, or None if it did not."""


def check(call: Call, change: BulkChange) -> None:
    """Raises AccessDenied, MissingParameter for what the action needs, InvalidParameter for what belongs to another one."""
    call.caller.require(Scope.ASSETS_WRITE)
    needed = _BELONGING.get(change.action)
    for name, value in (("group_id", change.group_id), ("tags", change.tags)):
        if name == needed and not value:
            raise MissingParameter(name, f"the action {change.action.value} needs {name}")
        if name != needed and value is not None:
            raise InvalidParameter(name, f"{name} does not belong to the action {change.action.value}; leave it out")


async def apply(uow: UnitOfWork, call: Call, change: BulkChange, asset_ids: Sequence[str]) -> Outcomes:
    """Change these assets within one transaction; what is refused stays as it is and stops nothing.

    Raises what leaves the transaction in doubt: then none of it must be committed. Assets are taken in the order of
    their IDs, so that two changes of the same ones seldom stand in each other's way.
    """
    outcomes: Outcomes = {}
    changed: dict[str, list[str]] = {}
    if change.action in _HOLDING:
        await _hold_groups(uow, call, change, asset_ids)
    for asset_id in sorted(asset_ids):
        try:
            project_id = await _apply_to_one(uow, call, change, asset_id)
            changed.setdefault(project_id, []).append(asset_id)
            outcomes[asset_id] = None
        except _HARMLESS as error:
            outcomes[asset_id] = error
    for project_id, ids in changed.items():
        await record_call(uow, call, _ENTRIES[change.action], project_id=project_id, details={"asset_ids": ids, "count": len(ids)})
    return outcomes


async def _hold_groups(uow: UnitOfWork, call: Call, change: BulkChange, asset_ids: Sequence[str]) -> None:
    """Hold every group that will be needed before any asset is locked, and in order: who deletes a group locks it before its assets."""
    find = uow.assets.trashed if change.action is BulkAction.RESTORE else uow.assets.get
    needed = set()
    for asset_id in asset_ids:
        asset = await find(asset_id, reach_of(call))
        if asset is not None:
            needed |= {(group_id, asset.project_id) for group_id in (asset.group_id, change.group_id) if group_id is not None}
    for group_id, project_id in sorted(needed):
        await uow.groups.hold(group_id, project_id)


async def _apply_to_one(uow: UnitOfWork, call: Call, change: BulkChange, asset_id: str) -> str:
    """The ID of the asset's project."""
    if change.action is BulkAction.RESTORE:
        return (await trash.bring_back(uow, call, asset_id))[1].id
    asset, project = await assets.locate(uow, call, asset_id)
    match change.action:
        case BulkAction.MOVE:
            assert change.group_id is not None
            await assets.change(uow, call, assets.UpdateAsset(id=asset.id, project=project.name, group_id=change.group_id))
        case BulkAction.TAG | BulkAction.UNTAG:
            # Locked before its tags are read: another change of them must not be lost.
            locked = await uow.assets.lock(asset.id, project.id)
            tags = () if locked is None else _changed_tags(locked.tags, change)
            if locked is None or tags != locked.tags:
                await assets.change(uow, call, assets.UpdateAsset(id=asset.id, project=project.name, tags=tags))
        case BulkAction.DELETE:
            await trash.delete_assets(uow, [asset.id], call.now, call.terms.traces.current())
        case never:
            assert_never(never)
    return project.id


def _changed_tags(tags: tuple[str, ...], change: BulkChange) -> tuple[str, ...]:
    """Raises InvalidParameter `tags` if there would be too many."""
    named = change.tags or ()
    if change.action is BulkAction.UNTAG:
        return tuple(tag for tag in tags if tag not in named)
    return read_tags("tags", [*tags, *named])
