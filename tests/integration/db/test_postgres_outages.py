"""PostgreSQL that goes away: Unavailable while it is gone, and all well again without a restart of ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import insert

from spark_assets.db.faults import Clash
from spark_assets.db.postgres import PostgresDatabase
from spark_assets.db.tables import projects
from spark_assets.domain.errors import Unavailable
from spark_assets.domain.listing import Slice
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.queue.postgres_queue import PostgresQueue
from tests.factories import records
from tests.factories.databases import create_postgres_database, open_postgres
from tests.factories.servers import PostgresServer


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this file's own, so that nobody else misses it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def url(server: PostgresServer) -> str:
    return await create_postgres_database(server)


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    queue = PostgresQueue(url)
    async with open_postgres(url, queue) as database:
        yield database
    await queue.close()


async def _add(database: PostgresDatabase, name: str) -> None:
    async with database.begin() as uow:
        await uow.projects.add(records.project(name))
        uow.enqueue(Job(JobKind.INGEST, name))
        await uow.commit()


async def _names(database: PostgresDatabase) -> set[str]:
    async with database.read() as repositories:
        return {project.name for project in await repositories.projects.all()} - {"default"}


async def _recover(database: PostgresDatabase) -> None:
    """Until it answers: a pool may meet one lost connection first."""
    for _ in range(20):
        try:
            await database.check()
        except Unavailable:
            continue
        return
    raise AssertionError("the database did not recover")


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_database_that_was_away_is_used_again_without_a_restart(
    server: PostgresServer, database: PostgresDatabase, end: str
) -> None:
    await asyncio.gather(*(_add(database, f"before-{number}") for number in range(5)))
    getattr(server, end)()
    try:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await _add(database, "meanwhile")
            with pytest.raises(Unavailable):
                await _names(database)
            with pytest.raises(Unavailable):
                await database.check()
    finally:
        server.start()
    await _recover(database)
    await _add(database, "after")
    assert await _names(database) == {*(f"before-{number}" for number in range(5)), "after"}


@pytest.mark.parametrize("with_job", [True, False], ids=["with a job", "without a job"])
async def test_a_connection_that_is_lost_inside_a_unit_of_work_ends_it_with_unavailable(
    url: str, database: PostgresDatabase, with_job: bool
) -> None:
    with pytest.raises(Unavailable):
        async with database.begin() as uow:
            await uow.projects.add(records.project("film"))
            if with_job:
                uow.enqueue(Job(JobKind.INGEST, "film"))
            await _cut_off_everyone(url)
            await uow.commit()
    await _recover(database)
    assert await _names(database) == set()


async def test_a_statement_whose_columns_a_migration_has_changed_is_tried_again_and_not_a_fault(
    url: str, database: PostgresDatabase
) -> None:
    async def look(is_list: bool) -> bool:
        async with database.begin() as uow:
            found = await uow.projects.page([records.DEFAULT_PROJECT_ID], Slice()) if is_list else await uow.projects.by_name("default")
            return bool(found)

    for is_list, new_type in ((False, "text"), (True, "varchar(64)")):  # on the bare driver, and on SQLAlchemy's way
        assert await look(is_list)
        connection = await asyncpg.connect(url)
        await connection.execute(f"ALTER TABLE projects ALTER name TYPE {new_type}")
        await connection.close()
        with pytest.raises(Unavailable):
            await look(is_list)
        assert await look(is_list)


@pytest.mark.parametrize("steps", range(1, 12))
async def test_whoever_is_cancelled_anywhere_gives_back_a_connection_that_is_in_no_transaction(
    url: str, database: PostgresDatabase, steps: int
) -> None:
    async def work() -> None:
        async with database.begin() as uow:
            await uow.projects.add(records.project("film"))
            await uow.commit()

    await database.check()  # one connection, which is there
    task = asyncio.create_task(work())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    connection = await asyncpg.connect(url)
    assert (
        await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'") == 0
    )
    await connection.close()
    async with database.read() as repositories:
        assert await repositories.projects.by_name("default") is not None


async def test_a_connection_that_is_given_up_while_a_statement_waits_says_unavailable(url: str, database: PostgresDatabase) -> None:
    with pytest.raises(Unavailable):
        async with database.begin() as uow:
            connection: Any = uow.projects._connection
            await uow.projects.all()
            connection.driver.terminate()  # as asyncpg does where a cancelled statement is never heard of again
            await uow.projects.all()
    await _recover(database)


async def test_a_transaction_in_which_a_failure_was_passed_over_does_not_end_as_a_commit(database: PostgresDatabase) -> None:
    async with database.begin() as uow:
        await uow.projects.add(records.project("film"))
        connection: Any = uow.projects._connection
        with pytest.raises(Clash):
            await connection.run(insert(projects), {"id": records.DEFAULT_PROJECT_ID, "name": "other", "created_at": records.NOW})
        with pytest.raises(Unavailable):
            await uow.commit()
    assert await _names(database) == set()


async def test_a_queue_whose_database_is_away_answers_unavailable_and_recovers(server: PostgresServer, url: str) -> None:
    queue = PostgresQueue(url)
    await queue.dispatch([Job(JobKind.INGEST, "one")], None)
    server.stop()
    try:
        for work in (queue.depth, queue.prune, lambda: queue.dispatch([Job(JobKind.INGEST, "two")], None)):
            with pytest.raises(Unavailable):
                await work()
    finally:
        server.start()
    assert await queue.depth() == 1
    await queue.close()


async def test_a_worker_whose_database_was_away_goes_on_by_itself(server: PostgresServer, url: str) -> None:
    queue = PostgresQueue(url)
    handled: asyncio.Queue[str] = asyncio.Queue()

    async def handle(job: Job) -> None:
        handled.put_nowait(job.subject)

    running = asyncio.create_task(queue.run(handle, concurrency=2))
    try:
        await queue.dispatch([Job(JobKind.INGEST, "before")], None)
        async with asyncio.timeout(20):
            assert await handled.get() == "before"
            server.kill()
            server.start()
            await _dispatch_once_it_answers(queue, Job(JobKind.INGEST, "after"))
            while await handled.get() != "after":
                pass
    finally:
        queue.stop()
        await running
        await queue.close()


async def test_a_job_that_is_given_back_while_the_database_is_away_is_delivered_again_as_soon_as_it_is_back(
    server: PostgresServer, url: str
) -> None:
    queue = PostgresQueue(url)
    handled: asyncio.Queue[str] = asyncio.Queue()
    away = asyncio.Event()

    async def handle(job: Job) -> None:
        handled.put_nowait(job.subject)
        if not away.is_set():
            server.stop()
            away.set()
            raise RetryJob(timedelta(0)) from Unavailable()

    running = asyncio.create_task(queue.run(handle, concurrency=2))
    try:
        await queue.dispatch([Job(JobKind.INGEST, "one")], None)
        assert await asyncio.wait_for(handled.get(), 10) == "one"
        await away.wait()
        server.start()
        # Sooner than the job of a dead worker, and than one that was lost and is enqueued again.
        assert await asyncio.wait_for(handled.get(), 15) == "one"
    finally:
        queue.stop()
        await running
        await queue.close()


async def _dispatch_once_it_answers(queue: PostgresQueue, job: Job) -> None:
    for _ in range(10):
        with contextlib.suppress(Unavailable):
            return await queue.dispatch([job], None)
    raise AssertionError("the queue did not recover")


async def test_a_database_that_was_never_there_is_unavailable() -> None:
    async with open_postgres("postgresql://postgres@127.0.0.1:1/nothing") as database:
        with pytest.raises(Unavailable):
            await database.check()


async def _cut_off_everyone(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()
