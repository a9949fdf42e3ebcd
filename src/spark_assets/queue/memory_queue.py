"""PgQueuer as our queue, in memory, for one process."""

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog
from pgqueuer import InMemoryQueries, PgQueuer

from spark_assets.ports.clock import Clock, SystemClock
from spark_assets.ports.queue import Job, JobHandler, JobKind
from spark_assets.queue.jobs import HEARTBEAT_TIMEOUT, POLL, RESTART_DELAY, SET_BACK, count_waiting, enqueue, job_of, work

log = structlog.get_logger()


class MemoryQueue:
    """Jobs in this process's memory: gone with it, and enqueued again from the task table at the next start."""

    def __init__(self, clock: Clock | None = None) -> None:
        """`clock`: the machine's, by which the engine too tells when a job is due."""
        self._engine = PgQueuer.in_memory()
        self._clock = clock or SystemClock()
        self._latest = self._clock.now()
        self._untaken: dict[str, str] = {}
        """Ingests that nobody has taken yet, each with its project."""

    async def dispatch(self, jobs: Sequence[Job], connection: object | None) -> None:
        """Enqueue at once; `connection` is never given here."""
        ingests = {job.subject: job.project for job in jobs if job.kind is JobKind.INGEST and job.subject not in self._untaken}
        self._untaken |= ingests  # before they can be taken
        ids = await enqueue(_repository(self._engine), jobs)
        for subject in ingests.keys() - {job.subject for job, job_id in zip(jobs, ids, strict=True) if job_id is not None}:
            self._untaken.pop(subject, None)

    async def run(self, handler: JobHandler, *, concurrency: int, beside: int = 0) -> None:
        """Work until `stop`; a fault of the engine must not end it for good."""
        while not self._engine.shutdown.is_set():
            try:
                await work(self._engine, partial(self._hand, handler), (concurrency, beside), HEARTBEAT_TIMEOUT, POLL)
            except Exception:
                log.exception("queue_crashed")
                await asyncio.sleep(RESTART_DELAY)

    def stop(self) -> None:
        """Take no more jobs."""
        self._engine.shutdown.set()

    async def depth(self) -> int:
        """Jobs that wait."""
        return await count_waiting(_repository(self._engine))

    async def due(self) -> Mapping[str, int]:
        """Ingests that were enqueued and not taken yet; what is to be retried was taken once."""
        return Counter(self._untaken.values())

    async def hurry(self) -> None:
        """Enqueue anew what waits, if the clock was set back since the last look."""
        latest, self._latest = self._latest, self._clock.now()
        if self._latest > latest - SET_BACK // timedelta(microseconds=1):
            return
        repository = _repository(self._engine)
        waiting = await repository.browse_queue(limit=sys.maxsize, statuses=["queued"])
        await repository.mark_job_as_cancelled([job.id for job in waiting])
        await enqueue(repository, [job_of(job) for job in waiting])
        log.warning("clock_set_back", jobs=len(waiting))

    async def prune(self) -> None:
        """Throw away the engine's record of each state change, which it keeps for ever."""
        await _repository(self._engine).clear_queue_log()
        await _repository(self._engine).clear_statistics_log()

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _hand(self, handler: JobHandler, job: Job) -> None:
        self._untaken.pop(job.subject, None)
        await handler(job)


def _repository(engine: PgQueuer) -> InMemoryQueries:
    assert isinstance(engine.queries, InMemoryQueries)
    return engine.queries
