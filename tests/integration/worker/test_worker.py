"""How the worker settles each end of a job."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from spark_assets.domain.asset import AssetStatus, Variant
from spark_assets.domain.blob_names import RENDITIONS
from spark_assets.domain.errors import IngestFailure, StorageFull, TransientFailure, Unavailable
from spark_assets.domain.task import MAX_ATTEMPTS, MAX_CLAIMS, STORE_PATIENCE, Stage, TaskStatus
from spark_assets.domain.usage import Charge
from spark_assets.ingest.state import Tools
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.storage.local import LocalBlobStore
from spark_assets.worker.loop import Worker
from tests.factories import records
from tests.factories.databases import KeptJobs
from tests.factories.receivers import NoSender
from tests.factories.workshop import PICTURE, PREVIEW, MemorySource, SayingInspector, Workshop

CRASHED = TransientFailure("InternalError", "the parser crashed", "parser_crashed")
NO_SPOOL = TransientFailure("InternalError", "the file could not be written down", "storage_unavailable")
CORRUPT = IngestFailure("MediaCorrupt", "the file cannot be decoded")


def _worker(tools: Tools, *, concurrency: int = 4, drain_timeout: float = 5.0) -> Worker:
    return Worker(MemoryQueue(), tools, NoSender(), concurrency=concurrency, host_concurrency=concurrency, drain_timeout=drain_timeout)


def _ingest(task_id: str) -> Job:
    return Job(JobKind.INGEST, task_id)


async def _handle_until_over(worker: Worker, job: Job, most: int = 50) -> list[timedelta]:
    """Hand the job over again and again, as a queue would; the delays that were asked for."""
    delays: list[timedelta] = []
    for _ in range(most):
        try:
            await worker.handle(job)
        except RetryJob as retry:
            delays.append(retry.delay)
        else:
            return delays
    raise AssertionError("the job never ended")


async def _states(workshop: Workshop, task_id: str, asset_id: str) -> tuple[TaskStatus, AssetStatus]:
    async with workshop.database.read() as repositories:
        task, asset = await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)
    return task.status, asset.status


async def _failure(workshop: Workshop, task_id: str, asset_id: str) -> tuple[str, str | None, str, int]:
    """The task's code and reason, the asset's bare code, and the attempts."""
    async with workshop.database.read() as repositories:
        task, asset = await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)
        assert set((await repositories.verification.broken()).values()) == {0}
    assert (task.status, asset.status) == (TaskStatus.FAILED, AssetStatus.FAILED)
    assert task.failure is not None
    assert asset.failure is not None
    assert (task.failure.message, task.failure.reason) == (asset.failure.message, asset.failure.reason)
    return task.failure.code, task.failure.reason, asset.failure.code, task.attempts


async def test_a_good_file_becomes_an_active_asset_with_a_thumbnail_a_task_and_a_charge(workshop: Workshop, kept: KeptJobs) -> None:
    task_id, asset_id = await workshop.submit()
    assert await _handle_until_over(_worker(workshop.tools()), _ingest(task_id)) == []
    async with workshop.database.read() as repositories:
        task, asset = await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)
        assert set((await repositories.verification.broken()).values()) == {0}
    assert (task.status, task.stage, task.progress, task.charge) == (TaskStatus.COMPLETED, Stage.ACTIVE, 1.0, Charge(20_000))
    assert (task.attempts, task.bytes_received, task.uploaded_at) == (1, len(PICTURE), records.NOW)
    assert (asset.status, asset.sha256, asset.size, asset.facts) == (
        AssetStatus.ACTIVE, records.sha256_of(PICTURE), len(PICTURE), records.PICTURE
    )  # fmt: skip
    assert await _thumbnail(workshop) == (len(PREVIEW), len(PREVIEW))
    assert kept.jobs == []
    assert list(workshop.spool.iterdir()) == []


async def test_a_job_whose_task_has_ended_or_never_was_does_nothing(workshop: Workshop) -> None:
    task_id, _ = await workshop.submit()
    source = MemorySource()
    worker = _worker(workshop.tools(source))
    for job in (_ingest(task_id), _ingest(task_id), _ingest("task-none"), Job(JobKind.DERIVE, "asset-none")):
        assert await _handle_until_over(worker, job) == []
    assert source.steps.count == 1


async def test_a_bad_file_fails_at_once(workshop: Workshop, kept: KeptJobs) -> None:
    task_id, asset_id = await workshop.submit()
    worker = _worker(workshop.tools(inspector=SayingInspector(CORRUPT)))
    assert await _handle_until_over(worker, _ingest(task_id)) == []
    assert await _failure(workshop, task_id, asset_id) == ("InvalidParameter.MediaCorrupt", None, "MediaCorrupt", 1)
    assert kept.jobs == []
    assert list(workshop.spool.iterdir()) == []


@pytest.mark.parametrize("error", [CRASHED, ValueError("a fault of ours")], ids=["transient", "crash in a station"])
async def test_what_may_mend_is_tried_again_with_growing_delays_and_succeeds_when_it_does(workshop: Workshop, error: Exception) -> None:
    task_id, asset_id = await workshop.submit()
    worker = _worker(workshop.tools(inspector=SayingInspector(error, error, None)))
    delays = await _handle_until_over(worker, _ingest(task_id))
    assert len(delays) == 2
    assert timedelta(0) < delays[0] < delays[1] <= timedelta(seconds=30)
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(CRASHED, "parser_crashed"), (ValueError("a fault of ours"), "attempts_exhausted")],
    ids=["transient", "crash in a station"],
)
async def test_what_never_mends_fails_when_the_attempts_are_used_up(workshop: Workshop, error: Exception, reason: str) -> None:
    task_id, asset_id = await workshop.submit()
    inspector = SayingInspector(error)
    delays = await _handle_until_over(_worker(workshop.tools(inspector=inspector)), _ingest(task_id))
    assert len(delays) == MAX_ATTEMPTS - 1
    assert inspector.steps.count == MAX_ATTEMPTS
    assert await _failure(workshop, task_id, asset_id) == ("InternalError", reason, "InternalError", MAX_ATTEMPTS)
    assert list(workshop.spool.iterdir()) == []


async def test_a_poison_file_whose_workers_die_is_stopped_by_the_number_of_claims(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    for _ in range(MAX_CLAIMS):
        async with workshop.database.begin() as uow:
            await uow.tasks.claim(task_id)
            await uow.commit()
    source = MemorySource()
    assert await _handle_until_over(_worker(workshop.tools(source)), _ingest(task_id)) == []
    assert await _failure(workshop, task_id, asset_id) == ("InternalError", "attempts_exhausted", "InternalError", MAX_CLAIMS + 1)
    assert source.steps.count == 0


@pytest.mark.parametrize("error", [Unavailable(), StorageFull(), NO_SPOOL], ids=["away", "full", "no spool"])
async def test_a_store_that_is_away_or_full_postpones_and_a_good_file_still_gets_in(workshop: Workshop, error: Exception) -> None:
    task_id, asset_id = await workshop.submit()
    worker = _worker(workshop.tools(inspector=SayingInspector(*[error] * (MAX_ATTEMPTS + 2), None)))
    assert len(await _handle_until_over(worker, _ingest(task_id))) == MAX_ATTEMPTS + 2
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


async def test_a_store_that_never_comes_back_ends_the_task(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    worker = _worker(workshop.tools(inspector=SayingInspector(Unavailable())))
    for _ in range(MAX_CLAIMS + 1):
        with pytest.raises(RetryJob):
            await worker.handle(_ingest(task_id))
    workshop.clock.time += STORE_PATIENCE
    assert await _handle_until_over(worker, _ingest(task_id)) == []
    assert (await _failure(workshop, task_id, asset_id))[1] == "storage_unavailable"


async def test_a_database_that_is_away_postpones_without_counting(workshop: Workshop) -> None:
    class Away:
        def begin(self) -> Any:
            raise Unavailable

    task_id, asset_id = await workshop.submit()
    tools = workshop.tools()
    worker = _worker(Tools(**{**{name: getattr(tools, name) for name in tools.__struct_fields__}, "database": Away()}))
    for _ in range(MAX_CLAIMS + 5):
        with pytest.raises(RetryJob):
            await worker.handle(_ingest(task_id))
    assert await _handle_until_over(_worker(tools), _ingest(task_id)) == []
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


async def test_a_worker_that_comes_too_late_changes_nothing(workshop: Workshop, kept: KeptJobs) -> None:
    task_id, asset_id = await workshop.submit()
    wake = asyncio.Event()
    sleepy = MemorySource(wake, content=PICTURE + b"late")
    late = asyncio.create_task(_worker(workshop.tools(sleepy)).handle(_ingest(task_id)))
    await sleepy.fetching.wait()
    await _worker(workshop.tools()).handle(_ingest(task_id))
    async with workshop.database.read() as repositories:
        before = (await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id))
        wake.set()
        await late
        assert (await records.find_task(repositories, task_id), await records.find_asset(repositories, asset_id)) == before
        assert set((await repositories.verification.broken()).values()) == {0}
    assert before[1].sha256 == records.sha256_of(PICTURE)
    assert kept.jobs == []


async def test_a_late_failure_does_not_fail_what_another_worker_completed(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()

    async def overtaken() -> None:
        await _worker(workshop.tools()).handle(_ingest(task_id))
        raise CORRUPT

    await _worker(workshop.tools(inspector=SayingInspector(overtaken))).handle(_ingest(task_id))
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


async def test_drain_gives_running_jobs_back_uncounted_once_its_time_is_up(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    source = MemorySource(asyncio.Event())
    worker = _worker(workshop.tools(source), drain_timeout=0.05)
    running = asyncio.create_task(worker.handle(_ingest(task_id)))
    await source.fetching.wait()
    await worker.drain()
    with pytest.raises(RetryJob) as given_back:
        await running
    assert given_back.value.delay == timedelta(0)
    async with workshop.database.read() as repositories:
        task = await records.find_task(repositories, task_id)
    assert (task.status, task.stage, task.attempts) == (TaskStatus.IN_PROGRESS, Stage.QUEUED, 0)
    assert list(workshop.spool.iterdir()) == []
    await _worker(workshop.tools()).handle(_ingest(task_id))
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


async def test_a_rendition_in_whose_middle_the_drain_ends_is_made_by_the_next_worker(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    await _worker(workshop.tools(inspector=SayingInspector(has_preview=False))).handle(_ingest(task_id))
    begun = asyncio.Event()

    async def stand_still() -> None:
        begun.set()
        await asyncio.Event().wait()

    job = Job(JobKind.DERIVE, asset_id)
    worker = _worker(workshop.tools(inspector=SayingInspector(stand_still)), drain_timeout=0.05)
    running = asyncio.create_task(worker.handle(job))
    await begun.wait()
    await worker.drain()
    with pytest.raises(RetryJob) as given_back:
        await running
    assert given_back.value.delay == timedelta(0)
    assert list(workshop.spool.iterdir()) == []
    await _worker(workshop.tools()).handle(job)
    await workshop.settle()
    async with workshop.database.read() as repositories:
        assert await repositories.assets.pending_renditions("", 9) == []
        assert await repositories.blobs.rendition(records.sha256_of(PICTURE), Variant.THUMBNAIL) is not None


async def test_drain_lets_a_running_job_finish_in_time_and_gives_back_those_that_wait(workshop: Workshop) -> None:
    (first, first_asset), (second, second_asset) = await workshop.submit(), await workshop.submit()
    leave = asyncio.Event()
    source = MemorySource(leave)
    worker = _worker(workshop.tools(source), concurrency=1)
    running, waiting = (asyncio.create_task(worker.handle(_ingest(task_id))) for task_id in (first, second))
    await source.fetching.wait()
    draining = asyncio.create_task(worker.drain())
    await asyncio.sleep(0)
    leave.set()
    await draining
    await running
    with pytest.raises(RetryJob):
        await waiting
    assert await _states(workshop, first, first_asset) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)
    assert await _states(workshop, second, second_asset) == (TaskStatus.IN_PROGRESS, AssetStatus.PROCESSING)


async def test_no_more_ingests_run_at_once_than_allowed(workshop: Workshop) -> None:
    at_once, most = 0, 0

    async def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    worker = _worker(workshop.tools(MemorySource(work)), concurrency=3)
    submitted = [await workshop.submit() for _ in range(9)]
    await asyncio.gather(*(worker.handle(_ingest(task_id)) for task_id, _ in submitted))
    assert most == 3


async def _thumbnail(workshop: Workshop) -> tuple[int, int | None] | None:
    """The size of the published thumbnail, on record and stored; None if there is none."""
    await workshop.settle()
    async with workshop.database.read() as repositories:
        rendition = await repositories.blobs.rendition(records.sha256_of(PICTURE), Variant.THUMBNAIL)
        assert (await repositories.assets.pending_renditions("", 9) == []) == (rendition is not None)
    return None if rendition is None else (rendition.size, await workshop.blobs.size(rendition.name))


async def test_a_preview_that_cannot_be_published_is_left_to_a_derive_job_and_fails_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id, asset_id = await workshop.submit()
    inspector, queue = SayingInspector(), MemoryQueue()
    worker = Worker(queue, workshop.tools(inspector=inspector), NoSender(), concurrency=1, host_concurrency=1, drain_timeout=1.0)
    put = LocalBlobStore.put

    async def full(store: LocalBlobStore, source: Path, name: str, *rest: Any) -> None:
        if name.startswith(RENDITIONS):
            raise StorageFull
        await put(store, source, name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(LocalBlobStore, "put", full)
        await worker.handle(_ingest(task_id))
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)
    assert await _thumbnail(workshop) is None
    assert [file.suffix for file in workshop.spool.iterdir()] == [".preview"]
    assert await queue.depth() == 1
    for _ in range(2):  # once more than it takes
        await worker.handle(Job(JobKind.DERIVE, asset_id))
        assert await _thumbnail(workshop) == (len(PREVIEW), len(PREVIEW))
    assert inspector.steps.count == 1
    assert list(workshop.spool.iterdir()) == []


async def test_a_derive_job_draws_the_preview_from_the_stored_bytes_if_it_must(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    await _worker(workshop.tools(inspector=SayingInspector(has_preview=False))).handle(_ingest(task_id))
    await _worker(workshop.tools()).handle(Job(JobKind.DERIVE, asset_id))
    await workshop.settle()
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.rendition(records.sha256_of(PICTURE), Variant.THUMBNAIL) is not None
    assert list(workshop.spool.iterdir()) == []


@pytest.mark.parametrize("error", [CORRUPT, CRASHED, ValueError("ours")], ids=["corrupt", "crash", "fault"])
async def test_a_derivation_that_fails_never_fails_the_asset(workshop: Workshop, error: Exception) -> None:
    task_id, asset_id = await workshop.submit()
    await _worker(workshop.tools(inspector=SayingInspector(has_preview=False))).handle(_ingest(task_id))
    await _worker(workshop.tools(inspector=SayingInspector(error))).handle(Job(JobKind.DERIVE, asset_id))
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)
    assert list(workshop.spool.iterdir()) == []


@pytest.mark.parametrize("error", [Unavailable(), StorageFull(), NO_SPOOL], ids=["away", "full", "no spool"])
async def test_a_derivation_is_tried_again_when_the_store_was_away(workshop: Workshop, error: Exception) -> None:
    task_id, asset_id = await workshop.submit()
    await _worker(workshop.tools(inspector=SayingInspector(has_preview=False))).handle(_ingest(task_id))
    worker = _worker(workshop.tools(inspector=SayingInspector(error, None)))
    assert len(await _handle_until_over(worker, Job(JobKind.DERIVE, asset_id))) == 1
    await workshop.settle()
    async with workshop.database.read() as repositories:
        assert await repositories.blobs.rendition(records.sha256_of(PICTURE), Variant.THUMBNAIL) is not None


async def test_while_the_store_is_away_nothing_is_fetched_again(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    source = MemorySource()
    worker = _worker(workshop.tools(source))
    store = workshop.spool.parent / "blobs"
    away = store.rename(store.with_name("away"))
    for _ in range(4):
        with pytest.raises(RetryJob):
            await worker.handle(_ingest(task_id))
    assert source.steps.count == 1
    away.rename(store)
    assert await _handle_until_over(worker, _ingest(task_id)) == []
    assert source.steps.count == 2
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


async def test_while_the_spool_cannot_be_written_nothing_is_fetched_again(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()
    source = MemorySource(NO_SPOOL, None)
    worker = _worker(workshop.tools(source))
    with pytest.raises(RetryJob):
        await worker.handle(_ingest(task_id))
    away = workshop.spool.rename(workshop.spool.with_name("away"))
    for _ in range(4):
        with pytest.raises(RetryJob):
            await worker.handle(_ingest(task_id))
    assert source.steps.count == 1
    away.rename(workshop.spool)
    assert await _handle_until_over(worker, _ingest(task_id)) == []
    assert source.steps.count == 2
    assert await _states(workshop, task_id, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)


async def test_what_has_waited_for_long_comes_back_less_often_but_once_a_minute(workshop: Workshop) -> None:
    task_id, _ = await workshop.submit()
    worker = _worker(workshop.tools(MemorySource(NO_SPOOL)))
    delays = []
    for seconds in (0, 60, 1800):
        workshop.clock.time = records.NOW + seconds * records.SECOND
        with pytest.raises(RetryJob) as again:
            await worker.handle(_ingest(task_id))
        delays.append(again.value.delay.total_seconds())
    assert delays == [5, 15, 60]


async def test_a_project_whose_sources_are_slow_does_not_hold_up_another(workshop: Workshop) -> None:
    leave = asyncio.Event()
    slow = MemorySource(leave)
    worker = _worker(workshop.tools(slow), concurrency=4)
    crowd = [await workshop.submit() for _ in range(12)]
    running = [
        asyncio.create_task(worker.handle(Job(JobKind.INGEST, task_id, f"host-{number}", "crowd")))
        for number, (task_id, _) in enumerate(crowd)
    ]
    await slow.fetching.wait()
    single, asset_id = await workshop.submit()
    slow.steps = type(slow.steps)(())  # what is fetched from now on comes at once
    async with asyncio.timeout(5):
        await worker.handle(Job(JobKind.INGEST, single, "host-0", "single"))
    assert await _states(workshop, single, asset_id) == (TaskStatus.COMPLETED, AssetStatus.ACTIVE)
    assert not any(task.done() for task in running)
    leave.set()
    await asyncio.gather(*running)
