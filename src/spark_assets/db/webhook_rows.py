"""Rows of webhooks; their addresses and secrets are sealed."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, exists, func, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.event_tables import deliveries, webhooks
from spark_assets.db.lists import page_of
from spark_assets.db.sealing import Sealer
from spark_assets.domain.listing import Slice
from spark_assets.domain.webhook import Secret, Webhook, WebhookKind
from spark_assets.ports.webhooks import Listener

_THERE = select(webhooks).where(webhooks.c.deleted_at.is_(None))
_FIND = _THERE.where(webhooks.c.id == bindparam("id"))
_FIND_WITHIN = _FIND.where(webhooks.c.project_id.in_(bindparam("project_ids", expanding=True)))
# PostgreSQL alone: who rotates waits for who changes. SQLite has one writer at a time.
_LOCK = _FIND.with_for_update()
_LOCK_WITHIN = _FIND_WITHIN.with_for_update()
_COUNT = select(func.count()).where(
    webhooks.c.project_id == bindparam("project_id"),
    webhooks.c.deleted_at.is_(None),
    webhooks.c.kind == WebhookKind.ENDPOINT.value,
)
_LISTENING = select(webhooks.c.id, webhooks.c.project_id, webhooks.c.kind, webhooks.c.events, webhooks.c.disabled_at).where(
    webhooks.c.deleted_at.is_(None)
)
# One project in nearly every case, and then in the form that is prepared once.
_LISTENING_IN_ONE = _LISTENING.where(webhooks.c.project_id == bindparam("project_id"))
_LISTENING_IN = _LISTENING.where(webhooks.c.project_id.in_(bindparam("project_ids", expanding=True)))
_CHANGE = update(webhooks).where(webhooks.c.id == bindparam("webhook_id"), webhooks.c.deleted_at.is_(None)).returning(webhooks.c.id)
_UPDATE = _CHANGE.values({name: bindparam(f"new_{name}") for name in ("url", "description", "events", "secrets", "updated_at")}).values(
    disabled_at=bindparam("new_disabled_at"), disabled_reason=bindparam("new_disabled_reason")
)
_DELETE = _CHANGE.values(deleted_at=bindparam("at"), updated_at=bindparam("at"), url=None, secrets=b"")
_DISABLE = _CHANGE.where(webhooks.c.disabled_at.is_(None)).values(
    disabled_at=bindparam("at"), updated_at=bindparam("at"), disabled_reason=bindparam("reason")
)
_LEFT = (
    select(webhooks.c.id)
    .where(webhooks.c.deleted_at.is_not(None), ~exists().where(deliveries.c.webhook_id == webhooks.c.id))
    .limit(bindparam("limit"))
)
_DROP_DELETED = delete(webhooks).where(webhooks.c.id.in_(_LEFT)).returning(webhooks.c.id)
_SECRETS: Final = msgspec.json.Decoder(tuple[Secret, ...])
_EVENTS: Final = msgspec.json.Decoder(tuple[str, ...])


class WebhookRows:
    """The webhooks."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, webhook: Webhook) -> bool:
        values = {"id": webhook.id, "project_id": webhook.project_id, "kind": webhook.kind.value, "created_at": webhook.created_at}
        insert = self._connection.insert_new(webhooks)
        return bool(await self._connection.run(insert, {**values, **self._changeable(webhook), "deleted_at": None}))

    async def find(self, webhook_id: str, project_ids: Sequence[str] | None, *, for_change: bool = False) -> Webhook | None:
        if project_ids is None:
            rows = await self._connection.run(_LOCK if for_change else _FIND, {"id": webhook_id})
        else:
            within = _LOCK_WITHIN if for_change else _FIND_WITHIN
            rows = await self._connection.run(within, {"id": webhook_id, "project_ids": list(project_ids)})
        return self._webhook(rows[0]) if rows else None

    async def page(self, project_id: str, part: Slice) -> list[Webhook]:
        conditions = [webhooks.c.project_id == project_id, webhooks.c.deleted_at.is_(None)]
        return [self._webhook(row) for row in await self._connection.run(page_of(webhooks, conditions, part))]

    async def count(self, project_id: str) -> int:
        await self._connection.hold(f"webhooks of {project_id}")
        rows = await self._connection.run(_COUNT, {"project_id": project_id})
        return int(rows[0][0])

    async def update(self, webhook: Webhook) -> bool:
        values = {f"new_{name}": value for name, value in self._changeable(webhook).items()}
        return bool(await self._connection.run(_UPDATE, {"webhook_id": webhook.id, **values}))

    async def delete(self, webhook_id: str, at: int) -> bool:
        return bool(await self._connection.run(_DELETE, {"webhook_id": webhook_id, "at": at}))

    async def disable(self, webhook_id: str, reason: str, at: int) -> bool:
        return bool(await self._connection.run(_DISABLE, {"webhook_id": webhook_id, "reason": reason, "at": at}))

    async def listening(self, project_ids: Sequence[str]) -> list[Listener]:
        if len(project_ids) == 1:
            rows = await self._connection.run(_LISTENING_IN_ONE, {"project_id": project_ids[0]})
        else:
            rows = await self._connection.run(_LISTENING_IN, {"project_ids": list(project_ids)})
        return [_listener(row) for row in rows]

    async def drop_deleted(self, limit: int) -> int:
        return len(await self._connection.run(_DROP_DELETED, {"limit": limit}))

    def _changeable(self, webhook: Webhook) -> dict[str, Any]:
        return {
            "url": None if webhook.url is None else self._sealer.seal(webhook.url),
            "description": webhook.description,
            "events": msgspec.json.encode(webhook.events).decode(),
            "secrets": self._sealer.seal(msgspec.json.encode(webhook.secrets).decode()),
            "updated_at": webhook.updated_at,
            "disabled_at": webhook.disabled_at,
            "disabled_reason": webhook.disabled_reason,
        }

    def _webhook(self, row: Row) -> Webhook:
        return Webhook(
            id=row.id,
            project_id=row.project_id,
            kind=WebhookKind(row.kind),
            url=None if row.url is None else self._sealer.open(row.url),
            description=row.description,
            events=_EVENTS.decode(row.events),
            secrets=open_secrets(self._sealer, row.secrets),
            created_at=row.created_at,
            updated_at=row.updated_at,
            disabled_at=row.disabled_at,
            disabled_reason=row.disabled_reason,
        )


def _listener(row: Row) -> Listener:
    return Listener(
        id=row.id,
        project_id=row.project_id,
        kind=WebhookKind(row.kind),
        events=_EVENTS.decode(row.events),
        is_enabled=row.disabled_at is None,
    )


def open_secrets(sealer: Sealer, sealed: bytes) -> tuple[Secret, ...]:
    """The secrets of a webhook; none if it was deleted, or what sealed them is gone."""
    text = sealer.open(sealed)
    return () if text is None else _SECRETS.decode(text)
