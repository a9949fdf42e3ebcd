"""The queue on PostgreSQL: transactions, workers that die, workers that share."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import asyncpg
import pytest

from spark_assets.ports.queue import Job, JobKind
from spark_assets.queue.postgres_queue import PostgresQueue
from tests.factories.databases import create_postgres_database, drop_postgres_database
from tests.factories.handlers import ENOUGH, Handler, working
from tests.factories.servers import PostgresServer

INGEST: Final = Job(JobKind.INGEST, "task-1", "example.com")
DOOMED: Final = """
import asyncio, sys
from spark_assets.queue.postgres_queue import PostgresQueue

async def handle(job):
    print(job.subject, flush=True)
    await asyncio.Event().wait()

asyncio.run(PostgresQueue(sys.argv[1]).run(handle, concurrency=1))
"""


@pytest.fixture
async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    url = await create_postgres_database(postgres_server)
    yield url
    await drop_postgres_database(postgres_server, url)


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
    async with working(queue, handler):
        await handler.wait_for(1)
    assert handler.handled == [INGEST]
    assert await queue.depth() == 0
    await queue.close()


async def test_a_worker_that_is_alive_keeps_a_job_for_longer_than_the_timeout(url: str) -> None:
    queues = [PostgresQueue(url, heartbeat_timeout=timedelta(seconds=1), poll=timedelta(seconds=0.1)) for _ in range(2)]
    leave = asyncio.Event()
    handler = Handler(lambda job: leave.wait())
    await queues[0].dispatch([INGEST], None)
    async with working(queues[0], handler), working(queues[1], handler):
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
    async with working(queues[0], handler), working(queues[1], handler):
        await handler.wait_for(len(jobs))
    assert sorted(job.subject for job in handler.handled) == sorted(job.subject for job in jobs)
    for queue in queues:
        await queue.close()


async def test_a_worker_leaves_ingests_to_others_once_it_holds_what_it_runs_and_calls_and_takes_deliveries_beside_them(url: str) -> None:
    queue = PostgresQueue(url)
    leave, delivered = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(job: Job) -> None:
        if job.kind is JobKind.DELIVER:
            delivered.release()
        await leave.wait()

    handler = Handler(wait)
    await queue.dispatch([Job(JobKind.INGEST, f"task-{number:02}") for number in range(40)], None)
    async with working(queue, handler, concurrency=4, beside=20):
        await queue.dispatch([Job(JobKind.DELIVER, f"delivery-{number:02}") for number in range(12)], None)
        try:
            async with asyncio.timeout(ENOUGH):
                for _ in range(12):
                    await delivered.acquire()
            await handler.wait_for(26)
            held = sum(job.kind is JobKind.INGEST for job in handler.handled)
            assert 14 <= held <= 15, "four that run, twice as many called, two besides, and what one look finds"
        finally:
            leave.set()
        await handler.wait_for(52)
    await queue.close()
