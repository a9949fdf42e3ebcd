"""Rows that break a promise of the service: what `doctor --verify` asks the database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Select, Table, and_, bindparam, exists, func, or_, select

from spark_assets.db.administration_tables import quotas
from spark_assets.db.connection import Connection
from spark_assets.db.event_tables import deliveries, events, uploads, webhooks
from spark_assets.db.tables import assets, blobs, groups, tasks, usage
from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.event import EventType
from spark_assets.domain.ingest_codes import INGEST_CODES
from spark_assets.domain.parameters import CREATE_ASSET
from spark_assets.domain.task import TaskStatus, failure_code
from spark_assets.domain.upload import LEASE
from spark_assets.domain.usage import DAY, MICRO
from spark_assets.domain.webhook import LONGEST_DELAY, DeliveryStatus, WebhookKind
from spark_assets.ports.verification import Watcher

SKEW: Final = 60 * MICRO
"""Microseconds that the clocks of two processes may differ, and that a change may take to be seen by all."""
_LONGEST_WAIT: Final = 2 * LONGEST_DELAY * MICRO
"""Longer than any delivery is ever put off, jitter included."""
_REMEMBERED: Final = DAY - 3600 * MICRO
"""Microseconds for which every event is on record, whatever the retention is set to."""
_CODES: Final = [failure_code(known.code) for known in INGEST_CODES]
_ENDED_FROM_OUTSIDE: Final = "Conflict.%"
_NOW: Final = bindparam("now", type_=BigInteger)

_IS_CREATION: Final = tasks.c.model == CREATE_ASSET.model
_HAS_ASSET: Final = and_(_IS_CREATION, tasks.c.erased_at.is_(None))
"""A creation whose asset was not removed for good."""
_IN_PROGRESS: Final = tasks.c.status == TaskStatus.IN_PROGRESS.value
_COMPLETED: Final = tasks.c.status == TaskStatus.COMPLETED.value
_FAILED: Final = tasks.c.status == TaskStatus.FAILED.value


def _its_asset_is(status: AssetStatus | None = None) -> ColumnElement[bool]:
    found = exists().where(assets.c.id == tasks.c.asset_id)
    return found if status is None else found.where(assets.c.status == status.value)


def _tasks_with(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(tasks.c.id).where(*conditions)


def _living(table: Table) -> Select[int]:
    """How many rows of the project that has the quota are not in the trash."""
    return select(func.count()).select_from(table).where(table.c.project_id == quotas.c.project_id, table.c.deleted_at.is_(None))


def put_off(now: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a delivery waits for longer than any is told to: the clock was set back since."""
    is_ahead = or_(deliveries.c.due_at > now + _LONGEST_WAIT, deliveries.c.created_at > now + SKEW)
    return and_(deliveries.c.status == DeliveryStatus.WAITING.value, deliveries.c.due_at > now, is_ahead)


def held_on(now: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether an upload is held for longer than any is: the clock was set back since."""
    return and_(uploads.c.holder.is_not(None), uploads.c.held_until > now + LEASE + SKEW)


UNBILLED: Final = _tasks_with(_COMPLETED, ~exists().where(usage.c.task_id == tasks.c.id))
"""Completed tasks without a line in the ledger."""
MISCOUNTED: Final = select(quotas.c.project_id.label("id")).where(
    or_(
        quotas.c.assets != _living(assets).scalar_subquery(),
        quotas.c.groups != _living(groups).scalar_subquery(),
        quotas.c.bytes != _living(assets).with_only_columns(func.coalesce(func.sum(assets.c.size), 0)).scalar_subquery(),
    )
)
"""Projects whose quota counts something else than they hold."""
FORSAKEN: Final = select(assets.c.id).where(
    assets.c.status == AssetStatus.PROCESSING.value, ~exists().where(tasks.c.id == assets.c.task_id)
)
"""Assets in processing whose task does not exist."""
NAMELESS: Final = _tasks_with(_FAILED, tasks.c.error_code.is_(None))
"""Failed tasks without a code."""

_BROKEN: Final[dict[str, Select[Any]]] = {
    "a task whose asset does not exist": _tasks_with(_HAS_ASSET, ~_its_asset_is()),
    "a completed task whose asset is not active": _tasks_with(_HAS_ASSET, _COMPLETED, ~_its_asset_is(AssetStatus.ACTIVE)),
    "a failed task whose asset has not failed": _tasks_with(_HAS_ASSET, _FAILED, ~_its_asset_is(AssetStatus.FAILED)),
    "an ended asset whose task is still in progress": _tasks_with(_IS_CREATION, _IN_PROGRESS, ~_its_asset_is(AssetStatus.PROCESSING)),
    "a task in progress whose asset is in the trash": _tasks_with(
        _IS_CREATION, _IN_PROGRESS, exists().where(assets.c.id == tasks.c.asset_id, assets.c.deleted_at.is_not(None))
    ),
    "an asset in processing that no task works on": FORSAKEN,
    "a task with more than one result": _tasks_with(
        or_(and_(_COMPLETED, tasks.c.error_code.is_not(None)), and_(_IN_PROGRESS, tasks.c.completed_at.is_not(None)))
    ),
    "a failed task without a code": NAMELESS,
    "a failed task with a code that nobody knows": _tasks_with(
        _IS_CREATION,
        _FAILED,
        tasks.c.error_code.not_in(_CODES),
        tasks.c.error_code.not_like(_ENDED_FROM_OUTSIDE),
    ),
    "a failed task without its attempts": _tasks_with(
        _IS_CREATION, _FAILED, tasks.c.attempts < 1, tasks.c.error_code.not_like(_ENDED_FROM_OUTSIDE)
    ),
    "a completed task without a line in the ledger": UNBILLED,
    "a line in the ledger for a task that did not complete": (
        select(usage.c.task_id.label("id")).join(tasks, tasks.c.id == usage.c.task_id).where(~_COMPLETED)
    ),
    "a line in the ledger with another amount than its task": (
        select(usage.c.task_id.label("id"))
        .join(tasks, tasks.c.id == usage.c.task_id)
        .where(_COMPLETED, or_(usage.c.cost != tasks.c.cost, usage.c.discount != tasks.c.discount))
    ),
    "an active asset without its bytes on record": (
        select(assets.c.id)
        .outerjoin(blobs, blobs.c.sha256 == assets.c.blob_sha256)
        .where(assets.c.status == AssetStatus.ACTIVE.value, or_(blobs.c.sha256.is_(None), blobs.c.state != "stored"))
    ),
    "a quota that counts something else than its project holds": MISCOUNTED,
}
_BROKEN_AT: Final[dict[str, Select[Any]]] = {
    "an ended task that was never told of": _tasks_with(
        _HAS_ASSET,
        ~_IN_PROGRESS,
        tasks.c.completed_at.between(_NOW - _REMEMBERED, _NOW),
        ~exists().where(
            events.c.asset_id == tasks.c.asset_id,
            events.c.task_id == tasks.c.id,
            events.c.type.in_((EventType.TASK_COMPLETED.value, EventType.TASK_FAILED.value)),
        ),
    ),
    "a delivery that is put off for longer than any may be": select(deliveries.c.id).where(put_off(_NOW)),
    "an upload that is held for longer than any may be": select(uploads.c.id).where(held_on(_NOW)),
}
_WATCHERS = select(webhooks.c.id, webhooks.c.project_id, webhooks.c.kind, webhooks.c.events, webhooks.c.updated_at).where(
    webhooks.c.disabled_at.is_(None), webhooks.c.deleted_at.is_(None)
)
_CALLING_BACK = select(tasks.c.id).where(tasks.c.id.in_(bindparam("task_ids", expanding=True)), tasks.c.callback.is_not(None))
_TOLD = select(deliveries.c.message_id).where(
    deliveries.c.webhook_id == bindparam("webhook_id"),
    deliveries.c.subject.in_(bindparam("subjects", expanding=True)),
)


class VerificationRows:
    """The questions of `doctor --verify`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def broken(self) -> dict[str, int]:
        return await self._count(_BROKEN, {})

    async def broken_at(self, now: int) -> dict[str, int]:
        return await self._count(_BROKEN_AT, {"now": now})

    async def examples(self, promise: str, now: int, limit: int) -> list[str]:
        values = {} if promise in _BROKEN else {"now": now}
        found = (_BROKEN | _BROKEN_AT)[promise].order_by("id").limit(limit)
        return [row.id for row in await self._connection.run(found, values)]

    async def watchers(self) -> list[Watcher]:
        rows = await self._connection.run(_WATCHERS)
        return [
            Watcher(
                id=row.id,
                project_id=row.project_id,
                kind=WebhookKind(row.kind),
                events=msgspec.json.decode(row.events, type=tuple[str, ...]),
                since=row.updated_at + SKEW,
            )
            for row in rows
        ]

    async def calling_back(self, task_ids: Sequence[str]) -> set[str]:
        return {row.id for row in await self._connection.run(_CALLING_BACK, {"task_ids": list(task_ids)})}

    async def told(self, webhook_id: str, subjects: Sequence[str]) -> set[str]:
        rows = await self._connection.run(_TOLD, {"webhook_id": webhook_id, "subjects": list(subjects)})
        return {row.message_id for row in rows}

    async def damage(self) -> list[str]:
        return await self._connection.damage()

    async def _count(self, promises: Mapping[str, Select[Any]], values: Mapping[str, Any]) -> dict[str, int]:
        counted = {}
        for promise, found in promises.items():
            rows = await self._connection.run(select(func.count()).select_from(found.subquery()), values)
            counted[promise] = rows[0][0]
        return counted
