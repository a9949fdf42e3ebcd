"""Rows of the audit trail."""

import msgspec
from sqlalchemy import bindparam, delete, select

from spark_assets.db.administration_tables import audit
from spark_assets.db.connection import Connection, Row
from spark_assets.db.lists import page_of
from spark_assets.domain.audit import AuditEntry, AuditFilter
from spark_assets.domain.listing import Slice
from spark_assets.ports.repositories import Taken

_OLD = select(audit.c.id).where(audit.c.created_at < bindparam("before")).limit(bindparam("limit"))
_DROP = delete(audit).where(audit.c.id.in_(_OLD)).returning(audit.c.id)


class AuditRows:
    """The audit trail."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, entry: AuditEntry) -> None:
        values = {
            "id": entry.id,
            "actor": entry.actor,
            "action": entry.action,
            "project_id": entry.project_id,
            "subject": entry.subject,
            "details": None if entry.details is None else msgspec.json.encode(entry.details).decode(),
            "created_at": entry.created_at,
        }
        if not await self._connection.run(self._connection.insert_new(audit), values):
            raise Taken("id")

    async def page(self, wanted: AuditFilter, part: Slice) -> list[AuditEntry]:
        conditions = []
        if wanted.project_ids is not None and len(wanted.project_ids) == 1:  # named by equality, so that the index serves without sorting
            conditions.append(audit.c.project_id == wanted.project_ids[0])
        elif wanted.project_ids is not None:
            conditions.append(audit.c.project_id.in_(wanted.project_ids))
        elif not wanted.with_service:
            conditions.append(audit.c.project_id.is_not(None))
        if wanted.action is not None:
            conditions.append(audit.c.action == wanted.action)
        return [_entry(row) for row in await self._connection.run(page_of(audit, conditions, part))]

    async def drop_old(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP, {"before": before, "limit": limit}))


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        actor=row.actor,
        action=row.action,
        project_id=row.project_id,
        subject=row.subject,
        details=None if row.details is None else msgspec.json.decode(row.details),
        created_at=row.created_at,
    )
