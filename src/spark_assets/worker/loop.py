"""The worker: takes jobs from the queue, runs them, and settles how each ended."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from spark_assets.domain.asset import Asset
from spark_assets.domain.backlog import AT_HAND
from spark_assets.domain.errors import IngestFailure, SparkError, StorageFull, TransientFailure, Unavailable
from spark_assets.domain.task import MAX_ATTEMPTS, MAX_CLAIMS, STORE_PATIENCE, Claim
from spark_assets.domain.usage import MICRO
from spark_assets.failpoints import Failpoint, reach
from spark_assets.ingest.derive import derive, give_up, publish_preview
from spark_assets.ingest.pipeline import ingest
from spark_assets.ingest.state import IngestState, Tools
from spark_assets.operations import tasks
from spark_assets.operations.staging import spool_takes_bytes
from spark_assets.ports.metrics import Count, Level, Measure
from spark_assets.ports.queue import Job, JobKind, Queue, RetryJob
from spark_assets.ports.traces import SpanKind
from spark_assets.ports.webhooks import Sender
from spark_assets.worker.deliverer import MOST, Deliverer
from spark_assets.worker.fair_places import FairPlaces
from spark_assets.worker.host_shares import HostBusy, HostShares
from spark_assets.worker.usher import Usher

log = structlog.get_logger()

_DERIVE_CONCURRENCY: Final = 2
_STORE_AWAY: Final = timedelta(seconds=5)
"""When to try again after the store was away: the bytes have to be fetched anew."""
_LONGEST_PATIENCE: Final = timedelta(seconds=60)
_NO_SPOOL: Final = "storage_unavailable"
"""The reason of a failure that is the spool's, whichever station met it."""
_AWAY: Final = timedelta(seconds=2)
"""When to try again after the database or the store was away."""


class Worker:
    """Runs jobs until it is told to drain."""

    def __init__(
        self, queue: Queue, tools: Tools, sender: Sender, *, concurrency: int, host_concurrency: int, drain_timeout: float
    ) -> None:
        """`sender` posts to webhooks; `concurrency` ingests at once, and a quarter more for projects that have none.

        `host_concurrency` of them are of one host. On drain, running ones get `drain_timeout` seconds and are then given back.
        """
        self._queue = queue
        self._tools = tools
        self._concurrency = concurrency
        self._usher = Usher(tools.database, queue, at_hand=AT_HAND * concurrency)
        self._ingests = FairPlaces(concurrency, beside=max(1, concurrency // 4))
        self._hosts = HostShares(host_concurrency)
        self._derivations = asyncio.Semaphore(_DERIVE_CONCURRENCY)
        self._deliverer = Deliverer(tools.database, sender, tools.clock, tools.metrics, tools.traces)
        self._drain_timeout = drain_timeout
        self._running: set[asyncio.Task[None]] = set()
        self._draining = False
        self._store_failed = False

    async def run(self) -> None:
        """Work until `drain`."""
        ushering = asyncio.create_task(self._usher.run())
        try:
            await self._queue.run(self.handle, concurrency=self._concurrency, beside=MOST)
        finally:
            ushering.cancel()
            await asyncio.wait([ushering])

    async def drain(self) -> None:
        """Take no more jobs, let the running ones finish for a while, and give the rest back to the queue."""
        self._draining = True
        self._queue.stop()
        self._deliverer.stop()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._drain_timeout)
            for task in late:
                task.cancel()

    async def handle(self, job: Job) -> None:
        """Run one job. Raises RetryJob to be given it again."""
        task = asyncio.create_task(self._run(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await task
        except asyncio.CancelledError:
            if self._draining and task.cancelled():
                raise RetryJob(timedelta(0)) from None
            task.cancel()
            raise

    async def _run(self, job: Job) -> None:
        match job.kind:
            case JobKind.INGEST:
                await self._ingest_in_turn(job)
            case JobKind.DERIVE:
                async with self._derivations:
                    await self._derive(job.subject)
            case JobKind.DELIVER:
                if self._draining:
                    raise RetryJob(timedelta(0))
                await self._deliverer.deliver(job)

    async def _ingest_in_turn(self, job: Job) -> None:
        """Ingest once there is room; a host that has its share already comes later, and the next host's job goes first.

        The preview is published when the place is another's already.
        """
        try:
            with self._usher.at_hand(job.project) as begin:
                async with self._hosts.hold(job.host, job.project), self._ingests.hold(job.project):
                    begin()
                    self._tools.metrics.shift(Level.INGESTS_RUNNING, 1)
                    try:
                        active = await self._ingest(job.subject)
                    finally:
                        self._tools.metrics.shift(Level.INGESTS_RUNNING, -1)
        except HostBusy as busy:
            raise RetryJob(busy.delay) from None
        if active is not None:
            await self._publish(active)

    async def _ingest(self, task_id: str) -> IngestState | None:
        if self._draining:
            raise RetryJob(timedelta(0))
        try:
            await self._wait_for_store()
            claimed = await self._claim(task_id)
            if claimed is None:
                return None
            if claimed[0].fence == 1:  # a task's first claim, whatever its attempts are: one that is given back takes its own off
                waited = (self._tools.clock.now() - claimed[0].created_at) / MICRO
                self._tools.metrics.observe(Measure.STAGES, waited, "queued")
            return await self._attempt(*claimed)
        except (Unavailable, StorageFull) as error:
            log.warning("ingest_postponed", task_id=task_id, code=error.code)
            raise RetryJob(_AWAY) from error

    async def _wait_for_store(self) -> None:
        """After the store or the spool failed, ask both before anything is fetched again: origins must not pay for it."""
        if self._store_failed:
            try:
                await self._tools.blobs.check()
            except SparkError as error:
                raise RetryJob(_STORE_AWAY) from error
            if not await asyncio.to_thread(spool_takes_bytes, self._tools.spool):
                raise RetryJob(_STORE_AWAY)
            self._store_failed = False

    async def _claim(self, task_id: str) -> tuple[Claim, Asset] | None:
        async with self._tools.database.begin() as uow:
            claimed = await tasks.claim(uow, task_id)
            if claimed is not None:
                reach(Failpoint.CLAIM_WRITTEN)
                await uow.commit(wait=False)
                reach(Failpoint.CLAIM_COMMITTED)
            return claimed

    async def _attempt(self, claim: Claim, asset: Asset) -> IngestState | None:
        bound = log.bind(task_id=claim.task_id, asset_id=claim.asset_id, request_id=claim.request_id, attempt=claim.attempts)
        try:
            if claim.attempts > MAX_CLAIMS:
                raise IngestFailure("InternalError", f"{MAX_CLAIMS} attempts ended without a result", "attempts_exhausted")
            with self._tools.traces.span("ingest", parent=claim.traceparent, kind=SpanKind.TAKES, said=_said(claim)):
                active = await ingest(claim, asset, self._tools)
            self._tools.metrics.count(Count.INGESTS, "superseded" if active is None else "active")
            bound.info("ingest_superseded" if active is None else "ingest_completed")
            return active
        except asyncio.CancelledError:
            await self._give_back(claim)
            self._tools.metrics.count(Count.INGESTS, "given_back")
            raise
        except TransientFailure as error:
            if error.reason == _NO_SPOOL:
                await self._postpone(claim, error)
                return None
            if claim.attempts < MAX_ATTEMPTS:
                self._tools.metrics.count(Count.INGESTS, "retried")
                bound.warning("ingest_retried", code=error.code, reason=error.reason)
                raise RetryJob(_backoff(claim.attempts)) from error
            await self._fail(claim, error)
        except IngestFailure as error:
            bound.info("ingest_failed", code=error.code, reason=error.reason)
            await self._fail(claim, error)
        except SparkError as error:
            await self._postpone(claim, error)
        except Exception as error:
            bound.exception("ingest_crashed")
            if claim.attempts < MAX_ATTEMPTS:
                self._tools.metrics.count(Count.INGESTS, "retried")
                raise RetryJob(_backoff(claim.attempts)) from error
            await self._fail(claim, IngestFailure("InternalError", "an unexpected error occurred in every attempt", "attempts_exhausted"))
        return None

    async def _postpone(self, claim: Claim, error: SparkError) -> None:
        """The database, the store or the spool is away or full, which is not the file's fault: the attempt does not count, for an hour."""
        log.warning("ingest_postponed", task_id=claim.task_id, code=error.code)
        self._store_failed = True
        age = self._tools.clock.now() - claim.created_at
        if age < STORE_PATIENCE:
            self._tools.metrics.count(Count.INGESTS, "postponed")
            await self._give_back(claim)
            raise RetryJob(_patience(age)) from error
        await self._fail(claim, IngestFailure("InternalError", "the store could not be written to in any attempt", "storage_unavailable"))

    async def _fail(self, claim: Claim, error: IngestFailure) -> None:
        async with self._tools.database.begin() as uow:
            has_failed = await tasks.fail(uow, claim, error, self._tools.clock.now())
            reach(Failpoint.FAILURE_WRITTEN)
            await uow.commit()
        reach(Failpoint.FAILURE_COMMITTED)
        self._tools.metrics.count(Count.INGESTS, "failed" if has_failed else "superseded")
        if has_failed:
            self._tools.metrics.count(Count.INGEST_FAILURES, error.code, error.reason or "none")

    async def _give_back(self, claim: Claim) -> None:
        async with self._tools.database.begin() as uow:
            await uow.tasks.release(claim)
            await uow.commit()

    async def _publish(self, active: IngestState) -> None:
        try:
            await publish_preview(active, self._tools)
        except SparkError as error:
            log.warning("preview_postponed", asset_id=active.asset.id, code=error.code)
        except Exception:
            log.exception("preview_crashed", asset_id=active.asset.id)
        else:
            return
        with suppress(SparkError):  # else housekeeping does the same
            await self._queue.dispatch([Job(JobKind.DERIVE, active.asset.id)], None)

    async def _derive(self, asset_id: str) -> None:
        try:
            await derive(asset_id, self._tools)
        except (Unavailable, StorageFull) as error:
            raise RetryJob(_AWAY) from error
        except SparkError as error:
            if isinstance(error, TransientFailure) and error.reason == _NO_SPOOL:
                raise RetryJob(_STORE_AWAY) from error
            log.info("derive_failed", asset_id=asset_id, code=error.code)
            await give_up(asset_id, self._tools)
        except Exception:
            log.exception("derive_crashed", asset_id=asset_id)
            await give_up(asset_id, self._tools)


def _said(claim: Claim) -> dict[str, str | int]:
    """What a trace is told of an attempt."""
    return {
        "spark_assets.task_id": claim.task_id,
        "spark_assets.asset_id": claim.asset_id,
        "spark_assets.request_id": claim.request_id,
        "spark_assets.attempt": claim.attempts,
    }


def _patience(age: int) -> timedelta:
    """When to try again what has waited for so long (microseconds): a spool that is too full for this very file is not seen before."""
    return max(_STORE_AWAY, min(timedelta(microseconds=age / 4), _LONGEST_PATIENCE))


def _backoff(attempts: int) -> timedelta:
    """Half a second, doubled with each attempt, at most half a minute."""
    return timedelta(seconds=min(0.5 * 2 ** (attempts - 1), 30.0))
