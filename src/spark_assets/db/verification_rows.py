"""Counts of rows that break a promise of the service: what `doctor --verify` asks the database."""

from typing import Final

from sqlalchemy import ColumnElement, Select, Table, and_, exists, func, or_, select

from spark_assets.db.administration_tables import quotas
from spark_assets.db.connection import Connection
from spark_assets.db.tables import assets, blobs, groups, tasks, usage
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.task import TaskStatus

_IS_CREATION: Final = tasks.c.model == CREATE_ASSET.model
_HAS_ASSET: Final = and_(_IS_CREATION, tasks.c.erased_at.is_(None))
"""A creation whose asset was not removed for good."""


def _its_asset_is(status: AssetStatus | None = None) -> ColumnElement[bool]:
    found = exists().where(assets.c.id == tasks.c.asset_id)
    return found if status is None else found.where(assets.c.status == status.value)


def _tasks_with(condition: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(tasks).where(condition)


def _living(table: Table) -> Select[int]:
    """How many rows of the project that has the quota are not in the trash."""
    return select(func.count()).select_from(table).where(table.c.project_id == quotas.c.project_id, table.c.deleted_at.is_(None))


_BROKEN: Final[dict[str, Select[int]]] = {
    "a task whose asset does not exist": _tasks_with(and_(_HAS_ASSET, ~_its_asset_is())),
    "a completed task whose asset is not active": _tasks_with(
        and_(_HAS_ASSET, tasks.c.status == TaskStatus.COMPLETED.value, ~_its_asset_is(AssetStatus.ACTIVE))
    ),
    "a failed task whose asset has not failed": _tasks_with(
        and_(_HAS_ASSET, tasks.c.status == TaskStatus.FAILED.value, ~_its_asset_is(AssetStatus.FAILED))
    ),
    "an ended asset whose task is still in progress": _tasks_with(
        and_(_IS_CREATION, tasks.c.status == TaskStatus.IN_PROGRESS.value, ~_its_asset_is(AssetStatus.PROCESSING))
    ),
    "a failed task without a code": _tasks_with(and_(tasks.c.status == TaskStatus.FAILED.value, tasks.c.error_code.is_(None))),
    "a completed task without a line in the ledger": _tasks_with(
        and_(tasks.c.status == TaskStatus.COMPLETED.value, ~exists().where(usage.c.task_id == tasks.c.id))
    ),
    "a line in the ledger for a task that did not complete": (
        select(func.count())
        .select_from(usage.join(tasks, tasks.c.id == usage.c.task_id))
        .where(tasks.c.status != TaskStatus.COMPLETED.value)
    ),
    "an active asset without its bytes on record": (
        select(func.count())
        .select_from(assets.outerjoin(blobs, blobs.c.sha256 == assets.c.blob_sha256))
        .where(assets.c.status == AssetStatus.ACTIVE.value, or_(blobs.c.sha256.is_(None), blobs.c.state != "stored"))
    ),
    "a quota that counts something else than its project holds": (
        select(func.count())
        .select_from(quotas)
        .where(
            or_(
                quotas.c.assets != _living(assets).scalar_subquery(),
                quotas.c.groups != _living(groups).scalar_subquery(),
                quotas.c.bytes != _living(assets).with_only_columns(func.coalesce(func.sum(assets.c.size), 0)).scalar_subquery(),
            )
        )
    ),
}


class VerificationRows:
    """The questions of `doctor --verify`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def broken(self) -> dict[str, int]:
        return {promise: (await self._connection.run(statement))[0][0] for promise, statement in _BROKEN.items()}
