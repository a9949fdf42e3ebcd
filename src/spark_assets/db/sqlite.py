"""SQLite: one writing connection whose commits are shared, one reading connection, both used inline.

Units of work that arrive while a commit is being flushed wait; then they all run, each in a savepoint of the next
transaction, and one commit, in a thread, makes all of them durable. Every caller is answered after that commit.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import perf_counter

import structlog
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.pool import NullPool

from spark_assets.db.connection import SqliteConnection
from spark_assets.db.faults import ENGINE_ERRORS, raise_ours
from spark_assets.db.prepared import Preparations, driver_of
from spark_assets.db.sealing import Sealer
from spark_assets.db.signals import Signals
from spark_assets.db.sqlite_long_reads import LongReads
from spark_assets.db.sqlite_pragmas import connect, prepare
from spark_assets.db.unit_of_work import SqlRepositories, SqlUnitOfWork
from spark_assets.domain.errors import Unavailable
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.metrics import SILENCE, Measure, Metrics
from spark_assets.ports.queue import Job, JobDispatcher

log = structlog.get_logger()

_LATER = 0.01
"""Seconds after which what nobody waits for is flushed at the latest: until then it joins the commit of whoever waits."""
_LOCK_RETRY = 0.002
"""Seconds between attempts to get the write lock that another process holds."""
_LOCK_PATIENCE = 10.0
"""Seconds after which a unit of work gives up waiting for that lock."""


def sqlite_engine(path: str) -> Engine:
    """An engine for the file, with durable commits and foreign keys; transactions are ours to begin and end."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 0})
    event.listen(engine, "connect", prepare)
    return engine


class _Batch:
    """The units of work that one commit makes durable."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.is_awaited = False
        self.error: Exception | None = None
        """Why nothing of it became durable, once it is over."""
        self.jobs: list[Job] = []
        self.announced: list[str] = []
        self.size = 0


class SqliteUnitOfWork(SqlUnitOfWork):
    """A savepoint in the shared transaction. Nothing but the database may be awaited inside."""

    def __init__(self, database: "SqliteDatabase") -> None:
        vars(self).update(vars(database.writing))  # they are the same for every unit of work on the writing connection
        self._database = database
        self.jobs: list[Job] = []
        self.announced: list[str] = []
        self.gains = {}
        self.entries = []
        self.committed = False

    def enqueue(self, job: Job) -> None:
        """Hand a job to the queue exactly if this unit of work is committed."""
        self.jobs.append(job)

    def announce(self, subject: str) -> None:
        """Wake whoever watches the subject once this unit of work is committed."""
        self.announced.append(subject)

    async def commit(self, *, wait: bool = True) -> None:
        """Make all durable before returning; without `wait`, with the next shared commit."""
        await self.settle()
        batch = self._database.share_commit(self, awaited=wait)
        if wait:
            await batch.over.wait()
            if batch.error is not None:
                raise batch.error


class SqliteDatabase:
    """Opens units of work on one SQLite file, inline in the event loop."""

    def __init__(
        self,
        engine: Engine,
        sealer: Sealer,
        dispatcher: JobDispatcher,
        *,
        lock_patience: float = _LOCK_PATIENCE,
        lock_retry: float = _LOCK_RETRY,
        metrics: Metrics = SILENCE,
    ) -> None:
        """`lock_patience`, `lock_retry`: seconds to wait for another process's write lock, and between two attempts."""
        self._lock_patience = lock_patience
        self._lock_retry = lock_retry
        self._metrics = metrics
        self._dispatcher = dispatcher
        self._engine = engine
        self._writer = connect(engine)
        self._reader = connect(engine)
        self._raw = driver_of(self._writer)
        driver_of(self._reader).execute("PRAGMA query_only=ON")
        preparations = Preparations(sqlite_dialect(paramstyle="qmark"))
        self.writing = SqlRepositories(SqliteConnection(self._writer, preparations), sealer)
        self._long_reads = LongReads(engine)
        self._reading = SqlRepositories(SqliteConnection(self._reader, preparations, self._long_reads), sealer)
        self._batch: _Batch | None = None
        self._inside = False
        self._signals = Signals()
        self._idle = asyncio.Event()
        """Set unless a commit is being flushed."""
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._background: set[asyncio.Task[None]] = set()

    def begin(self) -> "_Begun":
        """A savepoint in the next shared transaction."""
        return _Begun(self)

    async def enter(self) -> SqliteUnitOfWork:
        """Begin a unit of work, as soon as no commit is being flushed."""
        await self._join()
        if self._inside:
            raise RuntimeError("a unit of work awaited something other than the database, and another one began meanwhile")
        self._execute("SAVEPOINT unit")
        self._inside = True
        return SqliteUnitOfWork(self)

    def leave(self, unit: SqliteUnitOfWork) -> None:
        """End a unit of work; what it did not commit is undone."""
        if not unit.committed:
            self._inside = False
            self._undo()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlRepositories]:
        """Single reads of what is committed."""
        yield self._reading

    @asynccontextmanager
    async def watch(self, subject: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the subject is announced in this process, which is the only one that ends tasks."""
        with self._signals.watch(subject) as event:
            yield event

    async def check(self) -> None:
        """Prove that the file can be read."""
        try:
            self._reader.exec_driver_sql("SELECT 1 FROM projects LIMIT 1").fetchall()
        except ENGINE_ERRORS as error:
            raise_ours(error)

    async def close(self) -> None:
        """Let go of the file, after the last shared commit."""
        while self._batch is not None or not self._idle.is_set():
            await (self._idle if self._batch is None else self._batch.over).wait()
        self._long_reads.close()
        for connection in (self._reader, self._writer):
            connection.close()
        self._engine.dispose()
        self._thread.shutdown()

    def share_commit(self, unit: SqliteUnitOfWork, *, awaited: bool) -> _Batch:
        """Release the savepoint into the shared transaction; the batch is over when that is durable: soon if somebody waits for it."""
        self._execute("RELEASE unit")
        unit.committed, self._inside = True, False
        batch = self._batch
        assert batch is not None
        batch.jobs += unit.jobs
        batch.announced += unit.announced
        batch.size += 1
        loop = asyncio.get_running_loop()
        if awaited and not batch.is_awaited:
            batch.is_awaited = True
            loop.call_soon(self._start_flush, batch)
        elif batch.size == 1:
            loop.call_later(_LATER, self._start_flush, batch)
        return batch

    async def _join(self) -> None:
        """Join the open transaction, or begin one as soon as no commit is being flushed."""
        patience = asyncio.get_running_loop().time() + self._lock_patience
        while True:
            while not self._idle.is_set():
                await self._idle.wait()
            if self._batch is None and self._begin_immediately():
                self._batch = _Batch()
            if self._batch is not None:
                return
            if asyncio.get_running_loop().time() > patience:
                raise Unavailable("the database is locked by another process; try again shortly")
            await asyncio.sleep(self._lock_retry)

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
        batch = self._batch
        assert batch is not None
        if not self._raw.in_transaction:
            self._batch = None
            _fail(batch, Unavailable("the database gave up a transaction; try again shortly"))
            return
        self._execute("ROLLBACK TO unit")
        self._execute("RELEASE unit")
        if batch.size == 0:
            self._execute("ROLLBACK")
            self._batch = None

    def _execute(self, statement: str) -> None:
        try:
            self._raw.execute(statement)
        except sqlite3.Error as error:
            raise_ours(error)

    def _start_flush(self, batch: _Batch) -> None:
        task = asyncio.get_running_loop().create_task(self._flush(batch))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _flush(self, batch: _Batch) -> None:
        if self._batch is not batch:
            return  # SQLite itself rolled it back, as it may when a disk is full, and its callers know
        self._batch = None
        self._idle.clear()
        try:
            reach(Failpoint.COMMIT_BEGUN)
            began = perf_counter()
            await asyncio.get_running_loop().run_in_executor(self._thread, self._raw.execute, "COMMIT")
            self._metrics.observe(Measure.COMMITS, perf_counter() - began)
            self._metrics.observe(Measure.COMMIT_UNITS, batch.size)
            reach(Failpoint.COMMIT_DONE)
        except sqlite3.Error as error:
            self._abandon(batch, error)
        else:
            await self._hand_over(batch.jobs)
            for subject in dict.fromkeys(batch.announced):
                self._signals.notify(subject)
            batch.over.set()
        finally:
            self._idle.set()

    async def _hand_over(self, jobs: list[Job]) -> None:
        """What is durable stays so, whatever becomes of its jobs: lost ones are enqueued again from the task table."""
        if jobs:
            try:
                await self._dispatcher.dispatch(jobs, None)
                reach(Failpoint.JOBS_PUT)
            except Exception:
                log.exception("jobs_lost", count=len(jobs))

    def _abandon(self, batch: _Batch, error: sqlite3.Error) -> None:
        """Nothing of the batch became durable: undo it all and tell every caller."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")
        try:
            raise_ours(error)
        except Exception as ours:  # every kind is for the callers to see, each of whom awaits the batch
            _fail(batch, ours)


def _fail(batch: _Batch, error: Exception) -> None:
    """Tell every caller."""
    batch.error = error
    batch.over.set()


class _Begun:
    """`async with database.begin()`: a class, for a generator would cost more than a statement."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._unit: SqliteUnitOfWork | None = None

    async def __aenter__(self) -> SqliteUnitOfWork:
        self._unit = await self._database.enter()
        return self._unit

    async def __aexit__(self, *_error: object) -> None:
        if self._unit is not None:
            self._database.leave(self._unit)
