"""A PostgreSQL database as a whole: read in one REPEATABLE READ transaction, filled by COPY in one transaction."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from spark_assets.db import moving
from spark_assets.db.faults import ENGINE_ERRORS, raise_ours
from spark_assets.db.sealing import Sealer
from spark_assets.domain.archive import Table
from spark_assets.ports.moving import Line, Wanted

_LAST_EVENT = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_id_seq")
_SET_LAST_EVENT = text("SELECT setval('events_id_seq', :number, :is_called)")
_ERRORS = (*ENGINE_ERRORS, asyncpg.InternalClientError, asyncpg.PostgresError)


class PostgresSnapshot:
    """A transaction that only reads."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.tables = moving.moved_tables()

    async def rows(self, table: Table) -> AsyncIterator[Sequence[Line]]:
        """All rows, a few at a time."""
        async for rows in self._pages(moving.all_rows(table.name)):
            yield moving.lines(rows)

    async def wanted(self) -> AsyncIterator[Sequence[Wanted]]:
        """Originals, then renditions."""
        async for rows in self._pages(moving.ORIGINALS):
            yield moving.wanted_originals(rows)
        async for rows in self._pages(moving.RENDITIONS):
            yield moving.wanted_renditions(rows)

    async def last_event(self) -> int:
        """The highest number that was given to an event."""
        return int((await self._connection.execute(_LAST_EVENT)).scalar_one())

    async def _pages(self, statement: Select[Any]) -> AsyncIterator[Sequence[Any]]:
        try:
            async with self._connection.stream(statement) as result:
                async for rows in result.partitions(moving.PAGE):
                    yield rows
        except _ERRORS as error:
            raise_ours(error)


class PostgresIntake:
    """A transaction that fills."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, table: Table, rows: Sequence[Line]) -> None:
        """Add rows."""
        columns = [one.name for one in table.columns]
        try:
            raw: Any = await self._connection.get_raw_connection()
            records = [tuple(row.get(name) for name in columns) for row in rows]
            await raw.driver_connection.copy_records_to_table(table.name, records=records, columns=columns)
        except _ERRORS as error:
            raise_ours(error)

    async def finish(self, last_event: int) -> None:
        """Number events from there on, commit, and let the planner know how much there is now."""
        try:
            base = (await self._connection.execute(moving.HIGHEST_TRANSACTION)).scalar_one()
            await self._connection.execute(moving.NEW_BASE, {"transaction_id": base})
            await self._connection.execute(_SET_LAST_EVENT, {"number": max(last_event, 1), "is_called": last_event > 0})
            for table in moving.MOVED:
                await self._connection.exec_driver_sql(f'ANALYZE "{table.name}"')
            await self._connection.commit()
        except _ERRORS as error:
            raise_ours(error)


class PostgresMoving:
    """One database of a server."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self.key_of = sealer.key_of

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PostgresSnapshot]:
        """What is committed now."""
        async with self._begun(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            await connection.exec_driver_sql("SELECT 1 FROM projects LIMIT 1")  # the moment is that of the first read
            yield PostgresSnapshot(connection)

    @asynccontextmanager
    async def intake(self) -> AsyncIterator[PostgresIntake]:
        """To fill it."""
        async with self._begun() as connection:
            await connection.execute(moving.DROP_DEFAULT)
            yield PostgresIntake(connection)

    async def is_empty(self) -> bool:
        """Whether it holds nothing but the default project."""
        async with self._begun() as connection:
            return not (await connection.execute(moving.IS_FILLED)).scalar()

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _begun(self, **options: Any) -> AsyncIterator[AsyncConnection]:
        try:
            connection = await self._engine.connect()
            await connection.execution_options(**options)
        except _ERRORS as error:
            raise_ours(error)
        try:
            yield connection
        finally:
            await connection.close()  # what is not committed is undone
