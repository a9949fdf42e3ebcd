"""Rows that go for good: assets with their tags and shares, groups, results of reading tasks."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, case, delete, func, insert, not_, or_, select, update

from spark_assets.db.administration_tables import erased, shares
from spark_assets.db.connection import Connection, Row
from spark_assets.db.event_tables import deliveries, events, uploads
from spark_assets.db.tables import assets, groups, tags, tasks
from spark_assets.domain.erasure import Erased
from spark_assets.domain.event import EventType
from spark_assets.domain.webhook import DeliveryStatus
from spark_assets.ports.erasure import Doomed, Leftover, Target, Traces

_ASSETS: Final[BindParameter[Any]] = bindparam("asset_ids", expanding=True)
_TASKS: Final[BindParameter[Any]] = bindparam("task_ids", expanding=True)
_GROUPS: Final[BindParameter[Any]] = bindparam("group_ids", expanding=True)
_DOOMED = select(assets.c.id, assets.c.project_id, assets.c.task_id, assets.c.blob_sha256, assets.c.size)
# PostgreSQL alone: a restore waits for the removal, or the removal for it. SQLite has one writer at a time.
_LOOK_AT = _DOOMED.where(assets.c.id.in_(_ASSETS)).order_by(assets.c.id).with_for_update()
# Several processes may keep house at once: each takes what no other has taken, and no restore is waited for.
_OLD_TRASH = (
    _DOOMED.where(assets.c.deleted_at.is_not(None), assets.c.deleted_at < bindparam("before"))
    .order_by(assets.c.deleted_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_COUNT_SHARES = select(func.count()).select_from(shares).where(shares.c.asset_id.in_(_ASSETS))
_COUNT_SOURCES = (
    select(func.count())
    .select_from(tasks)
    .where(tasks.c.id.in_(_TASKS), or_(tasks.c.source.is_not(None), tasks.c.source_host.is_not(None)))
)
_MARK_TASKS = update(tasks).where(tasks.c.id.in_(_TASKS)).values(erased_at=bindparam("at"), source=None, source_host=None, callback=None)
_DROP_SHARES = delete(shares).where(shares.c.asset_id.in_(_ASSETS))
_DROP_TAGS = delete(tags).where(tags.c.asset_id.in_(_ASSETS))
# That it was deleted is told with IDs alone, and whoever follows the project must learn it.
_DROP_EVENTS = delete(events).where(events.c.asset_id.in_(_ASSETS), events.c.type != EventType.ASSET_DELETED.value)
# What still waits and tells of the end alone is delivered all the same; of everything else the message goes, and the log stays.
_IS_WAITING: Final = deliveries.c.status == DeliveryStatus.WAITING.value
_TELLS_OF_THE_END: Final = deliveries.c.type.in_((EventType.ASSET_DELETED.value, EventType.TASK_FAILED.value))
_DROP_MESSAGES = (
    update(deliveries)
    .where(deliveries.c.subject.in_(_ASSETS), not_(and_(_IS_WAITING, _TELLS_OF_THE_END)))
    .values(
        payload="",
        callback=None,
        status=case((_IS_WAITING, DeliveryStatus.FAILED.value), else_=deliveries.c.status),
        failure=case((_IS_WAITING, "what it tells of was erased before it was delivered"), else_=deliveries.c.failure),
        ended_at=func.coalesce(deliveries.c.ended_at, bindparam("at")),
    )
)
# Bytes kept for a retry; those of a completed task are gone. Uploads are those of a day, so no index leads to them by their task.
_LEFTOVERS = (
    select(uploads.c.id, uploads.c.parts)
    .join(tasks, tasks.c.id == uploads.c.task_id)
    .where(uploads.c.task_id.in_(_TASKS), tasks.c.source.is_not(None))
)
# What the client said of the asset lies with it.
_DROP_UPLOADS = delete(uploads).where(uploads.c.task_id.in_(_TASKS))
_DROP_ASSETS = delete(assets).where(assets.c.id.in_(_ASSETS))
_REFERENCES = (
    select(assets.c.blob_sha256, func.count().label("references"))
    .where(assets.c.blob_sha256.in_(bindparam("hashes", expanding=True)))
    .group_by(assets.c.blob_sha256)
)
_GROUPS_OF = select(groups.c.id).where(groups.c.project_id == bindparam("project_id")).order_by(groups.c.id).limit(bindparam("limit"))
# What a group in the trash holds is in the trash as well, which is small beside the library. Asked once, not for each group.
_IS_EMPTY = groups.c.id.not_in(select(assets.c.group_id).where(assets.c.deleted_at.is_not(None)))
_OLD_GROUPS = (
    select(groups.c.id)
    .where(groups.c.deleted_at.is_not(None), groups.c.deleted_at < bindparam("before"), _IS_EMPTY)
    .limit(bindparam("limit"))
)
_DROP_GROUPS = (
    delete(groups).where(groups.c.id.in_(_GROUPS), groups.c.deleted_at.is_not(None), _IS_EMPTY).returning(groups.c.id, groups.c.project_id)
)
_READINGS = (
    select(tasks.c.id)
    .where(
        tasks.c.result.is_not(None),
        tasks.c.project_id == bindparam("project_id"),
        tasks.c.model.in_(bindparam("models", expanding=True)),
    )
    .limit(bindparam("limit"))
)
_DROP_READINGS = delete(tasks).where(tasks.c.id.in_(_READINGS)).returning(tasks.c.id)

_NOTE = insert(erased)
_NOTED = select(erased.c.entry).order_by(erased.c.id).limit(bindparam("limit"))
_FORGET_NOTED = delete(erased).where(erased.c.id.in_(bindparam("entry_ids", expanding=True)))


class ErasureRows:
    """The removal of rows for good."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, target: Target, limit: int) -> list[str]:
        found: list[str] = []
        for statement in _selections(target):
            if len(found) < limit:
                found += [row.id for row in await self._connection.run(statement.limit(limit - len(found)))]
        return found

    async def look_at(self, asset_ids: Sequence[str]) -> list[Doomed]:
        return [_doomed(row) for row in await self._connection.run(_LOOK_AT, {"asset_ids": list(asset_ids)})]

    async def old_trash(self, before: int, limit: int) -> list[Doomed]:
        return [_doomed(row) for row in await self._connection.run(_OLD_TRASH, {"before": before, "limit": limit})]

    async def traces(self, doomed: Sequence[Doomed]) -> Traces:
        shared = await self._connection.run(_COUNT_SHARES, {"asset_ids": _ids(doomed)})
        known = await self._connection.run(_COUNT_SOURCES, {"task_ids": _task_ids(doomed)})
        return Traces(shares=shared[0][0], sources=known[0][0])

    async def purge(self, doomed: Sequence[Doomed], at: int) -> list[Leftover]:
        left = await self._connection.run(_LEFTOVERS, {"task_ids": _task_ids(doomed)})
        await self._connection.run(_DROP_UPLOADS, {"task_ids": _task_ids(doomed)})
        await self._connection.run(_MARK_TASKS, {"task_ids": _task_ids(doomed), "at": at})
        await self._connection.run(_DROP_MESSAGES, {"asset_ids": _ids(doomed), "at": at})
        for statement in (_DROP_SHARES, _DROP_TAGS, _DROP_EVENTS, _DROP_ASSETS):
            await self._connection.run(statement, {"asset_ids": _ids(doomed)})
        return [Leftover(row.id, tuple(msgspec.json.decode(row.parts, type=list[str]))) for row in left]

    async def references(self, hashes: Sequence[str]) -> dict[str, int]:
        rows = await self._connection.run(_REFERENCES, {"hashes": list(hashes)})
        return {row.blob_sha256: row.references for row in rows}

    async def groups_of(self, project_id: str, limit: int) -> list[str]:
        return [row.id for row in await self._connection.run(_GROUPS_OF, {"project_id": project_id, "limit": limit})]

    async def old_groups(self, before: int, limit: int) -> list[str]:
        return [row.id for row in await self._connection.run(_OLD_GROUPS, {"before": before, "limit": limit})]

    async def purge_groups(self, group_ids: Sequence[str]) -> list[tuple[str, str]]:
        rows = await self._connection.run(_DROP_GROUPS, {"group_ids": list(group_ids)})
        return [(row.id, row.project_id) for row in rows]

    async def drop_readings(self, project_id: str, models: Sequence[str], limit: int) -> int:
        values = {"project_id": project_id, "models": list(models), "limit": limit}
        return len(await self._connection.run(_DROP_READINGS, values))

    async def note(self, entry: Erased) -> None:
        await self._connection.run(_NOTE, {"id": entry.id, "entry": msgspec.json.encode(entry).decode()})

    async def noted(self, limit: int) -> list[Erased]:
        return [msgspec.json.decode(row.entry, type=Erased) for row in await self._connection.run(_NOTED, {"limit": limit})]

    async def forget_noted(self, entry_ids: Sequence[str]) -> None:
        await self._connection.run(_FORGET_NOTED, {"entry_ids": list(entry_ids)})


def _selections(target: Target) -> list[Select[Any]]:
    """Where to look, one index after the other: what is living, then the trash; tags and IDs lead to both at once."""
    chosen = select(assets.c.id)
    if target.project_ids is not None:
        one = len(target.project_ids) == 1
        chosen = chosen.where(assets.c.project_id == target.project_ids[0] if one else assets.c.project_id.in_(target.project_ids))
    if target.asset_ids:
        return [chosen.where(assets.c.id.in_(target.asset_ids))]
    if target.tag is not None:
        return [chosen.join(tags, tags.c.asset_id == assets.c.id).where(tags.c.tag == target.tag)]
    if target.group_id is not None:
        chosen = chosen.where(assets.c.group_id == target.group_id)
    deleted_at: ColumnElement[int] = assets.c.deleted_at
    return [chosen.where(deleted_at.is_(None)), chosen.where(deleted_at.is_not(None))]


def _ids(doomed: Sequence[Doomed]) -> list[str]:
    return [asset.id for asset in doomed]


def _task_ids(doomed: Sequence[Doomed]) -> list[str]:
    return [asset.task_id for asset in doomed if asset.task_id is not None]


def _doomed(row: Row) -> Doomed:
    return Doomed(id=row.id, project_id=row.project_id, task_id=row.task_id, sha256=row.blob_sha256, size=row.size)
