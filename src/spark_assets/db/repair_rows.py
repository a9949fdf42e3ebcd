"""Rows that contradict a promise, put right: what `doctor --repair` does, and what follows the clock when it is set back."""

from typing import Final

from sqlalchemy import BigInteger, Integer, and_, bindparam, delete, exists, or_, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.event_tables import deliveries, uploads
from spark_assets.db.tables import assets, blobs, renditions, tasks
from spark_assets.db.verification_rows import FORSAKEN, MISCOUNTED, NAMELESS, SKEW, UNBILLED, held_on, put_off
from spark_assets.domain.asset import AssetStatus, Failure
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.task import Stage, TaskStatus
from spark_assets.domain.usage import Charge, UsageRecord
from spark_assets.ports.verification import Stranded

_NOW: Final = bindparam("now", type_=BigInteger)
_LIMIT: Final = bindparam("limit", type_=Integer)
_STRANDED = (
    select(
        tasks.c.id,
        tasks.c.asset_id,
        tasks.c.project_id,
        tasks.c.traceparent,
        assets.c.error_code,
        assets.c.error_message,
        assets.c.error_reason,
    )
    .outerjoin(assets, assets.c.id == tasks.c.asset_id)
    .where(
        tasks.c.status == TaskStatus.IN_PROGRESS.value,
        tasks.c.model == CREATE_ASSET.model,
        or_(assets.c.id.is_(None), assets.c.status == AssetStatus.FAILED.value, assets.c.deleted_at.is_not(None)),
    )
    .limit(_LIMIT)
)
_END = (
    update(tasks)
    .where(tasks.c.id == bindparam("task_id"), tasks.c.status == TaskStatus.IN_PROGRESS.value)
    .values(
        status=TaskStatus.FAILED.value,
        stage=Stage.FAILED.value,
        error_code=bindparam("code"),
        error_message=bindparam("message"),
        error_reason=bindparam("reason"),
        completed_at=bindparam("at"),
    )
    .returning(tasks.c.id)
)
_NAME = (
    update(tasks)
    .where(tasks.c.id.in_(NAMELESS.limit(_LIMIT)))
    .values(error_code=bindparam("code"), error_message=bindparam("message"), error_reason=bindparam("reason"))
    .returning(tasks.c.id)
)
_UNBILLED = UNBILLED.with_only_columns(
    tasks.c.id, tasks.c.project_id, tasks.c.key_id, tasks.c.model, tasks.c.cost, tasks.c.discount, tasks.c.created_at, tasks.c.completed_at
).limit(_LIMIT)
_WITHOUT_RENDITION = (
    select(assets.c.id)
    .where(
        assets.c.status == AssetStatus.ACTIVE.value,
        assets.c.deleted_at.is_(None),
        ~assets.c.rendition_pending,
        ~exists().where(renditions.c.blob_sha256 == assets.c.blob_sha256),
    )
    .limit(_LIMIT)
)
_EXPECT = update(assets).where(assets.c.id.in_(_WITHOUT_RENDITION)).values(rendition_pending=True).returning(assets.c.id)
_LOSE = delete(renditions).where(renditions.c.name == bindparam("lost"))
# Its time of queueing as well, or it would be found again and again until the clock has come so far once more.
_BRING_FORWARD = update(deliveries).where(put_off(_NOW)).values(due_at=_NOW, created_at=_NOW).returning(deliveries.c.id)
_LET_GO = update(uploads).where(held_on(_NOW)).values(holder=None, held_until=None).returning(uploads.c.id)
_DATE_BACK = update(blobs).where(and_(blobs.c.state != "stored", blobs.c.changed_at > _NOW + SKEW)).values(changed_at=_NOW)


class RepairRows:
    """The repairs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def stranded(self, limit: int) -> list[Stranded]:
        return [_stranded(row) for row in await self._connection.run(_STRANDED, {"limit": limit})]

    async def end_task(self, task_id: str, failure: Failure, at: int) -> bool:
        return bool(await self._connection.run(_END, {"task_id": task_id, "at": at, **_values(failure)}))

    async def nameless(self, failure: Failure, limit: int) -> int:
        return len(await self._connection.run(_NAME, {"limit": limit, **_values(failure)}))

    async def forsaken(self, limit: int) -> list[str]:
        return [row.id for row in await self._connection.run(FORSAKEN.limit(_LIMIT), {"limit": limit})]

    async def unbilled(self, limit: int) -> list[UsageRecord]:
        return [_record(row) for row in await self._connection.run(_UNBILLED, {"limit": limit})]

    async def miscounted(self) -> list[str]:
        return [row.id for row in await self._connection.run(MISCOUNTED)]

    async def expect_renditions(self, limit: int) -> int:
        return len(await self._connection.run(_EXPECT, {"limit": limit}))

    async def lose_rendition(self, name: str) -> None:
        await self._connection.run(_LOSE, {"lost": name})

    async def bring_forward(self, now: int) -> int:
        found = [*await self._connection.run(_BRING_FORWARD, {"now": now}), *await self._connection.run(_LET_GO, {"now": now})]
        return len(found)

    async def date_back(self, now: int) -> None:
        await self._connection.run(_DATE_BACK, {"now": now})


def _values(failure: Failure) -> dict[str, str | None]:
    return {"code": failure.code, "message": failure.message, "reason": failure.reason}


def _stranded(row: Row) -> Stranded:
    failure = None if row.error_code is None else Failure(row.error_code, row.error_message, row.error_reason)
    return Stranded(task_id=row.id, asset_id=row.asset_id, project_id=row.project_id, failure=failure, traceparent=row.traceparent)


def _record(row: Row) -> UsageRecord:
    return UsageRecord(
        task_id=row.id,
        project_id=row.project_id,
        key_id=row.key_id,
        model=row.model,
        charge=Charge(row.cost, row.discount),
        created_at=row.completed_at or row.created_at,
    )
