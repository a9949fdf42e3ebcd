"""What every queue promises, proved in memory and on a real PostgreSQL."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import asyncpg
import msgspec
import pytest

from spark_assets.ports.queue import Job, JobHandler, JobKind, Queue, RetryJob
from spark_assets.queue.pgqueuer_queue import MemoryQueue, PostgresQueue
from tests.factories.databases import create_postgres_database, drop_postgres_database
from tests.factories.servers import PostgresServer

ENOUGH: Final = 10.0
"""Seconds after which a test gives up."""
INGEST: Final = Job(JobKind.INGEST, "task-1", "example.com")
DERIVE: Final = Job(JobKind.DERIVE, "asset-1")
DOOMED: Final = """
import asyncio, sys
from spark_assets.queue.pgqueuer_queue import PostgresQueue

async def handle(job):
    print(job.subject, flush=True)
    await asyncio.Event().wait()

asyncio.run(PostgresQueue(sys.argv[1]).run(handle, concurrency=1))
"""


class Subject(msgspec.Struct):
    """A queue, and the number of entries in its engine's log."""

    queue: Queue
    count_log: Callable[[], Awaitable[int]]


@pytest.fixture
async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    url = await create_postgres_database(postgres_server)
    yield url
    await drop_postgres_database(postgres_server, url)


@pytest.fixture(params=["memory", "postgres"])
async def subject(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> AsyncIterator[Subject]:
    if request.param == "memory":
        memory = MemoryQueue()

        async def count_log() -> int:
            assert memory._engine.queries is not None
            return len(await memory._engine.queries.queue_log())

        yield Subject(memory, count_log)
        await memory.close()
    else:
        url = await create_postgres_database(postgres_server)
        queue = PostgresQueue(url)
        yield Subject(queue, lambda: _count(url, "pgqueuer_log"))
        await queue.close()
        await drop_postgres_database(postgres_server, url)


@pytest.fixture
def queue(subject: Subject) -> Queue:
    return subject.queue


async def _count(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


class Handler:
    """Notes the jobs it is given, and lets a test wait for so many."""

    def __init__(self, work: JobHandler | None = None) -> None:
        self.handled: list[Job] = []
        self._work = work
        self._changed = asyncio.Condition()

    async def __call__(self, job: Job) -> None:
        self.handled.append(job)
        async with self._changed:
            self._changed.notify_all()
        if self._work is not None:
            await self._work(job)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(ENOUGH), self._changed:
            await self._changed.wait_for(lambda: len(self.handled) >= count)


@asynccontextmanager
async def _working(queue: Queue, handler: JobHandler, concurrency: int = 4) -> AsyncIterator[None]:
    """A worker, which is stopped in the end and has then finished what it began."""
    running = asyncio.create_task(queue.run(handler, concurrency=concurrency))
    try:
        yield
    finally:
        queue.stop()
        async with asyncio.timeout(ENOUGH):
            await running


async def test_a_job_is_handled_once_as_it_was_dispatched(queue: Queue) -> None:
    handler = Handler()
    await queue.dispatch([INGEST, DERIVE], None)
    async with _working(queue, handler):
        await handler.wait_for(2)
    assert sorted(handler.handled, key=str) == sorted([INGEST, DERIVE], key=str)
    assert await queue.depth() == 0


async def test_jobs_dispatched_while_a_worker_waits_are_handled_at_once(queue: Queue) -> None:
    handler = Handler()
    async with _working(queue, handler):
        for number in range(3):
            began = time.monotonic()
            await queue.dispatch([Job(JobKind.INGEST, f"task-{number}")], None)
            await handler.wait_for(number + 1)
        assert time.monotonic() - began < 2.0


async def test_every_one_of_many_jobs_is_handled_exactly_once(queue: Queue) -> None:
    jobs = [Job(JobKind.INGEST, f"task-{number}") for number in range(150)]
    handler = Handler()
    async with _working(queue, handler):
        await queue.dispatch(jobs[:100], None)
        await asyncio.gather(*(queue.dispatch([job], None) for job in jobs[100:]))
        await handler.wait_for(150)
    assert sorted(job.subject for job in handler.handled) == sorted(job.subject for job in jobs)


async def test_a_job_that_waits_is_not_queued_twice(queue: Queue) -> None:
    await queue.dispatch([INGEST], None)
    await queue.dispatch([INGEST, DERIVE], None)
    assert await queue.depth() == 2


async def test_the_same_job_twice_in_one_dispatch_is_queued_once(queue: Queue) -> None:
    await queue.dispatch([INGEST, DERIVE, INGEST], None)
    assert await queue.depth() == 2


async def test_a_job_that_is_running_is_not_queued_again_and_may_be_once_it_is_over(queue: Queue) -> None:
    leave = asyncio.Event()
    handler = Handler(lambda job: _wait(leave))
    await queue.dispatch([INGEST], None)
    async with _working(queue, handler):
        await handler.wait_for(1)
        await queue.dispatch([INGEST], None)
        assert await queue.depth() <= 1
        leave.set()
        async with asyncio.timeout(ENOUGH):
            while len(handler.handled) < 2:
                await queue.dispatch([INGEST], None)
                await asyncio.sleep(0.01)
    assert await queue.depth() == 0


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_no_jobs_are_no_trouble(queue: Queue) -> None:
    await queue.dispatch([], None)
    assert await queue.depth() == 0


async def test_a_job_to_be_retried_comes_again_after_its_delay(queue: Queue) -> None:
    times: list[float] = []

    async def work(job: Job) -> None:
        times.append(time.monotonic())
        if len(times) < 3:
            raise RetryJob(timedelta(seconds=0.2 if len(times) == 1 else 0))

    handler = Handler(work)
    await queue.dispatch([INGEST], None)
    async with _working(queue, handler):
        await handler.wait_for(3)
    assert handler.handled == [INGEST] * 3
    assert times[1] - times[0] >= 0.2
    assert times[2] - times[0] < 4.0
    assert await queue.depth() == 0


async def test_a_handler_that_fails_drops_its_job_and_harms_no_other(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    async def work(job: Job) -> None:
        if job == INGEST:
            raise ValueError("ours")

    handler = Handler(work)
    await queue.dispatch([INGEST, DERIVE], None)
    async with _working(queue, handler):
        await handler.wait_for(2)
    assert len(handler.handled) == 2
    assert await queue.depth() == 0


async def test_ingests_come_before_derivations(queue: Queue) -> None:
    derivations = [Job(JobKind.DERIVE, f"asset-{number}") for number in range(10)]
    ingests = [Job(JobKind.INGEST, f"task-{number}") for number in range(10)]
    await queue.dispatch(derivations, None)
    await queue.dispatch(ingests, None)
    handler = Handler()
    async with _working(queue, handler):
        await handler.wait_for(20)
    assert [job.kind for job in handler.handled] == [JobKind.INGEST] * 10 + [JobKind.DERIVE] * 10


async def test_stop_lets_the_running_jobs_finish_and_takes_no_more(queue: Queue) -> None:
    leave, finished = asyncio.Event(), []

    async def work(job: Job) -> None:
        await leave.wait()
        finished.append(job)

    handler = Handler(work)
    await queue.dispatch([INGEST], None)
    running = asyncio.create_task(queue.run(handler, concurrency=1))
    await handler.wait_for(1)
    queue.stop()
    await queue.dispatch([DERIVE], None)
    done, _ = await asyncio.wait([running], timeout=0.1)
    assert not done
    leave.set()
    async with asyncio.timeout(ENOUGH):
        await running
    assert finished == [INGEST]
    assert await queue.depth() == 1


async def test_a_job_given_back_while_stopping_waits_for_the_next_worker(queue: Queue) -> None:
    leave = asyncio.Event()

    async def work(job: Job) -> None:
        await leave.wait()
        raise RetryJob(timedelta(0))

    handler = Handler(work)
    await queue.dispatch([INGEST], None)
    async with _working(queue, handler):
        await handler.wait_for(1)
        queue.stop()
        leave.set()
    assert handler.handled == [INGEST]
    assert await queue.depth() == 1


async def test_depth_counts_the_jobs_of_every_kind(queue: Queue) -> None:
    assert await queue.depth() == 0
    await queue.dispatch([INGEST, DERIVE], None)
    assert await queue.depth() == 2


async def test_prune_empties_the_log_of_the_engine_and_keeps_the_jobs(subject: Subject) -> None:
    handler = Handler()
    await subject.queue.dispatch([INGEST], None)
    async with _working(subject.queue, handler):
        await handler.wait_for(1)
    await subject.queue.dispatch([DERIVE], None)
    assert await subject.count_log() >= 2
    await subject.queue.prune()
    assert await subject.count_log() == 0
    assert await subject.queue.depth() == 1


async def test_a_job_dispatched_on_a_transaction_is_rolled_back_and_committed_with_it(url: str) -> None:
    queue = PostgresQueue(url)
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await queue.dispatch([INGEST], connection)
    assert await queue.depth() == 0
    await transaction.rollback()
    assert await queue.depth() == 0
    async with connection.transaction():
        await queue.dispatch([INGEST], connection)
        await queue.dispatch([INGEST], connection)
    assert await queue.depth() == 1
    await connection.close()
    await queue.close()


async def test_a_job_of_a_worker_that_died_is_delivered_to_another(url: str) -> None:
    queue = PostgresQueue(url, heartbeat_timeout=timedelta(seconds=1), poll=timedelta(seconds=0.1))
    await queue.dispatch([INGEST], None)
    doomed = await asyncio.create_subprocess_exec(sys.executable, "-c", DOOMED, url, stdout=subprocess.PIPE)
    try:
        assert doomed.stdout is not None
        assert await doomed.stdout.readline() == b"task-1\n"
    finally:
        doomed.send_signal(signal.SIGKILL)
        await doomed.communicate()
    handler = Handler()
    async with _working(queue, handler):
        await handler.wait_for(1)
    assert handler.handled == [INGEST]
    assert await queue.depth() == 0
    await queue.close()


async def test_a_worker_that_is_alive_keeps_a_job_for_longer_than_the_timeout(url: str) -> None:
    queues = [PostgresQueue(url, heartbeat_timeout=timedelta(seconds=1), poll=timedelta(seconds=0.1)) for _ in range(2)]
    leave = asyncio.Event()
    handler = Handler(lambda job: _wait(leave))
    await queues[0].dispatch([INGEST], None)
    async with _working(queues[0], handler), _working(queues[1], handler):
        await handler.wait_for(1)
        await asyncio.sleep(2.0)
        leave.set()
    assert handler.handled == [INGEST]
    for queue in queues:
        await queue.close()


async def test_two_workers_share_the_jobs_and_none_is_handled_twice(url: str) -> None:
    queues = [PostgresQueue(url) for _ in range(2)]
    jobs = [Job(JobKind.INGEST, f"task-{number}") for number in range(80)]
    handler = Handler(lambda job: asyncio.sleep(0.001))
    await queues[0].dispatch(jobs, None)
    async with _working(queues[0], handler), _working(queues[1], handler):
        await handler.wait_for(len(jobs))
    assert sorted(job.subject for job in handler.handled) == sorted(job.subject for job in jobs)
    for queue in queues:
        await queue.close()
