"""What is counted of an ingest is what became of it: alerts go by it."""

import asyncio

import pytest

from spark_assets.domain.asset import Failure
from spark_assets.domain.errors import IngestFailure, Unavailable
from spark_assets.domain.task import Claim
from spark_assets.ingest.state import Tools
from spark_assets.operations import tasks
from spark_assets.ports.metrics import Count, Measure
from spark_assets.ports.queue import Job, JobKind, RetryJob
from spark_assets.ports.unit_of_work import UnitOfWork
from spark_assets.queue.memory_queue import MemoryQueue
from spark_assets.worker.loop import Worker
from tests.factories import records
from tests.factories.receivers import NoSender
from tests.factories.workshop import MemorySource, SayingInspector, Workshop

CORRUPT = IngestFailure("MediaCorrupt", "the file cannot be decoded")
FAULT = (Count.INGEST_FAILURES, "MediaCorrupt", "none")


def _worker(tools: Tools) -> Worker:
    return Worker(MemoryQueue(), tools, NoSender(), concurrency=4, host_concurrency=4, drain_timeout=0.05)


def _ends(workshop: Workshop) -> dict[str, int]:
    return {labels[1]: number for labels, number in workshop.metrics.counts.items() if labels[0] is Count.INGESTS}


async def test_a_failure_whose_commit_was_lost_is_counted_once(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id, _ = await workshop.submit()
    write, written = tasks.fail, 0

    async def lose_the_first(uow: UnitOfWork, taken: Claim, error: IngestFailure, now: int) -> bool:
        nonlocal written
        written += 1
        is_written = await write(uow, taken, error, now)
        if written == 1:
            raise Unavailable
        return is_written

    monkeypatch.setattr(tasks, "fail", lose_the_first)
    worker = _worker(workshop.tools(inspector=SayingInspector(CORRUPT)))
    with pytest.raises(RetryJob):
        await worker.handle(Job(JobKind.INGEST, task_id))
    assert (_ends(workshop), workshop.metrics.counts[FAULT]) == ({}, 0)
    await worker.handle(Job(JobKind.INGEST, task_id))
    assert (_ends(workshop), workshop.metrics.counts[FAULT]) == ({"failed": 1}, 1)


async def test_a_failure_that_comes_after_another_end_counts_as_superseded(workshop: Workshop) -> None:
    task_id, asset_id = await workshop.submit()

    async def cancelled() -> None:
        async with workshop.database.begin() as uow:
            assert await uow.tasks.end_for_assets([asset_id], Failure("Conflict.Cancelled", "cancelled"), records.NOW)
            await uow.commit()
        raise CORRUPT

    await _worker(workshop.tools(inspector=SayingInspector(cancelled))).handle(Job(JobKind.INGEST, task_id))
    assert (_ends(workshop), workshop.metrics.counts[FAULT]) == ({"superseded": 1}, 0)


async def test_an_attempt_that_a_drain_gives_back_is_counted_and_its_task_has_waited_once(workshop: Workshop) -> None:
    task_id, _ = await workshop.submit()
    source = MemorySource(asyncio.Event())
    worker = _worker(workshop.tools(source))
    running = asyncio.create_task(worker.handle(Job(JobKind.INGEST, task_id)))
    await source.fetching.wait()
    await worker.drain()
    with pytest.raises(RetryJob):
        await running
    assert _ends(workshop) == {"given_back": 1}
    await _worker(workshop.tools()).handle(Job(JobKind.INGEST, task_id))
    assert _ends(workshop) == {"given_back": 1, "active": 1}
    assert len(workshop.metrics.values[Measure.STAGES, "queued"]) == 1
