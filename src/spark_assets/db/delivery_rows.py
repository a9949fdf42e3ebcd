"""Rows of deliveries: what waits is found by when it is due, and by what must go before it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, literal_column, or_, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.event_tables import deliveries, webhooks
from spark_assets.db.lists import page_of
from spark_assets.db.sealing import Sealer
from spark_assets.db.tables import tasks
from spark_assets.db.webhook_rows import open_secrets
from spark_assets.domain.listing import Slice
from spark_assets.domain.task import TaskStatus
from spark_assets.domain.webhook import Delivery, DeliveryStatus, WebhookKind
from spark_assets.ports.webhooks import Addressee, Callback

# Spelt out, not bound, so that the planner sees that the small indexes of what waits suffice.
_WAITING: Final = deliveries.c.status == literal_column(f"'{DeliveryStatus.WAITING.value}'")
_INSERT = insert(deliveries)
_CALLBACKS = select(tasks.c.id, tasks.c.callback).where(
    tasks.c.id.in_(bindparam("task_ids", expanding=True)), tasks.c.callback.is_not(None)
)
_FORGET_CALLBACKS = (
    update(tasks)
    .where(
        tasks.c.id.in_(bindparam("task_ids", expanding=True)),
        or_(tasks.c.status == TaskStatus.COMPLETED.value, tasks.c.source.is_(None)),
    )
    .values(callback=None)
)
_FIND = select(deliveries).where(deliveries.c.id == bindparam("id"), deliveries.c.webhook_id == bindparam("webhook_id"))
_TO_SEND = (
    select(
        deliveries,
        webhooks.c.url,
        webhooks.c.kind,
        webhooks.c.secrets,
        webhooks.c.disabled_at,
        webhooks.c.deleted_at,
    )
    .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
    .where(deliveries.c.id == bindparam("id"), _WAITING)
)
_OF_SUBJECT = select(deliveries.c.id, deliveries.c.due_at).where(
    _WAITING, deliveries.c.webhook_id == bindparam("of_webhook"), deliveries.c.subject == bindparam("of_subject")
)
_IN_ORDER = (deliveries.c.created_at, deliveries.c.id)
_OLDER = (
    _OF_SUBJECT.where(
        or_(
            deliveries.c.created_at < bindparam("created_at"),
            and_(deliveries.c.created_at == bindparam("created_at"), deliveries.c.id < bindparam("id")),
        )
    )
    .order_by(*_IN_ORDER)
    .limit(1)
)
_FOLLOWING = (
    update(deliveries)
    .where(
        deliveries.c.id
        == _OF_SUBJECT.with_only_columns(deliveries.c.id).where(deliveries.c.attempts == 0).order_by(*_IN_ORDER).limit(1).scalar_subquery(),
        _WAITING,
    )
    .values(due_at=bindparam("at"))
    .returning(deliveries.c.id)
)
_HELD = update(deliveries).where(deliveries.c.id == bindparam("delivery_id"), _WAITING, deliveries.c.fence == bindparam("held_fence"))
_BEGIN = _HELD.values(attempts=deliveries.c.attempts + 1, fence=deliveries.c.fence + 1, due_at=bindparam("new_due_at")).returning(
    deliveries.c.id
)
_POSTPONE = _HELD.values(due_at=bindparam("new_due_at"))
_SETTLED = _HELD.values(due_at=bindparam("new_due_at"), answer_status=bindparam("new_answer_status"), failure=bindparam("new_failure"))
_RETRY = _SETTLED.returning(deliveries.c.id)
_END = _SETTLED.values(status=bindparam("new_status"), ended_at=bindparam("new_ended_at"), callback=None).returning(deliveries.c.id)
_IS_DUE = (_WAITING, deliveries.c.due_at <= bindparam("by"))
_PLACES_DUE = select(deliveries.c.place).where(*_IS_DUE).group_by(deliveries.c.place)
_DUE = (
    select(deliveries.c.id)
    .where(*_IS_DUE, deliveries.c.place == bindparam("place"))
    .order_by(deliveries.c.due_at)
    .limit(bindparam("limit"))
)
BACKLOG = select(func.count().label("number"), func.min(deliveries.c.due_at).label("since")).where(*_IS_DUE)
_OLD = select(deliveries.c.id).where(~_WAITING, deliveries.c.created_at < bindparam("before")).limit(bindparam("limit"))
_DROP = delete(deliveries).where(deliveries.c.id.in_(_OLD)).returning(deliveries.c.id)


class DeliveryRows:
    """The deliveries."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, deliveries: Sequence[Delivery], callbacks: Mapping[str, bytes] | None = None) -> None:
        if deliveries:
            await self._connection.run(_INSERT, [_values(delivery, (callbacks or {}).get(delivery.id)) for delivery in deliveries])

    async def callbacks_of(self, task_ids: Sequence[str]) -> dict[str, Callback]:
        rows = await self._connection.run(_CALLBACKS, {"task_ids": list(task_ids)})
        found = {row.id: Callback(row.callback, urlsplit(self._sealer.open(row.callback) or "").netloc) for row in rows}
        if found:
            await self._connection.run(_FORGET_CALLBACKS, {"task_ids": list(found)})
        return found

    async def find(self, delivery_id: str, webhook_id: str) -> Delivery | None:
        rows = await self._connection.run(_FIND, {"id": delivery_id, "webhook_id": webhook_id})
        return _delivery(rows[0]) if rows else None

    async def page(self, webhook_id: str, status: DeliveryStatus | None, part: Slice) -> list[Delivery]:
        statement = page_of(deliveries, delivery_conditions(webhook_id, status), part)
        # An index holds all of them in this order, and those that failed; to others among many, none leads.
        is_search = status not in (None, DeliveryStatus.FAILED)
        rows = await (self._connection.run_long(statement) if is_search else self._connection.run(statement))
        return [_delivery(row) for row in rows]

    async def waiting(self, delivery_id: str) -> tuple[Delivery, Addressee] | None:
        rows = await self._connection.run(_TO_SEND, {"id": delivery_id})
        return (_delivery(rows[0]), self._addressee(rows[0])) if rows else None

    async def older_due(self, delivery: Delivery) -> int | None:
        values = {"of_webhook": delivery.webhook_id, "of_subject": delivery.subject, "created_at": delivery.created_at, "id": delivery.id}
        rows = await self._connection.run(_OLDER, values)
        return rows[0].due_at if rows else None

    async def release_following(self, delivery: Delivery, at: int) -> str | None:
        values = {"of_webhook": delivery.webhook_id, "of_subject": delivery.subject, "at": at}
        rows = await self._connection.run(_FOLLOWING, values)
        return rows[0].id if rows else None

    async def begin(self, delivery: Delivery, until: int) -> bool:
        values = {"delivery_id": delivery.id, "held_fence": delivery.fence, "new_due_at": until}
        return bool(await self._connection.run(_BEGIN, values))

    async def postpone(self, delivery: Delivery, due_at: int) -> None:
        await self._connection.run(_POSTPONE, {"delivery_id": delivery.id, "held_fence": delivery.fence, "new_due_at": due_at})

    async def settle(self, delivery: Delivery) -> bool:
        values = {
            "delivery_id": delivery.id,
            "held_fence": delivery.fence,
            "new_due_at": delivery.due_at,
            "new_answer_status": delivery.answer_status,
            "new_failure": delivery.failure,
        }
        if delivery.status is DeliveryStatus.WAITING:
            return bool(await self._connection.run(_RETRY, values))
        end = {"new_status": delivery.status.value, "new_ended_at": delivery.ended_at}
        return bool(await self._connection.run(_END, {**values, **end}))

    async def places_due(self, by: int) -> list[str]:
        return [row.place for row in await self._connection.run_long(_PLACES_DUE.params(by=by))]

    async def due(self, place: str, by: int, limit: int) -> list[str]:
        return [row.id for row in await self._connection.run(_DUE, {"place": place, "by": by, "limit": limit})]

    async def backlog(self, by: int) -> tuple[int, int | None]:
        (row,) = await self._connection.run_long(BACKLOG.params(by=by))
        return int(row.number), row.since

    async def drop_ended(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP, {"before": before, "limit": limit}))

    def _addressee(self, row: Row) -> Addressee:
        kind = WebhookKind(row.kind)
        sealed = row.callback if kind is WebhookKind.CALLBACKS else row.url
        return Addressee(
            url=None if sealed is None else self._sealer.open(sealed),
            kind=kind,
            secrets=open_secrets(self._sealer, row.secrets),
            is_enabled=row.disabled_at is None and row.deleted_at is None,
        )


def delivery_conditions(webhook_id: str, status: DeliveryStatus | None) -> list[ColumnElement[bool]]:
    """Which deliveries of a webhook are in a state; a state is spelt out, as above."""
    conditions: list[ColumnElement[bool]] = [deliveries.c.webhook_id == webhook_id]
    if status is not None:
        conditions.append(deliveries.c.status == literal_column(f"'{status.value}'"))
    return conditions


_PLAIN: Final = tuple(column.name for column in deliveries.c if column.name not in {"callback", "status"})
"""Columns whose value is that of the field of the same name."""


def _values(delivery: Delivery, callback: bytes | None) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in _PLAIN} | {"status": delivery.status.value, "callback": callback}


def _delivery(row: Row) -> Delivery:
    return Delivery(status=DeliveryStatus(row.status), **{name: getattr(row, name) for name in _PLAIN})
