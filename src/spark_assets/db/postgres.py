"""PostgreSQL over asyncpg: a transaction per unit of work, autocommit for single reads, jobs enqueued inside the transaction."""

from asyncio import Event
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection as AdaptedConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.sql.base import Executable

from spark_assets.db.connection import Parameters, Row
from spark_assets.db.postgres_connection import PostgresConnection
from spark_assets.db.postgres_signals import CHANNEL, PostgresSignals
from spark_assets.db.prepared import Preparations
from spark_assets.db.schema import APPLICATION_NAME, READ, NewerSchema, is_enough, schema_in
from spark_assets.db.sealing import Sealer
from spark_assets.db.unit_of_work import SqlRepositories, SqlUnitOfWork
from spark_assets.domain.errors import Unavailable
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.metrics import SILENCE, Level, Measure, Metrics
from spark_assets.ports.queue import Job, JobDispatcher

_ANNOUNCE: Final = f"SELECT pg_notify('{CHANNEL}', subject) FROM unnest($1::text[]) AS subject"
_POOL_SIZE = 10
_CONNECT_TIMEOUT = 5.0
_COMMAND_TIMEOUT = 30.0
"""Seconds after which a database that does not answer counts as away."""
_LONGEST_PAUSE: Final = 30.0
"""Seconds after which a transaction that says nothing is undone: its process is stopped, or its machine gone, and others wait for its rows.

Inside a unit of work nothing but the database is awaited, so a living process comes nowhere near it.
"""


def postgres_engine(url: str, *, longest_pause: float | None = _LONGEST_PAUSE, is_bounded: bool = True) -> AsyncEngine:
    """An engine for a URL that begins with `postgresql://`.

    `longest_pause`: seconds that a transaction may say nothing before the server undoes it; None: as long as it likes.
    `is_bounded`: whether a statement may take 30 seconds at most; one that is not, such as a migration, may be silent as well.
    """
    silence = (longest_pause if is_bounded else None) or 0
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1).replace("postgres://", "postgresql+asyncpg://", 1),
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_SIZE,
        pool_timeout=_CONNECT_TIMEOUT,
        connect_args={
            "timeout": _CONNECT_TIMEOUT,
            "command_timeout": _COMMAND_TIMEOUT if is_bounded else None,
            "server_settings": {
                "application_name": APPLICATION_NAME,  # by this a contracting migration finds what still runs
                "idle_in_transaction_session_timeout": str(round(silence * 1000)),
            },
        },
    )


class PostgresUnitOfWork(SqlUnitOfWork):
    """One transaction."""

    def __init__(self, connection: PostgresConnection, sealer: Sealer, dispatcher: JobDispatcher, metrics: Metrics = SILENCE) -> None:
        super().__init__(connection, sealer)
        self._metrics = metrics
        self._connection = connection
        self._dispatcher = dispatcher
        self._jobs: list[Job] = []
        self._announced: list[str] = []
        self.gains = {}
        self.entries = []

    def enqueue(self, job: Job) -> None:
        """Hand a job to the queue exactly if this unit of work is committed."""
        self._jobs.append(job)

    def announce(self, subject: str) -> None:
        """Wake whoever watches the subject, on every process, once this unit of work is committed."""
        self._announced.append(subject)

    async def commit(self, *, wait: bool = True) -> None:
        """Make all durable before returning; jobs and announcements become visible with the rows."""
        if self._announced:
            await self._connection.execute(_ANNOUNCE, self._announced)
        if self._jobs:
            await self._dispatcher.dispatch(self._jobs, self._connection.driver)
            reach(Failpoint.JOBS_PUT)
        await self.settle()  # last: what others wait for is held until the end
        reach(Failpoint.COMMIT_BEGUN)
        self._metrics.observe(Measure.COMMITS, await self._connection.commit(wait=wait))
        self._metrics.observe(Measure.COMMIT_UNITS, 1)
        reach(Failpoint.COMMIT_DONE)


class PostgresDatabase:
    """Opens units of work on a PostgreSQL database."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer, dispatcher: JobDispatcher, metrics: Metrics = SILENCE) -> None:
        self._metrics = metrics
        _look_at_floor(engine)
        _pass_over_lost_ones(engine)  # before they are counted
        _count_connections(engine, metrics)
        self._signals = PostgresSignals(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._preparations = Preparations(engine.dialect)
        self._sealer = sealer
        self._dispatcher = dispatcher

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresUnitOfWork]:
        """A transaction; rolled back unless it is committed."""
        async with self._connected() as connection:
            await connection.begin()
            yield PostgresUnitOfWork(connection, self._sealer, self._dispatcher, self._metrics)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlRepositories]:
        """Single reads, without the round trips of a transaction."""
        async with self._connected() as connection:
            yield SqlRepositories(connection, self._sealer)

    def watch(self, subject: str) -> AbstractAsyncContextManager[Event]:
        """An event that is set when the subject is announced on any process."""
        return self._signals.watch(subject)

    async def check(self) -> None:
        """Prove that the database answers."""
        await self.run(text("SELECT 1 FROM projects LIMIT 1"))

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """The rows of one statement that is a transaction of its own. Raises Unavailable, StorageFull."""
        async with self._connected() as connection:
            return await connection.run(statement, parameters)

    async def close(self) -> None:
        """Close the pool."""
        await self._signals.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[PostgresConnection]:
        connection = await PostgresConnection.open(self._engine, self._preparations)
        try:
            yield connection
        finally:
            await connection.close()


def _look_at_floor(engine: AsyncEngine) -> None:
    """Each new connection reads once how old code may be: one that a migration has left behind is to touch nothing."""

    def look(connection: AdaptedConnection, _record: object) -> None:
        try:
            is_enough(schema_in(connection.run_async(lambda raw: raw.fetchrow(READ))))
        except NewerSchema as error:
            connection.terminate()
            raise Unavailable("the database is newer than this process may use; another one answers, or will") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            connection.terminate()
            raise Unavailable("the database cannot be reached; try again shortly") from error

    event.listen(engine.sync_engine, "connect", look)


def _pass_over_lost_ones(engine: AsyncEngine) -> None:
    """A connection that was lost while it lay in the pool is not handed out, and neither are those that are as old."""

    def look(connection: AdaptedConnection, *_: object) -> None:
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError

    event.listen(engine.sync_engine, "checkout", look)


def _count_connections(engine: AsyncEngine, metrics: Metrics) -> None:
    metrics.shift(Level.CONNECTIONS_MOST, 2 * _POOL_SIZE)
    event.listen(engine.sync_engine, "checkout", lambda *_: metrics.shift(Level.CONNECTIONS_USED, 1))
    event.listen(engine.sync_engine, "checkin", lambda *_: metrics.shift(Level.CONNECTIONS_USED, -1))
