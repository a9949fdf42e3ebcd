"""PostgreSQL over asyncpg: a transaction per unit of work, autocommit for single reads, jobs enqueued inside the transaction."""

from asyncio import Event
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from typing import Final, NoReturn
from zlib import crc32

import asyncpg
import structlog
from sqlalchemy import BigInteger, Integer, Table, Text, bindparam, cast, event, func, select, text
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection as AdaptedConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.base import Executable

from spark_assets.db.connection import Parameters, Row, Transactions, insert_new, insert_or_replace
from spark_assets.db.faults import ENGINE_ERRORS, raise_ours
from spark_assets.db.postgres_signals import CHANNEL, PostgresSignals
from spark_assets.db.schema import APPLICATION_NAME, READ, NewerSchema, is_enough, schema_in
from spark_assets.db.sealing import Sealer
from spark_assets.db.unit_of_work import SqlRepositories, SqlUnitOfWork
from spark_assets.domain.errors import Unavailable
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.metrics import SILENCE, Level, Measure, Metrics
from spark_assets.ports.queue import Job, JobDispatcher

log = structlog.get_logger()

_ANNOUNCE = text(f"SELECT pg_notify('{CHANNEL}', subject) FROM unnest(CAST(:subjects AS text[])) AS subject")
_WITHOUT_WAITING = text("SET LOCAL synchronous_commit TO off")
_HOLD = select(func.pg_advisory_xact_lock(bindparam("space", type_=Integer), bindparam("number", type_=Integer)))
_TRANSACTIONS = Transactions(
    cast(cast(func.pg_current_xact_id(), Text), BigInteger),
    cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger),
)
_NAMES = 0x5350
"""The space of advisory locks for names; locks of one number, such as the migrations', are in another one."""
_ERRORS = (*ENGINE_ERRORS, asyncpg.InternalClientError)
"""The last one comes where a statement meets a connection that is just being lost."""
_POOL_SIZE = 10
_CONNECT_TIMEOUT = 5.0
_NOT_TEXT = "22021"
"""SQLSTATE of a text with a NUL in it, which PostgreSQL cannot hold: so no row can match it."""
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


class PostgresConnection:
    """Runs over asyncpg."""

    transactions = _TRANSACTIONS

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """The rows that the statement returns; none if it returns none."""
        if _holds_nul(parameters):  # the engine would refuse it, and with it the rest of the transaction
            return ()
        try:
            result = await self.connection.execute(statement, parameters)
            return result.fetchall() if result.returns_rows else ()
        except _ERRORS as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) == _NOT_TEXT:
                return ()
            _raise_ours(error)

    async def run_long(self, statement: Executable) -> Sequence[Row]:
        """The rows that a read finds; on this engine nobody waits for another's."""
        return await self.run(statement)

    async def damage(self) -> list[str]:
        """Nothing: a server looks after its own files."""
        return []

    async def hold(self, name: str) -> None:
        """An advisory lock; two names that share a number wait for each other, which does no harm."""
        await self.run(_HOLD, {"space": _NAMES, "number": crc32(name.encode()) - 2**31})

    def insert_new(self, table: Table) -> Executable:
        """INSERT a row unless it is there."""
        return insert_new(postgres_insert, table)

    def insert_or_replace(self, table: Table) -> Executable:
        """INSERT a row or replace it."""
        return insert_or_replace(postgres_insert, table)


class PostgresUnitOfWork(SqlUnitOfWork):
    """One transaction."""

    def __init__(self, connection: AsyncConnection, sealer: Sealer, dispatcher: JobDispatcher, metrics: Metrics = SILENCE) -> None:
        super().__init__(PostgresConnection(connection), sealer)
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
        try:
            if not wait:
                await self._connection.execute(_WITHOUT_WAITING)
            if self._announced:
                await self._connection.execute(_ANNOUNCE, {"subjects": self._announced})
            if self._jobs:
                raw = await self._connection.get_raw_connection()
                await self._dispatcher.dispatch(self._jobs, raw.driver_connection)
                reach(Failpoint.JOBS_PUT)
            await self.settle()  # last: what others wait for is held until the end
            reach(Failpoint.COMMIT_BEGUN)
            began = perf_counter()
            await self._connection.commit()
            self._metrics.observe(Measure.COMMITS, perf_counter() - began)
            self._metrics.observe(Measure.COMMIT_UNITS, 1)
            reach(Failpoint.COMMIT_DONE)
        except _ERRORS as error:
            _raise_ours(error)


class PostgresDatabase:
    """Opens units of work on a PostgreSQL database."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer, dispatcher: JobDispatcher, metrics: Metrics = SILENCE) -> None:
        self._engine = engine
        self._metrics = metrics
        _count_connections(engine, metrics)
        _look_at_floor(engine)
        self._signals = PostgresSignals(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sealer = sealer
        self._dispatcher = dispatcher

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresUnitOfWork]:
        """A transaction; rolled back unless it is committed."""
        connection = await _connect(self._engine)
        try:
            yield PostgresUnitOfWork(connection, self._sealer, self._dispatcher, self._metrics)
        finally:
            await _let_go(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlRepositories]:
        """Single reads, without the round trips of a transaction."""
        connection = await _connect(self._reading)
        try:
            yield SqlRepositories(PostgresConnection(connection), self._sealer)
        finally:
            await _let_go(connection)

    def watch(self, subject: str) -> AbstractAsyncContextManager[Event]:
        """An event that is set when the subject is announced on any process."""
        return self._signals.watch(subject)

    async def check(self) -> None:
        """Prove that the database answers."""
        await self.run(text("SELECT 1 FROM projects LIMIT 1"))

    async def run(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row]:
        """The rows of one statement that is a transaction of its own. Raises Unavailable, StorageFull."""
        connection = await _connect(self._reading)
        try:
            return await PostgresConnection(connection).run(statement, parameters)
        finally:
            await _let_go(connection)

    async def close(self) -> None:
        """Close the pool."""
        await self._signals.close()
        await self._engine.dispose()


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect()
    except _ERRORS as error:
        _raise_ours(error)


async def _let_go(connection: AsyncConnection) -> None:
    """Give a connection back. One that was lost cannot even be rolled back; whoever used it last has met that already."""
    try:
        await connection.close()
    except _ERRORS as error:
        log.warning("connection_lost", error=type(error).__name__)


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


def _count_connections(engine: AsyncEngine, metrics: Metrics) -> None:
    metrics.shift(Level.CONNECTIONS_MOST, 2 * _POOL_SIZE)
    event.listen(engine.sync_engine, "checkout", lambda *_: metrics.shift(Level.CONNECTIONS_USED, 1))
    event.listen(engine.sync_engine, "checkin", lambda *_: metrics.shift(Level.CONNECTIONS_USED, -1))


def _holds_nul(parameters: Parameters | None) -> bool:
    """Whether a text among the values has a NUL in it, as an ID or a name from an address may."""
    return isinstance(parameters, Mapping) and any(isinstance(value, str) and "\0" in value for value in parameters.values())


def _raise_ours(error: Exception) -> NoReturn:
    if isinstance(error, asyncpg.InternalClientError):
        raise Unavailable("the database cannot be reached; try again shortly") from error
    raise_ours(error)
