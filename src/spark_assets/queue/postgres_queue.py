"""PgQueuer as our queue, on PostgreSQL, for a fleet."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog
from pgqueuer import AsyncpgDriver, PgQueuer, Queries
from pgqueuer.domain.errors import FailingListenerError

from spark_assets.domain.errors import Unavailable
from spark_assets.ports.queue import Job, JobHandler, JobKind, RetryJob
from spark_assets.queue.jobs import HEARTBEAT_TIMEOUT, POLL, RESTART_DELAY, SET_BACK, count_waiting, enqueue, work

log = structlog.get_logger()

_HURRY: Final = "UPDATE {table} SET execute_after = now() WHERE status = 'queued' AND execute_after > now() + $1"
_DOUBT: Final = "UPDATE {table} SET heartbeat = now() WHERE status = 'picked' AND heartbeat > now() + $1"
_DUE: Final = (
    "SELECT split_part(convert_from(payload, 'UTF8'), ' ', 3) AS project, count(*) AS number FROM {table}"
    " WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= now() GROUP BY 1"
)
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


class PostgresQueue:
    """Jobs in PostgreSQL: enqueued inside the caller's transaction, redelivered when a worker dies."""

    def __init__(
        self, url: str, *, heartbeat_timeout: timedelta = HEARTBEAT_TIMEOUT, poll: timedelta = POLL, application: str = "spark-assets"
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
                await enqueue(Queries.from_asyncpg_pool(await self._connected()), jobs)
            else:
                assert isinstance(connection, asyncpg.Connection)
                await enqueue(Queries(AsyncpgDriver(connection)), jobs)

    async def run(self, handler: JobHandler, *, concurrency: int, beside: int = 0) -> None:
        """Work until `stop`, beginning anew whenever the database was away."""
        while not self._stopped:
            try:
                self._engine = PgQueuer.from_asyncpg_pool(await self._connected())
                await work(self._engine, partial(self._hand, handler), (concurrency, beside), self._heartbeat_timeout, self._poll)
            except (*_AWAY, asyncpg.PostgresError, FailingListenerError, Unavailable) as error:
                log.warning("queue_unavailable", error=type(error).__name__)
                await asyncio.sleep(RESTART_DELAY)
            except Exception:
                log.exception("queue_crashed")
                await asyncio.sleep(RESTART_DELAY)

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopped = True
        if self._engine is not None:
            self._engine.shutdown.set()

    async def depth(self) -> int:
        """Jobs that wait."""
        with _reaching_the_database():
            return await count_waiting(Queries.from_asyncpg_pool(await self._connected()))

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
            await pool.execute(_HURRY.format(table=_table(pool)), SET_BACK)
            await pool.execute(_DOUBT.format(table=_table(pool)), SET_BACK)

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
                await asyncio.sleep(RESTART_DELAY)
            else:
                return

    async def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._url, min_size=0, max_size=6, timeout=5, server_settings=self._named, reset=_leave_as_it_is
            )
        return self._pool


async def _leave_as_it_is(_connection: object) -> None:
    """Nothing is set on a connection that the next user should not find: asyncpg's reset would be one round trip for each statement."""


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
