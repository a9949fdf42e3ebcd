"""Jobs as PgQueuer takes them and hands them out, wherever it keeps them.

The task table is the durable record; a job only says that a task is to be worked on. Jobs are deduplicated by their
kind and subject, so enqueueing an unfinished task again is harmless.
"""

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from pgqueuer import InMemoryQueries, PgQueuer, QueueManager, RetryRequested
from pgqueuer import Job as PgJob
from pgqueuer.domain.types import JobId, QueueEntrypoint
from pgqueuer.ports import RepositoryPort

from spark_assets.domain.backlog import AT_HAND
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
_DELIVERIES: Final = frozenset({JobKind.DELIVER.value})


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


class _Manager(QueueManager):
    """Looks for no more ingests and derivations while it has so many of them in hand that another worker must have room."""

    most: int = sys.maxsize
    deliveries: int = 0
    """That have begun; every other job in hand counts as an ingest."""

    def entrypoints_below_capacity_limits(self) -> set[QueueEntrypoint]:
        """Those that are looked for now."""
        every = super().entrypoints_below_capacity_limits()
        return every if len(self.job_context) - self.deliveries < self.most else every & _DELIVERIES

    @contextmanager
    def holding(self, kind: str) -> Iterator[None]:
        """A job of this kind runs for as long as this lasts."""
        counts = kind in _DELIVERIES
        self.deliveries += counts
        try:
            yield
        finally:
            self.deliveries -= counts


async def work(engine: PgQueuer, handler: JobHandler, places: tuple[int, int], heartbeat_timeout: timedelta, poll: timedelta) -> None:
    """Hand out jobs until shutdown, `places` of them at once: ingests and derivations, and deliveries beside them.

    More are picked than run at once, so that a finished one is followed without a round trip. Of ingests one worker of a fleet holds hardly
    more than what each has called and runs: the others find theirs, and somebody always has room for a project that has none yet.
    """
    concurrency, beside = places
    assert engine.queries is not None
    is_alone = isinstance(engine.queries, InMemoryQueries)
    manager = _Manager(engine.queries)
    manager.shutdown = engine.shutdown
    for kind in JobKind:
        manager.entrypoint(kind.value, accepts_context=False)(_entrypoint(handler, manager))
    batch = _BATCH if is_alone else max(1, concurrency // 2)
    manager.most = max((1 + AT_HAND) * concurrency + batch, 2 * batch)
    manager.min_dequeue_poll_interval = _LOOK_AGAIN if is_alone else _ASK_AGAIN
    await manager.run(
        dequeue_timeout=poll,
        batch_size=batch,
        max_concurrent_tasks=manager.most + beside,
        heartbeat_timeout=heartbeat_timeout,
        log_aggregation_interval=timedelta(0),
        shutdown_on_listener_failure=not is_alone,
    )


def _entrypoint(handler: JobHandler, manager: _Manager) -> Callable[[PgJob], Awaitable[None]]:
    async def handle(job: PgJob) -> None:
        reach(Failpoint.JOB_TAKEN)
        try:
            with manager.holding(job.entrypoint):
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
