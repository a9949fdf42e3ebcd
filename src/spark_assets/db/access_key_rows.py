"""Rows of access keys; their secrets are sealed."""

from sqlalchemy import bindparam, select, update

from spark_assets.db.connection import Connection
from spark_assets.db.key_rows import common_fields, common_values
from spark_assets.db.sealing import Sealer
from spark_assets.db.tables import access_keys
from spark_assets.domain.access_key import AccessKey
from spark_assets.ports.repositories import Taken

_GET = select(access_keys).where(access_keys.c.id == bindparam("id"))
_ALL = select(access_keys).order_by(access_keys.c.created_at.desc(), access_keys.c.id)
_REVOKE = (
    update(access_keys)
    .where(access_keys.c.id == bindparam("key_id"), access_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(access_keys.c.id)
)


class AccessKeyRows:
    """The access keys."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def add(self, key: AccessKey, secret: str) -> None:
        values = {**common_values(key), "secret": self._sealer.seal(secret)}
        if not await self._connection.run(self._connection.insert_new(access_keys), values):
            raise Taken("id")

    async def get(self, key_id: str) -> tuple[AccessKey, str | None] | None:
        rows = await self._connection.run(_GET, {"id": key_id})
        return (AccessKey(**common_fields(rows[0])), self._sealer.open(rows[0].secret)) if rows else None

    async def all(self) -> list[AccessKey]:
        return [AccessKey(**common_fields(row)) for row in await self._connection.run(_ALL)]

    async def revoke(self, key_id: str, at: int) -> bool:
        return bool(await self._connection.run(_REVOKE, {"key_id": key_id, "at": at}))
