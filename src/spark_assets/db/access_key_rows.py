"""Rows of access keys; their secrets are sealed."""

from typing import Final

from spark_assets.db.connection import Connection, Row
from spark_assets.db.key_rows import KeyRows, KeyStatements, common_fields
from spark_assets.db.sealing import Sealer
from spark_assets.db.tables import access_keys
from spark_assets.domain.access_key import AccessKey, access_key_hint

_STATEMENTS: Final = KeyStatements(access_keys)


class AccessKeyRows(KeyRows[AccessKey]):
    """The access keys."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        super().__init__(connection, _STATEMENTS, lambda row: _key(row, sealer.open(row.secret)))
        self._sealer = sealer

    async def add(self, key: AccessKey, secret: str) -> None:
        await self._add(key, secret=self._sealer.seal(secret))

    async def with_secret(self, key_id: str) -> tuple[AccessKey, str | None] | None:
        rows = await self._connection.run(_STATEMENTS.by_id, {"key_id": key_id})
        if not rows:
            return None
        secret = self._sealer.open(rows[0].secret)
        return _key(rows[0], secret), secret


def _key(row: Row, secret: str | None) -> AccessKey:
    return AccessKey(hint=access_key_hint(secret), **common_fields(row))
