"""A SQLite database as a whole: read in one transaction beside the server's, filled in one transaction of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import Connection, Engine, Select, text

from spark_assets.db import moving
from spark_assets.db.faults import ENGINE_ERRORS, raise_ours
from spark_assets.db.sealing import Sealer
from spark_assets.domain.archive import Table
from spark_assets.ports.moving import Line, Wanted

_LAST_EVENT = text("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
_DROP_LAST_EVENT = text("DELETE FROM sqlite_sequence WHERE name = 'events'")
_SET_LAST_EVENT = text("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', :number)")
_PATIENCE = "PRAGMA busy_timeout=30000"
"""Milliseconds to wait for a server that is just writing; nothing else runs in the process that moves a library."""


class SqliteSnapshot:
    """A read transaction: in WAL mode it sees one moment, and holds up nobody."""

    def __init__(self, connection: Connection) -> None:
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
        return self._connection.execute(_LAST_EVENT).scalar() or 0

    async def _pages(self, statement: Select[tuple[object, ...]]) -> AsyncIterator[Sequence[object]]:
        try:
            for rows in self._connection.execute(statement).partitions(moving.PAGE):
                yield rows
        except ENGINE_ERRORS as error:
            raise_ours(error)


class SqliteIntake:
    """A write transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, table: Table, rows: Sequence[Line]) -> None:
        """Add rows."""
        try:
            self._connection.execute(moving.inserting(table), moving.filled(table, rows))
        except ENGINE_ERRORS as error:
            raise_ours(error)

    async def finish(self, last_event: int) -> None:
        """Number events from there on, and commit."""
        try:
            base = self._connection.execute(moving.HIGHEST_TRANSACTION).scalar_one()
            self._connection.execute(moving.NEW_BASE, {"transaction_id": base})
            self._connection.execute(_DROP_LAST_EVENT)
            self._connection.execute(_SET_LAST_EVENT, {"number": last_event})
            self._connection.exec_driver_sql("COMMIT")
        except ENGINE_ERRORS as error:
            raise_ours(error)


class SqliteMoving:
    """The database in one file."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self.key_of = sealer.key_of

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SqliteSnapshot]:
        """What is committed now."""
        async with self._begun("BEGIN") as connection:
            connection.exec_driver_sql("SELECT 1 FROM projects LIMIT 1").fetchall()  # the moment is that of the first read
            yield SqliteSnapshot(connection)

    @asynccontextmanager
    async def intake(self) -> AsyncIterator[SqliteIntake]:
        """To fill it."""
        async with self._begun("BEGIN IMMEDIATE") as connection:
            connection.execute(moving.DROP_DEFAULT)
            yield SqliteIntake(connection)

    async def is_empty(self) -> bool:
        """Whether it holds nothing but the default project."""
        async with self._begun("BEGIN") as connection:
            return not connection.execute(moving.IS_FILLED).scalar()

    async def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @asynccontextmanager
    async def _begun(self, statement: str) -> AsyncIterator[Connection]:
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except ENGINE_ERRORS as error:
            raise_ours(error)
        with connection:
            try:
                connection.exec_driver_sql(_PATIENCE)
                connection.exec_driver_sql(statement)
            except ENGINE_ERRORS as error:
                raise_ours(error)
            yield connection  # what is not committed is undone when the connection closes
