"""Commits of which nobody can say whether they happened: the connection to PostgreSQL is lost at that very moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.errors import Unavailable
from spark_assets.domain.task import TaskStatus
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.web.idempotency import RepeatKey, once
from spark_assets.worker.loop import Worker
from tests.factories import records
from tests.factories.databases import KeptJobs, create_postgres_database, drop_postgres_database, open_postgres
from tests.factories.postgres_proxy import CuttingProxy, Loss, run_proxy
from tests.factories.receivers import NoSender
from tests.factories.servers import PostgresServer
from tests.factories.workshop import MemorySource, Workshop

REPEAT = RepeatKey("key-tests", "a key", "a hash")


class Scene(NamedTuple):
    """A workshop whose database is behind the proxy."""

    proxy: CuttingProxy
    workshop: Workshop


@pytest.fixture
async def scene(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Scene]:
    url = await create_postgres_database(postgres_server)
    async with run_proxy(url) as proxy, open_postgres(proxy.url, KeptJobs()) as database:
        workshop = Workshop(tmp_path, database)
        yield Scene(proxy, workshop)
        await workshop.blobs.close()
    await drop_postgres_database(postgres_server, url)


@pytest.mark.parametrize("loss", Loss, ids=lambda loss: loss.name)
async def test_a_request_repeated_after_a_commit_in_doubt_has_one_effect_and_one_answer(scene: Scene, loss: Loss) -> None:
    made: list[str] = []

    async def work(uow: UnitOfWork) -> bytes:
        project = records.project(f"film-{len(made)}")
        made.append(project.name)
        await uow.projects.add(project)
        return project.name.encode()

    database = scene.workshop.database
    scene.proxy.lose_next_commit(loss)
    with pytest.raises(Unavailable):
        await once(database, REPEAT, records.NOW, work)
    assert scene.proxy.cuts == 1
    answer = await once(database, REPEAT, records.NOW, work)
    assert await once(database, REPEAT, records.NOW, work) == answer
    async with database.read() as repositories:
        assert {project.name for project in await repositories.projects.all()} == {"default", answer.decode()}
    assert answer.decode() == made[0 if loss is Loss.UNANSWERED else 1]


@asynccontextmanager
async def _losing(scene: Scene, loss: Loss) -> AsyncIterator[MemorySource]:
    """A source after whose bytes the next commit is lost: that of the activation."""

    async def arm() -> None:
        scene.proxy.lose_next_commit(loss)

    yield MemorySource(arm, None)
    assert scene.proxy.cuts == 1


@pytest.mark.parametrize("loss", Loss, ids=lambda loss: loss.name)
async def test_an_activation_in_doubt_happens_exactly_once(scene: Scene, loss: Loss) -> None:
    workshop = scene.workshop
    task_id, asset_id = await workshop.submit()
    job = Job(JobKind.INGEST, task_id)
    async with _losing(scene, loss) as source:
        tools = workshop.tools(source)
        worker = Worker(MemoryQueue(), tools, NoSender(), concurrency=1, host_concurrency=1, drain_timeout=1.0)
        with pytest.raises(RetryJob):
            await worker.handle(job)
        for _ in range(3):  # a pool may meet one lost connection first, and a job may be delivered once more
            try:
                await worker.handle(job)
            except RetryJob:
                continue
    async with workshop.database.read() as repositories:
        task, asset = await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)
        assert set((await repositories.verification.broken()).values()) == {0}
        told = await repositories.events.after(
            records.DEFAULT_PROJECT_ID, await repositories.events.before(records.DEFAULT_PROJECT_ID, 0), 10
        )
    assert (task.status, asset.status) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)
    assert [event.type.value for event in told.events] == ["task.completed", "asset.active"]
    assert source.steps.count == (1 if loss is Loss.UNANSWERED else 2), "what is done is not fetched again"
