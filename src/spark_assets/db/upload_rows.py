"""Rows of uploads. Whatever a request writes about an upload is conditional on its holding it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import and_, bindparam, delete, or_, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.event_tables import uploads
from spark_assets.db.sealing import Sealer
from spark_assets.db.tables import tasks
from spark_assets.db.verification_rows import SKEW
from spark_assets.domain.task import TaskStatus
from spark_assets.domain.upload import Upload, UploadKind, UploadStatus
from spark_assets.ports.repositories import Taken

_FIND = select(uploads).where(uploads.c.id == bindparam("id"))
# Read from the index on `expires_at`: an open upload expires within a day of its last byte, so the walk covers a day of uploads.
_OPEN_OF_KEY = (
    select(uploads.c.id)
    .where(uploads.c.expires_at >= bindparam("now"), uploads.c.key_id == bindparam("key_id"), uploads.c.status == UploadStatus.OPEN.value)
    .limit(bindparam("most"))
)
_OPEN = update(uploads).where(uploads.c.id == bindparam("upload_id"), uploads.c.status == UploadStatus.OPEN.value)
_FREE = or_(
    uploads.c.holder.is_(None),
    uploads.c.held_until < bindparam("now"),
    uploads.c.held_until > bindparam("too_far"),
    uploads.c.holder == bindparam("new_holder"),
)
_HOLD = _OPEN.where(_FREE).values(holder=bindparam("new_holder"), held_until=bindparam("until")).returning(uploads.c.id)
_HELD = _OPEN.where(uploads.c.holder == bindparam("held_by"))
_RELEASE = _HELD.values(holder=None, held_until=None)
_RECORD = (
    _HELD.where(uploads.c.offset == bindparam("after"))
    .values(
        offset=bindparam("new_offset"),
        parts=bindparam("new_parts"),
        expires_at=bindparam("new_expiry"),
        held_until=bindparam("until"),
    )
    .returning(uploads.c.id)
)
_COMPLETE = _OPEN.values(
    offset=uploads.c.length,
    status=UploadStatus.COMPLETE.value,
    task_id=bindparam("new_task"),
    command=bindparam("new_command"),
    holder=None,
    held_until=None,
).returning(uploads.c.id)
_ATTACH = update(uploads).where(uploads.c.id == bindparam("upload_id")).values(task_id=bindparam("new_task"))
_REMOVE = delete(uploads).where(uploads.c.id == bindparam("upload_id"), uploads.c.status == UploadStatus.OPEN.value).returning(uploads.c.id)
_WITH_TASK = uploads.outerjoin(tasks, tasks.c.id == uploads.c.task_id)
_WAITED_FOR = or_(tasks.c.status == TaskStatus.IN_PROGRESS.value, tasks.c.source.is_not(None))
_NEEDED = (
    select(uploads.c.id)
    .select_from(_WITH_TASK)
    .where(uploads.c.id.in_(bindparam("ids", expanding=True)), or_(uploads.c.status == UploadStatus.OPEN.value, _WAITED_FOR))
)
_OLD = (
    select(uploads.c.id)
    .select_from(_WITH_TASK)
    .where(
        uploads.c.expires_at < bindparam("before"),
        or_(uploads.c.status == UploadStatus.OPEN.value, tasks.c.id.is_(None), and_(tasks.c.id.is_not(None), ~_WAITED_FOR)),
    )
    .limit(bindparam("limit"))
)
_DROP = delete(uploads).where(uploads.c.id.in_(_OLD)).returning(uploads.c.id)


class UploadRows:
    """The uploads."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, upload: Upload) -> None:
        values = {
            "id": upload.id,
            "project_id": upload.project_id,
            "key_id": upload.key_id,
            "kind": upload.kind.value,
            "status": upload.status.value,
            "length": upload.length,
            "offset": upload.offset,
            "parts": _parts_text(upload),
            "command": self._sealer.seal(upload.command),
            "task_id": upload.task_id,
            "created_at": upload.created_at,
            "expires_at": upload.expires_at,
        }
        if not await self._connection.run(self._connection.insert_new(uploads), values):
            raise Taken("id")

    async def room_for(self, key_id: str, now: int, most: int) -> bool:
        await self._connection.hold(f"open uploads {key_id}")
        return len(await self._connection.run(_OPEN_OF_KEY, {"key_id": key_id, "now": now, "most": most})) < most

    async def find(self, upload_id: str, project_ids: Sequence[str] | None) -> Upload | None:
        rows = await self._connection.run(_FIND, {"id": upload_id})
        if not rows or (project_ids is not None and rows[0].project_id not in project_ids):
            return None
        return self._upload(rows[0])

    async def hold(self, upload_id: str, holder: str, *, now: int, until: int) -> bool:
        values = {"upload_id": upload_id, "new_holder": holder, "now": now, "until": until, "too_far": until + SKEW}
        return bool(await self._connection.run(_HOLD, values))

    async def release(self, upload_id: str, holder: str) -> None:
        await self._connection.run(_RELEASE, {"upload_id": upload_id, "held_by": holder})

    async def record(self, upload: Upload, holder: str, *, after: int, until: int) -> bool:
        values = {"new_offset": upload.offset, "new_parts": _parts_text(upload), "new_expiry": upload.expires_at, "until": until}
        return bool(await self._connection.run(_RECORD, {"upload_id": upload.id, "held_by": holder, "after": after, **values}))

    async def complete(self, upload_id: str, task_id: str, command: str) -> bool:
        values = {"new_task": task_id, "new_command": self._sealer.seal(command)}
        return bool(await self._connection.run(_COMPLETE, {"upload_id": upload_id, **values}))

    async def attach(self, upload_id: str, task_id: str) -> None:
        await self._connection.run(_ATTACH, {"upload_id": upload_id, "new_task": task_id})

    async def remove(self, upload_id: str) -> bool:
        return bool(await self._connection.run(_REMOVE, {"upload_id": upload_id}))

    async def needed(self, upload_ids: Sequence[str]) -> set[str]:
        return {row.id for row in await self._connection.run(_NEEDED, {"ids": list(upload_ids)})}

    async def drop_old(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP, {"before": before, "limit": limit}))

    def _upload(self, row: Row) -> Upload:
        return Upload(
            id=row.id,
            project_id=row.project_id,
            key_id=row.key_id,
            kind=UploadKind(row.kind),
            status=UploadStatus(row.status),
            length=row.length,
            offset=row.offset,
            parts=tuple(msgspec.json.decode(row.parts, type=list[str])),
            command=self._sealer.open(row.command) or "",
            task_id=row.task_id,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )


def _parts_text(upload: Upload) -> str:
    return msgspec.json.encode(upload.parts).decode()
