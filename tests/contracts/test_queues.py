"""What every queue promises, proved in memory and on a real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Final

import asyncpg
import msgspec
import pytest

from spark_assets.ports.queue import Job, JobKind, Queue, RetryJob
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.queue.postgres_queue import PostgresQueue
from tests.factories.databases import create_postgres_database, drop_postgres_database
from tests.factories.handlers import ENOUGH, Handler, working
from tests.factories.servers import PostgresServer

INGEST: Final = Job(JobKind.INGEST, "task-1", "example.com")
DERIVE: Final = Job(JobKind.DERIVE, "asset-1")


class Subject(msgspec.Struct):
    """A queue, and the number of entries in its engine's log."""

    queue: Queue
    count_log: Callable[[], Awaitable[int]]


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


async def test_a_job_is_handled_once_as_it_was_dispatched(queue: Queue) -> None:
    handler = Handler()
    await queue.dispatch([INGEST, DERIVE], None)
    async with working(queue, handler):
        await handler.wait_for(2)
    assert sorted(handler.handled, key=str) == sorted([INGEST, DERIVE], key=str)
    assert await queue.depth() == 0


async def test_jobs_dispatched_while_a_worker_waits_are_handled_at_once(queue: Queue) -> None:
    handler = Handler()
    async with working(queue, handler):
        for number in range(3):
            began = time.monotonic()
            await queue.dispatch([Job(JobKind.INGEST, f"task-{number}")], None)
            await handler.wait_for(number + 1)
        assert time.monotonic() - began < 2.0


async def test_every_one_of_many_jobs_is_handled_exactly_once(queue: Queue) -> None:
    jobs = [Job(JobKind.INGEST, f"task-{number}") for number in range(150)]
    handler = Handler()
    async with working(queue, handler):
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
    handler = Handler(lambda job: leave.wait())
    await queue.dispatch([INGEST], None)
    async with working(queue, handler):
        await handler.wait_for(1)
        await queue.dispatch([INGEST], None)
        assert await queue.depth() <= 1
        leave.set()
        async with asyncio.timeout(ENOUGH):
            while len(handler.handled) < 2:
                await queue.dispatch([INGEST], None)
                await asyncio.sleep(0.01)
    assert await queue.depth() == 0


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
    async with working(queue, handler):
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
    async with working(queue, handler):
        await handler.wait_for(2)
    assert len(handler.handled) == 2
    assert await queue.depth() == 0


async def test_ingests_come_before_derivations(queue: Queue) -> None:
    derivations = [Job(JobKind.DERIVE, f"asset-{number}") for number in range(10)]
    ingests = [Job(JobKind.INGEST, f"task-{number}") for number in range(10)]
    await queue.dispatch(derivations, None)
    await queue.dispatch(ingests, None)
    handler = Handler()
    async with working(queue, handler):
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
    async with working(queue, handler):
        await handler.wait_for(1)
        queue.stop()
        leave.set()
    assert handler.handled == [INGEST]
    assert await queue.depth() == 1


async def test_depth_counts_the_jobs_of_every_kind(queue: Queue) -> None:
    assert await queue.depth() == 0
    await queue.dispatch([INGEST, DERIVE], None)
    assert await queue.depth() == 2


async def test_ingests_that_nobody_has_taken_are_counted_by_project(queue: Queue) -> None:
    leave = asyncio.Event()
    handler = Handler(lambda job: leave.wait())
    film = [Job(JobKind.INGEST, f"task-{number}", "example.com", "film") for number in range(3)]
    music = Job(JobKind.INGEST, "task-9", "", "music")
    assert dict(await queue.due()) == {}
    await queue.dispatch([*film, music, DERIVE, film[0]], None)
    await queue.dispatch([film[1]], None)
    assert dict(await queue.due()) == {"film": 3, "music": 1}
    async with working(queue, handler):
        await handler.wait_for(5)
        await queue.dispatch([film[1], music], None)
        assert dict(await queue.due()) == {}
        leave.set()
    assert sorted(handler.handled, key=str) == sorted([*film, music, DERIVE], key=str), "each as it was dispatched"


async def test_an_ingest_that_is_to_be_retried_later_is_not_due(queue: Queue) -> None:
    async def later(job: Job) -> None:
        raise RetryJob(timedelta(hours=1))

    handler = Handler(later)
    await queue.dispatch([INGEST], None)
    async with working(queue, handler):
        await handler.wait_for(1)
    assert await queue.depth() == 1
    assert dict(await queue.due()) == {}


async def test_prune_empties_the_log_of_the_engine_and_keeps_the_jobs(subject: Subject) -> None:
    handler = Handler()
    await subject.queue.dispatch([INGEST], None)
    async with working(subject.queue, handler):
        await handler.wait_for(1)
    await subject.queue.dispatch([DERIVE], None)
    assert await subject.count_log() >= 2
    await subject.queue.prune()
    assert await subject.count_log() == 0
    assert await subject.queue.depth() == 1
