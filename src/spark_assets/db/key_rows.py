"""Rows of keys: what those of both kinds have alike, and API keys."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic

from sqlalchemy import BigInteger, Table, bindparam, case, func, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import api_keys
from spark_assets.domain.api_key import ApiKey, Scope
from spark_assets.ports.repositories import AnyKey, Taken

_AT: Final = bindparam("at", type_=BigInteger)


class KeyStatements:
    """What is asked of a table of keys, whichever it is."""

    def __init__(self, table: Table) -> None:
        columns = table.c
        is_meant = columns.id == bindparam("key_id")
        unrevoked = update(table).where(is_meant, columns.revoked_at.is_(None)).returning(columns.id)
        self.table: Final = table
        self.by_id: Final = select(table).where(is_meant)
        self.all: Final = select(table).order_by(columns.created_at.desc(), columns.id)
        self.revoke: Final = unrevoked.values(revoked_at=_AT)
        self.expire: Final = unrevoked.values(expires_at=case((columns.expires_at < _AT, columns.expires_at), else_=_AT))
        self.touch: Final = update(table).where(is_meant, func.coalesce(columns.last_used_at, 0) < _AT).values(last_used_at=_AT)


class KeyRows(Generic[AnyKey]):
    """The keys of one kind."""

    def __init__(self, connection: Connection, statements: KeyStatements, key_of: Callable[[Row], AnyKey]) -> None:
        self._connection = connection
        self._statements = statements
        self._key_of = key_of

    async def by_id(self, key_id: str) -> AnyKey | None:
        rows = await self._connection.run(self._statements.by_id, {"key_id": key_id})
        return self._key_of(rows[0]) if rows else None

    async def all(self) -> list[AnyKey]:
        return [self._key_of(row) for row in await self._connection.run(self._statements.all)]

    async def revoke(self, key_id: str, at: int) -> bool:
        return bool(await self._connection.run(self._statements.revoke, {"key_id": key_id, "at": at}))

    async def expire(self, key_id: str, at: int) -> bool:
        return bool(await self._connection.run(self._statements.expire, {"key_id": key_id, "at": at}))

    async def touch(self, last_used: Mapping[str, int]) -> None:
        if last_used:
            used = [{"key_id": key_id, "at": at} for key_id, at in sorted(last_used.items())]
            await self._connection.run(self._statements.touch, used)

    async def _add(self, key: AnyKey, **own: Any) -> None:
        """Record a key with its values in the columns that its kind alone has. Raises Taken `id`."""
        values = {
            "id": key.id,
            "name": key.name,
            "scopes": json.dumps(sorted(scope.value for scope in key.scopes)),
            "project_ids": None if key.project_ids is None else json.dumps(sorted(key.project_ids)),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
            "last_used_at": key.last_used_at,
        }
        if not await self._connection.run(self._connection.insert_new(self._statements.table), {**values, **own}):
            raise Taken("id")


_STATEMENTS: Final = KeyStatements(api_keys)
_BY_FINGERPRINT: Final = select(api_keys).where(api_keys.c.fingerprint == bindparam("fingerprint"))


class ApiKeyRows(KeyRows[ApiKey]):
    """The API keys."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _STATEMENTS, _key)

    async def add(self, key: ApiKey, fingerprint: str) -> None:
        await self._add(key, hint=key.hint, fingerprint=fingerprint)

    async def by_fingerprint(self, fingerprint: str) -> ApiKey | None:
        rows = await self._connection.run(_BY_FINGERPRINT, {"fingerprint": fingerprint})
        return _key(rows[0]) if rows else None


def common_fields(row: Row) -> dict[str, Any]:
    """What the columns hold that the tables of both kinds have."""
    return {
        "id": row.id,
        "name": row.name,
        "scopes": frozenset(Scope(scope) for scope in json.loads(row.scopes)),
        "project_ids": None if row.project_ids is None else frozenset(json.loads(row.project_ids)),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }


def _key(row: Row) -> ApiKey:
    return ApiKey(hint=row.hint, **common_fields(row))
