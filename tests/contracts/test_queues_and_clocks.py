"""A clock that is set back keeps no job waiting until it has come so far once more."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pgqueuer.adapters.inmemory import queries

from spark_assets.domain.usage import DAY
from spark_assets.ports.queue import Job, JobHandler, JobKind, Queue, RetryJob
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.queue.postgres_queue import PostgresQueue
from tests.factories.clocks import SetClock
from tests.factories.databases import create_postgres_database
from tests.factories.records import NOW
from tests.factories.servers import PostgresServer

JOBS = [Job(JobKind.INGEST, "task-a", "example.com"), Job(JobKind.DERIVE, "asset-a"), Job(JobKind.DELIVER, "delivery-a", "webhook-a")]


async def _handled(queue: Queue, count: int) -> list[Job]:
    """What the queue hands out, once it is so many; the first delivery comes twice."""
    handled: list[Job] = []
    enough = asyncio.Event()
    retried = set()

    async def handle(job: Job) -> None:
        if job.kind is JobKind.DELIVER and job not in retried:
            retried.add(job)
            raise RetryJob(timedelta(0))
        handled.append(job)
        if len(handled) == count:
            enough.set()

    handler: JobHandler = handle
    running = asyncio.create_task(queue.run(handler, concurrency=2))
    try:
        async with asyncio.timeout(30):
            await enough.wait()
    finally:
        queue.stop()
        await running
    return sorted(handled, key=lambda job: job.subject)


async def test_jobs_in_memory_are_handed_out_after_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SetClock(NOW + DAY)
    monkeypatch.setattr(queries, "utc_now", lambda: datetime.fromtimestamp(clock.time / 10**6, UTC))
    queue = MemoryQueue(clock)
    await queue.dispatch(JOBS, None)
    clock.time = NOW
    await queue.hurry()
    assert await queue.depth() == len(JOBS)
    await queue.dispatch(JOBS, None)
    assert await queue.depth() == len(JOBS), "nothing is queued twice"
    assert await _handled(queue, len(JOBS)) == sorted(JOBS, key=lambda job: job.subject)


async def test_jobs_in_memory_keep_their_delays_while_the_clock_goes_on() -> None:
    clock = SetClock(NOW)
    queue = MemoryQueue(clock)
    await queue.dispatch(JOBS, None)
    for step in (DAY, -DAY // 1440):
        clock.time += step
        await queue.hurry()
    assert await queue.depth() == len(JOBS)


async def test_jobs_in_postgresql_are_handed_out_after_its_clock_was_set_back(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = await create_postgres_database(postgres_server)
    queue = PostgresQueue(url)
    await queue.dispatch(JOBS, None)
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE pgqueuer SET execute_after = now() + interval '1 day'")
    await connection.execute(
        "UPDATE pgqueuer SET status = 'picked', heartbeat = now() + interval '1 day' WHERE entrypoint = 'derive'",
    )
    await queue.hurry()
    late = "SELECT count(*) FROM pgqueuer WHERE heartbeat > now() OR (status = 'queued' AND execute_after > now())"
    assert await connection.fetchval(late) == 0
    await connection.close()
    others = [job for job in JOBS if job.kind is not JobKind.DERIVE]
    assert await _handled(queue, len(others)) == sorted(others, key=lambda job: job.subject)
    await queue.close()
