"""Runs the housekeeping now and then, beside the worker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from spark_assets.domain.errors import SparkError
from spark_assets.domain.retention import Retention
from spark_assets.domain.usage import MICRO
from spark_assets.ingest.state import Tools
from spark_assets.operations import deliveries, housekeeping, repair
from spark_assets.operations.erased_blobs import Library
from spark_assets.operations.erasure_record import write_record
from spark_assets.ports.queue import Queue

log = structlog.get_logger()

_REQUEUE_EVERY: Final = 30.0
_PRUNE_EVERY: Final = 60.0
_SWEEP_EVERY: Final = 600.0
"""Seconds."""
_PUBLISHED_WITHIN: Final = 10 * MICRO


class Housekeeper:
    """Keeps what grows in bounds, and picks up tasks whose job was lost."""

    def __init__(self, queue: Queue, tools: Tools, kept: Retention) -> None:
        """`kept`: for how long each kind of what grows."""
        self._queue = queue
        self._tools = tools
        self._kept = kept
        self._published_within = 0
        """Microseconds that a preview may take until somebody else makes it: nobody publishes any when this process starts."""

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.gather(
            _repeat(self._requeue, _REQUEUE_EVERY),
            _repeat(self._queue.prune, _PRUNE_EVERY),
            _repeat(self._sweep, _SWEEP_EVERY),
        )

    async def _requeue(self) -> None:
        await self._queue.hurry()
        await repair.follow_clock(self._tools.database, self._tools.clock.now())
        await housekeeping.requeue_unfinished(self._tools.database, self._queue, self._tools.clock.now() - self._published_within)
        self._published_within = _PUBLISHED_WITHIN
        await deliveries.requeue_due(self._tools.database, self._queue, self._tools.clock.now())

    async def _sweep(self) -> None:
        tools, kept = self._tools, self._kept
        await housekeeping.drop_old_rows(tools.database, tools.clock.now(), kept)
        await housekeeping.drop_old_tasks(tools.database, tools.clock.now() - kept.tasks)
        await housekeeping.drop_old_events(tools.database, tools.clock.now() - kept.events)
        await housekeeping.drop_old_deliveries(tools.database, tools.clock.now() - kept.deliveries)
        await housekeeping.recount_quotas(tools.database, tools.clock.now())
        await write_record(Library(tools.database, tools.blobs, tools.clock, tools.spool))
        await housekeeping.empty_trash(tools.database, tools.clock.now() - kept.trash, tools.clock.now())
        await asyncio.to_thread(housekeeping.sweep_spool, tools.spool, tools.clock.now())
        await housekeeping.sweep_incoming(tools.database, tools.blobs, tools.clock.now())
        await housekeeping.sweep_blobs(tools.database, tools.blobs, tools.clock)


async def _repeat(chore: Callable[[], Awaitable[None]], every: float) -> None:
    while True:
        try:
            await chore()
        except SparkError as error:
            log.warning("housekeeping_postponed", code=error.code)
        except Exception:
            log.exception("housekeeping_crashed")
        await asyncio.sleep(every)
