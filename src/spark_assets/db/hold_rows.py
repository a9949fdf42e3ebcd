"""Rows of holds on the sweeper."""

from typing import Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, select

from spark_assets.db.administration_tables import holds
from spark_assets.db.connection import Connection
from spark_assets.ports.holds import Hold

_FIND = select(holds).where(holds.c.id == bindparam("id"))
_RELEASE = delete(holds).where(holds.c.id == bindparam("hold_id"))
_LIVING = select(holds.c.id).where(holds.c.until > bindparam("at")).limit(1)
IS_HELD: Final[ColumnElement[bool]] = exists().where(holds.c.until > bindparam("at"))
"""Whether any hold lives at the time `at`, as a condition of another statement."""


class HoldRows:
    """The holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def keep(self, hold: Hold) -> None:
        values = {"id": hold.id, "reason": hold.reason, "until": hold.until}
        await self._connection.run(self._connection.insert_or_replace(holds), values)

    async def release(self, hold_id: str) -> None:
        await self._connection.run(_RELEASE, {"hold_id": hold_id})

    async def find(self, hold_id: str) -> Hold | None:
        rows = await self._connection.run(_FIND, {"id": hold_id})
        return Hold(rows[0].id, rows[0].reason, rows[0].until) if rows else None

    async def is_held(self, at: int) -> bool:
        return bool(await self._connection.run(_LIVING, {"at": at}))
