"""Rows of the audit trail."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, insert, select

from spark_assets.db.administration_tables import audit
from spark_assets.db.connection import Connection, Row
from spark_assets.db.lists import page_of
from spark_assets.domain.audit import FIRST_PREVIOUS, AuditEntry, AuditFilter, sealed
from spark_assets.domain.listing import Slice

_ADD = insert(audit)
_LAST = select(audit.c.sequence, audit.c.hash).order_by(audit.c.sequence.desc()).limit(bindparam("limit"))
_OLDEST = select(audit.c.sequence, audit.c.created_at).order_by(audit.c.sequence).limit(bindparam("limit"))
_DROP = delete(audit).where(audit.c.sequence <= bindparam("last")).returning(audit.c.id)


class AuditRows:
    """The audit trail."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        await self._connection.hold("the end of the audit trail")
        last = await self._connection.run(_LAST, {"limit": 1})
        number, seal = (last[0].sequence, last[0].hash) if last else (0, FIRST_PREVIOUS)
        for entry in entries:
            placed = sealed(entry, number + 1, seal)
            await self._connection.run(_ADD, _values(placed))
            number, seal = placed.sequence, placed.hash

    async def page(self, wanted: AuditFilter, part: Slice) -> list[AuditEntry]:
        statement = page_of(audit, audit_conditions(wanted), part)
        # An index holds the entries of a subject, of a project, and all, in the order of the list; to those of one action, or of several
        # projects, none leads.
        is_wide = wanted.subject is None and wanted.project_ids is not None and len(wanted.project_ids) > 1
        is_search = wanted.action is not None or is_wide
        rows = await (self._connection.run_long(statement) if is_search else self._connection.run(statement))
        return [_entry(row) for row in rows]

    async def after(self, wanted: AuditFilter, sequence: int, limit: int) -> list[AuditEntry]:
        conditions = [audit.c.sequence > sequence, *audit_conditions(wanted)]
        statement = select(audit).where(*conditions).order_by(audit.c.sequence).limit(limit)
        return [_entry(row) for row in await self._connection.run_long(statement)]

    async def drop_old(self, before: int, limit: int) -> int:
        rows = await self._connection.run(_OLDEST, {"limit": limit + 1})
        old = 0
        for row in rows[: min(limit, len(rows) - 1)] if rows else ():  # the newest stays: the chain goes on from it
            if row.created_at >= before:
                break
            old = row.sequence
        return len(await self._connection.run(_DROP, {"last": old})) if old else 0


def audit_conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    """Which entries a filter selects."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.project_ids is not None and len(wanted.project_ids) == 1:  # named by equality, so that the index serves without sorting
        conditions.append(audit.c.project_id == wanted.project_ids[0])
    elif wanted.project_ids is not None:
        conditions.append(audit.c.project_id.in_(wanted.project_ids))
    elif not wanted.with_service:
        conditions.append(audit.c.project_id.is_not(None))
    if wanted.action is not None:
        conditions.append(audit.c.action == wanted.action)
    if wanted.subject is not None:
        conditions.append(audit.c.subject == wanted.subject)
    return conditions


def _values(entry: AuditEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in AuditEntry.__struct_fields__}
    return values | {"details": None if entry.details is None else msgspec.json.encode(entry.details).decode()}


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        actor=row.actor,
        action=row.action,
        project_id=row.project_id,
        subject=row.subject,
        details=None if row.details is None else msgspec.json.decode(row.details),
        created_at=row.created_at,
        address=row.address,
        request_id=row.request_id,
        sequence=row.sequence,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
