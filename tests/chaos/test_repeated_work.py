"""Work that is handed out twice, taken up late, or deadly to whoever does it: it ends once, and others go on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from spark_assets.domain.asset import AssetStatus
from spark_assets.domain.errors import TransientFailure
from spark_assets.domain.media import MediaFormat
from spark_assets.domain.task import MAX_ATTEMPTS, TaskStatus
from spark_assets.ingest.state import Tools
from spark_assets.media.sandbox import SandboxedInspector
from spark_assets.ports.inspector import Inspection
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.ports.unit_of_work import Database
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.worker.loop import Worker
from tests.factories import records
from tests.factories.databases import create_postgres_database, drop_postgres_database, open_postgres, open_sqlite
from tests.factories.receivers import NoSender
from tests.factories.servers import PostgresServer
from tests.factories.workshop import PICTURE, MemorySource, SayingInspector, Workshop
from tests.integration.media import probes
from tests.integration.media.conftest import CAPTIVE, run

POISON = PICTURE + b"poison"


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with the current schema, on either engine."""
    if request.param == "sqlite":
        async with open_sqlite(tmp_path / "library.db") as database:
            yield database
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = await create_postgres_database(server)
        async with open_postgres(url) as database:
            yield database
        await drop_postgres_database(server, url)


@pytest.fixture
async def workshop(database: Database, tmp_path: Path) -> AsyncIterator[Workshop]:
    workshop = Workshop(tmp_path, database)
    yield workshop
    await workshop.blobs.close()


class DeadlyInspector:
    """A real sandbox, whose child dies of one kind of file every time."""

    def __init__(self, sandbox: SandboxedInspector) -> None:
        self._sandbox = sandbox
        self._usual = SayingInspector()
        self.deaths = 0

    async def inspect(self, path: Path, found: MediaFormat, preview: Path | None) -> Inspection:
        """Fault in native code, in the child, for the poison; anything else is as it always is."""
        if path.read_bytes() == POISON:
            try:
                await run(self._sandbox, probes.crash)
            except TransientFailure:
                self.deaths += 1
                raise
        return await self._usual.inspect(path, found, preview)

    async def preview(self, path: Path, found: MediaFormat, preview: Path) -> bool:
        """As always."""
        return await self._usual.preview(path, found, preview)


def _worker(tools: Tools) -> Worker:
    return Worker(MemoryQueue(), tools, NoSender(), concurrency=8, host_concurrency=8, drain_timeout=5.0)


def _ingest(task_id: str) -> Job:
    return Job(JobKind.INGEST, task_id)


async def _deliver(worker: Worker, job: Job) -> int:
    """Hand a job over until it is over; how often that took."""
    for count in range(1, 50):
        try:
            await worker.handle(job)
        except RetryJob:
            continue
        return count
    raise AssertionError("the job never ended")


async def _told(workshop: Workshop) -> list[str]:
    async with workshop.database.read() as repositories:
        assert set((await repositories.verification.broken()).values()) == {0}
        start = await repositories.events.before(records.DEFAULT_PROJECT_ID, 0)
        return [event.type.value for event in (await repositories.events.after(records.DEFAULT_PROJECT_ID, start, 100)).events]


async def test_a_job_delivered_to_five_workers_at_once_has_one_result(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    workers = [_worker(workshop.tools(MemorySource())) for _ in range(5)]
    await asyncio.gather(*(_deliver(worker, _ingest(task_id)) for worker in workers))
    async with workshop.database.read() as repositories:
        task, asset = await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)
    assert (task.status, asset.status) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)
    assert sorted(await _told(workshop)) == ["asset.active", "task.completed"]
    assert list(workshop.spool.iterdir()) == [], "those who came too late left nothing, and the preview is published"


async def test_a_worker_that_wakes_after_its_claim_was_taken_over_changes_nothing(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    wake = asyncio.Event()
    sleepy = MemorySource(wake, content=PICTURE + b"late")
    late = asyncio.create_task(_worker(workshop.tools(sleepy)).handle(_ingest(task_id)))
    await sleepy.fetching.wait()
    await _deliver(_worker(workshop.tools()), _ingest(task_id))
    told = await _told(workshop)
    async with workshop.database.read() as repositories:
        before = (await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id))
    wake.set()
    await late
    async with workshop.database.read() as repositories:
        assert (await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)) == before
    assert await _told(workshop) == told
    assert before[1].sha256 == records.sha256_of(PICTURE)


async def test_a_poison_file_that_kills_its_child_every_time_fails_after_its_attempts_and_others_go_on(
    workshop: Workshop, tmp_path: Path
) -> None:
    sandbox = SandboxedInspector(tmp_path / "spool", workers=1, program=CAPTIVE)
    inspector = DeadlyInspector(sandbox)
    (poison, poisoned), others = await workshop.submit(), [await workshop.submit() for _ in range(3)]
    tools, deadly = workshop.tools(), workshop.tools(MemorySource(content=POISON))
    shared = {name: getattr(tools, name) for name in tools.__struct_fields__} | {"inspector": inspector}
    try:
        attempts, *_ = await asyncio.gather(
            _deliver(_worker(Tools(**{**shared, "source": deadly.source})), _ingest(poison)),
            *(_deliver(_worker(Tools(**shared)), _ingest(task_id)) for task_id, _ in others),
        )
    finally:
        await sandbox.close()
    assert (attempts, inspector.deaths) == (MAX_ATTEMPTS, MAX_ATTEMPTS)
    async with workshop.database.read() as repositories:
        task, asset = await records.find_task(repositories, poison), await records.find_asset(repositories, poisoned)
        ends = {(await records.find_task(repositories, task_id)).status for task_id, _ in others}
    assert (task.status, asset.status, task.attempts) == (TaskStatus.FAILED, AssetStatus.FAILED, MAX_ATTEMPTS)
    assert task.failure is not None
    assert (task.failure.code, task.failure.reason) == ("InternalError", "parser_crashed")
    assert ends == {TaskStatus.COMPLETED}
    assert sorted(set(await _told(workshop))) == ["asset.active", "asset.failed", "task.completed", "task.failed"]
