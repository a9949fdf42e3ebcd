"""Rows of events, in the order in which they are told.

On PostgreSQL numbers are given before rows are committed, so of two events the one with the larger number may be there
first. Readers therefore go by the transaction, and take only what no transaction can come before that is still open.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import bindparam, delete, func, insert, select, tuple_
from sqlalchemy.sql.base import Executable

from spark_assets.db.administration_tables import event_bases
from spark_assets.db.connection import Connection, Row, Transactions
from spark_assets.db.event_tables import events
from spark_assets.domain.event import BEGINNING, Event, EventType, Position
from spark_assets.ports.events import EventPart

_COLUMNS: Final = ("project_id", "type", "asset_id", "group_id", "task_id", "data", "created_at")
_FEW: Final = 2
"""So many events are one statement, which is prepared once; that is what an ingestion ends with."""
_POSITION: Final = (events.c.transaction_id, events.c.id)
# Events of a database that was moved here keep their numbers, under which receivers know them; ours go on above them.
_BASE: Final = select(func.coalesce(func.max(event_bases.c.transaction_id), 0)).scalar_subquery()
_IS_THERE = select(events.c.id).where(
    events.c.id == bindparam("number"), events.c.transaction_id == bindparam("transaction"), events.c.project_id == bindparam("project_id")
)
_FIRST_SINCE = select(*_POSITION).order_by(*_POSITION).limit(1)
# The lowest numbers are the oldest events: so retention needs no index that every event would have to be written into.
_LOWEST = select(events.c.id, events.c.created_at).order_by(events.c.id).limit(bindparam("limit")).subquery()
_OLD = select(_LOWEST.c.id).where(_LOWEST.c.created_at < bindparam("before"))
_DROP = delete(events).where(events.c.id.in_(_OLD)).returning(events.c.id)


class EventRows:
    """The events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, found: Sequence[Event]) -> list[Event]:
        if not found:
            return []
        transactions = self._connection.transactions
        if len(found) <= _FEW:
            values = {f"{name}_{place}": value for place, event in enumerate(found) for name, value in _values(event).items()}
            rows = await self._connection.run(_adding_few(transactions, len(found)), values)
        else:
            rows = await self._connection.run(_adding_many(transactions), [_values(event) for event in found])
        places = sorted(_position(row) for row in rows)
        return [replace(event, position=place) for event, place in zip(found, places, strict=True)]

    async def after(self, project_id: str, position: Position, limit: int) -> EventPart:
        values = {"project_id": project_id, "transaction": position.transaction, "number": position.number, "limit": limit}
        rows = await self._connection.run(_after(self._connection.transactions), values)
        settled = [_event(row) for row in rows if row.is_settled]
        return EventPart(settled, len(settled) < len(rows))

    async def newest(self, project_id: str) -> Position:
        rows = await self._connection.run(_newest(self._connection.transactions), {"project_id": project_id})
        return _position(rows[0]) if rows else BEGINNING

    async def before(self, project_id: str, at: int) -> Position:
        rows = await self._connection.run_long(_FIRST_SINCE.where(events.c.project_id == project_id, events.c.created_at >= at))
        return Position(rows[0].transaction_id, rows[0].id - 1) if rows else await self.newest(project_id)

    async def is_there(self, project_id: str, position: Position) -> bool:
        values = {"project_id": project_id, "transaction": position.transaction, "number": position.number}
        return bool(await self._connection.run(_IS_THERE, values))

    async def drop_old(self, before: int, limit: int) -> int:
        return len(await self._connection.run(_DROP, {"before": before, "limit": limit}))


@cache
def _adding_few(transactions: Transactions, count: int) -> Executable:
    rows: list[Mapping[str, Any]] = [
        {
            "transaction_id": transactions.current + _BASE,
            **{name: bindparam(f"{name}_{place}", type_=events.c[name].type) for name in _COLUMNS},
        }
        for place in range(count)
    ]
    return insert(events).values(rows).returning(*_POSITION)


@cache
def _adding_many(transactions: Transactions) -> Executable:
    return insert(events).values(transaction_id=transactions.current + _BASE).returning(*_POSITION, sort_by_parameter_order=True)


@cache
def _after(transactions: Transactions) -> Executable:
    return (
        select(events, (events.c.transaction_id < transactions.oldest_open + _BASE).label("is_settled"))
        .where(
            events.c.project_id == bindparam("project_id"),
            tuple_(*_POSITION) > tuple_(bindparam("transaction"), bindparam("number")),
        )
        .order_by(*_POSITION)
        .limit(bindparam("limit"))
    )


@cache
def _newest(transactions: Transactions) -> Executable:
    return (
        select(*_POSITION)
        .where(events.c.project_id == bindparam("project_id"), events.c.transaction_id < transactions.oldest_open + _BASE)
        .order_by(events.c.transaction_id.desc(), events.c.id.desc())
        .limit(1)
    )


def _values(event: Event) -> dict[str, Any]:
    return {
        "project_id": event.project_id,
        "type": event.type.value,
        "asset_id": event.asset_id,
        "group_id": event.group_id,
        "task_id": event.task_id,
        "data": msgspec.json.encode(event.facts).decode(),
        "created_at": event.created_at,
    }


def _position(row: Row) -> Position:
    return Position(row.transaction_id, row.id)


def _event(row: Row) -> Event:
    return Event(
        type=EventType(row.type),
        project_id=row.project_id,
        created_at=row.created_at,
        asset_id=row.asset_id,
        group_id=row.group_id,
        task_id=row.task_id,
        facts=msgspec.json.decode(row.data),
        position=_position(row),
    )
