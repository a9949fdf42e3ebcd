"""Jobs as PgQueuer takes them and hands them out, wherever it keeps them.

The task table is the durable record; a job only says that a task is to be worked on. Jobs are deduplicated by their
kind and subject, so enqueueing an unfinished task again is harmless.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from pgqueuer import InMemoryQueries, PgQueuer, QueueManager, RetryRequested
from pgqueuer import Job as PgJob
from pgqueuer.domain.types import JobId
from pgqueuer.ports import RepositoryPort

from spark_assets.failpoints import Failpoint, reach
from spark_assets.ports.queue import Job, JobHandler, JobKind, RetryJob

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=20)
"""A worker silent for so long counts as dead; its jobs are delivered again."""
POLL: Final = timedelta(seconds=1)
"""How long an idle worker waits for a notification before it looks by itself: a job to be retried is not notified of."""
SET_BACK: Final = timedelta(minutes=2)
"""What lies further ahead was written before the clock was set back: no job is told to wait that long."""
RESTART_DELAY: Final = 1.0
"""Seconds after which an engine that failed is started again."""
_PRIORITIES: Final = {JobKind.DELIVER: 20, JobKind.INGEST: 10, JobKind.DERIVE: 0}
_LOOK_AGAIN: Final = timedelta(milliseconds=5)
_ASK_AGAIN: Final = timedelta(milliseconds=50)
"""When jobs are looked for again that are due and were not taken: their notification came while others were being handed out."""
_BATCH: Final = 16


async def count_waiting(repository: RepositoryPort) -> int:
    """Counted row by row: the engine's own question for queued work stops at the first that it finds on PostgreSQL."""
    return sum(size.count for size in await repository.queue_size() if size.status == "queued")


async def enqueue(repository: RepositoryPort, jobs: Sequence[Job]) -> Sequence[JobId | None]:
    """The engine's ID of each; None for what was queued already."""
    return await repository.enqueue(
        [job.kind.value for job in jobs],
        [f"{job.subject} {job.host} {job.project}".encode() for job in jobs],
        [_PRIORITIES[job.kind] for job in jobs],
        dedupe_key=[f"{job.kind.value}:{job.subject}" for job in jobs],
        on_conflict="skip",
    )


async def work(engine: PgQueuer, handler: JobHandler, places: tuple[int, int], heartbeat_timeout: timedelta, poll: timedelta) -> None:
    """Hand out jobs until shutdown, `places` of them at once: ingests and derivations, and deliveries beside them.

    Each kind has its own places, or a worker would fill those that it has for deliveries with ingests that others could begin.
    More are picked than run at once, so that a finished one is followed without a round trip. Ends as soon as either part fails.
    """
    concurrency, beside = places
    is_alone = isinstance(engine.queries, InMemoryQueries)
    batch = _BATCH if is_alone else max(1, concurrency // 2)
    ahead = 3 * concurrency if is_alone else batch  # what one worker of a fleet holds ahead, the others cannot take
    engine.shutdown.clear()
    parts = [
        _part(engine, handler, (JobKind.INGEST, JobKind.DERIVE)),
        _part(engine, handler, (JobKind.DELIVER,)),
    ]
    runs = [
        asyncio.create_task(
            part.run(
                dequeue_timeout=poll,
                batch_size=batch,
                max_concurrent_tasks=max(most, 2 * batch),
                heartbeat_timeout=heartbeat_timeout,
                log_aggregation_interval=timedelta(0),
                shutdown_on_listener_failure=not is_alone,
            )
        )
        for part, most in zip(parts, (concurrency + ahead, beside), strict=True)
    ]
    try:
        await asyncio.gather(*runs)
    finally:
        engine.shutdown.set()
        await asyncio.gather(*runs, return_exceptions=True)


def _part(engine: PgQueuer, handler: JobHandler, kinds: Sequence[JobKind]) -> QueueManager:
    """What hands out these kinds of jobs, and ends with the engine."""
    assert engine.queries is not None
    part = QueueManager(engine.queries)
    part.shutdown = engine.shutdown
    part.min_dequeue_poll_interval = _LOOK_AGAIN if isinstance(engine.queries, InMemoryQueries) else _ASK_AGAIN
    for kind in kinds:
        part.entrypoint(kind.value, accepts_context=False)(_entrypoint(handler))
    return part


def _entrypoint(handler: JobHandler) -> Callable[[PgJob], Awaitable[None]]:
    async def handle(job: PgJob) -> None:
        reach(Failpoint.JOB_TAKEN)
        try:
            await handler(job_of(job))
        except RetryJob as retry:
            reach(Failpoint.JOB_GIVEN_BACK)
            raise RetryRequested(delay=retry.delay) from retry
        reach(Failpoint.JOB_DONE)

    return handle


def job_of(job: PgJob) -> Job:
    """Ours, out of what was enqueued, perhaps by the version before this one, which named no project."""
    subject, host, project, *_ = f"{(job.payload or b'').decode()}  ".split(" ")
    return Job(JobKind(job.entrypoint), subject, host, project)
