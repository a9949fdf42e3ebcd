"""Rows of sessions."""

from sqlalchemy import bindparam, delete, select

from spark_assets.db.administration_tables import sessions
from spark_assets.db.connection import Connection
from spark_assets.domain.session import Session

_FIND = select(sessions).where(sessions.c.fingerprint == bindparam("fingerprint"))
_REMOVE = delete(sessions).where(sessions.c.fingerprint == bindparam("fingerprint"))
_OLD = select(sessions.c.fingerprint).where(sessions.c.expires_at < bindparam("before")).limit(bindparam("most"))
_DROP_OLD = delete(sessions).where(sessions.c.fingerprint.in_(_OLD.scalar_subquery())).returning(sessions.c.fingerprint)


class SessionRows:
    """The sessions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        values = {
            "fingerprint": session.fingerprint,
            "key_id": session.key_id,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        }
        await self._connection.run(self._connection.insert_new(sessions), values)

    async def find(self, fingerprint: str) -> Session | None:
        rows = await self._connection.run(_FIND, {"fingerprint": fingerprint})
        if not rows:
            return None
        row = rows[0]
        return Session(fingerprint=row.fingerprint, key_id=row.key_id, created_at=row.created_at, expires_at=row.expires_at)

    async def remove(self, fingerprint: str) -> None:
        await self._connection.run(_REMOVE, {"fingerprint": fingerprint})

    async def drop_old(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP_OLD, {"before": before, "most": limit}))
