"""PgQueuer as our queue: in memory for one process, on PostgreSQL for a fleet.

The task table is the durable record; a job only says that a task is to be worked on. Jobs are deduplicated by their
kind and subject, so enqueueing an unfinished task again is harmless.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog
from pgqueuer import AsyncpgDriver, InMemoryQueries, PgQueuer, Queries, RetryRequested
from pgqueuer import Job as PgJob
from pgqueuer.domain.errors import FailingListenerError
from pgqueuer.domain.types import JobId
from pgqueuer.ports import RepositoryPort

from spark_assets.domain.errors import Unavailable
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.clock import Clock, SystemClock
from spark_assets.ports.queue import Job, JobHandler, JobKind, RetryJob

log = structlog.get_logger()

_PRIORITIES: Final = {JobKind.DELIVER: 20, JobKind.INGEST: 10, JobKind.DERIVE: 0}
_HEARTBEAT_TIMEOUT: Final = timedelta(seconds=20)
"""A worker silent for so long counts as dead; its jobs are delivered again."""
_POLL: Final = timedelta(seconds=1)
"""How long an idle worker waits for a notification before it looks by itself: a job to be retried is not notified of."""
_SET_BACK: Final = timedelta(minutes=2)
"""What lies further ahead was written before the clock was set back: no job is told to wait that long."""
_HURRY: Final = "UPDATE {table} SET execute_after = now() WHERE status = 'queued' AND execute_after > now() + $1"
_DOUBT: Final = "UPDATE {table} SET heartbeat = now() WHERE status = 'picked' AND heartbeat > now() + $1"
_DUE: Final = (
    "SELECT split_part(convert_from(payload, 'UTF8'), ' ', 3) AS project, count(*) AS number FROM {table}"
    " WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= now() GROUP BY 1"
)
_BATCH: Final = 16
_RESTART_DELAY: Final = 1.0
_AWAY: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
)
"""What asyncpg raises while the database is away; on a connection that is being lost, the first two."""


class MemoryQueue:
    """Jobs in this process's memory: gone with it, and enqueued again from the task table at the next start."""

    def __init__(self, clock: Clock | None = None) -> None:
        """`clock`: the machine's, by which the engine too tells when a job is due."""
        self._engine = PgQueuer.in_memory()
        self._clock = clock or SystemClock()
        self._latest = self._clock.now()
        self._untaken: dict[str, str] = {}
        """Ingests that nobody has taken yet, each with its project."""

    async def dispatch(self, jobs: Sequence[Job], connection: object | None) -> None:
        """Enqueue at once; `connection` is never given here."""
        ingests = {job.subject: job.project for job in jobs if job.kind is JobKind.INGEST and job.subject not in self._untaken}
        self._untaken |= ingests  # before they can be taken
        ids = await _enqueue(_repository(self._engine), jobs)
        for subject in ingests.keys() - {job.subject for job, job_id in zip(jobs, ids, strict=True) if job_id is not None}:
            self._untaken.pop(subject, None)

    async def run(self, handler: JobHandler, *, concurrency: int, beside: int = 0) -> None:
        """Work until `stop`; a fault of the engine must not end it for good."""
        while not self._engine.shutdown.is_set():
            try:
                await _work(self._engine, partial(self._hand, handler), (concurrency, beside), _HEARTBEAT_TIMEOUT, _POLL)
            except Exception:
                log.exception("queue_crashed")
                await asyncio.sleep(_RESTART_DELAY)

    def stop(self) -> None:
        """Take no more jobs."""
        self._engine.shutdown.set()

    async def depth(self) -> int:
        """Jobs that wait."""
        return await _count_waiting(_repository(self._engine))

    async def due(self) -> Mapping[str, int]:
        """Ingests that were enqueued and not taken yet; what is to be retried was taken once."""
        return Counter(self._untaken.values())

    async def hurry(self) -> None:
        """Enqueue anew what waits, if the clock was set back since the last look."""
        latest, self._latest = self._latest, self._clock.now()
        if self._latest > latest - _SET_BACK // timedelta(microseconds=1):
            return
        repository = _repository(self._engine)
        waiting = await repository.browse_queue(limit=sys.maxsize, statuses=["queued"])
        await repository.mark_job_as_cancelled([job.id for job in waiting])
        await _enqueue(repository, [_job(job) for job in waiting])
        log.warning("clock_set_back", jobs=len(waiting))

    async def prune(self) -> None:
        """Throw away the engine's record of each state change, which it keeps for ever."""
        await _repository(self._engine).clear_queue_log()
        await _repository(self._engine).clear_statistics_log()

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _hand(self, handler: JobHandler, job: Job) -> None:
        self._untaken.pop(job.subject, None)
        await handler(job)


class PostgresQueue:
    """Jobs in PostgreSQL: enqueued inside the caller's transaction, redelivered when a worker dies."""

    def __init__(
        self, url: str, *, heartbeat_timeout: timedelta = _HEARTBEAT_TIMEOUT, poll: timedelta = _POLL, application: str = "spark-assets"
    ) -> None:
        """A worker silent for `heartbeat_timeout` counts as dead; an idle one looks for jobs every `poll` without being told.

        `application`: what its connections are called in PostgreSQL.
        """
        self._url = url
        self._named = {"application_name": application}
        self._heartbeat_timeout = heartbeat_timeout
        self._poll = poll
        self._pool: asyncpg.Pool | None = None
        self._engine: PgQueuer | None = None
        self._stopped = False

    async def dispatch(self, jobs: Sequence[Job], connection: object | None) -> None:
        """Enqueue on the transaction of `connection`, so that a job exists exactly if its task does."""
        with _reaching_the_database():
            if connection is None:
                await _enqueue(Queries.from_asyncpg_pool(await self._connected()), jobs)
            else:
                assert isinstance(connection, asyncpg.Connection)
                await _enqueue(Queries(AsyncpgDriver(connection)), jobs)

    async def run(self, handler: JobHandler, *, concurrency: int, beside: int = 0) -> None:
        """Work until `stop`, beginning anew whenever the database was away."""
        while not self._stopped:
            try:
                self._engine = PgQueuer.from_asyncpg_pool(await self._connected())
                await _work(self._engine, partial(self._hand, handler), (concurrency, beside), self._heartbeat_timeout, self._poll)
            except (*_AWAY, asyncpg.PostgresError, FailingListenerError, Unavailable) as error:
                log.warning("queue_unavailable", error=type(error).__name__)
                await asyncio.sleep(_RESTART_DELAY)
            except Exception:
                log.exception("queue_crashed")
                await asyncio.sleep(_RESTART_DELAY)

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopped = True
        if self._engine is not None:
            self._engine.shutdown.set()

    async def depth(self) -> int:
        """Jobs that wait."""
        with _reaching_the_database():
            return await _count_waiting(Queries.from_asyncpg_pool(await self._connected()))

    async def due(self) -> Mapping[str, int]:
        """Of all processes; by the database's clock."""
        with _reaching_the_database():
            pool = await self._connected()
            rows = await pool.fetch(_DUE.format(table=_table(pool)), JobKind.INGEST.value)
        return {row["project"]: row["number"] for row in rows}

    async def hurry(self) -> None:
        """By the database's clock; a dead worker's jobs, which seem to be held from the future, are delivered again soon."""
        with _reaching_the_database():
            pool = await self._connected()
            await pool.execute(_HURRY.format(table=_table(pool)), _SET_BACK)
            await pool.execute(_DOUBT.format(table=_table(pool)), _SET_BACK)

    async def prune(self) -> None:
        """Throw away the engine's log of finished jobs."""
        with _reaching_the_database():
            await Queries.from_asyncpg_pool(await self._connected()).clear_queue_log([kind.value for kind in JobKind])

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.close()

    async def _hand(self, handler: JobHandler, job: Job) -> None:
        """What is given back while the database is away waits for it here: the engine throws away a job that it cannot put back."""
        try:
            await handler(job)
        except RetryJob as retry:
            if isinstance(retry.__cause__, Unavailable):
                await self._wait_for_database()
            raise

    async def _wait_for_database(self) -> None:
        while not self._stopped:
            try:
                await (await self._connected()).fetchval("SELECT 1")
            except (*_AWAY, asyncpg.PostgresError):
                await asyncio.sleep(_RESTART_DELAY)
            else:
                return

    async def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(self._url, min_size=0, max_size=6, timeout=5, server_settings=self._named)
        return self._pool


@contextmanager
def _reaching_the_database() -> Iterator[None]:
    """Raises Unavailable for a database that is away."""
    try:
        yield
    except _AWAY as error:
        raise Unavailable("the queue's database cannot be reached; try again shortly") from error


async def install_schema(connection: asyncpg.Connection) -> bool:
    """Create or upgrade the engine's tables; the caller holds the migration lock. Whether anything was to be done."""
    queries = Queries(AsyncpgDriver(connection))
    if await queries.schema_is_installed():
        return bool((await queries.apply_upgrade()).statements)
    await queries.install()
    return True


def _table(pool: asyncpg.Pool) -> str:
    return Queries.from_asyncpg_pool(pool).qbq.qualified.queue_table


def _repository(engine: PgQueuer) -> InMemoryQueries:
    assert isinstance(engine.queries, InMemoryQueries)
    return engine.queries


async def _count_waiting(repository: RepositoryPort) -> int:
    """Counted row by row: the engine's own question for queued work stops at the first that it finds on PostgreSQL."""
    return sum(size.count for size in await repository.queue_size() if size.status == "queued")


async def _enqueue(repository: RepositoryPort, jobs: Sequence[Job]) -> Sequence[JobId | None]:
    """The engine's ID of each; None for what was queued already."""
    return await repository.enqueue(
        [job.kind.value for job in jobs],
        [f"{job.subject} {job.host} {job.project}".encode() for job in jobs],
        [_PRIORITIES[job.kind] for job in jobs],
        dedupe_key=[f"{job.kind.value}:{job.subject}" for job in jobs],
        on_conflict="skip",
    )


async def _work(engine: PgQueuer, handler: JobHandler, places: tuple[int, int], heartbeat_timeout: timedelta, poll: timedelta) -> None:
    """Hand out jobs until shutdown. More are picked than run at once, so that a finished one is followed without a round trip."""
    concurrency, beside = places
    if not engine.qm.entrypoint_registry:
        for kind in JobKind:
            engine.entrypoint(kind.value, accepts_context=False)(_entrypoint(handler))
    is_alone = isinstance(engine.queries, InMemoryQueries)
    batch = _BATCH if is_alone else max(1, concurrency // 2)
    ahead = 3 * concurrency if is_alone else batch  # what one worker of a fleet holds ahead, the others cannot take
    await engine.qm.run(
        dequeue_timeout=poll,
        batch_size=batch,
        max_concurrent_tasks=max(concurrency + ahead, 2 * batch) + beside,
        heartbeat_timeout=heartbeat_timeout,
        log_aggregation_interval=timedelta(0),
        shutdown_on_listener_failure=not is_alone,
    )


def _entrypoint(handler: JobHandler) -> Callable[[PgJob], Awaitable[None]]:
    async def handle(job: PgJob) -> None:
        reach(Failpoint.JOB_TAKEN)
        try:
            await handler(_job(job))
        except RetryJob as retry:
            reach(Failpoint.JOB_GIVEN_BACK)
            raise RetryRequested(delay=retry.delay) from retry
        reach(Failpoint.JOB_DONE)

    return handle


def _job(job: PgJob) -> Job:
    """Ours, out of what was enqueued, perhaps by the version before this one, which named no project."""
    subject, host, project, *_ = f"{(job.payload or b'').decode()}  ".split(" ")
    return Job(JobKind(job.entrypoint), subject, host, project)
