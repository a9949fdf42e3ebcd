"""Rows of API keys."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, func, select, update

from spark_assets.db.connection import Connection, Row
from spark_assets.db.tables import api_keys
from spark_assets.domain.access_key import AccessKey
from spark_assets.domain.api_key import ApiKey, Scope
from spark_assets.ports.repositories import Taken

_BY_FINGERPRINT = select(api_keys).where(api_keys.c.fingerprint == bindparam("fingerprint"))
_BY_ID = select(api_keys).where(api_keys.c.id == bindparam("id"))
_ALL = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
_REVOKE = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(api_keys.c.id)
)
_AT = bindparam("at", type_=BigInteger)
_EXPIRE = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"), api_keys.c.revoked_at.is_(None))
    .values(expires_at=case((api_keys.c.expires_at < _AT, api_keys.c.expires_at), else_=_AT))
    .returning(api_keys.c.id)
)
_TOUCH = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"), func.coalesce(api_keys.c.last_used_at, 0) < bindparam("at"))
    .values(last_used_at=bindparam("at"))
)


class KeyRows:
    """The API keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, key: ApiKey, fingerprint: str) -> None:
        insert = self._connection.insert_new(api_keys)
        values = {
            **common_values(key),
            "hint": key.hint,
            "fingerprint": fingerprint,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
        }
        if not await self._connection.run(insert, values):
            raise Taken("id")

    async def by_fingerprint(self, fingerprint: str) -> ApiKey | None:
        rows = await self._connection.run(_BY_FINGERPRINT, {"fingerprint": fingerprint})
        return _key(rows[0]) if rows else None

    async def by_id(self, key_id: str) -> ApiKey | None:
        rows = await self._connection.run(_BY_ID, {"id": key_id})
        return _key(rows[0]) if rows else None

    async def all(self) -> list[ApiKey]:
        return [_key(row) for row in await self._connection.run(_ALL)]

    async def revoke(self, key_id: str, at: int) -> bool:
        return bool(await self._connection.run(_REVOKE, {"key_id": key_id, "at": at}))

    async def expire(self, key_id: str, at: int) -> bool:
        return bool(await self._connection.run(_EXPIRE, {"key_id": key_id, "at": at}))

    async def touch(self, last_used: Mapping[str, int]) -> None:
        if last_used:
            await self._connection.run(_TOUCH, [{"key_id": key_id, "at": at} for key_id, at in sorted(last_used.items())])


def common_values(key: ApiKey | AccessKey) -> dict[str, Any]:
    """The columns that rows of both kinds of key have."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": json.dumps(sorted(scope.value for scope in key.scopes)),
        "project_ids": None if key.project_ids is None else json.dumps(sorted(key.project_ids)),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def common_fields(row: Row) -> dict[str, Any]:
    """The same, read."""
    return {
        "id": row.id,
        "name": row.name,
        "scopes": frozenset(Scope(scope) for scope in json.loads(row.scopes)),
        "project_ids": None if row.project_ids is None else frozenset(json.loads(row.project_ids)),
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    }


def _key(row: Row) -> ApiKey:
    return ApiKey(hint=row.hint, expires_at=row.expires_at, last_used_at=row.last_used_at, **common_fields(row))
