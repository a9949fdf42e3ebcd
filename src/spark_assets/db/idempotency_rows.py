"""Rows of answers to requests that may be repeated; the answers are sealed."""

from sqlalchemy import bindparam, delete, select, tuple_

from spark_assets.db.administration_tables import idempotency_keys
from spark_assets.db.connection import Connection
from spark_assets.db.sealing import Sealer
from spark_assets.ports.administration import GivenAnswer
from spark_assets.ports.repositories import Taken

_FIND = select(idempotency_keys).where(idempotency_keys.c.key_id == bindparam("key_id"), idempotency_keys.c.key == bindparam("key"))
_IDENTITY = tuple_(idempotency_keys.c.key_id, idempotency_keys.c.key)
_OLD = (
    select(idempotency_keys.c.key_id, idempotency_keys.c.key)
    .where(idempotency_keys.c.created_at < bindparam("before"))
    .limit(bindparam("limit"))
)
_DROP = delete(idempotency_keys).where(_IDENTITY.in_(_OLD)).returning(idempotency_keys.c.key)


class IdempotencyRows:
    """Answers by the key a client gave its request."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def find(self, key_id: str, key: str) -> GivenAnswer | None:
        rows = await self._connection.run(_FIND, {"key_id": key_id, "key": key})
        answer = self._sealer.open(rows[0].answer) if rows else None
        return None if answer is None else GivenAnswer(rows[0].request_hash, answer.encode())

    async def add(self, key_id: str, key: str, given: GivenAnswer, at: int) -> None:
        values = {
            "key_id": key_id,
            "key": key,
            "request_hash": given.request_hash,
            "answer": self._sealer.seal(given.answer.decode()),
            "created_at": at,
        }
        if not await self._connection.run(self._connection.insert_new(idempotency_keys), values):
            raise Taken("key")

    async def drop_old(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP, {"before": before, "limit": limit}))
