"""Sealed values, by the key that sealed them: its ID stands before each value."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, LargeBinary, Select, func, not_, select, tuple_, update

from spark_assets.db.administration_tables import idempotency_keys, shares
from spark_assets.db.connection import Connection
from spark_assets.db.event_tables import deliveries, uploads, webhooks
from spark_assets.db.sealing import Sealer, head_of
from spark_assets.db.tables import access_keys, tasks
from spark_assets.ports.sealing import Sealed

_COLUMNS: Final[dict[str, Column[Any]]] = {
    str(column): column
    for column in (
        tasks.c.source,
        tasks.c.callback,
        deliveries.c.callback,  # copied from the tasks
        idempotency_keys.c.answer,
        uploads.c.command,
        webhooks.c.url,
        webhooks.c.secrets,
        shares.c.token,
        access_keys.c.secret,
    )
}


class SealedRows:
    """Everything that is sealed."""

    places: Final = tuple(_COLUMNS)

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def count(self) -> dict[str, int]:
        counts = dict.fromkeys(self._sealer.key_ids, 0)
        for column in _COLUMNS.values():
            known: list[bytes] = []
            # The first value of a head that has not been met yet tells of a key; there are as many as there are keys.
            while found := await self._connection.run(_values(column, *(not_(_begins(column, head)) for head in known)).limit(1)):
                known.append(head_of(found[0].value))
                rows = await self._connection.run(_values(column, _begins(column, known[-1])).with_only_columns(func.count()))
                key_id = known[-1].rstrip(b":").decode("ascii", "replace")
                counts[key_id] = counts.get(key_id, 0) + rows[0][0]
        return counts

    async def outdated(self, place: str, after: Sealed | None, limit: int) -> list[Sealed]:
        column = _COLUMNS[place]
        keys = tuple(column.table.primary_key.columns)
        behind = () if after is None else (tuple_(*keys) > tuple_(*after.row),)
        statement = _values(column, not_(_begins(column, self._sealer.head)), *behind).add_columns(*keys).order_by(*keys).limit(limit)
        return [Sealed(tuple(row[1:]), row.value) for row in await self._connection.run(statement)]

    async def seal_anew(self, place: str, outdated: Sequence[Sealed]) -> int:
        column = _COLUMNS[place]
        keys = tuple(column.table.primary_key.columns)
        done = 0
        for one in outdated:
            text = self._sealer.open(one.value)
            if text is not None:
                same = (key == value for key, value in zip(keys, one.row, strict=True))
                statement = update(column.table).where(*same, column == one.value).values({column: self._sealer.seal(text)})
                done += len(await self._connection.run(statement.returning(keys[0])))
        return done


def _values(column: Column[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    """The sealed values of a column; a deleted webhook has an empty one."""
    return select(column.label("value")).where(column.is_not(None), column != b"", *conditions)


def _begins(column: Column[Any], head: bytes) -> ColumnElement[bool]:
    return func.substr(column, 1, len(head), type_=LargeBinary) == head
