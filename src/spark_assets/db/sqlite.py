"""SQLite: one writing connection whose commits are shared, one reading connection, both used inline.

Units of work that arrive while a commit is being flushed wait; then they all run, each in a savepoint of the next
transaction, and one commit, in a thread, makes all of them durable. Every caller is answered after that commit.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from spark_assets.db.connection import SqliteConnection
from spark_assets.db.faults import ENGINE_ERRORS, raise_ours
from spark_assets.db.sealing import Sealer
from spark_assets.db.signals import TaskSignals
from spark_assets.db.unit_of_work import SqlRepositories
from spark_assets.domain.errors import Unavailable
from spark_assets.ports.queue import Job, JobDispatcher

_LOCK_RETRY = 0.002
"""Seconds between attempts to get the write lock that another process holds."""
_LOCK_PATIENCE = 10.0
"""Seconds after which a unit of work gives up waiting for that lock."""


def sqlite_engine(path: str) -> Engine:
    """An engine for the file, with durable commits and foreign keys; transactions are ours to begin and end."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 0})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("busy_timeout=1000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384", "busy_timeout=0"):
        connection.execute(f"PRAGMA {pragma}")


class _Batch:
    """The units of work that one commit makes durable."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.jobs: list[Job] = []
        self.announced: list[str] = []
        self.size = 0


class SqliteUnitOfWork(SqlRepositories):
    """A savepoint in the shared transaction. Nothing but the database may be awaited inside."""

    def __init__(self, database: "SqliteDatabase") -> None:
        self._database = database
        super().__init__(database.writing, database.sealer)
        self.jobs: list[Job] = []
        self.announced: list[str] = []
        self.committed = False

    def enqueue(self, job: Job) -> None:
        """Hand a job to the queue exactly if this unit of work is committed."""
        self.jobs.append(job)

    def announce(self, task_id: str) -> None:
        """Wake whoever waits for the task once this unit of work is committed."""
        self.announced.append(task_id)

    async def commit(self) -> None:
        """Make all durable before returning."""
        self.committed = True
        await self._database.share_commit(self)


class SqliteDatabase:
    """Opens units of work on one SQLite file, inline in the event loop."""

    def __init__(self, engine: Engine, sealer: Sealer, dispatcher: JobDispatcher) -> None:
        self.sealer = sealer
        self._dispatcher = dispatcher
        self._engine = engine
        self._writer = _connect(engine)
        self._reader = _connect(engine)
        self._raw = _raw(self._writer)
        _raw(self._reader).execute("PRAGMA query_only=ON")
        self.writing = SqliteConnection(self._writer)
        self._reading = SqlRepositories(SqliteConnection(self._reader), sealer)
        self._batch: _Batch | None = None
        self._inside = False
        self._signals = TaskSignals()
        self._flushing: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._background: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqliteUnitOfWork]:
        """A savepoint in the next shared transaction."""
        await self._enter()
        if self._inside:
            raise RuntimeError("a unit of work awaited something other than the database, and another one began meanwhile")
        self._inside = True
        unit = SqliteUnitOfWork(self)
        self._raw.execute("SAVEPOINT unit")
        try:
            yield unit
        finally:
            if not unit.committed:
                self._inside = False
                self._undo()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlRepositories]:
        """Single reads of what is committed."""
        yield self._reading

    @asynccontextmanager
    async def watch(self, task_id: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the task is announced in this process, which is the only one that ends tasks."""
        with self._signals.watch(task_id) as event:
            yield event

    async def check(self) -> None:
        """Prove that the file can be read."""
        try:
            self._reader.exec_driver_sql("SELECT 1 FROM projects LIMIT 1").fetchall()
        except ENGINE_ERRORS as error:
            raise_ours(error)

    async def close(self) -> None:
        """Let go of the file, after the last shared commit."""
        while self._batch is not None or self._flushing is not None:
            await asyncio.wait([self._flushing or self._batch.done])  # type: ignore[union-attr]  # one of them is there
        for connection in (self._reader, self._writer):
            connection.close()
        self._engine.dispose()
        self._thread.shutdown()

    async def share_commit(self, unit: SqliteUnitOfWork) -> None:
        """Release the savepoint into the shared transaction and wait until that is durable."""
        self._inside = False
        self._raw.execute("RELEASE unit")
        batch = self._batch
        assert batch is not None
        batch.jobs += unit.jobs
        batch.announced += unit.announced
        batch.size += 1
        if batch.size == 1:
            asyncio.get_running_loop().call_soon(self._start_flush)
        await asyncio.shield(batch.done)

    async def _enter(self) -> None:
        """Join the open transaction, or begin one as soon as no commit is being flushed."""
        while self._flushing is not None:
            await asyncio.shield(self._flushing)
        if self._batch is not None:
            return
        loop = asyncio.get_running_loop()
        patience = loop.time() + _LOCK_PATIENCE
        while not self._begin_immediately():
            if loop.time() > patience:
                raise Unavailable("the database is locked by another process; try again shortly")
            await asyncio.sleep(_LOCK_RETRY)
            await self._enter()
            if self._batch is not None:
                return
        self._batch = _Batch()

    def _begin_immediately(self) -> bool:
        try:
            self._raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise_ours(error)
        return True

    def _undo(self) -> None:
        """Forget one unit of work; the transaction ends with it if no other joined."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK TO unit")
            self._raw.execute("RELEASE unit")
        if self._batch is not None and self._batch.size == 0:
            self._raw.execute("ROLLBACK")
            self._batch = None

    def _start_flush(self) -> None:
        task = asyncio.get_running_loop().create_task(self._flush())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _flush(self) -> None:
        batch, self._batch = self._batch, None
        assert batch is not None
        loop = asyncio.get_running_loop()
        self._flushing = loop.create_future()
        try:
            await loop.run_in_executor(self._thread, self._raw.execute, "COMMIT")
        except sqlite3.Error as error:
            self._abandon(batch, error)
        else:
            if batch.jobs:
                await self._dispatcher.dispatch(batch.jobs, None)
            for task_id in batch.announced:
                self._signals.notify(task_id)
            batch.done.set_result(None)
        finally:
            flushing, self._flushing = self._flushing, None
            flushing.set_result(None)

    def _abandon(self, batch: _Batch, error: sqlite3.Error) -> None:
        """Nothing of the batch became durable: undo it all and tell every caller."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")
        try:
            raise_ours(error)
        except Exception as ours:  # every kind is for the callers to see, each of whom awaits the batch
            batch.done.set_exception(ours)


def _connect(engine: Engine) -> SyncConnection:
    try:
        return engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except ENGINE_ERRORS as error:
        raise_ours(error)


def _raw(connection: SyncConnection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, cast(Any, connection.connection).driver_connection)
